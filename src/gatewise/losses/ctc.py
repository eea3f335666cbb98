"""The loss of a sequence of labels without their times: connectionist temporal classification.

Source: A. Graves et al., Connectionist Temporal Classification (2006). The forward variables alpha are kept as
logarithms, and JAX differentiates the recursion.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from gatewise.activations import log_softmax
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.losses.arithmetic import floating
from gatewise.losses.base import OfFunction
from gatewise.losses.registry import registry, takes

BLANK: Final = 0
"""The class that stands for no label; in targets it is padding."""

# The logarithm of a probability of 0, as Keras on JAX has it: a number, so that gradients are.
NEVER: Final = -1e5


@registry.register("ctc")
@takes("labels")
def ctc(y_true: Array, y_pred: Array) -> Array:
    """`-log(p)`, p being the sum over all ways in which the steps can spell the labels.

    A step says a label or the blank, class 0. Repeats without a blank between them are one label.
    Labels that no way can spell, for want of steps, lose about 1e5, the number that Keras on JAX gives.

    Args:
        y_true: labels (B, L), 1 to C - 1, with zeros after the last.
        y_pred: logits (B, T, C).

    Raises:
        ValueError: for other shapes.

    >>> import numpy as np
    >>> ctc([[1, 2]], np.zeros((1, 2, 3))).round(4).tolist()
    [2.1972]
    """
    y_pred = floating(y_pred)
    xp = namespace(y_true, y_pred)
    labels = xp.asarray(y_true)
    if labels.ndim != 2 or y_pred.ndim != 3:
        raise ValueError(
            f"ctc: expected labels (B, L) and logits (B, T, C), "
            f"got shapes {tuple(labels.shape)} and {tuple(y_pred.shape)}."
        )
    lengths = xp.sum(labels != BLANK, axis=-1)
    states = _states(xp, xp.asarray(labels, dtype="int32"))
    logs = log_softmax(xp.asarray(y_pred))
    # (T, B, S): what each step gives each state
    emitted = xp.take_along_axis(xp.moveaxis(logs, 1, 0), states[None], axis=-1)
    never = xp.full(states.shape, NEVER, dtype=logs.dtype)
    start = xp.where(xp.arange(states.shape[1]) == 0, 0, never)  # before the first step: in front of the first blank
    final = _folded(xp, _step(xp, states, never), start, emitted)
    ends = 2 * lengths[:, None] + xp.asarray([0, -1])  # the blank after the last label, or that label
    last = xp.take_along_axis(final, xp.maximum(ends, 0), axis=-1)
    return -xp.where(lengths > 0, xp.logaddexp(last[:, 0], last[:, 1]), last[:, 0])


def _states(xp: Any, labels: Array) -> Array:
    """The labels with a blank before, between and after: (B, 2 L + 1)."""
    between = xp.stack([xp.full(labels.shape, BLANK, dtype=labels.dtype), labels], axis=-1)
    last = xp.full((labels.shape[0], 1), BLANK, dtype=labels.dtype)
    return xp.concatenate([between.reshape(labels.shape[0], -1), last], axis=1)


def _step(xp: Any, states: Array, never: Array) -> Callable[[Array, Array], Array]:
    """The recursion of alpha: a state is reached from itself, from the one before, or over a blank."""
    is_label = xp.arange(states.shape[1]) % 2 == 1  # By its place: targets may hold a blank among the labels.
    over = is_label & (states != _shifted(xp, states, states, 2))

    def step(alpha: Array, emitted: Array) -> Array:
        reached = xp.logaddexp(alpha, _shifted(xp, alpha, never, 1))
        reached = xp.logaddexp(reached, xp.where(over, _shifted(xp, alpha, never, 2), NEVER))
        return reached + emitted

    return step


def _shifted(xp: Any, x: Array, first: Array, by: int) -> Array:
    """The columns moved right by so many, after the first columns of `first`."""
    return xp.concatenate([first[:, :by], x[:, :-by]], axis=1)[:, : x.shape[1]]


def _folded(xp: Any, step: Callable[[Array, Array], Array], state: Array, items: Array) -> Array:
    """The state after a step for each item."""
    if xp is np:
        for item in items:
            state = step(state, item)
        return state
    import jax

    return jax.lax.scan(lambda before, item: (step(before, item), None), state, items)[0]


@registry.register("CTC")
class CTC(OfFunction):
    """See `ctc`.

    >>> import numpy as np
    >>> round(float(CTC()([[1, 2]], np.zeros((1, 2, 3)))), 4)
    2.1972
    """

    function = ctc
