"""The peephole LSTM against TensorFlow 1 and its paper's equations in float64, on every executor and in a stream."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.engine import _native
from gatewise.engine.recurrence import executor
from gatewise.layers import PeepholeLSTM

RNG = np.random.default_rng(5)
X = RNG.standard_normal((3, 11, 4)).astype("float32")
MASK = RNG.random((3, 11)) > 0.3


def sigma(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def paper(weights: list[np.ndarray], x: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """All outputs (B, T, H), gate by gate."""
    kernel, recurrent, bias, peephole = (w.astype("float64") for w in weights)
    units = recurrent.shape[0]
    h = c = np.zeros((len(x), units))
    outputs = []
    for t in range(x.shape[1]):
        z = x[:, t].astype("float64") @ kernel + h @ recurrent + bias
        z_i, z_f, z_c, z_o = (z[:, k * units : (k + 1) * units] for k in range(4))
        i, f = sigma(z_i + peephole[0] * c), sigma(z_f + peephole[1] * c)
        new_c = f * c + i * np.tanh(z_c)
        new_h = sigma(z_o + peephole[2] * new_c) * np.tanh(new_c)
        real = np.ones((len(x), 1), bool) if mask is None else mask[:, t, None]
        h, c = np.where(real, new_h, h), np.where(real, new_c, c)
        outputs.append(h)
    return np.stack(outputs, 1)


def made(units: int = 5, **options: Any) -> PeepholeLSTM:
    layer = PeepholeLSTM(units, return_sequences=True, **options)
    layer.build((None, None, 4))
    layer.set_weights([RNG.standard_normal(w.shape) / 2 for w in layer.weights])
    return layer


# Some 20 sums of products a unit and step, each rounded to 2**-24 of at most 8; a state passes it on for 11 steps.
TOLERANCE = 11 * 20 * 8 * 2.0**-24


@pytest.mark.parametrize("mask", [None, MASK])
@pytest.mark.parametrize("isa", _native.isas())
@pytest.mark.parametrize("units", [1, 5, 17, 40])
def test_it_is_the_papers(units: int, isa: str, mask: Any) -> None:
    before = _native.isa()
    _native.set_isa(isa)
    try:
        layer = made(units)
        found = layer(X, mask=mask)
        assert executor(layer.current_op(), X) == "native"
    finally:
        _native.set_isa(before)
    wanted = paper(layer.get_weights(), X, mask)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=TOLERANCE)


def test_it_is_tensorflows() -> None:
    case = json.loads((Path(__file__).parents[2] / "golden" / "peephole.json").read_text())
    layer = PeepholeLSTM(4, return_sequences=True, return_state=True)
    layer.build((None, None, 3))
    layer.set_weights([case["weights"][name] for name in layer._equation.weights])
    for found, name in zip(layer(np.array(case["x"], "float32")), ("y", "h", "c"), strict=True):
        np.testing.assert_allclose(found, case[name], rtol=0, atol=TOLERANCE)


def test_it_is_the_papers_under_jax() -> None:
    import jax.numpy as jnp

    layer = made()
    np.testing.assert_allclose(layer(jnp.asarray(X)), paper(layer.get_weights(), X), rtol=0, atol=TOLERANCE)


def test_a_stream_runs_it_native_and_carries_both_states() -> None:
    model = gw.Sequential([gw.Input((None, 4)), made()])
    stream = model.stream(3)
    assert stream.native
    steps = np.stack([stream.push(X[:, t]) for t in range(X.shape[1])], 1)
    np.testing.assert_array_equal(steps, model.predict(X))


def test_without_peepholes_it_is_the_lstm() -> None:
    layer = made()
    kernel, recurrent, bias, peephole = layer.get_weights()
    layer.set_weights([kernel, recurrent, bias, 0 * peephole])
    plain = gw.layers.LSTM(5, return_sequences=True)
    plain.build((None, None, 4))
    plain.set_weights([kernel, recurrent, bias])
    np.testing.assert_allclose(layer(X), plain(X), rtol=0, atol=1e-6)


def test_its_config_goes_round() -> None:
    model = gw.Sequential([gw.Input((None, 4)), PeepholeLSTM(5, use_bias=False, peephole_initializer="ones")])
    again = gw.models.model_from_json(model.to_json())
    assert json.loads(model.to_json())["config"]["layers"][1]["module"] == "gatewise.layers"
    assert again.layers[0].peephole_initializer.get_config() == model.layers[0].peephole_initializer.get_config()
    assert [w.shape for w in again.weights] == [(4, 20), (5, 20), (3, 5)]
    np.testing.assert_array_equal(again.get_weights()[2], 1)


def test_keras_has_no_such_layer() -> None:
    with pytest.raises(AttributeError, match=r"no `tf\.keras\.layers\.PeepholeLSTM`"):
        gw.keras.layers.PeepholeLSTM  # noqa: B018
