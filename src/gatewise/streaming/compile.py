"""From a model to something that advances streams."""

from __future__ import annotations

from typing import Any

from gatewise.base.variable import all_or_nothing
from gatewise.streaming.prepared import Prepared
from gatewise.streaming.stepwise import Session


def new_session(prepared: Prepared, batch: int) -> Any:
    """The object that advances `batch` streams: the native engine's, or one that calls the layers."""
    try:
        if prepared.program is None:
            return Session(prepared, batch)
        from gatewise.engine import _native

        taken, given = prepared.inputs[0].shape, prepared.outputs[0].shape
        return _native.Session(prepared.program, batch, list(taken), list(given), prepared.shapes.push_any)
    except MemoryError:
        raise MemoryError(
            f"{prepared.shapes.label}: there is not enough memory for {batch} sequences that advance together, whose "
            f"states are {prepared.record} numbers each."
        ) from None


def prepare(model: Any) -> Prepared:
    """`model` with the weights that it has now; made once for them."""
    with all_or_nothing():  # The weights of one moment, whoever sets them meanwhile.
        found: Prepared = model._cache.get("stream", model._stamp, Prepared, model)
    return found
