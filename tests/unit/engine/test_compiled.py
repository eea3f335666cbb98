"""The recurrence that XLA calls: its values are the native engine's, its gradients those of finite differences."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gatewise
from gatewise import activations
from gatewise.engine import _native, cells, compiled, letters, native, recurrence, reference, scan
from gatewise.engine.op import Op, Traversal

if hasattr(jax, "enable_x64"):
    from jax import enable_x64
else:  # In older releases it was an experiment.
    from jax.experimental import enable_x64

CELLS = (cells.SimpleRNN, cells.LSTM, cells.GRU, cells.GRUResetAfter, cells.PeepholeLSTM)
FLOAT32 = (cells.CoupledLSTM, cells.ClippedLSTM, cells.ZoneoutLSTM, cells.SLSTM, cells.IndRNN)
SETTINGS = {"cell_clip": 0.4, "zoneout_hidden": 0.2, "zoneout_cell": 0.3}


@dataclass
class Problem:
    """A recurrence with numbers for all that it takes, and a scalar made of all that it gives."""

    cell: type[cells.Cell]
    shape: tuple[int, int, int, int]
    names: tuple[str, str] = ("tanh", "sigmoid")
    traversal: Traversal = field(default_factory=Traversal)
    bias: bool = True
    dtype: str = "float64"

    def __post_init__(self) -> None:
        batch, steps, inputs, units = self.shape
        self.random = np.random.default_rng(7)
        sizes = {"I": inputs, "H": units, "g": len(self.cell.gates)}
        weights = {name: letters.shape(shape, sizes) for name, shape in self.cell.weights.items()}
        if not self.bias:
            del weights["bias"]
        self.arguments = (
            {name: self.numbers(*shape) for name, shape in weights.items()},
            self.numbers(batch, steps, inputs),
            tuple(self.numbers(batch, units) for _ in self.cell.states),
        )
        if self.cell is cells.SLSTM:  # Its normaliser is a sum of exponentials.
            h, c, n, m = self.arguments[2]
            self.arguments = (*self.arguments[:2], (h, c, abs(n) + 0.5, m))
        output = (batch, steps, units) if self.traversal.sequences else (batch, units)
        self.factors = self.numbers(*output), tuple(self.numbers(batch, units) for _ in self.cell.states)

    def numbers(self, *shape: int):
        return (0.5 * self.random.standard_normal(shape)).astype(self.dtype)

    def op(self, weights) -> Op:
        return op_of(self.cell, self.names, weights)

    def outputs(self, executor, weights, x, state):
        return executor.forward(self.op(weights), x, state, self.traversal)

    def scalar(self, executor, *arguments):
        return scalar_of(self.outputs(executor, *arguments), self.factors)

    def gradients(self, executor):
        arrays = {name: getattr(self.traversal, name) for name in ("mask", "dropout", "recurrent_dropout")}
        options = self.traversal._replace(**dict.fromkeys(arrays))
        gradient = compiled_gradient(executor, self.cell, self.names, options)
        given = jax.tree_util.tree_map(jnp.asarray, (*self.arguments, self.factors, arrays))
        # JAX computes behind the caller's back: nothing that matters may change before it is done.
        return jax.block_until_ready(gradient(*given))

    def gradients_by_scan(self):
        """The equations' own. A mask and factors that change nothing stand where there are none, factors for each gate
        where there is one for all, and the last output is that of all: so one compiled program is for all of them.
        """
        batch, steps, inputs, units = self.shape
        gates, given = len(self.cell.gates), self.traversal
        plain = {
            "mask": (batch, steps),
            "dropout": (gates, batch, 1, inputs),
            "recurrent_dropout": (gates, batch, units),
        }
        if not self.multiplies_states:
            del plain["recurrent_dropout"]
        filled = {}
        for name, shape in plain.items():
            array = getattr(given, name)
            ones = np.ones((), bool if name == "mask" else self.dtype)
            filled[name] = np.broadcast_to(ones if array is None else array, shape)
        of_y, of_last = self.factors
        if not given.sequences:
            of_y = np.concatenate([np.zeros((batch, steps - 1, units), of_y.dtype), of_y[:, None]], axis=1)
        whole = copy(self)
        whole.traversal, whole.factors = given._replace(**filled, sequences=True), (of_y, of_last)
        return whole.gradients(scan)

    @property
    def multiplies_states(self) -> bool:
        return self.cell is not cells.IndRNN


def op_of(cell: type[cells.Cell], names: tuple[str, str], weights) -> Op:
    functions = [activations.get(name) for name in names]
    return Op(cell, weights, *functions, names=names, settings={name: SETTINGS[name] for name in cell.settings})


def scalar_of(outputs, factors):
    (y, last), (of_y, of_last) = outputs, factors
    return (y * of_y).sum() + sum((a * b).sum() for a, b in zip(last, of_last, strict=True))


@cache
def compiled_gradient(executor: ModuleType, cell: type[cells.Cell], names: tuple[str, str], options: Traversal) -> Any:
    """The gradient by weights, x and state, compiled once for all numbers: masks and factors are among them."""

    def scalar(weights, x, state, factors, arrays):
        outputs = executor.forward(op_of(cell, names, weights), x, state, options._replace(**arrays))
        return scalar_of(outputs, factors)

    return jax.jit(jax.grad(scalar, argnums=(0, 1, 2)))


def slopes(problem: Problem, gradients, directions: int = 3):
    """Pairs of directional derivatives: by the gradients, and by the reference's central differences."""
    leaves, tree = jax.tree_util.tree_flatten(problem.arguments)
    step = 1e-5
    for _ in range(directions):
        along = [problem.random.standard_normal(leaf.shape) for leaf in leaves]
        ahead, behind = (
            problem.scalar(
                reference, *tree.unflatten([a + sign * step * v for a, v in zip(leaves, along, strict=True)])
            )
            for sign in (1, -1)
        )
        expected = (ahead - behind) / (2 * step)
        given = jax.tree_util.tree_leaves(gradients)
        yield float(sum((np.asarray(g) * v).sum() for g, v in zip(given, along, strict=True))), expected


