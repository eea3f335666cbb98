"""Streams whose model has something that the native engine does not compute: the layers themselves, step by step.

Slower (tens of microseconds a layer and step) and otherwise the same: `Session` does what the native one does.
"""

from __future__ import annotations

import os
import threading
from typing import Any

import numpy as np

from gatewise.base.typing import Array
from gatewise.base.variable import reading
from gatewise.streaming.prepared import Prepared
from gatewise.streaming.values import Value, unpacked

# One lock for all: layers run under the GIL anyway. A fork waits for it, so that no child inherits it locked.
lock = threading.RLock()
os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)


def advance(prepared: Prepared, inputs: list[Array], records: Array) -> tuple[list[Array], Array]:
    """One time step of B streams.

    Args:
        prepared: the model.
        inputs: (B, ...) for each input.
        records: what the streams keep, (B, record).

    Returns:
        The outputs (B, ...) and the new records.
    """
    held = unpacked(prepared.slots, records)
    arrays: dict[Value, Array] = {
        value: array[:, None] if value.timed else array for value, array in zip(prepared.inputs, inputs, strict=True)
    }
    with reading(prepared.weights):
        for call in prepared.calls:
            call.run(arrays, held)
    outputs = [np.asarray(arrays[value]) for value in prepared.outputs]
    outputs = [y[:, 0] if value.timed else y for y, value in zip(outputs, prepared.outputs, strict=True)]
    parts = [np.asarray(held[slot]).reshape(len(records), slot.width) for slot in prepared.slots]
    return outputs, np.concatenate([*parts, records[:, :0]], axis=1, dtype=records.dtype)


class Session:
    """Streams that advance together; see `gatewise.engine._native.Session`."""

    def __init__(self, prepared: Prepared, batch: int) -> None:
        self.batch = batch
        self._prepared = prepared
        self._records = np.zeros((batch, prepared.record), prepared.dtype)

    def push(self, x: Any) -> Any:
        """One step."""
        return self._prepared.shapes.push_any(self, x)

    def run(self, inputs: list[Array], steps: int) -> list[Array]:
        """Some steps: arrays (B, T, ...) to arrays (B, T, ...)."""
        values = self._prepared.inputs
        inputs = [x.reshape(self.batch, steps, *value.shape) for x, value in zip(inputs, values, strict=True)]
        with lock:
            records, made = self._records, []
            for t in range(steps):
                outputs, records = advance(self._prepared, [x[:, t] for x in inputs], records)
                made.append(outputs)
            self._records = records
        if not made:
            return [np.empty((self.batch, 0, *value.shape), np.float32) for value in self._prepared.outputs]
        return [np.stack(column, axis=1) for column in zip(*made, strict=True)]

    def read(self) -> Array:
        """The records (B, record)."""
        with lock:
            return self._records.copy()

    def write(self, records: Array) -> None:
        """Set the records."""
        with lock:
            self._records = np.array(records, self._prepared.dtype)

    def use(self, prepared: Prepared) -> None:
        """Go on with other weights."""
        with lock:
            self._prepared = prepared

    def reset(self) -> None:
        """Set the records to zeros."""
        with lock:
            self._records = np.zeros_like(self._records)
