"""The recurrent layers on all executors: native, the NumPy reference in float64, and JAX under jit.

Tolerance: a pre-activation is a sum of I + H + 2 products, so rounding moves it by at most (I + H + 2) u times the sum of
their sizes (u: half the distance of 1 to the next number). The weights here are scaled so that those sizes sum to less
than 1/2, and so every gate, whatever its activation, lies below 0.6: of an error in the state, at most 0.6 is left after a
step, and the errors of all steps sum to at most 2.5 times one step's. Activations and products add a few u each, with
derivatives of at most 1. Together: 4 (I + H + 8) u.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gatewise as gw
from gatewise.engine import _native
from gatewise.engine.native import activations as native_activations
from gatewise.engine.recurrence import executor

ACTIVATIONS = sorted(native_activations() - {"keras2_hard_sigmoid"})


@dataclass(frozen=True)
class Case:
    """One layer and what it is called with."""

    kind: str
    options: dict[str, Any]
    batch: int
    steps: int
    features: int
    seed: int
    dtype: str
    layout: str
    mask: str
    state: bool

    @property
    def units(self) -> int:
        return self.options["units"]

    def layer(self, dtype: str | None = None, **changes: Any) -> Any:
        cls = {"LSTM": gw.layers.LSTM, "SimpleRNN": gw.layers.SimpleRNN}.get(self.kind, gw.layers.GRU)
        options = {**self.options, **changes, "dtype": dtype or self.dtype}
        if self.kind.startswith("GRU"):
            options["reset_after"] = self.kind == "GRU_after"
        layer = cls(**options)
        layer.build((None, None, self.features))
        draw = np.random.default_rng(self.seed)
        sizes = [6 * self.features, 16 * self.units, 10]
        scaled = [draw.uniform(-1, 1, w.shape) / size for w, size in zip(layer.weights, sizes, strict=False)]
        layer.set_weights([w.astype(self.dtype) for w in scaled])
        return layer

    def x(self) -> np.ndarray:
        draw = np.random.default_rng(self.seed + 1)
        shape = (self.batch, self.steps, self.features)
        if self.layout == "transposed":
            return draw.uniform(-1, 1, shape[::-1]).astype(self.dtype).T
        if self.layout == "sliced":
            return draw.uniform(-1, 1, tuple(2 * n for n in shape)).astype(self.dtype)[::2, 1::2, ::2]
        x = draw.uniform(-1, 1, shape).astype(self.dtype)
        return x[::-1, ::-1, ::-1] if self.layout == "negative" else x

    def call(self) -> dict[str, Any]:
        """The keyword arguments of the call."""
        draw = np.random.default_rng(self.seed + 2)
        kwargs: dict[str, Any] = {}
        if self.mask != "none":
            shape = (self.batch, self.steps)
            real = draw.random(shape) < {"some": 0.6, "few": 0.1, "all": 0.0}[self.mask]
            kwargs["mask"] = real
        if self.state:
            count = 2 if self.kind == "LSTM" else 1
            kwargs["initial_state"] = [
                draw.uniform(-1, 1, (self.batch, self.units)).astype(self.dtype) for _ in range(count)
            ]
        return kwargs

    @property
    def tolerance(self) -> float:
        return 4 * (self.features + self.units + 8) * float(np.finfo(self.dtype).eps) / 2


@st.composite
def cases(draw: Any, units: int = 70, steps: int = 40, batch: int = 70, features: int = 40) -> Case:
    kind = draw(st.sampled_from(["LSTM", "GRU", "GRU_after", "SimpleRNN"]))
    options: dict[str, Any] = {
        "units": draw(st.integers(1, units)),
        "activation": draw(st.sampled_from(ACTIVATIONS)),
        "use_bias": draw(st.booleans()),
        "return_sequences": draw(st.booleans()),
        "return_state": draw(st.booleans()),
        "go_backwards": draw(st.booleans()),
        "zero_output_for_mask": draw(st.booleans()),
    }
    if kind != "SimpleRNN":
        options["recurrent_activation"] = draw(st.sampled_from(ACTIVATIONS))
    return Case(
        kind, options,
        batch=draw(st.integers(0, batch)),
        steps=draw(st.integers(0, steps)),
        features=draw(st.integers(1, features)),
        seed=draw(st.integers(0, 2**16)),
        dtype=draw(st.sampled_from(["float32", "float64"])),
        layout=draw(st.sampled_from(["plain", "transposed", "sliced", "negative"])),
        mask=draw(st.sampled_from(["none", "some", "few", "all"])),
        state=draw(st.booleans()),
    )  # fmt: skip


def parts(outputs: Any) -> list[np.ndarray]:
    return [np.asarray(part) for part in (outputs if isinstance(outputs, (list, tuple)) else [outputs])]


def reference(case: Case, **changes: Any) -> list[np.ndarray]:
    """The NumPy definition, in float64."""
    layer = case.layer("float64", **changes)
    op = layer.current_op()
    op.packing = False  # As if the engine could not run it.
    assert executor(op, case.x().astype("float64")) == "reference"
    kwargs = case.call()
    if "initial_state" in kwargs:
        kwargs["initial_state"] = [s.astype("float64") for s in kwargs["initial_state"]]
    return parts(layer(case.x().astype("float64"), **kwargs))


def check(case: Case, found: Any, wanted: list[np.ndarray]) -> None:
    found = parts(found)
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert one.shape == other.shape
        assert one.dtype == case.dtype
        np.testing.assert_allclose(one, other, rtol=0, atol=case.tolerance)


@pytest.mark.parametrize("isa", _native.isas())
@given(case=cases())
@settings(max_examples=25)
def test_native_agrees_with_the_reference(isa: str, case: Case) -> None:
    before = _native.isa()
    _native.set_isa(isa)
    try:
        layer = case.layer()
        assert executor(layer.current_op(), case.x()) == "native"
        check(case, layer(case.x(), **case.call()), reference(case))
    finally:
        _native.set_isa(before)


@given(case=cases(units=9, steps=6, batch=5, features=5))
@settings(max_examples=20)
def test_jax_agrees_with_the_reference(case: Case) -> None:
    import jax

    enable_x64 = jax.enable_x64

    with enable_x64(True):
        layer, kwargs = case.layer(), case.call()
        run = jax.jit(lambda weights, x, kwargs: layer.stateless_call(weights, [], x, **kwargs)[0])
        check(case, run(layer.get_weights(), case.x(), kwargs), reference(case))


@given(case=cases(units=20, steps=12, batch=8))
@settings(max_examples=30)
def test_backwards_is_the_reversed_input(case: Case) -> None:
    kwargs = case.call()
    found = case.layer(go_backwards=True)(case.x(), **kwargs)
    if "mask" in kwargs:
        kwargs["mask"] = kwargs["mask"][:, ::-1]
    wanted = case.layer(go_backwards=False)(case.x()[:, ::-1], **kwargs)
    for one, other in zip(parts(found), parts(wanted), strict=True):
        np.testing.assert_array_equal(one, other)  # The same numbers in the same order.


@given(case=cases(units=20, steps=20, batch=8), cut=st.integers(0, 20))
@settings(max_examples=25)
def test_a_split_sequence_with_its_state_carried_is_one_pass(case: Case, cut: int) -> None:
    options = {"return_sequences": True, "return_state": True, "go_backwards": False, "zero_output_for_mask": True}
    layer, x, kwargs = case.layer(**options), case.x(), case.call()
    cut = min(cut, case.steps)
    mask = kwargs.pop("mask", None)
    masks = [None, None] if mask is None else [mask[:, :cut], mask[:, cut:]]
    whole, *final = layer(x, mask=mask, **kwargs)
    first, *state = layer(x[:, :cut], mask=masks[0], **kwargs)
    second, *state = layer(x[:, cut:], mask=masks[1], initial_state=state)
    check(case, np.concatenate([first, second], axis=1), [np.asarray(whole)])
    check(case, state, parts(final))


@given(case=cases(units=20, steps=12, batch=8))
@settings(max_examples=30)
def test_time_major_is_the_transposed_call(case: Case) -> None:
    wanted = parts(case.layer()(case.x(), **case.call()))
    kwargs = case.call()
    if "mask" in kwargs:
        kwargs["mask"] = kwargs["mask"].T
    found = parts(case.layer(time_major=True)(case.x().swapaxes(0, 1), **kwargs))
    if case.options["return_sequences"]:
        found[0] = found[0].swapaxes(0, 1)
    check(case, found, wanted)


@given(case=cases(units=20, steps=12, batch=8))
@settings(max_examples=30)
def test_the_last_of_all_outputs_is_the_output_and_the_state(case: Case) -> None:
    options = {"return_state": True, "zero_output_for_mask": False}
    sequence, *state = parts(case.layer(**options, return_sequences=True)(case.x(), **case.call()))
    last, *same = parts(case.layer(**options, return_sequences=False)(case.x(), **case.call()))
    assert len(state) == (2 if case.kind == "LSTM" else 1)
    check(case, same, state)
    if case.steps:
        check(case, last, [sequence[:, -1]])
    else:
        check(case, last, [state[0]])
    if case.steps and case.mask == "none":
        check(case, state[0], [last])


@given(case=cases(units=20, steps=8, batch=6), bad=st.sampled_from([np.nan, np.inf, -np.inf]), data=st.data())
@settings(max_examples=60)
def test_what_is_not_a_number_comes_out_where_the_reference_has_it(case: Case, bad: float, data: Any) -> None:
    if not case.batch or not case.steps:
        return
    place = tuple(data.draw(st.integers(0, n - 1)) for n in (case.batch, case.steps, case.features))
    poisoned = case.x().copy()
    poisoned[place] = bad

    class Poisoned(Case):
        def x(self) -> np.ndarray:
            return poisoned

    case = Poisoned(**vars(case))
    with np.errstate(all="ignore"):
        wanted = reference(case)
        found = parts(case.layer()(poisoned, **case.call()))
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(np.isnan(one), np.isnan(other))
        number = ~np.isnan(other)
        np.testing.assert_allclose(one[number], other[number], rtol=0, atol=case.tolerance)
