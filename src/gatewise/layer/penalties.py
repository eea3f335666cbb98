"""What layers add to the loss in a call: `add_loss`, and the activity regularizers.

Nothing is kept in a layer: whoever computes a loss opens a collection around the call, and has what was added.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from gatewise.base import recording, structure
from gatewise.base.tensors import as_tensor
from gatewise.base.variable import Variable


@dataclass
class Penalties:
    """What the layers added in a call: numbers to the loss, and numbers to report by name."""

    losses: list[Any] = field(default_factory=list)
    reported: dict[str, Any] = field(default_factory=dict)


_open: ContextVar[Penalties | None] = ContextVar("gatewise_penalties", default=None)


@contextmanager
def collecting() -> Iterator[Penalties]:
    """Collect inside the block what layers add to the loss."""
    token = _open.set(Penalties())
    try:
        yield _open.get()  # type: ignore[misc]
    finally:
        _open.reset(token)


def collected() -> Penalties | None:
    """The collection that is open now, or None."""
    return _open.get()


def of_activity(regularizer: Any, outputs: Any) -> None:
    """Add a regularizer of a layer's outputs, divided by the number of samples, as tf.keras and Keras 3 do."""
    kept = _open.get()
    if kept is None:
        return
    for output in structure.flatten(outputs):
        penalty = regularizer(output)
        kept.losses.append(penalty / max(output.shape[0], 1) if output.ndim else penalty)


def of_weight(variable: Variable) -> Any:
    """What a weight's own regularizer adds."""
    if not recording.tapes():
        return variable.regularizer(variable.value)
    return recording.apply(_regularized, as_tensor, variable.regularizer, variable)


def _regularized(regularizer: Any, weight: Any) -> Any:
    return regularizer(weight.value if isinstance(weight, Variable) else weight)
