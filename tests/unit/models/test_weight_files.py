"""Weights from files into models made in code: by order, by name and by place; all of them or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from keras_files import KERNEL, X, edited, nested, same, small, with_random_weights, write, write_vars

import gatewise as gw
from gatewise.models import describe, load_model
from gatewise.models.saved_order import saved_order

L = gw.layers


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
