"""Models that stream, inputs for them, and what the tests of streams share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import gatewise as gw
from gatewise import layers
from gatewise.base import release

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


class Sum(layers.Add):
    """A class of a program's own that computes what its base does."""


def merged_by_own_class() -> Any:
    x = gw.Input((None, 5))
    return randomised(gw.Model(x, layers.LSTM(3)(Sum()([x, x]))))


def merged_at_each_step() -> Any:
    x = gw.Input((None, 5))
    return randomised(gw.Model(x, layers.LSTM(3)(layers.TimeDistributed(layers.Add())([x, x]))))


def masked_by_name() -> Any:
    x = gw.Input((None, 5))
    sequence = layers.LSTM(3, return_sequences=True)(x)
    return randomised(gw.Model(x, layers.Dense(2)(layers.Softmax()(sequence, mask=sequence))))


def with_mask(generation: str) -> Any:
    with release.meaning(generation):
        x = gw.Input((None, 5))
        masked = layers.Masking()(x)
        first, second = layers.LSTM(4, return_sequences=True)(masked), layers.Dense(4)(masked)
        return randomised(gw.Model(x, layers.GRU(3)(layers.Concatenate()([first, layers.Add()([first, second])]))))


def attending(*kinds: str) -> Any:
    """Attention over the last three steps, masked steps among them."""
    x = gw.Input((None, 5))
    y = layers.LSTM(4, return_sequences=True)(layers.Masking()(x))
    for kind in kinds:
        if "Additive" in kind or kind == "Attention":
            y = getattr(layers, kind)(use_scale=True, sliding_window=3)([y, y], use_causal_mask=True)
        else:
            sizes = (2, 3) if kind == "MultiHeadAttention" else (3, 4, 2)
            y = getattr(layers, kind)(*sizes, sliding_window=3, use_gate=True)(y, y, use_causal_mask=True)
    return randomised(gw.Model(x, layers.GRU(3)(y)))


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
    "identity": (lambda: chain(layers.Identity(), layers.LSTM(3)), floats(5)),
    "branches": (branches, floats(5)),
    "own class": (merged_by_own_class, floats(5)),
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
    "convolutions of each feature": (
        lambda: chain(
            layers.DepthwiseConv1D(3, padding="causal", depth_multiplier=2, dilation_rate=2, activation="tanh"),
            layers.SeparableConv1D(4, 2, padding="causal", depth_multiplier=2),
            layers.DepthwiseConv1D(1, use_bias=False),
            layers.GRU(2),
        ),
        floats(5),
    ),
    "sequences in a step": (
        lambda: chain(layers.TimeDistributed(layers.LSTM(3)), layers.GRU(2), shape=(None, 4, 5)),
        floats(4, 5),
    ),
    "masked softmax at each step": (
        lambda: chain(layers.Masking(), layers.TimeDistributed(layers.Softmax()), layers.Dense(3)),
        floats(5, masked=True),
    ),
    "merged at each step": (merged_at_each_step, floats(5)),
    "masked by name": (masked_by_name, floats(5)),
    "a model at each step": (
        lambda: chain(
            layers.TimeDistributed(gw.Sequential([gw.Input((5,)), layers.Dense(3, activation="elu")])), layers.GRU(2)
        ),
        floats(5),
    ),
    "arithmetic": (arithmetic, floats(5)),
    "attention": (lambda: attending("Attention", "AdditiveAttention"), floats(5, masked=True)),
    "attention of heads": (lambda: attending("MultiHeadAttention", "GroupQueryAttention"), floats(5, masked=True)),
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


def counter() -> Any:
    """A model whose state is the sum of its inputs."""
    model = gw.Sequential([gw.Input((None, 1)), layers.SimpleRNN(1, activation="linear", use_bias=False)])
    model.set_weights([np.ones((1, 1)), np.ones((1, 1))])
    return model