MASK = np.array([[0, 1, 1, 0, 1, 0], [1, 1, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0], [1, 0, 1, 1, 0, 0]], bool)
PADDED = np.arange(6) < np.array([3, 6, 0, 5])[:, None]
WAYS = {
    "sequences": Traversal(),
    "last, backwards": Traversal(sequences=False, go_backwards=True),
    "masked": Traversal(mask=MASK),
    "masked, backwards, zeros": Traversal(mask=MASK, go_backwards=True, zero_masked=True),
    "masked, last": Traversal(mask=MASK, sequences=False),
    "masked, last, zeros": Traversal(mask=MASK, sequences=False, zero_masked=True),
    "padded": Traversal(mask=PADDED),
    "padded, zeros": Traversal(mask=PADDED, zero_masked=True),
    "padded, backwards": Traversal(mask=PADDED, go_backwards=True),
    "padded, last": Traversal(mask=PADDED, sequences=False),
    "padded, last, backwards": Traversal(mask=PADDED, sequences=False, go_backwards=True),
    "padded, last, zeros": Traversal(mask=PADDED, sequences=False, zero_masked=True),
    "padded in front": Traversal(mask=PADDED[:, ::-1]),
    "padded in front, backwards": Traversal(mask=PADDED[:, ::-1], go_backwards=True),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_gradients_are_those_of_finite_differences(cell, way) -> None:
    with enable_x64(True):
        problem = Problem(cell, (4, 6, 3, 9), traversal=WAYS[way])
        arguments = jax.tree_util.tree_map(jnp.asarray, problem.arguments)
        np.testing.assert_allclose(
            problem.scalar(compiled, *arguments), problem.scalar(reference, *problem.arguments), rtol=1e-12
        )
        for given, expected in slopes(problem, problem.gradients(compiled)):
            assert given == pytest.approx(expected, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("drops", [False, True])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cell", FLOAT32, ids=lambda cell: cell.name)
def test_gradients_in_float32_are_those_of_the_equations_in_float64(cell, way, drops) -> None:
    """For cells that the engine has in float32 alone."""
    problem = Problem(cell, (4, 6, 3, 9), traversal=WAYS[way], dtype="float32")
    if drops:
        masks = drops_of(problem, by_gate=True)
        if not problem.multiplies_states:
            del masks["recurrent_dropout"]
        problem.traversal = problem.traversal._replace(**{name: m.astype("float32") for name, m in masks.items()})
    weights, x, state = arguments = jax.tree_util.tree_map(jnp.asarray, problem.arguments)
    assert recurrence.executor(problem.op(weights), x, state, problem.traversal) == "compiled"
    given, value = problem.gradients(compiled), problem.scalar(compiled, *arguments)
    with enable_x64(True):
        problem.arguments, problem.factors = jax.tree_util.tree_map(
            lambda a: a.astype("float64"), (problem.arguments, problem.factors)
        )
        expected = problem.gradients_by_scan()
        np.testing.assert_allclose(value, problem.scalar(reference, *problem.arguments), rtol=1e-4, atol=1e-4)
    for ours, theirs in zip(*map(jax.tree_util.tree_leaves, (given, expected)), strict=True):
        # Sums of some 24 products, six steps in a row, of numbers below 8: each rounded to 2**-24 of it.
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=24 * 6 * 8 * 2.0**-24)


def test_linear_cells_go_by_their_own_scan() -> None:
    problem = Problem(cells.MinGRU, (2, 3, 4, 5), dtype="float32")
    weights, x, state = problem.arguments
    assert recurrence.executor(problem.op(weights), x, state) == "native"
    weights, x, state = jax.tree_util.tree_map(jnp.asarray, problem.arguments)
    assert recurrence.executor(problem.op(weights), x, state) == "scan"


@pytest.mark.parametrize("name", sorted(native.activations()))
def test_every_activation_has_its_slope(name) -> None:
    with enable_x64(True):
        problem = Problem(cells.LSTM, (2, 3, 2, 5), names=(name, name), bias=False)
        for given, expected in slopes(problem, problem.gradients(compiled), directions=2):
            assert given == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("shape", [(1, 7, 3, 70), (40, 3, 5, 33), (3, 4, 2, 16)])
@pytest.mark.parametrize("cell", [cells.LSTM, cells.GRU, cells.GRUResetAfter, *FLOAT32], ids=lambda cell: cell.name)
@pytest.mark.parametrize("isa", _native.isas())
def test_each_set_and_any_number_of_threads(isa, cell, shape) -> None:
    before = _native.isa()
    problem = Problem(cell, shape, dtype="float32")
    exact = Problem(cell, shape)
    try:
        _native.set_isa(isa)
        gatewise.config.threads = 2
        two = problem.gradients(compiled)
        gatewise.config.threads = 1
        one = problem.gradients(compiled)
    finally:
        gatewise.config.threads = 0
        _native.set_isa(before)
    exact.arguments = jax.tree_util.tree_map(lambda a: a.astype("float64"), problem.arguments)
    exact.factors = jax.tree_util.tree_map(lambda a: a.astype("float64"), problem.factors)
    for given, expected in slopes(exact, one):
        assert given == pytest.approx(expected, rel=2e-4, abs=2e-3)
    # XLA's products may be divided otherwise; what the engine makes has the same bits.
    np.testing.assert_array_equal(one[2][0], two[2][0])


def test_mapped_batches_and_mapped_weights() -> None:
    problem = Problem(cells.LSTM, (2, 3, 4, 5), dtype="float32")
    weights, x, state = jax.tree_util.tree_map(jnp.asarray, problem.arguments)
    many = jnp.stack([x, 2 * x, -x])

    def gradient(weights, x):
        return jax.grad(lambda w, x: problem.scalar(compiled, w, x, state), argnums=(0, 1))(weights, x)

    one_by_one = [gradient(weights, x) for x in many]
    expected = jax.tree_util.tree_map(lambda *a: jnp.stack(a), *one_by_one)
    together = jax.jit(jax.vmap(gradient, in_axes=(None, 0)))(weights, many)
    stacked = jax.tree_util.tree_map(lambda a: jnp.stack([a, a, a]), weights)
    each = jax.jit(jax.vmap(gradient))(stacked, many)
    for given in (together, each):
        jax.tree_util.tree_map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), given, expected)


