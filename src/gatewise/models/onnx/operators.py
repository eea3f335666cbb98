"""The operators of ONNX: a dict that the modules of this room fill."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gatewise.models.graphs.operators import Operator, Operators

OPERATORS: Final[Operators] = {}
"""All that are known, by domain ("" for ONNX's own) and name."""
MICROSOFT: Final = "com.microsoft"


def operator(*names: str, domain: str = "") -> Callable[[Operator], Operator]:
    """Make a function known as the operator of these names."""

    def known(function: Operator) -> Operator:
        OPERATORS.update({(domain, name): function for name in names})
        return function

    return known
