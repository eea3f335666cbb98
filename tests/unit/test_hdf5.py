"""HDF5 files: what loads, what is refused and how, and that a file is only data.

Files as the real systems wrote them are in tests/golden; those here are written by hand, to be strange on purpose.
"""

from __future__ import annotations

import gc
import json
import pickle
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gatewise as gw
from gatewise.models import describe, load_model
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


# -- what loads -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("text", [str.encode, str], ids=["bytes", "str"])
def test_texts_in_every_form(tmp_path: Path, text: Any, split: bool) -> None:
    model = small()
    same(load_model(write(tmp_path / "m.h5", model, text=text, split=split)), model)


@pytest.mark.parametrize("kind", [str, Path, lambda path: str(path).encode()])
def test_paths_in_every_form(tmp_path: Path, kind: Any) -> None:
    model = small()
    same(load_model(kind(write(tmp_path / "any name, no ending", model))), model)


def test_block_before_the_signature(tmp_path: Path) -> None:
    model, path = small(), tmp_path / "m.h5"
    write(tmp_path / "plain.h5", model, text=str)
    with h5py.File(path, "w", userblock_size=1024) as file, h5py.File(tmp_path / "plain.h5") as plain:
        file.attrs.update(plain.attrs)
        plain.copy("model_weights", file)
    same(load_model(path), model)


def test_newest_hdf5_layout(tmp_path: Path) -> None:
    model, path = small(), tmp_path / "m.h5"
    write(tmp_path / "plain.h5", model, text=str)
    with h5py.File(path, "w", libver="latest") as file, h5py.File(tmp_path / "plain.h5") as plain:
        file.attrs.update(plain.attrs)
        plain.copy("model_weights", file)
    same(load_model(path), model)


def test_open_elsewhere(tmp_path: Path) -> None:
    model = small()
    path = write(tmp_path / "m.h5", model)
    with h5py.File(path, "r"):
        same(load_model(path), model)
    writer = "import h5py, sys; file = h5py.File(sys.argv[1], 'a'); print('open', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", writer, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(ValueError, match=r"another program has the file open for writing"):
            load_model(path)
        other.communicate(b"\n")
    same(load_model(path), model)


def test_packed_arrays(tmp_path: Path) -> None:
    model = small()
    path = write(tmp_path / "m.h5", model)

    def pack(file: h5py.File) -> None:
        values = file["model_weights/rnn/rnn/kernel"][...]
        del file["model_weights/rnn/rnn/kernel"]
        file.create_dataset("model_weights/rnn/rnn/kernel", data=values, compression="gzip", shuffle=True)

    same(load_model(edited(path, pack)), model)


def test_other_dtypes_are_cast(tmp_path: Path) -> None:
    model = small()
    arrays = {"head": [w.astype(kind) for w, kind in zip(model.layers[-1].get_weights(), ("f8", "f2"), strict=True)]}
    loaded = load_model(write(tmp_path / "m.h5", model, arrays=arrays))
    assert [w.dtype.name for w in loaded.weights] == ["float32"] * 5
    np.testing.assert_allclose(loaded.predict(X), model.predict(X), atol=2e-3)


