"""What is wrong with an input is said at once: which layer or model, what came, what was wanted, and the way out."""

from __future__ import annotations

import json

import numpy as np
import pytest

import gatewise as gw
from gatewise import layers

RECURRENT = [layers.LSTM, layers.GRU, layers.SimpleRNN]


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, "float32")


def sequential(**options):
    return gw.Sequential([layers.LSTM(6, input_shape=(5, 3), name="encoder", **options)], name="net")


def with_two_inputs():
    a, b = gw.Input((3,), name="a"), gw.Input((4,), name="b")
    return gw.Model([a, b], layers.Concatenate()([a, b]), name="net")


def fails(error, *words):
    """A context in which an error must come whose message holds all the words."""
    return pytest.raises(error, match="".join(f"(?=.*{word})" for word in words))


# --- Shapes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5, 3), (1, 5, 3, 2), (15,), ()])
def test_a_model_names_the_rank_that_it_wants(shape):
    with fails(
        ValueError, "net", "encoder_input", "3 axes", rf"got {len(shape)}: shape \({', '.join(map(str, shape))}"
    ):
        sequential().predict(np.zeros(shape))


def test_one_sample_without_its_batch_axis_is_told_so():
    with fails(ValueError, r"add the batch axis: x\[None\]"):
        sequential().predict(zeros(5, 3))


@pytest.mark.parametrize("shape", [(1, 5, 4), (1, 6, 3)])
def test_a_model_names_the_size_that_it_wants(shape):
    with fails(ValueError, "net", r"\(None, 5, 3\)", rf"got \(1, {shape[1]}, {shape[2]}\)"):
        sequential().predict(zeros(*shape))


@pytest.mark.parametrize("cls", RECURRENT)
def test_a_layer_names_the_rank_that_it_wants(cls):
    with fails(ValueError, f"{cls.__name__} 'encoder'", r"3 axes \(batch, time, features\)", r"got 2: shape \(5, 3\)"):
        cls(6, name="encoder")(zeros(5, 3))


@pytest.mark.parametrize("cls", RECURRENT)
def test_a_layer_names_the_features_that_it_was_built_for(cls):
    layer = cls(6, name="encoder")
    layer(zeros(1, 5, 3))
    with fails(ValueError, f"{cls.__name__} 'encoder'", "size 3 on axis -1", "got 4"):
        layer(zeros(1, 5, 4))


def test_drawing_checks_shapes_before_there_is_data():
    with fails(ValueError, "LSTM 'encoder'", "3 axes", r"got 2: shape \(None, 3\)"):
        layers.LSTM(6, name="encoder")(gw.Input((3,)))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.Conv1D(3, 2, name="here"), (5, 3)),
        (layers.MaxPooling1D(2, name="here"), (5, 3)),
        (layers.GlobalMaxPooling1D(name="here"), (5,)),
        (layers.RepeatVector(2, name="here"), (5, 3, 2)),
        (layers.Dense(3, name="here"), (5,)),
    ],
)
def test_other_layers_name_the_rank_that_they_want(layer, shape):
    with fails(ValueError, "'here'", "axes", f"got {len(shape)}"):
        layer(zeros(*shape))


def test_merging_layers_name_the_axis_that_differs():
    with fails(ValueError, "Add 'sum'", "axis 1", r"\[\(2, 3\), \(2, 4\)\]"):
        layers.Add(name="sum")([zeros(2, 3), zeros(2, 4)])
    with fails(ValueError, "Concatenate 'join'", "axis 0", r"\[\(2, 3\), \(3, 4\)\]"):
        layers.Concatenate(name="join")([zeros(2, 3), zeros(3, 4)])


def test_a_mask_of_another_shape():
    with fails(ValueError, "LSTM 'encoder'", "mask", r"\(2, 5\)", r"got \(2, 4\)"):
        layers.LSTM(6, name="encoder")(zeros(2, 5, 3), mask=np.ones((2, 4), bool))


# --- How many, and of what --------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3])
def test_a_wrong_number_of_inputs(count):
    with fails(ValueError, "net", r"expected 2 inputs \(a, b\)", f"got {count}"):
        with_two_inputs().predict([zeros(1, 3)] * count)


def test_one_array_for_two_inputs():
    with fails(ValueError, r"expected 2 inputs \(a, b\)", "got 1"):
        with_two_inputs().predict(zeros(1, 3))


def test_inputs_of_other_names():
    with fails(ValueError, "net", r"named \['a', 'b'\]", r"\['a', 'c'\] came"):
        with_two_inputs().predict({"a": zeros(1, 3), "c": zeros(1, 4)})


