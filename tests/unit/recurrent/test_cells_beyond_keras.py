"""The cells that Keras has not: each against its paper's equations in float64, on every way that a layer can go."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import gatewise as gw
from gatewise import layers
from gatewise.engine import compiled

RNG = np.random.default_rng(8)
BATCH, STEPS, INPUTS, UNITS = 3, 11, 4, 5
X = RNG.standard_normal((BATCH, STEPS, INPUTS)).astype("float32")
MASK = RNG.random((BATCH, STEPS)) > 0.3
MASK[0, :2] = False

# Some 20 sums of products a unit and step, each rounded to 2**-24 of at most 8; a state passes it on for 11 steps.
TOLERANCE = STEPS * 20 * 8 * 2.0**-24

State = tuple[np.ndarray, ...]
Weights = dict[str, np.ndarray]
Step = Callable[[Weights, np.ndarray, State], State]


def sigma(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def normal(v: np.ndarray) -> np.ndarray:
    return (v - v.mean(-1, keepdims=True)) / np.sqrt(v.var(-1, keepdims=True) + 1e-3)


def columns(weights: Weights, name: str, gates: int) -> list[np.ndarray]:
    return np.split(weights[name], gates, axis=-1)


def sums(weights: Weights, x: np.ndarray, h: np.ndarray, gates: int) -> list[np.ndarray]:
    """Each gate's x W + h U + b, gate by gate."""
    kernels, recurrents, biases = (columns(weights, name, gates) for name in ("kernel", "recurrent_kernel", "bias"))
    return [x @ w + h @ u + b for w, u, b in zip(kernels, recurrents, biases, strict=True)]


def coupled(weights: Weights, x: np.ndarray, state: State) -> State:
    h, c = state
    f, g, o = sums(weights, x, h, 3)
    c = sigma(f) * c + (1 - sigma(f)) * np.tanh(g)
    return sigma(o) * np.tanh(c), c


def lstm(weights: Weights, x: np.ndarray, state: State) -> State:
    h, c = state
    i, f, g, o = sums(weights, x, h, 4)
    c = sigma(f) * c + sigma(i) * np.tanh(g)
    return sigma(o) * np.tanh(c), c


def clipped(weights: Weights, x: np.ndarray, state: State) -> State:
    h, c = state
    i, f, g, o = sums(weights, x, h, 4)
    c = np.minimum(np.maximum(sigma(f) * c + sigma(i) * np.tanh(g), -0.4), 0.4)
    return sigma(o) * np.tanh(c), c


def projected(weights: Weights, x: np.ndarray, state: State) -> State:
    h, c = clipped(weights, x, state)
    return np.minimum(np.maximum(h @ weights["projection"], -0.3), 0.3), c


def zoneout(weights: Weights, x: np.ndarray, state: State) -> State:
    (h, c), (new_h, new_c) = state, lstm(weights, x, state)
    return 0.2 * h + 0.8 * new_h, 0.4 * c + 0.6 * new_c


def layer_norm_lstm(weights: Weights, x: np.ndarray, state: State) -> State:
    h, c = state
    v = normal(x @ weights["kernel"]) * weights["kernel_gain"] + weights["bias"]
    v = v + normal(h @ weights["recurrent_kernel"]) * weights["recurrent_gain"]
    i, f, g, o = np.split(v, 4, axis=-1)
    c = sigma(f) * c + sigma(i) * np.tanh(g)
    return sigma(o) * np.tanh(normal(c) * weights["state_gain"] + weights["state_bias"]), c


def layer_norm_gru(weights: Weights, x: np.ndarray, state: State) -> State:
    (h,) = state
    of_x, of_h = x @ weights["kernel"], h @ weights["recurrent_kernel"]
    (b, d), alpha, gamma = weights["bias"], weights["kernel_gain"], weights["recurrent_gain"]
    two = slice(0, 2 * UNITS)
    last = slice(2 * UNITS, None)
    gates = sigma(normal(of_x[:, two]) * alpha[two] + b[two] + normal(of_h[:, two]) * gamma[two] + d[two])
    z, r = np.split(gates, 2, axis=-1)
    inner = normal(of_h[:, last]) * gamma[last] + d[last]
    g = np.tanh(normal(of_x[:, last]) * alpha[last] + b[last] + r * inner)
    return (z * h + (1 - z) * g,)


