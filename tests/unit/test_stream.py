"""Streams: equal to predict, equal to themselves however cut, all or nothing, and clear about what cannot stream."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gatewise as gw
from gatewise import layers
from gatewise.base import release
from gatewise.streaming import Stream

T = 9
B = 3


def randomised(model: Any, seed: int = 0) -> Any:
    """The model with weights that are not zeros and ones; variances stay positive."""
    rng = np.random.default_rng(seed)
    model.set_weights(
        [
            np.abs(rng.normal(1, 0.3, w.shape)) if "variance" in w.path else rng.normal(0, 0.6, w.shape)
            for w in model.weights
        ]
    )
    return model


def floats(*features: int, masked: bool = False) -> np.ndarray:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(B, T, *features)).astype("float32")
    if masked:
        x[rng.random((B, T)) < 0.5] = 0
        x[0, :3] = 0
    return x


def ids() -> np.ndarray:
    return np.random.default_rng(2).integers(0, 10, (B, T))


def chain(*parts: Any, shape: Any = (None, 5)) -> Any:
    return randomised(gw.Sequential([gw.Input(shape), *parts]))


def branches() -> Any:
    x = gw.Input((None, 5))
    sequence, h, c = layers.LSTM(4, return_sequences=True, return_state=True)(x)
    past = layers.Conv1D(4, 2, padding="causal")(x)
    merged = [
        kind()([sequence, past])
        for kind in (layers.Add, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum, layers.Subtract)
    ]
    state = layers.Dense(2)(layers.Concatenate()([h, c]))
    return randomised(gw.Model(x, {"all": layers.Concatenate()([sequence, past, *merged]), "state": state, "c": c}))


def two_inputs() -> Any:
    x, context, word = gw.Input((None, 5), name="x"), gw.Input((3,), name="context"), gw.Input((None,), name="word")
    both = layers.Concatenate()([x, layers.Embedding(10, 2)(word)])
    last = layers.GRU(4)(both)
    return randomised(
        gw.Model([x, context, word], layers.Dense(2)(layers.Concatenate()([last, layers.Dense(2)(context)])))
    )


def nested() -> Any:
    inner = gw.Sequential([gw.Input((None, 5)), layers.LSTM(4, return_sequences=True), layers.Dense(5)], name="inner")
    x = gw.Input((None, 5))
    return randomised(gw.Model(x, layers.GRU(3)(inner(inner(x)))))


def last_step() -> Any:
    x = gw.Input((None, 5))
    y = layers.LSTM(4, return_sequences=True)(x)
    return randomised(gw.Model(x, layers.Dense(2)(y[:, -1, :] + y[:, -1])))


def shared() -> Any:
    x = gw.Input((None, 5))
    layer = layers.LSTM(4, return_sequences=True, name="twice")
    return randomised(gw.Model(x, layers.Add()([layer(x), layer(layers.Dense(5)(x))])))


def with_mask(generation: str) -> Any:
    with release.meaning(generation):
        x = gw.Input((None, 5))
        masked = layers.Masking()(x)
        first, second = layers.LSTM(4, return_sequences=True)(masked), layers.Dense(4)(masked)
        return randomised(gw.Model(x, layers.GRU(3)(layers.Concatenate()([first, layers.Add()([first, second])]))))


def arithmetic() -> Any:
    x = gw.Input((None, 5))
    return randomised(gw.Model(x, layers.LSTM(3)(2 - x * x / 3.0)))


NATIVE: dict[str, tuple[Callable[[], Any], Any]] = {
    "lstm and dense": (lambda: chain(layers.LSTM(6), layers.Dense(1)), floats(5)),
    "stack": (
        lambda: chain(
            layers.LSTM(33, return_sequences=True),
            layers.GRU(7, return_sequences=True, reset_after=False),
            layers.SimpleRNN(4, return_sequences=True),
            layers.Dense(3, activation="softmax"),
        ),
        floats(5),
    ),
    "gru": (lambda: chain(layers.GRU(20, return_sequences=True), layers.Dropout(0.5), layers.GRU(3)), floats(5)),
    "masking": (
        lambda: chain(layers.Masking(), layers.LSTM(6, return_sequences=True), layers.Dense(2), layers.GRU(3)),
        floats(5, masked=True),
    ),
    "zero output": (
        lambda: chain(layers.Masking(), layers.LSTM(6, return_sequences=True, zero_output_for_mask=True)),
        floats(5, masked=True),
    ),
    "masks of keras 3": (lambda: with_mask("keras3"), floats(5, masked=True)),
    "masks of keras 2": (lambda: with_mask("tf2"), floats(5, masked=True)),
    "embedding": (
        lambda: chain(layers.Embedding(10, 4), layers.LSTM(5), layers.Dense(2, activation="sigmoid"), shape=(None,)),
        ids(),
    ),
    "embedding with masks": (lambda: chain(layers.Embedding(10, 4, mask_zero=True), layers.LSTM(5), shape=(T,)), ids()),
    "convolutions": (
        lambda: chain(
            layers.Conv1D(6, 3, padding="causal", dilation_rate=2, activation="relu"),
            layers.BatchNormalization(),
            layers.Conv1D(4, 4, padding="causal", groups=2, activation="elu"),
            layers.LayerNormalization(),
            layers.Conv1D(3, 1),
            layers.GRU(4),
        ),
        floats(5),
    ),
    "per step": (
        lambda: chain(
            layers.TimeDistributed(layers.Dense(6, activation="gelu")),
            layers.LeakyReLU(),
            layers.PReLU(shared_axes=[1]),
            layers.ELU(),
            layers.ReLU(4.0),
            layers.Softmax(),
            layers.TimeDistributed(layers.Dropout(0.3)),
            layers.Activation("tanh"),
            layers.SpatialDropout1D(0.2),
        ),
        floats(5),
    ),
    "windows of a step": (
        lambda: chain(
            layers.TimeDistributed(layers.Dense(3)),
            layers.TimeDistributed(layers.Flatten()),
            layers.LSTM(4),
            shape=(None, 2, 5),
        ),
        floats(2, 5),
    ),
    "branches": (branches, floats(5)),
    "two inputs": (two_inputs, [floats(5), np.ones((B, 3), "float32"), ids()]),
    "nested": (nested, floats(5)),
    "last step": (last_step, floats(5)),
    "shared": (shared, floats(5)),
    "no time": (lambda: chain(layers.Dense(4, activation="relu"), layers.Dense(2), shape=(5,)), floats(5)),
    "the input itself": (lambda: chain(layers.Dropout(0.1)), floats(5)),
}

BY_LAYERS: dict[str, tuple[Callable[[], Any], Any]] = {
    "own activation": (lambda: chain(layers.LSTM(6, activation=lambda v: np.tanh(v) * 2), layers.Dense(1)), floats(5)),
    "silu gates": (lambda: chain(layers.GRU(6, recurrent_activation="silu", return_sequences=True)), floats(5)),
    "own activation, masked": (
        lambda: chain(layers.Masking(), layers.LSTM(6, activation="silu", return_sequences=True), layers.LSTM(3)),
        floats(5, masked=True),
    ),
    "double": (lambda: chain(layers.LSTM(4, dtype="float64"), layers.Dense(2, dtype="float64")), floats(5)),
    "convolution": (
        lambda: chain(
            layers.Conv1D(4, 3, padding="causal", activation="sparsemax"),
            layers.Conv1D(6, 2, padding="causal", groups=2),
        ),
        floats(5),
    ),
    "sequences in a step": (
        lambda: chain(layers.TimeDistributed(layers.LSTM(3)), layers.GRU(2), shape=(None, 4, 5)),
        floats(4, 5),
    ),
    "arithmetic": (arithmetic, floats(5)),
    "broadcast": (lambda: chain(layers.UnitNormalization(), layers.LSTM(3)), floats(5)),
}
ALL = {**NATIVE, **BY_LAYERS}


def part(x: Any, model: Any, start: int, stop: int | None = None) -> Any:
    """Steps of the input; inputs without a time axis as they are."""

    def cut(array: np.ndarray, timed: bool) -> np.ndarray:
        if not timed:
            return array
        return array[:, start] if stop is None else array[:, start:stop]

    timed = [len(tensor.shape) != 2 or tensor.shape[1] in (None, T) for tensor in model.inputs]
    if isinstance(x, list):
        return [cut(a, t) for a, t in zip(x, timed, strict=True)]
    return cut(x, True)


def leaves(y: Any) -> list[np.ndarray]:
    return [y[k] for k in sorted(y)] if isinstance(y, dict) else y if isinstance(y, list) else [y]


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


def test_one_sequence_and_a_batch_of_one() -> None:
    model = chain(layers.LSTM(6), layers.Dense(1))
    x = floats(5)[0]
    plain, batched, lists = model.stream(), model.stream(), model.stream()
    for x_t in x:
        y = plain.push(x_t)
        assert y.shape == (1,)
        np.testing.assert_array_equal(batched.push(x_t[None])[0], y)
        np.testing.assert_array_equal(lists.push(x_t.tolist()), y)
    assert model.stream().push_many(x).shape == (T, 1)
    assert model.stream().push_many(x[None]).shape == (1, T, 1)


@pytest.mark.parametrize("dtype", ["float64", "int32", "float16", "bool"])
def test_other_dtypes_and_orders_are_cast(dtype: str) -> None:
    model = chain(layers.LSTM(6))
    x = (floats(5)[:, 0] * 3).astype(dtype)
    expected = model.stream(B).push(x.astype("float32"))
    np.testing.assert_array_equal(model.stream(B).push(np.asfortranarray(x)), expected)
    np.testing.assert_array_equal(model.stream(B).push(np.repeat(x, 2, axis=1)[:, ::2]), expected)


def test_inputs_by_name() -> None:
    model, x = two_inputs(), NATIVE["two inputs"][1]
    first = part(x, model, 0)
    named = dict(zip(("x", "context", "word"), first, strict=True))
    np.testing.assert_array_equal(model.stream(B).push(named), model.stream(B).push(first))


@pytest.mark.parametrize(
    ("batch", "x"),
    [(1, np.zeros(4)), (1, np.zeros((2, 5))), (3, np.zeros(5)), (3, np.zeros((1, 5))), (3, np.zeros((3, 2, 5)))],
)
def test_a_wrong_shape_says_what_was_wanted(batch: int, x: np.ndarray) -> None:
    stream = chain(layers.LSTM(6)).stream(batch)
    before = stream.save()
    with pytest.raises(ValueError, match=rf"expected inputs of the shapes .*\({batch}, 5\).*push_many takes several"):
        stream.push(x)
    assert stream.save() == before


def test_strings_are_refused() -> None:
    with pytest.raises(TypeError, match="must be an array of numbers"):
        chain(layers.LSTM(6)).stream().push("abcde")


@pytest.mark.parametrize("bad", [10, -1, 2**40, np.nan])
def test_an_id_outside_the_table_changes_nothing(bad: float) -> None:
    x = gw.Input((None,), name="word")
    embedded = layers.Embedding(10, 4, name="words")(x)
    model = randomised(gw.Model(x, layers.LSTM(5)(embedded)))
    stream = model.stream()
    stream.push(3)
    before = stream.save()
    for push in (lambda: stream.push(bad), lambda: stream.push_many(np.array([1, 2, bad]))):
        with pytest.raises(ValueError, match=r"Embedding 'words': the ids must be from 0 to 9"):
            push()
        assert stream.save() == before


class Own(layers.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs


class OwnDense(layers.Dense):
    def call(self, inputs: Any) -> Any:
        return super().call(inputs[:, ::-1])


def from_another() -> Any:
    x = gw.Input((None, 5))
    _, h, c = layers.LSTM(4, return_state=True)(x)
    return gw.Model(x, layers.LSTM(4, name="decoder")(x, initial_state=[h, c]))


def picked() -> Any:
    x = gw.Input((None, 5))
    return gw.Model(x, layers.LSTM(3, return_sequences=True)(x)[:, 0])


def joined() -> Any:
    x = gw.Input((None, 5))
    return gw.Model(x, layers.Concatenate(axis=1, name="it")([x, x]))


def dotted() -> Any:
    x = gw.Input((7, 5))
    return gw.Model(x, layers.Dot(axes=1, name="it")([x, x]))


REFUSED = {
    "bidirectional": (
        lambda: chain(layers.Bidirectional(layers.LSTM(3), name="it")),
        "Bidirectional 'it' reads the sequence backwards",
    ),
    "backwards": (lambda: chain(layers.LSTM(3, go_backwards=True, name="it")), "LSTM 'it' has go_backwards=True"),
    "global pooling": (lambda: chain(layers.GlobalMaxPooling1D(name="it")), "GlobalMaxPooling1D 'it' pools over"),
    "pooling": (lambda: chain(layers.MaxPooling1D(2, name="it")), "MaxPooling1D 'it' pools over time"),
    "flatten": (lambda: chain(layers.Flatten(name="it"), shape=(7, 5)), "Flatten 'it' moves numbers between"),
    "reshape": (lambda: chain(layers.Reshape((5, 7), name="it"), shape=(7, 5)), "Reshape 'it' moves numbers between"),
    "valid": (lambda: chain(layers.Conv1D(3, 2, name="it")), "Conv1D 'it' has padding='valid'.*'causal' can stream"),
    "same": (lambda: chain(layers.Conv1D(3, 2, padding="same", name="it")), "Conv1D 'it' has padding='same'"),
    "strides": (
        lambda: chain(layers.Conv1D(3, 2, padding="causal", strides=2, name="it")),
        "Conv1D 'it' has strides=2",
    ),
    "repeat": (
        lambda: chain(layers.LSTM(3), layers.RepeatVector(4, name="it"), layers.LSTM(2)),
        "RepeatVector 'it' makes a sequence",
    ),
    "permute": (lambda: chain(layers.Permute((2, 1), name="it"), shape=(7, 5)), "Permute 'it' exchanges the time axis"),
    "softmax over time": (
        lambda: chain(layers.Softmax(axis=1, name="it")),
        "Softmax 'it' takes all time steps together",
    ),
    "norm over time": (
        lambda: chain(layers.LayerNormalization(axis=1, name="it"), shape=(7, 5)),
        "'it' normalises along the time",
    ),
    "slope over time": (
        lambda: chain(layers.PReLU(name="it"), shape=(7, 5)),
        "PReLU 'it' has an alpha for each time step",
    ),
    "lambda": (lambda: chain(layers.Lambda(lambda v: v, name="it")), "Lambda 'it' is not among the layers"),
    "own layer": (lambda: chain(Own(name="it")), "Own 'it' is not one of Gatewise's own layers"),
    "own call": (
        lambda: chain(OwnDense(2, name="it"), shape=(7, 5)),
        "OwnDense 'it' is not one of Gatewise's own layers",
    ),
    "state from elsewhere": (from_another, "LSTM 'decoder' takes its initial state from another layer"),
    "picked step": (picked, "picks steps of a sequence"),
    "joined in time": (joined, "Concatenate 'it' joins sequences along the time axis"),
    "dot": (dotted, "Dot 'it' multiplies sequences"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_model_that_cannot_stream_is_refused_by_the_layers_name(name: str) -> None:
    make, why = REFUSED[name]
    model = make()
    with pytest.raises(ValueError, match=f"cannot stream: .*{why}"):
        model.stream()
    with pytest.raises(ValueError, match="cannot stream"):
        model.stream_pool(3)


def test_a_model_with_a_call_of_its_own_is_refused() -> None:
    class Mine(gw.Model):
        def call(self, inputs: Any) -> Any:
            return inputs

    with pytest.raises(ValueError, match=r"Mine 'mine.*' cannot stream: what its own `call` does cannot be seen"):
        Mine().stream()


def test_an_unbuilt_model_says_so() -> None:
    with pytest.raises(ValueError, match="does not know the shape of its input yet"):
        gw.Sequential([layers.LSTM(3)]).stream()


@pytest.mark.parametrize("batch", [0, -1, 2.5, True, "2"])
def test_a_wrong_batch_size(batch: Any) -> None:
    with pytest.raises(ValueError, match="batch_size must be a positive integer"):
        chain(layers.LSTM(3)).stream(batch)


def test_a_static_word_beside_a_sequence() -> None:
    x, kind = gw.Input((None, 5)), gw.Input((1,))
    told = layers.Flatten()(layers.Embedding(4, 3)(kind))
    model = randomised(gw.Model([x, kind], layers.Dense(2)(layers.Concatenate()([layers.LSTM(4)(x), told]))))
    data, kinds = floats(5), np.array([[0], [3], [1]])
    stream = model.stream(B)
    for t in range(T):
        y = stream.push([data[:, t], kinds])
    np.testing.assert_allclose(y, model.predict([data, kinds]), atol=1e-6)


# -- state ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*ALL])
def test_a_state_can_be_taken_saved_and_put_back(name: str) -> None:
    make, x = ALL[name]
    if name in ("no time", "the input itself"):
        return
    model = make()
    stream = model.stream(B)
    for t in range(4):
        stream.push(part(x, model, t))
    state, saved, twin = stream.state, stream.save(), stream.copy()
    rest = [leaves(stream.push(part(x, model, t))) for t in range(4, T)]
    by_state, by_bytes = model.stream(B), model.stream(B)
    by_state.state = state
    by_bytes.restore(saved)
    for other in (twin, by_state, by_bytes, copy.deepcopy(by_bytes)):
        again = [leaves(other.push(part(x, model, t))) for t in range(4, T)]
        np.testing.assert_equal(again, rest)
    stream.reset()
    assert stream.save() == model.stream(B).save()


def test_the_state_is_by_name() -> None:
    state = nested().stream(2).state
    assert {k: {n: a.shape for n, a in v.items()} for k, v in state["inner"].items()} == {
        "lstm": {"h": (2, 4), "c": (2, 4)}
    } or (list(state) == ["inner", "inner:2", *[k for k in state if k.startswith("gru")]])
    conv = chain(layers.Conv1D(3, 4, padding="causal", dilation_rate=2, name="conv")).stream(2).state
    assert conv["conv"]["past"].shape == (2, 6, 5)


def test_the_lstm_state_is_the_layers_own() -> None:
    x = gw.Input((None, 5))
    model = randomised(gw.Model(x, layers.LSTM(4, return_state=True, name="it")(x)))
    stream = model.stream(B)
    for t in range(T):
        stream.push(floats(5)[:, t])
    _, h, c = model.predict(floats(5))
    np.testing.assert_allclose(stream.state["it"]["h"], h, atol=1e-6)
    np.testing.assert_allclose(stream.state["it"]["c"], c, atol=1e-6)


@pytest.mark.parametrize(
    "wrong",
    [{}, {"it": {"h": np.zeros((2, 4))}}, {"it": {"h": np.zeros((2, 4)), "c": np.zeros((2, 3))}}, {"it": 3}, 7,
     {"it": {"h": np.zeros((2, 4)), "c": np.zeros((2, 4)), "d": 0}}, {"it": {"h": np.zeros((2, 4)), "c": [["a"] * 4] * 2}}],
)  # fmt: skip
def test_a_wrong_state_changes_nothing(wrong: Any) -> None:
    stream = chain(layers.LSTM(4, name="it")).stream(2)
    stream.push(np.ones((2, 5)))
    before = stream.save()
    with pytest.raises(ValueError, match=r"a state has \['it/h', 'it/c'\]|the state it/c must have the shape"):
        stream.state = wrong
    assert stream.save() == before


def test_damaged_bytes_change_nothing() -> None:
    model = chain(layers.LSTM(3), layers.Dense(1))
    stream = model.stream(2)
    stream.push(np.ones((2, 5)))
    saved = stream.save()
    stream.push(np.ones((2, 5)))
    before = stream.save()
    for length in range(len(saved)):
        with pytest.raises(ValueError, match=r"cut short"):
            stream.restore(saved[:length])
    for place in range(len(saved)):
        damaged = bytearray(saved)
        damaged[place] ^= 0x41
        with pytest.raises(ValueError, match=r"The saved stream is"):
            stream.restore(bytes(damaged))
    for wrong in (saved + b"x", b"PK\3\4" * 30):
        with pytest.raises(ValueError, match=r"The saved stream is"):
            stream.restore(wrong)
    with pytest.raises(TypeError, match="expected bytes"):
        stream.restore("text")  # type: ignore[arg-type]
    assert stream.save() == before
    stream.restore(bytearray(saved))
    assert stream.save() == saved


def test_bytes_of_another_model_or_batch_are_refused() -> None:
    saved = chain(layers.LSTM(4)).stream(2).save()
    chain(layers.LSTM(4, name="renamed")).stream(2).restore(saved)
    for other in (
        chain(layers.LSTM(5)),
        chain(layers.GRU(8)),
        chain(layers.LSTM(4, activation="relu")),
        chain(layers.LSTM(4), shape=(None, 6)),
    ):
        with pytest.raises(ValueError, match="of another model"):
            other.stream(2).restore(saved)
    with pytest.raises(ValueError, match="is of 2 sequences, and this stream is of 3"):
        chain(layers.LSTM(4)).stream(3).restore(saved)


def test_weights_are_those_of_the_moment_until_update() -> None:
    model = chain(layers.LSTM(4), layers.Dense(2))
    x = floats(5)
    stream, follower, expected = model.stream(B), model.stream(B), model.stream(B)
    first = stream.push(x[:, 0])
    follower.push(x[:, 0])
    expected.push(x[:, 0])
    before = expected.push(x[:, 1])
    randomised(model, seed=5)
    np.testing.assert_array_equal(stream.push(x[:, 1]), before)
    state = follower.state
    follower.update()
    np.testing.assert_equal(follower.state, state)
    fresh = model.stream(B)
    fresh.state = state
    after = fresh.push(x[:, 1])
    np.testing.assert_array_equal(follower.push(x[:, 1]), after)
    assert not np.array_equal(after, before)
    assert first.shape == after.shape


def test_update_wants_the_same_layers() -> None:
    model = chain(layers.LSTM(4))
    stream = model.stream()
    model.add(layers.Dense(2))
    with pytest.raises(ValueError, match="other layers than when this stream was made"):
        stream.update()


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


# -- threads, forks, instruction sets -------------------------------------------------------------------------------


def counter() -> Any:
    """A model whose state is the sum of its inputs."""
    model = gw.Sequential([gw.Input((None, 1)), layers.SimpleRNN(1, activation="linear", use_bias=False)])
    model.set_weights([np.ones((1, 1)), np.ones((1, 1))])
    return model


@pytest.mark.parametrize("steps", [1, 4])
def test_many_threads_push_one_stream(steps: int) -> None:
    stream = counter().stream()
    one = np.ones((1, steps, 1), "float32")

    def work() -> None:
        for _ in range(500):
            if steps == 1:
                stream.push(one[0, 0])
            else:
                stream.push_many(one)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stream.push(np.zeros(1, "float32"))[0] == 8 * 500 * steps


def test_many_threads_with_streams_of_their_own_large_enough_to_release_the_lock() -> None:
    model = chain(layers.LSTM(128, return_sequences=True), layers.Dense(3))
    x = np.random.default_rng(0).normal(size=(16, 40, 5)).astype("float32")
    expected = model.stream(16).push_many(x)
    results: list[Any] = [None] * 8

    def work(k: int) -> None:
        stream = model.stream(16)
        results[k] = np.stack([stream.push(x[:, t]) for t in range(40)], axis=1)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        np.testing.assert_array_equal(result, expected)


FORK = """
import os, sys, threading
import numpy as np, gatewise as gw
from gatewise import layers
model = gw.Sequential([gw.Input((None, 8)), layers.LSTM({units}, activation={activation!r})])
stream, pool = model.stream(64), model.stream_pool(5000)
pool.add(range(5000))
x, rows = np.ones((64, 8), "float32"), np.ones((5000, 8), "float32")
stop = False
def work():
    while not stop:
        stream.push(x)
        pool.push(np.arange(5000), rows)
        pool.ids()
