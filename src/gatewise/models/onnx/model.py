"""An ONNX graph as a model to call."""

from __future__ import annotations

from typing import Any

from gatewise.formats.graph import Program
from gatewise.formats.onnx import reading
from gatewise.models.graphs.model import GraphModel
from gatewise.models.graphs.operators import Operators


class OnnxModel(GraphModel):
    """A graph of ONNX's, run on NumPy and, for LSTM, GRU and RNN, on the recurrent engine.

    It computes; it has no layers, and cannot be trained. `gatewise.models.load_weights_from` gives its constants to a
    model that has.

    Inputs and outputs go by their names in the graph.

    >>> import gatewise as gw, numpy as np, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.onnx"
    >>> gw.Sequential([gw.Input((None, 3), name="x"), gw.layers.LSTM(4, name="lstm")]).export(path, states=True)
    >>> model = OnnxModel(path)
    >>> [value.name for value in model.inputs]
    ['x', 'lstm_h_in', 'lstm_c_in']
    >>> state = np.zeros((1, 4), "float32")
    >>> outputs = model.run({"x": np.ones((1, 5, 3), "float32"), "lstm_h_in": state, "lstm_c_in": state})
    >>> {name: array.shape for name, array in outputs.items()}
    {'output': (1, 4), 'lstm_h_out': (1, 4), 'lstm_c_out': (1, 4)}
    """

    @staticmethod
    def read(path: Any) -> Program:
        """The graph of a file."""
        return reading.read(path)

    @staticmethod
    def operators() -> Operators:
        """Those of ONNX that are known."""
        from gatewise.models.onnx.known import OPERATORS

        return OPERATORS
