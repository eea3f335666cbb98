"""The initializers: exact distributions, seeds, and the configs that each Keras wrote.

A distribution is tested by the Dvoretzky-Kiefer-Wolfowitz inequality with Massart's constant: n draws leave their distribution
function by more than sqrt(log(2 / p) / 2n) with a chance below p. Seeds are fixed, so a test that passes goes on passing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewise import initializers, random
from gatewise.initializers import (
    Constant,
    GlorotUniform,
    Identity,
    Initializer,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
    compute_fans,
)

CHANCE = 1e-6
NAMED = ["GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform", "LecunNormal"]
ALL = [
    *("Zeros", "Ones", "Constant", "Identity", "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling"),
    *("Orthogonal", *NAMED),
]


def normal(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def truncated(x: float) -> float:
    return (normal(min(max(x, -2.0), 2.0)) - normal(-2)) / (normal(2) - normal(-2))


def uniform(x: float) -> float:
    return min(max((x + 1) / 2, 0.0), 1.0)


def assert_distributed(values: np.ndarray, distribution: Callable[[float], float]) -> None:
    values = np.sort(values.ravel())
    want = np.array([distribution(float(value)) for value in values])
    steps = np.arange(values.size + 1) / values.size
    away = max(np.max(steps[1:] - want), np.max(want - steps[:-1]))
    assert away <= math.sqrt(math.log(2 / CHANCE) / (2 * values.size))


# --- Distributions ----------------------------------------------------------------------------------------------

SHAPE = (3, 40, 160)  # a convolution's kernel: fans 120 and 480


@pytest.mark.parametrize(
    ("initializer", "distribution", "mean", "scale"),
    [
        (RandomNormal(1.0, 3.0, seed=1), normal, 1.0, 3.0),
        (RandomNormal(seed=1), normal, 0.0, 0.05),
        (RandomUniform(-1.0, 3.0, seed=1), uniform, 1.0, 2.0),
        (RandomUniform(seed=1), uniform, 0.0, 0.05),
        (TruncatedNormal(1.0, 3.0, seed=1), truncated, 1.0, 3.0),
        (TruncatedNormal(seed=1), truncated, 0.0, 0.05),
        (initializers.GlorotUniform(1), uniform, 0.0, math.sqrt(6 / 600)),
        (initializers.HeUniform(1), uniform, 0.0, math.sqrt(6 / 120)),
        (initializers.LecunUniform(1), uniform, 0.0, math.sqrt(3 / 120)),
        (initializers.GlorotNormal(1), truncated, 0.0, math.sqrt(2 / 600) / 0.8796256610342398),
        (initializers.HeNormal(1), truncated, 0.0, math.sqrt(2 / 120) / 0.8796256610342398),
        (initializers.LecunNormal(1), truncated, 0.0, math.sqrt(1 / 120) / 0.8796256610342398),
        (VarianceScaling(3.0, "fan_out", "untruncated_normal", 1), normal, 0.0, math.sqrt(3 / 480)),
        (VarianceScaling(3.0, "fan_out", "normal", 1), truncated, 0.0, math.sqrt(3 / 480) / 0.8796256610342398),
        (VarianceScaling(1.0, "fan_in", "uniform", 1, [0], [1, 2]), uniform, 0.0, math.sqrt(3 / 3)),
    ],
    ids=lambda value: getattr(value, "__name__", repr(value)),
)
def test_the_distribution_is_exact(
    initializer: Initializer, distribution: Callable[[float], float], mean: float, scale: float
) -> None:
    assert_distributed((initializer(SHAPE, "float64") - mean) / scale, distribution)


def test_the_test_of_a_distribution_can_fail() -> None:
    with pytest.raises(AssertionError):
        assert_distributed(TruncatedNormal(0, 1, seed=1)(SHAPE), normal)
    with pytest.raises(AssertionError):
        assert_distributed(TruncatedNormal(0, 1, seed=1)(SHAPE) / initializers.TRUNCATED_STDDEV, truncated)


@pytest.mark.parametrize("name", NAMED)
@given(rows=st.integers(20, 60), columns=st.integers(20, 60), seed=st.integers(0, 2**32))
@settings(max_examples=20)
def test_named_schemes_have_their_variance(name: str, rows: int, columns: int, seed: int) -> None:
    values = getattr(initializers, name)(seed=seed)((rows, columns), "float64")
    fan = {"G": (rows + columns) / 2, "H": rows / 2, "L": rows}[name[0]]
    # Cut or uniform numbers lie within sqrt(3) or 2.28 standard deviations, so by Hoeffding the mean of n squares is off by
    # more than 2.28**2 sqrt(log(2 / p) / 2n) (relatively) with a chance below p.
    off = abs(np.mean(values**2) * fan - 1)
    assert off <= 2.28**2 * math.sqrt(math.log(2 / CHANCE) / (2 * values.size))


@given(
    shape=st.lists(st.integers(0, 9), min_size=2, max_size=4),
    gain=st.floats(0.1, 10),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=60)
def test_orthogonal_is_orthogonal(shape: list[int], gain: float, seed: int) -> None:
    values = Orthogonal(gain, seed)(shape, "float64")
    assert values.shape == tuple(shape)
    matrix = values.reshape(math.prod(shape[:-1]), shape[-1]) / gain
    product = matrix @ matrix.T if matrix.shape[0] < matrix.shape[1] else matrix.T @ matrix
    # Householder QR of m x n numbers is orthogonal to about m n eps (Higham, Accuracy and Stability, theorem 19.4).
    assert np.all(np.abs(product - np.eye(len(product))) <= 8 * (1 + matrix.size) * np.finfo("float64").eps)


def test_orthogonal_matrices_are_uniform_among_all() -> None:
    # Uniform rotations and reflections of the plane: the first entry is the cosine of a uniform angle.
    first = np.array([Orthogonal(seed=seed)((2, 2), "float64")[0, 0] for seed in range(2000)])
    assert_distributed(first, lambda x: 1 - math.acos(min(max(x, -1.0), 1.0)) / math.pi)


@pytest.mark.parametrize(
    ("shape", "fans"), [((), (1, 1)), ((7,), (7, 7)), ((2, 3), (2, 3)), ((5, 2, 3), (10, 15)), ((2, 2, 2, 3), (8, 12))]
)
def test_fans(shape: tuple[int, ...], fans: tuple[int, int]) -> None:
    assert compute_fans(shape) == fans


@pytest.mark.parametrize("name", [*NAMED, "VarianceScaling", "RandomNormal", "RandomUniform", "TruncatedNormal"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (0, 4), (2, 0, 4)])
def test_any_shape_can_be_drawn(name: str, shape: tuple[int, ...]) -> None:
    values = initializers.get(name)(shape)
    assert values.shape == shape
    assert values.dtype == np.float32


# --- Constants --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", np.float64, None])
def test_dtypes(dtype: Any) -> None:
    for name in ("Zeros", "Ones", "Constant", "Identity"):
        assert initializers.get(name)((2, 2), dtype).dtype == np.dtype(dtype or "float32")


def test_constants() -> None:
    assert Zeros()((2,)).tolist() == [0, 0]
    assert Ones()((2,)).tolist() == [1, 1]
    assert Identity(3.0)((2, 2)).tolist() == [[3, 0], [0, 3]]
    assert Constant(np.array([1.0, 2.0]))((2, 2)).tolist() == [[1, 2], [1, 2]]
    values = Constant(5)((2,))
    values[0] = 0  # its own memory, to write to
    assert values.tolist() == [0, 5]


def test_an_array_is_an_initializer() -> None:
    values = np.arange(6.0).reshape(2, 3)
    initializer = initializers.get(values)
    assert isinstance(initializer, Constant)
    assert initializer((2, 3)).tolist() == values.tolist()
    written = json.loads(json.dumps(initializers.serialize(initializer)))
    assert initializers.deserialize(written) == initializer


# --- Seeds ------------------------------------------------------------------------------------------------------

RANDOM = [name for name in ALL if name not in {"Zeros", "Ones", "Constant", "Identity"}]


@pytest.mark.parametrize("name", RANDOM)
def test_a_seed_gives_the_same_values_at_every_call(name: str) -> None:
    initializer = initializers.deserialize({"class_name": name, "config": {"seed": 3}})
    assert initializer is not None
    first = initializer((4, 5))
    assert np.array_equal(first, initializer((4, 5)))
    assert np.array_equal(first, initializer((4, 5), "float64").astype("float32"))
    other = initializers.deserialize({"class_name": name, "config": {"seed": 4}})
    assert not np.array_equal(first, other((4, 5)))


@pytest.mark.parametrize("name", RANDOM)
def test_without_a_seed_the_process_s_stream_decides(name: str) -> None:
    initializer = initializers.get(name)
    assert initializer is not None
    random.set_seed(7)
    first, second = initializer((4, 5)), initializer((4, 5))
    assert not np.array_equal(first, second)
    random.set_seed(7)
    assert np.array_equal(first, initializer((4, 5)))


def test_seeds_may_be_a_generator_or_its_config_or_negative() -> None:
    initializer = GlorotUniform(random.SeedGenerator(3))
    assert np.array_equal(initializer((2, 2)), GlorotUniform(3)((2, 2)))
    assert not np.array_equal(initializer((2, 2)), GlorotUniform(3)((2, 2)))  # A generator goes on.
    again = GlorotUniform.from_config(initializer.get_config())
    assert again == initializer
    assert np.array_equal(again((2, 2)), GlorotUniform(3)((2, 2)))
    assert np.array_equal(GlorotUniform(-1)((2, 2)), GlorotUniform(-1)((2, 2)))
    assert not np.array_equal(GlorotUniform(-1)((2, 2)), GlorotUniform(1)((2, 2)))


@pytest.mark.parametrize("seed", [1.5, "1", True, [1]])
def test_other_seeds_are_refused(seed: Any) -> None:
    with pytest.raises(ValueError, match="The seed of the initializer GlorotUniform must be an int or None; got"):
        GlorotUniform(seed)


# --- Bad input --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: VarianceScaling(0.0), "The scale of the initializer VarianceScaling must be positive; got 0.0"),
        (lambda: VarianceScaling(math.nan), "must be positive; got nan"),
        (
            lambda: VarianceScaling(mode="fan"),
            "The mode of the initializer VarianceScaling must be one of .* got 'fan'",
        ),
        (lambda: VarianceScaling(distribution="cauchy"), "The distribution .* got 'cauchy'"),
        (lambda: Orthogonal()((3,)), r"Orthogonal makes weights of two axes or more; got a weight of shape \(3,\)"),
        (lambda: Identity()((3,)), r"Identity makes matrices; got a weight of shape \(3,\)"),
        (lambda: Constant([1, 2, 3])((2,)), r"values of shape \(3,\), which do not fit a weight of shape \(2,\)"),
        (lambda: initializers.get("glorot_unifrom"), "'glorot_unifrom': did you mean 'GlorotUniform'"),
    ],
)
def test_bad_input(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_class_without_a_call_says_so() -> None:
    with pytest.raises(TypeError, match="The initializer Initializer must define __call__"):
        Initializer()((2,))


# --- Configs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_configs_round_trip(name: str) -> None:
    initializer = initializers.get(name)
    written = json.loads(json.dumps(initializers.serialize(initializer)))
    assert written["class_name"] == name
    assert written["module"] == "keras.initializers"
    again = initializers.deserialize(written)
    assert again == initializer
    assert again is not initializer
    assert initializer.clone() == initializer
    assert eval(repr(initializer), vars(initializers)) == initializer  # a repr is the call that makes it


@given(
    scale=st.floats(0.1, 10),
    mode=st.sampled_from(["fan_in", "fan_out", "fan_avg"]),
    distribution=st.sampled_from(["truncated_normal", "untruncated_normal", "uniform", "Normal"]),
    seed=st.none() | st.integers(),
    axes=st.none() | st.just([0]),
)
def test_variance_scalings_round_trip(
    scale: float, mode: str, distribution: str, seed: int | None, axes: list[int] | None
) -> None:
    initializer = VarianceScaling(scale, mode, distribution, seed, axes, axes)
    again = initializers.deserialize(json.loads(json.dumps(initializers.serialize(initializer))))
    assert again == initializer


@pytest.mark.parametrize(
    ("config", "want"),
    [
        # Keras 3.15 with all it writes, Keras 3.0, Keras 2, TensorFlow 1, Keras 2.0
        (
            {
                "module": "keras.initializers",
                "class_name": "GlorotUniform",
                "config": {"seed": None, "input_axes": None, "output_axes": None},
                "registered_name": None,
            },
            GlorotUniform(),
        ),
        (
            {
                "module": "keras.initializers",
                "class_name": "OrthogonalInitializer",
                "config": {"gain": 1.0, "seed": 3},
                "registered_name": None,
            },
            Orthogonal(1.0, 3),
        ),
        ({"class_name": "GlorotUniform", "config": {"seed": None}}, GlorotUniform()),
        ({"class_name": "GlorotUniform", "config": {"seed": None, "dtype": "float32"}}, GlorotUniform()),
        (
            {
                "class_name": "VarianceScaling",
                "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None},
            },
            VarianceScaling(1.0, "fan_avg", "uniform"),
        ),
        (
            {
                "class_name": "GlorotUniform",
                "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": 1},
            },
            GlorotUniform(1),
        ),
        (
            {
                "class_name": "GlorotNormal",
                "config": {"scale": 2.0, "mode": "fan_avg", "distribution": "normal", "seed": 1},
            },
            VarianceScaling(2.0, "fan_avg", "normal", 1),
        ),
        ({"class_name": "Zeros", "config": {"dtype": "float32"}}, Zeros()),
        ({"class_name": "Constant", "config": {"value": 2, "dtype": "float32", "verify_shape": False}}, Constant(2)),
        ({"class_name": "RandomUniform", "config": {"minval": -1, "maxval": 1, "seed": None}}, RandomUniform(-1, 1)),
        ({"class_name": "Orthogonal", "config": {"gain": 1.0, "seed": None, "dtype": "float32"}}, Orthogonal()),
        ("normal", RandomNormal()),
        ("uniform", RandomUniform()),
        ("zero", Zeros()),
        ("one", Ones()),
        ("identity", Identity()),
        (Zeros, Zeros()),
        (None, None),
    ],
)
def test_configs_of_every_age(config: Any, want: Initializer | None) -> None:
    assert initializers.get(config) == want


@pytest.mark.parametrize("name", ["zeros", "ones", "constant", "identity", "orthogonal", "random_normal", "he_normal"])
def test_lower_case_spellings_are_the_classes(name: str) -> None:
    assert type(initializers.get(name)) is getattr(initializers, name)


def test_a_callable_is_itself() -> None:
    assert initializers.get(np.ones) is np.ones
