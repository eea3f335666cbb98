"""The range of JAX releases in the code is the one that `make test-jax` has run, and that the package asks for."""

from __future__ import annotations

import json
import re
from pathlib import Path

from gatewise.engine import compiled

ROOT = Path(__file__).resolve().parents[3]
RAN = json.loads((ROOT / "tests" / "jax_range.json").read_text())


def release(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")[:2]))


def test_both_ends_were_run() -> None:
    first, last = (release(RAN[end]["jaxlib"]) for end in ("oldest", "newest"))
    assert first == compiled.FIRST
    assert (last[0], last[1] + 1) == compiled.BEYOND
    assert RAN["oldest"]["passed"] == RAN["newest"]["passed"] > 0


def test_the_package_asks_for_what_was_run() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    asked = re.findall(r"jax>=([\d.]+),", text)
    assert len(asked) == 2  # The extra, and the tests.
    assert {release(each) for each in asked} == {compiled.FIRST}
