"""`files/*.h5` and `files.json`, `files.npz`: small HDF5 files as the real systems write them, with inputs and outputs.

Files in the form of Keras 2.0 are made from those of TensorFlow 1's layers: the same weights under the names that
Keras 2.0 gave them, and the config rewritten to what its `get_config` methods wrote.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tensorflow as tf
import tf_keras
from case import fixed_weights, ids, values
from store import Store
from systems import SYSTEMS, System

X = values(3, 5, 4, seed=3)
TOKENS = ids(3, 5, high=7) * np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [0, 0, 1, 1, 1]], np.int32)

Made = tuple[Any, Any]  # a model, and inputs for it


def make(out: Path) -> None:
    folder = out / "files"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    store = Store()
    lines = [line for system in SYSTEMS for line in whole_models(system, folder, store)]
    lines += weights_only(folder, store)
    lines += refused(folder)
    lines += keras_2_0(folder, store)
    (out / "files.json").write_text("[\n" + ",\n".join(map(json.dumps, lines)) + "\n]\n")
    store.save(out / "files.npz")
    print(len(lines), "files,", sum(f.stat().st_size for f in folder.iterdir()), "bytes")


def builders(system: System) -> dict[str, Callable[[], Made]]:
    L, K = system.layer, system.keras

    def built() -> Made:
        layers = [K.Input((5,)), L("Embedding")(7, 4, mask_zero=True), L("LSTM")(3), L("Dropout")(0.2)]
        return K.Sequential([*layers, L("Dense")(2, activation="softmax")]), TOKENS

    def deferred() -> Made:
        model = K.Sequential([L("GRU")(3, return_sequences=True), L("Dense")(2, activation="relu")])
        model(X)
        return model, X

    def functional() -> Made:
        a, b = K.Input((5, 4), name="a"), K.Input((5,), name="b")
        y, h, c = L("LSTM")(3, return_state=True)(a)
        z = L("GRU")(3)(L("Embedding")(7, 4)(b))
        joined = L("Concatenate")()([y, z])
        return K.Model([a, b], [L("Dense")(1, name="score")(joined), L("Add")()([h, c])]), [X, TOKENS]

    def nested() -> Made:
        z, x = K.Input((5, 4), name="z"), K.Input((5, 4), name="x")
        inner = K.Model(z, L("LSTM")(3)(L("Dense")(4, activation="relu")(z)), name="inner")
        tail = K.Sequential([K.Input((3,)), L("Dense")(2), L("BatchNormalization")()], name="tail")
        return K.Model(x, tail(inner(x)), name="outer"), X

    def nested_norm() -> Made:
        """Files hold a nested model's weights trainable first, then the others, not layer by layer."""
        z, x = K.Input((5, 4), name="z"), K.Input((5, 4), name="x")
        y = L("Dense")(4)(L("BatchNormalization")()(L("Dense")(4, trainable=False)(z)))
        inner = K.Model(z, L("BatchNormalization")(trainable=False)(y), name="inner")
        return K.Model(x, L("Dense")(4)(inner(x)), name="outer"), X

    def bidirectional() -> Made:
        layers = [K.Input((5, 4)), L("Masking")(), L("Bidirectional")(L("LSTM")(3, return_sequences=True))]
        layers += [L("Bidirectional")(L("GRU")(2), merge_mode="sum"), L("BatchNormalization")()]
        return K.Sequential([*layers, L("Dense")(1, activation="sigmoid")]), X

    def stateful() -> Made:
        layers = [K.Input(batch_shape=(3, 5, 4)), L("GRU")(3, stateful=True, return_sequences=True)]
        return K.Sequential([*layers, L("LSTM")(2, stateful=True)]), X

    def shared() -> Made:
        a, b = K.Input((5, 4), name="a"), K.Input((5, 4), name="b")
        rnn = L("SimpleRNN")(3)
        return K.Model([a, b], L("Subtract")()([rnn(a), rnn(b)])), [X, X[::-1].copy()]

    def convolution() -> Made:
        layers = [K.Input((11,)), L("Embedding")(7, 4), L("Conv1D")(5, 3, padding="same", activation="relu")]
        layers += [L("MaxPooling1D")(2), L("LSTM")(3), L("Dense")(1, activation="sigmoid")]
        return K.Sequential(layers), ids(2, 11, high=7)

    def compiled() -> Made:
        model = K.Sequential([K.Input((5, 4)), L("LSTM")(2), L("Dense")(1)])
        model.compile(optimizer="adam", loss="mse", metrics=["mae"])
        model.fit(X, np.zeros((3, 1), np.float32), verbose=0)
        return model, X

    def slashes() -> Made:
        x = K.Input((5, 4), name="in/x")
        return K.Model(x, L("Dense")(2, name="head/out")(L("LSTM")(3, name="block/rnn")(x))), X

    def frozen() -> Made:
        rnn, norm = L("LSTM")(3, trainable=False), L("BatchNormalization")(trainable=False)
        return K.Sequential([K.Input((5, 4)), L("Dense")(4), rnn, norm, L("Dense")(1)]), X

    made = [built, deferred, functional, nested, nested_norm, bidirectional, stateful, shared, convolution]
    made += [compiled, slashes, frozen]
    if system.is_keras3:
        made.remove(slashes)  # Keras 3 refuses such names
    if system.name == "tf1":  # it writes as tf_keras does, but for its own LSTM and GRU
        made = [built, functional, bidirectional, convolution, shared]
    return {function.__name__: function for function in made}


