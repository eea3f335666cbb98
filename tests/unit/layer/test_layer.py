"""The base of layers: layers in the plain Keras style, tracking, weights, calls, configs."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.arguments import Argument, positive
from gatewise.base import release
from gatewise.layer import Layer
from gatewise.layers import LSTM, Dense, Dropout

X = np.random.default_rng(0).standard_normal((2, 4)).astype("float32")


class Linear(Layer):
    """A layer as Keras's guides write it."""

    def __init__(self, units: int = 3, **kwargs: Any) -> None:
        self.units = units  # Before the base's constructor, as many programs have it.
        self.batch_size = 7
        super().__init__(**kwargs)

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight("kernel", (input_shape[-1], self.units), initializer="ones")
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        return inputs @ self.kernel + self.bias

    def get_config(self) -> Any:
        return {**super().get_config(), "units": self.units}


def test_a_plain_layer_builds_calls_and_comes_back_from_its_config() -> None:
    layer = Linear(5, name="mine", trainable=False)
    np.testing.assert_allclose(layer(X), X.sum(axis=1, keepdims=True).repeat(5, 1), rtol=1e-6)
    assert layer.batch_size == 7
    assert [w.name for w in layer.weights] == ["kernel", "bias"]
    assert [w.path for w in layer.weights] == ["mine/kernel", "mine/bias"]
    again = Linear.from_config(json.loads(json.dumps(layer.get_config())))
    assert (again.units, again.name, again.trainable) == (5, "mine", False)
    model = gw.Sequential([gw.Input((4,)), layer])
    assert model.output_shape == (None, 5)  # Found by a trial.
    text = model.to_json()
    assert isinstance(gw.models.model_from_json(text).layers[-1], Linear)  # In its module, which is imported.
    elsewhere = text.replace(Linear.__module__, "nobody.has.imported")
    with pytest.raises(ValueError, match=r"Linear.*custom_objects"):
        gw.models.model_from_json(elsewhere)
    of_another_kind = text.replace('"class_name": "Linear"', '"class_name": "np"').replace("Linear", "np")
    with pytest.raises(ValueError, match=r"np.*custom_objects"):
        gw.models.model_from_json(of_another_kind)
    twin = gw.models.model_from_json(text, custom_objects={"Linear": Linear})
    twin.set_weights(model.get_weights())
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))


def test_a_plain_layer_without_get_config_is_saved_by_its_attributes() -> None:
    class Scale(Layer):
        def __init__(self, factor: float, shape: Any = (1, 2)) -> None:
            super().__init__()
            self.factor, self.shape = factor, shape

        def call(self, inputs: Any) -> Any:
            return inputs * self.factor

    again = Scale.from_config(json.loads(json.dumps(Scale(2.5).get_config())))
    assert (again.factor, tuple(again.shape)) == (2.5, (1, 2))

    class Hidden(Layer):
        def __init__(self, factor: Any, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self._factor = factor

    with pytest.raises(
        ValueError, match=r"Hidden 'h' cannot be saved: its argument 'factor'.*Define get_config in Hidden"
    ):
        Hidden(Dense(3), name="h").get_config()
    assert Hidden.from_config(Hidden(2, name="h").get_config())._factor == 2  # What was given is remembered.
    layer = Scale(Dense(3))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="argument 'factor' is not kept as an attribute of plain values"):
        layer.get_config()


def test_a_plain_layer_under_jit() -> None:
    import jax

    layer = Linear(5)
    wanted = layer(X)
    weights = layer.get_weights()
    found = jax.jit(lambda weights: layer.stateless_call(weights, [], X)[0])(weights)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)


