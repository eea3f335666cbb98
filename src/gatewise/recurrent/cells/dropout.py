"""Dropout in cells that are called step by step: masks that are drawn once and hold for a sequence."""

from __future__ import annotations

from typing import Any

from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.random import SeedGenerator


class DropoutRNNCell:
    """What a cell inherits beside `Layer` for dropout masks that stay the same over a sequence.

    The cell has the attributes `dropout` and `recurrent_dropout`, rates in [0, 1], and may have a `seed`. A mask holds
    0 where a number is dropped and 1 / (1 - rate) where not, as in Y. Gal and Z. Ghahramani (2016),
    https://arxiv.org/abs/1512.05287. It is drawn at the first step that asks for it and kept until it is reset, which
    `RNN` does after each sequence.

    >>> import numpy as np
    >>> cell = DropoutRNNCell()
    >>> cell.dropout, cell.seed = 0.5, 1
    >>> mask = cell.get_dropout_mask(np.ones((2, 3)))
    >>> mask.shape, mask is cell.get_dropout_mask(np.zeros((2, 3)))
    ((2, 3), True)
    >>> cell.reset_dropout_mask()
    """

    dropout_mask_count: int | None
    """How many masks there are, one a gate; an absent one or None means one mask, and no list."""

    def get_dropout_mask(self, step_input: Array) -> Any:
        """The masks of the inputs (B, I), one or a list; None where nothing is dropped."""
        return self._kept_mask("_dropout_mask", step_input, getattr(self, "dropout", 0.0))

    def get_recurrent_dropout_mask(self, step_input: Array) -> Any:
        """The masks of the state (B, H), one or a list; None where nothing is dropped."""
        return self._kept_mask("_recurrent_dropout_mask", step_input, getattr(self, "recurrent_dropout", 0.0))

    def reset_dropout_mask(self) -> None:
        """Forget the masks of the inputs: the next step draws new ones."""
        vars(self).pop("_dropout_mask", None)

    def reset_recurrent_dropout_mask(self) -> None:
        """Forget the masks of the state."""
        vars(self).pop("_recurrent_dropout_mask", None)

    def get_dropout_mask_for_cell(self, inputs: Array, training: bool, count: int = 1) -> Any:
        """tf_keras's words for the inputs' masks: one, or a list of `count`; outside training they drop nothing."""
        return self._mask_of_keras2("_dropout_mask", inputs, getattr(self, "dropout", 0.0), training, count)

    def get_recurrent_dropout_mask_for_cell(self, inputs: Array, training: bool, count: int = 1) -> Any:
        """The same for the masks of the state."""
        rate = getattr(self, "recurrent_dropout", 0.0)
        return self._mask_of_keras2("_recurrent_dropout_mask", inputs, rate, training, count)

    def _kept_mask(self, name: str, like: Array, rate: float) -> Any:
        if not rate:
            return None
        held = vars(self)  # Not by `setattr`: nothing of the cell changes with a mask.
        if name not in held:
            count = getattr(self, "dropout_mask_count", None)
            held[name] = self._drawn(like, rate) if count is None else [self._drawn(like, rate) for _ in range(count)]
        return held[name]

    def _mask_of_keras2(self, name: str, like: Array, rate: float, training: bool, count: int) -> Any:
        if not rate:
            return None
        if not training:
            ones = namespace(like).ones_like(like)
            return ones if count == 1 else [ones] * count
        held = vars(self)
        if name not in held:
            held[name] = self._drawn(like, rate) if count == 1 else [self._drawn(like, rate) for _ in range(count)]
        return held[name]

    def _drawn(self, like: Array, rate: float) -> Array:
        xp = namespace(like)
        if rate >= 1:
            return xp.zeros_like(like)
        if "_seeds" not in vars(self):
            vars(self)["_seeds"] = SeedGenerator(getattr(self, "seed", None))
        return vars(self)["_seeds"].keep(xp, tuple(like.shape), rate, like.dtype)
