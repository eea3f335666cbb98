"""TFLite models: what TFLite's reference kernels made of them, and that we make the same (tools/golden/make_tflite.py)."""

from __future__ import annotations

from pathlib import Path

import golden_data
import numpy as np
import pytest

from gatewise.models import TfliteModel
from gatewise.models.tflite.known import OPERATORS

with np.load(golden_data.HERE / "tflite_models.npz") as file:
    ARRAYS = dict(file)
NAMES = [name.removesuffix("/model") for name in ARRAYS if name.endswith("/model")]


def load(name: str, folder: Path) -> TfliteModel:
    path = folder / "model.tflite"
    path.write_bytes(ARRAYS[f"{name}/model"].tobytes())
    return TfliteModel(path)


def given(name: str, kind: str) -> dict[str, np.ndarray]:
    start = f"{name}/{kind}/"
    return {key.removeprefix(start): value for key, value in ARRAYS.items() if key.startswith(start)}


@pytest.mark.parametrize("name", NAMES)
def test_as_tflite(name: str, tmp_path: Path) -> None:
    model = load(name, tmp_path)
    for _ in range(2):  # What an operator keeps from the first call serves the second.
        found = list(model.run(given(name, "in")).values())
        wanted = list(given(name, "out").values())
        assert len(found) == len(wanted)
        for array, golden in zip(found, wanted, strict=True):
            assert array.dtype == golden.dtype
            np.testing.assert_allclose(array, golden, rtol=2e-6, atol=_one_step(name))


def _one_step(name: str) -> float:
    """Rounding of some sums of numbers near 1; of integers for floats one step of the output's 256 over its range."""
    return 2 / 256 if "int8" in name else 2e-6


def test_there_are_many(tmp_path: Path) -> None:
    tried = {node.operator for name in NAMES for node in load(name, tmp_path).program.graph.all_nodes()}
    by_hand = {"CEIL", "ROUND", "ELU", "BROADCAST_TO"}  # tests/unit/models/test_tflite_model.py
    rare = {"ADD_N", "ARG_MIN", "BROADCAST_ARGS", "CALL", "IF", "REDUCE_ALL", "REDUCE_ANY", "RELU_0_TO_1", "SIGN"}
    assert len(NAMES) >= 140
    assert {name for _, name in OPERATORS} - tried <= by_hand | rare
