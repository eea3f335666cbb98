"""Frozen graphs of TensorFlow 1 as models, each as it is."""

from __future__ import annotations

from typing import Any

from gatewise.formats.tensorflow.graph import Graph


def from_tensorflow1(graph: Graph, path: Any = None) -> Any:
    """A model of a graph.

    Args:
        graph: what `formats.tensorflow.frozen` gives of a file.
        path: of the file, for messages.

    Raises:
        ValueError: an operator that is not known; the message says what the graph holds.
    """
    from gatewise.models.tensorflow1.model import TensorFlowGraph

    return TensorFlowGraph(graph, path)
