"""Files as Keras writes them, by hand: to be changed on purpose. Those of the real systems are in tests/golden."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import gatewise as gw
from gatewise.models.saved_order import saved_order

L = gw.layers


X = np.random.default_rng(3).standard_normal((3, 5, 4)).astype("float32")


FILES = Path(__file__).resolve().parents[1] / "golden" / "files"


def with_random_weights(model: Any, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(0, 0.5, w.shape) for w in model.get_weights()])
    return model


def small() -> Any:
    layers = [gw.Input((5, 4)), L.LSTM(3, name="rnn"), L.Dropout(0.5, name="drop"), L.Dense(2, name="head")]
    return with_random_weights(gw.Sequential(layers, name="small"))


def write(
    path: Path,
    model: Any,
    config: Any = True,
    version: str | None = "2.4.0",
    backend: str = "tensorflow",
    text: Callable[[str], Any] = str.encode,
    arrays: dict[str, list[np.ndarray]] | None = None,
    split: bool = False,
) -> Path:
    """What `save` (or, without a config, `save_weights`) of Keras 2 writes."""
    with h5py.File(path, "w") as file:
        root = file
        if config:
            file.attrs["model_config"] = text(json.dumps(json.loads(model.to_json()) if config is True else config))
            file.attrs["training_config"] = text("{}")
            file.create_group("optimizer_weights")
            root = file.create_group("model_weights")
        root.attrs["backend"] = text(backend)
        if version is not None:
            root.attrs["keras_version"] = text(version)
        names = [layer.name for layer in model.layers]
        _names(root, "layer_names", names, text, split)
        for layer in model.layers:
            group = root.create_group(layer.name)
            pairs = [(v.path, v.numpy()) for _, v in saved_order(layer)]
            if arrays and layer.name in arrays:
                pairs = [(f"{layer.name}/w_{k}:0", array) for k, array in enumerate(arrays[layer.name])]
            _names(group, "weight_names", [name for name, _ in pairs], text, split)
            for name, value in pairs:
                group[name] = value
    return path


def _names(group: Any, attribute: str, names: list[str], text: Callable[[str], Any], split: bool) -> None:
    parts = {f"{attribute}{k}": [name] for k, name in enumerate(names)} if split and names else {attribute: names}
    for key, part in parts.items():
        group.attrs[key] = [text(name) for name in part]


def edited(path: Path, change: Callable[[h5py.File], Any]) -> Path:
    with h5py.File(path, "a") as file:
        change(file)
    return path


def same(one: Any, other: Any) -> None:
    np.testing.assert_array_equal(one.predict(X), other.predict(X))


def delete(name: str) -> Callable[[h5py.File], Any]:
    return lambda file: file.__delitem__(name)


def reshape(name: str, shape: tuple[int, ...]) -> Callable[[h5py.File], Any]:
    def change(file: h5py.File) -> None:
        del file[name]
        file[name] = np.ones(shape, "f4")

    return change


KERNEL = "model_weights/head/head/kernel"


# The layout of Keras 3's .weights.h5, for the model of `nested`: where Keras 3.15 and tf_keras 2.21 put each array.
VARS = {
    "layers/functional/layers/dense/vars": (0, 1),
    "layers/functional/layers/batch_normalization/vars": (2, 3, 4, 5),
    "layers/bidirectional/forward_layer/cell/vars": (6, 7, 8),
    "layers/bidirectional/backward_layer/cell/vars": (9, 10, 11),
    "layers/time_distributed/layer/vars": (12, 13),
    "layers/gru/cell/vars": (14, 15, 16),
    "layers/dense/vars": (17, 18),
    "layers/dense_1/vars": (19, 20),
}


def nested() -> Any:
    z, x = gw.Input((5, 4)), gw.Input((5, 4))
    inner = gw.Model(z, L.BatchNormalization()(L.Dense(4, trainable=False)(z)))
    y = L.TimeDistributed(L.Dense(2))(L.Bidirectional(L.LSTM(3, return_sequences=True))(inner(x)))
    model = gw.Model(x, L.Dense(1)(L.Dense(3, name="head")(L.GRU(2)(y))))
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.1, 1, w.shape) for w in model.get_weights()])
    return model


def write_vars(path: Path, model: Any) -> Path:
    weights = model.get_weights()
    with h5py.File(path, "w") as file:
        for place, numbers in VARS.items():
            group = file.create_group(place)
            for k, number in enumerate(numbers):
                group[str(k)] = weights[number]
        for empty in ("vars", "layers/input_layer/vars", "layers/gru/vars", "layers/bidirectional/vars"):
            file.create_group(empty)
    return path
