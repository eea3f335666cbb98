"""Operations on symbolic tensors: `x + y`, `x[:, -1, :]`, `ops.softmax(x)` draw small layers.

They are saved as Keras 3 saves them (an operation's settings as its config, and constants among the arguments of a
call), and read in that form and in that of tf.keras (`TFOpLambda`, `SlicingOpLambda`).
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gatewise.base import structure
from gatewise.base.arrays import numpy_dtype
from gatewise.base.names import unique_name
from gatewise.base.typing import Config, Shape
from gatewise.base.words import nearest
from gatewise.layer import Layer, registered, symbolic
from gatewise.layer.drawing import shapes_by_example
from gatewise.layer.symbolic import Node, SymbolicTensor

if TYPE_CHECKING:
    from gatewise.ops.declared import Op

# What TensorFlow calls functions that have another name in Keras 3, without what stands before the last dot.
_OF_TENSORFLOW: Final = {
    "truediv": "true_divide",
    "pow": "power",
    "getitem": "get_item",
    "concat": "concatenate",
    "mod": "mod",
    "floordiv": "floor_divide",
    "floormod": "mod",
    "neg": "negative",
    "divide": "true_divide",
    **{f"reduce_{name}": name for name in ("sum", "mean", "max", "min", "prod", "any", "all", "logsumexp")},
    "reduce_std": "std",
    "reduce_variance": "var",
    "gather": "take",
    "l2_normalize": "normalize",
    "mul": "multiply",
    "sub": "subtract",
    "reverse": "flip",
    "clip_by_value": "clip",
}
_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "x2": ("y", "b", "other"),
    "x1": ("a",),
    "y": ("x2",),
    "key": ("slice_spec",),
    "axes": ("perm",),
    "newshape": ("shape",),
    "repeats": ("multiples",),
    "x": ("input_tensor", "a", "input", "params", "tensor", "logits", "features", "value", "values"),
    "xs": ("values",),
    "axis": ("dim",),
    "pad_width": ("paddings",),
    "indices_or_sections": ("num_or_size_splits",),
    "x_min": ("clip_value_min",),
    "x_max": ("clip_value_max",),
}
"""What TensorFlow calls a parameter of an operation."""


def operation_of(name: Any) -> Op:
    """The operation that a name means: that of programs, of Keras 3's files, or of TensorFlow's functions.

    Raises:
        ValueError: for a name that none has; the message names the nearest.
    """
    from gatewise.ops import FAMILIES, declared

    assert FAMILIES  # All operations are declared once the package is imported.
    last = str(name).rpartition(".")[2]
    for each in (name, _OF_TENSORFLOW.get(last), last if name != last else None):
        if each in declared.TABLE or each in declared.BY_CLASS:
            return declared.named(each)
    hint = nearest(str(name), list(declared.known()))
    raise ValueError(f"operation: expected one of the operations of gatewise.ops, got {name!r}.{hint}")


@registered.register("Operation", "TFOpLambda", "SlicingOpLambda")
class Operation(Layer):
    """One operation of `gatewise.ops` on tensors and constants.

    Args:
        operation: its name: "Add", "GetItem", "Softmax", "softmax", ...
        settings: its arguments that are no tensors, by name: {"axis": 1}.
        **kwargs: see `Layer`.

    Call arguments:
        The operands: tensors, numbers or lists of numbers. "GetItem" takes a tensor and what stands in the brackets, in
        Python's form or in that of a file.

    >>> import numpy as np
    >>> Operation("Subtract")(2, np.array([1.0, 5.0])).tolist()
    [1.0, -3.0]
    >>> Operation("Sum", {"axis": 1})(np.ones((2, 3))).tolist()
    [3.0, 3.0]
    """

    autocast = False
    tensors_by_place = False
    moves_axes = True
    is_operation = True
    in_keras = False
    why_whole_sequence = "is not among the layers that are known to work one time step at a time"

    def __init__(self, operation: Any, settings: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._op = operation_of(operation)
        self.settings = dict(settings or {})

    @property
    def operation(self) -> str:
        """Its name in files."""
        return self._op.class_name

    def __call__(self, *operands: Any, **kwargs: Any) -> Any:
        """Compute, or draw a node when an operand is symbolic."""
        operands = self._in_order(operands, kwargs)
        if self.operation == "GetItem":
            operands = (operands[0], plain_key(_key(operands[1])))
        return super().__call__(*operands)

    def _in_order(self, operands: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """The operands by place. Settings that the call of a file brings are kept."""
        named: dict[str, Any] = {}
        for key, value in kwargs.items():
            known = self._parameter(key)
            if known is not None and known in self._op.operands:
                named[known] = value
            elif known is not None:
                self.settings[known] = value
            elif value not in (None, False) and key not in ("training", "name"):
                raise TypeError(f"{self.label} does not know the arguments {{{key!r}: {value!r}}}.")
        for name in self._op.operands[len(operands) :]:
            if not named:
                break
            operands = (*operands, named.pop(name, None))
        return operands

    def _parameter(self, name: str) -> str | None:
        """The parameter that a word of Keras's or TensorFlow's means."""
        parameters = self._op.signature.parameters
        if name in parameters:
            return name
        return next((own for own, words in _WORDS.items() if own in parameters and name in words), None)

    def call(self, *operands: Any) -> Any:
        """The operation's value."""
        if self.operation == "GetItem":
            return operands[0][_key(operands[1])]
        return self._op.joined(list(operands), self.settings)

    def _compute(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.call(*args)

    # -- drawing ----------------------------------------------------------------------------------------------------

    def _connect(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        node = Node(self, args, kwargs)
        vars(self)["built"] = True
        shapes, dtypes = self._drawn(args)
        node.set_outputs(shapes, self.dtype)
        for tensor, dtype in zip(structure.flatten(node.outputs), dtypes, strict=True):
            tensor.dtype = dtype
        self._inbound_nodes.append(node)
        return node.outputs

    def _drawn(self, args: tuple[Any, ...]) -> tuple[Any, list[str]]:
        """The shapes of what comes out, and its dtypes."""
        if self.operation == "GetItem":
            return self._shape_of_item(args[0].shape, args[1]), [args[0].dtype]
        if self._op.elementwise or self.operation == "Matmul":
            shape = self._product(args) if self.operation == "Matmul" else self._broadcast(_shapes_of(args))
            small = [_one_of(operand, self.operation == "Matmul") for operand in args]
            return shape, [self.call(*small).dtype.name]
        dtypes: list[str] = []

        def run(filled: tuple[Any, ...], _: Any) -> Any:
            outputs = self.call(*filled)
            dtypes[:] = [np.asarray(leaf).dtype.name for leaf in structure.flatten(outputs)]
            return structure.map_structure(np.asarray, outputs)

        with np.errstate(all="ignore"):
            return shapes_by_example(run, args, {}), dtypes

    def _product(self, operands: tuple[Any, ...]) -> Shape:
        x, y = _shapes_of(operands)
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
        return self._drawn(args)[0]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Of operations on one tensor, or on a list of several."""
        raise TypeError(f"{self.label}: the shape depends on all operands: call it on symbolic tensors.")

    # -- configs ----------------------------------------------------------------------------------------------------

    def get_config(self) -> Config:
        """The operation's name, its settings, and the rest."""
        settings = {"settings": self.settings} if self.settings else {}
        return super().get_config() | {"operation": self.operation, **settings}

    def saved_operation(self) -> Config:
        """What Keras 3 writes: the operation as a class of its own module, with its settings as its config."""
        settings = {key: _plain(value) for key, value in self.settings.items()}
        module = f"keras.src.ops.{self._op.family}"
        return {"module": module, "class_name": self.operation, "config": {"name": self.name, **settings}}

    @classmethod
    def knows(cls, entry: Config) -> bool:
        """Whether an entry of a Keras 3 file without modules is an operation: it has no facts of layers, and no config
        but an operation's settings.
        """
        from gatewise.ops import BY_CLASS

        own, calls = entry.get("config"), entry.get("inbound_nodes")
        found = BY_CLASS.get(entry["class_name"])
        if found is None or not isinstance(own, dict) or not isinstance(calls, list) or "trainable" in own:
            return False
        in_keras3 = bool(calls) and all(isinstance(call, dict) for call in calls)
        return in_keras3 and all(key == "name" or key in found.signature.parameters for key in own)

    @classmethod
    def from_config(cls, config: Config) -> Operation:
        """An operation of its own config, or of one that Keras wrote, where the settings stand beside the name."""
        config = dict(config)
        name = config.pop("function", None) or config.pop("operation", None)  # `function` is tf.keras's word.
        config.pop("operation", None)
        settings = dict(config.pop("settings", {}))
        base: Config = {key: config.pop(key) for key in ("name", "trainable") if key in config}
        found = operation_of(name)
        taken = {key: value for key, value in config.items() if key in found.signature.parameters}
        if "dtype" in config and "dtype" not in taken:
            base["dtype"] = config["dtype"]
        return cls(found.class_name, settings | taken, **base)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def _shapes_of(operands: tuple[Any, ...]) -> list[Shape]:
    return [tuple(o.shape) if hasattr(o, "shape") else tuple(np.shape(o)) for o in operands if o is not None]


def _one_of(operand: Any, matrix: bool) -> Any:
    """A smallest array in the place of an operand: what it gives has the right dtype."""
    if isinstance(operand, SymbolicTensor) or (hasattr(operand, "shape") and operand.shape):
        name = operand.dtype if isinstance(operand, SymbolicTensor) else operand.dtype.name
        return np.ones((1, 1) if matrix else (), numpy_dtype(name))
    return (
        _one_of(np.asarray(operand, "float32" if _has_floats(operand) else None), matrix)
        if isinstance(operand, (list, tuple))
        else operand
    )


def _has_floats(value: Any) -> bool:
    return any(isinstance(leaf, float) for leaf in structure.flatten(value))


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


def draw(name: str, *args: Any, **kwargs: Any) -> Any:
    """What a function of `gatewise.ops`, or an operator of Python, means on symbolic tensors."""
    found = operation_of(name)
    operands, settings = found.split(args, kwargs)
    while operands and operands[-1] is None:
        operands.pop()
    return Operation(found.class_name, settings, name=unique_name(found.class_name))(*operands)


symbolic.SymbolicTensor.operator = staticmethod(draw)
