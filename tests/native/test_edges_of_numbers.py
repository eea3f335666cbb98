"""The engine at the edges of floating point, for each instruction set: denormals, huge numbers, NaN and infinities."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from test_recurrence import CELLS, CELLS_AND_TYPES, loop, make, make_states, make_weights, tolerance

from gatewise.engine import _native

# Few and small, for vectors; one unit past whole vectors, for folded panels; many and large, for tiles.
SHAPES = [(1, 4, 3, 5), (3, 4, 3, 17), (40, 3, 65, 70)]
every_isa = pytest.mark.parametrize("isa", _native.isas())
# The sLSTM's normaliser is no small number, and what its stabiliser is next to a huge one depends on each rounding.
NORMAL = CELLS.keys() - {"slstm"}
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
every_cell_and_dtype = pytest.mark.parametrize(
    ("cell", "dtype"), [pair for pair in CELLS_AND_TYPES if pair[0] in NORMAL]
)


def every_case(test: Any) -> Any:
    return every_isa(every_shape(every_cell_and_dtype(test)))


@pytest.fixture(autouse=True)
def restore_engine() -> Iterator[None]:
    before = _native.isa()
    yield
    _native.set_isa(before)
    _native.set_threads(0)


class Case:
    """A layer's arrays at first of ordinary size, what the engine makes of them, and what a loop in float64 does."""

    def __init__(self, cell: str, shape: tuple[int, ...], dtype: Any) -> None:
        batch, self.steps, inputs, units = shape
        rng = np.random.default_rng(11)
        self.cell, self.dtype = cell, dtype
        self.weights = make_weights(cell, inputs, units, rng, dtype)
        self.x = rng.standard_normal((batch, self.steps, inputs)).astype(dtype)
        self.states = list(make_states(cell, batch, units, rng, dtype))

    def scale(self, **factors: float) -> None:
        """Multiply `x`, `states`, `kernel`, `recurrent_kernel` or `bias`, in the case's own precision."""
        for name, factor in factors.items():
            for array in {"x": [self.x], "states": self.states}.get(name) or [self.weights[name]]:
                np.multiply(array, self.dtype(factor), out=array)

    def run(self) -> list[Any]:
        return list(make(self.cell, self.weights).forward(self.x, tuple(self.states), None, False, True, False))

    def expected(self) -> list[Any]:
        with np.errstate(all="ignore"):
            return loop(self.cell, self.weights, self.x, tuple(self.states), None, "tanh", "sigmoid")

    def terms(self) -> int:
        """How many roundings an output goes through, with some ten beside the sums in each step."""
        return self.steps * (sum(len(self.weights[name]) for name in ("kernel", "recurrent_kernel")) + 12)

    def lost(self, isa: str) -> float:
        """The largest error that denormals may bring.

        Rounding one costs half of the least denormal. Tiles take parts of numbers below the least normal one for zero,
        factors (two parts each) and sums (of six products of parts): that much is lost of each factor and term.
        """
        info = np.finfo(self.dtype)
        if isa != "amx" or self.dtype == np.float64:
            return float(info.smallest_subnormal) * self.terms()
        sizes = [float(np.abs(each).max()) for each in (self.x, *self.states, *self.weights.values())]
        return float(info.tiny) * self.terms() * (6 + 2 * max(sizes))


def unit(dtype: Any) -> float:
    """Ordinary numbers times this are denormals that still have some 17 bits (float64: 46)."""
    return float(np.finfo(dtype).tiny) / 64


@every_case
def test_denormal_inputs_and_states(cell: str, shape: tuple[int, ...], dtype: Any, isa: str) -> None:
    """Without a bias the outputs are as small as inputs and states are, and all of their size counts."""
    _native.set_isa(isa)
    case = Case(cell, shape, dtype)
    case.scale(x=unit(dtype), states=unit(dtype), bias=0)
    got, wanted = case.run(), case.expected()
    for a, b in zip(got, wanted, strict=True):
        assert 0 < np.abs(b).max() < np.finfo(dtype).tiny
        np.testing.assert_allclose(a, b, rtol=0, atol=case.lost(isa))
    if isa != "amx" or dtype == np.float64:
        assert case.lost(isa) < 0.01 * np.abs(wanted[0]).max(), "zeros would pass"


