"""A TFLite model as a model to call."""

from __future__ import annotations

from typing import Any

from gatewise.formats.graph import Program
from gatewise.formats.tflite import reading
from gatewise.models.graphs.model import GraphModel
from gatewise.models.graphs.operators import Operators


class TfliteModel(GraphModel):
    """A graph of TFLite's, run on NumPy and, for the operators that are whole recurrences, on the recurrent engine.

    It computes; it has no layers, and cannot be trained. `gatewise.models.load_weights_from` gives its constants to a
    model that has.

    Inputs and outputs go by the names of the file's signature. Variables begin with zeros in each call: a converted
    model of Keras says the same each time, as `interpreter.reset_all_variables()` before each call would have it.
    """

    @staticmethod
    def read(path: Any) -> Program:
        """The graph of a file."""
        return reading.read(path)

    @staticmethod
    def operators() -> Operators:
        """Those of TFLite that are known."""
        from gatewise.models.tflite.known import OPERATORS

        return OPERATORS
