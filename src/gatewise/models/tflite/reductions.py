"""Operators that make one number of many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from gatewise.base.typing import Array
from gatewise.models.graphs.operators import Step, integers
from gatewise.models.tflite.operators import dtype_numbered, operator

_REDUCED: Final[dict[str, Callable[..., Any]]] = {
    "MEAN": np.mean, "SUM": np.sum, "REDUCE_MAX": np.max, "REDUCE_MIN": np.min, "REDUCE_PROD": np.prod,
    "REDUCE_ANY": np.any, "REDUCE_ALL": np.all,
}  # fmt: skip


def _reduced(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(step: Step, x: Array, axes: Array) -> Any:
        along = tuple(sorted({axis % x.ndim for axis in integers(axes)}))
        return np.asarray(function(x, axis=along, keepdims=step.get("keeps_axes"))).astype(x.dtype, copy=False)

    return run


for name, reduction in _REDUCED.items():
    operator(name)(_reduced(reduction))


@operator("ARG_MAX", moves=True)
def _arg_max(step: Step, x: Array, axis: Array) -> Any:
    return x.argmax(int(axis.item())).astype(dtype_numbered(step.get("to") or 4))


@operator("ARG_MIN", moves=True)
def _arg_min(step: Step, x: Array, axis: Array) -> Any:
    return x.argmin(int(axis.item())).astype(dtype_numbered(step.get("to") or 4))


@operator("CUMSUM")
def _sums_so_far(step: Step, x: Array, axis: Array) -> Any:
    along = int(axis.item())
    x = np.flip(x, along) if step.get("reverse") else x
    y = x.cumsum(along, dtype=x.dtype)
    y = y - x if step.get("exclusive") else y
    return np.flip(y, along) if step.get("reverse") else y
