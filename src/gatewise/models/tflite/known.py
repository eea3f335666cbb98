"""All operators that are known: importing this module makes them so."""

from __future__ import annotations

from gatewise.models.tflite import control, elementwise, products, recurrent, reductions, shapes
from gatewise.models.tflite.operators import OPERATORS

__all__ = ["FAMILIES", "OPERATORS"]

FAMILIES = (control, elementwise, products, recurrent, reductions, shapes)
"""The modules whose operators are known once they are imported."""
