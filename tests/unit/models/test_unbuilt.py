"""Models that do not say their input, and are built as the weights of a file want."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_files import X, same, with_random_weights, write

import gatewise as gw
from gatewise.models import load_model

L = gw.layers


DEFERRED = {
    "lstm": lambda: [L.LSTM(3)],
    "masked": lambda: [L.Masking(), L.GRU(3, return_sequences=True), L.Dense(2)],
    "bidirectional": lambda: [L.Bidirectional(L.LSTM(3))],
    "convolution": lambda: [L.Conv1D(3, 2), L.SimpleRNN(2)],
    "dense": lambda: [L.Dense(3), L.Dense(2)],
    "dense before lstm": lambda: [L.Dense(3), L.LSTM(2)],
    "each step": lambda: [L.TimeDistributed(L.Dense(3)), L.LSTM(2)],
    "after what keeps the shape": lambda: [L.GaussianNoise(0.1), L.LeakyReLU(), L.AlphaDropout(0.1), L.GRU(2)],
    "in a chain inside": lambda: [L.Dropout(0.1), gw.Sequential([L.Masking(), L.LSTM(3)]), L.Dense(2)],
}


def deferred(layers: Any) -> tuple[Any, Any]:
    model = gw.Sequential(layers())
    config = json.loads(model.to_json())
    x = X[:, 0] if type(model.layers[-1]).__name__ == "Dense" and isinstance(model.layers[0], L.Dense) else X
    model(x)
    assert "build_input_shape" not in config["config"]
    return with_random_weights(model), (config, x)


@pytest.mark.parametrize("layers", DEFERRED.values(), ids=list(DEFERRED))
def test_input_told_from_the_weights(tmp_path: Path, layers: Any) -> None:
    model, (config, x) = deferred(layers)
    path = write(tmp_path / "m.h5", model, config=config)
    np.testing.assert_array_equal(load_model(path).predict(x), model.predict(x))
    fresh = gw.Sequential(layers())
    fresh.load_weights(path)
    np.testing.assert_array_equal(fresh.predict(x), model.predict(x))


def test_input_that_weights_do_not_tell(tmp_path: Path) -> None:
    model, (config, _) = deferred(lambda: [L.Flatten(), L.Dense(3)])
    path = write(tmp_path / "m.h5", model, config=config)
    with pytest.raises(ValueError, match=r"input's shape cannot be told.*Input.*load_weights"):
        load_model(path)
    fresh = gw.Sequential([L.Flatten(), L.Dense(3)])
    with pytest.raises(ValueError, match=r"not built"):
        fresh.load_weights(path)
    assert not fresh.built
    fresh(X)
    fresh.load_weights(path)
    same(fresh, model)


def test_build_input_shape(tmp_path: Path) -> None:
    model, (config, _) = deferred(lambda: [L.Flatten(), L.Dense(3)])
    config["config"]["build_input_shape"] = [None, 5, 4]
    same(load_model(write(tmp_path / "m.h5", model, config=config)), model)


def test_a_class_of_ones_own_tells_as_its_base_does(tmp_path: Path) -> None:
    class Mine(L.LSTM):
        pass

    model, (config, x) = deferred(lambda: [Mine(3)])
    loaded = load_model(write(tmp_path / "m.h5", model, config=config), custom_objects={"Mine": Mine})
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
