"""The names of losses, and what each function of targets and predictions takes as targets."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias, TypeVar, cast

from gatewise.base import recording
from gatewise.base.registry import ObjectRegistry
from gatewise.base.tensors import Tensor, as_tensor
from gatewise.base.typing import Array

LossLike: TypeAlias = Callable[..., Array]
"""A `Loss`, or any function `(y_true, y_pred)` that gives one number a sample or a step."""

Kind: TypeAlias = Literal["same", "broadcast", "ids", "embedded", "labels"]
"""What targets a function takes.

    same       the predictions' shape
    broadcast  a shape that broadcasts to that of the predictions, as NumPy's arrays do
    ids        a class for each vector of predictions: their shape without the class axis
    embedded   a class for each sample
    labels     for each sequence of predictions (B, T, C) a row of labels (B, L), 0 where it is shorter
"""

# A class and its function may differ in case alone ("Hinge", "hinge"), so names must be exact.
registry: ObjectRegistry[LossLike] = ObjectRegistry(
    "loss", "keras.losses", factories=False, loose=False, bare_names=False
)

_kinds: Final[dict[Any, Kind]] = {}

Function = TypeVar("Function", bound=LossLike)


def takes(kind: Kind) -> Callable[[Function], Function]:
    """A decorator: the function takes targets of that kind. Given tensors it gives one, and open tapes know of it."""

    def note(function: Function) -> Function:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Array:
            if recording.tapes() or any(isinstance(each, Tensor) for each in args):
                return recording.apply(function, as_tensor, *args, **kwargs)
            return function(*args, **kwargs)

        _kinds[call] = kind
        return cast("Function", call)

    return note


def takes_ids(function: Any) -> bool:
    """Whether the targets are ids, and no numbers to compute with."""
    return kind_of(function) in ("ids", "embedded", "labels")


def kind_of(function: Any) -> Kind | None:
    """What targets one of our functions takes; None for any other callable."""
    try:
        return _kinds.get(function)
    except TypeError:  # unhashable: it cannot be ours
        return None
