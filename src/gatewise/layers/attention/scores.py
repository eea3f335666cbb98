"""Which steps see which, and the softmax over those that are seen."""

from __future__ import annotations

from typing import Any

from gatewise.activations import softmax
from gatewise.arguments import Argument, optional, positive
from gatewise.base.typing import Array


def window(**options: Any) -> Argument[Any, int | None]:
    """The argument `sliding_window`: a positive number of steps, or None; configs have it where it is set."""
    return Argument(default=None, parse=optional(positive), in_config=None, **options)


def seen_steps(xp: Any, queries: int, keys: int, *, causal: bool, window: int | None) -> Array | None:
    """Which keys each query may see (Tq, Tk) by their places in time, or None for all.

    >>> import numpy as np
    >>> seen_steps(np, 3, 3, causal=True, window=2).astype(int).tolist()
    [[1, 0, 0], [1, 1, 0], [0, 1, 1]]
    """
    ago = xp.arange(queries)[:, None] - xp.arange(keys)[None, :]
    past = ago >= 0 if causal else None
    near = xp.abs(ago) < window if window is not None else None
    return both(past, near)


def both(first: Array | None, second: Array | None) -> Array | None:
    """What two masks let through, of which None lets all."""
    if first is None or second is None:
        return second if first is None else first
    return first & second


def as_mask(xp: Any, mask: Any) -> Any:
    """A mask as an array of booleans; None for None."""
    if mask is None:
        return None
    array = xp.asarray(mask)
    return array if array.dtype.kind == "b" else array != 0


def lowest(dtype: Any) -> float:
    """A score so low that its softmax is 0 beside any other, and finite."""
    return -3e4 if dtype.name == "float16" else -1e9


def softmax_of_seen(xp: Any, scores: Array, seen: Array | None, *, unseen_is_zero: bool) -> Array:
    """The softmax over the last axis of what is seen.

    Args:
        xp: the arrays' library.
        scores: (..., Tq, Tk).
        seen: of a shape that broadcasts to the scores', or None for all.
        unseen_is_zero: whether a query that sees nothing gets zeros, rather than equal weights for all keys.
    """
    if seen is None:
        return softmax(scores)
    weights = softmax(xp.where(seen, scores, xp.asarray(lowest(scores.dtype), dtype=scores.dtype)))
    return xp.where(seen, weights, xp.zeros_like(weights)) if unseen_is_zero else weights
