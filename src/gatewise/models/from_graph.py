"""Files that say themselves how they compute as models, each as it is: operators over named values."""

from __future__ import annotations

from typing import Any, Final

from gatewise.formats.graph import Program
from gatewise.formats.tensorflow.graph import Graph
from gatewise.models.graphs.model import GraphModel
from gatewise.models.onnx.model import OnnxModel
from gatewise.models.tensorflow1.model import TensorFlowGraph
from gatewise.models.tflite.model import TfliteModel

_KINDS: Final[dict[str, type[GraphModel]]] = {"ONNX": OnnxModel, "TFLite": TfliteModel}


def from_graph(program: Program | Graph, path: Any = None) -> GraphModel | TensorFlowGraph:
    """A model of a graph.

    Args:
        program: what a reader gives of a file: a `Graph` of TensorFlow 1, or a `Program`, which says its format.
        path: of the file, for messages.

    Raises:
        ValueError: an operator that is not known; the message names it and all that are.
    """
    if isinstance(program, Graph):
        return TensorFlowGraph(program, path)
    return _KINDS[program.format](program, path)
