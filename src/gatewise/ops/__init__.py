"""Keras 3's `ops`: functions of NumPy's, JAX's and symbolic tensors alike, under its names and with its dtypes.

    from gatewise import ops

    y = ops.softmax(ops.matmul(x, w) / 2)

On NumPy's arrays (and numbers and lists) they compute at once; on JAX's, as inside a layer's `call` under `fit`, they
trace; on symbolic tensors they draw an operation of the model. Each is declared once, in the file of its family.
"""

from __future__ import annotations

from typing import Any

from gatewise.base.absent import absent
from gatewise.ops import control, convolution, elementwise, linalg, nn, reductions, shapes
from gatewise.ops.declared import BY_CLASS as BY_CLASS
from gatewise.ops.declared import FUNCTIONS as FUNCTIONS

FAMILIES = (elementwise, reductions, shapes, linalg, nn, convolution, control)
"""The modules that declare the functions."""

__all__ = [*FUNCTIONS]  # noqa: PLE0604

globals().update(FUNCTIONS)
_absent = absent(__name__, "keras.ops")


def __getattr__(name: str) -> Any:  # To type checkers the functions are here by this alone.
    return _absent(name)


def __dir__() -> list[str]:
    return __all__