def test_loading_runs_no_initializer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large file loads as fast as it is read: no orthogonal matrix is made first."""
    path = write(tmp_path / "m.h5", small())
    monkeypatch.setattr(gw.initializers.Orthogonal, "__call__", lambda *_, **__: pytest.fail("an initializer ran"))
    load_model(path)


def test_the_writers_version_decides(tmp_path: Path) -> None:
    """`hard_sigmoid` of 2 is 0.7 in Keras 2 and 5/6 in Keras 3."""
    model = gw.Sequential([gw.Input((1,)), L.Activation("hard_sigmoid")])
    config = json.loads(model.to_json())
    for version, wanted in (("2.0.8", 0.9), ("2.2.4-tf", 0.9), ("2.15.0", 0.9), (None, 0.9), ("3.3.3", 5 / 6)):
        loaded = load_model(write(tmp_path / "m.h5", model, config=config, version=version))
        np.testing.assert_allclose(loaded.predict(np.array([[2.0]])), [[wanted]], rtol=1e-6)


def test_no_weights_at_all(tmp_path: Path) -> None:
    model = gw.Sequential([gw.Input((5, 4)), L.Flatten(), L.Activation("relu")])
    same(load_model(write(tmp_path / "m.h5", model)), model)


def test_layers_that_were_renamed_go_by_order(tmp_path: Path) -> None:
    model = small()
    config = json.loads(model.to_json())
    for layer in config["config"]["layers"][1:]:
        layer["config"]["name"] += "_renamed"
    same(load_model(write(tmp_path / "m.h5", model, config=config)), model)


# -- models that do not say their input -----------------------------------------------------------------------------

DEFERRED = {
    "lstm": lambda: [L.LSTM(3)],
    "masked": lambda: [L.Masking(), L.GRU(3, return_sequences=True), L.Dense(2)],
    "bidirectional": lambda: [L.Bidirectional(L.LSTM(3))],
    "convolution": lambda: [L.Conv1D(3, 2), L.SimpleRNN(2)],
    "dense": lambda: [L.Dense(3), L.Dense(2)],
    "dense before lstm": lambda: [L.Dense(3), L.LSTM(2)],
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


# -- weights alone --------------------------------------------------------------------------------------------------


def test_weights_by_order(tmp_path: Path) -> None:
    model = small()
    path = write(tmp_path / "w.h5", model, config=None)
    other = gw.Sequential([gw.Input((5, 4)), L.LSTM(3), L.Dense(2)])
    other.load_weights(path)
    same(other, model)


def test_weights_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "w.h5", small(), config=None)
    other = gw.Sequential([gw.Input((5, 4)), L.Dense(4, name="new"), L.LSTM(3, name="rnn"), L.Dense(9, name="head9")])
    before = other.get_layer("new").get_weights()
    other.load_weights(path, by_name=True)
    for one, two in zip(other.get_layer("rnn").get_weights(), small().get_layer("rnn").get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    for one, two in zip(other.get_layer("new").get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, two)


def test_skip_mismatch(tmp_path: Path) -> None:
    path = write(tmp_path / "w.h5", small(), config=None)
    other = gw.Sequential([gw.Input((5, 4)), L.LSTM(3, name="rnn"), L.Dense(7, name="head")])
    with pytest.raises(ValueError, match=r"'kernel' of the layer Dense 'head' has the shape \(3, 7\).*\(3, 2\)"):
        other.load_weights(path, by_name=True)
    with pytest.raises(ValueError, match=r"needs by_name=True"):
        other.load_weights(path, skip_mismatch=True)
    with pytest.warns(UserWarning, match=r"left as they were: .*'head'"):
        other.load_weights(path, by_name=True, skip_mismatch=True)
    np.testing.assert_array_equal(other.get_layer("rnn").get_weights()[0], small().layers[0].get_weights()[0])


def test_frozen_layers_inside_models(tmp_path: Path) -> None:
    """Files hold what is trainable first; the order is that of the model as it is now."""
    z = gw.Input((5, 4))
    inner = gw.Model(z, L.Dense(2)(L.LSTM(3, trainable=False)(L.Dense(4)(z))), name="inner")
    model = with_random_weights(gw.Sequential([gw.Input((5, 4)), inner]))
    owners = [owner.name.rstrip("_0123456789") for owner, _ in saved_order(inner)]
    assert owners == ["dense"] * 4 + ["lstm"] * 3
    same(load_model(write(tmp_path / "m.h5", model)), model)


def transposed_gates(kernel: np.ndarray, gates: int) -> np.ndarray:
    """A kernel (I, gH) as cuDNN keeps it: each gate's numbers in the order of its transpose."""
    rows, columns = kernel.shape
    parts = np.split(kernel, gates, axis=1)
    return np.hstack([part.T.reshape(rows, columns // gates) for part in parts])


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize("wrapped", [False, True], ids=["alone", "bidirectional"])
def test_cudnn_layers(tmp_path: Path, kind: str, wrapped: bool) -> None:
    rnn = getattr(L, kind)(3, name="rnn")
    layer = L.Bidirectional(rnn, name="rnn") if wrapped else rnn
    model = with_random_weights(gw.Sequential([gw.Input((5, 4)), layer]))
    weights, arrays, gates = layer.get_weights(), [], {"LSTM": 4, "GRU": 3}[kind]
    for kernel, recurrent_kernel, bias in (weights[k : k + 3] for k in range(0, len(weights), 3)):
        both = bias.reshape(-1) if kind == "GRU" else np.concatenate([bias - 7, np.full_like(bias, 7)])
        arrays += [transposed_gates(kernel, gates), transposed_gates(recurrent_kernel, gates), both]
    config = json.loads(model.to_json())
    entry = config["config"]["layers"][1]
    entry = entry["config"]["layer"] if wrapped else entry
    entry["class_name"] = f"CuDNN{kind}"
    kept = ("name", "trainable", "units", "return_sequences", "go_backwards", "stateful")
    entry["config"] = {key: entry["config"][key] for key in kept}
    path = write(tmp_path / "m.h5", model, config=config, version="2.2.4", arrays={"rnn": arrays})
    np.testing.assert_allclose(load_model(path).predict(X), model.predict(X), atol=2e-6)  # 7 costs three bits of bias


@pytest.mark.parametrize(("kind", "order"), [("LSTM", (0, 2, 1, 3)), ("GRU", (0, 1, 2))])
def test_gates_of_keras_1(tmp_path: Path, kind: str, order: tuple[int, ...]) -> None:
    options = {"reset_after": False} if kind == "GRU" else {}
    layer = getattr(L, kind)(3, name="rnn", **options)
    model = with_random_weights(gw.Sequential([gw.Input((5, 4)), layer]))
    split = [np.split(weight, len(order), axis=-1) for weight in layer.get_weights()]
    path = write(
        tmp_path / "w.h5", model, config=None, version=None,
        arrays={"rnn": [weight[gate] for gate in order for weight in split]},
    )  # fmt: skip
    fresh = gw.models.clone_model(model)
    fresh.load_weights(path)
    same(fresh, model)


def test_kernels_trained_on_theano_run_backwards(tmp_path: Path) -> None:
    model = with_random_weights(gw.Sequential([gw.Input((5, 4)), L.Conv1D(2, 3, name="conv")]))
    kernel, bias = model.get_weights()
    path = write(tmp_path / "m.h5", model, backend="theano", arrays={"conv": [kernel[::-1], bias]})
    same(load_model(path), model)


@pytest.mark.parametrize(("here", "there"), [(False, True), (True, False)])
def test_reset_after_is_not_converted(tmp_path: Path, here: bool, there: bool) -> None:
    made = [gw.Sequential([gw.Input((5, 4)), L.GRU(3, reset_after=flag)]) for flag in (here, there)]
    path = write(tmp_path / "w.h5", made[1], config=None)
    with pytest.raises(ValueError, match=f"reset_after={there}: make the layer with that"):
        made[0].load_weights(path)


def test_a_models_own_weights(tmp_path: Path) -> None:
    class Own(gw.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = L.Dense(2, name="dense")

        def build(self, input_shape: Any) -> None:
            self.scale = self.add_weight(name="scale", shape=(2,), initializer="ones")

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs) * self.scale.value

    one, two = Own(), Own()
    one(X), two(X)
    with_random_weights(one)

    def top(file: h5py.File) -> None:
        group = file.create_group("top_level_model_weights")
        group.attrs["weight_names"] = [b"scale:0"]
        group["scale:0"] = one.scale.numpy()

    path = edited(write(tmp_path / "w.h5", one, config=None), top)
    two.load_weights(path)
    same(one, two)
    edited(path, lambda file: file["top_level_model_weights"].attrs.create("weight_names", np.array([], "S1")))
    with pytest.raises(ValueError, match=r"1 weights of its own \[\(2,\)\], the file 0"):
        two.load_weights(path)


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


def test_weights_of_keras_3(tmp_path: Path) -> None:
    model, fresh = nested(), nested()
    path = write_vars(tmp_path / "m.weights.h5", model)
    with_random_weights(fresh, seed=9)
    fresh.load_weights(path)
    same(fresh, model)
    found = describe(path)
    assert (found.kind, found.parameters) == ("weights", model.count_params())
    assert {layer.name: layer.parameters for layer in found.layers}["dense_1"] == 4
    assert [w.name for layer in found.layers for w in layer.weights if layer.name == "gru"] == [
        "cell/vars/0",
        "cell/vars/1",
        "cell/vars/2",
    ]
    with pytest.raises(ValueError, match=r"holds weights alone"):
        load_model(path)
    with pytest.raises(ValueError, match=r"keeps no names: load it without by_name"):
        fresh.load_weights(path, by_name=True)
    with pytest.raises(ValueError, match=r"not built"):
        gw.Sequential([L.Dense(2)]).load_weights(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda file: file.__delitem__("layers/gru/cell/vars"), r"has 3 weights .*'layers/gru/cell/vars' has 0"),
        (lambda file: file.__delitem__("layers/dense_1/vars/0"), r"has 2 weights .*has 1|/0' is missing"),
        (lambda file: file["layers/dense/vars"].create_dataset("2", data=1.0), r"has 2 weights .* has 3"),
        (
            lambda file: (
                file.__delitem__("layers/dense/vars/0"),
                file.create_dataset("layers/dense/vars/0", data=np.ones((9, 9))),
            ),
            r"'kernel' of the layer Dense 'head' has the shape \(2, 3\)|claims the shape",
        ),
    ],
    ids=["group gone", "array gone", "array too many", "misshapen"],
)
def test_weights_of_keras_3_that_do_not_fit(tmp_path: Path, change: Any, words: str) -> None:
    path = edited(write_vars(tmp_path / "m.weights.h5", nested()), change)
    model = with_random_weights(nested(), seed=9)
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"(?s)m\.weights\.h5'.*" + f"({words})"):
        model.load_weights(path)
    for one, two in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, two)


