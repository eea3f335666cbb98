"""Functions of `tf` on symbolic tensors: each call draws a layer, which is saved by the function's address."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.arguments import Argument
from gatewise.base import structure
from gatewise.base.arrays import is_array
from gatewise.base.names import unique_name
from gatewise.compat.functions.calling import DRAWING, FUNCTIONS
from gatewise.layer import Layer, registered
from gatewise.layer.drawing import shapes_by_example
from gatewise.layer.symbolic import Node, SymbolicTensor


def _known(address: Any) -> str:
    if address not in FUNCTIONS:
        raise ValueError(f"expected the address of a function of tf, such as 'math.log', got {address!r}.")
    return str(address)


@registered.register("TensorFlowFunction")
class TensorFlowFunction(Layer):
    """A function of `tf`, called on symbolic tensors.

    Args:
        function: its address below `tf`: "math.log".
        **kwargs: see `Layer`.

    >>> from gatewise.graph import Input
    >>> from gatewise.models import Model
    >>> x = Input((3,))
    >>> Model(x, FUNCTIONS["reduce_sum"](x, axis=-1)).predict([[1.0, 2.0, 3.0]]).tolist()
    [6.0]
    """

    function: Argument[Any, str] = Argument(parse=_known)

    autocast = False
    moves_axes = True
    in_keras = False

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The function's value."""
        kwargs.pop("training", None)
        return FUNCTIONS[self.function].__wrapped__(*args, **kwargs)  # type: ignore[attr-defined]

    def _compute(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.call(*args, **kwargs)

    def _by_name(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        return args

    def _connect(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        node = Node(self, args, kwargs)
        vars(self)["built"] = True
        dtypes: list[str] = []

        def run(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            outputs = self._tried(args, kwargs)
            dtypes[:] = [each.dtype.name for each in structure.flatten(outputs)]
            return outputs

        made = node.set_outputs(shapes_by_example(run, args, kwargs), "float32")
        for tensor, dtype in zip(structure.flatten(made), dtypes, strict=True):
            tensor.dtype = dtype
        self._inbound_nodes.append(node)
        return made


def drawn(address: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The symbolic tensors that a function gives for others."""
    if address == "shape" and isinstance(args[0] if args else kwargs.get("input"), SymbolicTensor):
        return _shape_of(*args, **kwargs)
    layer = TensorFlowFunction.from_config({"function": address, "name": unique_name(f"tf.{address}")})
    args, kwargs = structure.map_structure(_plain_constant, (args, kwargs))
    return layer(*args, **kwargs)


def _plain_constant(leaf: Any) -> Any:
    return np.asarray(leaf) if is_array(leaf) and not isinstance(leaf, SymbolicTensor) else leaf


def _shape_of(input: SymbolicTensor, out_type: Any = "int32") -> Any:
    """The shape of a symbolic tensor: numbers where all are known, else the tensor of them that a layer gives."""
    if None not in input.shape:
        return FUNCTIONS["constant"](list(input.shape), out_type)
    layer = TensorFlowFunction.from_config({"function": "shape", "name": unique_name("tf.shape")})
    return layer(input, out_type)


DRAWING.append(drawn)
