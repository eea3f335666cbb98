"""Sequential and functional models: building, changing, describing, configs."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.base import structure
from gatewise.layers import GRU, LSTM, Add, Bidirectional, Concatenate, Conv1D, Dense, Dropout, Embedding, Flatten

X = np.random.default_rng(0).standard_normal((2, 6, 3)).astype("float32")


# -- Sequential ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["Input", "input_shape", "build", "data"])
def test_the_shape_may_come_in_four_ways(way: str) -> None:
    if way == "Input":
        model = gw.Sequential([gw.Input((6, 3)), LSTM(4)])
    elif way == "input_shape":
        model = gw.Sequential([LSTM(4, input_shape=(6, 3))])
    else:
        model = gw.Sequential([LSTM(4)])
        assert not model.built
        if way == "build":
            model.build((None, 6, 3))
    assert model.built == (way != "data")
    assert model.predict(X).shape == (2, 4)
    assert model.built
    assert len(model.layers) == 1
    assert len(model.weights) == 3
    assert (model.input.shape, model.output_shape) == ((None, 6, 3), (None, 4))


def test_a_model_without_a_shape_says_so() -> None:
    model = gw.Sequential([LSTM(4)], name="waiting")
    for use in (lambda: model.inputs, lambda: model.output_shape):
        with pytest.raises(ValueError, match="'waiting' does not know the shape of its input yet"):
            use()
    with pytest.raises(ValueError, match="no layers"):
        gw.Sequential().predict(X)


def test_data_of_other_lengths_after_the_first() -> None:
    model = gw.Sequential([LSTM(4, return_sequences=True), Dense(2)])
    for steps in (6, 3, 5, 6):
        assert model.predict(X[:, :steps]).shape == (2, steps, 2)
        assert model(X[:, :steps]).shape == (2, steps, 2)
    assert model.input.shape == (None, None, 3)
    assert len(model.weights) == 5
    with pytest.raises(ValueError, match=r"expected size 3 on axis -1 of the input, got 2"):
        model.predict(X[..., :2])
    assert model.predict(X).shape == (2, 6, 2)
    assert len(model.layers[0]._inbound_nodes) == 1
    fixed = gw.Sequential([LSTM(4, return_sequences=True), Flatten(), Dense(2)])
    fixed.predict(X)
    with pytest.raises(ValueError, match=r"Dense.*expected size 24"):
        fixed.predict(X[:, :3])
    assert fixed.predict(X).shape == (2, 2)
    declared = gw.Sequential([LSTM(4, input_shape=(6, 3))])
    with pytest.raises(ValueError, match=r"must have the shape \(None, 6, 3\), got \(2, 5, 3\)"):
        declared.predict(X[:, :5])


def test_add_and_pop_change_what_predict_does() -> None:
    model = gw.Sequential([LSTM(4, return_sequences=True, input_shape=(6, 3)), LSTM(5)])
    assert model.predict(X).shape == (2, 5)
    last = model.pop()
    assert last.name.startswith("lstm")
    assert model.predict(X).shape == (2, 6, 4)
    model.add(GRU(7))
    assert model.predict(X).shape == (2, 7)
    assert len(model.weights) == 6
    model.pop()
    model.pop()
    with pytest.raises(ValueError, match="no layers"):
        model.pop()


def test_what_cannot_be_added_leaves_the_model_alone() -> None:
    model = gw.Sequential([Dense(4, name="first")], name="chain")
    for layer, error, words in [
        ("lstm", TypeError, "'chain': expected a layer, got 'lstm'"),
        (Dense(2, name="first"), ValueError, "already has a layer named 'first'"),
        (gw.Input((3,)), ValueError, "an Input must come first"),
    ]:
        with pytest.raises(error, match=words):
            model.add(layer)
    assert len(model.layers) == 1
    empty = gw.Sequential()
    with pytest.raises(ValueError, match="expected an input with 3 axes"):
        empty.add(LSTM(4, input_shape=(3,)))
    empty.add(LSTM(4, input_shape=(6, 3)))
    assert empty.predict(X).shape == (2, 4)
    states = gw.Sequential([LSTM(4, return_state=True, input_shape=(6, 3))])
    with pytest.raises(ValueError, match="several outputs"):
        states.add(Dense(2))
    assert len(states.predict(X)) == 3


def test_popping_a_shared_layer_leaves_its_other_model_alone() -> None:
    shared = Dense(2)
    model = gw.Sequential([gw.Input((6, 3)), shared])
    x = gw.Input((6, 3))
    other = gw.Model(x, shared(x))
    wanted = other.predict(X)
    model.pop()
    assert gw.Model.from_config(other.get_config()).predict(X).shape == wanted.shape
    np.testing.assert_array_equal(other.predict(X), wanted)


def test_models_as_layers() -> None:
    inner = gw.Sequential([LSTM(4, input_shape=(6, 3), return_sequences=True)])
    outer = gw.Sequential([inner, GRU(2)])
    assert outer.predict(X).shape == (2, 2)
    np.testing.assert_allclose(outer.layers[1](inner.predict(X)), outer.predict(X), rtol=0, atol=1e-6)
    assert len(outer.weights) == 6
    x = gw.Input((6, 3))
    twice = gw.Model(x, Add()([inner(x), inner(x)]))
    np.testing.assert_allclose(twice.predict(X), 2 * inner.predict(X), rtol=0, atol=1e-6)
    assert len(twice.weights) == 3


def test_get_layer() -> None:
    model = gw.Sequential([LSTM(4, input_shape=(6, 3), name="a"), Dense(1, name="b")])
    assert model.get_layer("b") is model.get_layer(index=1) is model.layers[-1]
    with pytest.raises(ValueError, match=r"no layer 'c'. Its layers: \['a', 'b'\]"):
        model.get_layer("c")
    with pytest.raises(ValueError, match="none at index 2"):
        model.get_layer(index=2)


# -- functional ---------------------------------------------------------------------------------------------------------


def test_several_models_on_one_input() -> None:
    x = gw.Input((6, 3))
    y = LSTM(4, return_sequences=True, return_state=True)(x)
    whole, first = gw.Model(inputs=x, outputs=y), gw.Model(x, y[0])
    np.testing.assert_array_equal(whole.predict(X)[0], first.predict(X))
    assert [part.shape for part in whole.predict(X)] == [(2, 6, 4), (2, 4), (2, 4)]


def test_drawing_errors() -> None:
    a, b = gw.Input((3,), name="a"), gw.Input((3,), name="b")
    y = Add()([a, b])
    with pytest.raises(ValueError, match=r"outputs need .*b.*not among the inputs"):
        gw.Model(a, y)
    with pytest.raises(TypeError, match="must hold symbolic tensors"):
        gw.Model(np.ones(3), y)
    with pytest.raises(ValueError, match="stands twice"):
        gw.Model([a, a], y)
    with pytest.raises(ValueError, match="is empty"):
        gw.Model([], y)


def test_a_model_of_the_inner_part_of_another() -> None:
    x = gw.Input((6, 3))
    h = LSTM(4, return_sequences=True)(x)
    y = GRU(2)(h)
    tail = gw.Model(h, y)
    hidden = gw.Model(x, h).predict(X)
    np.testing.assert_allclose(tail.predict(hidden), gw.Model(x, y).predict(X), rtol=0, atol=1e-6)
    assert len(tail.weights) == 3


def test_deep_models_do_not_exhaust_the_stack() -> None:
    x = y = gw.Input((2,))
    for _ in range(1500):
        y = gw.layers.Activation("linear")(y)
    model = gw.Model(x, y)
    np.testing.assert_array_equal(model.predict(np.ones((1, 2))), np.ones((1, 2)))


class Encoder(gw.Model):
    """A model in the subclass style."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.rnn = LSTM(units)
        self.drop = Dropout(0.5)
        self.out = Dense(2)

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.out(self.drop(self.rnn(inputs), training=training))

    def get_config(self) -> Any:
        return {"units": self.units, "name": self.name}