def test_add_weight_takes_both_orders() -> None:
    layer = Layer()
    for made in (
        layer.add_weight("a", (2, 3), "float64", "ones"),
        layer.add_weight((2, 3), "ones", "float64", name="a"),
        layer.add_weight(name="a", shape=(2, 3), dtype="float64", initializer="ones"),
        layer.add_variable("a", shape=[2, 3], dtype=np.float64, initializer=lambda shape, dtype=None: np.ones(shape)),
    ):
        assert (made.name, made.shape, made.dtype) == ("a", (2, 3), np.float64)
        np.testing.assert_array_equal(made, 1)
    assert layer.add_weight().shape == ()
    assert layer.add_weight(shape=(3,), dtype="int32").dtype == np.int32
    with pytest.raises(ValueError, match="needs every dimension"):
        layer.add_weight(shape=(None, 3))


def test_build_by_hand_counts() -> None:
    layer = Dense(3)
    layer.build((None, 4))
    assert layer.built
    layer.set_weights([np.ones((4, 3)), np.zeros(3)])
    np.testing.assert_allclose(layer(X), X.sum(axis=1, keepdims=True).repeat(3, 1), rtol=1e-5, atol=1e-6)
    assert len(layer.weights) == 2


def test_a_build_that_fails_leaves_nothing() -> None:
    class Late(Linear):
        fails = True

        def build(self, input_shape: Any) -> None:
            super().build(input_shape)
            if self.fails:
                raise RuntimeError("late")

    layer = Late()
    with pytest.raises(RuntimeError, match="late"):
        layer(X)
    assert not layer.built
    layer.fails = False
    layer(X)
    assert len(layer.weights) == 2
    with pytest.raises(ValueError, match="1 arrays"):
        (broken := Dense(3, weights=[np.ones((4, 3))]))(X)
    assert broken.weights == []


# -- tracking -----------------------------------------------------------------------------------------------------------


class Parts(gw.Model):
    """Layers as attributes, private ones too, in lists, dicts and later."""

    def __init__(self) -> None:
        super().__init__()
        self.first = Dense(2)
        self._hidden = Dense(2)
        self.blocks: list[Any] = []
        for _ in range(2):
            self.blocks.append(Dense(2))
        self.table = {"a": Dense(2), "deep": [(Dense(2),)]}
        self.sizes = [1, 2, 3]

    def call(self, x: Any) -> Any:
        deep: Any = self.table["deep"]
        for layer in (self.first, self._hidden, *self.blocks, self.table["a"], deep[0][0]):
            x = layer(x)
        return x


def test_layers_are_found_wherever_they_are_kept() -> None:
    model = Parts()
    model(X)
    assert [layer.name for layer in model.layers] == [f"dense{n}" for n in names(model)]
    assert len(model.weights) == 12
    model.blocks.append(Dense(1))
    assert len(model.layers) == 7


def names(model: Any) -> list[str]:
    """The numbers of the automatic names, in the order in which the layers were made."""
    first = model.first.name.removeprefix("dense")
    start = int(first.removeprefix("_") or 0)
    return [f"_{n}" if n else "" for n in range(start, start + 6)]


def test_a_weight_that_two_layers_share_counts_once() -> None:
    model = Parts()
    model(X)
    model.tied = model.first.kernel
    assert len(model.weights) == len({id(w) for w in model.weights}) == 12
    assert model.count_params() == sum(w.size for w in model.weights)


def test_trainable_reaches_the_layers_inside() -> None:
    model = gw.Sequential([gw.Input((4,)), Dense(3), Dense(2)])
    assert len(model.trainable_variables) == 4
    model.layers[0].trainable = False
    assert [w.path.split("/")[0] for w in model.trainable_variables] == [model.layers[1].name] * 2
    assert len(model.non_trainable_weights) == 2
    model.trainable = False
    assert model.layers[1].trainable is False
    assert model.trainable_variables == []
    assert len(model.non_trainable_variables) == 4
    model.trainable = True
    assert len(model.trainable_weights) == 4
    assert len(model.weights) == 4


