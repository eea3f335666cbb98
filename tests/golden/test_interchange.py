"""What we write is what the real systems loaded: `interchange.json`, made by `tools/golden/check_saved.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import golden_data
import pytest
import saved_models

LINES = json.loads((golden_data.HERE / "interchange.json").read_text())

# What a real system cannot load, whoever wrote it.
KERAS3_HAS_NO = {
    ("tf2", "functional"): "initial states among the arguments of a call, in Keras 2's words",
    ("tf2", "nested"): "calls of inner models, counted from 1",
    ("tf2", "attention"): "what tf_keras's MultiHeadAttention writes of itself",
    ("tf2", "conv_lstm"): "the meaning of hard_sigmoid of that time",
}
KERAS3_HAS_NO_IN_HDF5 = {("keras3", "attention"): "the score of Attention, whose name it takes for a function's"}
KERAS3_HAS_NO_IN_ARCHIVES = {("tf2", name): "an optimizer of Keras 2" for name in ("adam", "sgd", "rmsprop")}


def expected(line: dict[str, Any]) -> set[str]:
    place = line["release"], line["model"]
    if line["release"] == "keras3":  # tf_keras knows no input with `batch_shape`.
        return set() if place in KERAS3_HAS_NO_IN_HDF5 and line["ending"] == ".h5" else {"keras3"}
    refused = place in KERAS3_HAS_NO or (place in KERAS3_HAS_NO_IN_ARCHIVES and line["ending"] == ".keras")
    return {"tf_keras"} if refused else {"tf_keras", "keras3"}


def test_every_file_is_there() -> None:
    found = [(line["model"], line["release"], line["ending"]) for line in LINES]
    assert found == saved_models.all_files()


@pytest.mark.parametrize("line", [pytest.param(line, id=line["file"]) for line in LINES])
def test_the_real_systems_loaded_it(line: dict[str, Any]) -> None:
    """With equal outputs, up to float32's rounding over two layers, and the optimizer's very state."""
    loaded = {system for system, found in line["loads"].items() if isinstance(found, float) and found < 1e-5}
    assert loaded == expected(line)


@pytest.mark.parametrize("release", saved_models.RELEASES)
@pytest.mark.parametrize("name", saved_models.BUILDERS)
def test_it_is_written_so_today(name: str, release: str, tmp_path: Path) -> None:
    """Names, paths, shapes, dtypes and configs: the numbers are compared where they were loaded."""
    model, _ = saved_models.made(name, release)
    for line in LINES:
        if (line["model"], line["release"]) == (name, release):
            path = saved_models.written(model, tmp_path, name, release, line["ending"])
            assert saved_models.digest(path) == line["digest"], line["file"]