def test_circles_end(tmp_path: Path) -> None:
    def circle(file: h5py.File) -> None:
        file["layers/dense/again"] = file["layers"]

    path = edited(write_vars(tmp_path / "m.weights.h5", nested()), circle)
    with pytest.raises(ValueError, match=r"more than 10000 groups"):
        describe(path)


@pytest.mark.parametrize(
    "places",
    [
        ("layers/dense", "layers/lstm/cell", "many/dense", "many/dense_1"),
        ("first", "layers/lstm/cell", "layers/dense_1", "layers/dense_2"),
    ],
    ids=["tf_keras 2.21", "Keras 3.15"],
)
def test_weights_of_a_users_model_in_keras_3s_layout(tmp_path: Path, places: tuple[str, ...]) -> None:
    class Own(gw.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first = L.Dense(3)
            self._second = L.LSTM(2)
            self.many = [L.Dense(4), L.Dense(2)]

        def call(self, inputs: Any) -> Any:
            x = self._second(self.first(inputs))
            for layer in self.many:
                x = layer(x)
            return x

    one, two = Own(), Own()
    one(X), two(X)
    with_random_weights(one)
    with h5py.File(tmp_path / "own.weights.h5", "w") as file:
        file.create_group("vars")
        for place, layer in zip(places, (one.first, one._second, *one.many), strict=True):
            for k, value in enumerate(layer.get_weights()):
                file[f"{place}/vars/{k}"] = value
    two.load_weights(tmp_path / "own.weights.h5")
    same(one, two)


# -- what does not fit ----------------------------------------------------------------------------------------------


def delete(name: str) -> Callable[[h5py.File], Any]:
    return lambda file: file.__delitem__(name)


def reshape(name: str, shape: tuple[int, ...]) -> Callable[[h5py.File], Any]:
    def change(file: h5py.File) -> None:
        del file[name]
        file[name] = np.ones(shape, "f4")

    return change


KERNEL = "model_weights/head/head/kernel"
BROKEN: dict[str, tuple[Callable[[h5py.File], Any], str]] = {
    "array gone": (delete(KERNEL), "head/kernel' is missing"),
    "layer gone": (delete("model_weights/head"), "/model_weights/head' is missing"),
    "weights gone": (delete("model_weights"), "holds no weights"),
    "names gone": (lambda file: file["model_weights"].attrs.__delitem__("layer_names"), "no layer_names"),
    "misshapen": (reshape(KERNEL, (3, 5)), r"'kernel' of the layer Dense 'head' has the shape \(3, 2\).*has \(3, 5\)"),
    "transposed": (reshape(KERNEL, (2, 3)), r"\(3, 2\).*has \(2, 3\)"),
    "no numbers": (reshape(KERNEL, (0, 2)), r"\(3, 2\).*has \(0, 2\)"),
    "a group": (lambda file: (delete(KERNEL)(file), file.create_group(KERNEL)), "expected an array .*, found a group"),
    "an array": (
        lambda file: (delete("model_weights/head")(file), file.create_dataset("model_weights/head", data=1.0)),
        "expected a group at '/model_weights/head', found an array",
    ),
    "too few weights": (
        lambda file: file["model_weights/head"].attrs.create("weight_names", [b"head/kernel"]),
        r"Dense 'head' has 2 weights \[\(3, 2\), \(2,\)\], the file's 'head' has 1: \[\(3, 2\)\]",
    ),
    "too few layers": (
        lambda file: file["model_weights"].attrs.create("layer_names", [b"rnn"]),
        r"2 layers with weights \(rnn, head\), the file 1 \(rnn\)",
    ),
    "names of numbers": (lambda file: file["model_weights"].attrs.create("layer_names", [1, 2]), "must hold text"),
    "names not UTF-8": (lambda file: file["model_weights"].attrs.create("layer_names", [b"\xff"]), "damaged.*utf-8"),
    "a config of numbers": (
        lambda file: file.attrs.create("model_config", 3.0),
        "'model_config' of '/' must hold text",
    ),
    "two configs": (lambda file: file.attrs.create("model_config", [b"a", b"b"]), "one text, but holds 2"),
    "not JSON": (lambda file: file.attrs.create("model_config", b'{"class_name'), "config is not JSON"),
    "deep JSON": (lambda file: file.attrs.create("model_config", b"[" * 60000), "config is not JSON"),
    "JSON of a list": (lambda file: file.attrs.create("model_config", b"[]"), "a dict with a class_name"),
    "a layer": (
        lambda file: file.attrs.create("model_config", b'{"class_name": "Dense", "config": {"units": 2}}'),
        "'Dense' is a layer, not a model",
    ),
    "no version": (lambda file: file["model_weights"].attrs.create("keras_version", b"new"), "'new' is not a version"),
    "no model": (lambda file: (delete("model_weights")(file), file.attrs.clear()), "holds no Keras model"),
}


@pytest.mark.parametrize(("change", "words"), BROKEN.values(), ids=list(BROKEN))
def test_broken(tmp_path: Path, change: Any, words: str) -> None:
    path = edited(write(tmp_path / "m.h5", small()), change)
    with pytest.raises(ValueError, match=r"(?s)m\.h5'.*" + words):
        load_model(path)


@pytest.mark.parametrize(
    "name", ["array gone", "misshapen", "too few weights", "too few layers", "an array", "names not UTF-8"]
)
def test_nothing_is_half_loaded(tmp_path: Path, name: str) -> None:
    path = edited(write(tmp_path / "m.h5", with_random_weights(small(), seed=1)), BROKEN[name][0])
    model = small()
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"m\.h5'"):
        model.load_weights(path)
    for one, two in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, two)