def test_what_it_cannot_do_goes_to_scan() -> None:
    problem = Problem(cells.LSTM, (2, 3, 4, 5), dtype="float32")
    weights, x, state = jax.tree_util.tree_map(jnp.asarray, problem.arguments)
    op = problem.op(weights)
    assert recurrence.executor(op, x, state) == "compiled"
    for dtype in (jnp.bfloat16, jnp.float16):
        assert recurrence.executor(op, x.astype(dtype), state) == "scan"
    rounded = Op(cells.LSTM, weights, jnp.tanh, jnp.tanh, names=("tanh", "tanh"), bfloat16=True)
    assert recurrence.executor(rounded, x, state) == "scan"
    unknown = Op(cells.LSTM, weights, jnp.sin, jnp.tanh)
    assert recurrence.executor(unknown, x, state) == "scan"


def drops_of(problem: Problem, *, by_gate: bool) -> dict:
    """Masks of inputs and states, as training makes them: for each gate its own, or one for all."""
    batch, _, inputs, units = problem.shape
    gates = len(problem.cell.gates) if by_gate else 1

    def mask(*shape: int):
        return (problem.random.random((gates, batch, *shape)) > 0.4) / 0.6

    return {"dropout": mask(1, inputs), "recurrent_dropout": mask(units)}


