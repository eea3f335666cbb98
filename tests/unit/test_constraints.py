"""The constraints: what holds of a weight after each, on NumPy and JAX."""

from __future__ import annotations

import json
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gatewise import constraints
from gatewise.base.typing import Array
from gatewise.constraints import EPSILON, Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm

WEIGHTS = hnp.arrays(
    "float32", (3, 4, 5), elements=st.floats(-100, 100, width=32).filter(lambda x: abs(x) > 1e-3 or x == 0)
)
AXES = [0, 1, -1, (0, 1), [0, 2]]
ALL = [MaxNorm(2.0), NonNeg(), UnitNorm(), MinMaxNorm(0.5, 1.5, 0.7)]
EPS = float(np.finfo("float32").eps)

few = settings(max_examples=30)


def norms(w: Array, axis: Any) -> Array:
    return np.sqrt(np.sum(w.astype("float64") ** 2, tuple(axis) if isinstance(axis, list) else axis))


def assert_norms(w: Array, axis: Any, want: Array, before: Array) -> None:
    """EPSILON shortens a vector of length n by EPSILON / n; sums of up to 15 squares and some products round."""
    shortened = EPSILON / np.maximum(before, EPSILON)
    assert np.all(np.abs(norms(w, axis) - want) <= want * (shortened + 32 * EPS) + 1e-30)


@pytest.mark.parametrize("axis", AXES)
@few
@given(w=WEIGHTS)
def test_lengths(axis: Any, w: Array) -> None:
    before = norms(w, axis)
    there = np.where(before > 0, 1.0, 0.0)  # a vector of zeros stays one
    assert_norms(MaxNorm(2.0, axis)(w), axis, np.minimum(before, 2.0), before)
    assert_norms(UnitNorm(axis)(w), axis, there, before)
    assert_norms(MinMaxNorm(0.5, 1.5, 1.0, axis)(w), axis, np.clip(before, 0.5, 1.5) * there, before)
    half = 0.5 * np.clip(before, 0.5, 1.5) * there + 0.5 * before
    assert_norms(MinMaxNorm(0.5, 1.5, 0.5, axis)(w), axis, half, before)


@few
@given(w=WEIGHTS)
def test_directions_signs_and_dtypes_stay(w: Array) -> None:
    for constraint in (MaxNorm(2.0), UnitNorm(), MinMaxNorm(0.5, 1.5)):
        new = constraint(w)
        assert new.dtype == w.dtype
        assert new.shape == w.shape
        assert np.array_equal(np.sign(new), np.sign(w))


@few
@given(w=WEIGHTS)
def test_non_neg(w: Array) -> None:
    assert np.array_equal(NonNeg()(w), np.where(w > 0, w, 0))


@few
@given(w=WEIGHTS)
def test_jax_agrees(w: Array) -> None:
    for constraint in ALL:
        got = jax.jit(constraint)(jnp.asarray(w))
        assert got.dtype == w.dtype
        np.testing.assert_allclose(got, constraint(w), rtol=32 * EPS, atol=0)


def test_nan_stays() -> None:
    for constraint in ALL:
        assert np.isnan(constraint(np.array([[math.nan]]))).all()


def test_the_base_leaves_a_weight_as_it_is() -> None:
    w = np.ones(3)
    assert Constraint()(w) is w


# --- Names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("constraint", [*ALL, MaxNorm(3, [0, 1, 2])], ids=repr)
def test_configs_round_trip(constraint: Constraint) -> None:
    written = json.loads(json.dumps(constraints.serialize(constraint)))
    assert written["module"] == "keras.constraints"
    assert written["registered_name"] is None
    assert constraints.deserialize(written) == constraint
    assert eval(repr(constraint), vars(constraints)) == constraint


@pytest.mark.parametrize(
    ("identifier", "want"),
    [
        ("max_norm", MaxNorm()),
        ("MaxNorm", MaxNorm()),
        ("maxnorm", MaxNorm()),
        ("nonneg", NonNeg()),
        ("unit_norm", UnitNorm()),
        ("min_max_norm", MinMaxNorm()),
        ({"class_name": "MaxNorm", "config": {"max_value": 2, "axis": 0}}, MaxNorm(2)),
        ({"name": "MaxNorm", "class_name": "MaxNorm", "config": {"name": "MaxNorm", "m": 3, "axis": 1}}, MaxNorm(3, 1)),
        (NonNeg, NonNeg()),
        (None, None),
    ],
)
def test_identifiers(identifier: Any, want: Constraint | None) -> None:
    assert constraints.get(identifier) == want


def test_a_callable_is_itself() -> None:
    assert constraints.get(np.abs) is np.abs


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="Unknown constraint 'max_nrom': did you mean 'MaxNorm'"):
        constraints.get("max_nrom")


@pytest.mark.parametrize("name", ["max_norm", "non_neg", "unit_norm", "min_max_norm", "maxnorm", "nonneg", "unitnorm"])
def test_lower_case_spellings_are_the_classes(name: str) -> None:
    assert type(constraints.get(name)) is getattr(constraints, name)
