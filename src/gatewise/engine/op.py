"""The recurrence op: a cell with its weights, and how to go over the sequences with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
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
        bfloat16: bool = False,
    ) -> None:
        self.cell = cell
        self.weights: dict[str, Array] = {name: array for name, array in weights.items() if array is not None}
        self.activation = activation
        self.recurrent_activation = recurrent_activation
        self.names = names
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
    def factors(self) -> tuple[Array, Array]:
        """The kernel and the recurrent kernel as products take them."""
        kernel, recurrent_kernel = (self.weights[name] for name in PRODUCTS)
        return (to_bfloat16(kernel), to_bfloat16(recurrent_kernel)) if self.bfloat16 else (kernel, recurrent_kernel)

    def _bias(self, row: int) -> Array | None:
        """The row of the bias that joins the input's product, or the state's."""
        bias = self.weights.get("bias")
        if bias is None or bias.ndim == 1:
            return bias if row == 0 else None
        return bias[row]

    def project_input(self, x: Array, masks: Array | None = None) -> Array:
        """Z = x W + b for x (..., I); with dropout masks (g or 1, B, ..., I), each gate (or all) with its own."""
        xp = namespace(x, self.kernel)
        z = _masked_product(xp, x, self.factors[0], masks, len(self.cell.gates))
        bias = self._bias(0)
        return z if bias is None else z + bias

    def parts(self, xp: Any, masks: Array | None, keep: Callable[..., None] = forget) -> Parts:
        """What `Cell.step` takes; masks are those of the state, (g or 1, B, H), and `keep` is told the gates."""
        kernel, gates_in_all = self.factors[1], len(self.cell.gates)
        units = kernel.shape[1] // gates_in_all

        def project(gates: slice, h: Array) -> Array:
            start, stop, _ = gates.indices(gates_in_all)
            columns = kernel[:, start * units : stop * units]
            own = masks if masks is None or masks.shape[0] == 1 else masks[start:stop]
            return _masked_product(xp, h, columns, own, stop - start)

        return Parts(project, self._bias(1), self.activation, self.recurrent_activation, self.weights, keep)


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
    """

    mask: Array | None = None
    go_backwards: bool = False
    sequences: bool = True
    zero_masked: bool = False
    unroll: bool = False
    dropout: Array | None = None
    recurrent_dropout: Array | None = None


Call: TypeAlias = tuple[Op, Array, State | None, Traversal]
"""The arguments of `recurrence.forward`."""
