"""The 28 models that people published inside packages: each loads, and agrees with tf_keras."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import golden_data
import numpy as np
import packages
import pytest

import gatewise as gw

DATA = golden_data.json.loads((golden_data.HERE / "published.json").read_text())
HOME = Path(__file__).resolve().parents[2] / ".peers" / "published"


@pytest.fixture(scope="module")
def models() -> dict[str, Path]:
    try:
        return packages.models(HOME)
    except subprocess.CalledProcessError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the package index cannot be reached: {error}")


@pytest.mark.network
@pytest.mark.parametrize("line", [pytest.param(x, id=x["id"]) for x in DATA])
def test_published(line: dict[str, str], models: dict[str, Path]) -> None:
    path = models[line["id"]]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == line["sha256"]
    with np.load(golden_data.HERE / "published.npz") as arrays:
        x, wanted = arrays[f"{line['id']}:input"], arrays[f"{line['id']}:output"]
    np.testing.assert_allclose(gw.models.load_model(path).predict(x), wanted, rtol=0, atol=1e-5)


def test_there_are_28() -> None:
    assert len(DATA) == 28
    assert sum("refused" in line for line in DATA) == 6
