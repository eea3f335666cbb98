"""Streams are equal to predict, to themselves however cut, and to the layers' own code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_models import ALL, NATIVE, B, T, chain, floats, leaves, part, randomised

import gatewise as gw
from gatewise import layers


@pytest.mark.parametrize("name", ALL)
def test_a_step_gives_what_predict_gives_on_the_sequence_so_far(name: str) -> None:
    make, x = ALL[name]
    model = make()
    stream = model.stream(B)
    assert stream.native == (name in NATIVE)
    if name == "no time":
        np.testing.assert_allclose(stream.push(x[:, 0]), model.predict(x[:, 0]), atol=1e-6)
        return
    for t in range(T):
        y = leaves(stream.push(part(x, model, t)))
        fixed = any(len(tensor.shape) > 1 and tensor.shape[1] == T for tensor in model.inputs)
        if fixed and t < T - 1:
            continue
        whole = leaves(model.predict(part(x, model, 0, t + 1)))
        for mine, theirs in zip(y, whole, strict=True):
            expected = theirs if theirs.ndim == mine.ndim else theirs[:, -1]
            assert mine.dtype == np.float32 or name == "double"
            np.testing.assert_allclose(mine, expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=12)
@given(cuts=st.lists(st.integers(0, 5), min_size=1, max_size=12))
def test_any_chunking_gives_the_same_bits(name: str, cuts: list[int]) -> None:
    make, x = ALL[name]
    if name == "no time":
        return
    model = MODELS.setdefault(name, make())
    whole = leaves(model.stream(B).push_many(part(x, model, 0, T)))
    stream, t = model.stream(B), 0
    pieces: list[list[np.ndarray]] = []
    for cut in [*cuts, T]:
        stop = min(T, t + cut)
        if cut == 1 and stop == t + 1:
            pieces.append([y[:, None] for y in leaves(stream.push(part(x, model, t)))])
        else:
            pieces.append(leaves(stream.push_many(part(x, model, t, stop))))
        t = stop
    for k, y in enumerate(whole):
        np.testing.assert_array_equal(np.concatenate([piece[k] for piece in pieces], axis=1), y)


MODELS: dict[str, Any] = {}


@pytest.mark.parametrize("name", NATIVE)
def test_the_layers_give_what_the_program_gives(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, x = NATIVE[name]
    model = make()
    if name == "no time":
        return
    program = leaves(model.stream(B).push_many(part(x, model, 0, T)))
    monkeypatch.setenv("GATEWISE_ENGINE", "reference")
    model = make()  # Of the same weights; what was prepared is not used again.
    stream = model.stream(B)
    assert not stream.native
    for mine, theirs in zip(program, leaves(stream.push_many(part(x, model, 0, T))), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=2e-6, rtol=1e-5)


ACTIVATIONS = [
    "tanh", "sigmoid", "hard_sigmoid", "keras2_hard_sigmoid", "relu", "linear", "softsign", "relu6", "leaky_relu", "elu",
    "selu", "celu", "softplus", "sparse_plus", "squareplus", "silu", "hard_silu", "mish", "gelu", "exponential",
    "hard_tanh", "log_sigmoid", "sparse_sigmoid", "hard_shrink", "soft_shrink", "tanh_shrink", "softmax", "log_softmax",
]  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_native_activations_are_those_of_the_layers(name: str) -> None:
    model = gw.Sequential([gw.Input((None, 40)), layers.Activation(name)])
    x = np.concatenate([np.linspace(-12, 12, 34), [-0.0, 0.5, -0.5, 1, -1, 6]]).astype("float32")
    stream = model.stream()
    assert stream.native
    expected = gw.activations.get(name)(x.astype("float64")).astype("float32")
    np.testing.assert_allclose(stream.push(x), expected, rtol=2e-6, atol=1e-7)
    if name not in ("linear",):
        x[7] = np.nan
        assert np.isnan(stream.push(x)[7])


def test_a_static_word_beside_a_sequence() -> None:
    x, kind = gw.Input((None, 5)), gw.Input((1,))
    told = layers.Flatten()(layers.Embedding(4, 3)(kind))
    model = randomised(gw.Model([x, kind], layers.Dense(2)(layers.Concatenate()([layers.LSTM(4)(x), told]))))
    data, kinds = floats(5), np.array([[0], [3], [1]])
    stream = model.stream(B)
    for t in range(T):
        y = stream.push([data[:, t], kinds])
    np.testing.assert_allclose(y, model.predict([data, kinds]), atol=1e-6)


def test_a_stateful_layer_keeps_its_own_state() -> None:
    model = randomised(gw.Sequential([gw.Input(batch_shape=(1, 4, 5)), layers.LSTM(3, stateful=True)]))
    x = floats(5)[:1, :4]
    model.predict(x)
    kept = [v.numpy() for v in model.state_variables]
    stream = model.stream()
    for t in range(4):
        y = stream.push(x[:, t])
    np.testing.assert_equal([v.numpy() for v in model.state_variables], kept)
    model.reset_states()
    np.testing.assert_allclose(y, model.predict(x), atol=1e-6)


def test_nan_and_infinity_are_kept() -> None:
    stream = chain(layers.LSTM(6, return_sequences=True), layers.Dense(2)).stream(2)
    x = np.zeros((2, 5), "float32")
    x[0, 0] = np.nan
    y = stream.push(x)
    assert np.isnan(y[0]).all()
    assert np.isfinite(y[1]).all()
