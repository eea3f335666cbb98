"""The native engine's activations of streams: one list with `gatewise.activations`, names and parameters alike."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise import activations, layers
from gatewise.engine import _native

FUNCTIONS = _native.functions()
NUMBERS = {"negative_slope": 0.3, "max_value": 2.5, "alpha": 0.7, "b": 3.0, "default_value": -2.0, "approximate": True}


def refuse(session: Any, x: Any) -> Any:
    raise AssertionError("a push took another way")


def values_of(name: str, parameters: dict[str, float], x: Any) -> Any:
    """The activation `name` of `x` in a native program."""
    program = _native.Program()
    program.output(program.activation(program.input(x.size, False), name, parameters, False))
    (y,) = _native.Session(program, 1, [x.size], [x.size], refuse).run([x], 1)
    return y.reshape(-1)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_parameters_have_the_names_and_order_of_the_signature(name: str) -> None:
    assert FUNCTIONS[name] == tuple(activations.parameters_of(getattr(activations, name)))
    assert activations.known_name(getattr(activations, name)) == name


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_are_those_of_the_function_with_other_parameters_than_the_usual(name: str) -> None:
    x = np.concatenate([np.linspace(-12, 12, 34), [-0.0, 0.0, 0.5, -0.5, 1, -1, np.inf, -np.inf]]).astype("float32")
    given = {each: NUMBERS.get(each, 0.25) for each in FUNCTIONS[name]}
    with np.errstate(all="ignore"):
        expected = getattr(activations, name)(x.astype("float64"), **given).astype("float32")
        usual = activations.parameters_of(getattr(activations, name)).values()
        plain = None if inspect.Parameter.empty in usual else getattr(activations, name)(x.astype("float64"))
    given = {each: float(value) for each, value in given.items()}
    np.testing.assert_allclose(values_of(name, given, x), expected, rtol=2e-6, atol=1e-7)
    assert not given or plain is None or not np.allclose(plain, expected, equal_nan=True), "the parameters do nothing"
    with_nan = values_of(name, given, np.full(3, np.nan, "float32"))
    assert np.isnan(with_nan).all()


def test_relu_is_the_same_bits_on_vectors_and_one_by_one() -> None:
    x = np.array([-0.0, 0.0, 1e-45, -1e-45, 3.5, -3.5, np.inf, -np.inf] * 5, "float32")
    usual = {"negative_slope": 0.0, "max_value": math.inf, "threshold": 0.0}
    on_vectors = values_of("relu", usual, x)
    np.testing.assert_array_equal(on_vectors.view("int32"), activations.relu(x).view("int32"))
    # A threshold below all numbers but zero takes the way that has parameters.
    least = float(np.finfo("float64").tiny)
    one_by_one = values_of("relu", {**usual, "threshold": least}, x)
    np.testing.assert_array_equal(on_vectors.view("int32"), one_by_one.view("int32"))


@pytest.mark.parametrize(
    ("layer", "function"),
    [
        (layers.LeakyReLU(negative_slope=0.1), lambda x: activations.leaky_relu(x, 0.1)),
        (layers.ELU(alpha=0.4), lambda x: activations.elu(x, 0.4)),
        (layers.ThresholdedReLU(theta=0.6), lambda x: activations.threshold(x, 0.6, 0.0)),
        (layers.ReLU(), activations.relu),
        (layers.ReLU(1.5, 0.2, 0.3), lambda x: activations.relu(x, 0.2, 1.5, 0.3)),
    ],
)
def test_layers_with_parameters_of_their_own(layer: Any, function: Any) -> None:
    stream = gw.Sequential([gw.Input((None, 6)), layer]).stream()
    x = np.array([-3, -0.5, 0.2, 0.5, 0.7, 4], "float32")
    assert stream.native
    np.testing.assert_allclose(stream.push(x), function(x), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("polite", {}, 'unknown activation "polite"; known are relu, '),
        ("elu", {}, "the parameters of the activation elu are alpha; none came"),
        ("elu", {"slope": 1.0}, "the parameters of the activation elu are alpha; slope came"),
        ("tanh", {"alpha": 1.0}, "the parameters of the activation tanh are none; alpha came"),
        ("threshold", {"threshold": 1.0}, "are threshold, default_value; threshold came"),
    ],
)
def test_wrong_parameters_are_refused_by_name(name: str, parameters: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        values_of(name, parameters, np.zeros(3, "float32"))


def test_a_program_in_use_takes_no_more_operations() -> None:
    program = _native.Program()
    x = program.input(2, False)
    program.output(x)
    session = _native.Session(program, 1, [2], [2], refuse)
    with pytest.raises(ValueError, match="nothing can be added"):
        program.output(x)
    assert session.run([np.ones((1, 2), "float32")], 1)[0].tolist() == [[1, 1]]


def test_a_recurrence_says_where_each_state_is() -> None:
    program, rng = _native.Program(), np.random.default_rng(0)
    x = program.input(2, False)
    program.state(5)
    weights = {"kernel": (2, 12), "recurrent_kernel": (3, 12), "bias": (12,)}
    arrays = {name: rng.normal(size=shape).astype("float32") for name, shape in weights.items()}
    y, places = program.recurrence(x, -1, "lstm", arrays, "tanh", "sigmoid", False)
    assert places == [5, 8]
    assert program.record == 11
    for number in (y, *(program.take_state(place, 3) for place in places)):
        program.output(number)
    session = _native.Session(program, 1, [2], [3], refuse)
    y, h, c = session.run([np.ones((2, 2), "float32")], 2)
    np.testing.assert_array_equal(session.read()[0, 5:], np.concatenate([h[-1], c[-1]]))
    np.testing.assert_array_equal(y, h)
