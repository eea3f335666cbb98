"""From a model to something that advances streams."""

from __future__ import annotations

from typing import Any

from gatewise.streaming.prepared import Prepared
from gatewise.streaming.stepwise import Session


def new_session(prepared: Prepared, batch: int) -> Any:
    """The object that advances `batch` streams: the native engine's, or one that calls the layers."""
    if prepared.program is None:
        return Session(prepared, batch)
    from gatewise.engine import _native

    taken, given = prepared.inputs[0].shape, prepared.outputs[0].shape
    return _native.Session(prepared.program, batch, list(taken), list(given), prepared.shapes.push_any)


def prepare(model: Any) -> Prepared:
    """`model` with the weights that it has now; made once for them."""
    found: Prepared = model._cache.get("stream", model._stamp, Prepared, model)
    return found
