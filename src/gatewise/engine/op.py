"""The recurrence op: a cell with its weights, and how to go over the sequences with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from math import inf
from typing import Any, NamedTuple, TypeAlias

from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.engine import letters
from gatewise.engine.cells import Activation, Cell, Parts, State
from gatewise.engine.cells.cell import forget
from gatewise.engine.rounding import to_bfloat16

PRODUCTS = ("kernel", "recurrent_kernel")
"""The weights that are multiplied by inputs and states."""


class Op:
    """A cell with its weights, ready to run: what one layer hands to the engine. It never changes.

    Args:
        cell: the equation and its facts.
        weights: arrays of the shapes that the cell gives, by name; a bias may be absent or None.
        activation, recurrent_activation: phi and sigma, functions of arrays.
        names: the names of phi and sigma where they are well known, for the native engine.
        settings: the numbers that the cell asks for by name; None, infinity.
        bfloat16: whether products are made of numbers rounded to bfloat16 (float32 only): the weights everywhere, and
            inputs and states too where the native engine has instructions for it. Sums and all else stay float32.
    """

    def __init__(
        self,
        cell: type[Cell],
        weights: Mapping[str, Array | None],
        activation: Activation,
        recurrent_activation: Activation,
        names: tuple[str, str] | None = None,
        *,
        settings: Mapping[str, float | None] | None = None,
        bfloat16: bool = False,
    ) -> None:
        self.cell = cell
        self.weights: dict[str, Array] = {name: array for name, array in weights.items() if array is not None}
        self.activation = activation
        self.recurrent_activation = recurrent_activation
        self.names = names
        self.settings: dict[str, float] = {
            name: inf if value is None else value for name, value in (settings or {}).items()
        }
        self.bfloat16 = bfloat16
        self.packing: Any = (
            None  # Of the native executor: its layout of the weights, or False where it cannot run this.
        )

    @property
    def kernel(self) -> Array:
        """(I, gH), whose library and dtype are those of the op."""
        return self.weights["kernel"]

    @cached_property
    def sizes(self) -> dict[str, int]:
        """What the letters I, H, g (and others that the cell's weights use) stand for."""
        shapes = {name: tuple(array.shape) for name, array in self.weights.items()}
        return letters.sizes(shapes, self.cell.weights, {"g": len(self.cell.gates)})

    @cached_property
    def state_widths(self) -> tuple[int, ...]:
        """The last axis of each state; that of the first is the output's."""
        return tuple(self.sizes[letter] for letter in self.cell.width_letters())

    @cached_property
    def factors(self) -> dict[str, Array]:
        """The kernel, and the recurrent kernel where there is one, as products take them."""
        own = {name: self.weights[name] for name in PRODUCTS if name in self.weights}
        return {name: to_bfloat16(weight) for name, weight in own.items()} if self.bfloat16 else own

    def _bias(self, row: int) -> Array | None:
        """The row of the bias that joins the input's product, or the state's."""
        bias = self.weights.get("bias")
        if bias is None or bias.ndim == 1:
            return bias if row == 0 else None
        return bias[row]

    def project_input(self, x: Array, masks: Array | None = None) -> Array:
        """Z = x W + b for x (..., I); with dropout masks (g or 1, B, ..., I), each gate (or all) with its own."""
        xp = namespace(x, self.kernel)
        product = _masked_product(xp, x, self.factors["kernel"], masks, len(self.cell.gates))
        z = self.cell.of_input(product, self.weights, self.settings)
        bias = self._bias(0)
        return z if bias is None else z + bias

    def step_inputs(self, x: Array, traversal: Traversal) -> Array:
        """What the cell's step is given of all steps, (B, T, ...): Z, and behind it what `traversal.stays` says."""
        z = self.project_input(x, traversal.dropout)
        return z if traversal.stays is None else namespace(z).concat([z, traversal.stays], axis=-1)

    def parts(self, xp: Any, masks: Array | None, keep: Callable[..., None] = forget) -> Parts:
        """What `Cell.step` takes; masks are those of the state, (g or 1, B, H), and `keep` is told the gates."""
        kernel, gates_in_all = self.factors.get("recurrent_kernel"), len(self.cell.gates)

        def project(gates: slice, h: Array) -> Array:
            if kernel is None:
                raise TypeError(f"The cell {self.cell.name} has no recurrent kernel for its step to multiply.")
            units = kernel.shape[1] // gates_in_all
            start, stop, _ = gates.indices(gates_in_all)
            columns = kernel[:, start * units : stop * units]
            own = masks if masks is None or masks.shape[0] == 1 else masks[start:stop]
            return _masked_product(xp, h, columns, own, stop - start)

        phi, sigma = self.activation, self.recurrent_activation
        return Parts(project, self._bias(1), phi, sigma, self.weights, self.settings, keep)


def _masked_product(xp: Any, x: Array, kernel: Array, masks: Array | None, gates: int) -> Array:
    if masks is None:
        return xp.matmul(x, kernel)
    if masks.shape[0] == 1:
        return xp.matmul(x * masks[0], kernel)
    units = kernel.shape[1] // gates
    parts = [xp.matmul(x * masks[k], kernel[:, k * units : (k + 1) * units]) for k in range(gates)]
    return xp.concat(parts, axis=-1)


class Reserve(NamedTuple):
    """What a pass keeps of every step. Step k is the k-th that was computed, as in y: `go_backwards` starts at the end.

    Attributes:
        gates: (B, T, H) for each letter that the cell's step keeps, after its activation; what a masked step computed
            had no effect. Empty where the step keeps none, or T = 0.
        states: (B, T, width) for each of the cell's states, after the step.
        outputs: (B, T, H).
    """

    gates: dict[str, Array]
    states: dict[str, Array]
    outputs: Array


class Traversal(NamedTuple):
    """How to go over the sequences.

    Attributes:
        mask: (B, T) booleans, True where a step counts, or None.
        go_backwards: read time in reverse; the output stays in that reversed order.
        sequences: whether y holds all steps (B, T, H) or the last one (B, H).
        zero_masked: masked steps give zeros instead of the output before them.
        unroll: under JAX, trace every step instead of a loop.
        dropout: masks of the input, (g or 1, B, 1, I), or None.
        recurrent_dropout: masks of the state, (g or 1, B, H), or None.
        stays: zoneout's, (B, T, the widths of all states): 1 where a number of the state stays as it was before the
            step, else 0; or None. For cells that have `zoneout`.
    """

    mask: Array | None = None
    go_backwards: bool = False
    sequences: bool = True
    zero_masked: bool = False
    unroll: bool = False
    dropout: Array | None = None
    recurrent_dropout: Array | None = None
    stays: Array | None = None


Call: TypeAlias = tuple[Op, Array, State | None, Traversal]
"""The arguments of `recurrence.forward`."""
