"""Arithmetic on symbolic tensors: `x + y`, `2 - x`, `x[:, -1, :]` draw small layers.

They are saved as Keras 3 saves them (operations with constants among the arguments of a call), and read in that form
and in that of tf.keras (`TFOpLambda`, `SlicingOpLambda`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from gatewise.arguments import Argument
from gatewise.base.arrays import namespace
from gatewise.base.names import unique_name
from gatewise.base.typing import Array, Config, Shape
from gatewise.base.words import nearest
from gatewise.layer import Layer, registered, symbolic
from gatewise.layer.symbolic import Node, SymbolicTensor


def _unary(name: str) -> Callable[[Array], Array]:
    """A function of the array API standard, by its name."""
    return lambda x: getattr(namespace(x), name)(x)


# By the names of Keras 3's operations.
_BINARY: Final[dict[str, Callable[..., Any]]] = {
    "Add": operator.add,
    "Subtract": operator.sub,
    "Multiply": operator.mul,
    "TrueDivide": operator.truediv,
    "Power": operator.pow,
}
_UNARY: Final[dict[str, Callable[..., Any]]] = {
    "Negative": operator.neg,
    "Absolute": operator.abs,
    **{name.capitalize(): _unary(name) for name in ("exp", "log", "sqrt", "square", "tanh", "sin", "cos")},
}
_OPERATIONS: Final[dict[str, Callable[..., Any]]] = {
    **_BINARY,
    **_UNARY,
    "Matmul": operator.matmul,
    "GetItem": lambda x, key: x[_key(key)],
}

# What Python's operators, other names in Keras 3, and TensorFlow call them.
_ALIASES: Final[dict[str, str]] = {
    **{"add": "Add", "subtract": "Subtract", "multiply": "Multiply", "divide": "TrueDivide", "pow": "Power"},
    **{"negative": "Negative", "matmul": "Matmul", "getitem": "GetItem", "Divide": "TrueDivide", "Abs": "Absolute"},
    **{"__operators__.add": "Add", "math.truediv": "TrueDivide", "math.divide": "TrueDivide", "math.pow": "Power"},
    **{"linalg.matmul": "Matmul", "__operators__.getitem": "GetItem", "math.abs": "Absolute"},
    **{
        f"math.{name.lower()}": name
        for name in _OPERATIONS
        if name not in ("Absolute", "TrueDivide", "Power", "GetItem")
    },
}

# How TensorFlow's functions call the operands that do not come first.
_LATER_OPERANDS: Final = ("y", "b", "x2", "slice_spec", "key")


def _operation(name: Any) -> str:
    found = _ALIASES.get(name, name)
    if found not in _OPERATIONS:
        hint = nearest(str(name), [*_OPERATIONS, *_ALIASES])
        raise ValueError(f"expected one of the operations {', '.join(sorted(_OPERATIONS))}, got {name!r}.{hint}")
    return str(found)


@registered.register("Operation", "TFOpLambda", "SlicingOpLambda")
class Operation(Layer):
    """One operation on tensors and constants.

    Args:
        operation: its name: "Add", "Subtract", "Multiply", "TrueDivide", "Power", "Negative", "Matmul", "GetItem", ...
        **kwargs: see `Layer`.

    Call arguments:
        The operands: tensors, numbers or lists of numbers. "GetItem" takes a tensor and what stands in the brackets, in
        Python's form or in that of a file.

    >>> import numpy as np
    >>> Operation("Subtract")(2, np.array([1.0, 5.0])).tolist()
    [1.0, -3.0]
    """

    operation: Argument[Any, str] = Argument(parse=_operation)

    autocast = False
    moves_axes = True
    is_operation = True
    in_keras = False

    def __call__(self, *operands: Any, **kwargs: Any) -> Any:
        """Compute, or draw a node when an operand is symbolic."""
        named = [kwargs.pop(name) for name in _LATER_OPERANDS if name in kwargs]
        left = {key: value for key, value in kwargs.items() if value not in (None, False) and key != "training"}
        if left:
            raise TypeError(f"{self.label} does not know the arguments {left}.")
        operands = (*operands, *named)
        if self.operation == "GetItem":
            operands = (operands[0], plain_key(_key(operands[1])))
        return super().__call__(*operands)

    def call(self, *operands: Any) -> Any:
        """The operation's value."""
        if self.operation == "GetItem":
            return _OPERATIONS["GetItem"](*operands)
        dtypes = [operand.dtype for operand in operands if hasattr(operand, "dtype")]
        found = [np.asarray(o, dtype=dtypes[0]) if isinstance(o, (list, tuple)) else o for o in operands]
        if self.operation == "TrueDivide" and all(dtype.kind in "iub" for dtype in dtypes):
            found = [namespace(o).astype(o, self.dtype) if hasattr(o, "dtype") else o for o in found]
        return _OPERATIONS[self.operation](*found)

    def _compute(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.call(*args)

    def _connect(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        node = Node(self, args, kwargs)
        vars(self)["built"] = True
        tensors = [operand for operand in args if isinstance(operand, SymbolicTensor)]
        dtype = str(np.result_type(*[tensor.dtype for tensor in tensors]))
        if self.operation == "TrueDivide" and np.dtype(dtype).kind in "iub":
            dtype = self.dtype
        node.set_outputs(self._shape(args), dtype)
        self._inbound_nodes.append(node)
        return node.outputs

    def _shape(self, operands: tuple[Any, ...]) -> Shape:
        if self.operation == "GetItem":
            return self._shape_of_item(operands[0].shape, operands[1])
        shapes = [tuple(o.shape) if isinstance(o, SymbolicTensor) else tuple(np.shape(o)) for o in operands]
        if self.operation != "Matmul":
            return self._broadcast(shapes)
        x, y = shapes
        if len(x) < 2 or len(y) < 2 or (x[-1] != y[-2] and None not in (x[-1], y[-2])):
            raise ValueError(f"{self.label}: cannot multiply matrices of shapes {x} and {y}.")
        return (*self._broadcast([x[:-2], y[:-2]]), x[-2], y[-1])

    def _broadcast(self, shapes: list[Shape]) -> Shape:
        rank = max(map(len, shapes))
        columns = zip(*((1,) * (rank - len(shape)) + shape for shape in shapes), strict=True)
        return tuple(self._broadcast_sizes(set(column), shapes) for column in columns)

    def _broadcast_sizes(self, sizes: set[int | None], shapes: list[Shape]) -> int | None:
        known = sizes - {1, None}
        if len(known) > 1:
            raise ValueError(f"{self.label}: the shapes {shapes} do not go together.")
        if known:
            return known.pop()
        return None if None in sizes else 1

    def _shape_of_item(self, shape: Shape, key: Any) -> Shape:
        """The shape of one number, stretched and indexed, twice, with other sizes for the unknown axes."""
        made = []
        for unknown in (1_000_003, 1_000_033):
            stretched = np.broadcast_to(np.int8(0), [unknown if size is None else size for size in shape])
            try:
                made.append(np.shape(stretched[_key(key)]))
            except IndexError as error:
                raise IndexError(f"{self.label}: {error}; the tensor's shape is {shape}.") from None
        return tuple(a if a == b else None for a, b in zip(*made, strict=True))

    def _output_shapes(self, shapes: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self._shape(args)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Of operations on one tensor, or on a list of several."""
        raise TypeError(f"{self.label}: the shape depends on all operands: call it on symbolic tensors.")

    @classmethod
    def modernized(cls, config: Config) -> Config:
        """What tf.keras calls `function`."""
        config = super().modernized(config)
        if "function" in config:
            config["operation"] = config.pop("function")
        return config


def plain_key(key: Any) -> Any:
    """What stands in brackets, as plain values: integers, None, and Keras 3's configs of slices and the ellipsis.

    >>> plain_key((slice(None), -1))
    [{'class_name': '__slice__', 'config': {'start': None, 'stop': None, 'step': None}}, -1]
    """
    if isinstance(key, tuple):
        return [plain_key(part) for part in key]
    if isinstance(key, slice):
        start, stop, step = (None if n is None else operator.index(n) for n in (key.start, key.stop, key.step))
        return {"class_name": "__slice__", "config": {"start": start, "stop": stop, "step": step}}
    if key is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if key is None or isinstance(key, (int, np.integer)):
        return None if key is None else int(key)
    raise TypeError(f"A symbolic tensor is indexed with integers, slices, None and ..., got {key!r}.")


def _key(plain: Any) -> Any:
    """The key that `plain_key` described; tf.keras writes a slice without its class."""
    if isinstance(plain, (list, tuple)):
        return tuple(_key(part) for part in plain)
    if isinstance(plain, dict):
        if plain.get("class_name") == "__ellipsis__":
            return Ellipsis
        ends = plain.get("config", plain)
        return slice(ends.get("start"), ends.get("stop"), ends.get("step"))
    return plain


def _draw(name: str, *operands: Any, key: Any = None) -> Any:
    """What an operator of Python means on symbolic tensors."""
    found = _operation(name)
    operation = Operation.from_config({"operation": found, "name": unique_name(found)})
    if found == "GetItem":
        return operation(operands[0], key)
    return operation(*operands)


symbolic.SymbolicTensor.operator = staticmethod(_draw)
