"""The tensors that a functional model is drawn with, and the nodes that join them.

A `SymbolicTensor` has a shape and a dtype but no numbers. Calling a layer on one makes a `Node`: the layer, what it was
called with, and the symbolic tensors that came out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from gatewise.base import structure
from gatewise.base.typing import Shape

if TYPE_CHECKING:
    from gatewise.layer.layer import Layer


def _operators(name: str) -> tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]:
    """Python's operator that draws an operation, and the same with the tensor on the right."""

    def left(tensor: Any, other: Any) -> Any:
        return tensor.operator(name, tensor, other)

    def right(tensor: Any, other: Any) -> Any:
        return tensor.operator(name, other, tensor)

    return left, right


class SymbolicTensor:
    """A tensor of a model that is being drawn.

    Attributes:
        shape: with the batch axis in front; None where the size is not known.
        dtype: the name of its dtype: "float32".
        node: the call that made it; `index` is its place among that call's outputs.

    Programs make one as `keras.KerasTensor(shape, dtype)`; `record_history` is accepted.
    """

    __slots__ = ("__weakref__", "dtype", "index", "name", "node", "shape")

    def __init__(
        self,
        shape: Shape,
        dtype: Any = "float32",
        name: str | None = None,
        node: Node | None = None,
        index: int = 0,
        *,
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
    ) -> None:
        if sparse or ragged:
            raise ValueError("KerasTensor: Gatewise has no sparse and no ragged tensors. Leave sparse and ragged out.")
        self.shape = tuple(shape)
        self.dtype = dtype if isinstance(dtype, str) else str(getattr(dtype, "name", dtype))
        self.name = name or "keras_tensor"
        self.node = node
        self.index = index

    sparse = ragged = False
    """Whether it is of such a kind: never here."""

    @property
    def ndim(self) -> int:
        """How many axes it has, the batch axis included."""
        return len(self.shape)

    def __repr__(self) -> str:
        return f"<SymbolicTensor {self.name} shape={self.shape} dtype={self.dtype}>"

    def _no_numbers(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(
            f"{self!r} has no numbers yet: it stands for data in a model that is being drawn. "
            "Make a Model from inputs to outputs and call that with an array, or use a layer on this tensor."
        )

    __array__ = __bool__ = __float__ = __int__ = __len__ = __iter__ = numpy = _no_numbers
    __array_ufunc__ = None

    # What draws an operation by its name in `gatewise.ops`; `layers.operation` sets it when the package is imported.
    operator: Callable[..., Any]

    __add__, __radd__ = _operators("add")
    __sub__, __rsub__ = _operators("subtract")
    __mul__, __rmul__ = _operators("multiply")
    __truediv__, __rtruediv__ = _operators("true_divide")
    __floordiv__, __rfloordiv__ = _operators("floor_divide")
    __mod__, __rmod__ = _operators("mod")
    __pow__, __rpow__ = _operators("power")
    __matmul__, __rmatmul__ = _operators("matmul")
    __and__, __rand__ = _operators("logical_and")
    __or__, __ror__ = _operators("logical_or")
    __xor__, __rxor__ = _operators("logical_xor")
    __lt__, __gt__ = _operators("less")[0], _operators("greater")[0]
    __le__, __ge__ = _operators("less_equal")[0], _operators("greater_equal")[0]

    # `==` stays identity, as in Keras: tensors are found in lists and dicts.
    def __ne__(self, other: object) -> Any:
        return self.operator("not_equal", self, other)

    def __neg__(self) -> Any:
        return self.operator("negative", self)

    def __abs__(self) -> Any:
        return self.operator("absolute", self)

    def __invert__(self) -> Any:
        return self.operator("logical_not", self)

    def __round__(self, ndigits: int | None = None) -> Any:
        return self.operator("round", self, decimals=ndigits or 0)

    def __getitem__(self, key: Any) -> Any:
        return self.operator("get_item", self, key)

    def reshape(self, newshape: Any) -> Any:
        """The numbers in another shape."""
        return self.operator("reshape", self, newshape)

    def squeeze(self, axis: Any = None) -> Any:
        """Without axes of size 1."""
        return self.operator("squeeze", self, axis)


class Node:
    """One call of a layer on symbolic tensors: `outputs = layer(*args, **kwargs)`."""

    __slots__ = ("args", "kwargs", "layer", "outputs")

    def __init__(self, layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.layer = layer
        self.args = args
        self.kwargs = kwargs
        self.outputs: Any = None

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The symbolic tensors among what the layer was called with."""
        return [leaf for leaf in structure.flatten((self.args, self.kwargs)) if isinstance(leaf, SymbolicTensor)]

    def set_outputs(self, shapes: Any, dtype: str) -> Any:
        """Make the call's outputs from a structure of shapes, and return them."""
        count = 0

        def tensor(shape: Any) -> SymbolicTensor:
            nonlocal count
            made = SymbolicTensor(tuple(shape), dtype, f"{self.layer.name}:{count}", self, count)
            count += 1
            return made

        self.outputs = structure.map_structure(tensor, shapes, leaf=structure.is_shape)
        return self.outputs

    def substitute(self, values: Callable[[SymbolicTensor], Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The call's args and kwargs with each symbolic tensor replaced by its value."""

        def fill(leaf: Any) -> Any:
            return values(leaf) if isinstance(leaf, SymbolicTensor) else leaf

        return structure.map_structure(fill, self.args), structure.map_structure(fill, self.kwargs)


def any_symbolic(tree: Any) -> bool:
    """Whether there is a symbolic tensor among the leaves."""
    if isinstance(tree, SymbolicTensor):
        return True
    if isinstance(tree, (list, tuple)):
        return any(any_symbolic(part) for part in tree)
    if isinstance(tree, dict):
        return any(any_symbolic(part) for part in tree.values())
    return False
