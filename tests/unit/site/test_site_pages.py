"""The pages of the site: links lead somewhere, and facts are the code's."""

from __future__ import annotations

import doctest
import importlib.util
import re
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"


def tool(name):
    spec = importlib.util.spec_from_file_location(f"site_{name}", ROOT / "tools" / "site" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # Its classes look there for their annotations.
    spec.loader.exec_module(module)
    return module


gather, facts, reference = tool("gather"), tool("facts"), tool("reference")


# -- links ---------------------------------------------------------------------------------------------------------


@cache
def anchors(path):
    """The headings of a page as code hosts link to them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize(
    "page", [*sorted(DOCS.glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name
)
def test_links_lead_somewhere(page):
    for target, anchor in gather.links(page.read_text(encoding="utf-8")):
        there = gather.file_of(page, target)
        assert not anchor or anchor in anchors(there), f"{target}#{anchor}"


def test_links_are_found_outside_of_code_alone():
    text = "[a](b.md#c) and `[no](d.md)`\n\n```text\n[no](e.md)\n```\n\n[`f`](f.md) ![g](g.svg) [h](https://h.org)\n"
    assert [link.target for link in gather.links(text)] == ["b.md", "f.md", "g.svg"]
    assert gather.relinked(text, str.upper) == text.replace("b.md", "B.MD").replace("f.md", "F.MD").replace(
        "g.svg", "G.SVG"
    )


def test_what_links_reach_is_gathered(tmp_path):
    site = gather.Site(tmp_path)
    site.fill()
    results = (tmp_path / "repository/benchmarks/results/README.md").read_text(encoding="utf-8")
    assert results.startswith("---\norphan: true\n---\n")
    assert "](repository/README.md#how-fast-beside-its-peers)" in (tmp_path / "benchmarks.md").read_text(
        encoding="utf-8"
    )
    assert (tmp_path / "pictures/state_axes.zh_CN.svg").exists()
    made = list(tmp_path.rglob("*.md"))
    for page in made:
        for target, _ in gather.links(page.read_text(encoding="utf-8")):
            assert not target or (page.parent / target).exists(), f"{page.name}: {target}"


# -- facts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", facts.PAGES)
def test_facts_are_the_codes(name):
    """After a change: `python tools/site/facts.py`."""
    text = (DOCS / name).read_text(encoding="utf-8")
    assert facts.PAGES[name](text) == text


def test_each_argument_has_its_section():
    text = (DOCS / "arguments.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^### `(\w+)`$", text, re.MULTILINE)) == {*facts.own(facts.LSTM)}


def test_a_default_that_changed_is_noticed():
    text = (DOCS / "arguments.md").read_text(encoding="utf-8")
    assert facts.arguments_page(text.replace("| `0.0` |", "| `0.1` |")) == text
    assert facts.arguments_page(text.replace('Default: `"tanh"`.', "Default: `None`.")) == text


def test_examples_of_the_tools():
    assert [doctest.testmod(module).failed for module in (gather, reference)] == [0, 0]


# -- the reference -------------------------------------------------------------------------------------------------


def test_a_layers_signature_and_what_differs():
    from gatewise.layers import GRU, LSTM

    page = reference.described(LSTM)
    assert "LSTM(\n    units, activation='tanh', recurrent_activation='sigmoid', use_bias=True," in page
    assert "| `recurrent_activation` | `'sigmoid'` | `'sigmoid'` | `'hard_sigmoid'` |" in page
    assert "- `units`: H, a positive integer." in page
    assert "```python\n>>> import numpy as np\n" in page
    assert "| `reset_after` | `True` | `True` | `False` |" in reference.described(GRU)


def test_a_docstring_becomes_markdown():
    text = "Adds.\n\n    c = a + b\n\nArgs:\n    a, b: numbers,\n        or arrays.\n\n>>> 1 + 1\n2"
    assert reference.markdown(text) == (
        "Adds.\n\n```text\nc = a + b\n```\n\n**Args**\n\n- `a`, `b`: numbers, or arrays.\n\n```python\n>>> 1 + 1\n2\n```"
    )


def test_the_reference_has_every_public_layer_once():
    from gatewise import layers

    pages = [reference.FAMILIES[name] for name in ("recurrent", "cells", "layers", "base")]
    named = [thing.__name__ for family in pages for thing in reference.public(layers) if family.takes(thing)]
    assert sorted(named) == sorted({*named})
    assert {thing.__name__ for thing in reference.public(layers)} == {*named}
    assert {"LSTM", "LSTMCell", "Bidirectional", "Dense", "Layer", "Input"} <= {*named}