def slstm(weights: Weights, x: np.ndarray, state: State) -> State:
    """Without a stabiliser, whose state is left alone: float64 holds exponentials of these sizes."""
    h, c, n, m = state
    i, f, g, o = sums(weights, x, h, 4)
    c = sigma(f) * c + np.exp(i) * np.tanh(g)
    n = sigma(f) * n + np.exp(i)
    return sigma(o) * c / n, c, n, m


def indrnn(weights: Weights, x: np.ndarray, state: State) -> State:
    (h,) = state
    return (np.maximum(x @ weights["kernel"] + weights["recurrent_weight"] * h + weights["bias"], 0),)


def gates_of_input(weights: Weights, x: np.ndarray, gates: int) -> list[np.ndarray]:
    each = zip(columns(weights, "kernel", gates), columns(weights, "bias", gates), strict=True)
    return [x @ w + b for w, b in each]


def min_gru(weights: Weights, x: np.ndarray, state: State) -> State:
    (h,) = state
    z, candidate = gates_of_input(weights, x, 2)
    return ((1 - sigma(z)) * h + sigma(z) * candidate,)


def min_lstm(weights: Weights, x: np.ndarray, state: State) -> State:
    (h,) = state
    i, f, candidate = gates_of_input(weights, x, 3)
    i, f = sigma(i) / (sigma(i) + sigma(f)), sigma(f) / (sigma(i) + sigma(f))
    return (f * h + i * candidate,)


def rg_lru(weights: Weights, x: np.ndarray, state: State) -> State:
    (h,) = state
    r, i, own = gates_of_input(weights, x, 3)
    a = sigma(weights["decay"]) ** (8 * sigma(r))
    return (a * h + np.sqrt(1 - a**2) * (sigma(i) * own),)


class Case(NamedTuple):
    """A layer's class with arguments, one step by its paper, the widths of its states, and those it has to compare."""

    cls: Any
    step: Step
    widths: tuple[int, ...]
    compared: int
    arguments: dict[str, Any] = {}  # noqa: RUF012 (never changed)


CASES = {
    "coupled": Case(layers.CoupledLSTM, coupled, (5, 5), 2),
    "clipped": Case(layers.ClippedLSTM, clipped, (5, 5), 2, {"cell_clip": 0.4}),
    "projected": Case(layers.ProjectedLSTM, projected, (2, 5), 2, {"proj_size": 2, "cell_clip": 0.4, "proj_clip": 0.3}),
    "zoneout": Case(layers.ZoneoutLSTM, zoneout, (5, 5), 2, {"zoneout_hidden": 0.2, "zoneout_cell": 0.4}),
    "layer_norm_lstm": Case(layers.LayerNormLSTM, layer_norm_lstm, (5, 5), 2),
    "layer_norm_gru": Case(layers.LayerNormGRU, layer_norm_gru, (5,), 1),
    "slstm": Case(layers.SLSTM, slstm, (5, 5, 5, 5), 1),  # What c and n are held times depends on m.
    "indrnn": Case(layers.IndRNN, indrnn, (5,), 1),
    "min_gru": Case(layers.MinGRU, min_gru, (5,), 1),
    "min_lstm": Case(layers.MinLSTM, min_lstm, (5,), 1),
    "rg_lru": Case(layers.RGLRU, rg_lru, (5,), 1),
}
every_cell = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def made(case: Case, **options: Any) -> Any:
    layer = case.cls(UNITS, **case.arguments, **options)
    layer.build((None, None, INPUTS))
    layer.set_weights([RNG.standard_normal(w.shape) / 2 for w in layer.weights])
    return layer