@every_case
def test_denormal_weights_and_large_inputs(cell: str, shape: tuple[int, ...], dtype: Any, isa: str) -> None:
    """Their products are numbers of an ordinary size. The states' share of the sums is nothing beside that."""
    _native.set_isa(isa)
    case = Case(cell, shape, dtype)
    large = 2.0**55 if isa == "amx" else 0.01 / unit(dtype)
    case.scale(kernel=unit(dtype), recurrent_kernel=unit(dtype), bias=0, x=large, states=0)
    got, wanted = case.run(), case.expected()
    # Denormal weights are exact here. Rounding is relative to the terms; squashing halves or quarters them at least.
    sums = np.abs(case.x).max() * np.abs(case.weights["kernel"]).sum(axis=0).max()
    rounding = float(np.finfo(dtype).eps) * case.terms() * float(sums)
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=rounding + case.lost(isa))
    if isa != "amx" or dtype == np.float64:
        assert rounding + case.lost(isa) < 0.01 * np.abs(wanted[0]).max(), "zeros would pass"


@every_case
def test_denormals_among_ordinary_numbers(cell: str, shape: tuple[int, ...], dtype: Any, isa: str) -> None:
    _native.set_isa(isa)
    case = Case(cell, shape, dtype)
    for array in (case.x, *case.states, *case.weights.values()):
        array.reshape(-1)[::3] *= dtype(unit(dtype))
    for a, b in zip(case.run(), case.expected(), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance(dtype, case.steps, case.weights, b))


@every_isa
def test_the_caller_has_denormals_afterwards(isa: str) -> None:
    _native.set_isa(isa)
    _native.set_threads(2)
    case = Case("lstm", (40, 20, 65, 70), np.float32)
    case.run()
    tiny = np.full(16, np.finfo(np.float32).tiny)
    np.testing.assert_array_equal(tiny * np.float32(0.5) * np.float32(2), tiny)


PLACES: dict[str, Callable[[Case], Any]] = {
    "input": lambda case: case.x[-1, 1, 1:2],
    "state": lambda case: case.states[0][-1, 2:3],
    "last state": lambda case: case.states[-1][0, -1:],
    "kernel": lambda case: case.weights["kernel"][1, -2:-1],
    "recurrent_kernel": lambda case: case.weights["recurrent_kernel"][2, 3:4],
    "bias": lambda case: case.weights["bias"][..., -1:],
}


PLACES_OF_CELLS = [
    (cell, place)
    for cell in sorted(NORMAL)
    for place in PLACES
    if place != "recurrent_kernel" or CELLS[cell]["recurrent_kernel"] == "(H, gH)"
]


@every_isa
@every_shape
@pytest.mark.parametrize(("cell", "place"), PLACES_OF_CELLS)
@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf, 1e30, 2.0**59])
def test_numbers_that_are_none_and_huge_ones(
    cell: str, shape: tuple[int, ...], place: str, special: float, isa: str
) -> None:
    """NaN and infinities are where the loop has them, and nowhere else; what is huge saturates and spoils nothing."""
    _native.set_isa(isa)
    case = Case(cell, shape, np.float32)
    PLACES[place](case)[...] = special
    with np.errstate(all="ignore"):
        got, wanted = case.run(), case.expected()
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
        finite = b[np.isfinite(b)]
        atol = tolerance(np.float32, case.steps, case.weights, finite[np.abs(finite) < 1e6])
        # What is as large as the huge number itself is compared by its size.
        np.testing.assert_allclose(a, b, rtol=atol, atol=atol)