def test_a_subclassed_model() -> None:
    model = Encoder(4)
    y = model.predict(X)
    assert y.shape == (2, 2)
    np.testing.assert_allclose(model.predict(X, batch_size=1), y, rtol=0, atol=1e-6)
    assert len(model.weights) == 5
    assert not np.allclose(model(X, training=True), y)
    again = Encoder.from_config(model.get_config())
    again(X)
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(X), y)
    x = gw.Input((6, 3))
    outer = gw.Model(x, model(x))
    assert outer.output_shape == (None, 2)
    np.testing.assert_allclose(outer.predict(X), y, rtol=0, atol=1e-6)
    assert gw.Sequential([gw.Input((6, 3)), model]).predict(X).shape == (2, 2)


def test_a_subclass_that_draws_itself() -> None:
    class Drawn(gw.Model):
        def __init__(self, units: int) -> None:
            x = gw.Input((6, 3))
            super().__init__(inputs=x, outputs=LSTM(units)(x), name="drawn")
            self.units = units

    model = Drawn(4)
    assert isinstance(model, Drawn)
    assert (model.name, model.units) == ("drawn", 4)
    assert model.predict(X).shape == (2, 4)
    assert len(model.weights) == 3


def test_a_model_without_a_call_says_so() -> None:
    with pytest.raises(NotImplementedError, match="does not define `call"):
        gw.Model().predict(X)


