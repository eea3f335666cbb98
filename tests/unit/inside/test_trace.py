"""A trace holds what the equations say, in float64 and written out here, and changes nothing."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.engine import cells
from gatewise.layers import GRU, LSTM, Bidirectional, Masking, PeepholeLSTM, SimpleRNN, TimeDistributed

RNG = np.random.default_rng(9)
X = RNG.standard_normal((3, 7, 4))
MASK = np.array([[1, 1, 1, 1, 1, 1, 1], [0, 1, 1, 0, 1, 1, 0], [1, 1, 0, 0, 0, 0, 0]], bool)
STATE = RNG.standard_normal((2, 3, 5))

# Sums of some 10 products of numbers below 4, and 7 steps that pass their rounding on: 64-bit eps is 2**-52.
FLOAT64 = 7 * 10 * 4 * 2.0**-52
FLOAT32 = 7 * 10 * 4 * 2.0**-24


def sigma(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def made(layer: Any, features: int = 4) -> Any:
    layer.build((None, None, features))
    layer.set_weights([RNG.standard_normal(w.shape) / 2 for w in layer.weights])
    return layer


def modelled(*layers: Any, shape: Any = (None, 4)) -> Any:
    return gw.Sequential([gw.Input(shape), *layers])


def lstm_step(weights: Any, x: Any, h: Any, c: Any) -> Any:
    kernel, recurrent, bias, *peephole = weights
    p_i, p_f, p_o = peephole[0] if peephole else np.zeros((3, 5))
    z_i, z_f, z_c, z_o = np.split(x @ kernel + h @ recurrent + bias, 4, axis=1)
    i, f, g = sigma(z_i + p_i * c), sigma(z_f + p_f * c), np.tanh(z_c)
    new = f * c + i * g
    o = sigma(z_o + p_o * new)
    return {"i": i, "f": f, "c": g, "o": o}, (o * np.tanh(new), new)


def gru_step(weights: Any, x: Any, h: Any) -> Any:
    kernel, recurrent, bias = weights
    rows = bias if bias.ndim == 2 else [bias, np.zeros_like(bias)]
    x_z, x_r, x_h = np.split(x @ kernel + rows[0], 3, axis=1)
    h_z, h_r, h_h = np.split(h @ recurrent + rows[1], 3, axis=1)
    z, r = sigma(x_z + h_z), sigma(x_r + h_r)
    inner = r * h_h if bias.ndim == 2 else (r * h) @ recurrent[:, 10:]
    g = np.tanh(x_h + inner)
    return {"z": z, "r": r, "h": g}, (z * h + (1 - z) * g,)


def simple_step(weights: Any, x: Any, h: Any) -> Any:
    kernel, recurrent, bias = weights
    return {}, (np.tanh(x @ kernel + h @ recurrent + bias),)


CASES: dict[str, Any] = {
    "lstm": (lambda **options: LSTM(5, **options), lstm_step, 2),
    "peephole": (lambda **options: PeepholeLSTM(5, **options), lstm_step, 2),
    "gru": (lambda **options: GRU(5, reset_after=True, **options), gru_step, 1),
    "gru, reset before": (lambda **options: GRU(5, reset_after=False, **options), gru_step, 1),
    "simple": (lambda **options: SimpleRNN(5, **options), simple_step, 1),
}


@pytest.mark.parametrize("start", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("mask", [None, MASK])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", FLOAT64), ("float32", FLOAT32)])
@pytest.mark.parametrize("case", CASES)
def test_every_step_is_the_equations(
    case: str, dtype: str, tolerance: float, mask: Any, backwards: bool, start: bool
) -> None:
    make, step, parts = CASES[case]
    layer = made(make(dtype=dtype, go_backwards=backwards))
    given = {"mask": mask, **({"initial_state": list(STATE[:parts])} if start else {})}
    trace = layer.trace(X.astype(dtype), **given)
    (found,) = trace.values()
    weights = [w.astype("float64") for w in layer.get_weights()]
    state: Any = tuple(STATE[:parts]) if start else tuple(np.zeros((parts, 3, 5)))
    real = np.ones((3, 7), bool) if mask is None else mask
    output = np.zeros((3, 5))
    for t in reversed(range(7)) if backwards else range(7):
        gates, new = step(weights, X[:, t], *state)
        state = tuple(np.where(real[:, t, None], n, old) for n, old in zip(new, state, strict=True))
        output = np.where(real[:, t, None], new[0], output)
        assert list(found.gates) == list(gates)
        for letter, wanted in gates.items():
            shown = np.where(real[:, t, None], wanted, np.nan)
            np.testing.assert_allclose(found.gates[letter][:, t], shown, rtol=0, atol=tolerance)
        for ours, wanted in zip(found.states.values(), state, strict=True):
            np.testing.assert_allclose(ours[:, t], wanted, rtol=0, atol=tolerance)
        np.testing.assert_allclose(found.output[:, t], output, rtol=0, atol=tolerance)
    assert {array.dtype for array in (*found.gates.values(), *found.states.values(), found.output)} == {np.dtype(dtype)}
    np.testing.assert_allclose(trace.output, layer(X.astype(dtype), **given), rtol=0, atol=tolerance)


@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_the_output_is_that_of_predict(case: str, sequences: bool) -> None:
    layer = CASES[case][0](return_sequences=sequences, name="r")
    model = modelled(Masking(), layer, gw.layers.Dense(2))
    x = (X * MASK[..., None]).astype("float32")
    trace = model.trace(x)
    np.testing.assert_allclose(trace.output, model.predict(x), rtol=0, atol=FLOAT32)
    np.testing.assert_array_equal(trace["r"].mask, MASK)
    np.testing.assert_array_equal(trace["r"].input, x)


def test_names_letters_and_attributes_are_one_array() -> None:
    trace = made(LSTM(5, name="lstm")).trace(X)
    found = trace["lstm"]
    assert found.gates["f"] is found.gates["forget gate"] is found.gates["forget_gate"] is found.forget_gate
    assert found.states["c"] is found.cell_state is not found.candidate
    assert {"input_gate", "output_gate", "hidden_state", "memory"} <= set(dir(found))
    assert trace.layers["lstm"] is found
    assert [*trace] == ["lstm"]
    assert repr(found.states) == "{'h' (hidden state): (3, 7, 5), 'c' (cell state): (3, 7, 5)}"
    with pytest.raises(KeyError, match=r"No gate of 'lstm' 'forgot gate'\. Did you mean 'forget gate'\? There is: 'i'"):
        found.gates["forgot gate"]
    with pytest.raises(AttributeError, match=r"'lstm' has no 'reset_gate'.*'forget_gate'"):
        _ = found.reset_gate
    with pytest.raises(KeyError, match=r"no recurrent layer 'lstn'\. Did you mean 'lstm'\?"):
        trace["lstn"]


# -- memory ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "letter"), [("lstm", "f"), ("peephole", "f"), ("gru", "z"), ("gru, reset before", "z")]
)
def test_memory_is_the_steps_over_what_the_carrying_gate_loses_in_them(case: str, letter: str) -> None:
    (found,) = made(CASES[case][0]()).trace(X, mask=MASK).values()
    gate = found.gates[letter].astype("float64")[MASK]
    np.testing.assert_allclose(found.memory, len(gate) / (1 - gate).sum(axis=0), rtol=1e-12)
    assert found.carry == letter


def test_a_forget_gate_that_stands_still_has_the_time_of_its_decay() -> None:
    layer = LSTM(2, use_bias=True, name="lstm")
    layer.build((None, None, 1))
    bias = np.zeros(8)
    bias[2:4] = np.log([9, 99])  # sigma is 0.9 and 0.99
    layer.set_weights([np.zeros((1, 8)), np.zeros((2, 8)), bias])
    np.testing.assert_allclose(layer.trace(np.ones((1, 20, 1)))["lstm"].memory, [10, 100], rtol=1e-4)


def test_without_a_real_step_nothing_is_known() -> None:
    (found,) = made(GRU(5)).trace(X, mask=np.zeros((3, 7), bool)).values()
    assert np.isnan(found.memory).all()
    assert not found.output.any()


class Leaky(cells.LSTM):
    """Its state keeps less than the forget gate says."""

    @staticmethod
    def step(z: Any, state: Any, parts: Any) -> Any:
        h, c = cells.LSTM.step(z, state, parts)
        return h, 0.5 * c


class Leaking(cells.LSTM):
    """The same, which says it."""

    gate_names = {**cells.LSTM.gate_names, "k": "share kept"}  # noqa: RUF012
    carry = "k"

    @staticmethod
    def step(z: Any, state: Any, parts: Any) -> Any:
        h, c = cells.LSTM.step(z, state, parts)
        parts.keep(k=parts.sigma(cells.split(z, 4)[1]) * 0.5)
        return h, 0.5 * c


class Silent(cells.Cell):
    """A cell that keeps no gates."""

    name, gates = "silent", "hz"

    @staticmethod
    def step(z: Any, state: Any, parts: Any) -> Any:
        z_h, z_z = cells.split(z + parts.project(cells.ALL, state[0]), 2)
        return (parts.phi(z_h) * parts.sigma(z_z),)


def own(cell: Any, **options: Any) -> Any:
    return made(type("Own", (LSTM,), {"cell": cell})(5, **options))


def test_cells_of_ones_own() -> None:
    (leaky,) = own(Leaky).trace(X).values()
    assert [*leaky.gates] == ["i", "f", "c", "o"]
    assert leaky.memory is None
    (leaking,) = own(Leaking).trace(X).values()
    np.testing.assert_allclose(leaking.memory, 1 / (1 - leaking.share_kept.astype("float64").mean((0, 1))), rtol=1e-12)
    layer = own(Silent, unit_forget_bias=False, return_sequences=True)
    (silent,) = layer.trace(X).values()
    assert (len(silent.gates), silent.memory) == (0, None)
    np.testing.assert_allclose(silent.states["h"], layer(X), rtol=0, atol=FLOAT32)


# -- models ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sequences", [False, True])
def test_both_directions(sequences: bool) -> None:
    model = modelled(Masking(), Bidirectional(LSTM(5, return_sequences=sequences, name="l"), name="both"))
    x = (X * MASK[..., None]).astype("float32")
    trace = model.trace(x)
    assert [*trace] == ["forward_l", "backward_l"]
    ahead, back = trace.values()
    assert (ahead.go_backwards, back.go_backwards, back.path) == (False, True, "both/backward_l")
    joined = [ahead.output, back.output] if sequences else [ahead.output[:, -1], back.output[:, 0]]
    np.testing.assert_allclose(np.concatenate(joined, axis=-1), model.predict(x), rtol=0, atol=FLOAT32)
    assert trace["both/backward_l"] is back
    with pytest.raises(KeyError, match=r"'both'. Did you mean one of \['forward_l', 'backward_l'\]\?"):
        trace["both"]


def test_layers_of_one_name_and_layers_called_twice() -> None:
    def part(name: str) -> Any:
        return gw.Sequential([gw.Input((None, 4)), LSTM(4, return_sequences=True, name="lstm")], name=name)

    x, shared = gw.Input((None, 4)), GRU(4, return_sequences=True, name="gru")
    model = gw.Model(x, shared(part("decoder")(shared(part("encoder")(x)))))
    trace = model.trace(X)
    assert [*trace] == ["encoder/lstm", "gru", "decoder/lstm", "gru:2"]
    np.testing.assert_array_equal(trace["decoder/lstm"].input, trace["gru"].output)
    np.testing.assert_array_equal(trace["gru:2"].output, trace.output)
    with pytest.raises(KeyError, match=r"'lstm'. Did you mean one of \['encoder/lstm', 'decoder/lstm'\]\?"):
        trace["lstm"]


def test_inside_a_wrapper_of_steps_each_step_is_a_sample() -> None:
    model = modelled(TimeDistributed(GRU(5, name="gru")), shape=(2, 7, 4))
    x = RNG.standard_normal((3, 2, 7, 4)).astype("float32")
    trace = model.trace(x)
    assert trace["gru"].shape == (6, 7, 5)
    np.testing.assert_allclose(trace["gru"].output[:, -1].reshape(3, 2, 5), model.predict(x), rtol=0, atol=FLOAT32)


def test_a_model_of_ones_own() -> None:
    class Own(gw.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = GRU(5, return_sequences=True, name="first"), LSTM(3, name="second")

        def call(self, inputs: Any) -> Any:
            return {"y": self.second(self.first(inputs))}

    model = Own()
    with pytest.raises(ValueError, match=r"Own 'own\w*' is not built, so it has no weights to look at"):
        model.trace(X)
    y = model.predict(X)["y"]
    trace = model.trace(X)
    assert [*trace] == ["first", "second"]
    np.testing.assert_allclose(trace.output["y"], y, rtol=0, atol=FLOAT32)


def test_time_first() -> None:
    layer = made(LSTM(5, time_major=True, return_sequences=True))
    (found,) = layer.trace(X.swapaxes(0, 1)).values()
    assert (found.input.shape, found.output.shape) == ((3, 7, 4), (3, 7, 5))


@pytest.mark.parametrize("cls", [gw.layers.LSTM, gw.layers.GRU])
def test_a_stateful_layer_is_seen_from_its_state_and_stays_there(cls: Any) -> None:
    layer = made(cls(5, stateful=True, return_sequences=True))
    layer.trace(X)
    assert layer.states == []  # Nothing was carried before, and nothing is now.
    layer(X)
    before = [np.array(state) for state in layer.states]
    (found,) = layer.trace(X).values()
    for state, kept in zip(layer.states, before, strict=True):
        np.testing.assert_array_equal(state, kept)
    np.testing.assert_allclose(found.output, layer(X), rtol=0, atol=FLOAT32)


def test_products_in_bfloat16() -> None:
    model = modelled(LSTM(5, name="lstm", precision="bfloat16"))
    exact = model.trace(X)
    found = model.trace(X)["lstm"]
    np.testing.assert_array_equal(found.output[:, -1], exact.output)
    model.precision = None
    assert 0 < np.abs(model.trace(X).output - exact.output).max() < 0.05


@pytest.mark.parametrize("mask", [None, MASK])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_jax_arrays_give_the_same(case: str, backwards: bool, mask: Any) -> None:
    import jax.numpy as jnp

    layer = made(CASES[case][0](go_backwards=backwards))
    (ours,) = layer.trace(X.astype("float32"), mask=mask).values()
    (theirs,) = layer.trace(jnp.asarray(X, "float32"), mask=mask).values()
    assert [*ours.gates] == [*theirs.gates]
    for a, b in ((ours.gates, theirs.gates), (ours.states, theirs.states)):
        for letter in a:
            assert type(b[letter]) is np.ndarray
            np.testing.assert_allclose(a[letter], b[letter], rtol=0, atol=FLOAT32)
    np.testing.assert_allclose(ours.output, theirs.output, rtol=0, atol=FLOAT32)


def test_no_steps() -> None:
    trace = modelled(LSTM(5, name="lstm")).trace(np.zeros((2, 0, 4)))
    assert (trace["lstm"].shape, len(trace["lstm"].gates), trace.output.shape) == ((2, 0, 5), 0, (2, 5))


# -- refusals, words ------------------------------------------------------------------------------------------------


def test_what_cannot_be_traced_says_so() -> None:
    with pytest.raises(ValueError, match=r"Sequential 'dense' has no recurrent layer to look into: no LSTM, GRU"):
        gw.Sequential([gw.Input((4,)), gw.layers.Dense(2)], name="dense").trace(np.zeros((2, 4)))
    for unbuilt in (gw.Sequential([LSTM(5)]), LSTM(5)):
        with pytest.raises(ValueError, match=r"is not built, so it has no weights to look at: load them"):
            unbuilt.trace(X)
    with pytest.raises(ValueError, match=r"must have 3 axes, shape \(None, None, 4\), got 2.*add the batch axis"):
        modelled(LSTM(5)).trace(X[0])
    with pytest.raises(ValueError, match=r"must have the shape \(None, None, 4\), got \(3, 7, 3\)"):
        modelled(LSTM(5)).trace(X[..., :3])
    with pytest.raises(ValueError, match=r"'keep'|needs 2 arrays"):
        made(LSTM(5)).trace(X, initial_state=[STATE[0]])


def test_a_failed_trace_watches_no_longer() -> None:
    from gatewise.inside.watching import watching

    layer = made(LSTM(5))
    with pytest.raises(ValueError, match="the mask must have the shape"):
        layer.trace(X, mask=MASK[:, :3])
    with watching() as seen:
        pass
    layer(X)
    assert seen == []


def test_the_tables() -> None:
    trace = modelled(LSTM(5, return_sequences=True, name="a<b>[red]"), SimpleRNN(3, name="s")).trace(X)
    text, html = repr(trace), trace._repr_html_()
    for words in ("Trace of Sequential", "a<b>[red]", "i f c o", "SimpleRNN", "remembers (steps)"):
        assert words in text
    assert "a&lt;b&gt;[red]" in html
    assert html.count("<tr>") == 3
    assert repr(trace["s"]) == (
        "<trace of SimpleRNN 's': 3 samples, 7 steps, 3 units; gates none; states h; memory in steps: ->"
    )


def test_no_jax_and_no_matplotlib_are_imported() -> None:
    code = (
        "import sys, numpy as np, gatewise as gw\n"
        "model = gw.Sequential([gw.Input((5, 3)), gw.layers.LSTM(4)])\n"
        "trace = model.trace(np.zeros((1, 5, 3)))\n"
        "print([name for name in ('jax', 'matplotlib') if name in sys.modules])\n"
        "sys.modules['matplotlib'] = None\n"
        "try:\n    trace.plot()\n"
        "except ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "[]\nA trace draws itself with matplotlib: pip install 'gatewise[plot]'.\n"