def test_nothing_is_half_loaded_when_reading_fails(tmp_path: Path) -> None:
    """The last array is damaged inside: its shape is fine, its packed numbers are not."""
    path = write(tmp_path / "m.h5", with_random_weights(small(), seed=1))

    def pack(file: h5py.File) -> None:
        del file[KERNEL]
        data = file.create_dataset(KERNEL, shape=(3, 2), dtype="f4", chunks=(3, 2), compression="gzip")
        data.id.write_direct_chunk((0, 0), b"no deflate stream")

    model = small()
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"damaged"):
        model.load_weights(edited(path, pack))
    for one, two in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, two)


def test_weights_alone_are_not_a_model(tmp_path: Path) -> None:
    path = write(tmp_path / "w.h5", small(), config=None)
    with pytest.raises(ValueError, match=r"w\.h5': the file holds weights alone.*Build the model.*load_weights"):
        load_model(path)


def test_unknown_class(tmp_path: Path) -> None:
    config = json.loads(small().to_json())
    config["config"]["layers"][2] |= {"class_name": "Mine", "module": "my.code"}
    path = write(tmp_path / "m.h5", small(), config=config)
    with pytest.raises(ValueError, match=r"'drop' is of the class 'Mine'.*custom_objects=\{'Mine': Mine\}"):
        load_model(path)
    same(load_model(path, custom_objects={"Mine": L.Dropout}), small())
    given = {"Mine": L.Dropout}
    load_model(path, custom_objects=given)
    assert given == {"Mine": L.Dropout}