def paper(case: Case, layer: Any, x: np.ndarray, mask: Any = None, state: Any = None) -> tuple[np.ndarray, State]:
    """All outputs (B, T, H) and the final state, step by step in float64."""
    names = [name for name in layer._equation.weights if getattr(layer, name) is not None]
    weights = {name: getattr(layer, name).numpy().astype("float64") for name in names}
    now = tuple(np.zeros((len(x), width)) for width in case.widths) if state is None else state
    y, outputs = np.zeros((len(x), case.widths[0])), []
    for t in range(x.shape[1]):
        after = case.step(weights, x[:, t].astype("float64"), now)
        real = np.ones((len(x), 1), bool) if mask is None else mask[:, t, None]
        now = tuple(np.where(real, new, old) for new, old in zip(after, now, strict=True))
        y = np.where(real, now[0], y)
        outputs.append(y)
    return np.stack(outputs, 1), now


@every_cell
@pytest.mark.parametrize("mask", [None, MASK], ids=["plain", "masked"])
def test_it_is_the_papers(case: Case, mask: Any) -> None:
    layer = made(case, return_sequences=True, return_state=True)
    y, *final = layer(X, mask=mask)
    wanted, states = paper(case, layer, X, mask)
    np.testing.assert_allclose(y, wanted, rtol=0, atol=TOLERANCE)
    assert [state.shape for state in final] == [(BATCH, width) for width in case.widths]
    for found, exact in list(zip(final, states, strict=True))[: case.compared]:
        np.testing.assert_allclose(found, exact, rtol=0, atol=TOLERANCE)


@every_cell
@pytest.mark.parametrize("mask", [None, MASK], ids=["plain", "masked"])
@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("sequences", [False, True], ids=["last", "all"])
def test_jax_scans_to_the_same(case: Case, mask: Any, backwards: bool, sequences: bool) -> None:
    import jax.numpy as jnp

    layer = made(case, return_sequences=sequences, return_state=True, go_backwards=backwards)
    start = [RNG.random((BATCH, width)).astype("float32") for width in case.widths]
    wanted = layer(X, mask=mask, initial_state=start)
    compiled.turn(False)
    try:
        given = [jnp.asarray(state) for state in start]
        found = layer(jnp.asarray(X), mask=None if mask is None else jnp.asarray(mask), initial_state=given)
    finally:
        compiled.turn(True)
    for ours, theirs in zip(wanted, found, strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=TOLERANCE)


@every_cell
def test_masked_steps_can_give_zeros_under_jax_too(case: Case) -> None:
    import jax.numpy as jnp

    layer = made(case, return_sequences=True, zero_output_for_mask=True)
    y = layer(jnp.asarray(X), mask=jnp.asarray(MASK))
    np.testing.assert_array_equal(np.asarray(y)[~MASK], 0)
    np.testing.assert_allclose(y, layer(X, mask=MASK), rtol=0, atol=TOLERANCE)


@every_cell
def test_a_stream_says_what_predict_says(case: Case) -> None:
    model = gw.Sequential([gw.Input((None, INPUTS)), made(case, return_sequences=True)])
    stream = model.stream(BATCH)
    steps = np.stack([stream.push(X[:, t]) for t in range(STEPS)], 1)
    np.testing.assert_allclose(steps, model.predict(X, verbose=0), rtol=0, atol=TOLERANCE)


@every_cell
@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_files_keep_it(case: Case, name: str, tmp_path: Path) -> None:
    both = layers.Bidirectional(case.cls(UNITS, **case.arguments))
    inner = case.cls(UNITS, return_sequences=True, use_bias=False, **case.arguments)
    model = gw.Sequential([gw.Input((None, INPUTS)), inner, both])
    model.set_weights([RNG.standard_normal(w.shape) / 2 for w in model.weights])
    model.save(tmp_path / name)
    again = gw.models.load_model(tmp_path / name)
    assert again.layers[0].get_config() == inner.get_config()
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


@every_cell
def test_it_goes_both_ways_and_inside_other_layers(case: Case) -> None:
    one = made(case, return_sequences=True)
    both = layers.Bidirectional(one)
    both.build((None, None, INPUTS))
    both.set_weights(2 * one.get_weights())
    wanted, _ = paper(case, one, X)
    backwards, _ = paper(case, one, X[:, ::-1])
    np.testing.assert_allclose(both(X), np.concatenate([wanted, backwards[:, ::-1]], -1), rtol=0, atol=TOLERANCE)
    last = made(case)
    many = np.stack([X, X[::-1]], 1)
    found = layers.TimeDistributed(last)(many)
    for k in range(2):
        np.testing.assert_allclose(found[:, k], paper(case, last, many[:, k])[0][:, -1], rtol=0, atol=TOLERANCE)