def test_weights_of_another_kind_are_not_trained() -> None:
    layer = Layer()
    moving = layer.add_weight(name="moving", shape=(2,), trainable=False)
    kernel = layer.add_weight(name="kernel", shape=(2,))
    assert layer.weights == [kernel, moving]
    assert layer.trainable_variables == [kernel]
    assert layer.non_trainable_weights == [moving]


# -- weights ------------------------------------------------------------------------------------------------------------


def test_set_weights_is_all_or_nothing() -> None:
    layer = Dense(3, name="out")
    layer.build((None, 4))
    before = layer.get_weights()
    for wrong, words in [
        ([np.ones((4, 3))], "Dense 'out' has 2 weights, but 1 arrays came"),
        ([np.ones((4, 3)), np.ones(4)], r"weight 'out/bias' has shape \(3,\), got \(4,\)"),
        ([np.ones((4, 3)), np.array(["a"] * 3)], "must hold numbers"),
    ]:
        with pytest.raises((ValueError, TypeError), match=words):
            layer.set_weights(wrong)
        for one, other in zip(layer.get_weights(), before, strict=True):
            np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match="not built yet"):
        Dense(3).set_weights(before)
    with pytest.raises(ValueError, match="no weights yet"):
        Dense(3).count_params()


# -- calls --------------------------------------------------------------------------------------------------------------


class Asks(Layer):
    """Tells what its call was given."""

    def call(self, inputs: Any, scale: float = 1.0, mask: Any = None, training: bool | None = None) -> Any:
        self.seen = {"scale": scale, "mask": mask, "training": training}
        return inputs


def test_arguments_of_a_call_come_by_place_and_by_name() -> None:
    layer = Asks()
    two = np.float32(2.0) * np.ones(())
    with release.meaning("tf2"):
        layer(X, 2.0, None, True)
    assert layer.seen == {"scale": 2.0, "mask": None, "training": True}
    layer(X, two)
    assert layer.seen == {"scale": two, "mask": None, "training": False}
    layer(inputs=X, scale=3.0)
    assert layer.seen == {"scale": 3.0, "mask": None, "training": False}
    with pytest.raises(TypeError, match="two values for 'scale'"):
        layer(X, two, scale=3.0)
    with pytest.raises(TypeError, match="without an input"):
        layer()
    x = gw.Input((4,))
    gw.Model(x, layer(x, scale=4.0)).predict(X)
    assert layer.seen["scale"] == 4.0


def test_plain_values_come_by_name_as_in_keras_3() -> None:
    layer = Asks()
    for where in (X, gw.Input((4,))):
        with pytest.raises(ValueError, match=r"only arrays and tensors may be passed by place, but 2\.0 came"):
            layer(where, 2.0)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda self, inputs_shape, scale: None, "'scale' is not named so"),
        (lambda self, inputs_shape, other_shape: None, "no argument 'other'"),
    ],
)
def test_a_build_of_several_shapes_names_arguments_of_the_call(build: Any, words: str) -> None:
    layer = type("Odd", (Asks,), {"build": build})()
    with pytest.raises(ValueError, match=words):
        layer(X)


def test_the_training_flag_reaches_the_layers_inside() -> None:
    asks = Asks()
    inner = gw.Sequential([gw.Input((4,)), asks])
    x = gw.Input((4,))
    outer = gw.Model(x, inner(x))

    class Own(gw.Model):
        def __init__(self) -> None:
            super().__init__()
            self.inner = outer

        def call(self, inputs: Any) -> Any:
            return self.inner(inputs)

    for model in (inner, outer, Own()):
        for given, wanted in ((True, True), (False, False), (None, False)):
            model(X, training=given)
            assert asks.seen["training"] is wanted
        model.predict(X)
        assert asks.seen["training"] is False

    class Insists(Own):
        def call(self, inputs: Any) -> Any:
            return self.inner(inputs, training=True)

    insists = Insists()
    insists.predict(X)
    assert asks.seen["training"] is True
    model(X)
    assert asks.seen["training"] is False
    fixed = gw.Model(x, asks(x, training=True))
    fixed.predict(X)
    assert asks.seen["training"] is True
    fixed(X, training=False)
    assert asks.seen["training"] is True


