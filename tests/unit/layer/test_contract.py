"""What Keras promises of every layer and model: losses, configs, structures, weights, shapes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise import keras, layers, ops
from gatewise.base import release
from gatewise.layer import Layer

X = np.ones((2, 3), "float32")


class Adds(Layer):
    def call(self, inputs: Any) -> Any:
        self.add_loss(ops.sum(inputs))
        return inputs


def test_losses_are_those_of_the_last_call() -> None:
    layer = Adds()
    for _ in range(2):
        layer(X)
        assert [float(loss) for loss in layer.losses] == [6.0]
    model = gw.Sequential([layer])
    model(X)
    assert [float(loss) for loss in model.losses] == [6.0]
    regular = layers.Dense(1, kernel_initializer="ones", kernel_regularizer="l1", activity_regularizer="l2")
    regular(X)  # Outputs of 3: 0.01 * 2 * 9 / 2; weights of 1: 0.01 * 3.
    assert [float(loss) for loss in regular.losses] == pytest.approx([0.09, 0.03])


def test_layers_without_weights_are_built_from_the_start() -> None:
    assert layers.ReLU().built
    assert layers.Add().built
    assert not layers.Dense(2).built
    assert not gw.Sequential().built


def test_a_constructor_is_remembered_where_no_config_is_written() -> None:
    class Scale(Layer):
        def __init__(self, factor: float, shift: float = 0.0, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.both = factor, shift

        def call(self, inputs: Any) -> Any:
            return inputs * self.both[0] + self.both[1]

    config = json.loads(json.dumps(Scale(3.0, name="mine").get_config()))
    assert config["factor"] == 3.0
    again = Scale.from_config(config)
    assert (again.name, again.both) == ("mine", (3.0, 0.0))


def test_weights_are_not_made_inside_call() -> None:
    class Late(Layer):
        def call(self, inputs: Any) -> Any:
            self.w = self.add_weight(shape=(3,), name="late")
            return inputs * self.w

    with pytest.raises(ValueError, match=r"Late 'late' cannot make the weight 'late' inside `call`.*in `build`"):
        Late(name="late")(X)
    with release.meaning("tf2"):
        assert Late()(X).shape == (2, 3)

    class Inner(Layer):
        def build(self, input_shape: Any) -> None:
            self.inner = layers.Dense(2)

        def call(self, inputs: Any) -> Any:
            return self.inner(inputs)  # Another layer may be built inside.

    assert Inner()(X).shape == (2, 2)


def test_weights_of_booleans_and_variables_of_arrays() -> None:
    assert Layer().add_weight(shape=(2,), dtype="bool").numpy().tolist() == [False, False]
    assert keras.Variable(np.ones(3), dtype="float32").dtype == np.float32
    embedding = layers.Embedding(3, 2)
    embedding.build()
    assert embedding.embeddings.shape == (3, 2)


def test_models_with_operators_stand_inside_models() -> None:
    x = layers.Input((3,))
    inner = gw.Model(x, x * 2 + 1)
    model = gw.Sequential([inner, layers.Dense(1, kernel_initializer="ones")])
    assert model(X).tolist() == [[9.0], [9.0]]
    again = gw.Sequential.from_config(model.get_config())
    again.set_weights(model.get_weights())
    assert again(X).tolist() == [[9.0], [9.0]]


def test_tuples_stay_tuples_through_a_config() -> None:
    x = layers.Input((3,))
    model = gw.Model(x, (x * 1, x * 2))
    assert isinstance(gw.Model.from_config(model.get_config())(X), tuple)


def test_sequential_passes_lists_and_dicts_on() -> None:
    class Both(Layer):
        def call(self, inputs: Any) -> Any:
            return {"sum": inputs["a"] + inputs["b"], "a": inputs["a"]}

    class Sum(Layer):
        def call(self, inputs: Any) -> Any:
            return [inputs["sum"], inputs["a"]]

    model = gw.Sequential([Both(), Sum(), layers.Add()])
    assert model({"a": X, "b": X}).tolist() == (3 * X).tolist()
    assert model.predict({"a": X, "b": X}).tolist() == (3 * X).tolist()
    with pytest.raises(ValueError, match="'dense' takes one array, and cannot follow several"):
        gw.Sequential([Both(), layers.Dense(2, name="dense")])({"a": X, "b": X})


def test_a_list_for_a_dict_is_refused_or_told_and_so_are_extra_keys() -> None:
    a, b = layers.Input((3,), name="a"), layers.Input((3,), name="b")
    with pytest.raises(ValueError, match="not clear which is which: pass a dict"):
        gw.Model({"b": b, "a": a}, a - b)([X, X])
    model = gw.Model({"a": a, "b": b}, a - b)
    with pytest.warns(UserWarning, match="a list came, which is read in that order"):
        assert model([3 * X, X]).tolist() == (2 * X).tolist()
    with pytest.warns(UserWarning, match=r"\['c'\] came too, which nothing reads"):
        model({"a": X, "b": X, "c": X})


def test_shapes_are_known_before_anything_is_built() -> None:
    chain = gw.Sequential([layers.Dense(4), layers.LeakyReLU(), layers.Dense(8)])
    assert chain.compute_output_shape((1, 2)) == (1, 8)
    assert not chain.built
    spec = layers.Dense(4).compute_output_spec(layers.Input((3,)))
    assert (spec.shape, spec.dtype) == ((None, 4), "float32")


def test_shapes_of_what_a_layer_was_called_on() -> None:
    layer = layers.Dense(2)
    assert layer.input_shape is None
    layer(layers.Input((3,)))
    assert (layer.input_shape, layer.output_shape) == ((None, 3), (None, 2))
    assert layers.Dense(2, input_shape=(5,)).input_shape == (5,)
    model = gw.Sequential([layers.Input((3,)), layers.Dense(2)])
    assert (model.input_shape, model.output_shape) == ((None, 3), (None, 2))


def test_a_model_is_not_built_again_for_another_shape() -> None:
    model = gw.Sequential([layers.Input((2,), batch_size=3), layers.Dense(2)], name="chain")
    model.build((3, 2))
    with pytest.raises(ValueError, match=r"'chain' is built for inputs of the shape \(3, 2\)"):
        model.build((3, 4))


def test_inputs_and_variables_in_small_things() -> None:
    assert not hasattr(gw.Sequential([layers.Dense(2)]), "inputs")
    assert keras.Variable(X).ndim == 2
    with pytest.raises(ValueError, match=r"batch_shape=\(2, 3\) says all of it: leave shape out"):
        layers.Input(shape=(3,), batch_shape=(2, 3))
    with pytest.raises(ValueError, match="leave batch_size out"):
        layers.Input(batch_size=2, batch_shape=(2, 3))
    table = np.ones((3, 2), "float32")
    np.testing.assert_array_equal(layers.Embedding(3, 2, weights=[table]).embeddings.numpy(), table)
    a = layers.Input((3,))
    assert gw.Model({"a": a}, a * 2)({"a": layers.Input((3,)), "b": layers.Input((1,))}).shape == (None, 3)


def test_own_layers_and_models_in_keras_ops_train() -> None:
    class Gate(Layer):
        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones")

        def call(self, inputs: Any) -> Any:
            return ops.multiply(ops.sigmoid(self.w), inputs)

    class Own(gw.Model):
        def __init__(self) -> None:
            super().__init__()
            self.gate, self.dense = Gate(), layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            return self.dense(ops.relu(self.gate(inputs)))

    model = Own()
    model.compile("sgd", "mse")
    losses = model.fit(X, X[:, :1], epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
