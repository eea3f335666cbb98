"""Symbolic tensors: what they can do, and what they say they cannot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gatewise as gw

X = np.random.default_rng(0).uniform(1, 2, (2, 3)).astype("float32")


@pytest.mark.parametrize(
    "use",
    [np.asarray, bool, float, int, len, list, lambda x: x.numpy(), np.sin],
    ids=["asarray", "bool", "float", "int", "len", "list", "numpy", "ufunc"],
)
def test_numbers_are_not_there_yet(use: Any) -> None:
    with pytest.raises(TypeError, match=r"no numbers yet|ufunc"):
        use(gw.Input((3,)))


@pytest.mark.parametrize(
    "formula",
    [
        lambda x: x + 1,
        lambda x: 1 - x,
        lambda x: x * x,
        lambda x: 2 / x,
        lambda x: x**2,
        lambda x: -x,
        lambda x: x[:, 1:],
        lambda x: x - np.float32(0.5),
    ],
)
def test_arithmetic_draws(formula: Any) -> None:
    x = gw.Input((3,))
    y = formula(x)
    model = gw.Model(x, y)
    wanted = formula(X)
    assert y.shape == (None, *wanted.shape[1:])
    np.testing.assert_allclose(model.predict(X), wanted, rtol=1e-6)


def test_shape_and_dtype() -> None:
    x = gw.Input((None, 3), batch_size=2, dtype="int32", name="ids")
    assert (x.shape, x.dtype, x.ndim, x.name) == ((2, None, 3), "int32", 3, "ids")
    assert repr(x) == "<SymbolicTensor ids shape=(2, None, 3) dtype=int32>"


def test_a_layer_refuses_what_is_neither_symbol_nor_array() -> None:
    with pytest.raises(TypeError, match="expected symbolic tensors or arrays"):
        gw.layers.Add()([gw.Input((3,)), "a"])
