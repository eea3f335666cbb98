"""The recurrence op: a cell run over a sequence, on whichever executor the arrays call for.

    forward(op, x (B, T, I), state) -> y (B, T, H) or last (B, H), final state

Three implementations of one contract: `reference` (NumPy, any activation, any dtype: the definition), `_native`
(compiled, the usual activations in float32 and float64), and `scan` (JAX). What a masked step does, as in Keras: the
state is carried through, and the output repeats the one before; before the first real step the output is zero.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.engine.cells import Activation, Cell, Parts, State
from gatewise.engine.rounding import to_bfloat16

# The activations that the native engine computes, by the name under which `activations.serialize` knows them.
NATIVE_ACTIVATIONS = frozenset(("tanh", "sigmoid", "hard_sigmoid", "keras2_hard_sigmoid", "relu", "linear", "softsign"))


class Recurrence:
    """A cell with its weights, ready to run: what one layer hands to the engine.

    Args:
        cell: the equation.
        kernel: (I, gH).
        recurrent_kernel: (H, gH).
        bias: (gH,), or (2, 3H) for `GRUResetAfter` (input's row, recurrent row), or None.
        activation, recurrent_activation: phi and sigma, functions of arrays.
        names: the names of phi and sigma where they are well known, for the native engine.
        bfloat16: whether products are made of numbers rounded to bfloat16 (float32 only): the weights everywhere, and
            inputs and states too where the native engine has instructions for it. Sums and all else stay float32.
    """

    def __init__(
        self,
        cell: type[Cell],
        kernel: Array,
        recurrent_kernel: Array,
        bias: Array | None,
        activation: Activation,
        recurrent_activation: Activation,
        names: tuple[str, str] | None = None,
        *,
        bfloat16: bool = False,
    ) -> None:
        self.cell = cell
        self.kernel = kernel
        self.recurrent_kernel = recurrent_kernel
        self.bias = bias
        self.activation = activation
        self.recurrent_activation = recurrent_activation
        self.names = names
        self.bfloat16 = bfloat16
        self._packed: Any = None
        self._factors: tuple[Array, Array] | None = None

    @property
    def units(self) -> int:
        """H."""
        return int(self.recurrent_kernel.shape[0])

    @property
    def input_bias(self) -> Array | None:
        """The bias that joins the input's product."""
        return self.bias[0] if self.bias is not None and self.bias.ndim == 2 else self.bias

    @property
    def recurrent_bias(self) -> Array | None:
        """The bias that joins the state's product, for the cells that have one."""
        return self.bias[1] if self.bias is not None and self.bias.ndim == 2 else None

    @property
    def factors(self) -> tuple[Array, Array]:
        """The kernel and the recurrent kernel as products take them."""
        if self._factors is None:
            kernels = self.kernel, self.recurrent_kernel
            self._factors = (to_bfloat16(kernels[0]), to_bfloat16(kernels[1])) if self.bfloat16 else kernels
        return self._factors

    def packed(self) -> Any:
        """The weights in the native engine's layout, made once; None where it cannot run this op."""
        if self._packed is None:
            self._packed = self._pack() or False
        return self._packed or None

    def _pack(self) -> Any:
        if (
            self.names is None
            or not NATIVE_ACTIVATIONS.issuperset(self.names)
            or not isinstance(self.kernel, np.ndarray)
            or self.kernel.dtype not in (np.float32, np.float64)
            or os.environ.get("GATEWISE_ENGINE") == "reference"
        ):
            return None
        from gatewise.engine import _native

        precision = "bfloat16" if self.bfloat16 else "float32"  # The default: numbers are as wide as the arrays'.
        weights = {"kernel": self.kernel, "recurrent_kernel": self.recurrent_kernel, "bias": self.bias}
        return _native.Recurrence(self.cell.name, weights, *self.names, precision=precision)

    def project_input(self, x: Array, masks: Array | None = None) -> Array:
        """Z = x W + b for x (..., I); with dropout masks (g or 1, B, ..., I), each gate (or all) with its own."""
        xp = namespace(x, self.kernel)
        z = _masked_product(xp, x, self.factors[0], masks, len(self.cell.gates))
        bias = self.input_bias
        return z if bias is None else z + bias

    def parts(self, xp: Any, masks: Array | None) -> Parts:
        """What `Cell.step` takes; masks are those of the state, (g or 1, B, H)."""
        kernel, units = self.factors[1], self.units

        def project(gates: slice, h: Array) -> Array:
            start, stop, _ = gates.indices(len(self.cell.gates))
            columns = kernel[:, start * units : stop * units]
            own = masks if masks is None or masks.shape[0] == 1 else masks[start:stop]
            return _masked_product(xp, h, columns, own, stop - start)

        return Parts(project, self.recurrent_bias, self.activation, self.recurrent_activation)


def _masked_product(xp: Any, x: Array, kernel: Array, masks: Array | None, gates: int) -> Array:
    if masks is None:
        return xp.matmul(x, kernel)
    if masks.shape[0] == 1:
        return xp.matmul(x * masks[0], kernel)
    units = kernel.shape[1] // gates
    parts = [xp.matmul(x * masks[k], kernel[:, k * units : (k + 1) * units]) for k in range(gates)]
    return xp.concat(parts, axis=-1)


class Way(NamedTuple):
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


def forward(op: Recurrence, x: Array, state: State | None, way: Way) -> tuple[Array, State]:
    """Run `op` over the sequences `x`.

    Args:
        x: (B, T, I).
        state: the initial state, arrays (B, H), or None for zeros.
        way: masks, direction, and what to give.

    Returns:
        y and the final state. With T = 0, y is the initial output (B, H), or empty.
    """
    return _choose(op, x, state, way)(op, x, state, way)


def _choose(op: Recurrence, x: Array, state: State | None, way: Way) -> Callable[..., tuple[Array, State]]:
    if namespace(x, op.kernel, *(state or ())) is not np:
        from gatewise.engine.scan import forward as on_jax

        return on_jax
    drops = way.dropout is not None or way.recurrent_dropout is not None
    if not drops and op.packed() is not None and x.dtype == op.kernel.dtype:
        return _native_forward
    from gatewise.engine.reference import forward as on_numpy

    return on_numpy


def _native_forward(op: Recurrence, x: Array, state: State | None, way: Way) -> tuple[Array, State]:
    y, *final = op.packed().forward(x, state, way.mask, way.go_backwards, way.sequences, way.zero_masked)
    return y, tuple(final)
