"""Models that we export to ONNX: what `tools/golden/check_onnx.py` writes, and `test_onnx.py` again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import gatewise as gw
from gatewise.base.release import meaning

L = gw.layers
START = (None, 3)


def chain(*stack: Any, shape: tuple[int | None, ...] = START, ids: bool = False) -> Callable[[], Any]:
    """A maker of a Sequential of these makers."""
    return lambda: gw.Sequential([gw.Input(shape, dtype="int32" if ids else "float32"), *(make() for make in stack)])


def encoder_and_decoder() -> Any:
    x, y = gw.Input(START, name="x"), gw.Input((None, 2), name="y")
    _, h, c = L.LSTM(4, return_state=True)(x)
    decoded = L.LSTM(4, return_sequences=True)(y, initial_state=[h, c])
    gru, state = L.GRU(4, return_sequences=True, return_state=True)(decoded, initial_state=h)
    return gw.Model([x, y], [L.Dense(3, activation="softmax")(gru), L.Multiply()([state, c])])


def nested() -> Any:
    inner = gw.Sequential([gw.Input((None, 4)), L.LSTM(3, return_sequences=True), L.TimeDistributed(L.Dense(2))])
    x = gw.Input(START)
    y = inner(L.GRU(4, return_sequences=True)(x))
    return gw.Model(x, L.Concatenate()([y, inner(L.Dense(4)(x))]))


def old_meaning() -> Any:
    with meaning("tf1"):
        return gw.Sequential([gw.Input(START), L.LSTM(4, return_sequences=True), L.GRU(3)])


def recurrent(kind: Any, **how: Any) -> Callable[[], Any]:
    return chain(lambda: kind(4, **how))


SEQUENCES = {"return_sequences": True}
MODELS: dict[str, Callable[[], Any]] = {
    "lstm": recurrent(L.LSTM),
    "lstm_sequences": recurrent(L.LSTM, **SEQUENCES),
    "lstm_backwards": recurrent(L.LSTM, go_backwards=True, **SEQUENCES),
    "lstm_hard": recurrent(L.LSTM, recurrent_activation="hard_sigmoid", activation="softsign", use_bias=False),
    "lstm_relu": recurrent(L.LSTM, activation="relu", **SEQUENCES),
    "gru": recurrent(L.GRU, **SEQUENCES),
    "gru_reset_before": recurrent(L.GRU, reset_after=False, **SEQUENCES),
    "gru_elu": recurrent(L.GRU, activation="elu", recurrent_activation="hard_sigmoid", go_backwards=True),
    "rnn": recurrent(L.SimpleRNN, **SEQUENCES),
    "rnn_linear": recurrent(L.SimpleRNN, activation="linear"),
    "old_meaning": old_meaning,
    "both_ways": chain(lambda: L.Bidirectional(L.LSTM(4, return_sequences=True)), lambda: L.Bidirectional(L.GRU(3))),
    "both_summed": chain(lambda: L.Bidirectional(L.SimpleRNN(4), merge_mode="sum"), lambda: L.Dense(2)),
    "both_multiplied": chain(lambda: L.Bidirectional(L.LSTM(4, return_sequences=True), merge_mode="mul")),
    "both_averaged": chain(lambda: L.Bidirectional(L.GRU(4, reset_after=False), merge_mode="ave")),
    "embedded": chain(
        lambda: L.Embedding(9, 4), lambda: L.LSTM(3), lambda: L.Dense(2, activation="sigmoid"), shape=(None,), ids=True
    ),
    "normalized": chain(
        L.BatchNormalization,
        lambda: L.GRU(4, return_sequences=True),
        L.LayerNormalization,
        lambda: L.Dropout(0.5),
        lambda: L.Dense(2, activation="elu"),
    ),
    "convolved": chain(
        lambda: L.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="relu"),
        lambda: L.Conv1D(4, 2, padding="same"),
        lambda: L.Conv1D(6, 2, strides=2, groups=2),
        lambda: L.LSTM(3, return_sequences=True),
        L.GlobalMaxPooling1D,
    ),
    "shaped": chain(
        L.Flatten,
        lambda: L.RepeatVector(4),
        lambda: L.Permute((2, 1)),
        lambda: L.Reshape((-1, 9)),
        lambda: L.GRU(4),
        lambda: L.LeakyReLU(0.2),
        L.Softmax,
        shape=(6, 3),
    ),
    "activations": chain(*(lambda name=name: L.Activation(name) for name in (
        "silu", "softplus", "tanh", "relu6", "leaky_relu", "selu", "exponential", "log_softmax"
    ))),
    "encoder_and_decoder": encoder_and_decoder,
    "nested": nested,
}  # fmt: skip
IN_PIECES = ("lstm_sequences", "gru", "gru_reset_before", "rnn", "normalized", "nested")
"""Those that are exported with their states, too."""


def made(name: str) -> tuple[Any, dict[str, np.ndarray]]:
    """The model with weights of its own, and its inputs by name."""
    gw.utils.set_random_seed(1)
    gw.keras.backend.clear_session()
    model = MODELS[name]()
    rng = np.random.default_rng(len(name))
    model.set_weights([np.abs(rng.normal(0, 0.5, w.shape)) for w in model.get_weights()])
    inputs = {}
    for tensor in model.inputs:
        shape = [2, *(size or 6 for size in tensor.shape[1:])]
        integers = tensor.dtype == "int32"
        x = rng.integers(0, 9, shape).astype("int32") if integers else rng.normal(0, 1, shape).astype("float32")
        inputs[tensor.name.partition(":")[0]] = x
    return model, inputs


def write(name: str, folder: Path) -> list[Path]:
    """The files, and beside each the inputs and our outputs."""
    model, inputs = made(name)
    outputs = model.predict(list(inputs.values()), verbose=0)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    paths = []
    for states in (False, True) if name in IN_PIECES else (False,):
        path = folder / f"{name}{'_states' * states}.onnx"
        model.export(path, states=states)
        kept = {f"in/{key}": x for key, x in inputs.items()} | {f"out/{n}": y for n, y in enumerate(outputs)}
        np.savez(path.with_suffix(".npz"), **kept)
        paths.append(path)
    return paths


def digest(path: Path) -> str:
    """Of the file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
