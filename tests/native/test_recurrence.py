"""The native recurrence against a plain float64 loop written here, for random shapes, strides, masks and activations."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewise.engine import _native

CELLS = {name: facts["weights"] for name, facts in _native.cells().items()}
GATES = {name: len(facts["gates"]) for name, facts in _native.cells().items()}
STATES = {name: len(facts["states"]) for name, facts in _native.cells().items()}
TYPES = {name: [getattr(np, each) for each in facts["types"]] for name, facts in _native.cells().items()}
CELLS_AND_TYPES = [(cell, dtype) for cell in sorted(CELLS) for dtype in TYPES[cell]]
ACTIVATIONS: dict[str, Any] = {
    "tanh": np.tanh,
    "sigmoid": lambda x: np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x)))),
    "hard_sigmoid": lambda x: np.clip(x + 3, 0, 6) / 6,
    "keras2_hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "relu": lambda x: np.where(x < 0, 0, x),
    "linear": lambda x: x,
    "softsign": lambda x: x / (1 + np.abs(x)),
}


@pytest.fixture(autouse=True)
def restore_engine() -> Any:
    before = _native.isa()
    yield
    _native.set_isa(before)
    _native.set_threads(0)


def coupled_lstm(z: Any, states: list[Any], weights: dict[str, Any], act: Any, gate: Any) -> list[Any]:
    f, c, o = np.split(z, 3, axis=-1)
    carry = gate(f) * states[1] + (1 - gate(f)) * act(c)
    return [gate(o) * act(carry), carry]


def clipped_lstm(z: Any, states: list[Any], weights: dict[str, Any], act: Any, gate: Any) -> list[Any]:
    i, f, c, o = np.split(z, 4, axis=-1)
    bound = weights["cell_clip"]
    carry = np.clip(gate(f) * states[1] + gate(i) * act(c), -bound, bound)
    return [gate(o) * act(carry), carry]


def zoneout_lstm(z: Any, states: list[Any], weights: dict[str, Any], act: Any, gate: Any) -> list[Any]:
    i, f, c, o = np.split(z, 4, axis=-1)
    of_h, of_c = weights["zoneout_hidden"], weights["zoneout_cell"]
    carry = gate(f) * states[1] + gate(i) * act(c)
    return [of_h * states[0] + (1 - of_h) * gate(o) * act(carry), of_c * states[1] + (1 - of_c) * carry]


def slstm(z: Any, states: list[Any], weights: dict[str, Any], act: Any, gate: Any) -> list[Any]:
    i, f, c, o = np.split(z, 4, axis=-1)
    _, carry, n, m = states
    kept = m - np.logaddexp(0, -f)
    top = np.where(n == 0, i, np.maximum(kept, i))
    stays = np.where(n == 0, 1, np.exp(kept - top))
    carry, n = stays * carry + np.exp(i - top) * act(c), stays * n + np.exp(i - top)
    return [gate(o) * carry / n, carry, n, top]


def indrnn(z: Any, states: list[Any], weights: dict[str, Any], act: Any, gate: Any) -> list[Any]:
    return [act(z + weights["recurrent_weight"] * states[0])]


def min_gru(z: Any, states: list[Any], weights: dict[str, Any], act: Any, gate: Any) -> list[Any]:
    update, candidate = np.split(z, 2, axis=-1)
    return [(1 - gate(update)) * states[0] + gate(update) * act(candidate)]


def min_lstm(z: Any, states: list[Any], weights: dict[str, Any], act: Any, gate: Any) -> list[Any]:
    i, f, candidate = np.split(z, 3, axis=-1)
    return [(gate(f) * states[0] + gate(i) * act(candidate)) / (gate(f) + gate(i))]


def rg_lru(z: Any, states: list[Any], weights: dict[str, Any], act: Any, gate: Any) -> list[Any]:
    r, i, candidate = np.split(z, 3, axis=-1)
    log_a = -8 * gate(r) * np.logaddexp(0, -weights["decay"])
    return [np.exp(log_a) * states[0] + np.sqrt(-np.expm1(2 * log_a)) * gate(i) * act(candidate)]


FRACTIONS = ("zoneout_hidden", "zoneout_cell", "cell_clip", "recurrent_weight")
"""Weights that are no usual numbers of weights: rates, bounds, and what would make a state grow beyond 1."""

OTHERS = {each.__name__: each for each in (coupled_lstm, clipped_lstm, zoneout_lstm, slstm, indrnn)}
OTHERS |= {each.__name__: each for each in (min_gru, min_lstm, rg_lru)}


def step(cell: str, x: Any, states: list[Any], weights: dict[str, Any], act: Any, gate: Any) -> list[Any]:
    """One step of one cell in float64, as its paper writes it."""
    w, u, b = weights["kernel"], weights["recurrent_kernel"], weights["bias"]
    h = states[0]
    units = h.shape[-1]
    if cell in OTHERS:
        return OTHERS[cell](x @ w + b + (h @ u if len(u) else 0), states, weights, act, gate)
    if cell == "simple":
        return [act(x @ w + b + h @ u)]
    if cell == "lstm":
        i, f, c, o = np.split(x @ w + b + h @ u, 4, axis=-1)
        carry = gate(f) * states[1] + gate(i) * act(c)
        return [gate(o) * act(carry), carry]
    if cell == "peephole_lstm":
        i, f, c, o = np.split(x @ w + b + h @ u, 4, axis=-1)
        p_i, p_f, p_o = weights["peephole"]
        carry = gate(f + p_f * states[1]) * states[1] + gate(i + p_i * states[1]) * act(c)
        return [gate(o + p_o * carry) * act(carry), carry]
    if cell == "gru_reset_after":
        zx, rx, hx = np.split(x @ w + b[0], 3, axis=-1)
        zh, rh, hh = np.split(h @ u + b[1], 3, axis=-1)
        z = gate(zx + zh)
        return [z * h + (1 - z) * act(hx + gate(rx + rh) * hh)]
    zx, rx, hx = np.split(x @ w + b, 3, axis=-1)
    z = gate(zx + h @ u[:, :units])
    r = gate(rx + h @ u[:, units : 2 * units])
    return [z * h + (1 - z) * act(hx + (r * h) @ u[:, 2 * units :])]


def loop(
    cell: str,
    weights: dict[str, Any],
    x: Any,
    states: tuple[Any, ...] | None,
    mask: Any,
    activation: str,
    recurrent_activation: str,
    go_backwards: bool = False,
    sequences: bool = True,
    zero_masked: bool = False,
) -> list[Any]:
    """The whole op in float64: y and the final states."""
    act, gate = ACTIVATIONS[activation], ACTIVATIONS[recurrent_activation]
    weights = {name: np.asarray(value, np.float64) for name, value in weights.items()}
    batch, steps, _ = x.shape
    units = weights["kernel"].shape[1] // GATES[cell]
    count = STATES[cell]
    now = [np.zeros((batch, units)) if states is None else np.asarray(states[i], np.float64) for i in range(count)]
    output = np.zeros((batch, units))
    outputs = np.zeros((batch, steps, units))
    for s in range(steps):
        t = steps - 1 - s if go_backwards else s
        new = step(cell, np.asarray(x[:, t], np.float64), now, weights, act, gate)
        if mask is None:
            now, output = new, new[0]
        else:
            keep = mask[:, t, None]
            now = [np.where(keep, a, b) for a, b in zip(new, now, strict=True)]
            output = np.where(keep, new[0], 0 if zero_masked else output)
        outputs[:, s] = output
    if steps == 0:
        output = now[0]
    return [outputs if sequences else output, *now]


def make_weights(cell: str, inputs: int, units: int, rng: Any, dtype: Any = np.float32) -> dict[str, Any]:
    letters = {"I": inputs, "H": units, "gH": GATES[cell] * units}
    scales = {"kernel": 1 / np.sqrt(inputs + 1), "recurrent_kernel": 1 / np.sqrt(units)}

    def draw(name: str, shape: str) -> Any:
        sizes = [letters[axis] if axis in letters else int(axis) for axis in shape.strip("(,)").split(", ")]
        if name in FRACTIONS:
            return rng.uniform(0.1, 0.9, sizes).astype(dtype)
        return (scales.get(name, 0.5) * rng.standard_normal(sizes)).astype(dtype)

    return {name: draw(name, shape) for name, shape in CELLS[cell].items()}


def make_states(cell: str, batch: int, units: int, rng: Any, dtype: Any = np.float32) -> tuple[Any, ...]:
    """Normal numbers; a normaliser is a sum of exponentials, and not near 0."""
    states = [rng.standard_normal((batch, units)) for _ in range(STATES[cell])]
    if cell == "slstm":
        states[2] = 0.5 + abs(states[2])
    return tuple(state.astype(dtype) for state in states)


def make(cell: str, weights: dict[str, Any], activation: str = "tanh", gate: str = "sigmoid") -> Any:
    return _native.Recurrence(cell, weights, activation, gate)


def tolerance(dtype: Any, steps: int, weights: dict[str, Any], expected: Any) -> float:
    """Rounding of a sum of I + H + 1 terms, a few ulp of the activations, carried on by at most `steps` steps."""
    terms = sum(len(weights[name]) for name in ("kernel", "recurrent_kernel")) + 8
    size = max(1.0, float(np.abs(expected).max(initial=0)))
    return float(float(np.finfo(dtype).eps) * size * (terms + 8) * (1 + steps**0.5))


def strided(x: Any, how: str) -> Any:
    """The same values with other strides."""
    if how == "time major":
        return np.ascontiguousarray(x.swapaxes(0, 1)).swapaxes(0, 1)
    if how == "every other feature":
        wide = np.zeros((*x.shape[:2], 2 * x.shape[2]), x.dtype)
        wide[..., ::2] = x
        return wide[..., ::2]
    if how == "reversed":
        return np.ascontiguousarray(x[::-1, ::-1, ::-1])[::-1, ::-1, ::-1]
    if how == "fortran":
        return np.asfortranarray(x)
    return x


@settings(max_examples=400)
@given(data=st.data())
def test_agrees_with_the_loop(data: st.DataObject) -> None:
    draw = data.draw
    cell = draw(st.sampled_from(sorted(CELLS)))
    dtype = draw(st.sampled_from(TYPES[cell]))
    inputs, units = draw(st.integers(0, 20)), draw(st.integers(1, 70))
    batch, steps = draw(st.integers(0, 70)), draw(st.integers(0, 12 if units > 20 else 40))
    kind = draw(st.integers(0, 3))
    if kind == 1:  # few, with many inputs: these are multiplied ahead
        inputs, batch = draw(st.integers(24, 60)), draw(st.integers(1, 5))
    if kind == 0:  # many and large: for tiles, where there are any
        inputs, units = draw(st.integers(60, 140)), draw(st.integers(64, 140))
        batch, steps = draw(st.integers(28, 70)), draw(st.integers(0, 4))
    usual = draw(st.booleans())
    activation = "tanh" if usual else draw(st.sampled_from(sorted(ACTIVATIONS)))
    gate = "sigmoid" if usual else draw(st.sampled_from(["sigmoid", "hard_sigmoid", "keras2_hard_sigmoid"]))
    gate = "sigmoid" if cell == "min_lstm" else gate  # Of others both gates may be 0.
    _native.set_isa(draw(st.sampled_from(_native.isas())))
    _native.set_threads(draw(st.integers(0, 3)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    weights = make_weights(cell, inputs, units, rng, dtype)
    if activation in ("relu", "linear"):  # these may grow without bound: keep the recurrence a contraction
        weights["recurrent_kernel"] *= dtype(0.3)
    x = strided(
        rng.standard_normal((batch, steps, inputs)).astype(dtype),
        draw(st.sampled_from(["plain", "time major", "every other feature", "reversed", "fortran"])),
    )
    states = None
    if draw(st.booleans()):
        states = tuple(np.asfortranarray(state) for state in make_states(cell, batch, units, rng, dtype))
    mask = None
    if draw(st.booleans()):
        mask = rng.random((batch, steps)) < draw(st.sampled_from([0.0, 0.3, 0.8, 1.0]))
        mask = np.asfortranarray(mask) if draw(st.booleans()) else mask
    options = {name: draw(st.booleans()) for name in ("go_backwards", "sequences", "zero_masked")}
    if mask is None:
        options["zero_masked"] = draw(st.booleans())

    got = make(cell, weights, activation, gate).forward(x, states, mask, *options.values())
    wanted = loop(cell, weights, x, states, mask, activation, gate, **options)
    assert len(got) == len(wanted)
    for a, b in zip(got, wanted, strict=True):
        assert a.dtype == dtype
        assert a.shape == b.shape
        assert a.flags.c_contiguous
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance(dtype, steps, weights, b))


# Whole vectors only; a folded panel beside others and one alone; units past the last vector that do not fold; for tiles.
UNITS = [16, 33, 3, 23, 70]


@pytest.mark.parametrize("isa", _native.isas())
@pytest.mark.parametrize(("cell", "dtype"), CELLS_AND_TYPES)
@pytest.mark.parametrize("units", UNITS)
def test_every_cell_on_every_instruction_set(cell: str, isa: str, dtype: Any, units: int) -> None:
    """On one thread and on two, with masks and without, few sequences and many; 30 steps make the threads worth it."""
    _native.set_isa(isa)
    rng = np.random.default_rng(10)
    steps, inputs = 30, 60
    weights = make_weights(cell, inputs, units, rng, dtype)
    layer = make(cell, weights)
    for batch in (1, 6, 33):
        x = rng.standard_normal((batch, steps, inputs)).astype(dtype)
        states = make_states(cell, batch, units, rng, dtype)
        for mask in (None, rng.random((batch, steps)) < 0.7):
            wanted = loop(cell, weights, x, states, mask, "tanh", "sigmoid")
            for threads in (1, 2):
                _native.set_threads(threads)
                for a, b in zip(layer.forward(x, states, mask, False, True, False), wanted, strict=True):
                    np.testing.assert_allclose(a, b, rtol=0, atol=tolerance(dtype, steps, weights, b))


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_no_instruction_set_is_less_exact(cell: str) -> None:
    """All round, none more than the plainest (tiles less: they add up in blocks). That they differ shows their use."""
    rng = np.random.default_rng(5)
    weights = make_weights(cell, 100, 128, rng)
    x = rng.standard_normal((40, 10, 100)).astype(np.float32)
    wanted = loop(cell, weights, x, None, None, "tanh", "sigmoid")[0]
    outputs = {}
    for isa in _native.isas():
        _native.set_isa(isa)
        outputs[isa] = make(cell, weights).forward(x, None, None, False, True, False)[0]
    errors = {isa: float(np.sqrt(np.mean((y - wanted) ** 2))) for isa, y in outputs.items()}
    assert max(errors.values()) < 1.1 * next(iter(errors.values()))
    if "amx" in outputs and len(weights["recurrent_kernel"]):
        assert errors["amx"] <= errors["avx512"]
        assert not np.array_equal(outputs["avx512"], outputs["amx"])


SHAPES = [
    (1, 30, 8, 32),
    (1, 25, 5, 130),
    (2, 20, 64, 128),
    (5, 9, 33, 77),
    (7, 40, 1, 33),
    (1, 20, 40, 33),  # inputs ahead, and the folded panel: beside others in every tile, or alone in some
    (5, 12, 48, 33),
    (70, 8, 16, 48),
    (37, 6, 40, 260),
]


@pytest.mark.parametrize("isa", _native.isas())
@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_same_bits_however_the_work_is_cut(cell: str, isa: str, shape: tuple[int, ...]) -> None:
    """Threads, chunks of time and the place in the batch change no bit."""
    _native.set_isa(isa)
    batch, steps, inputs, units = shape
    rng = np.random.default_rng(7)
    layer = make(cell, make_weights(cell, inputs, units, rng))
    x = rng.standard_normal((batch, steps, inputs)).astype(np.float32)
    mask = rng.random((batch, steps)) < 0.8
    _native.set_threads(1)
    whole = layer.forward(x, None, None, False, True, False)
    masked = layer.forward(x, None, mask, False, True, False)
    for threads in (2, 3, 4):
        _native.set_threads(threads)
        for first, second in zip(whole, layer.forward(x, None, None, False, True, False), strict=True):
            np.testing.assert_array_equal(first, second)
        for first, second in zip(masked, layer.forward(x, None, mask, False, True, False), strict=True):
            np.testing.assert_array_equal(first, second)
    for cuts in ([1], [3, 4], range(1, steps)):
        parts: list[Any] = []
        states: Any = None
        for begin, end in zip([0, *cuts], [*cuts, steps], strict=True):
            y, *states = layer.forward(x[:, begin:end], states and tuple(states), None, False, True, False)
            parts.append(y)
        for first, second in zip(whole, (np.concatenate(parts, axis=1), *states), strict=True):
            np.testing.assert_array_equal(first, second)
    # Tiles multiply many sequences, vectors few: bits may differ between the two, not within one of them.
    count = 28 if isa == "amx" and batch >= 28 else 1
    for row in {0, (batch - count) // 2, batch - count}:
        some = layer.forward(x[row : row + count], None, None, False, True, False)
        for first, second in zip(whole, some, strict=True):
            np.testing.assert_array_equal(first[row : row + count], second)


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_go_backwards_is_the_reversed_input(cell: str) -> None:
    rng = np.random.default_rng(1)
    layer = make(cell, make_weights(cell, 3, 20, rng))
    x = rng.standard_normal((4, 9, 3)).astype(np.float32)
    mask = rng.random((4, 9)) < 0.7
    backwards = layer.forward(x, None, mask, True, True, False)
    reversed_input = layer.forward(x[:, ::-1], None, mask[:, ::-1], False, True, False)
    for a, b in zip(backwards, reversed_input, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("zero_masked", [False, True])
@pytest.mark.parametrize("cell", sorted(CELLS))
def test_one_output_is_the_last_of_the_sequence(cell: str, zero_masked: bool) -> None:
    rng = np.random.default_rng(2)
    layer = make(cell, make_weights(cell, 3, 20, rng))
    x = rng.standard_normal((30, 5, 3)).astype(np.float32)
    mask = rng.random((30, 5)) < 0.4
    mask[0] = False
    sequence = layer.forward(x, None, mask, False, True, zero_masked)
    single = layer.forward(x, None, mask, False, False, zero_masked)
    np.testing.assert_array_equal(sequence[0][:, -1], single[0])
    np.testing.assert_array_equal(single[0][0], 0)
    for a, b in zip(sequence[1:], single[1:], strict=True):
        np.testing.assert_array_equal(a, b)


def pointwise(activation: str, values: Any) -> Any:
    """An activation alone: a SimpleRNN of one input and no recurrence, on each value."""
    dtype = values.dtype
    weights = {"kernel": np.ones((1, 1), dtype), "recurrent_kernel": np.zeros((1, 1), dtype)}
    layer = _native.Recurrence("simple", weights, activation, "sigmoid")
    return layer.forward(values.reshape(-1, 1, 1), None, None, False, False, False)[0].ravel()


@pytest.mark.parametrize("isa", _native.isas())
@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_are_right_to_a_few_ulp(activation: str, dtype: Any, isa: str) -> None:
    _native.set_isa(isa)
    small = np.geomspace(np.finfo(dtype).tiny, 1, 40000)
    values = np.concatenate([np.linspace(-60, 60, 200001), small, -small]).astype(dtype)
    wide = values.astype(np.longdouble)
    exact = np.tanh(wide) if activation == "tanh" else 1 / (1 + np.exp(-wide))
    got = pointwise(activation, values).astype(np.longdouble)
    assert (np.abs(got - exact) / np.abs(exact)).max() < 4 * np.finfo(dtype).eps
    assert np.abs(got).max() <= 1


@pytest.mark.parametrize("isa", _native.isas())
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_at_the_edges(activation: str, dtype: Any, isa: str) -> None:
    """NaN stays NaN, infinities go where NumPy sends them, denormals are numbers like others."""
    _native.set_isa(isa)
    info = np.finfo(dtype)
    edges = np.array(
        [
            np.nan,
            np.inf,
            -np.inf,
            0,
            info.max,
            -info.max,
            info.tiny,
            -info.tiny,
            info.smallest_subnormal,
            -info.tiny / 8,
            87.5,
            -87.5,
            88.9,
            -88.9,
            104,
            -104,
            710,
            -710,
            746,
            -746,
            20,
            -20,
            41,
            -41,
        ],
        dtype,
    )
    with np.errstate(all="ignore"):
        wanted = ACTIVATIONS[activation](edges.astype(np.float64 if dtype == np.float32 else np.longdouble)).astype(
            dtype
        )
        got = pointwise(activation, edges)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted))
    finite = np.isfinite(wanted)
    np.testing.assert_array_equal(got[~finite], wanted[~finite])
    # sigmoid below -87 (-708) goes to 0 where the exact value is no larger than about the least normal number
    np.testing.assert_allclose(
        got[finite], wanted[finite], rtol=4 * info.eps, atol=2 * info.tiny if activation == "sigmoid" else 0
    )


@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize("activation", ["tanh", "relu", "hard_sigmoid"])
def test_a_nan_stays_in_its_sequence(cell: str, activation: str) -> None:
    rng = np.random.default_rng(3)
    nan_stays(make(cell, make_weights(cell, 4, 19, rng), activation, "keras2_hard_sigmoid"), rng)


def nan_stays(layer: Any, rng: Any) -> None:
    """A NaN among the inputs of `layer`, which takes four, spoils its sequence from there on and no other."""
    x = rng.standard_normal((9, 6, 4)).astype(np.float32)
    x[4, 2, 1] = np.nan
    y = layer.forward(x, None, None, False, True, False)[0]
    assert np.isnan(y[4, 2:]).all()
    assert np.isfinite(y[4, :2]).all()
    assert np.isfinite(np.delete(y, 4, axis=0)).all()


def test_a_masked_nan_is_not_seen() -> None:
    rng = np.random.default_rng(4)
    layer = make("gru", make_weights("gru", 4, 19, rng))
    x = rng.standard_normal((3, 6, 4)).astype(np.float32)
    x[1, 2] = np.nan
    mask = np.ones((3, 6), bool)
    mask[1, 2] = False
    assert all(np.isfinite(a).all() for a in layer.forward(x, None, mask, False, True, False))


def test_denormal_weights_and_inputs() -> None:
    """Products of denormals with ordinary numbers keep their value: nothing is flushed to zero, here or in the caller."""
    tiny = np.float32(1e-40)
    one = np.ones((1, 1), np.float32)
    weights = {"kernel": one, "recurrent_kernel": 0 * one, "bias": None}
    layer = _native.Recurrence("simple", weights, "linear", "sigmoid")
    assert layer.forward(np.full((1, 1, 1), tiny), None, None, False, False, False)[0][0, 0] == tiny
    assert tiny * np.float32(0.5) != 0


def test_what_the_engine_says_of_its_cells() -> None:
    """Each value is what the rest of the house relies on: gates in the order of Keras, and the shapes of its weights."""
    kernels = {"kernel": "(I, gH)", "recurrent_kernel": "(H, gH)"}
    none = {**kernels, "recurrent_kernel": "(0, gH)", "bias": "(gH,)"}
    one, two = {**kernels, "bias": "(gH,)"}, {**kernels, "bias": "(2, gH)"}
    zoneout = {"zoneout_hidden": "(H,)", "zoneout_cell": "(H,)"}

    def said(gates: str, states: str, weights: dict[str, str], types: int, reserves: bool) -> dict[str, Any]:
        facts = {"gates": gates, "states": tuple(states), "weights": weights, "reserves": reserves}
        return {**facts, "types": ("float32", "float64")[:types]}

    assert _native.cells() == {
        "simple": said("h", "h", one, 2, True),
        "lstm": said("ifco", "hc", one, 2, True),
        "gru": said("zrh", "h", one, 2, True),
        "gru_reset_after": said("zrh", "h", two, 2, True),
        "peephole_lstm": said("ifco", "hc", {**one, "peephole": "(3, H)"}, 2, True),
        "coupled_lstm": said("fco", "hc", one, 1, True),
        "clipped_lstm": said("ifco", "hc", {**one, "cell_clip": "(H,)"}, 1, True),
        "zoneout_lstm": said("ifco", "hc", {**one, **zoneout}, 1, True),
        "slstm": said("ifco", "hcnm", one, 1, True),
        "indrnn": said("h", "h", {**none, "recurrent_weight": "(H,)"}, 1, True),
        "min_gru": said("zh", "h", none, 1, False),
        "min_lstm": said("ifh", "h", none, 1, False),
        "rg_lru": said("rih", "h", {**none, "decay": "(H,)"}, 1, False),
    }
    assert set(_native.activations()) == set(ACTIVATIONS)


def test_what_is_not_compiled_is_refused_in_words() -> None:
    rng = np.random.default_rng(3)
    with pytest.raises(ValueError, match="the cell slstm is compiled for float32 alone"):
        make("slstm", make_weights("slstm", 2, 3, rng, np.float64))
    with pytest.raises(ValueError, match="the cell min_gru keeps no reserve"):
        _native.Recurrence("min_gru", make_weights("min_gru", 2, 3, rng), "tanh", "sigmoid", reserves=True)


def test_a_weight_left_out_is_zeros() -> None:
    rng = np.random.default_rng(9)
    x = rng.standard_normal((3, 4, 5)).astype(np.float32)
    for cell in CELLS:
        weights = make_weights(cell, 5, 7, rng)
        zeros = {**weights, "bias": 0 * weights["bias"]}
        without = {name: weight for name, weight in weights.items() if name != "bias"}
        wanted = make(cell, zeros).forward(x, None, None, False, True, False)
        for some in (without, {**without, "bias": None}):
            for a, b in zip(make(cell, some).forward(x, None, None, False, True, False), wanted, strict=True):
                np.testing.assert_array_equal(a, b)


def test_many_threads_at_once() -> None:
    rng = np.random.default_rng(5)
    shapes = [(1, 50, 16, 200), (40, 20, 8, 32), (3, 10, 4, 7)]
    layers = [make("lstm", make_weights("lstm", shape[2], shape[3], rng)) for shape in shapes]
    inputs = [rng.standard_normal(shape[:3]).astype(np.float32) for shape in shapes]
    wanted = [layer.forward(x, None, None, False, True, False) for layer, x in zip(layers, inputs, strict=True)]
    wrong: list[int] = []

    def call(index: int) -> None:
        for turn in range(5):
            which = (index + turn) % len(layers)
            got = layers[which].forward(inputs[which], None, None, False, True, False)
            if not all(np.array_equal(a, b) for a, b in zip(got, wanted[which], strict=True)):
                wrong.append(index)

    threads = [threading.Thread(target=call, args=(i,)) for i in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


FORK = """
import os, sys
import numpy as np
from gatewise.engine import _native
_native.set_threads(2)
rng = np.random.default_rng(0)
shapes = {"kernel": (64, 1024), "recurrent_kernel": (256, 1024), "bias": (1024,)}
weights = {name: rng.standard_normal(shape).astype(np.float32) / 16 for name, shape in shapes.items()}
layer = _native.Recurrence("lstm", weights, "tanh", "sigmoid")
x = rng.standard_normal((4, 30, 64)).astype(np.float32)
before = layer.forward(x, None, None, False, True, False)
for _ in range(20):
    child = os.fork()
    if child == 0:
        after = layer.forward(x, None, None, False, True, False)
        os._exit(0 if all(np.array_equal(a, b) for a, b in zip(before, after)) else 1)
    layer.forward(x, None, None, False, True, False)
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_after_fork() -> None:
    subprocess.run([sys.executable, "-c", FORK], check=True, timeout=600)