@every_cell
@pytest.mark.parametrize("on", [False, True], ids=["scanned", "compiled where it is"])
def test_it_learns(case: Case, on: bool) -> None:
    """What the first input was, five steps later."""
    gw.random.set_seed(3)
    x = np.random.default_rng(2).standard_normal((64, 5, INPUTS)).astype("float32")
    model = gw.Sequential([gw.Input((None, INPUTS)), case.cls(8, dropout=0.0, **case.arguments), layers.Dense(1)])
    model.compile(gw.optimizers.Adam(0.05), "mse")
    compiled.turn(on)
    try:
        history = model.fit(x, x[:, 0, :1], epochs=30, batch_size=16, verbose=0).history["loss"]
    finally:
        compiled.turn(True)
    assert history[-1] < 0.6 * history[0]


@every_cell
def test_input_dropout_drops(case: Case) -> None:
    layer = made(case, dropout=0.5, seed=1)
    assert not np.allclose(layer(X, training=True), layer(X))


@every_cell
def test_its_cell_takes_one_step(case: Case) -> None:
    layer = made(case)
    state = [RNG.random((BATCH, width)).astype("float32") for width in case.widths]
    y, after = layer.cell(X[:, 0], state)
    wanted = case.step(
        {name: getattr(layer, name).numpy().astype("float64") for name in layer._equation.weights},
        X[:, 0].astype("float64"),
        tuple(state),
    )
    if case.compared == len(case.widths):
        np.testing.assert_allclose(after[-1], wanted[-1], rtol=0, atol=TOLERANCE)
        np.testing.assert_allclose(y, wanted[0], rtol=0, atol=TOLERANCE)
    assert layer.cell.state_size == (case.widths[0] if len(case.widths) == 1 else list(case.widths))


def golden(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(__file__).parents[2] / "golden" / name).read_text())
    return found


GOLDEN, PACKAGES = golden("projected.json"), golden("cells_of_packages.json")


@pytest.mark.parametrize("name", GOLDEN)
def test_projections_and_bounds_are_tensorflows(name: str) -> None:
    case = GOLDEN[name]
    words = {"num_proj": "proj_size", "cell_clip": "cell_clip", "proj_clip": "proj_clip"}
    options = {words[option]: value for option, value in case["options"].items()}
    cls = layers.ProjectedLSTM if "proj_size" in options else layers.ClippedLSTM
    layer = cls(4, return_sequences=True, return_state=True, **options)
    layer.build((None, None, 3))
    layer.set_weights([case["weights"][name] for name in layer._equation.weights])
    for found, result in zip(layer(np.array(case["x"], "float32")), ("y", "h", "c"), strict=True):
        np.testing.assert_allclose(found, case[result], rtol=0, atol=TOLERANCE)


def positive(x: np.ndarray) -> np.ndarray:
    """What the package of the minimal cells makes of a candidate: the paper's g."""
    return np.where(x >= 0, x + np.float32(0.5), sigma(x))


@pytest.mark.parametrize("name", PACKAGES)
def test_published_packages_say_the_same(name: str) -> None:
    case = PACKAGES[name]
    x = np.array(case["x"], "float32")
    options: dict[str, Any] = {"proj_size": 2} if name == "ProjectedLSTM" else {}
    if name.startswith("Min"):
        options["activation"] = positive
    layer = getattr(layers, name)(4, return_sequences=True, use_bias="bias" in case["weights"], **options)
    layer.build(x.shape)
    layer.set_weights([case["weights"][each] for each in layer._equation.weights if each in case["weights"]])
    state = [np.array(each, "float32") for each in case["state"]] or None
    np.testing.assert_allclose(layer(x, initial_state=state), case["y"], rtol=0, atol=TOLERANCE)


