"""The activations against their definitions, written out one number at a time, and against JAX."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gatewise import activations
from gatewise.base import release
from gatewise.base.typing import Array

Scalar = Callable[[float], float]

# Many numbers an example, so few examples; compiling must not count as slow.
few = settings(max_examples=20)


def clip(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else math.exp(x)


def _relu(x: float, slope: float, top: float, threshold: float) -> float:
    return min(max(x, 0.0), top) if x > threshold else slope * (x - threshold)


# What each function is, from its paper or from Keras's documentation.
DEFINITIONS: dict[str, Scalar] = {
    "linear": lambda x: x,
    "tanh": math.tanh,
    "sigmoid": _sigmoid,
    "hard_sigmoid": lambda x: clip(x / 6 + 0.5, 0, 1),
    "keras2_hard_sigmoid": lambda x: clip(0.2 * x + 0.5, 0, 1),
    "hard_tanh": lambda x: clip(x, -1, 1),
    "log_sigmoid": lambda x: -_softplus(-x),
    "sparse_sigmoid": lambda x: clip((x + 1) / 2, 0, 1),
    "softsign": lambda x: x / (1 + abs(x)),
    "relu": lambda x: max(x, 0.0),
    "relu6": lambda x: clip(x, 0, 6),
    "leaky_relu": lambda x: x if x > 0 else 0.2 * x,
    "elu": lambda x: x if x > 0 else math.expm1(x),
    "selu": lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * math.expm1(x)),
    "celu": lambda x: x if x > 0 else math.expm1(x),
    "softplus": _softplus,
    "sparse_plus": lambda x: 0.0 if x <= -1 else x if x >= 1 else (x + 1) ** 2 / 4,
    "squareplus": lambda x: (x + math.sqrt(x * x + 4)) / 2,
    "silu": lambda x: x * _sigmoid(x),
    "hard_silu": lambda x: x * clip(x / 6 + 0.5, 0, 1),
    "mish": lambda x: x * math.tanh(_softplus(x)),
    "gelu": lambda x: x * math.erfc(-x / math.sqrt(2)) / 2,
    "exponential": math.exp,
    "hard_shrink": lambda x: x if abs(x) > 0.5 else 0.0,
    "soft_shrink": lambda x: math.copysign(max(abs(x) - 0.5, 0.0), x),
    "tanh_shrink": lambda x: x - math.tanh(x),
}
ALONG_AN_AXIS = {"softmax", "log_softmax", "sparsemax", "glu"}
WITH_ARGUMENTS: dict[str, tuple[Callable[..., Array], Scalar]] = {
    "relu": (
        partial(activations.relu, negative_slope=0.3, max_value=4, threshold=1.5),
        partial(_relu, slope=0.3, top=4, threshold=1.5),
    ),
    "relu, threshold below 0": (
        partial(activations.relu, threshold=-1, max_value=4),
        partial(_relu, slope=0.0, top=4, threshold=-1),
    ),
    "relu in Keras 2": (
        partial(activations.relu, alpha=0.3),
        partial(_relu, slope=0.3, top=math.inf, threshold=0),
    ),
    "leaky_relu": (partial(activations.leaky_relu, negative_slope=0.5), lambda x: x if x > 0 else 0.5 * x),
    "leaky_relu in Keras 2": (partial(activations.leaky_relu, alpha=0.5), lambda x: x if x > 0 else 0.5 * x),
    "elu": (partial(activations.elu, alpha=0.5), lambda x: x if x > 0 else 0.5 * math.expm1(x)),
    "celu": (partial(activations.celu, alpha=0.5), lambda x: x if x > 0 else 0.5 * math.expm1(x / 0.5)),
    "squareplus": (partial(activations.squareplus, b=9), lambda x: (x + math.sqrt(x * x + 9)) / 2),
    "hard_shrink": (partial(activations.hard_shrink, threshold=2), lambda x: x if abs(x) > 2 else 0.0),
    "soft_shrink": (
        partial(activations.soft_shrink, threshold=2),
        lambda x: math.copysign(max(abs(x) - 2, 0.0), x),
    ),
    "threshold": (partial(activations.threshold, threshold=1.0, default_value=-5.0), lambda x: x if x > 1 else -5.0),
    "gelu with a tanh": (
        partial(activations.gelu, approximate=True),
        lambda x: x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2,
    ),
}
CASES = {name: (activations.get(name), definition) for name, definition in DEFINITIONS.items()}
CASES |= {f"{name} with arguments": case for name, case in WITH_ARGUMENTS.items()}
JOINTS = [-6, -3, -2.5, -2, -1, -0.5, -0.0, 0, 0.5, 1, 1.5, 2, 2.5, 3, 4, 6]


def bound(x: Array, y: Array, dtype: Any) -> Array:
    """The rounding of an activation: at most 16 operations on numbers that are at most 1 + |x| + |y| (or 2 |x|)."""
    return 16 * np.finfo(dtype).eps * (1 + 2 * np.abs(x) + np.abs(y))


def numbers_of(dtype: Any) -> st.SearchStrategy[float]:
    width = np.dtype(dtype).itemsize * 8
    return st.sampled_from([float(joint) for joint in JOINTS]) | st.floats(-60, 60, width=width, allow_subnormal=False)


def test_every_activation_of_the_registry_is_tested() -> None:
    names = {activations.registry.name_of(activations.get(name)) for name in activations.registry.names()}
    assert names == set(DEFINITIONS) | ALONG_AN_AXIS | {"threshold"}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
@few
@given(data=st.data())
def test_it_is_its_definition(case: str, dtype: str, data: st.DataObject) -> None:
    function, definition = CASES[case]
    shape = data.draw(hnp.array_shapes(max_dims=3, max_side=6, min_side=0))
    x = data.draw(hnp.arrays(dtype, shape, elements=numbers_of(dtype)))
    y = function(x)
    assert y.dtype == x.dtype
    assert y.shape == x.shape
    want = np.array([definition(float(value)) for value in x.flat]).reshape(x.shape)
    assert np.all(np.abs(y - want) <= bound(x, want, dtype))


@pytest.mark.parametrize("case", CASES)
@few
@given(x=hnp.arrays("float32", 64, elements=numbers_of("float32")))
def test_jax_agrees(case: str, x: Array) -> None:
    function, _ = CASES[case]
    y = function(x)
    traced = jax.jit(function)(jnp.asarray(x))
    assert traced.dtype == x.dtype
    assert traced.shape == x.shape
    assert np.all(np.abs(y - np.asarray(traced)) <= bound(x, y, "float32"))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("library", [np, jnp])
def test_nan_in_is_nan_out(case: str, library: Any) -> None:
    y = np.asarray(CASES[case][0](library.asarray([1.0, math.nan, -1.0], dtype="float32")))
    assert np.isnan(y).tolist() == [False, True, False]


@pytest.mark.parametrize("case", sorted(set(CASES) - {"exponential"}))
@few
@given(x=hnp.arrays("float32", 5, elements=st.floats(-(2**99), 2**99, width=32)))
def test_no_finite_number_overflows(case: str, x: Array) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.all(np.isfinite(CASES[case][0](x)))


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("tanh", -1, 1),
        ("sigmoid", 0, 1),
        ("hard_sigmoid", 0, 1),
        ("keras2_hard_sigmoid", 0, 1),
        ("relu", 0, math.inf),
        ("elu", -1, math.inf),
        ("softplus", 0, math.inf),
        ("exponential", 0, math.inf),
        ("log_sigmoid", -math.inf, 0),
    ],
)
def test_infinities_have_their_limits(name: str, low: float, high: float) -> None:
    assert activations.get(name)(np.array([-math.inf, math.inf])).tolist() == [low, high]


@pytest.mark.parametrize(
    ("name", "x", "want"),
    [
        ("sigmoid", -50.0, math.exp(-50)),
        ("softplus", -50.0, math.exp(-50)),
        ("log_sigmoid", 50.0, -math.exp(-50)),
        ("gelu", -20.0, -10 * math.erfc(20 / math.sqrt(2))),
        ("silu", -50.0, -50 * math.exp(-50)),
        ("elu", -1e-10, math.expm1(-1e-10)),
    ],
)
def test_small_results_are_right_relatively(name: str, x: float, want: float) -> None:
    # Two roundings of the argument of exp or erfc, each times |argument| (at most 200 for x**2 / 2), and a few more.
    assert activations.get(name)(np.array([x]))[0] == pytest.approx(want, rel=400 * np.finfo("float64").eps)


SMOOTH = [
    "tanh",
    "sigmoid",
    "softplus",
    "silu",
    "mish",
    "gelu",
    "elu",
    "celu",
    "squareplus",
    "softsign",
    "log_sigmoid",
    "tanh_shrink",
    "exponential",
    "sparse_plus",
]


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_match_differences(name: str) -> None:
    function = activations.get(name)
    x, step = np.array([-30, -5, -1, -0.5, 0, 1e-3, 0.5, 1, 2, 5]), 1e-4
    difference = (function(x + step) - function(x - step)) / (2 * step)
    gradient = jax.vmap(jax.grad(function))(jnp.asarray(x, "float32"))
    # The differences err by step**2 |f'''| / 6, and by step |f''| / 2 where f'' jumps: it is at most 2 there (softsign at 0).
    # The gradients err by some roundings of float32; those of the differences, eps |f| / step in float64, are smaller.
    tolerance = 1.01 * step + 64 * np.finfo("float32").eps * (1 + np.abs(difference))
    assert np.all(np.abs(difference - gradient) <= tolerance)


@pytest.mark.parametrize(
    ("name", "x", "slope"),
    [
        ("relu", 0, 0),
        ("relu6", 0, 0),
        ("relu6", 6, 0),
        ("leaky_relu", 0, 0.2),
        ("sigmoid", 0, 0.25),
        ("softplus", 0, 0.5),
    ],
)
def test_gradients_at_joints_are_keras_s(name: str, x: float, slope: float) -> None:
    assert float(jax.grad(activations.get(name))(float(x))) == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("name", ["sigmoid", "elu", "selu", "celu", "softplus", "silu", "mish", "gelu", "squareplus"])
def test_gradients_far_out_are_finite(name: str) -> None:
    gradient = jax.vmap(jax.grad(activations.get(name)))(jnp.asarray([-1e6, -1e3, -100.0, 100.0, 1e3, 1e6]))
    assert np.all(np.isfinite(gradient))


# --- Along an axis ----------------------------------------------------------------------------------------------

# Of a spread at which no softmax is subnormal in float32: XLA turns those into 0.
VECTORS = hnp.arrays("float64", (3, 4, 5), elements=st.floats(-40, 40))


@pytest.mark.parametrize("axis", [-1, 0, 1, (0, 2), None])
@few
@given(x=VECTORS)
def test_softmax(axis: Any, x: Array) -> None:
    y = activations.softmax(x, axis)
    want = np.exp(x) / np.exp(x).sum(axis, keepdims=True)
    # x - max rounds by at most 80 eps, which exp makes relative; then some operations.
    np.testing.assert_allclose(y, want, rtol=256 * np.finfo("float64").eps)
    np.testing.assert_allclose(np.exp(activations.log_softmax(x, axis)), y, rtol=512 * np.finfo("float64").eps)
    traced = jax.jit(partial(activations.softmax, axis=axis))(jnp.asarray(x, "float32"))
    np.testing.assert_allclose(traced, activations.softmax(x.astype("float32"), axis), rtol=2e-5)


@pytest.mark.parametrize("axis", [-1, 0, 1])
@few
@given(x=VECTORS)
def test_sparsemax_is_the_projection_onto_the_simplex(axis: int, x: Array) -> None:
    x, y = np.moveaxis(x, axis, -1), np.moveaxis(activations.sparsemax(x, axis), axis, -1)
    assert np.all(y >= 0)
    np.testing.assert_allclose(y.sum(-1), 1, atol=1e-13)
    # The projection's conditions (Karush-Kuhn-Tucker): x - y is one number where y > 0, and not above it elsewhere.
    tau = (x - y)[np.arange(x.shape[0])[:, None], np.arange(x.shape[1]), y.argmax(-1)][..., None]
    assert np.all(np.abs(x - y - tau)[y > 0] <= 1e-12)
    assert np.all((x <= tau + 1e-12)[y == 0])


def test_sparsemax_keeps_nan_to_its_vector_and_agrees_with_jax() -> None:
    x = np.array([[0.1, 0.2, 0.3], [0.1, math.nan, 0.3]], "float32")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = activations.sparsemax(x)
    assert np.isnan(y).tolist() == [[False] * 3, [True] * 3]
    np.testing.assert_allclose(jax.jit(activations.sparsemax)(jnp.asarray(x)), y, rtol=1e-6)


@pytest.mark.parametrize("axis", [-1, 0])
def test_glu(axis: int) -> None:
    x = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
    a, b = np.split(x, 2, axis)
    np.testing.assert_allclose(activations.glu(x, axis), a / (1 + np.exp(-b)), rtol=1e-6)
    np.testing.assert_allclose(
        jax.jit(partial(activations.glu, axis=axis))(jnp.asarray(x)), activations.glu(x, axis), 1e-6
    )


def test_glu_wants_an_even_size() -> None:
    with pytest.raises(
        ValueError, match=r"glu halves axis -1, so its size must be even; got an input of shape \(2, 3\)"
    ):
        activations.glu(np.zeros((2, 3)))


# --- What may come in -------------------------------------------------------------------------------------------


def test_lists_and_numbers_are_taken() -> None:
    assert activations.relu([-1.0, 2.0]).tolist() == [0.0, 2.0]
    assert float(activations.sigmoid(0.0)) == 0.5


def test_words_are_refused() -> None:
    with pytest.raises(TypeError, match="input of an activation must be an array of numbers, but 'words' came"):
        activations.relu("words")


# --- Names ------------------------------------------------------------------------------------------------------


def test_none_is_linear() -> None:
    assert activations.get(None) is activations.deserialize(None) is activations.linear


@pytest.mark.parametrize("name", activations.registry.names())
def test_names_round_trip(name: str) -> None:
    function = activations.get(name)
    written = activations.serialize(function)
    assert isinstance(written, str)
    assert activations.deserialize(json.loads(json.dumps(written))) is function


@pytest.mark.parametrize(("alias", "name"), [("swish", "silu"), ("hard_swish", "hard_silu"), ("softmax_v2", "softmax")])
def test_aliases(alias: str, name: str) -> None:
    assert activations.get(alias) is activations.get(name)


@pytest.mark.parametrize(
    "config",
    [
        {"class_name": "function", "config": "tanh"},
        {"module": "builtins", "class_name": "function", "config": "tanh", "registered_name": "function"},
        {"module": "keras.activations", "class_name": "function", "config": "tanh", "registered_name": "tanh"},
        {"class_name": "tanh", "config": {}},
    ],
)
def test_configs_of_functions(config: dict[str, Any]) -> None:
    assert activations.get(config) is activations.tanh


def test_hard_sigmoid_is_what_the_release_says() -> None:
    x = np.array([1.0])
    assert activations.get("hard_sigmoid")(x)[0] == pytest.approx(1 / 6 + 0.5)
    for old in ("tf1", "tf2"):
        with release.meaning(old):
            found = activations.get("hard_sigmoid")
            assert activations.get({"class_name": "function", "config": "hard_sigmoid"}) is found
        assert found(x)[0] == pytest.approx(0.7)
        # What it is written as means the same in every release.
        assert activations.serialize(found) == "keras2_hard_sigmoid"
        assert activations.get("keras2_hard_sigmoid") is found


def test_a_callable_is_itself() -> None:
    assert activations.get(np.tanh) is np.tanh


def test_a_class_is_made() -> None:
    class Twice:
        def __call__(self, x: Array) -> Array:
            return 2 * x

    assert activations.get(Twice)(3) == 6


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"Unknown activation 'tahn': did you mean 'tanh'\?"):
        activations.get("tahn")
    with pytest.raises(ValueError, match=r"'Hard_Sigmiod': did you mean 'hard_sigmoid'\?"):
        activations.get("Hard_Sigmiod")
