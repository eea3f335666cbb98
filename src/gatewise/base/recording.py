"""What is told to open tapes (`tf.GradientTape`): which function gave which arrays from which.

Functions that programs call (layers, losses, arithmetic on tensors, the functions of `tf`) go through `apply`, which
costs one look where no tape is open. A tape keeps calls, not derivatives: it runs them anew on traced arrays when
a gradient is asked for. So a function given here must do the same on NumPy's and on JAX's arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol


class Tape(Protocol):
    """What wants to know of calls."""

    def wants(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether something among the arguments is watched."""

    def record(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any) -> None:
        """Keep a call."""


_open: ContextVar[tuple[Tape, ...]] = ContextVar("gatewise_tapes", default=())

tapes: Callable[[], tuple[Tape, ...]] = _open.get
"""The tapes that are open now, the outermost first."""


new_tape: list[Callable[[], Any]] = []
"""What makes a `tf.GradientTape`, where that module has been imported: for `optimizer.minimize`."""


def wanting(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Tape]:
    """The open tapes that watch something among the arguments."""
    return [tape for tape in _open.get() if tape.wants(args, kwargs)]


def record(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any) -> None:
    """Tell the open tapes of a call; the outputs must be the very arrays that the program gets."""
    for tape in wanting(args, kwargs):
        tape.record(function, args, kwargs, outputs)


def apply(function: Callable[..., Any], finish: Callable[[Any], Any], *args: Any, **kwargs: Any) -> Any:
    """`finish(function(*args, **kwargs))`, and the open tapes know of it.

    Args:
        function: the same object at each call, so that what was compiled for it serves again.
        finish: makes of plain arrays what the program gets.
    """
    if not _open.get():
        return finish(function(*args, **kwargs))
    with paused():  # What a function calls on its way is its own affair.
        outputs = finish(function(*args, **kwargs))
    record(function, args, kwargs, outputs)
    return outputs


@contextmanager
def opened(tape: Tape) -> Iterator[None]:
    """Inside the block the tape is told of calls, too."""
    with _set((*_open.get(), tape)):
        yield


@contextmanager
def paused(tape: Tape | None = None) -> Iterator[None]:
    """Inside the block no tape is told of anything, or all but one are."""
    with _set(() if tape is None else tuple(each for each in _open.get() if each is not tape)):
        yield


@contextmanager
def _set(tapes: tuple[Tape, ...]) -> Iterator[None]:
    token = _open.set(tapes)
    try:
        yield
    finally:
        _open.reset(token)
