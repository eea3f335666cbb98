"""Models whose files the real systems load: what `tools/golden/check_saved.py` writes, and `test_interchange.py` again.

Weights, inputs and the optimizers' steps are the same each time.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import gatewise as gw
from gatewise.base.names import clear_names
from gatewise.base.release import meaning

L = gw.layers
Made = tuple[Any, Any]

X = np.random.default_rng(3).standard_normal((3, 5, 4)).astype("float32")
IDS = np.array([[1, 2, 3, 4, 6], [5, 2, 3, 0, 0], [0, 0, 1, 1, 1]], "int32")


def chain(*layers: Any, shape: tuple[int | None, ...] = (5, 4), **options: Any) -> Any:
    return gw.Sequential([gw.Input(shape, **options), *layers], name="chain")


def lstm() -> Made:
    options = {"recurrent_activation": "tanh", "use_bias": False, "go_backwards": True, "dropout": 0.2, "unroll": True}
    first = L.LSTM(3, return_sequences=True, kernel_regularizer="l2", kernel_constraint="max_norm", seed=3)
    return chain(first, L.LSTM(2, activation="relu", unit_forget_bias=False, recurrent_dropout=0.1, **options)), X


def gru() -> Made:
    layers = [L.GRU(3, return_sequences=True), L.GRU(2, reset_after=False, use_bias=True, bias_initializer="ones")]
    return chain(*layers), X


def simple_rnn() -> Made:
    return chain(L.SimpleRNN(3, activation="sigmoid", return_sequences=True, recurrent_initializer="identity"),
                 L.SimpleRNN(2)), X  # fmt: skip


def stateful() -> Made:
    model = gw.Sequential([gw.Input(batch_shape=(3, 5, 4)), L.LSTM(3, stateful=True), L.Dense(2)], name="chain")
    return model, X


def bidirectional() -> Made:
    both = L.Bidirectional(L.LSTM(3, return_sequences=True))
    return chain(L.Masking(), both, L.Bidirectional(L.GRU(2), merge_mode="sum")), X


def time_distributed() -> Made:
    inner = gw.Sequential([gw.Input((4,)), L.Dense(3, activation="relu"), L.Dense(2)], name="inner")
    return chain(L.TimeDistributed(inner), L.TimeDistributed(L.Dense(3)), L.Flatten()), X


def embedding() -> Made:
    return chain(L.Embedding(7, 4, mask_zero=True), L.LSTM(3), L.Dense(2, activation="softmax"), shape=(5,)), IDS


def convolution() -> Made:
    return chain(L.Conv1D(6, 2, padding="causal", activation="relu"), L.MaxPooling1D(2), L.GRU(2)), X


def over_axes() -> Made:
    first = [L.ZeroPadding1D((1, 0)), L.Conv1DTranspose(4, 2, strides=2), L.Cropping1D(1), L.Reshape((5, 2, 4))]
    second = [L.Conv2D(4, (2, 1), padding="same", groups=2), L.DepthwiseConv2D((2, 1), depth_multiplier=2)]
    third = [L.UpSampling2D((1, 2), interpolation="bilinear"), L.SeparableConv2D(3, 2), L.SpatialDropout2D(0.2)]
    fourth = [L.MaxPooling2D((1, 3)), L.Permute((2, 1, 3)), L.TimeDistributed(L.DepthwiseConv1D(2))]
    fifth = [L.TimeDistributed(L.SeparableConv1D(3, 1)), L.TimeDistributed(L.GlobalAveragePooling1D()), L.GRU(2)]
    return chain(*first, *second, *third, *fourth, *fifth), X


def over_three_axes() -> Made:
    first = [L.Reshape((5, 2, 2, 1)), L.Conv3D(2, (2, 1, 1)), L.ZeroPadding3D((1, 0, 0)), L.Conv3DTranspose(2, 2)]
    second = [L.AveragePooling3D((2, 1, 1)), L.UpSampling3D((1, 1, 2)), L.Cropping3D(((0, 1), 1, 0))]
    return chain(*first, *second, L.SpatialDropout3D(0.2), L.GlobalMaxPooling3D()), X


def normed() -> Made:
    frozen = L.Dense(3, trainable=False)
    return chain(frozen, L.BatchNormalization(), L.Dropout(0.4), L.LayerNormalization(), L.LSTM(2)), X


def functional() -> Made:
    a, b = gw.Input((5, 4), name="a"), gw.Input((5,), name="b")
    y, h, c = L.LSTM(3, return_state=True)(a)
    z = L.GRU(3)(L.Embedding(7, 4)(b))
    decoded = L.LSTM(3)(a, initial_state=[h, c])
    joined = L.Concatenate()([y, z, decoded])
    return gw.Model([a, b], [L.Dense(1, name="score")(joined), L.Add(name="sum")([h, c])], name="two"), [X, IDS]


def nested() -> Made:
    z, x = gw.Input((5, 4), name="z"), gw.Input((5, 4), name="x")
    norm = L.BatchNormalization()(L.Dense(4, trainable=False)(z))
    inner = gw.Model(z, L.LSTM(3)(L.Dense(4, activation="relu")(norm)), name="inner")
    tail = gw.Sequential([gw.Input((3,)), L.Dense(2), L.BatchNormalization()], name="tail")
    return gw.Model(x, L.Add()([tail(inner(x)), tail(inner(x))]), name="outer"), X


def shared() -> Made:
    a, b = gw.Input((5, 4), name="a"), gw.Input((5, 4), name="b")
    rnn = L.SimpleRNN(3)
    return gw.Model([a, b], L.Subtract()([rnn(a), rnn(b)]), name="twins"), [X, X[::-1].copy()]


def cells() -> Made:
    stack = L.RNN([L.LSTMCell(3), L.GRUCell(2, reset_after=False)], return_sequences=True)
    return chain(stack, L.RNN(L.SimpleRNNCell(2, activation="relu"))), X


def merges() -> Made:
    x = gw.Input((5, 4), name="x")
    one, two = L.GRU(3, return_sequences=True)(x), L.SimpleRNN(3, return_sequences=True)(x)
    joined = [L.Add()([one, two]), L.Multiply()([one, two]), L.Average()([one, two]), L.Subtract()([one, two])]
    most = [L.Maximum()([one, two]), L.Minimum()([one, two])]
    matched = L.Dot(axes=(2, 2), normalize=True)([L.Concatenate()(joined), L.Concatenate(axis=-1)([*most, *most])])
    return gw.Model(x, L.LSTM(2)(matched), name="merged"), X


def attention() -> Made:
    x = gw.Input((5, 4), name="x")
    y = L.LSTM(4, return_sequences=True)(x)
    seen = L.MultiHeadAttention(2, 3)(y, x)
    both = L.Concatenate()([L.Attention(use_scale=True)([y, seen]), L.AdditiveAttention()([y, seen])])
    return gw.Model(x, L.GRU(3)(both), name="attentive"), X


def conv_lstm() -> Made:
    return chain(L.Reshape((5, 4, 1)), L.ConvLSTM1D(2, 2, padding="same"), L.Flatten(), L.Dense(2)), X


def trained(optimizer: Any) -> Made:
    model, x = chain(L.LSTM(3, return_sequences=True), L.BatchNormalization(), L.LSTM(2), L.Dense(1)), X
    with_fixed_weights(model)
    optimizer.build(model.trainable_variables)
    rng = np.random.default_rng(5)
    for _ in range(3):
        gradients = [rng.standard_normal(v.shape).astype("float32") for v in model.trainable_variables]
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    model.compile(optimizer, "mse", metrics=["mae"], jit_compile=False)
    return model, x


def adam() -> Made:
    return trained(gw.optimizers.Adam(0.01, amsgrad=True))


def sgd() -> Made:
    return trained(gw.optimizers.SGD(0.1, momentum=0.9, nesterov=True))


def rmsprop() -> Made:
    schedule = gw.optimizers.schedules.ExponentialDecay(0.01, 10, 0.5)
    return trained(gw.optimizers.RMSprop(schedule, centered=True))


BUILDERS: dict[str, Callable[[], Made]] = {
    build.__name__: build
    for build in (
        lstm, gru, simple_rnn, stateful, bidirectional, time_distributed, embedding, convolution, over_axes,
        over_three_axes, normed, functional,
        nested, shared, cells, merges, attention, conv_lstm, adam, sgd, rmsprop,
    )
}  # fmt: skip

ENDINGS = (".keras", ".h5", ".weights.h5", "_by_layer.h5", "_folder", ".weights.json")
ALONE = {"_by_layer.h5": "tf2", "_folder": "keras3", ".weights.json": "keras3"}
"""Forms that one release alone has."""
RELEASES: tuple[Any, ...] = ("keras3", "tf2")
SHARD_BYTES = 2000
"""So few that the weights of most models take several files."""


def with_fixed_weights(model: Any) -> Any:
    rng = np.random.default_rng(7)
    model.set_weights([np.abs(rng.normal(0, 0.5, w.shape)) for w in model.get_weights()])
    return model


def made(name: str, release: Any) -> Made:
    """A model as a program of that release makes it."""
    clear_names()
    with meaning(release):
        model, inputs = BUILDERS[name]()
        if model.optimizer is None:
            with_fixed_weights(model)
    return model, inputs


def written(model: Any, folder: Path, name: str, release: Any, ending: str) -> Path:
    """A file of the model, in the form of that release."""
    path = folder / f"{release}_{name}{ending}"
    with meaning(release):
        if ending in (".keras", ".h5"):
            model.save(path)
        elif ending == "_folder":
            model.save(path, zipped=False)
        else:
            model.save_weights(path, max_shard_size=SHARD_BYTES / 2**30 if ending == ".weights.json" else None)
    return path


def all_files() -> list[tuple[str, Any, str]]:
    """What is written: model, release, ending."""
    return [
        (name, release, ending)
        for name in BUILDERS
        for release in RELEASES
        for ending in ENDINGS
        if ALONE.get(ending, release) == release
    ]


# -- what a file is made of, without its numbers ----------------------------------------------------------------------


def digest(path: Path) -> str:
    """A number for all texts of a file, and for the paths, shapes and dtypes of its arrays."""
    text = json.dumps(structure(path), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def structure(path: Path) -> dict[str, Any]:
    if path.is_dir() or path.suffix == ".json":
        inside = (
            sorted(path.iterdir()) if path.is_dir() else sorted(path.parent.glob(f"{path.name[:-13]}_*.weights.h5"))
        )
        texts = {} if path.is_dir() else {"index": json.loads(path.read_text())}
        return texts | {each.name: _of_file(each) for each in inside}
    if path.suffix != ".keras":
        with h5py.File(path) as file:
            return _of_hdf5(file)
    with zipfile.ZipFile(path) as archive:
        metadata = json.loads(archive.read("metadata.json"))
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
            return {
                "entries": archive.namelist(),
                "metadata": [metadata["keras_version"], sorted(metadata)],
                "config": json.loads(archive.read("config.json")),
                "weights": _of_hdf5(file),
            }


def _of_file(path: Path) -> Any:
    if path.suffix == ".h5":
        return structure(path)
    if path.name == "metadata.json":
        metadata = json.loads(path.read_text())
        return [metadata["keras_version"], sorted(metadata)]
    return json.loads(path.read_text()) if path.suffix == ".json" else path.is_dir()


def _of_hdf5(file: Any) -> dict[str, Any]:
    found = {"/": _attributes(file)}

    def visit(name: str, item: Any) -> None:
        array = [list(item.shape), str(item.dtype)] if isinstance(item, h5py.Dataset) else []
        found[name] = [*array, _attributes(item)]

    file.visititems(visit)
    return found


def _attributes(item: Any) -> dict[str, Any]:
    return {name: _plain(value) for name, value in item.attrs.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_plain(each) for each in value.tolist()]
    text = value.decode() if isinstance(value, bytes) else str(value)
    return json.loads(text) if text.startswith("{") else text
