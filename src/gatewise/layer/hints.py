"""The way out of a call whose input has too few axes: mostly a recurrent layer before gave its last output alone."""

from __future__ import annotations

from typing import Any

from gatewise.base import structure
from gatewise.base.arrays import shape_of
from gatewise.layer.symbolic import SymbolicTensor


def way_out(layer: Any, inputs: Any) -> str:
    """What to do about inputs that `layer` refuses for their number of axes; nothing where that is not the matter.

    Args:
        layer: the one that refuses.
        inputs: symbolic tensors or arrays.
    """
    for leaf in structure.flatten(inputs):
        if len(shape_of(leaf)) == 2 and _wants_time(layer):
            return _of_drawn(leaf) if isinstance(leaf, SymbolicTensor) else _OF_ARRAYS
    return ""


_OF_ARRAYS = (
    " If it is what a recurrent layer gave, that one needs return_sequences=True; if it is one sequence "
    "(time, features), add the batch axis: x[None]."
)


def _wants_time(layer: Any) -> bool:
    """Whether a layer takes (batch, time, features)."""
    specs = [spec for spec in structure.flatten(layer.input_spec) if spec is not None]
    return layer.has_time_axis or layer.applies_to_steps or any(3 in (spec.ndim, spec.min_ndim) for spec in specs)


def _of_drawn(tensor: SymbolicTensor) -> str:
    """The hint for what was drawn: which layer before it gave up the time axis."""
    while tensor.node is not None and len(tensor.shape) == 2:
        layer: Any = tensor.node.layer
        if getattr(layer, "return_sequences", None) is False:
            return f" {layer.label} gives its last output alone: return_sequences=True has it give that of every step."
        before = tensor.node.inputs
        if not before:
            break
        tensor = before[0]
    return " There is no axis of steps: RepeatVector(n) before it gives n of them, all alike."
