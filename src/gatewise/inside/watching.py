"""Where a recurrence is run: as usual, or under the eyes of someone who wants its reserve."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from gatewise.base.typing import Array
from gatewise.engine.cells import State
from gatewise.engine.op import Call, Op, Reserve, Traversal
from gatewise.engine.recurrence import forward, forward_both, forward_with_reserve


class Seen(NamedTuple):
    """One pass of one layer."""

    layer: Any
    op: Op
    x: Array
    traversal: Traversal
    reserve: Reserve


_seen: ContextVar[list[Seen] | None] = ContextVar("gatewise_seen", default=None)


@contextmanager
def watching() -> Iterator[list[Seen]]:
    """Inside the block all passes leave what they computed in the list, in their order."""
    seen: list[Seen] = []
    token = _seen.set(seen)
    try:
        yield seen
    finally:
        _seen.reset(token)


def run(layer: Any, op: Op, x: Array, state: State | None, traversal: Traversal) -> tuple[Array, State]:
    """`engine.recurrence.forward` for `layer`."""
    seen = _seen.get()
    if seen is None:
        return forward(op, x, state, traversal)
    y, final, reserve = forward_with_reserve(op, x, state, traversal)
    seen.append(Seen(layer, op, x, traversal, reserve))
    return y, final


def run_both(layers: tuple[Any, Any], calls: tuple[Call, Call]) -> tuple[tuple[Array, State], tuple[Array, State]]:
    """`engine.recurrence.forward_both` for two layers."""
    if _seen.get() is None:
        return forward_both(*calls)
    first, second = (run(layer, *call) for layer, call in zip(layers, calls, strict=True))
    return first, second
