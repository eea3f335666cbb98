"""What a description says of a file."""

from __future__ import annotations

import json
from pathlib import Path

from keras_files import small, write

import gatewise as gw
from gatewise.models import describe

L = gw.layers


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
