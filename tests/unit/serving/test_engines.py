"""What the engines' sides say without the engines."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import gatewise as gw
from gatewise.serving.cluster import Folder, Predictor, RedisLog, ray_pool
from gatewise.serving.cluster.on_ray import _keep_model, _kept_model


@pytest.fixture(scope="module")
def model():
    return gw.Sequential([gw.Input((None, 3)), gw.layers.SimpleRNN(2)])


def test_without_ray(model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'gatewise\[ray\]'"):
        ray_pool(model, tmp_path)


def test_without_the_client_of_redis(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'gatewise\[redis\]'"):
        RedisLog("redis://127.0.0.1:1")


def test_a_model_in_a_storage(model, tmp_path):
    storage = Folder(tmp_path / "new")
    _keep_model(model, storage)
    _keep_model(model, storage)
    assert all(map(np.array_equal, _kept_model(storage).get_weights(), model.get_weights()))
    other = gw.Sequential([gw.Input((None, 3)), gw.layers.SimpleRNN(2)])
    with pytest.raises(ValueError, match="other weights"):
        _keep_model(other, storage)


def test_names_in_a_folder(tmp_path):
    storage = Folder(tmp_path)
    storage.delete("nothing")
    for name in ("../x", "a/b", "", "a b"):
        with pytest.raises(ValueError, match="A name in a storage"):
            storage.put(name, b"")


def test_a_column_that_is_not_there(model):
    with pytest.raises(KeyError, match="no column 'x'; it has"):
        Predictor(model)({"readings": np.zeros((1, 2, 3))})


def test_several_inputs_and_a_path(tmp_path):
    one, two = gw.Input((None, 2), name="one"), gw.Input((3,), name="two")
    both = gw.Model([one, two], gw.layers.Dense(1)(gw.layers.Concatenate()([gw.layers.GRU(2)(one), two])))
    both.save(tmp_path / "both.keras")
    batch = {"a": np.ones((4, 5, 2), "float32"), "b": np.ones((4, 3), "float32")}
    made = Predictor(tmp_path / "both.keras", column=["a", "b"], output="said")(batch)
    np.testing.assert_array_equal(made["said"], both.predict([batch["a"], batch["b"]], verbose=0))
