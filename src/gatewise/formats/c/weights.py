"""Weights as they lie in C: rounded to 8 bits where that is asked for, and in the order in which a step reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from gatewise.engine.rounding import to_bfloat16

FORMS: Final = ("float32", "int8")
"""How a table of weights is kept."""
_MOST: Final = 127
"""The greatest 8-bit number: -128 is left out, so that a weight and its negative round alike."""
PANEL: Final = 4
"""Columns that are summed together: as many sums as small processors have registers for, beside pointers."""

BLOCKS: Final = (16, 8)
"""Units of a recurrence whose sums are made together. (Measured on x86-64: with AVX-512 16 take two thirds of the time
of 8, without it the same; 4 are slower.)"""


def block_of(units: int) -> int:
    """How many units of a layer are a block: the most that leave none over, where any do.

    >>> block_of(32), block_of(24), block_of(33)
    (16, 8, 8)
    """
    return next((block for block in BLOCKS if units % block == 0), BLOCKS[-1])


@dataclass(frozen=True)
class Table:
    """A table of weights (n, columns), as float32, or as 8-bit numbers with a factor a column.

    Attributes:
        numbers: float32 or int8.
        factors: (columns,) float32, or None.
    """

    numbers: np.ndarray
    factors: np.ndarray | None

    def columns(self, start: int, stop: int) -> Table:
        """Some of the columns."""
        factors = None if self.factors is None else self.factors[start:stop]
        return Table(self.numbers[:, start:stop], factors)

    def by_block(self, gates: int) -> Table:
        """Columns by gate and unit, (n, gH), as `by_block` has them, in a row."""
        rows = len(self.numbers)
        factors = None if self.factors is None else by_block(self.factors.reshape(1, gates, -1))
        return Table(by_block(self.numbers.reshape(rows, gates, -1)), factors)

    def in_panels(self) -> Table:
        """Four columns side by side, (n, 4) a panel, and those that are left over one by one."""
        rows, columns = self.numbers.shape
        whole = columns - columns % PANEL
        panels = self.numbers[:, :whole].reshape(rows, -1, PANEL).transpose(1, 0, 2)
        return Table(np.concatenate([panels.reshape(-1), self.numbers[:, whole:].T.reshape(-1)]), self.factors)


def by_block(array: np.ndarray) -> np.ndarray:
    """Numbers of gates and units, (n, g, H), in a row: those of each block of units, (n, g, block), then of each unit
    that is left over, (n, g). So those of the unit u begin at u n g, where a block begins or stands alone.

    >>> by_block(np.arange(18).reshape(1, 2, 9)).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 8, 17]
    """
    rows, gates, units = array.shape
    block = block_of(units)
    whole = units - units % block
    blocks = array[..., :whole].reshape(rows, gates, -1, block).transpose(2, 0, 1, 3)
    return np.concatenate([blocks.ravel(), array[..., whole:].transpose(2, 0, 1).ravel()])


def table(array: Any, form: str, axis: int | tuple[int, ...] = 0) -> Table:
    """A table with its numbers in `form`; along `axis` they share a factor.

    8 bits: the factor is the greatest magnitude over 127, and each number the nearest multiple of it, so that it is off
    by half a factor at most.

    >>> found = table(np.array([[1.0, -0.5], [-2.0, 0.25]]), "int8")
    >>> found.numbers.tolist(), [f"{each:.4f}" for each in found.factors]
    ([[64, -127], [-127, 64]], ['0.0157', '0.0039'])
    """
    array = np.asarray(array, np.float32)
    if form == "float32":
        return Table(array, None)
    factors = np.max(np.abs(array), axis=axis, initial=0, keepdims=True) / np.float32(_MOST)
    multiples = np.divide(array, factors, out=np.zeros_like(array), where=factors > 0)
    return Table(np.rint(multiples).astype(np.int8), np.squeeze(factors, axis).astype(np.float32))


def stood_for(array: Any, form: str, axis: int | tuple[int, ...] = 0) -> np.ndarray:
    """The float32 numbers that a table in `form` stands for."""
    made = table(array, form, axis)
    if made.factors is None:
        return np.ascontiguousarray(made.numbers)
    return np.ascontiguousarray(made.numbers * np.expand_dims(made.factors, axis))


def of_precision(array: Any, precision: str) -> Any:
    """A kernel whose layer has this precision: C has no bfloat16, but the numbers may be those."""
    return to_bfloat16(array) if precision == "bfloat16" else array
