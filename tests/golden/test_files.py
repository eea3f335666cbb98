"""HDF5 files as tf_keras, Keras 3 and Keras 2.0 wrote them."""

from __future__ import annotations

import json
from typing import Any

import golden_data
import numpy as np
import pytest

import gatewise as gw
from gatewise.base.release import meaning

DATA = golden_data.data("files")
FILES = golden_data.HERE / "files"


def lines(kind: str) -> Any:
    return pytest.mark.parametrize("line", [pytest.param(x, id=x["file"]) for x in DATA.lines if x["kind"] == kind])


def check(model: Any, line: dict[str, Any]) -> None:
    found, wanted = model.predict(DATA.fill(line["inputs"])), DATA.fill(line["outputs"])
    several = isinstance(wanted, list)
    assert isinstance(found, list) == several
    for one, other in zip(found if several else [found], wanted if several else [wanted], strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


@lines("model")
def test_whole_model(line: dict[str, Any]) -> None:
    check(gw.models.load_model(FILES / line["file"]), line)


@lines("model")
def test_weights_of_a_whole_model(line: dict[str, Any]) -> None:
    """`load_weights` reads the same files, into a model that has other weights; the first is a copy of its architecture."""
    model = gw.models.load_model(FILES / line["file"])
    again = gw.models.clone_model(model)
    again.load_weights(FILES / line["file"])
    check(again, line)


@lines("weights")
def test_weights_alone(line: dict[str, Any]) -> None:
    with meaning(golden_data.release_of(line)):
        model = gw.models.model_from_json(json.dumps(line["config"]))
    model.load_weights(FILES / line["file"])
    check(model, line)


@lines("refused")
def test_refused(line: dict[str, Any]) -> None:
    """Code is never run, and a class that nobody gave is asked for by its name."""
    with pytest.raises(ValueError, match="(?s)" + ".*".join(line["names"])):
        gw.models.load_model(FILES / line["file"])


def test_custom_layer() -> None:
    class Scale(gw.layers.Layer):
        def __init__(self, factor: float = 1.0, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.factor = factor

        def build(self, input_shape: Any) -> None:
            self.scale = self.add_weight(name="scale", shape=(input_shape[-1],), initializer="zeros")

        def call(self, inputs: Any) -> Any:
            return inputs * self.scale * self.factor

    model = gw.models.load_model(FILES / "tf_keras_custom.h5", custom_objects={"Scale": Scale})
    assert model.layers[-1].factor == 3.0
    np.testing.assert_array_equal(model.layers[-1].get_weights()[0], np.ones(2))
    x = np.random.default_rng(0).standard_normal((2, 5, 4))
    np.testing.assert_allclose(model.predict(x), 3 * model.layers[0](x), rtol=1e-6)