@pytest.mark.parametrize("by_gate", [True, False])
@pytest.mark.parametrize("way", ["sequences", "masked, backwards, zeros", "masked, last"])
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_dropout_of_inputs_and_states_is_that_of_the_equations(cell, way, by_gate) -> None:
    with enable_x64(True):
        problem = Problem(cell, (4, 6, 3, 9), traversal=WAYS[way])
        problem.traversal = problem.traversal._replace(**drops_of(problem, by_gate=by_gate))
        weights, x, state = arguments = jax.tree_util.tree_map(jnp.asarray, problem.arguments)
        assert recurrence.executor(problem.op(weights), x, state, problem.traversal) == "compiled"
        np.testing.assert_allclose(
            problem.scalar(compiled, *arguments), problem.scalar(reference, *problem.arguments), rtol=1e-12
        )
        given, expected = map(jax.tree_util.tree_leaves, (problem.gradients(compiled), problem.gradients_by_scan()))
        for ours, theirs in zip(given, expected, strict=True):
            # Sums of some 24 products, six steps in a row.
            np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("cell", [cells.LSTM, cells.GRU, cells.GRUResetAfter], ids=lambda cell: cell.name)
@pytest.mark.parametrize("isa", _native.isas())
def test_dropout_on_each_set_and_any_number_of_threads(isa, cell) -> None:
    before = _native.isa()
    problem = Problem(cell, (40, 5, 7, 90), dtype="float32")
    problem.traversal = Traversal(**{k: m.astype("float32") for k, m in drops_of(problem, by_gate=True).items()})
    expected = jax.tree_util.tree_leaves(problem.gradients(scan))
    try:
        _native.set_isa(isa)
        made = []
        for gatewise.config.threads in (1, 2):
            made.append(problem.gradients(compiled))
    finally:
        gatewise.config.threads = 0
        _native.set_isa(before)
    for one, two in zip(made[0][2], made[1][2], strict=True):
        np.testing.assert_array_equal(one, two)
    for ours, theirs in zip(jax.tree_util.tree_leaves(made[0]), expected, strict=True):
        # Sums of up to 200 numbers, each rounded to 2**-24 of it.
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=200 * 2.0**-24 * float(abs(theirs).max()))


