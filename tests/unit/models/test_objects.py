"""`keras.saving.serialize_keras_object` and its other half; the forms are Keras 3.15's."""

from __future__ import annotations

import json

import numpy as np
import pytest

import gatewise as gw
from gatewise.keras import saving

FORMS = [
    ((1, "a", None), (1, "a", None)),
    (np.ones(2), {"class_name": "__numpy__", "config": {"value": [1.0, 1.0], "dtype": "float64"}}),
    (slice(1, 2), {"class_name": "__slice__", "config": {"start": 1, "stop": 2, "step": None}}),
    (b"ab", {"class_name": "__bytes__", "config": {"value": "ab"}}),
    (np.float32(1), 1.0),
    (Ellipsis, {"class_name": "__ellipsis__", "config": {}}),
    (
        gw.activations.tanh,
        {"module": "builtins", "class_name": "function", "config": "tanh", "registered_name": "function"},
    ),
]


@pytest.mark.parametrize(("thing", "form"), FORMS, ids=lambda each: type(each).__name__)
def test_forms(thing, form):
    assert saving.serialize_keras_object(thing) == form
    again = saving.deserialize_keras_object(form)
    assert np.array_equal(again, thing) if isinstance(thing, np.ndarray) else again == thing


@pytest.mark.parametrize(
    "thing",
    [
        gw.layers.LSTM(3),
        gw.initializers.Orthogonal(2.0),
        gw.regularizers.L2(0.1),
        gw.constraints.MaxNorm(2),
        gw.losses.Huber(2.0),
        gw.metrics.Precision(),
        gw.optimizers.Adam(0.1),
        gw.keras.DTypePolicy("mixed_float16"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_objects_come_back(thing):
    config = json.loads(json.dumps(saving.serialize_keras_object({"inside": [thing]})))
    (again,) = saving.deserialize_keras_object(config)["inside"]
    assert type(again) is type(thing)
    assert again.get_config() == thing.get_config()


class Scale:
    def __init__(self, by):
        self.by = by

    def get_config(self):
        return {"by": self.by}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def test_a_class_of_the_program_comes_back_by_its_name_alone():
    config = saving.serialize_keras_object(Scale(3))
    assert saving.deserialize_keras_object(config, custom_objects={"Scale": Scale}).by == 3
    with pytest.raises(ValueError, match="Scale"):  # It is no subclass of ours, so its module is not asked.
        saving.deserialize_keras_object(config)


def test_what_a_wrapper_holds_comes_back_built():
    layer = gw.layers.TimeDistributed(gw.layers.Dense(2))
    layer.build((None, 5, 3))
    again = gw.layers.TimeDistributed.from_config(layer.get_config())
    assert [weight.shape for weight in again.layer.weights] == [(3, 2), (2,)]


def test_what_has_no_form_is_refused():
    with pytest.raises(TypeError, match="has no get_config method"):
        saving.serialize_keras_object(object())
    with pytest.raises(ValueError, match="a lambda has no name"):
        saving.serialize_keras_object(lambda x: x)
