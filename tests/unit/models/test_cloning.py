"""Cloned models: layers replaced, calls changed, other inputs, models inside; and inputs that may be left out."""

from __future__ import annotations

import numpy as np
import pytest

import gatewise as gw


def small(name=None):
    x = gw.Input((3,))
    return gw.Model(x, gw.layers.Dense(2)(gw.layers.Dense(4, activation="tanh")(x)), name=name)


def halved(layer, *args, **kwargs):
    outputs = layer(*args, **kwargs)
    return outputs * 0.5 if isinstance(layer, gw.layers.Dense) else outputs


def test_layers_may_be_shared():
    model = small()
    again = gw.models.clone_model(model, clone_function=lambda layer: layer)
    assert again is not model
    assert again.layers[1] is model.layers[1]


def test_a_call_function_puts_operations_in_between():
    model = small()
    again = gw.models.clone_model(model, clone_function=lambda layer: layer, call_function=halved)
    first, last = model.layers[1:]
    x = np.ones((2, 3), "float32")
    np.testing.assert_allclose(again(x), 0.5 * np.asarray(last(0.5 * np.asarray(first(x)))), rtol=1e-6)


def test_models_inside_are_cloned_layer_by_layer_only_where_asked():
    x = gw.Input((3,))
    model = gw.Model(x, gw.layers.Dense(1)(small("inner")(x)))
    seen: list[str] = []

    def clone(layer):
        seen.append(type(layer).__name__)
        return type(layer).from_config(layer.get_config())

    again = gw.models.clone_model(model, clone_function=clone, recursive=True)
    assert seen == ["Dense", "Dense", "Dense"]
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again(np.ones((2, 3), "float32")), model(np.ones((2, 3), "float32")))
    seen.clear()
    gw.models.clone_model(model, clone_function=clone)
    assert seen == ["Functional", "Dense"]


def test_a_shared_layer_stays_shared():
    x, layer = gw.Input((3,)), gw.layers.Dense(3)
    model = gw.Model(x, layer(layer(x)))
    assert len(gw.models.clone_model(model, clone_function=lambda each: each).layers) == 2


def test_other_inputs():
    x, y = gw.Input((3,)), gw.Input((3,))
    model = gw.Model({"x": x, "y": y}, gw.layers.Dense(1)(x + y))
    a, b = gw.Input((3,)), gw.Input((3,))
    again = gw.models.clone_model(model, input_tensors={"x": a, "y": b})
    assert again.input == {"x": a, "y": b}
    with pytest.raises(ValueError, match="in the structure of the model's inputs"):
        gw.models.clone_model(model, input_tensors=(a, b))


def test_what_a_sequential_model_does_not_take():
    with pytest.raises(ValueError, match="only lists its layers"):
        gw.models.clone_model(gw.Sequential([gw.layers.Dense(1)]), call_function=halved)


def test_a_clone_is_compiled_as_the_model_is():
    model = small()
    model.compile("adam", "mse")
    assert gw.models.clone_model(model).loss == "mse"
    assert not gw.models.clone_model(small()).compiled


class Sum(gw.layers.Layer):
    def call(self, x, other=None):
        return x if other is None else x + other

    def compute_output_shape(self, shape):
        return shape


def test_an_optional_input_may_be_none():
    x, other = gw.Input((2,), name="x"), gw.Input((2,), name="other", optional=True)
    model = gw.Model({"x": x, "other": other}, Sum()(x, other))
    ones = np.ones((4, 2), "float32")
    np.testing.assert_array_equal(model.predict({"x": ones, "other": None}), ones)
    np.testing.assert_array_equal(model.predict({"x": ones, "other": ones}, batch_size=2), 2 * ones)
    with pytest.raises(ValueError, match="'x' is not optional"):
        model.predict({"x": None, "other": ones})


def test_training_with_an_input_left_out():
    x, other = gw.Input((2,), name="x"), gw.Input((2,), name="other", optional=True)
    model = gw.Model({"x": x, "other": other}, gw.layers.Dense(1, kernel_initializer="zeros")(Sum()(x, other)))
    model.compile("sgd", "mse")
    ones = np.ones((4, 2), "float32")
    history = model.fit({"x": ones, "other": None}, np.ones((4, 1)), epochs=2, batch_size=4, verbose=0).history
    # The first step moves weights and bias by 0.01 times the gradient, 2: the output is then 3 * 0.02.
    assert history["loss"] == pytest.approx([1.0, 0.94**2], rel=1e-6)


def test_operations_are_no_layers_but_in_older_releases():
    x = gw.Input((3,))
    model = gw.Model(x, gw.layers.Dense(2, name="last")(x * 2.0))
    assert [type(each).__name__ for each in model.layers] == ["InputLayer", "Dense"]
    assert len(model.operations) == 3
    assert model.get_layer(index=1).name == "last"


class Tagged(gw.Model):
    def __init__(self, *args, tag="none", **kwargs):
        super().__init__(*args, **kwargs)
        self.tag = tag

    def get_config(self):
        return super().get_config() | {"tag": self.tag}


def test_a_drawn_subclass_comes_back_with_its_own_arguments():
    x = gw.Input((3,))
    model = Tagged(x, gw.layers.Dense(2)(x), tag="mine")
    again = Tagged.from_config(model.get_config())
    assert isinstance(again, Tagged)
    assert again.tag == "mine"


def test_state_trees_go_and_come_back():
    model, other = small("one"), small("two")
    model.compile("adam", "mse")
    tree = model.get_state_tree("numpy_array")
    assert set(tree) == {"trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables"}
    assert tree["optimizer_variables"][model.optimizer.name]["iteration"] == 0
    path = model.weights[0].path.split("/")
    leaf = tree["trainable_variables"]
    for part in path:
        leaf = leaf[part]
    np.testing.assert_array_equal(leaf, model.weights[0].numpy())
    before = other.get_weights()
    other.set_state_tree({"trainable_variables": {"nobody": {"kernel": [1.0]}}})
    for value, old in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(value, old)
    model.set_weights([np.zeros_like(value) for value in model.get_weights()])
    model.set_state_tree(tree)
    np.testing.assert_array_equal(model.weights[0].numpy(), leaf)
    with pytest.raises(ValueError, match="value_format"):
        model.get_state_tree("list")
