"""A model that is ready to stream."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from gatewise.base.variable import Scope
from gatewise.streaming.fingerprint import fingerprint, weights_fingerprint
from gatewise.streaming.forms import Header
from gatewise.streaming.program import native_program
from gatewise.streaming.shapes import Shapes
from gatewise.streaming.values import Slot
from gatewise.streaming.walk import graph_of, walk


class Prepared:
    """A model with the weights of one moment, ready to stream.

    Attributes:
        calls: of its layers, in order.
        inputs, outputs: the values that it takes and gives.
        shapes: what a push takes and gives.
        slots: the arrays of a stream's record, in their order there.
        dtype: of the record.
        weights: their values, as a scope in which the layers compute where they do it themselves.
        program: the native program, or None where the layers themselves compute.
    """

    def __init__(self, model: Any) -> None:
        graph = graph_of(model)
        walked = walk(model.label, graph)
        self.calls = walked.calls
        self.inputs = [walked.values[id(tensor)] for tensor in graph.input_tensors]
        self.outputs = [walked.values[id(tensor)] for tensor in graph.output_tensors]
        self.slots: list[Slot] = [slot for call in self.calls for slot in call.slots]
        self.dtype = np.dtype(np.float64 if _any_double(model) else np.float32)
        ids = [walked.reads_ids(value) for value in self.inputs]
        self.shapes = Shapes(model.label, graph, self.inputs, self.outputs, ids)
        values = [(variable, variable.value) for variable in model.weights]
        self.weights = Scope(values)
        self._arrays = [array for _, array in values]
        self.program: Any = None
        if self.dtype == np.float32:
            self.program = native_program(self.inputs, ids, self.outputs, self.calls)
            assert self.program is None or self.program.record == self.record

    @property
    def record(self) -> int:
        """How many numbers a stream keeps from one time step to the next."""
        return sum(slot.width for slot in self.slots)

    def fingerprint(self) -> bytes:
        """32 bytes, equal for models whose states mean the same."""
        return fingerprint(self.dtype, self.inputs, self.calls)

    @cached_property
    def header(self) -> Header:
        """How the bytes of a stream or a pool that is saved with these weights begin."""
        return Header(self.record * self.dtype.itemsize, self.fingerprint(), weights_fingerprint(self._arrays))


def _any_double(model: Any) -> bool:
    return any(layer.dtype == "float64" for layer in model._walk() if layer is not model and layer._variables)
