"""docs/names.md says what the code has: after a change, `python tools/names/make.py page` writes it anew."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_is_what_the_code_says():
    spec = importlib.util.spec_from_file_location("names_make", ROOT / "tools" / "names" / "make.py")
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    assert (ROOT / "docs" / "names.md").read_text() == make.page()
