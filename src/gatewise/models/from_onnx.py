"""ONNX graphs as models, each as it is: nodes over named values."""

from __future__ import annotations

from typing import Any

from gatewise.formats.onnx.graph import Program
from gatewise.models.onnx.model import OnnxModel


def from_onnx(program: Program, path: Any = None) -> Any:
    """A model of a graph.

    Args:
        program: what `formats.onnx.reading` gives of a file.
        path: of the file, for messages.

    Raises:
        ValueError: an operator that is not known; the message names it and all that are.
    """
    return OnnxModel(program, path)
