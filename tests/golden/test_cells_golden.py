"""RNN of cells and of stacks, and ConvLSTM, against Keras 3 and tf_keras, and the files that these wrote of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import golden_data
import jax
import numpy as np
import pytest
from test_golden import check

import gatewise as gw
from gatewise.base.release import meaning

DATA = golden_data.data("cells")
FOLDER = golden_data.HERE / "cells"
CASES = {line["id"]: line for line in DATA.lines if line["kind"] == "layer"}
FILES = [pytest.param(line, id=line["file"]) for line in DATA.lines if line["kind"] == "file"]


def arguments(call: dict[str, Any]) -> dict[str, Any]:
    return {key: DATA.fill(value) for key, value in call.get("kwargs", {}).items()}


def prepared(line: dict[str, Any]) -> Any:
    """The layer that the case's config describes, with the case's weights and a fresh state."""
    gw.keras.backend.clear_session()
    with meaning(golden_data.release_of(line)):
        layer = gw.keras.layers.deserialize(line["config"])
    first = next(call for call in line["calls"] if "inputs" in call)
    layer(DATA.fill(first["inputs"]), **arguments(first))
    if getattr(layer, "stateful", False):
        layer.reset_states()
    layer.set_weights(DATA.fill(line["weights"]))
    return layer


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    line = CASES[name]
    layer = prepared(line)
    for call in line["calls"]:
        if "reset" in call:
            layer.reset_states()
        else:
            check(layer(DATA.fill(call["inputs"]), **arguments(call)), DATA.fill(call["outputs"]))


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("keras3") and "stateful" not in name])
def test_on_jax(name: str) -> None:
    """Under `jit`, as a pure function of the weights."""
    line = CASES[name]
    (call,) = line["calls"]
    layer = prepared(line)
    with jax.enable_x64("float64" in str(line["config"])):
        function = jax.jit(lambda weights, x, kwargs: layer.stateless_call(weights, [], x, **kwargs)[0])
        weights = [variable.numpy() for variable in layer.trainable_variables]
        found = function(weights, DATA.fill(call["inputs"]), arguments(call))
        check(jax.tree.map(np.asarray, found), DATA.fill(call["outputs"]))


@pytest.mark.parametrize("line", FILES)
def test_file(line: dict[str, Any]) -> None:
    model = gw.models.load_model(FOLDER / line["file"])
    found = model.predict(DATA.fill(line["inputs"]))
    np.testing.assert_allclose(found, DATA.fill(line["outputs"]), rtol=0, atol=1e-5)


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("line", FILES)
def test_written_again(line: dict[str, Any], ending: str, tmp_path: Path) -> None:
    """The same model in a file of ours says the same, and its weights stand where the real system had them."""
    model = gw.models.load_model(FOLDER / line["file"])
    model.save(tmp_path / f"again.{ending}")
    again = gw.models.load_model(tmp_path / f"again.{ending}")
    x = DATA.fill(line["inputs"])
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    if line["file"].endswith(ending):
        model.load_weights(FOLDER / line["file"])
        np.testing.assert_array_equal(again.predict(x), model.predict(x))