def test_unknown_class_inside_a_wrapper(tmp_path: Path) -> None:
    model = gw.Sequential([gw.Input((5, 4)), L.TimeDistributed(L.Dense(2), name="wrapped")])
    config = json.loads(model.to_json())
    config["config"]["layers"][1]["config"]["layer"] |= {"class_name": "Mine", "module": None}
    with pytest.raises(ValueError, match=r"of the class 'Mine'"):
        load_model(write(tmp_path / "m.h5", model, config=config))


def test_unknown_activation(tmp_path: Path) -> None:
    config = json.loads(small().to_json())
    config["config"]["layers"][1]["config"]["activation"] = "tahn"
    with pytest.raises(ValueError, match=r"(?s)m\.h5'.*'rnn'.*tahn.*'tanh'"):
        load_model(write(tmp_path / "m.h5", small(), config=config))


NOT_HDF5 = {
    b"": "empty",
    b"PK\x03\x04....": r"zip archive.*Keras 3 writes as \.keras",
    pickle.dumps({"a": 1}): "Python pickle.*never",
    b'  {"class_name": "Sequential"}': "JSON.*model_from_json",
    b"\x93NUMPY\x01\x00": "NumPy array",
    b"<!DOCTYPE html>": "web page",
    b"version https://git-lfs.github.com/spec/v1\n": "Git LFS pointer",
    b"import os": "not an HDF5 file: it starts with b'import o'",
}


