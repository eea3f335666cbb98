"""Arithmetic on symbolic tensors, and Lambda."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise import layers, models
from gatewise.base import registry
from gatewise.layer.symbolic import SymbolicTensor

X = np.random.default_rng(0).uniform(0.5, 1.5, (2, 4, 3)).astype("float32")
Y = np.random.default_rng(1).uniform(0.5, 1.5, (2, 4, 3)).astype("float32")

EXPRESSIONS: dict[str, Any] = {
    "add": lambda x, y: x + y,
    "radd": lambda x, y: 1 + x,
    "subtract": lambda x, y: x - 2.5,
    "rsubtract": lambda x, y: 2.5 - x,
    "multiply": lambda x, y: x * y[:, :1],
    "divide": lambda x, y: x / y,
    "rdivide": lambda x, y: 1 / x,
    "power": lambda x, y: x**2,
    "negative": lambda x, y: -x,
    "matmul": lambda x, y: x[:, :3] @ y[:, :3],
    "last": lambda x, y: x[:, -1],
    "last_kept": lambda x, y: x[:, -1:, :],
    "reversed": lambda x, y: x[:, ::-1],
    "ellipsis": lambda x, y: x[..., 0],
    "newaxis": lambda x, y: x[:, None, ..., 1:],
    "together": lambda x, y: (x[:, 1:] - x[:, :-1]) * 0.5 + 1,
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expression_means_the_same_on_tensors_and_arrays(name: str) -> None:
    inputs = [layers.Input((4, 3)), layers.Input((4, 3))]
    drawn = EXPRESSIONS[name](*inputs)
    expected = EXPRESSIONS[name](X, Y)
    assert isinstance(drawn, SymbolicTensor)
    assert drawn.shape == (None, *expected.shape[1:])
    model = models.Model(inputs, drawn)
    np.testing.assert_allclose(model.predict([X, Y], verbose=0), expected, rtol=1e-6)
    again = models.model_from_json(model.to_json())
    np.testing.assert_allclose(again.predict([X, Y], verbose=0), expected, rtol=1e-6)


def test_unknown_steps_stay_unknown() -> None:
    x = layers.Input((None, 3))
    assert x[:, -1].shape == (None, 3)
    assert x[:, 1:].shape == (None, None, 3)
    assert x[:, 2:5].shape == (None, 3, 3)
    assert (x + layers.Input((1, 3))).shape == (None, None, 3)
    assert (x * 2).dtype == "float32"


def test_integers_divide_to_floats() -> None:
    x = layers.Input((2,), dtype="int32")
    half = x / 2
    assert half.dtype == "float32"
    y = models.Model(x, half).predict(np.array([[1, 4]], "int32"), verbose=0)
    assert y.dtype == np.float32
    assert y.tolist() == [[0.5, 2.0]]


def test_a_constant_array_is_saved_with_the_call() -> None:
    x = layers.Input((3,))
    model = models.Model(x, x * np.array([1.0, 2.0, 3.0]))
    again = models.model_from_json(model.to_json())
    for each in (model, again):
        assert each.predict(np.ones((1, 3)), verbose=0).tolist() == [[1.0, 2.0, 3.0]]


def test_wrong_arithmetic_is_refused_when_drawn() -> None:
    x = layers.Input((4, 3))
    with pytest.raises(ValueError, match=r"Operation 'add.*the shapes .* do not go together"):
        x + layers.Input((5, 3))
    with pytest.raises(ValueError, match="cannot multiply matrices of shapes"):
        x @ layers.Input((4, 3))
    with pytest.raises(IndexError, match=r"get_item.*index 4 is out of bounds.*\(None, 4, 3\)"):
        x[:, 4]
    with pytest.raises(TypeError, match="indexed with integers, slices, None"):
        x["a"]
    with pytest.raises(ValueError, match=r"operation: expected one of the operations .* got 'math.erfinw'"):
        layers.Operation("math.erfinw")


def test_operations_of_tf_keras_files_are_read() -> None:
    config = {"class_name": "TFOpLambda", "config": {"name": "tf.math.subtract", "function": "math.subtract"}}
    from gatewise.layer.serialization import deserialize_layer

    layer = deserialize_layer(config)
    assert layer(np.array([3.0]), y=1.0, name=None).tolist() == [2.0]
    config = {"class_name": "SlicingOpLambda", "config": {"name": "s", "function": "__operators__.getitem"}}
    full = {"start": None, "stop": None, "step": None}
    np.testing.assert_array_equal(deserialize_layer(config)(X, slice_spec=[full, -1, full]), X[:, -1, :])


# -- Lambda -----------------------------------------------------------------------------------------------------------


def halved(x: Any) -> Any:
    return x / 2


def scaled(x: Any, factor: float, mask: Any = None, training: bool = False) -> Any:
    return x * factor * (10 if training else 1)


def test_lambda_computes_and_finds_its_shape() -> None:
    layer = layers.Lambda(lambda x: x[:, 0] * 2)
    np.testing.assert_array_equal(layer(X), X[:, 0] * 2)
    assert layer(layers.Input((None, 3))).shape == (None, 3)
    assert layers.Lambda(halved, output_shape=(7,)).compute_output_shape((None, 3)) == (None, 7)
    assert layers.Lambda(halved, output_shape=lambda s: (*s, 1)).compute_output_shape((None, 3)) == (None, 3, 1)
    given = layers.Lambda(scaled, arguments={"factor": 3})
    np.testing.assert_allclose(given(X), X * 3, rtol=1e-6)
    np.testing.assert_allclose(given(X, training=True), X * 30, rtol=1e-6)


def test_lambda_with_a_named_function_goes_through_a_config() -> None:
    model = models.Sequential([layers.Input((3,)), layers.Lambda(halved, name="half")])
    text = model.to_json()
    with pytest.raises(
        ValueError, match=r"Lambda 'half' applies the function 'halved'.*custom_objects=\{'halved': halved\}"
    ):
        models.model_from_json(text)
    again = models.model_from_json(text, custom_objects={"halved": halved})
    assert again.predict(np.ones((1, 3)), verbose=0).tolist() == [[0.5, 0.5, 0.5]]


def test_lambda_with_a_lambda_is_not_saved() -> None:
    layer = layers.Lambda(lambda x: x, name="same")
    with pytest.raises(ValueError, match="Lambda 'same' holds a Python lambda, which cannot be saved"):
        layer.get_config()
    assert "same" in repr(layer)


@pytest.mark.parametrize(
    "entries",
    [
        {"function": ["4wEAAAAAAAAA", None, None], "function_type": "lambda", "module": "__main__"},
        {"function": {"class_name": "__lambda__", "config": {"code": "4wEAAA==", "defaults": None, "closure": None}}},
        {
            "function": "halved",
            "function_type": "function",
            "output_shape": ["4wEAAAAAAAAA", None, None],
            "output_shape_type": "lambda",
        },
    ],
    ids=["keras2", "keras3", "output_shape"],
)
def test_code_in_a_file_is_never_run(entries: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    import marshal

    monkeypatch.setattr(marshal, "loads", lambda *_: pytest.fail("code was read"))
    config = {"class_name": "Lambda", "config": {"name": "trick", **entries}}
    from gatewise.layer.serialization import deserialize_layer

    with (
        registry.custom_object_scope({"halved": halved}),
        pytest.raises(
            ValueError, match=r"Lambda 'trick' holds the bytecode.*never run.*custom_objects=\{'trick': function\}"
        ),
    ):
        deserialize_layer(config)


def test_the_user_may_say_what_a_saved_lambda_was() -> None:
    entries = {"name": "trick", "function": ["4wEAAAAAAAAA", None, None], "function_type": "lambda", "module": "m"}
    entries |= {"output_shape": None, "output_shape_type": "raw", "output_shape_module": None, "arguments": {}}
    text = json.dumps({"class_name": "Lambda", "config": entries})
    from gatewise.layer.serialization import deserialize_layer

    with registry.custom_object_scope({"trick": halved}):
        assert deserialize_layer(json.loads(text))(np.array([4.0])).tolist() == [2.0]


def test_a_model_with_drawn_operations_knows_its_shape_and_trains() -> None:
    x = gw.Input((3,))
    hidden = layers.Dense(2)(x)
    model = gw.Model(x, (hidden * 2.0 + hidden)[:, :1])
    assert model.output_shape == (None, 1)
    model.compile("sgd", "mse")
    assert model.fit(np.ones((4, 3)), np.ones((4, 1)), epochs=2, verbose=0).history["loss"][0] > 0
