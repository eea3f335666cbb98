"""The recurrence that XLA calls: its values are the native engine's, its gradients those of finite differences."""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gatewise
from gatewise import activations
from gatewise.engine import _native, cells, compiled, native, recurrence, reference, scan
from gatewise.engine.op import Op, Traversal

CELLS = (cells.SimpleRNN, cells.LSTM, cells.GRU, cells.GRUResetAfter, cells.PeepholeLSTM)


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
        columns = len(self.cell.gates) * units
        weights = {"kernel": (inputs, columns), "recurrent_kernel": (units, columns)}
        if self.bias:
            weights["bias"] = (2, columns) if self.cell is cells.GRUResetAfter else (columns,)
        if "peephole" in self.cell.weights:
            weights["peephole"] = (3, units)
        self.arguments = (
            {name: self.numbers(*shape) for name, shape in weights.items()},
            self.numbers(batch, steps, inputs),
            tuple(self.numbers(batch, units) for _ in self.cell.states),
        )
        output = (batch, steps, units) if self.traversal.sequences else (batch, units)
        self.factors = self.numbers(*output), tuple(self.numbers(batch, units) for _ in self.cell.states)

    def numbers(self, *shape: int):
        return (0.5 * self.random.standard_normal(shape)).astype(self.dtype)

    def op(self, weights) -> Op:
        functions = [activations.get(name) for name in self.names]
        return Op(self.cell, weights, *functions, names=self.names)

    def outputs(self, executor, weights, x, state):
        return executor.forward(self.op(weights), x, state, self.traversal)

    def scalar(self, executor, *arguments):
        y, last = self.outputs(executor, *arguments)
        of_y, of_last = self.factors
        return (y * of_y).sum() + sum((a * b).sum() for a, b in zip(last, of_last, strict=True))

    def gradients(self, executor):
        arguments = jax.tree_util.tree_map(jnp.asarray, self.arguments)
        gradient = jax.jit(jax.grad(lambda *given: self.scalar(executor, *given), argnums=(0, 1, 2)))
        # JAX computes behind the caller's back: nothing that matters may change before it is done.
        return jax.block_until_ready(gradient(*arguments))


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
WAYS = {
    "sequences": Traversal(),
    "last, backwards": Traversal(sequences=False, go_backwards=True),
    "masked": Traversal(mask=MASK),
    "masked, backwards, zeros": Traversal(mask=MASK, go_backwards=True, zero_masked=True),
    "masked, last": Traversal(mask=MASK, sequences=False),
    "masked, last, zeros": Traversal(mask=MASK, sequences=False, zero_masked=True),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_gradients_are_those_of_finite_differences(cell, way) -> None:
    with jax.enable_x64(True):
        problem = Problem(cell, (4, 6, 3, 9), traversal=WAYS[way])
        arguments = jax.tree_util.tree_map(jnp.asarray, problem.arguments)
        np.testing.assert_allclose(
            problem.scalar(compiled, *arguments), problem.scalar(reference, *problem.arguments), rtol=1e-12
        )
        for given, expected in slopes(problem, problem.gradients(compiled)):
            assert given == pytest.approx(expected, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("name", sorted(native.activations()))
def test_every_activation_has_its_slope(name) -> None:
    with jax.enable_x64(True):
        problem = Problem(cells.LSTM, (2, 3, 2, 5), names=(name, name), bias=False)
        for given, expected in slopes(problem, problem.gradients(compiled), directions=2):
            assert given == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("shape", [(1, 7, 3, 70), (40, 3, 5, 33), (3, 4, 2, 16)])
@pytest.mark.parametrize("cell", [cells.LSTM, cells.GRU, cells.GRUResetAfter], ids=lambda cell: cell.name)
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
    together = jax.vmap(gradient, in_axes=(None, 0))(weights, many)
    stacked = jax.tree_util.tree_map(lambda a: jnp.stack([a, a, a]), weights)
    each = jax.vmap(gradient)(stacked, many)
    for given in (together, each):
        jax.tree_util.tree_map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), given, expected)


def test_what_it_cannot_do_goes_to_scan() -> None:
    problem = Problem(cells.LSTM, (2, 3, 4, 5), dtype="float32")
    weights, x, state = jax.tree_util.tree_map(jnp.asarray, problem.arguments)
    op = problem.op(weights)
    assert recurrence.executor(op, x, state) == "compiled"
    drops = Traversal(recurrent_dropout=jnp.ones((1, 2, 5)))
    assert recurrence.executor(op, x, state, drops) == "scan"
    assert recurrence.executor(op, x.astype(jnp.bfloat16), state) == "scan"
    rounded = Op(cells.LSTM, weights, jnp.tanh, jnp.tanh, names=("tanh", "tanh"), bfloat16=True)
    assert recurrence.executor(rounded, x, state) == "scan"
    unknown = Op(cells.LSTM, weights, jnp.sin, jnp.tanh)
    assert recurrence.executor(unknown, x, state) == "scan"


def test_the_switch_gives_second_derivatives() -> None:
    problem = Problem(cells.GRU, (1, 2, 2, 3), dtype="float32")
    weights, x, state = jax.tree_util.tree_map(jnp.asarray, problem.arguments)

    def energy(x):
        y, _ = recurrence.forward(problem.op(weights), x, state, Traversal())
        return (y**2).sum()

    gatewise.config.recurrence = "scan"
    try:
        assert recurrence.executor(problem.op(weights), x, state) == "scan"
        assert jax.hessian(energy)(x).shape == x.shape * 2
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
