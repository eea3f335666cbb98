"""`fit` gives the histories that Keras 3 and tf_keras gave, and ends with the same weights, to 1e-4 relative."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fit_cases
import numpy as np
import pytest

import gatewise as gw
from gatewise.base.release import meaning

FITS = json.loads((Path(__file__).parent / "fits.json").read_text())


@pytest.mark.parametrize("kept", [pytest.param(fit, id=f"{fit['generation']}-{fit['case']}") for fit in FITS])
def test_the_same_history(kept: dict[str, Any]) -> None:
    with meaning(kept["generation"]):
        found = fit_cases.history(gw.keras, kept["case"])
    wanted = {name: values for name, values in kept.items() if name not in ("generation", "case")}
    assert set(found) == set(wanted)
    for name, values in wanted.items():
        np.testing.assert_allclose(np.ravel(found[name]), np.ravel(values), rtol=1e-4, err_msg=name)
