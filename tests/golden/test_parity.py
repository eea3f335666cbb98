"""Every model in every form that we write: what comes back is what `parity.json` says, and so does the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import parity
import pytest
import saved_models

KEPT: dict[str, Any] = json.loads((parity.HERE / "parity.json").read_text())


@pytest.mark.parametrize("family", saved_models.BUILDERS)
def test_what_comes_back(family: str, tmp_path: Path) -> None:
    for form in parity.FORMS:
        assert parity.found(form, family, tmp_path) == KEPT[family][form.name]["here"], form.name


def test_the_page_is_that_of_today() -> None:
    assert parity.PAGE.read_text() == parity.page()
