"""The Chinese pages of the site say what the English do: nothing is missing, stale or doubtful."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

DOCS = Path(__file__).resolve().parents[3] / "docs"
LOCALE = DOCS / "locale" / "zh_CN" / "LC_MESSAGES"
WHOLE = ("index", "start", "arguments", "state")
"""The pages that are translated whole; of others the titles, so that lists of pages read well."""
ALL = sorted(path.stem for path in LOCALE.glob("*.po") if path.stem != "sphinx")  # That one has the theme's words.


PICTURE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")


def said(page):
    """What a page says, as gettext has it: headings, paragraphs, cells, items, and pictures in words; not code."""
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    inline = [token.content.replace("\n", " ").strip() for token in tokens if token.type == "inline"]
    captions = re.findall(r"^:caption: (.*)$", text, re.MULTILINE)
    return {PICTURE.sub(r"\1", text) for text in (*inline, *captions) if text}


def entries(page):
    """The messages of a .po file: what each says in Chinese, and whether it is marked as doubtful."""
    text = (LOCALE / f"{page}.po").read_text(encoding="utf-8")
    found = {}
    for block in re.split(r"\n{2,}", text):
        live = "\n".join(line for line in block.splitlines() if not line.startswith("#~"))
        parts = re.findall(r'^(?:msgid|msgstr) ((?:".*"\n?)+)', live, re.MULTILINE)
        if len(parts) == 2:
            english, chinese = (
                re.sub(r"\\(.)", r"\1", "".join(re.findall(r'"(.*)"$', lines, re.MULTILINE))) for lines in parts
            )
            found[english] = (chinese, bool(re.search(r"^#,.*fuzzy", live, re.MULTILINE)))
    return {english: entry for english, entry in found.items() if english and not PICTURE.fullmatch(english)}


def needs_words(text):
    """Whether there is anything to translate: not in code, numbers and names alone."""
    bare = re.sub(r"`[^`]*`|TensorFlow|Keras|Gatewise", "", text)
    return bool(re.search(r"[A-Za-z]{2,}", bare))


@pytest.mark.parametrize("page", WHOLE)
def test_nothing_is_missing(page):
    """After a change: `make docs-zh`, then translate what is new or fuzzy in docs/locale."""
    there = entries(page)
    assert not {text for text in said(page) if needs_words(text) and not there.get(text, ("", False))[0]}


@pytest.mark.parametrize("page", ALL)
def test_nothing_is_stale_or_doubtful(page):
    there = entries(page)
    assert not {*there} - said(page)
    assert not {text for text, (_, doubtful) in there.items() if doubtful}


@pytest.mark.parametrize("page", ALL)
def test_code_and_links_are_the_same_in_chinese(page):
    for english, (chinese, _) in entries(page).items():
        for what in (r"`[^`]+`", r"\]\(([^)]+)\)"):
            assert not chinese or sorted(re.findall(what, chinese)) == sorted(re.findall(what, english))


def test_a_sentence_that_changed_is_noticed(monkeypatch, tmp_path):
    """The tests above can fail: a page that says one thing more, and one thing else."""
    (tmp_path / "state.md").write_text("# Sequences and states\n\nA new sentence.\n", encoding="utf-8")
    monkeypatch.setitem(globals(), "DOCS", tmp_path)
    with pytest.raises(AssertionError, match="A new sentence"):
        test_nothing_is_missing("state")
    with pytest.raises(AssertionError, match="A new sentence"):
        test_nothing_is_stale_or_doubtful("state")