@pytest.mark.parametrize(("start", "words"), NOT_HDF5.items(), ids=list(NOT_HDF5.values()))
def test_not_hdf5(tmp_path: Path, start: bytes, words: str) -> None:
    path = tmp_path / "m.h5"
    path.write_bytes(start)
    for read in (load_model, describe, small().load_weights):
        with pytest.raises(ValueError, match=r"m\.h5' is .*" + words):
            read(path)


def test_directories_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.h5"):
        load_model(tmp_path / "absent.h5")
    (tmp_path / "checkpoint.index").touch()
    with pytest.raises(ValueError, match=r"is a TensorFlow checkpoint"):
        small().load_weights(tmp_path / "checkpoint")
    with pytest.raises(ValueError, match=r"is a directory"):
        load_model(tmp_path)
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(ValueError, match=r"SavedModel directory.*HDF5"):
        load_model(tmp_path)


# -- a file is data -------------------------------------------------------------------------------------------------


def test_links_are_not_followed(tmp_path: Path) -> None:
    good = write(tmp_path / "good.h5", small())
    links = {
        "elsewhere": h5py.ExternalLink(str(good), f"/{KERNEL}"),
        "within": h5py.SoftLink("/model_weights/rnn/rnn/kernel"),
    }
    for name, link in links.items():

        def change(file: h5py.File, link: Any = link) -> None:
            del file[KERNEL]
            file[KERNEL] = link

        path = edited(write(tmp_path / f"{name}.h5", small()), change)
        with pytest.raises(ValueError, match=r"is a link to another place or file"):
            load_model(path)


def test_linked_group(tmp_path: Path) -> None:
    good = write(tmp_path / "good.h5", small())

    def change(file: h5py.File) -> None:
        del file["model_weights"]
        file["model_weights"] = h5py.ExternalLink(str(good), "/model_weights")

    with pytest.raises(ValueError, match=r"is a link"):
        load_model(edited(write(tmp_path / "m.h5", small()), change))


