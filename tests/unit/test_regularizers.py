"""The regularizers against their definitions, on NumPy and JAX."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gatewise import regularizers
from gatewise.base import release
from gatewise.base.typing import Array
from gatewise.regularizers import L1, L1L2, L2, OrthogonalRegularizer, Regularizer

MATRICES = hnp.arrays(
    "float32", hnp.array_shapes(min_dims=2, max_dims=2, max_side=5), elements=st.floats(-100, 100, width=32)
)
ALL = [L1(0.3), L2(0.3), L1L2(0.1, 0.2), L1L2(0, 0.2), L1L2(0.1, 0), L1L2(0, 0)]
ORTHOGONAL = [OrthogonalRegularizer(0.5, "rows"), OrthogonalRegularizer(0.5, "columns")]

EPS = float(np.finfo("float32").eps)

few = settings(max_examples=30)


def mean_cosine(x: Array, mode: str) -> float:
    rows = [[float(value) for value in row] for row in (x if mode == "rows" else x.T)]
    lengths = [math.sqrt(sum(value * value for value in row)) for row in rows]
    pairs = [(i, j) for i in range(len(rows)) for j in range(i)]
    cosines = [
        abs(sum(a * b for a, b in zip(rows[i], rows[j], strict=True))) / max(lengths[i] * lengths[j], 1e-300)
        for i, j in pairs
    ]
    return sum(cosines) / len(pairs) if pairs else 0.0


@few
@given(x=MATRICES)
def test_norms(x: Array) -> None:
    l1 = math.fsum(abs(float(value)) for value in x.flat)
    l2 = math.fsum(float(value) ** 2 for value in x.flat)
    for regularizer, want in ((L1(0.3), 0.3 * l1), (L2(0.3), 0.3 * l2), (L1L2(0.1, 0.2), 0.1 * l1 + 0.2 * l2)):
        got = regularizer(x)
        assert got.shape == ()
        assert got.dtype == np.float32
        assert float(got) == pytest.approx(want, rel=32 * EPS)  # 25 positive terms, all rounded


@few
@given(x=MATRICES.map(lambda x: np.where(np.abs(x) < 0.01, np.float32(1), x)))
def test_orthogonality(x: Array) -> None:
    for regularizer in ORTHOGONAL:
        got = regularizer(x)
        assert got.shape == ()
        assert got.dtype == np.float32
        # Cosines of 5 terms, each at most 1: absolute rounding.
        assert float(got) == pytest.approx(0.5 * mean_cosine(x, regularizer.mode), abs=16 * EPS)


@few
@given(x=hnp.arrays("float32", (3, 4), elements=st.floats(-100, 100, width=32)))
def test_jax_agrees(x: Array) -> None:
    for regularizer in (*ALL, *ORTHOGONAL):
        got = jax.jit(regularizer)(jnp.asarray(x))
        assert got.dtype == np.float32
        assert got.shape == ()
        assert float(got) == pytest.approx(float(regularizer(x)), rel=32 * EPS, abs=2e-6)


@pytest.mark.parametrize("regularizer", [*ALL, *ORTHOGONAL], ids=repr)
def test_gradients_are_finite_at_zero(regularizer: Regularizer) -> None:
    assert np.all(np.isfinite(jax.grad(regularizer)(jnp.zeros((2, 3)))))


def test_orthogonal_rows_cost_nothing_and_parallel_ones_the_factor() -> None:
    assert float(OrthogonalRegularizer(0.5)(np.eye(3))) == 0
    assert float(OrthogonalRegularizer(0.5)(np.ones((3, 2)))) == pytest.approx(0.5)
    assert float(OrthogonalRegularizer(0.5)(np.ones((1, 2)))) == 0
    assert float(OrthogonalRegularizer(0.5, "columns")(np.ones((1, 2)))) == pytest.approx(0.5)


def test_a_part_that_is_zero_is_not_computed() -> None:
    assert float(L1L2(0.0, 0.0)(np.array([math.inf]))) == 0.0


# --- Names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("regularizer", [*ALL, *ORTHOGONAL], ids=repr)
def test_configs_round_trip(regularizer: Regularizer) -> None:
    written = json.loads(json.dumps(regularizers.serialize(regularizer)))
    assert written["module"] == "keras.regularizers"
    assert written["registered_name"] is None
    assert regularizers.deserialize(written) == regularizer
    assert eval(repr(regularizer), vars(regularizers)) == regularizer


@pytest.mark.parametrize(
    ("identifier", "want"),
    [
        ("l1", L1(0.01)),
        ("L2", L2(0.01)),
        ("l1_l2", L1L2(0.0, 0.0)),
        ("orthogonal_regularizer", OrthogonalRegularizer()),
        ({"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.009999999776482582}}, L1L2(0.0, 0.009999999776482582)),
        ({"class_name": "L2", "config": {"l2": 0.5}}, L2(0.5)),
        ({"class_name": "L2", "config": {"l": 0.5}}, L2(0.5)),
        (L1, L1()),
        (None, None),
    ],
)
def test_identifiers(identifier: Any, want: Regularizer | None) -> None:
    assert regularizers.get(identifier) == want


def test_arguments_left_out_or_with_their_old_name() -> None:
    assert L1(None) == L1() == L1(0.01) == L1(l=0.01)
    assert L2(None) == L2() == L2(0.01) == L2(l=0.01)
    assert L1L2(None, None) == L1L2()


def test_l1_l2_is_what_the_release_says() -> None:
    assert regularizers.l1_l2() == regularizers.get("l1_l2") == L1L2(0.0, 0.0)
    for old in ("tf1", "tf2"):
        with release.meaning(old):
            assert regularizers.l1_l2() == regularizers.get("l1_l2") == L1L2(0.01, 0.01)
            assert regularizers.l1_l2(l1=0.5) == L1L2(0.5, 0.01)
            config = {"class_name": "L1L2", "config": {"l1": 0.5, "l2": 0.0}}
            assert regularizers.get(config) == L1L2(0.5, 0.0)


def test_a_callable_is_itself() -> None:
    assert regularizers.get(np.sum) is np.sum


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: L1(-1), "l1 of the L1 regularizer must be 0 or more; got -1"),
        (lambda: L2(math.nan), "l2 of the L2 regularizer must be 0 or more; got nan"),
        (lambda: L1L2(l2=math.inf), "l2 of the L1L2 regularizer must be 0 or more; got inf"),
        (lambda: L1("much"), "l1 of the L1 regularizer must be 0 or more; got 'much'"),
        (lambda: OrthogonalRegularizer(mode="both"), "must be 'rows' or 'columns'; got 'both'"),
        (lambda: OrthogonalRegularizer()(np.zeros(3)), r"takes matrices; got a weight of shape \(3,\)"),
        (lambda: regularizers.get("l3"), r"Unknown regularizer 'l3'\. Known: L1, L1L2, L2, OrthogonalRegularizer"),
    ],
)
def test_bad_input(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_class_without_a_call_says_so() -> None:
    with pytest.raises(TypeError, match="The regularizer Regularizer must define __call__"):
        Regularizer()(np.zeros(3))