def test_gradients_of_dropout_masks_and_mapped_masks() -> None:
    with enable_x64(True):
        problem = Problem(cells.GRU, (2, 3, 4, 5))
        weights, x, state = jax.tree_util.tree_map(jnp.asarray, problem.arguments)
        masks = {name: jnp.asarray(mask) for name, mask in drops_of(problem, by_gate=True).items()}

        def gradient(executor):
            def scalar(masks):
                y, _ = executor.forward(problem.op(weights), x, state, Traversal(**masks))
                return (y**2).sum()

            return jax.grad(scalar)

        given, expected = (jax.jit(gradient(each))(masks) for each in (compiled, scan))
        many = jax.tree_util.tree_map(lambda mask: jnp.stack([mask, 2 * mask]), masks)
        together = jax.jit(jax.vmap(gradient(compiled)))(many)
        for name in masks:
            np.testing.assert_allclose(given[name], expected[name], rtol=1e-12, atol=1e-14)
            np.testing.assert_allclose(together[name][0], given[name], rtol=1e-12, atol=1e-14)


# -- two at once ------------------------------------------------------------------------------------------------------


def a_pair(dtype: str = "float64", shape: tuple[int, int, int, int] = (4, 6, 3, 9)) -> tuple[Problem, Problem]:
    """Two recurrences that share nothing but the batch: cells, widths, masks, directions and states differ."""
    batch, steps, inputs, units = shape
    one = Problem(cells.LSTM, shape, dtype=dtype)
    mask = MASK[:batch, :steps] if shape[:2] == MASK.shape else None
    way = Traversal(mask=mask, go_backwards=True, zero_masked=True)
    return one, Problem(cells.GRUResetAfter, (batch, steps, inputs, units + 5), traversal=way, dtype=dtype)


def together(pair: tuple[Problem, Problem], arguments):
    """What both problems give, by one call."""
    calls = [(p.op(w), x, s, p.traversal) for p, (w, x, s) in zip(pair, arguments, strict=True)]
    return recurrence.forward_both(*calls)


def in_turn(pair: tuple[Problem, Problem], arguments):
    """The same by two."""
    return tuple(p.outputs(recurrence, *own) for p, own in zip(pair, arguments, strict=True))


def scalar_of_both(pair: tuple[Problem, Problem], outputs):
    every = [(y * p.factors[0]).sum() for p, (y, _) in zip(pair, outputs, strict=True)]
    return sum(every) + sum((s**2).sum() for _, last in outputs for s in last)


@cache
def pair_and_gradients(shape: tuple[int, int, int, int]) -> Any:
    """Compiled once for any number of threads: both ways to compute the gradients."""
    pair = a_pair("float32", shape)
    ways = (together, in_turn)
    return pair, [jax.jit(jax.grad(lambda *a, run=run: scalar_of_both(pair, run(pair, a)), (0, 1))) for run in ways]


