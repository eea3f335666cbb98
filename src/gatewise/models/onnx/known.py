"""All operators that are known: importing this module makes them so."""

from __future__ import annotations

from gatewise.models.onnx import control, elementwise, quantized, recurrent, reductions, shapes, windows
from gatewise.models.onnx.operators import OPERATORS

__all__ = ["FAMILIES", "OPERATORS"]

FAMILIES = (elementwise, shapes, reductions, windows, recurrent, quantized, control)
"""The modules whose operators are known once they are imported."""