thread = threading.Thread(target=work)
thread.start()
for _ in range({forks}):
    child = os.fork()
    if child == 0:
        h = pool.state(np.arange(5000))
        (part,) = h.values()
        # All streams took the same steps, so a push that was cut in two would show.
        same = all((a == a[:1]).all() for a in part.values())
        stream.push(x)
        pool.push([1, 2], rows[:2])
        os._exit(0 if same else 3)
    status = os.waitpid(child, 0)[1]
    assert os.waitstatus_to_exitcode(status) == 0, status
stop = True
thread.join()
"""


@pytest.mark.parametrize(("units", "activation", "forks"), [(64, "tanh", 30), (4, "silu", 5)])
def test_a_fork_sees_whole_steps(units: int, activation: str, forks: int) -> None:
    code = FORK.format(units=units, activation=activation, forks=forks)
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=100)


ISA = """
import sys, numpy as np, gatewise as gw
from gatewise import layers
from gatewise.engine import _native
rng = np.random.default_rng(0)
model = gw.Sequential([gw.Input((None, 5)), layers.Conv1D(21, 3, padding="causal", activation="tanh"),
                       layers.LSTM(19, return_sequences=True), layers.Dense(37, activation="sigmoid"), layers.GRU(3)])
model.set_weights([rng.normal(0, .4, w.shape) for w in model.weights])
assert _native.isa() == sys.argv[1]
stream = model.stream(7)
assert stream.native
x = rng.normal(size=(7, 11, 5)).astype("float32")
one = np.stack([stream.push(x[:, t]) for t in range(11)], 1)
assert (model.stream(7).push_many(x) == one).all()
np.testing.assert_allclose(one[:, -1], model.predict(x), atol=1e-6)
pool = model.stream_pool(7)
pool.add(range(7))
assert all((pool.push(range(7), x[:, t]) == one[:, t]).all() for t in range(11))
"""


def test_every_instruction_set() -> None:
    from gatewise.engine import _native

    for name in _native.isas():
        subprocess.run(
            [sys.executable, "-c", ISA, name], check=True, timeout=100, env={**os.environ, "GATEWISE_ISA": name}
        )


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    model = chain(layers.LSTM(256, return_sequences=True), layers.Dense(9))
    x = np.random.default_rng(0).normal(size=(64, 6, 5)).astype("float32")
    found = []
    try:
        for threads in (1, 2, 3):
            gw.config.threads = threads
            stream = model.stream(64)
            found.append(np.stack([stream.push(x[:, t]) for t in range(6)], 1))
    finally:
        gw.config.threads = 0
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_a_stream_says_what_it_is() -> None:
    model = gw.Sequential([gw.Input((None, 5)), layers.LSTM(2)], name="speech")
    assert repr(model.stream(4)) == "<Stream of Sequential 'speech', batch_size=4>"
    assert isinstance(model.stream(), Stream)


def test_nothing_is_left_over_at_exit() -> None:
    code = (
        "import numpy as np, gatewise as gw\n"
        "m = gw.Sequential([gw.Input((None, 5)), gw.layers.LSTM(3)])\n"
        "s = m.stream(); s.push(np.ones(5)); p = m.stream_pool(3); p.add(1); p.push(1, np.ones(5))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=100)
    assert done.stderr == ""


def test_the_example() -> None:
    program = Path(__file__).parents[2] / "examples" / "stream.py"
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=True, timeout=100)
    *lines, refusal = done.stdout.splitlines()
    assert lines == [
        "steps 50 equal to predict True",
        "saved bytes 316 the same bits True",
        "the state {'h': (1, 32), 'c': (1, 32)}",
        "live 1000 of 1000 the last score True",
        "restored 1000 bytes a stream 264",
    ]
    assert "cannot stream: Bidirectional 'both_ways' reads the sequence backwards" in refusal
    assert done.stderr == ""
