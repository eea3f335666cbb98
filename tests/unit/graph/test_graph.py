"""Graphs: the order of layers, matching of inputs, shapes, masks passed to a model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.layer.symbolic import SymbolicTensor
from gatewise.layers import LSTM, Add, Concatenate, Dense, Embedding, InputLayer

X = np.random.default_rng(0).standard_normal((2, 6, 3)).astype("float32")


def names(model: Any) -> list[str]:
    return [layer.name for layer in model.layers]


def test_layers_stand_in_order_of_depth_as_keras_lists_them() -> None:
    a, b = gw.Input((3,), name="a"), gw.Input((3,), name="b")
    left = Dense(3, name="left")(a)
    right = Dense(3, name="right_2")(Dense(3, name="right_1")(b))
    model = gw.Model([a, b], Add(name="sum")([left, right]))
    # From Keras 3.15 and tf_keras 2.21: deepest first, and among equals as they are met walking back from the output.
    assert names(model) == ["b", "a", "right_1", "left", "right_2", "sum"]


def test_an_input_that_no_output_needs_still_belongs_to_the_model() -> None:
    a, b = gw.Input((3,), name="a"), gw.Input((3,), name="b")
    model = gw.Model([a, b], Dense(2)(a))
    assert set(names(model)) >= {"a", "b"}
    assert model.predict([X[:, 0], X[:, 0]]).shape == (2, 2)


def test_an_output_that_is_an_input() -> None:
    a = gw.Input((3,), name="a")
    model = gw.Model(a, [a, Dense(2)(a)])
    same, other = model.predict(X[:, 0])
    np.testing.assert_array_equal(same, X[:, 0])
    assert other.shape == (2, 2)


def test_a_last_axis_of_one_may_be_left_out() -> None:
    model = gw.Sequential([gw.Input((6, 1)), LSTM(2)])
    x = X[..., 0]
    np.testing.assert_array_equal(model.predict(x), model.predict(x[..., None]))
    ids = gw.Sequential([gw.Input((6,)), Embedding(4, 2)])
    np.testing.assert_array_equal(ids.predict(np.ones((2, 6, 1), int)), ids.predict(np.ones((2, 6), int)))
    with pytest.raises(ValueError, match=r"If this is one sample, add the batch axis: x\[None\]"):
        gw.Sequential([gw.Input((6, 3)), LSTM(2)]).predict(X[0])


def test_large_ids_are_not_rounded() -> None:
    big = 2**24 + 1

    class Odd(gw.layers.Layer):
        autocast = False

        def call(self, inputs: Any) -> Any:
            return inputs % 2

    model = gw.Sequential([gw.Input((1,)), Odd()])
    np.testing.assert_array_equal(model.predict(np.array([[big]])), [[1]])


def test_shapes_of_outputs_for_other_inputs() -> None:
    x = gw.Input((None, 3))
    y = LSTM(4, return_sequences=True)(x)
    model = gw.Model(x, {"all": y, "both": Concatenate()([y, x])})
    assert model.compute_output_shape((2, 5, 3)) == {"all": (2, 5, 4), "both": (2, 5, 7)}
    assert model.output_shape == {"all": (None, None, 4), "both": (None, None, 7)}


def test_a_mask_may_be_given_to_a_model() -> None:
    x = gw.Input((6, 3))
    lstm = LSTM(4)
    model, mask = gw.Model(x, lstm(x)), np.array([[1, 1, 0, 0, 1, 0], [0, 1, 1, 1, 1, 1]], bool)
    np.testing.assert_allclose(model(X, mask=mask), lstm(X, mask=mask), rtol=0, atol=1e-6)
    outer = gw.Model(z := gw.Input((6, 3)), model(z))
    np.testing.assert_allclose(outer(X, mask=mask), lstm(X, mask=mask), rtol=0, atol=1e-6)
    two = gw.Model([x, z], [lstm(x), lstm(z)])
    first, second = two([X, X], mask=[mask, None])
    np.testing.assert_allclose(first, lstm(X, mask=mask), rtol=0, atol=1e-6)
    np.testing.assert_allclose(second, lstm(X), rtol=0, atol=1e-6)


def test_input_layers() -> None:
    layer = InputLayer((5, 3), batch_size=2, name="x")
    assert layer.batch_shape == (2, 5, 3)
    assert InputLayer(batch_shape=(None, 4)).get_config()["batch_shape"] == (None, 4)
    assert (
        InputLayer.from_config({"batch_input_shape": [None, 4], "dtype": "float32", "sparse": False, "name": "y"}).name
        == "y"
    )
    for options, words in [
        ({}, "give `shape`"),
        ({"shape": (3,), "sparse": True}, "sparse=True"),
    ]:
        with pytest.raises(ValueError, match=words):
            InputLayer(**options)
    with pytest.raises(ValueError, match="symbolic tensors from shapes only"):
        gw.Input(tensor=np.ones(3))


def test_arrays_among_symbols_are_constants() -> None:
    x = gw.Input((3,))
    model = gw.Model(x, Add()([x, np.ones((1, 3), "float32")]))
    np.testing.assert_array_equal(model.predict(X[:, 0]), X[:, 0] + 1)


def test_one_call_has_an_input_and_an_output() -> None:
    x, layer = gw.Input((3,)), Dense(2)
    y = layer(x)
    assert layer.input is x
    assert layer.output is y
    layer(y[:, :1] * np.ones((1, 3), "float32"))
    with pytest.raises(AttributeError, match="2 times"):
        layer.output  # noqa: B018


def test_a_symbolic_tensor_of_no_model_becomes_an_input() -> None:
    tensor = SymbolicTensor((2, 3), dtype="float64")
    layer = InputLayer(input_tensor=tensor)
    assert (layer.batch_shape, layer.dtype, layer.output) == ((2, 3), "float64", tensor)
    np.testing.assert_array_equal(gw.Model(tensor, tensor * 2.0)(np.ones((2, 3))), np.full((2, 3), 2.0))


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ({"shape": (4,)}, r"to be \(None, 4\)"),
        ({"batch_shape": (3, 3)}, r"to be \(3, 3\)"),
        ({"batch_size": 4}, "batch_size=4"),
        ({"dtype": "int32"}, "dtype='int32'"),
    ],
)
def test_what_is_said_beside_an_input_tensor_must_agree_with_it(others: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        InputLayer(input_tensor=SymbolicTensor((2, 3)), **others)


def test_an_input_tensor_belongs_to_no_layer_yet() -> None:
    with pytest.raises(ValueError, match="an output of InputLayer 'x'"):
        InputLayer(input_tensor=gw.Input((3,), name="x"))
    with pytest.raises(ValueError, match="expected a symbolic tensor"):
        InputLayer(input_tensor=np.zeros((2, 3)))


def test_keras_2s_name_for_the_shape_of_an_input_is_said_to_be_old() -> None:
    with pytest.warns(UserWarning, match="pass `shape`"):
        assert InputLayer(input_shape=(3,)).batch_shape == (None, 3)
