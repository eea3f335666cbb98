"""The 28 models that people published inside packages on PyPI: each loads, and says what it said when it was saved.

Two witnesses: the outputs that tf_keras gave (tests/golden/published.npz; for six files that it refuses, with the one word
changed that it stumbles over), and a reference in float64 that reads the files' arrays itself.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import golden_data
import numpy as np
import pytest
import reference

from gatewise.models import describe, load_model

LINES = json.loads((golden_data.HERE / "published.json").read_text())


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(golden_data.HERE / "published.npz") as arrays:
        return dict(arrays)


@pytest.mark.network
@pytest.mark.parametrize("line", [pytest.param(line, id=line["id"]) for line in LINES])
def test_published_model(line: dict[str, Any], models: dict[str, Path], golden: dict[str, np.ndarray]) -> None:
    path = models[line["id"]]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == line["sha256"]
    x, of_tf_keras = golden[f"{line['id']}:input"], golden[f"{line['id']}:output"]
    found = load_model(path).predict(x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, of_tf_keras, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found, reference.predict(path, x), rtol=0, atol=1e-5)


@pytest.mark.network
@pytest.mark.parametrize("line", [pytest.param(line, id=line["id"]) for line in LINES])
def test_published_description(line: dict[str, Any], models: dict[str, Path]) -> None:
    found = describe(models[line["id"]])
    assert (found.kind, found.problem, found.backend) == ("model", None, "tensorflow")
    assert found.parameters == load_model(models[line["id"]]).count_params() > 0
    assert all(layer.output_shape is not None for layer in found.layers)


def test_there_are_28() -> None:
    packages_of = [line["id"].partition("/")[0] for line in LINES]
    counts = {name: packages_of.count(name) for name in packages_of}
    assert counts == {"ethnicolr-0.4.0": 12, "ethnicolr-0.9.6": 15, "dgaintel-2.3": 1}
    assert sum("refused" in line for line in LINES) == 6