def test_dropout_acts_in_training_alone() -> None:
    model = gw.Sequential([gw.Input((4,)), Dropout(0.5)])
    np.testing.assert_array_equal(model(X), X)
    assert (np.asarray(model(X, training=True)) == 0).any()
    x = gw.Input((4,))
    always = gw.Model(x, Dropout(0.9)(x, training=True))
    assert (always.predict(X) == 0).any()


def test_unknown_arguments_name_the_nearest() -> None:
    with pytest.raises(TypeError, match=r"LSTM has no argument 'unit'. Did you mean 'units'"):
        LSTM(unit=3)
    with pytest.raises(TypeError, match="LSTM needs the argument units"):
        LSTM()
    with pytest.raises(TypeError, match="two values for 'units'"):
        LSTM(3, units=4)
    with pytest.raises(ValueError, match=r"LSTM.*activation.*did you mean 'tanh'"):
        LSTM(3, activation="tahn")
    with pytest.raises(AttributeError, match="super"):
        type("Forgot", (Layer,), {"__init__": lambda self: None})().dtype  # noqa: B018


def test_declared_arguments() -> None:
    class Repeat(Layer):
        times: Argument[int, int] = Argument(parse=positive)
        axis: Argument[int, int] = Argument(default=-1)

        def call(self, inputs: Any) -> Any:
            return np.repeat(inputs, self.times, self.axis)

    layer = Repeat(2, name="r")
    assert layer(X).shape == (2, 8)
    assert layer.get_config() == {"name": "r", "trainable": True, "dtype": "float32", "times": 2, "axis": -1}
    assert repr(layer) == "Repeat(times=2, name='r')"
    assert Repeat.from_config(layer.get_config()).times == 2
    with pytest.raises(ValueError, match="Repeat 'r': times: expected a positive integer, got 0"):
        layer.times = 0
    assert layer.times == 2
    x = gw.Input((4,))
    assert gw.Model(x, layer(x)).output_shape == (None, 8)


def test_a_subclass_may_keep_its_own_input_dim() -> None:
    class Table(Layer):
        def __init__(self, input_dim: int, output_dim: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.input_dim, self.output_dim = input_dim, output_dim

        def build(self, input_shape: Any) -> None:
            self.table = self.add_weight(shape=(self.input_dim, self.output_dim))

        def call(self, ids: Any) -> Any:
            return np.take(self.table, np.asarray(ids).astype(int), axis=0)

    model = gw.Sequential([Table(10, 3), LSTM(2)])
    assert not model.built
    assert model.predict(np.array([[1, 2, 3]])).shape == (1, 2)


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"input_shape": (5, 3)}, (None, 5, 3)),
        ({"input_shape": (None, 3), "batch_size": 2}, (2, None, 3)),
        ({"batch_input_shape": (2, 5, 3)}, (2, 5, 3)),
        ({"batch_shape": (2, 5, 3)}, (2, 5, 3)),
        ({"input_dim": 3}, (None, None, 3)),
        ({"input_dim": 3, "input_length": 5}, (None, 5, 3)),
    ],
)
def test_the_shape_of_the_input_in_all_words(options: Any, shape: Any) -> None:
    model = gw.Sequential([LSTM(2, **options)])
    assert model.input.shape == shape


@pytest.mark.parametrize("shape", [(0, 3), (-1, 3), (2.5, 3), ("a", 3), (True, 3)])
def test_dimensions_that_are_none(shape: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="positive integer or None"):
        gw.Input(shape)
    with pytest.raises((ValueError, TypeError), match=r"LSTM.*positive integer or None"):
        LSTM(3, input_shape=shape)


def test_names() -> None:
    made = type("TwoWords", (Layer,), {})
    first, second = made(), made()
    assert first.name == "two_words"
    assert second.name == "two_words_1"
    assert made(name="own").name == "own"


