"""Padding left out: the same bits as by the mask, step by step.

A mask with a hole is more than lengths, and so the whole batch of which it is a row goes by the mask: one such row is
added to make what is compared.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewise.engine import _native

FACTS = _native.cells()
SHAPES = [
    (1, 30, 8, 32),
    (2, 20, 64, 128),
    (5, 12, 48, 33),  # inputs ahead, and the folded panel
    (9, 40, 1, 33),
    (70, 8, 16, 48),
    (37, 6, 40, 260),  # many threads divide the units
    (150, 5, 3, 17),  # pieces
    (40, 7, 64, 96),  # tiles, where there are any
]


IN_BOTH_TYPES = {"simple", "lstm", "gru", "gru_reset_after", "peephole_lstm"}
"""Cells that are compiled for float64 too."""
FORWARD_ALONE = {"min_gru", "min_lstm", "rg_lru"}
"""Cells without a way back in the engine."""


@pytest.fixture(autouse=True)
def restore_engine() -> Any:
    before = _native.isa()
    yield
    _native.set_isa(before)
    _native.set_threads(0)


def make(cell: str, inputs: int, units: int, rng: np.random.Generator, dtype: Any, **options: Any) -> Any:
    letters = {"I": inputs, "H": units, "gH": len(FACTS[cell]["gates"]) * units}

    def draw(shape: str) -> Any:
        sizes = [letters[axis] if axis in letters else int(axis) for axis in shape.strip("(,)").split(", ")]
        return (rng.standard_normal(sizes) / 3).astype(dtype)

    weights = {name: draw(shape) for name, shape in FACTS[cell]["weights"].items()}
    return _native.Recurrence(cell, weights, "tanh", "sigmoid", **options)


def states_of(cell: str, batch: int, units: int, rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
    """States that a sequence can have: the sLSTM's normaliser is a sum of exponentials."""
    numbers = {name: rng.standard_normal((batch, units)).astype(dtype) for name in FACTS[cell]["states"]}
    if "n" in numbers:
        numbers["n"] = np.abs(numbers["n"]) + dtype(0.5)
    return tuple(numbers.values())


def mask_of(lengths: Any, steps: int, in_front: bool) -> Any:
    mask = np.arange(steps) < np.asarray(lengths)[:, None]
    return mask[:, ::-1] if in_front else mask


def check(layer: Any, x: Any, states: Any, mask: Any, *how: bool) -> None:
    """`x` and the states have a row more than the mask."""
    hole = np.ones((1, mask.shape[1]), bool)
    hole[0, 1] = False
    whole = layer.forward(x, states, np.concatenate([mask, hole]), *how)
    rows = len(mask)
    found = layer.forward(x[:rows], None if states is None else tuple(s[:rows] for s in states), mask, *how)
    for got, wanted in zip(found, whole, strict=True):
        np.testing.assert_array_equal(got, wanted[:rows])


@pytest.mark.parametrize("isa", _native.isas())
@pytest.mark.parametrize("cell", sorted(FACTS))
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_bits_are_those_of_the_mask(cell: str, isa: str, shape: tuple[int, ...]) -> None:
    _native.set_isa(isa)
    batch, steps, inputs, units = shape
    rng = np.random.default_rng(3)
    layer = make(cell, inputs, units, rng, np.float32)
    x = rng.standard_normal((batch + 1, steps, inputs)).astype(np.float32)
    states = states_of(cell, batch + 1, units, rng, np.float32)
    lengths = rng.integers(0, steps + 1, batch)
    lengths[:: batch + 1] = 0
    for threads in (1, 2, 3):
        _native.set_threads(threads)
        for backwards in (False, True):
            for in_front in (False, True):
                check(layer, x, states, mask_of(lengths, steps, in_front), backwards, True, False)


@settings(max_examples=150)
@given(data=st.data())
def test_whatever_the_call(data: st.DataObject) -> None:
    draw = data.draw
    _native.set_isa(draw(st.sampled_from(_native.isas())))
    _native.set_threads(draw(st.integers(1, 3)))
    cell = draw(st.sampled_from(sorted(FACTS)))
    dtype = draw(st.sampled_from([np.float32, np.float64] if cell in IN_BOTH_TYPES else [np.float32]))
    batch, steps = draw(st.integers(1, 40)), draw(st.integers(3, 20))
    inputs, units = draw(st.integers(1, 60)), draw(st.integers(1, 70))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    layer = make(cell, inputs, units, rng, dtype, reserves=cell not in FORWARD_ALONE and draw(st.booleans()))
    x = rng.standard_normal((batch + 1, steps, inputs)).astype(dtype)
    states = None
    if draw(st.booleans()):
        states = states_of(cell, batch + 1, units, rng, dtype)
    lengths = draw(st.lists(st.integers(0, steps), min_size=batch, max_size=batch))
    mask = mask_of(lengths, steps, draw(st.booleans()))
    mask = np.asfortranarray(mask) if draw(st.booleans()) else mask
    # A reserve is whole in the panels that there are; between these and the next line of memory nothing stands.
    how = [draw(st.booleans()) for _ in range(3)]
    hole = np.ones((1, steps), bool)
    hole[0, 1] = False
    whole = layer.forward(x, states, np.concatenate([mask, hole]), *how)
    own = None if states is None else tuple(s[:batch] for s in states)
    for got, wanted in zip(layer.forward(x[:batch], own, mask, *how), whole, strict=True):
        np.testing.assert_array_equal(got[..., :units], wanted[:batch][..., :units])


@pytest.mark.parametrize("backwards", [False, True])
def test_padding_is_not_read(backwards: bool) -> None:
    rng = np.random.default_rng(0)
    layer = make("lstm", 5, 7, rng, np.float32)
    x = rng.standard_normal((4, 9, 5)).astype(np.float32)
    mask = mask_of([9, 3, 0, 1], 9, False)
    wanted = layer.forward(x, None, mask, backwards, True, False)
    for got, kept in zip(
        layer.forward(np.where(mask[..., None], x, np.float32("nan")), None, mask, backwards, True, False),
        wanted,
        strict=True,
    ):
        np.testing.assert_array_equal(got, kept)


def test_two_at_once_have_the_bits_of_each_alone() -> None:
    rng = np.random.default_rng(1)
    layers = [make(cell, 8, 70, rng, np.float32) for cell in ("lstm", "gru")]
    x = rng.standard_normal((90, 30, 8)).astype(np.float32)
    mask = mask_of(rng.integers(0, 31, 90), 30, False)
    calls = [(x, None, mask, backwards, True, True) for backwards in (False, True)]
    for threads in (1, 2, 4):
        _native.set_threads(threads)
        together = _native.forward_both(layers[0], calls[0], layers[1], calls[1])
        for layer, call, made in zip(layers, calls, together, strict=True):
            for got, wanted in zip(made, layer.forward(*call), strict=True):
                np.testing.assert_array_equal(got, wanted)