def test_inputs_with_different_numbers_of_samples():
    with fails(ValueError, "net", "same number of samples", r"\(1, 3\), \(2, 4\)"):
        with_two_inputs().predict([zeros(1, 3), zeros(2, 4)])


NOT_NUMBERS = {
    "text": "text",
    "a list of texts": ["a", "b"],
    "an array of texts": np.array([["a"]]),
    "an array of bytes": np.array([b"a"]),
    "objects": np.array([object()]),
    "numbers as objects": np.array([[1, "x"]], dtype=object),
    "complex numbers": np.zeros((1, 5, 3), complex),
    "dates": np.zeros((1, 5, 3), "datetime64[s]"),
    "nothing": None,
}


@pytest.mark.parametrize("what", NOT_NUMBERS)
def test_a_model_takes_numbers_alone(what):
    error, words = (TypeError, "numbers") if what != "nothing" else (ValueError, "not optional")
    with fails(error, "Sequential 'net'", words):
        sequential().predict(NOT_NUMBERS[what])


@pytest.mark.parametrize("what", NOT_NUMBERS)
def test_a_layer_takes_numbers_alone(what):
    with fails(TypeError, "LSTM 'encoder'", "input"):
        layers.LSTM(6, name="encoder")(NOT_NUMBERS[what])


def test_lists_of_unequal_lengths():
    with fails(ValueError, "net", "equal lengths"):
        sequential().predict([[1, 2], [3]])


# --- Arguments --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [*RECURRENT, layers.Dense])
@pytest.mark.parametrize("units", [-1, 0, 2.5, "6", None, True, [6], float("nan")])
def test_units_are_a_positive_integer(cls, units):
    with fails((TypeError, ValueError), f"{cls.__name__} 'encoder'", "units: expected a positive integer", "got"):
        cls(units, name="encoder")


def test_units_are_needed():
    with fails(TypeError, "LSTM needs the argument units"):
        layers.LSTM()


def test_an_unknown_argument_gets_the_nearest():
    with fails(TypeError, "LSTM has no argument 'retrun_sequences'", "'return_sequences'"):
        layers.LSTM(6, retrun_sequences=True)


@pytest.mark.parametrize("argument", ["activation", "recurrent_activation"])
def test_an_unknown_activation_gets_the_nearest(argument):
    with fails(ValueError, "LSTM 'encoder'", argument, "'tahn'", "did you mean 'tanh'", "custom_objects"):
        layers.LSTM(6, name="encoder", **{argument: "tahn"})


@pytest.mark.parametrize(
    ("argument", "wrong", "right"),
    [
        ("kernel_initializer", "glorot_unifrom", "GlorotUniform"),
        ("kernel_regularizer", "l11", "L1"),
        ("recurrent_constraint", "max_nrom", "MaxNorm"),
    ],
)
def test_other_unknown_names_get_the_nearest(argument, wrong, right):
    with fails(ValueError, "LSTM 'encoder'", argument, repr(wrong), f"did you mean '{right}'"):
        layers.LSTM(6, name="encoder", **{argument: wrong})


def test_an_activation_of_another_type():
    with fails(TypeError, "LSTM 'encoder'", "activation", "3", "a name, a config, a class or a callable"):
        layers.LSTM(6, name="encoder", activation=3)


@pytest.mark.parametrize("rate", [1.5, -0.1, "half"])
def test_dropout_is_a_fraction(rate):
    with fails((TypeError, ValueError), "LSTM 'encoder'", "dropout", "between 0 and 1"):
        layers.LSTM(6, name="encoder", dropout=rate)


@pytest.mark.parametrize("shape", [(-1, 3), (5, 0), (5, 2.5), ("a", 3), (5, True)])
@pytest.mark.parametrize(
    "make",
    [
        lambda shape: gw.Input(shape, name="here"),
        lambda shape: layers.LSTM(6, input_shape=shape, name="here"),
        lambda shape: layers.LSTM(6, batch_input_shape=(None, *shape), name="here"),
    ],
)
def test_a_dimension_is_a_positive_integer_or_none(make, shape):
    with fails((TypeError, ValueError), "'here'", "each dimension to be a positive integer or None", "got"):
        make(shape)


@pytest.mark.parametrize("size", [0, -1, 2.5, True])
def test_a_batch_size_is_a_positive_integer(size):
    with fails(ValueError, "net", "batch_size", "positive integer", f"got {size}"):
        sequential().predict(zeros(2, 5, 3), batch_size=size)


# --- State ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shapes", [[(2, 6)], [(2, 6)] * 3])
def test_an_initial_state_of_the_wrong_count(shapes):
    with fails(ValueError, "LSTM 'encoder'", r"initial_state needs 2 arrays \(h, c\)", f"{len(shapes)} came"):
        layers.LSTM(6, name="encoder")(zeros(2, 5, 3), initial_state=[zeros(*shape) for shape in shapes])