# -- configs ------------------------------------------------------------------------------------------------------------


def sequential() -> Any:
    return gw.Sequential(
        [
            Embedding(9, 4, mask_zero=True, input_length=6),
            Bidirectional(LSTM(3, return_sequences=True, dropout=0.1, kernel_regularizer="l2"), merge_mode="sum"),
            GRU(3, reset_after=False, recurrent_activation="hard_sigmoid", kernel_constraint="max_norm"),
            Dense(2, activation="softmax"),
        ],
        name="chain",
    )


def encoder_decoder() -> Any:
    a, b = gw.Input((6, 3), name="a"), gw.Input((None, 3), name="b")
    _, *state = LSTM(4, return_state=True, name="encoder")(a)
    y = LSTM(4, return_sequences=True, name="decoder")(b, initial_state=state)
    return gw.Model([a, b], Dense(2)(y))


def shared_and_nested() -> Any:
    z = gw.Input((6, 3), name="z")
    inner = gw.Model(z, LSTM(3)(Conv1D(4, 2)(z)), name="inner")
    a, b = gw.Input((6, 3), name="a"), gw.Input((6, 3), name="b")
    dense = Dense(2)
    return gw.Model(
        {"a": a, "b": b}, {"sum": Add()([dense(inner(a)), dense(inner(b))]), "two": [inner(b), dense(inner(a))]}
    )


def self_joined() -> Any:
    x = gw.Input((6, 3), name="x")
    lstm = LSTM(3, return_sequences=True)
    y = lstm(lstm(x))
    return gw.Model(x, [Concatenate()([y, x]), y])


CASES: dict[str, Any] = {
    "sequential": (sequential, np.arange(12).reshape(2, 6) % 9),
    "encoder_decoder": (encoder_decoder, [X, X[:, :4]]),
    "shared_and_nested": (shared_and_nested, {"a": X, "b": X[::-1]}),
    "self_joined": (self_joined, X),
}


@pytest.mark.parametrize("name", CASES)
def test_models_come_back_from_their_configs(name: str) -> None:
    make, inputs = CASES[name]
    model = make()
    wanted = model.predict(inputs)
    config = json.loads(json.dumps(model.get_config()))
    for again in (
        type(model).from_config(config),
        gw.models.model_from_json(model.to_json()),
        gw.models.clone_model(model),
    ):
        assert again.name == model.name
        assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
        assert json.loads(json.dumps(again.get_config())) == config
        again.set_weights(model.get_weights())
        found = again.predict(inputs)
        assert json.dumps(shapes(found)) == json.dumps(shapes(wanted))
        for one, other in zip(structure.flatten(found), structure.flatten(wanted), strict=True):
            np.testing.assert_array_equal(one, other)


def shapes(tree: Any) -> Any:
    return structure.map_structure(lambda array: list(array.shape), tree)


def test_a_clone_knows_the_classes_of_its_model() -> None:
    model = gw.Sequential([gw.Input((6, 3)), Encoder(4)])
    again = gw.models.clone_model(model)
    assert isinstance(again.layers[0], Encoder)
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_trainable_survives_the_config() -> None:
    model = gw.Sequential([Dense(2, input_shape=(3,)), Dense(1)])
    model.layers[0].trainable = False
    assert len(gw.Sequential.from_config(model.get_config()).trainable_variables) == 2
    model.trainable = False
    assert gw.Sequential.from_config(model.get_config()).trainable_variables == []
    x = gw.Input((3,))
    drawn = gw.Model(x, Dense(2)(x))
    drawn.trainable = False
    again = gw.Model.from_config(drawn.get_config())
    assert again.trainable is False
    assert again.trainable_variables == []


