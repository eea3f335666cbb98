"""Whole models from files: what loads, and what is refused and how."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from keras_files import KERNEL, X, delete, edited, reshape, same, small, with_random_weights, write

import gatewise as gw
from gatewise.models import load_model

L = gw.layers


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
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"m\.h5'"):
        load_model(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 50e6