def test_environment_chooses_instructions_and_threads() -> None:
    code = "from gatewise.engine import _native as n; print(n.isa(), n.threads())"
    environment = {**os.environ, "GATEWISE_ISA": _native.isas()[0], "GATEWISE_NUM_THREADS": "3"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.split() == [_native.isas()[0], "3"]
    environment["GATEWISE_ISA"] = "mmx"
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert run.returncode != 0
    assert "mmx" in run.stderr
    assert _native.isas()[0] in run.stderr


def test_memory_does_not_grow() -> None:
    psutil = pytest.importorskip("psutil")
    rng = np.random.default_rng(6)
    layer = make("lstm", make_weights("lstm", 8, 32, rng))
    x = rng.standard_normal((1, 5, 8)).astype(np.float32)
    process = psutil.Process()
    for _ in range(2000):
        layer.forward(x, None, None, False, True, False)
    before = process.memory_info().rss
    for _ in range(100_000):
        layer.forward(x, None, None, False, True, False)
    assert process.memory_info().rss - before < 1_000_000


def test_bad_input_is_refused_in_words() -> None:
    rng = np.random.default_rng(8)
    weights = make_weights("lstm", 3, 5, rng)
    layer = make("lstm", weights)
    x = np.zeros((2, 4, 3), np.float32)

    def call(*arguments: Any) -> None:
        layer.forward(*arguments)

    state = np.zeros((2, 5), np.float32)
    with pytest.raises(ValueError, match=r"x has shape \(2, 4, 2\); wanted \(B, T, 3\)"):
        call(x[..., :2], None, None, False, True, False)
    with pytest.raises(TypeError, match="float32"):
        call(x.astype(np.float64), None, None, False, True, False)
    with pytest.raises(ValueError, match="tuple of 2"):
        call(x, (state,), None, False, True, False)
    with pytest.raises(ValueError, match=r"state 1 has shape \(1, 5\); wanted \(2, 5\)"):
        call(x, (state, state[:1]), None, False, True, False)
    with pytest.raises(ValueError, match=r"mask has shape \(4, 2\); wanted \(2, 4\)"):
        call(x, None, np.ones((4, 2), bool), False, True, False)
    with pytest.raises(TypeError, match="bool"):
        call(x, None, np.ones((2, 4), np.int8), False, True, False)
    with pytest.raises(ValueError, match="lstm, gru"):
        make("ltsm", weights)
    with pytest.raises(ValueError, match="unknown activation"):
        make("lstm", weights, "tahn")
    with pytest.raises(ValueError, match=r"bias has shape \(19,\); wanted \(20,\)"):
        make("lstm", {**weights, "bias": weights["bias"][:-1]})
    with pytest.raises(ValueError, match=r"recurrent_kernel has shape \(5, 19\); wanted \(H, 4H\) with H at least 1"):
        make("lstm", {**weights, "recurrent_kernel": weights["recurrent_kernel"][:, :-1]})
    with pytest.raises(ValueError, match=r"kernel has shape \(3, 19\); wanted \(I, 20\)"):
        make("lstm", {**weights, "kernel": weights["kernel"][:, :-1]})
    with pytest.raises(ValueError, match=r"bias has shape \(15,\); wanted \(2, 15\)"):
        make("gru_reset_after", {**make_weights("gru_reset_after", 3, 5, rng), "bias": np.zeros(15, np.float32)})
    with pytest.raises(ValueError, match=r'lstm lacks the weight "kernel"; its weights are kernel \(I, gH\), rec'):
        make("lstm", {**weights, "kernel": None})
    with pytest.raises(ValueError, match=r'peephole_lstm lacks the weight "peephole"'):
        make("peephole_lstm", weights)
    with pytest.raises(ValueError, match=r"peephole has shape \(4, 5\); wanted \(3, 5\)"):
        make("peephole_lstm", {**weights, "peephole": np.zeros((4, 5), np.float32)})
    with pytest.raises(ValueError, match=r'lstm has no weight "peephole"; its weights are kernel \(I, gH\)'):
        make("lstm", {**weights, "peephole": np.zeros((3, 5), np.float32)})
    with pytest.raises(ValueError, match=r'lstm has no weight "kernels"; its weights are kernel \(I, gH\), rec'):
        make("lstm", {**weights, "kernels": weights["kernel"]})
    with pytest.raises(TypeError, match="bias is not an array of numbers"):
        make("lstm", {**weights, "bias": "zeros"})
    with pytest.raises(TypeError, match="bias is not of type float32, as the kernel is"):
        make("lstm", {**weights, "bias": weights["bias"].astype(np.float64)})
    with pytest.raises(TypeError, match="kernel must be float32 or float64"):
        make("lstm", {name: weight.astype(int) for name, weight in weights.items()})
    with pytest.raises(ValueError, match="mmx"):
        _native.set_isa("mmx")
    with pytest.raises(ValueError, match="threads"):
        _native.set_threads(-1)