def test_a_list_of_layers_as_keras_2_0_wrote_it() -> None:
    config = [
        {"class_name": "LSTM", "config": {"units": 4, "batch_input_shape": [None, 6, 3], "implementation": 0}},
        {"class_name": "Dense", "config": {"units": 2, "activation": "linear"}},
    ]
    model = gw.models.model_from_config({"class_name": "Sequential", "config": config, "keras_version": "2.0.2"})
    assert model.layers[0].recurrent_activation is gw.activations.get("keras2_hard_sigmoid")
    assert model.predict(X).shape == (2, 2)
    assert gw.Sequential.from_config(config).predict(X).shape == (2, 2)


def keras2_layer(cls: str, name: str, inbound: Any, **config: Any) -> Any:
    return {"class_name": cls, "name": name, "config": {"name": name, **config}, "inbound_nodes": inbound}


def test_a_functional_config_of_keras_2_with_tensors_among_the_arguments() -> None:
    config = {
        "name": "seq2seq",
        "layers": [
            keras2_layer("InputLayer", "a", [], batch_input_shape=[None, 6, 3], dtype="float32", sparse=False),
            keras2_layer("InputLayer", "b", [], batch_input_shape=[None, None, 3], dtype="float32", sparse=False),
            keras2_layer("LSTM", "encoder", [[["a", 0, 0, {}]]], units=4, return_state=True),
            keras2_layer(
                "LSTM", "decoder",
                [[["b", 0, 0, {"initial_state": [["encoder", 0, 1], ["encoder", 0, 2]]}]]],
                units=4, return_sequences=True,
            ),
            keras2_layer("Dropout", "noise", [[["decoder", 0, 0, {"training": True}]]], rate=0.5),
            keras2_layer("Dense", "out", [[["decoder", 0, 0, {}]], [["noise", 0, 0, {}]]], units=2),
        ],
        "input_layers": [["a", 0, 0], ["b", 0, 0]],
        "output_layers": [["out", 0, 0], ["out", 1, 0]],
    }  # fmt: skip
    model = gw.models.model_from_config({"class_name": "Model", "config": config, "keras_version": "2.2.4"})
    first, second = model.predict([X, X[:, :4]])
    assert first.shape == second.shape == (2, 4, 2)
    assert not np.allclose(first, second)
    encoder, decoder = model.get_layer("encoder"), model.get_layer("decoder")
    _, *state = encoder(X)
    wanted = model.get_layer("out")(decoder(X[:, :4], initial_state=state))
    np.testing.assert_allclose(first, wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c["config"].pop("layers"), "layers"),
        (lambda c: c["config"]["layers"][1].update(class_name="Unknown"), "Unknown.*custom_objects"),
        (lambda c: c["config"].update(output_layers=[["dense", 5, 0]]), "call 5 of 'dense'"),
        (lambda c: c["config"]["layers"][1]["config"].update(units=-1), "positive integer"),
        (lambda c: c.update(class_name=None), "class_name"),
    ],
)
def test_configs_that_are_broken(change: Any, words: str) -> None:
    x = gw.Input((3,), name="x")
    config = json.loads(gw.Model(x, Dense(2, name="dense")(x)).to_json())
    change(config)
    with pytest.raises((ValueError, KeyError), match=words):
        gw.models.model_from_config(config)


def test_parameters_are_counted() -> None:
    model = gw.Sequential([LSTM(4, input_shape=(6, 3)), Dense(2)])
    assert model.count_params() == 4 * 4 * (3 + 4 + 1) + 2 * 5
    assert [w.shape for w in model.weights] == [(3, 16), (4, 16), (16,), (4, 2), (2,)]
    for one, other in zip(model.get_weights(), [w.value for w in model.weights], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("way", ["copy", "pickle"])
@pytest.mark.parametrize("name", CASES)
def test_models_are_copied_and_pickled(name: str, way: str) -> None:
    make, inputs = CASES[name]
    model = make()
    wanted = model.predict(inputs)
    again = copy.deepcopy(model) if way == "copy" else pickle.loads(pickle.dumps(model))
    with pytest.raises(ValueError, match="read-only"):
        again.weights[0].value[:] = 1
    for one, other in zip(structure.flatten(again.predict(inputs)), structure.flatten(wanted), strict=True):
        np.testing.assert_array_equal(one, other)
    again.set_weights([0 * w for w in again.get_weights()])
    for one, other in zip(structure.flatten(model.predict(inputs)), structure.flatten(wanted), strict=True):
        np.testing.assert_array_equal(one, other)
