"""Dropout in recurrent layers: masks that hold for the whole of a sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewise.base.typing import Array

if TYPE_CHECKING:
    from gatewise.recurrent.weights import CellWeights


def masks_of(layer: CellWeights, xp: Any, x: Array) -> dict[str, Array | None]:
    """The masks of one call in training, for sequences x (B, T, I), by the names that `engine.op.Traversal` has.

    There is one a gate with implementation 1 (and 0), and one in all with 2, which Keras leaves for 1 where the state
    is dropped too.

    Returns:
        `dropout` (g or 1, B, 1, I) and `recurrent_dropout` (g or 1, B, H), either None where its rate is 0 or 1; and
        `stays` (B, T, the widths of all states), None for cells without zoneout.
    """
    gates = 1 if layer.implementation == 2 and not layer.recurrent_dropout else len(layer._equation.gates)
    batch, steps, features = x.shape

    def draw(rate: float, *shape: int) -> Array | None:
        return layer._seeds.keep(xp, (gates, *shape), rate, x.dtype) if 0.0 < rate < 1.0 else None

    return {
        "dropout": draw(layer.dropout, batch, 1, features),
        "recurrent_dropout": draw(layer.recurrent_dropout, batch, layer.state_widths[0]),
        "stays": _stays(layer, xp, batch, steps, x.dtype),
    }


def _stays(layer: CellWeights, xp: Any, batch: int, steps: int, dtype: Any) -> Array | None:
    """Zoneout's choice: each number of a state stays with the probability that the layer gives, at each step anew."""
    equation = layer._equation
    if not equation.zoneout:
        return None
    rates = [vars(layer)[equation.zoneout[state]] for state in equation.states]
    drawn = zip(layer.state_widths, rates, strict=True)
    stays = [layer._seeds.uniform(xp, (batch, steps, width)) < rate for width, rate in drawn]
    return xp.asarray(xp.concat(stays, axis=-1), dtype=dtype)
