"""`.keras` and `.weights.h5` files as Keras 3 and tf_keras wrote them: models, weights, and optimizers' states."""

from __future__ import annotations

import json
from typing import Any

import golden_data
import numpy as np
import pytest

import gatewise as gw
from gatewise.base.release import meaning
from gatewise.base.structure import flatten
from gatewise.formats import open_contents
from gatewise.optimizers import deserialize

DATA = golden_data.data("saved")
FOLDER = golden_data.HERE / "saved"


class Reader(gw.Model):
    """The model of the user's own class that wrote keras3_own.keras, on Gatewise."""

    def __init__(self, units: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.above = gw.layers.Dense(4, activation="tanh")
        self.reader = gw.layers.GRU(units)
        self._last = gw.layers.Dense(2)
        self.more = [gw.layers.Dense(3), gw.layers.Dense(2)]

    def call(self, x: Any) -> Any:
        y = self._last(self.reader(self.above(x)))
        for layer in self.more:
            y = layer(y)
        return y


def lines(ending: str) -> Any:
    chosen = [line for line in DATA.lines if line["file"].endswith(ending)]
    return pytest.mark.parametrize("line", [pytest.param(line, id=line["file"]) for line in chosen])


def check(model: Any, line: dict[str, Any]) -> None:
    found, wanted = flatten(model.predict(DATA.fill(line["inputs"]))), flatten(DATA.fill(line["outputs"]))
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


@lines(".keras")
def test_whole_model(line: dict[str, Any]) -> None:
    check(gw.models.load_model(FOLDER / line["file"], custom_objects={"Reader": Reader}, compile=False), line)


@lines(".weights.h5")
def test_weights_alone(line: dict[str, Any]) -> None:
    with meaning(golden_data.release_of(line)):
        model = gw.models.model_from_json(json.dumps(line["config"]))
    model.load_weights(FOLDER / line["file"])
    check(model, line)


@pytest.mark.parametrize("line", [pytest.param(line, id=line["file"]) for line in DATA.lines if line["optimizer"]])
def test_state_of_the_optimizer(line: dict[str, Any]) -> None:
    """The arrays of the file are those of the optimizer that the config describes, in its order."""
    with meaning(golden_data.release_of(line)):
        whole = FOLDER / line["file"].replace(".weights.h5", ".keras")
        with open_contents(whole) as contents:
            assert contents.compile_config is not None
            optimizer = deserialize(contents.compile_config["optimizer"])
        model = gw.models.load_model(whole, compile=False)
    model.compile(optimizer, "mse")
    model.load_weights(FOLDER / line["file"])
    wanted = [DATA.array(name) for name in line["optimizer"]]
    assert int(wanted[0]) == 3
    for variable, array in zip(optimizer.stored_variables, wanted, strict=True):
        np.testing.assert_array_equal(variable.numpy(), array)
