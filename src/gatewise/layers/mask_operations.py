"""The operations that Keras 3 writes into a functional model's config for the masks that travel through it.

There a mask is computed by operations that stand in the graph like layers, from `NotEqual` of an Embedding's ids to
`LogicalOr` at an Add, and a layer's call names its mask. Here masks travel by themselves; these are for reading.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from gatewise.arguments import Argument, boolean, integer, one_of, optional
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.layer import Layer, registered

MASK_OPERATIONS: Final[dict[str, Callable[..., Array]]] = {
    "NotEqual": lambda xp, layer, x, other: xp.asarray(x != other),
    "LogicalOr": lambda xp, layer, x, y: xp.logical_or(x, y),
    "LogicalAnd": lambda xp, layer, x, y: xp.logical_and(x, y),
    "ExpandDims": lambda xp, layer, x: xp.expand_dims(x, axis=layer.axis),
    "ZerosLike": lambda xp, layer, x: xp.zeros_like(x, dtype=xp.bool),
    "OnesLike": lambda xp, layer, x: xp.ones_like(x, dtype=xp.bool),
    "Concatenate": lambda xp, layer, parts: xp.concat(parts, axis=layer.axis),
    "Any": lambda xp, layer, x: xp.any(x, axis=layer.axis, keepdims=layer.keepdims),
    "All": lambda xp, layer, x: xp.all(x, axis=layer.axis, keepdims=layer.keepdims),
}
"""By Keras 3's names of the operations: what each computes from the namespace, the layer and the operands."""


@registered.register("MaskOperation")
class MaskOperation(Layer):
    """One operation on masks.

    Args:
        operation: its name, one of `MASK_OPERATIONS`.
        axis: that "ExpandDims" adds, "Concatenate" joins along, "Any" and "All" reduce.
        keepdims: whether "Any" and "All" leave an axis of size 1.
        **kwargs: see `Layer`.

    >>> import numpy as np
    >>> MaskOperation("NotEqual")(np.array([[3, 0]]), 0).tolist()
    [[True, False]]
    """

    operation: Argument[str, str] = Argument(parse=one_of(*MASK_OPERATIONS))
    axis: Argument[Any, int | None] = Argument(default=None, parse=optional(integer))
    keepdims: Argument[bool, bool] = Argument(default=False, parse=boolean)

    autocast = False
    why_whole_sequence = "is not among the layers that are known to work one time step at a time"
    is_operation = True
    in_keras = False

    @staticmethod
    def knows(operation: str) -> bool:
        """Whether an operation is one of these."""
        return operation in MASK_OPERATIONS

    def call(self, inputs: Any, *others: Any) -> Any:
        """The operation's value: booleans."""
        first = inputs[0] if isinstance(inputs, (list, tuple)) else inputs
        return MASK_OPERATIONS[self.operation](namespace(first), self, inputs, *others)

    def _output_dtype(self, inputs: Any) -> str:
        return "bool"