def test_numbers_in_other_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(24))

    def external(file: h5py.File) -> None:
        del file[KERNEL]
        file.create_dataset(KERNEL, shape=(3, 2), dtype="f4", external=[(str(secret), 0, 24)])

    def virtual(file: h5py.File) -> None:
        del file[KERNEL]
        layout = h5py.VirtualLayout((3, 2), "f4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "good.h5"), KERNEL, (3, 2))
        file.create_virtual_dataset(KERNEL, layout)

    write(tmp_path / "good.h5", small())
    for change in (external, virtual):
        path = edited(write(tmp_path / "m.h5", small()), change)
        with pytest.raises(ValueError, match=r"lie in other files"):
            load_model(path)


@pytest.mark.parametrize(
    "value",
    [np.array([b"x"] * 6).reshape(3, 2), np.zeros((3, 2), "c8"), np.zeros((3, 2), [("a", "f4")]), h5py.Empty("f4")],
    ids=["text", "complex", "compound", "nothing"],
)
def test_what_is_not_numbers(tmp_path: Path, value: Any) -> None:
    def change(file: h5py.File) -> None:
        del file[KERNEL]
        file[KERNEL] = value

    with pytest.raises(ValueError, match=r"must hold numbers"):
        load_model(edited(write(tmp_path / "m.h5", small()), change))


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        del file[KERNEL]
        data = file.create_dataset(KERNEL, shape=(3, 2), dtype=h5py.special_dtype(vlen=np.uint8))
        data[0, 0] = np.frombuffer(pickle.dumps({}), np.uint8)

    with pytest.raises(ValueError, match=r"must hold numbers"):
        load_model(edited(write(tmp_path / "m.h5", small()), change))


def test_filters_that_need_a_plugin(tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        del file[KERNEL]
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((3, 2))
        plan.set_filter(32099, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((3, 2))
        h5py.h5d.create(file["model_weights/head/head"].id, b"kernel", h5py.h5t.NATIVE_FLOAT, space, plan)

    with pytest.raises(ValueError, match=r"filter 32099, which needs a plugin"):
        load_model(edited(write(tmp_path / "m.h5", small()), change))


def test_a_lambda_is_not_run(tmp_path: Path) -> None:
    config = json.loads(small().to_json())
    config["config"]["layers"][2] = {"class_name": "Lambda", "config": {"name": "code", "function": ["4wEAAAA", None]}}
    path = write(tmp_path / "m.h5", small(), config=config)
    with pytest.raises(ValueError, match=r"'code' is a Lambda.*not run"):
        load_model(path)


@pytest.mark.parametrize("units", [10**5, 10**9, 2**62])
def test_absurd_sizes_cost_nothing(tmp_path: Path, units: int) -> None:
    """Ten million million numbers: refused for their shape, before any is made."""
    config = json.loads(small().to_json())
    config["config"]["layers"][1]["config"]["units"] = units
    path = write(tmp_path / "m.h5", small(), config=config)
    started = time.monotonic()
    with pytest.raises(ValueError, match=r"m\.h5'"):
        load_model(path)
    assert time.monotonic() - started < 2


def test_arrays_that_the_file_has_no_room_for(tmp_path: Path) -> None:
    side = 10**6

    def never_written(file: h5py.File) -> None:
        del file[KERNEL]
        file.create_dataset(KERNEL, shape=(side, side), dtype="f4")

    def packed(file: h5py.File) -> None:
        del file[KERNEL]
        file.create_dataset(KERNEL, shape=(side, side), dtype="f4", chunks=(1000, 1000), compression="gzip")

    def large_chunk(file: h5py.File) -> None:
        del file[KERNEL]
        file.create_dataset(KERNEL, (3, 2), "f4", chunks=(10**4, 10**4), maxshape=(None, None), compression="gzip")

    config = json.loads(small().to_json())
    for change in (never_written, packed, large_chunk):
        path = edited(write(tmp_path / "m.h5", small(), config=config), change)
        with pytest.raises(ValueError, match=r"claims the shape"):
            load_model(path)


def test_groups_in_a_circle(tmp_path: Path) -> None:
    def circle(file: h5py.File) -> None:
        head = file["model_weights/head/head"]
        head["head"] = head
        file["model_weights/head"].attrs["weight_names"] = [b"head/" * 2000 + b"kernel", b"head/bias"]

    model = small()
    same(load_model(edited(write(tmp_path / "m.h5", model), circle)), model)


def test_many_claimed_names(tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        kind = h5py.h5t.C_S1.copy()
        kind.set_size(1)
        del file["model_weights"].attrs["layer_names"]
        space = h5py.h5s.create_simple((60000,))
        h5py.h5a.create(file["model_weights"].id, b"layer_names", kind, space)

    with pytest.raises(ValueError, match=r"m\.h5'"):
        load_model(edited(write(tmp_path / "m.h5", small()), change))


# -- damage ---------------------------------------------------------------------------------------------------------

TINY = ["keras_2.0_shared.h5", "tf_keras_nested_weights.h5", "keras3_built.h5"]


def survives(path: Path) -> None:
    """A clean error, or a result, of everything that reads files."""
    for read in (load_model, describe, small().load_weights):
        try:
            read(path)
        except (ValueError, OSError) as error:
            told = str(path) in str(error)
        else:
            told = True
        assert told


@pytest.mark.parametrize("name", TINY)
def test_cut_short_anywhere(tmp_path: Path, name: str) -> None:
    data, path = (FILES / name).read_bytes(), tmp_path / "m.h5"
    for length in [*range(0, 100, 7), *range(100, len(data), len(data) // 60), len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"m\.h5'.*(cut short|not an HDF5|empty|damaged)"):
            load_model(path)
        survives(path)


@pytest.mark.parametrize("name", TINY)
@settings(max_examples=150, deadline=4000)
@given(seed=st.integers(0, 2**32))
def test_bytes_changed_anywhere(tmp_path_factory: Any, name: str, seed: int) -> None:
    rng, data = random.Random(seed), bytearray((FILES / name).read_bytes())
    for _ in range(rng.choice((1, 1, 2, 8))):
        place = rng.randrange(rng.choice((len(data), 4000)))
        data[place] = rng.choice((0, 255, data[place] ^ (1 << rng.randrange(8)), rng.randrange(256)))
    path = tmp_path_factory.getbasetemp() / "changed.h5"
    path.write_bytes(data)
    survives(path)


def test_lengths_of_texts_are_checked(tmp_path: Path) -> None:
    """A text that claims 4 GiB: the HDF5 library would take them first, and notice then."""
    data = bytearray(write(tmp_path / "m.h5", small(), text=str).read_bytes())
    place = data.index((4).to_bytes(4, "little") + (2048).to_bytes(8, "little"))  # "head" or "drop" in the first heap
    data[place + 3] = 0xFF
    path = tmp_path / "long.h5"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"long\.h5': the file is damaged .the text of"):
        load_model(path)


def test_texts_that_together_are_longer_than_the_file(tmp_path: Path) -> None:
    """A thousand names may all refer to one long text: a small file that would take much memory."""

    def change(file: h5py.File) -> None:
        file["model_weights"].attrs.create("layer_names", ["a"] * 1000, dtype=h5py.string_dtype())

    path = edited(write(tmp_path / "m.h5", small()), change)
    data = bytearray(path.read_bytes())
    names = re.search(rb"(\x01\0\0\0.{8}..\0\0){1000}", data, re.DOTALL)
    assert names is not None
    for place in range(names.start(), names.end(), 16):
        data[place : place + 4] = (len(data) // 500).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"the text of 'layer_names'"):
        load_model(path)


def test_heaps_of_texts_are_checked(tmp_path: Path) -> None:
    """An object of a heap that reaches past its end: over some such the HDF5 library never comes back."""
    data = bytearray(write(tmp_path / "m.h5", small(), text=str).read_bytes())
    place = data.index(b"GCOL") + 16
    data[place + 8 : place + 16] = (2**20).to_bytes(8, "little")
    path = tmp_path / "heap.h5"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"heap\.h5': the file is damaged .the text of"):
        load_model(path)


# -- description ----------------------------------------------------------------------------------------------------


def test_describe_a_model(tmp_path: Path) -> None:
    found = describe(write(tmp_path / "m.h5", small()))
    assert (found.format, found.kind, found.keras_version, found.backend) == ("HDF5", "model", "2.4.0", "tensorflow")
    assert (found.class_name, found.name, found.problem) == ("Sequential", "small", None)
    assert found.training_config
    assert found.optimizer_weights
    assert [(layer.name, layer.class_name, layer.output_shape, layer.parameters) for layer in found.layers[1:]] == [
        ("rnn", "LSTM", (None, 3), 96),
        ("drop", "Dropout", (None, 3), 0),
        ("head", "Dense", (None, 2), 8),
    ]
    assert found.layers[0].output_shape == (None, 5, 4)
    assert [(w.name, w.shape, w.dtype) for w in found.layers[-1].weights] == [
        ("head/kernel", (3, 2), "float32"),
        ("head/bias", (2,), "float32"),
    ]
    assert found.parameters == 104 == small().count_params()


def test_describe_weights(tmp_path: Path) -> None:
    found = describe(write(tmp_path / "w.h5", small(), config=None))
    assert (found.kind, found.class_name, found.name, found.keras_version) == ("weights", None, None, "2.4.0")
    assert [(layer.name, layer.class_name, layer.parameters) for layer in found.layers] == [
        ("rnn", None, 96),
        ("drop", None, 0),
        ("head", None, 8),
    ]
    assert not found.training_config


def test_describe_what_cannot_be_made(tmp_path: Path) -> None:
    config = json.loads(small().to_json())
    config["config"]["layers"][2] |= {"class_name": "Mine", "module": "my.code"}
    found = describe(write(tmp_path / "m.h5", small(), config=config))
    assert "'Mine'" in str(found.problem)
    assert [(layer.name, layer.class_name) for layer in found.layers[1:]] == [
        ("rnn", "LSTM"),
        ("drop", "Mine"),
        ("head", "Dense"),
    ]
    assert found.parameters == 104


def test_describe_makes_no_arrays(tmp_path: Path) -> None:
    model = gw.Sequential([gw.Input((5, 4)), L.Dense(2, name="head")])
    config = json.loads(model.to_json())
    config["config"]["layers"][1]["config"]["units"] = 10**12
    found = describe(write(tmp_path / "m.h5", model, config=config))
    assert found.layers[1].output_shape == (None, 5, 10**12)


def test_files_are_closed(tmp_path: Path) -> None:
    path = write(tmp_path / "m.h5", small())
    model = load_model(path)
    with pytest.raises(ValueError, match=r"weights"):
        gw.Sequential([gw.Input((5, 4)), L.Dense(1)]).load_weights(path)
    gc.collect()
    with h5py.File(path, "w"):
        pass  # Windows, and HDF5 itself, refuse this while a reader has the file.
    assert model.predict(X).shape == (3, 2)
