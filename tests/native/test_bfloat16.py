"""bfloat16 weights: exact fallback, agreement with a loop that rounds as the hardware does, one result for any division."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_recurrence import CELLS, GATES, OTHERS, make_weights, nan_stays

from gatewise.engine import _native


@pytest.fixture(autouse=True)
def restore_engine() -> Any:
    before = _native.isa()
    yield
    _native.set_isa(before)
    _native.set_threads(0)


def rounded(values: Any) -> Any:
    """To the nearest bfloat16, ties to even, as float32."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def make(cell: str, weights: dict[str, Any], precision: str = "bfloat16") -> Any:
    return _native.Recurrence(cell, weights, "tanh", "sigmoid", precision)


def with_rounded_kernels(weights: dict[str, Any]) -> dict[str, Any]:
    return {name: rounded(weight) if name.endswith("kernel") else weight for name, weight in weights.items()}


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def rounding_loop(cell: str, weights: dict[str, Any], x: Any) -> Any:
    """The last state in float64, with both factors of every product rounded to bfloat16 first."""
    all_weights = {name: weight.astype(np.float64) for name, weight in with_rounded_kernels(weights).items()}
    w, u, b = (all_weights[name] for name in ("kernel", "recurrent_kernel", "bias"))
    p_i, p_f, p_o = all_weights.get("peephole", np.zeros((3, 1)))
    n = w.shape[1] // GATES[cell]
    h, c, *others = np.zeros((4, len(x), n))
    for t in range(x.shape[1]):
        xw = rounded(x[:, t]).astype(np.float64) @ w
        hr = rounded(h).astype(np.float64)
        if cell in OTHERS:
            h, c, *others = [*OTHERS[cell](xw + b + hr @ u, [h, c, *others], all_weights, np.tanh, sigmoid), c, c, c][
                :4
            ]
        elif cell in ("lstm", "peephole_lstm"):
            i, f, g, o = np.split(xw + b + hr @ u, 4, axis=-1)
            c = sigmoid(f + p_f * c) * c + sigmoid(i + p_i * c) * np.tanh(g)
            h = sigmoid(o + p_o * c) * np.tanh(c)
        elif cell == "simple":
            h = np.tanh(xw + b + hr @ u)
        elif cell == "gru_reset_after":
            zx, rx, hx = np.split(xw + b[0], 3, axis=-1)
            zh, rh, hh = np.split(hr @ u + b[1], 3, axis=-1)
            z = sigmoid(zx + zh)
            h = z * h + (1 - z) * np.tanh(hx + sigmoid(rx + rh) * hh)
        else:
            zx, rx, hx = np.split(xw + b, 3, axis=-1)
            z = sigmoid(zx + hr @ u[:, :n])
            r = sigmoid(rx + hr @ u[:, n : 2 * n])
            h = z * h + (1 - z) * np.tanh(hx + rounded(r * h).astype(np.float64) @ u[:, 2 * n :])
    return h


@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize("shape", [(1, 6, 5, 33), (3, 6, 70, 17), (40, 4, 8, 100), (17, 1, 1, 1)], ids=str)
def test_agrees_with_a_loop_that_rounds(cell: str, shape: tuple[int, ...]) -> None:
    """Where float32 rounding tips a state to the other neighbour, that factor differs by 2^-8: hence the tolerance."""
    batch, steps, inputs, units = shape
    rng = np.random.default_rng(0)
    weights = make_weights(cell, inputs, units, rng)
    x = rng.standard_normal((batch, steps, inputs)).astype(np.float32)
    got = make(cell, weights).forward(x, None, None, False, False, False)[0]
    if _native.has_bfloat16() and len(weights["recurrent_kernel"]):
        np.testing.assert_allclose(got, rounding_loop(cell, weights, x), rtol=0, atol=2e-3)
    else:
        plain = make(cell, with_rounded_kernels(weights), "float32")
        np.testing.assert_array_equal(got, plain.forward(x, None, None, False, False, False)[0])


@pytest.mark.parametrize("isa", _native.isas()[:-1] or _native.isas())
def test_fallback_is_float32_on_rounded_weights(isa: str) -> None:
    _native.set_isa(isa)
    rng = np.random.default_rng(1)
    weights = make_weights("lstm", 9, 21, rng)
    x = rng.standard_normal((4, 7, 9)).astype(np.float32)
    got = make("lstm", weights).forward(x, None, None, False, True, False)
    if _native.has_bfloat16():  # only the highest set has it
        assert isa == _native.isas()[-1]
        return
    plain = make("lstm", with_rounded_kernels(weights), "float32")
    for a, b in zip(got, plain.forward(x, None, None, False, True, False), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize("shape", [(1, 20, 8, 130), (5, 9, 33, 77), (37, 6, 40, 260)], ids=str)
def test_same_bits_however_the_work_is_cut(cell: str, shape: tuple[int, ...]) -> None:
    batch, steps, inputs, units = shape
    rng = np.random.default_rng(2)
    layer = make(cell, make_weights(cell, inputs, units, rng))
    x = rng.standard_normal((batch, steps, inputs)).astype(np.float32)
    mask = rng.random((batch, steps)) < 0.8
    _native.set_threads(1)
    whole = layer.forward(x, None, mask, False, True, False)
    for threads in (2, 3):
        _native.set_threads(threads)
        for a, b in zip(whole, layer.forward(x, None, mask, False, True, False), strict=True):
            np.testing.assert_array_equal(a, b)
    row = batch // 2
    for a, b in zip(whole, layer.forward(x[row : row + 1], None, mask[row : row + 1], False, True, False), strict=True):
        np.testing.assert_array_equal(a[row], b[0])


@pytest.mark.parametrize("cell", sorted(CELLS.keys() - {"simple"}))
def test_what_it_costs(cell: str) -> None:
    """Against float32, 64 steps of 128 units with weights of ordinary size: under 0.03 at worst, 0.003 in the mean."""
    rng = np.random.default_rng(3)
    weights = make_weights(cell, 64, 128, rng)
    x = rng.standard_normal((16, 64, 64)).astype(np.float32)
    exact = make(cell, weights, "float32").forward(x, None, None, False, True, False)[0]
    error = np.abs(make(cell, weights).forward(x, None, None, False, True, False)[0] - exact)
    assert error.max() < 0.03
    assert error.mean() < 0.003


def test_nan_stays_in_its_sequence() -> None:
    rng = np.random.default_rng(4)
    nan_stays(make("lstm", make_weights("lstm", 4, 19, rng)), rng)


def test_bad_precision_is_refused_in_words() -> None:
    weights = make_weights("lstm", 3, 5, np.random.default_rng(5))
    with pytest.raises(ValueError, match='unknown precision "float16"; known are float32, bfloat16'):
        make("lstm", weights, "float16")
    with pytest.raises(TypeError, match="float64"):
        make("lstm", {name: weight.astype(np.float64) for name, weight in weights.items()})