def test_training_with_zoneout_leaves_numbers_as_they_were() -> None:
    """A number of the state is, after a step, what it was or what the LSTM says; how often, the rates say."""
    case = CASES["zoneout"]
    layer = case.cls(400, zoneout_hidden=0.2, zoneout_cell=0.4, return_state=True, seed=1)
    state = [RNG.random((BATCH, 400)).astype("float32") for _ in range(2)]
    _, *after = layer(X[:, :1], initial_state=state, training=True)
    plain = layers.LSTM(400, return_state=True)
    plain.build((None, None, INPUTS))
    plain.set_weights(layer.get_weights())
    _, *new = plain(X[:, :1], initial_state=state)
    for rate, old, made_by_lstm, found in zip((0.2, 0.4), state, new, after, strict=True):
        stays = found == old
        np.testing.assert_allclose(found[~stays], made_by_lstm[~stays], rtol=0, atol=TOLERANCE)
        deviation = np.sqrt(rate * (1 - rate) / stays.size)
        assert abs(stays.mean() - rate) < 5 * deviation


def test_zoneout_draws_anew_at_each_step_under_jax_too() -> None:
    layer = made(CASES["zoneout"], return_sequences=True)
    model = gw.Sequential([gw.Input((None, INPUTS)), layer])
    weights, others = ([v.value for v in vs] for vs in (model.trainable_variables, model.non_trainable_variables))
    import jax

    key = jax.random.key(0)
    y, _ = model.stateless_call(weights, others, X, training=True, key=key)
    again, _ = model.stateless_call(weights, others, X, training=True, key=key)
    np.testing.assert_array_equal(y, again)
    stays = np.asarray(y)[:, 1:] == np.asarray(y)[:, :-1]
    assert 0.1 < stays.mean() < 0.3
    assert not np.array_equal(stays[:, 0], stays[:, 1])


def test_the_slstms_exponentials_do_not_overflow() -> None:
    layer = made(CASES["slstm"], return_sequences=True)
    kernel, recurrent, bias = layer.get_weights()
    bias[:UNITS] += 300
    layer.set_weights([kernel, recurrent, bias])
    high = layer(X)
    bias[:UNITS] -= 600
    layer.set_weights([kernel, recurrent, bias])
    low = layer(X)
    assert np.isfinite(high).all()
    # Only how the exponents of two steps differ says what the normalised state is.
    np.testing.assert_allclose(low, high, rtol=0, atol=1e-3)


def test_the_decay_of_the_rg_lru_starts_as_in_its_paper() -> None:
    layer = layers.RGLRU(500)
    layer.build((None, None, INPUTS))
    slowest = sigma(layer.decay.numpy().astype("float64")) ** 8
    assert 0.9 - 1e-6 <= slowest.min() < 0.91
    assert 0.99 < slowest.max() <= 0.999 + 1e-6


def test_a_linear_cell_with_a_step_of_its_own_takes_that() -> None:
    import jax.numpy as jnp

    from gatewise.engine import cells

    class Halved(cells.MinGRU):
        """Another step, on top of the same coefficients."""

        @classmethod
        def step(cls, z: Any, state: Any, parts: Any) -> Any:
            (h,) = super().step(z, state, parts)
            return (h / 2,)

    layer = type("HalvedLayer", (layers.MinGRU,), {"cell": Halved})(UNITS)
    layer.build((None, None, INPUTS))
    wanted = layer(X)
    plain = layers.MinGRU(UNITS)
    plain.build((None, None, INPUTS))
    plain.set_weights(layer.get_weights())
    assert not np.allclose(wanted, plain(X))
    np.testing.assert_allclose(layer(jnp.asarray(X)), wanted, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("cls", [layers.IndRNN, layers.MinGRU, layers.MinLSTM, layers.RGLRU])
def test_without_a_product_no_state_can_be_dropped(cls: Any) -> None:
    with pytest.raises(ValueError, match=r"recurrent_dropout: expected 0, got 0\.5: this cell multiplies no state"):
        cls(4, recurrent_dropout=0.5)


def test_bounds_are_positive() -> None:
    with pytest.raises(ValueError, match=r"cell_clip: expected a positive number or None, got -1"):
        layers.ClippedLSTM(4, cell_clip=-1)


@every_cell
def test_keras_has_no_such_layer(case: Case) -> None:
    with pytest.raises(AttributeError, match=rf"no `tf\.keras\.layers\.{case.cls.__name__}`"):
        getattr(gw.keras.layers, case.cls.__name__)
