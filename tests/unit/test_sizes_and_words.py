"""Sizes that no machine has, arguments that nothing takes, and hints that mislead: said at once and in words."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.base.absent import message
from gatewise.utils import array_files

L = gw.layers
COUNTER = ((None, 2), 3)


def model() -> Any:
    return gw.Sequential([gw.Input(COUNTER[0]), L.LSTM(COUNTER[1], name="lstm")])


@pytest.mark.parametrize("count", [0, -1, 2**30 + 1, 2**62, 2**63, 2**64, True, 1.0])
def test_how_many_streams(count: Any) -> None:
    made = model()
    with pytest.raises(ValueError, match=r"batch_size must be a positive integer, at most 1073741824"):
        made.stream(count)
    with pytest.raises(ValueError, match=r"capacity must be a positive integer, at most 1073741824"):
        made.stream_pool(count)


@pytest.mark.parametrize("layer", [lambda: L.LSTM(2**31, name="a"), lambda: L.Dense(2**62, name="a")])
def test_weights_beyond_all_memory(layer: Any) -> None:
    with pytest.raises((ValueError, MemoryError), match=r"'a'.*(would take|not enough memory)"):
        layer().build((None, None, 2**30))


def test_an_argument_that_call_does_not_take() -> None:
    x = gw.Input((4, 2))
    with pytest.raises(TypeError, match=r"LSTM 'l': its call has no argument 'maks'. Did you mean 'mask'"):
        L.LSTM(3, name="l")(x, maks=None)
    config = json.loads(gw.Model(x, L.Dense(3, name="d")(x)).to_json())
    config["config"]["layers"][1]["inbound_nodes"][0]["kwargs"]["speed"] = 2
    with pytest.raises(TypeError, match=r"Dense 'd': its call has no argument 'speed'"):
        gw.models.model_from_json(json.dumps(config))


@pytest.mark.parametrize("place", [[-1, 0], [0, -1]])
def test_negative_places_in_a_config(place: list[int]) -> None:
    x = gw.Input((4, 2), name="x")
    config = json.loads(gw.Model(x, L.Dense(3, name="d")(x)).to_json())
    config["config"]["output_layers"] = [["d", *place]]
    with pytest.raises(ValueError, match=r"asks for output .* of call .* of 'd', which is not there"):
        gw.models.model_from_json(json.dumps(config))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("layers", 5, r"'layers' of the model .* must be a list of layers, got 5"),
        ("layers", [3], r"'layers' of the model .* must be a list of layers, got 3"),
        ("output_layers", 7, r"'output_layers' of the model .* is not what Keras writes: 7"),
        ("kernel_initializer", {"class_name": 5}, r"'d'.*kernel_initializer"),
        ("inbound_nodes", 5, r"'inbound_nodes' of the layer 'd' must be a list of its calls, got 5"),
        ("inbound_nodes", [{"args": 1}], r"'inbound_nodes' of the layer 'd' is not what Keras writes"),
    ],
)
def test_the_key_that_is_wrong_in_a_config(key: str, value: Any, said: str) -> None:
    x = gw.Input((4, 2), name="x")
    config = json.loads(gw.Model(x, L.Dense(3, name="d")(x)).to_json())
    layer = config["config"]["layers"][1]
    {"inbound_nodes": layer, "kernel_initializer": layer["config"]}.get(key, config["config"])[key] = value
    with pytest.raises((ValueError, TypeError), match=said) as told:
        gw.models.model_from_json(json.dumps(config))
    assert "object has no attribute" not in str(told.value)


def test_an_array_file_that_claims_too_much(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (2**44,)})
    with pytest.raises(ValueError, match=r"x\.npy'"):
        array_files.read(str(path))


def test_copies_of_streams_and_pools() -> None:
    made, one = model(), np.ones((1, 2), "float32")
    pool, stream = made.stream_pool(9), made.stream()
    pool.add([4, 7])
    pool.push([4], one)
    stream.push(one)
    for other in (copy.copy(pool), copy.deepcopy(pool), pool.copy()):
        np.testing.assert_array_equal(other.state([4, 7])["lstm"]["h"], pool.state([4, 7])["lstm"]["h"])
        before = pool.state([4])["lstm"]["h"]
        other.push([4], one)
        other.drop(7)
        np.testing.assert_array_equal(pool.state([4])["lstm"]["h"], before)
        assert 7 in pool
        assert other.capacity == 9
    assert len(copy.copy(made.stream_pool(3))) == 0
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(stream)).push(one), stream.push(one))
    again = pickle.loads(pickle.dumps(pool))
    assert (again.capacity, again.save()) == (9, pool.save())
    np.testing.assert_array_equal(again.push([7], one), pool.push([7], one))
    made.set_weights([np.ones(w.shape) for w in made.weights])
    for thing in (pool, stream):
        with pytest.raises(TypeError, match=r"cannot be pickled.*update\(\)"):
            pickle.dumps(thing)
        thing.update()
        assert pickle.loads(pickle.dumps(thing)).save() == thing.save()


def test_shapes_follow_arguments_that_change() -> None:
    made = gw.Sequential([gw.Input((4, 2)), L.LSTM(3), L.Activation("tanh")])
    assert made.output_shape == (None, 3)
    made.layers[0].return_sequences = True
    assert made.layers[0].output_shape == (None, 4, 3)
    assert made.output_shape == (None, 4, 3)
    assert made.predict(np.zeros((1, 4, 2))).shape == (1, 4, 3)


def test_hints() -> None:
    assert "Did you mean" not in message("tf.keras.layers.Attention", ["Activation", "Add"])
    assert "Did you mean" not in message("tf.keras.layers.ConvLSTM2D", ["CuDNNLSTM", "LSTM"])
    assert "looks words up" in message("tf.lookup", ["where"])
    assert message("tf.keras.layers.LTSM", ["LSTM"]).endswith("Did you mean 'LSTM'?")
