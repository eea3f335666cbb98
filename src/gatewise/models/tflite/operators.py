"""The operators of TFLite: a dict that the modules of this room fill, and what integers that stand for floats become.

Where a node's outputs are such integers, its inputs become floats, the operator computes with these, and what comes out
becomes integers again: one step of them from what TFLite's own integer kernels say, at most, for most operators.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from gatewise.base.typing import Array
from gatewise.formats.tflite import schema
from gatewise.formats.tflite.scale import Scale
from gatewise.models.graphs.operators import Operator, Operators, Step

OPERATORS: Final[Operators] = {}
"""All that are known, by domain (always "") and name."""


def operator(*names: str, moves: bool = False) -> Callable[[Operator], Operator]:
    """Make a function known as the operator of these names.

    Args:
        names: as TFLite has them.
        moves: whether it only moves numbers about, so that integers can stay what they are.
    """

    def known(function: Operator) -> Operator:
        run = function if moves else _in_floats(function)
        OPERATORS.update({("", name): run for name in names})
        return function

    return known


def _in_floats(function: Operator) -> Operator:
    def run(step: Step, *given: Any) -> Any:
        scales: tuple[Scale | None, ...] = step.get("output_scales")
        dtypes: tuple[str | None, ...] = step.get("output_dtypes")
        if not any(scale is not None and _is_integer(dtype) for scale, dtype in zip(scales, dtypes, strict=True)):
            return function(step, *given)
        found = function(step, *(real(step, place, x) for place, x in enumerate(given)))
        made = found if isinstance(found, tuple) else (found,)
        return tuple(
            x if scale is None or not _is_integer(dtype) else scale.quantized(x, str(dtype))
            for x, scale, dtype in zip(made, scales, dtypes, strict=False)
        )

    return run


def _is_integer(dtype: str | None) -> bool:
    return dtype is not None and np.dtype(dtype).kind in "iu"


def real(step: Step, place: int, x: Array | None) -> Any:
    """The floats that an input's integers stand for; what stands for itself stays."""
    if x is None or x.dtype.kind not in "iu":
        return x
    scale = step.get("scales")[place]
    return x if scale is None else scale.real(x)


def dtype_numbered(number: int) -> str:
    """NumPy's name for TFLite's number of a dtype.

    Raises:
        ValueError: for one that is not known.
    """
    if number not in schema.DTYPES:
        raise ValueError(f"the dtype {number} is not known here; {', '.join(schema.DTYPES.values())} are")
    return schema.DTYPES[number]


_ACTIVATIONS: Final[dict[str | None, Callable[[Array], Array]]] = {
    None: lambda x: x,
    "relu": lambda x: np.maximum(x, x.dtype.type(0)),
    "relu_n1_to_1": lambda x: np.clip(x, -1, 1),
    "relu6": lambda x: np.clip(x, 0, 6),
    "tanh": np.tanh,
}


def activation(step: Step) -> Callable[[Array], Array]:
    """The function that is applied to a node's output at once.

    Raises:
        ValueError: for one that is not known.
    """
    name = schema.ACTIVATIONS.get(step.get("activation", 0), f"number {step.get('activation')}")
    if name not in _ACTIVATIONS:
        raise ValueError(f"the activation {name} is not known here")
    return _ACTIVATIONS[name]


# -- float inputs, weights of 8 bits ----------------------------------------------------------------------------------


def through_8_bits(x: Array, asymmetric: bool) -> Array:
    """What is left of floats (..., I) when each row has been made 8 bits by its own range, as before such weights.

    Source: `PortableSymmetricQuantizeFloats` and its like in tensorflow/lite/kernels/internal.
    """
    if not asymmetric:
        scale = np.abs(x).max(-1, keepdims=True, initial=0) / x.dtype.type(127)
        scale = np.where(scale == 0, x.dtype.type(1), scale)
        return np.asarray(np.clip(_rounded(x / scale), -127, 127) * scale)
    low = np.minimum(x.min(-1, keepdims=True, initial=0), 0).astype("f8")
    high = np.maximum(x.max(-1, keepdims=True, initial=0), 0).astype("f8")
    scale = np.where(high == low, 1.0, (high - low) / 255)
    from_low, from_high = -128 - low / scale, 127 - high / scale
    nearer = 128 + np.abs(low / scale) < 127 + np.abs(high / scale)
    zero = np.clip(_rounded(np.where(nearer, from_low, from_high)), -128, 127)
    zero = np.where(high == low, 0, zero)
    scale = scale.astype(x.dtype)
    q = np.clip(_rounded(x / scale) + zero, -128, 127)
    return np.asarray(((q - zero) * scale).astype(x.dtype))


def _rounded(x: Array) -> Array:
    """To the nearest; halves go away from zero."""
    return np.asarray(np.sign(x) * np.floor(np.abs(x) + x.dtype.type(0.5)))


def rounder(step: Step, weights: Array, asymmetric: bool | None = None) -> Callable[[Array], Array]:
    """What becomes of floats before they are multiplied by these weights; the node says how, or the operator."""
    if weights.dtype.kind not in "iu":
        return lambda x: x
    how = step.get("asymmetric", False) if asymmetric is None else asymmetric
    return lambda x: through_8_bits(x, how) if x.dtype.kind == "f" else x