@pytest.mark.parametrize("shape", [(4, 6, 3, 9), (1, 50, 40, 100), (40, 9, 30, 70)])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_two_at_once_have_the_bits_of_each_alone(threads, shape) -> None:
    pair, gradient = pair_and_gradients(shape)
    plain = tuple(p.arguments for p in pair)
    traced = jax.tree_util.tree_map(jnp.asarray, plain)
    try:
        gatewise.config.threads = threads
        for arguments in (plain, traced):
            jax.tree_util.tree_map(
                np.testing.assert_array_equal, *(run(pair, arguments) for run in (together, in_turn))
            )
        given, expected = (jax.block_until_ready(each(*traced)) for each in gradient)
    finally:
        gatewise.config.threads = 0
    for ours, theirs in zip(given, expected, strict=True):
        # The states' gradients are the engine's own; XLA may divide the other products otherwise.
        jax.tree_util.tree_map(np.testing.assert_array_equal, ours[2], theirs[2])
        for a, b in zip(*map(jax.tree_util.tree_leaves, (ours, theirs)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * float(abs(b).max()))


def test_gradients_of_two_at_once_are_those_of_scan() -> None:
    with enable_x64(True):
        pair = a_pair()
        arguments = jax.tree_util.tree_map(jnp.asarray, tuple(p.arguments for p in pair))
        given = jax.jit(jax.grad(lambda *a: scalar_of_both(pair, together(pair, a)), (0, 1)))(*arguments)
        gatewise.config.recurrence = "scan"
        try:
            expected = jax.jit(jax.grad(lambda *a: scalar_of_both(pair, in_turn(pair, a)), (0, 1)))(*arguments)
        finally:
            gatewise.config.recurrence = "auto"
        for a, b in zip(*map(jax.tree_util.tree_leaves, (given, expected)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


def test_two_at_once_are_one_call_and_can_be_mapped() -> None:
    with enable_x64(True):
        pair = a_pair()
        arguments = jax.tree_util.tree_map(jnp.asarray, tuple(p.arguments for p in pair))
        many = jax.tree_util.tree_map(lambda a: jnp.stack([a, -a]), arguments)

        def gradient(*a):
            return jax.grad(lambda *b: scalar_of_both(pair, together(pair, b)), (0, 1))(*a)

        one_by_one = jax.jit(gradient)(*jax.tree_util.tree_map(lambda a: a[1], many))
        each = jax.jit(jax.vmap(gradient))(*many)
        for a, b in zip(*map(jax.tree_util.tree_leaves, (each, one_by_one)), strict=True):
            np.testing.assert_allclose(a[1], b, rtol=1e-11, atol=1e-13)
        text = str(jax.make_jaxpr(gradient)(*arguments))
        assert (text.count("gatewise_forward"), text.count("gatewise_backward")) == (1, 1)


# -- releases of jaxlib -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("found", ["0.5.3", "99.1.0"])
def test_another_jaxlib_says_so_once_and_scans(monkeypatch, found) -> None:
    problem = Problem(cells.LSTM, (2, 3, 4, 5), dtype="float32")
    weights, x, state = jax.tree_util.tree_map(jnp.asarray, problem.arguments)
    op = problem.op(weights)
    monkeypatch.setattr("importlib.metadata.version", lambda _: found)
    compiled._is_at_hand.cache_clear()
    try:
        with pytest.warns(UserWarning, match=f"jaxlib {found} .*: {compiled.in_words()}.* lax.scan .*pip install"):
            assert recurrence.executor(op, x, state) == "scan"
        assert recurrence.executor(op, x, state) == "scan"  # Warnings are errors here: there is no second one.
        y, _ = recurrence.forward(op, x, state, Traversal())
        np.testing.assert_allclose(
            y, reference.forward(op, *problem.arguments[1:], Traversal())[0], rtol=1e-5, atol=1e-6
        )
    finally:
        compiled._is_at_hand.cache_clear()


def test_the_switch_gives_second_derivatives() -> None:
    problem = Problem(cells.GRU, (1, 2, 2, 3), dtype="float32")
    weights, x, state = jax.tree_util.tree_map(jnp.asarray, problem.arguments)

    def energy(x):
        y, _ = recurrence.forward(problem.op(weights), x, state, Traversal())
        return (y**2).sum()

    gatewise.config.recurrence = "scan"
    try:
        assert recurrence.executor(problem.op(weights), x, state) == "scan"
        assert jax.jit(jax.hessian(energy))(x).shape == x.shape * 2
    finally:
        gatewise.config.recurrence = "auto"
    with pytest.raises(ValueError, match="expected 'auto' or 'scan', got 'loop'"):
        gatewise.config.recurrence = "loop"


def test_dropout_of_the_input_joins_the_call() -> None:
    problem = Problem(cells.LSTM, (2, 3, 4, 5), dtype="float32")
    weights, x, state = jax.tree_util.tree_map(jnp.asarray, problem.arguments)
    keep = jnp.asarray(problem.random.random((1, 2, 1, 4)) > 0.5, jnp.float32) * 2
    op, traversal = problem.op(weights), Traversal(dropout=keep)
    assert recurrence.executor(op, x, state, traversal) == "compiled"
    given, _ = compiled.forward(op, x, state, traversal)
    expected, _ = scan.forward(op, x, state, traversal)
    np.testing.assert_allclose(given, expected, rtol=1e-5, atol=1e-6)