@pytest.mark.parametrize("cls", [layers.GRU, layers.SimpleRNN])
def test_two_initial_states_for_a_layer_with_one(cls):
    with fails(ValueError, f"{cls.__name__} 'encoder'", r"needs one array \(h\)", "2 came"):
        cls(6, name="encoder")(zeros(2, 5, 3), initial_state=[zeros(2, 6)] * 2)


@pytest.mark.parametrize("shape", [(2, 5), (3, 6), (6,)])
def test_an_initial_state_of_the_wrong_shape(shape):
    with fails(ValueError, "LSTM 'encoder'", r"initial_state must have the shape \(2, 6\)", "got"):
        layers.LSTM(6, name="encoder")(zeros(2, 5, 3), initial_state=[zeros(*shape), zeros(2, 6)])


@pytest.mark.parametrize("cls", RECURRENT)
def test_a_stateful_layer_keeps_its_batch_size_and_its_state(cls):
    layer = cls(6, stateful=True, name="encoder")
    layer(np.ones((2, 5, 3), "float32"))
    before = [state.numpy() for state in layer.state_variables]
    with fails(
        ValueError, f"{cls.__name__} 'encoder'", "stateful", "of 2 sequences", "a batch of 3 came", "batch_size=2"
    ):
        layer(np.ones((3, 5, 3), "float32"))
    for state, kept in zip(layer.state_variables, before, strict=True):
        np.testing.assert_array_equal(state.numpy(), kept)
    assert np.any(before[0])


def test_a_stateful_model_keeps_its_state_where_the_last_batch_does_not_fit():
    model = gw.Sequential([layers.LSTM(6, stateful=True, batch_input_shape=(2, 5, 3), name="encoder")])
    with fails(ValueError, "LSTM 'encoder'", "stateful", "batch_size=2"):
        model.predict(np.ones((3, 5, 3)))
    assert not any(np.any(state.numpy()) for state in model.state_variables)


# --- Weights, ids, configs --------------------------------------------------------------------------------------


def test_weights_of_the_wrong_count_or_shape_change_nothing():
    model = sequential()
    before = model.get_weights()
    with fails(ValueError, "net", "3 weights", "1 arrays came", r"\(3, 24\)"):
        model.set_weights([np.ones((3, 24))])
    with fails(ValueError, "net", "encoder/", r"shape \(24,\)", r"got \(23,\)"):
        model.set_weights([np.ones((3, 24)), np.ones((6, 24)), np.ones(23)])
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("index", [10, -1, 2**40, float("nan"), float("inf")])
def test_an_embedding_names_the_id_out_of_range(index):
    with fails(ValueError, "Embedding 'words'", "from 0 to 9", r"came at \(0, 1\)"):
        layers.Embedding(10, 4, name="words")(np.array([[1, index]]))


def test_an_id_out_of_range_inside_a_model():
    model = gw.Sequential([layers.Embedding(10, 4, input_length=3, name="words"), layers.LSTM(2)])
    with fails(ValueError, "Embedding 'words'", "10 came", r"\(1, 2\)"):
        model.predict(np.array([[1, 2, 3], [4, 5, 10]]))


def test_an_unknown_layer_class_is_named_with_the_way_out():
    config = {"class_name": "Sequential", "config": {"layers": [{"class_name": "Atention", "config": {"name": "a"}}]}}
    with fails(ValueError, "Unknown layer 'Atention'", "custom_objects"):
        gw.models.model_from_json(json.dumps(config))


def test_a_model_without_layers():
    with fails(ValueError, "no layers"):
        gw.Sequential(name="net").predict(zeros(1, 3))


# --- Nothing to do is not an error ------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", RECURRENT)
def test_an_empty_batch_gives_an_empty_result(cls):
    model = gw.Sequential([cls(6, input_shape=(5, 3), return_sequences=True)])
    assert model.predict(zeros(0, 5, 3)).shape == (0, 5, 6)
    assert cls(6)(zeros(0, 5, 3)).shape == (0, 6)


@pytest.mark.parametrize("cls", RECURRENT)
def test_a_sequence_of_no_steps_gives_the_initial_state(cls):
    h = np.full((2, 6), 0.5, "float32")
    states = [h, h + 1] if cls is layers.LSTM else [h]
    layer = cls(6, return_state=True)
    outputs = layer(zeros(2, 0, 3), initial_state=states)
    np.testing.assert_array_equal(outputs[0], h)
    for found, given in zip(outputs[1:], states, strict=True):
        np.testing.assert_array_equal(found, given)
    assert cls(6, return_sequences=True)(zeros(2, 0, 3)).shape == (2, 0, 6)
