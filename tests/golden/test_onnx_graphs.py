"""ONNX graphs: what ONNX Runtime made of them, and that we make the same (tools/golden/make_onnx.py)."""

from __future__ import annotations

from pathlib import Path

import golden_data
import numpy as np
import pytest

from gatewise.models import OnnxModel
from gatewise.models.onnx.known import OPERATORS

with np.load(golden_data.HERE / "onnx_graphs.npz") as file:
    ARRAYS = dict(file)
NAMES = [name.removesuffix(":model") for name in ARRAYS if name.endswith(":model")]


def load(name: str, folder: Path) -> OnnxModel:
    path = folder / f"{name}.onnx"
    path.write_bytes(ARRAYS[f"{name}:model"].tobytes())
    return OnnxModel(path)


def given(name: str, kind: str) -> dict[str, np.ndarray]:
    start = f"{name}:{kind}:"
    return {key.removeprefix(start): value for key, value in ARRAYS.items() if key.startswith(start)}


@pytest.mark.parametrize("name", NAMES)
def test_as_onnx_runtime(name: str, tmp_path: Path) -> None:
    model = load(name, tmp_path)
    for _ in range(2):  # What an operator keeps from the first call serves the second.
        found = list(model.run(given(name, "in")).values())
        wanted = list(given(name, "out").values())
        assert len(found) == len(wanted)
        for array, golden in zip(found, wanted, strict=True):
            assert array.dtype == golden.dtype
            np.testing.assert_allclose(array, golden, rtol=2e-6, atol=2e-6)


def test_there_are_many() -> None:
    recurrent = [name for name in NAMES if name.partition("_")[0] in ("rnn", "gru", "lstm")]
    assert len(recurrent) >= 40
    assert len(NAMES) >= 180
    untried = {name for domain, name in OPERATORS if not domain} - {name.partition("_")[0] for name in NAMES}
    assert len(untried) < 40