def test_dtypes() -> None:
    layer = Dense(2, dtype="float64")
    assert layer(X).dtype == np.float64
    assert Dense(2)(X.astype("float64")).dtype == np.float32
    assert Dense(2, dtype={"class_name": "DTypePolicy", "config": {"name": "float64"}}).dtype == "float64"
    with pytest.raises(ValueError, match="dtype"):
        Dense(2, dtype="flat32")


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
@pytest.mark.parametrize(
    "make",
    [partial(gw.layers.LSTM, 4), partial(gw.layers.GRU, 4), partial(gw.layers.Dense, 4)],
    ids=["LSTM", "GRU", "Dense"],
)
def test_whole_numbers_are_no_weights_drawn_at_random(make: Any, dtype: str) -> None:
    layer = make(dtype=dtype)
    with pytest.raises(ValueError, match=f"draws fractions for the weight 'kernel', which {dtype} cannot hold"):
        layer(np.ones((2, 5, 3), "float32"))


def test_whole_numbers_that_make_sense() -> None:
    layer = gw.layers.Layer()
    drawn = layer.add_weight(shape=(200,), dtype="int32", initializer=gw.initializers.RandomUniform(0, 9, seed=1))
    assert set(drawn.numpy().tolist()) == set(range(9))
    assert layer.add_weight(shape=(2,), dtype="bool").numpy().tolist() == [False, False]
    with pytest.raises(ValueError, match="RandomUniform draws fractions"):
        layer.add_weight(shape=(2,), dtype="int32", initializer="uniform")


def test_shapes_to_build_come_by_name() -> None:
    class Named(Layer):
        def build(self, bar_shape: Any, foo_shape: Any) -> None:
            self.shapes = (bar_shape, foo_shape)

        def call(self, foo: Any, bar: Any) -> Any:
            return foo + bar

    layer = Named()
    layer(np.ones((4, 1)), np.ones((4, 2)))
    assert layer.shapes == ((4, 2), (4, 1))


def test_an_input_may_have_a_none_in_it() -> None:
    class Either(Layer):
        def call(self, inputs: Any) -> Any:
            return inputs["a"] if inputs["b"] is None else inputs["a"] + inputs["b"]

    layer = Either()
    assert layer({"a": gw.Input((3,)), "b": None}).shape == (None, 3)
    np.testing.assert_array_equal(layer({"a": X, "b": None}), X)


def test_a_layer_lists_the_metrics_inside_it() -> None:
    inner, outer = Asks(), Asks()
    inner.seen_mean = gw.metrics.Mean()
    outer.seen_means, outer.inner = [gw.metrics.Mean()], inner
    assert outer.metrics == [*outer.seen_means, inner.seen_mean]
    assert len(outer.metrics_variables) == 4
    assert outer.variables == []


@pytest.mark.parametrize("wrong", [1, None, "yes"])
def test_trainable_is_true_or_false(wrong: Any) -> None:
    with pytest.raises(ValueError, match="expected True or False"):
        Dense(2, trainable=wrong)


def test_an_argument_of_the_wrong_kind_is_a_type_error_and_a_value_error() -> None:
    for kind in (TypeError, ValueError):
        with pytest.raises(kind, match=r"Dense: units: expected a positive integer, got 2\.5"):
            Dense(2.5)


def test_a_weight_has_one_shape_and_few_words_by_place() -> None:
    layer = Asks()
    with pytest.raises(ValueError, match="two values for 'shape'"):
        layer.add_weight((3, 4), shape=(3, 4))
    with pytest.raises(TypeError, match="4 values came"):
        layer.add_weight((3, 4), "zeros", "float32", "name")


def test_a_layer_without_a_call_says_so_when_its_shape_is_asked() -> None:
    with pytest.raises(NotImplementedError, match="does not define `call"):
        Layer().compute_output_shape((2, 3))