def whole_models(system: System, folder: Path, store: Store) -> list[dict[str, Any]]:
    lines = []
    for name, build in builders(system).items():
        system.keras.backend.clear_session()
        model, inputs = build()
        model.set_weights(fixed_weights(model))
        path = folder / f"{system.name}_{name}.h5"
        model.save(path) if system.is_keras3 else model.save(path, save_format="h5")
        lines.append({"file": path.name, "source": system.name, "kind": "model", **_example(model, inputs, store)})
    return lines


def weights_only(folder: Path, store: Store) -> list[dict[str, Any]]:
    """`save_weights` of tf_keras; the config to build the model from lies beside."""
    lines = []
    for system in SYSTEMS[1:]:
        for name in (
            "built",
            "bidirectional",
            "functional",
            *(() if system.name == "tf1" else ("nested", "nested_norm")),
        ):
            tf_keras.backend.clear_session()
            model, inputs = builders(system)[name]()
            model.set_weights(fixed_weights(model))
            path = folder / f"{system.name}_{name}_weights.h5"
            model.save_weights(path, save_format="h5")
            line = {"file": path.name, "source": system.name, "kind": "weights", "config": system.config(model)}
            lines.append({**line, **_example(model, inputs, store)})
    return lines


@tf_keras.utils.register_keras_serializable("golden")
class Scale(tf_keras.layers.Layer):  # type: ignore[misc]
    """A user's own layer: multiplies by one weight."""

    def __init__(self, factor: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight(name="scale", shape=(int(input_shape[-1]),), initializer="ones")

    def call(self, inputs: Any) -> Any:
        return inputs * self.scale * self.factor

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


def refused(folder: Path) -> list[dict[str, Any]]:
    """Files that hold code, or a class that only its author has: refused by name (or, for a class, given one)."""
    K = tf_keras
    lambda_model = K.Sequential([K.Input((5, 4)), K.layers.LSTM(2), K.layers.Lambda(lambda x: x * 2)])
    lambda_model.save(folder / "tf_keras_lambda.h5", save_format="h5")
    custom = K.Sequential([K.Input((5, 4)), K.layers.LSTM(2), Scale(3.0)])
    custom.save(folder / "tf_keras_custom.h5", save_format="h5")
    return [
        {"file": "tf_keras_lambda.h5", "source": "tf_keras", "kind": "refused", "names": ["lambda", "Lambda"]},
        {"file": "tf_keras_custom.h5", "source": "tf_keras", "kind": "refused", "names": ["Scale", "custom_objects"]},
    ]


def keras_2_0(folder: Path, store: Store) -> list[dict[str, Any]]:
    lines = []
    system = SYSTEMS[2]
    for name in ("built", "functional", "bidirectional", "convolution", "shared"):
        tf_keras.backend.clear_session()
        model, inputs = builders(system)[name]()
        model.set_weights(fixed_weights(model))
        path = folder / f"keras_2.0_{name}.h5"
        write_as_keras_2_0(path, model, system.config(model))
        lines.append({"file": path.name, "source": "tf1", "kind": "model", **_example(model, inputs, store)})
    return lines


def write_as_keras_2_0(path: Path, model: Any, written: dict[str, Any]) -> None:
    """Attributes as bytes, one group a layer, weights under `layer/weight:0`, as `save_model` of Keras 2.0.8 did."""
    with h5py.File(path, "w") as file:
        config = {"class_name": "Sequential", "config": old_sequential(written["config"])}
        if written["class_name"] != "Sequential":
            config = {"class_name": "Model", "config": old_functional(written["config"])}
        file.attrs["keras_version"] = b"2.0.8"
        file.attrs["backend"] = b"tensorflow"
        file.attrs["model_config"] = json.dumps(config).encode()
        group = file.create_group("model_weights")
        group.attrs["backend"], group.attrs["keras_version"] = b"tensorflow", b"2.0.8"
        group.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            _old_weights(group.create_group(layer.name), layer)


def _old_weights(group: Any, layer: Any) -> None:
    names = [_old_name(layer, variable.name) for variable in layer.weights]
    group.attrs["weight_names"] = np.array([name.encode() for name in names]) if names else []
    for name, value in zip(names, layer.get_weights(), strict=True):
        group.create_dataset(name, data=value)


def _old_name(layer: Any, name: str) -> str:
    """`lstm/lstm_cell/kernel:0` was `lstm/kernel:0` before cells existed."""
    parts = [part for part in name.split("/") if not part.endswith("cell") and "_cell_" not in part]
    return "/".join(parts)


FIRST_LAYER = ("batch_input_shape", "dtype")
UNKNOWN_THEN = {"time_major", "groups", "ragged", "synchronized", "build_config", "zero_output_for_mask"}
RECURRENT = ("LSTM", "GRU", "SimpleRNN")


def old_sequential(config: dict[str, Any]) -> list[dict[str, Any]]:
    """A plain list; the input's shape stands in the first real layer."""
    first, *layers = config["layers"]
    assert first["class_name"] == "InputLayer"
    made = [old_layer(layer) for layer in layers]
    kept = {key: value for key, value in made[0]["config"].items() if key in FIRST_LAYER}
    made[0]["config"] |= {"dtype": "float32", **kept, "batch_input_shape": first["config"]["batch_input_shape"]}
    return made


def old_functional(config: dict[str, Any]) -> dict[str, Any]:
    layers = []
    for layer in config["layers"]:
        kept = {"name": layer["name"], **old_layer(layer)}
        layers.append({**kept, "inbound_nodes": layer["inbound_nodes"]})
    ends = {key: config[key] for key in ("input_layers", "output_layers")}
    return {"name": "model_1", "layers": layers, **ends}


def old_layer(layer: dict[str, Any]) -> dict[str, Any]:
    name, given = layer["class_name"], layer["config"]
    if name == "InputLayer":
        kept = {key: given[key] for key in ("batch_input_shape", "dtype", "sparse", "name")}
        return {"class_name": name, "config": kept}
    config = {key: _old_value(value) for key, value in given.items() if key not in UNKNOWN_THEN | set(FIRST_LAYER)}
    if name in RECURRENT:
        config["implementation"] = 0
        config.pop("reset_after", None)
    if name == "Dropout":
        config = {key: config[key] for key in ("name", "trainable", "rate")}
    if name == "Embedding":  # it was always an input, of whole numbers, and said so as its own dtype
        config |= {"activity_regularizer": None, "batch_input_shape": [None, given["input_length"]], "dtype": "int32"}
    return {"class_name": name, "config": config}


GLOROT = {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None}


def _old_value(value: Any) -> Any:
    """Initializers as Keras 2.0 wrote them: the Glorot family as `VarianceScaling`; wrapped layers likewise."""
    if not isinstance(value, dict) or "class_name" not in value:
        return value
    if value["class_name"] in RECURRENT:
        return old_layer({"class_name": value["class_name"], "config": value["config"]})
    if value["class_name"] == "GlorotUniform":
        return {"class_name": "VarianceScaling", "config": dict(GLOROT)}
    return {"class_name": value["class_name"], "config": value["config"]}


def _example(model: Any, inputs: Any, store: Store) -> dict[str, Any]:
    outputs = model(inputs, training=False)
    return {"inputs": store.put_all(inputs), "outputs": store.put_all(tf.nest.map_structure(np.asarray, outputs))}
