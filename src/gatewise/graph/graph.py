"""From symbolic tensors to something that runs: inputs, the calls between them and the outputs, in order."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from gatewise import arguments
from gatewise.arguments import Argument, absent
from gatewise.base import masks, release, structure
from gatewise.base.arrays import NUMBER_KINDS, as_array, as_input, dtype_of, is_floating, namespace, shape_of
from gatewise.base.release import Release
from gatewise.base.typing import Config, Shape
from gatewise.layer import Layer, registered
from gatewise.layer.symbolic import Node, SymbolicTensor


def _places(keras3: str | None = None, keras2: str | None = None) -> dict[Release, str | None]:
    """Where an argument stands; TensorFlow 1 has those of 2 up to the name."""
    return {"keras3": keras3, "tf2": keras2, "tf1": None if keras2 in ("name", "ragged", "type_spec") else keras2}


def _placed(name: str, keras3: str, keras2: str | None = None) -> Any:
    """An argument of every layer, which this one also takes by place."""
    base = Layer._arguments[name]
    return Argument(
        default=None, parse=base.parse, kw_only=True, in_config=base.in_config, places=_places(keras3, keras2)
    )


def _unused(**places: str) -> Argument[Any, Any]:
    """An argument that is kept as it came, and read by the constructor alone."""
    return Argument(default=None, kw_only=True, in_config=False, places=_places(**places))


def _symbolic(value: Any) -> SymbolicTensor:
    if isinstance(value, SymbolicTensor):
        return value
    raise ValueError(f"expected a symbolic tensor, got {value!r}.")


_DRAWN = "an input is drawn from its shape; leave the argument out"


@registered.register("InputLayer")
class InputLayer(Layer):
    """Where data enters a model.

    Args:
        shape (or input_shape): of one sample, without the batch axis; None for a size that data decides.
        batch_size: a fixed batch size, for stateful layers.
        batch_shape (or batch_input_shape): both in one.
        dtype: by default `gatewise.config.floatx`.
        sparse: accepted when it is off.
        ragged: accepted: any model takes ragged tensors in `predict` and `fit`.
        optional: whether None may come in its place; the layers that read it must take that.
        input_tensor: a symbolic tensor that belongs to no model yet, to be the input; it says shape and dtype.
        type_spec: accepted as None.

    >>> InputLayer((5, 3)).batch_shape
    (None, 5, 3)
    """

    shape: Argument[Any, Any] = Argument(default=None, parse=arguments.optional(arguments.shape), in_config=False)
    batch_size: Argument[Any, Any] = _placed("batch_size", keras3="shape", keras2="shape")
    dtype: Argument[Any, str] = _placed("dtype", keras3="batch_size", keras2="batch_size")
    batch_shape: Argument[Any, Any] = _placed("batch_shape", keras3="ragged")
    name: Argument[str | None, str] = _placed("name", keras3="optional", keras2="sparse")
    sparse: Argument[Any, Any] = _unused(keras3="dtype", keras2="input_tensor")
    ragged: Argument[Any, Any] = _unused(keras3="sparse", keras2="name")
    optional: Argument[Any, Any] = _unused(keras3="input_tensor", keras2="type_spec")
    input_tensor: Argument[Any, Any] = Argument(
        default=None,
        parse=arguments.optional(_symbolic),
        kw_only=True,
        in_config=False,
        places=_places(keras3="batch_shape", keras2="dtype"),
    )
    type_spec: Argument[None, None] = absent(_DRAWN, kw_only=True, places=_places(keras2="ragged"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "input_shape" in kwargs and release.current() == "keras3":
            warnings.warn("InputLayer(input_shape=...) is Keras 2's name: pass `shape`.", stacklevel=2)
        super().__init__(*args, **kwargs)
        if self.sparse:
            raise ValueError(f"{self.label}: sparse=True: Gatewise takes dense arrays only.")
        whole = vars(self)["batch_shape"] or vars(self)["batch_input_shape"]
        if whole is not None and (self.shape is not None or self.batch_size is not None):
            other = "shape" if self.shape is not None else "batch_size"
            raise ValueError(f"{self.label}: batch_shape={whole} says all of it: leave {other} out.")
        shape = (self.batch_size, *self.shape) if self.shape is not None else self.declared_input_shape
        if (given := self.input_tensor) is not None:
            shape = self._shape_of_given(given, shape, kwargs.get("dtype"))
        if shape is None:
            raise ValueError(f"{self.label}: give `shape`, the shape of one sample, such as shape=(5, 3).")
        self.batch_shape = shape
        self.built = True
        node = Node(self, (), {})
        self.symbol: SymbolicTensor = node.set_outputs(shape, self.dtype) if given is None else given
        if given is not None:
            node.outputs, given.node, given.index = given, node, 0
        self.symbol.name = self.name
        self._inbound_nodes.append(node)

    def _shape_of_given(self, tensor: SymbolicTensor, shape: Shape | None, dtype: Any) -> Shape:
        """The shape of the tensor that is to be the input, with which the other arguments must agree."""
        if tensor.node is not None:
            raise ValueError(
                f"{self.label}: input_tensor is an output of {tensor.node.layer.label}. Make a Model from that tensor."
            )
        if self.batch_size not in (None, tensor.shape[0]):
            raise ValueError(f"{self.label}: batch_size={self.batch_size}, but input_tensor has shape {tensor.shape}.")
        if shape is not None and (shape[1:] != tensor.shape[1:] or shape[0] not in (None, tensor.shape[0])):
            raise ValueError(f"{self.label}: the shape is to be {shape}, but input_tensor has shape {tensor.shape}.")
        if dtype is not None and self.dtype != tensor.dtype:
            raise ValueError(f"{self.label}: dtype={self.dtype!r}, but input_tensor is {tensor.dtype}.")
        self.dtype = tensor.dtype
        return tensor.shape

    def call(self, inputs: Any = None) -> Any:
        """Give the input on."""
        return inputs

    def get_config(self) -> Config:
        own = {"optional": True} if self.optional else {}
        return {"batch_shape": self.batch_shape, "dtype": self.dtype, "sparse": False, "name": self.name, **own}


def Input(shape: Any = None, batch_size: int | None = None, dtype: Any = None, **kwargs: Any) -> SymbolicTensor:  # noqa: N802
    """A symbolic tensor to draw a functional model from.

    Args:
        shape: of one sample, without the batch axis: (5, 3), or (None, 3) for sequences of any length.
        batch_size: a fixed batch size, or None.
        dtype: by default `gatewise.config.floatx`.
        **kwargs: `name`, `batch_shape`; see `InputLayer`.

    >>> Input(shape=(5, 3), name="x").shape
    (None, 5, 3)
    """
    if kwargs.get("tensor") is not None:
        raise ValueError("Input(tensor=...): Gatewise makes symbolic tensors from shapes only; give `shape` instead.")
    kwargs.pop("tensor", None)
    return InputLayer(shape, batch_size=batch_size, dtype=dtype, **kwargs).symbol


class WrongPartError(TypeError, ValueError):
    """What a model cannot be made of: Keras 3 raises a ValueError for it, Keras 2 a TypeError."""


class Graph:
    """The calls that lead from `inputs` to `outputs`.

    Args:
        inputs, outputs: symbolic tensors in nested structures.
        label: the model, as errors name it.

    Attributes:
        nodes: in an order in which each has its inputs when its turn comes.
        layers: each once, inputs first, in the order in which Keras lists (and saves) them.
    """

    def __init__(self, inputs: Any, outputs: Any, label: str) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.label = label
        self.input_tensors: list[SymbolicTensor] = structure.flatten(inputs)
        self.output_tensors: list[SymbolicTensor] = structure.flatten(outputs)
        self._check_tensors()
        order, discovery = self._walk()
        self.layers = self._by_depth(order, discovery)
        ends = {id(tensor) for tensor in self.input_tensors}
        self.nodes = [node for node in order if not all(id(t) in ends for t in structure.flatten(node.outputs))]

    def _check_tensors(self) -> None:
        for what, tensors in (("inputs", self.input_tensors), ("outputs", self.output_tensors)):
            if not tensors:
                raise ValueError(f"{self.label}: `{what}` is empty.")
            for tensor in tensors:
                if not isinstance(tensor, SymbolicTensor):
                    raise WrongPartError(
                        f"{self.label}: `{what}` must hold symbolic tensors (from Input and layers), got {tensor!r}."
                    )
        if len({id(tensor) for tensor in self.input_tensors}) != len(self.input_tensors):
            raise ValueError(f"{self.label}: the same tensor stands twice in `inputs`.")

    def _walk(self) -> tuple[list[Node], dict[int, int]]:
        """Nodes, each after those it needs; and the layers' order of discovery (by id), walking back from the
        outputs.
        """
        ends = {id(tensor) for tensor in self.input_tensors}
        order: list[Node] = []
        done: set[int] = set()
        discovery: dict[int, int] = {}
        for output in self.output_tensors:
            stack: list[tuple[Node, Iterator[SymbolicTensor]]] = []
            self._enter(output, ends, done, discovery, stack)
            while stack:
                node, waiting = stack[-1]
                tensor = next(waiting, None)
                if tensor is not None:
                    self._enter(tensor, ends, done, discovery, stack)
                else:
                    stack.pop()
                    order.append(node)
        return order, discovery

    def _enter(
        self, tensor: SymbolicTensor, ends: set[int], done: set[int], discovery: dict[int, int],
        stack: list[tuple[Node, Iterator[SymbolicTensor]]],
    ) -> None:  # fmt: skip
        node = tensor.node
        if node is None or id(node) in done:
            return
        is_end = id(tensor) in ends
        if not is_end and isinstance(node.layer, InputLayer):
            raise ValueError(
                f"{self.label}: the outputs need {tensor!r}, which is not among the inputs. Add it to `inputs`."
            )
        done.add(id(node))
        discovery.setdefault(id(node.layer), len(discovery))
        stack.append((node, iter(()) if is_end else iter(node.inputs)))

    def _by_depth(self, order: list[Node], discovery: dict[int, int]) -> list[Layer]:
        """The layers, deepest (furthest from the outputs) first; among equals, in order of discovery."""
        depth_of_node: dict[int, int] = {}
        depth_of_layer: dict[int, int] = {}
        layers: dict[int, Layer] = {}
        ends = {id(tensor) for tensor in self.input_tensors}
        for node in reversed(order):
            place = id(node.layer)
            layers[place] = node.layer
            depth = max(depth_of_node.get(id(node), 0), depth_of_layer.get(place, 0))
            depth_of_node[id(node)] = depth_of_layer[place] = depth
            if any(id(t) in ends for t in structure.flatten(node.outputs)):
                continue
            for tensor in node.inputs:
                if tensor.node is not None:
                    depth_of_node[id(tensor.node)] = max(depth + 1, depth_of_node.get(id(tensor.node), 0))
        for tensor in self.input_tensors:  # An input that no output needs still belongs to the model.
            if tensor.node is not None and id(tensor.node.layer) not in layers:
                place = id(tensor.node.layer)
                layers[place], depth_of_layer[place] = tensor.node.layer, 0
                discovery.setdefault(place, len(discovery))
        inner = [layer for layer in layers.values() if self._runs(layer, ends)]
        return sorted(inner, key=lambda layer: (-depth_of_layer[id(layer)], discovery[id(layer)]))

    @staticmethod
    def _runs(layer: Layer, ends: set[int]) -> bool:
        """Whether the layer is the model's own: an input layer, or one that it calls (not one whose output is fed
        in).
        """
        if isinstance(layer, InputLayer):
            return True
        return any(not all(id(t) in ends for t in structure.flatten(node.outputs)) for node in layer._inbound_nodes)

    # -- running ----------------------------------------------------------------------------------------------------

    def run(self, inputs: Any, mask: Any = None) -> Any:
        """The outputs for arrays in the structure of `inputs`, as `matched` gives them; masks travel with the
        arrays.
        """
        values = dict(zip(map(id, self.input_tensors), structure.flatten(inputs), strict=True))
        if mask is not None:
            for place, own in zip(list(values), structure.flatten(mask), strict=False):
                values[place] = masks.carrying(values[place], own)
        for node in self.nodes:
            args, kwargs = node.substitute(lambda tensor: values[id(tensor)])
            outputs = node.layer(*args, **kwargs)
            for tensor, value in zip(structure.flatten(node.outputs), structure.flatten(outputs), strict=True):
                values[id(tensor)] = value
        return structure.rebuild(self.outputs, iter([values[id(tensor)] for tensor in self.output_tensors]))

    def matched(self, inputs: Any) -> list[Any]:
        """The arrays of a call, one for each input tensor, checked and cast.

        Raises:
            ValueError: a wrong number of inputs, names that do not match, a wrong rank or size.
        """
        return [
            self._fitted(array, tensor) for array, tensor in zip(self._aligned(inputs), self.input_tensors, strict=True)
        ]

    def _tell_other_structure(self, inputs: Any) -> None:
        """Warn of a dict with more than the inputs, and of a list in the place of a dict; refuse one where the dict's
        order says nothing, which Keras 2 takes.
        """
        if not isinstance(self.inputs, dict):
            return
        keys = list(self.inputs)
        if isinstance(inputs, dict):
            more = sorted(set(inputs) - set(keys), key=str)
            if more and len(inputs) > len(keys):
                warnings.warn(
                    f"{self.label}: the structure of the inputs is {keys}, and {more} came too, which nothing reads.",
                    stacklevel=6,
                )
        elif isinstance(inputs, (list, tuple)) and release.current() == "keras3":
            words = f"{self.label}: the inputs are a dict with the keys {keys}, but a {type(inputs).__name__} came"
            if keys != sorted(keys):
                raise ValueError(f"{words}, and it is not clear which is which: pass a dict.")
            warnings.warn(f"{words}, which is read in that order: pass a dict.", stacklevel=6)

    def _aligned(self, inputs: Any) -> list[Any]:
        self._tell_other_structure(inputs)
        names = [tensor.name for tensor in self.input_tensors]
        if isinstance(inputs, dict) and not isinstance(self.inputs, dict):
            missing = [name for name in names if name not in inputs]
            if missing:
                raise ValueError(f"{self.label}: the inputs are named {names}, but {sorted(inputs)} came.")
            return [inputs[name] for name in names]
        if isinstance(self.inputs, dict) and isinstance(inputs, dict):
            if not set(self.inputs) <= set(inputs):
                raise ValueError(
                    f"{self.label}: the inputs are named {sorted(self.inputs)}, but {sorted(inputs)} came."
                )
            inputs = {name: inputs[name] for name in self.inputs}
        given = structure.flatten(inputs) if structure.is_nested(inputs) else [inputs]
        if len(given) != len(names):
            if len(names) == 1 and structure.is_nested(inputs):
                return [inputs]  # One sample, or a batch, as nested lists of numbers.
            raise ValueError(f"{self.label}: expected {len(names)} inputs ({', '.join(names)}), got {len(given)}.")
        return given

    def _fitted(self, value: Any, tensor: SymbolicTensor) -> Any:
        what = f"{self.label}: the input {tensor.name!r}"
        if value is None:
            return self._left_out(tensor, what)
        if tensor.dtype == "string":
            array = as_input(value, what)
            if array.dtype.kind in NUMBER_KINDS:
                return array  # The layer that reads it has read it before.
            return self._in_rank(array, tensor)
        array = as_array(value, what)
        array = self._in_rank(array, tensor)
        for size, wanted in zip(array.shape[1:], tensor.shape[1:], strict=len(array.shape) == len(tensor.shape)):
            if wanted is not None and size != wanted:
                raise ValueError(
                    f"{self.label}: the input {tensor.name!r} must have the shape {tensor.shape}, "
                    f"got {shape_of(array)}.{_difference(array.shape, tensor.shape)}"
                )
        return _cast(array, tensor.dtype)

    @staticmethod
    def _left_out(tensor: SymbolicTensor, what: str) -> None:
        """None, where an input may be left out."""
        if tensor.node is None or not getattr(tensor.node.layer, "optional", False):
            raise ValueError(
                f"{what} is not optional, but None came: give an array, or draw it as Input(optional=True)."
            )

    def _of_any_rank(self, tensor: SymbolicTensor) -> bool:
        """Whether the input is the (None, None) that Embeddings of TensorFlow 1 and 2 start with: ids of any shape."""
        readers = [node.layer for node in self.nodes if any(tensor is each for each in node.inputs)]
        old = all(layer.takes_ids and getattr(layer, "_release", "keras3") != "keras3" for layer in readers)
        return old and tensor.shape == (None, None)

    def _in_rank(self, array: Any, tensor: SymbolicTensor) -> Any:
        """The array with as many axes as wanted; as in Keras, a last axis of size 1 may be left out or come extra."""
        wanted = len(tensor.shape)
        if array.ndim == wanted - 1 and tensor.shape[-1] == 1 and wanted > 1:
            return array[..., None]
        if array.ndim == wanted + 1 and array.shape[-1] == 1:
            return array[..., 0]
        if array.ndim > wanted and self._of_any_rank(tensor):
            return array
        if array.ndim != wanted:
            hint = ""
            if array.ndim == wanted - 1:
                hint = " If this is one sample, add the batch axis: x[None]."
            raise ValueError(
                f"{self.label}: the input {tensor.name!r} must have {wanted} axes, shape {tensor.shape}, "
                f"got {array.ndim}: shape {shape_of(array)}.{hint}"
            )
        return array

    def output_shapes(self, input_shapes: Any) -> Any:
        """The outputs' shapes for other input shapes than those drawn with."""
        if isinstance(self.inputs, dict) and isinstance(input_shapes, dict):
            input_shapes = {name: input_shapes[name] for name in self.inputs}  # There may be more, which nothing reads.
        given = structure.flatten(input_shapes, leaf=structure.is_shape)
        shapes: dict[int, Shape] = dict(zip(map(id, self.input_tensors), map(tuple, given), strict=True))
        for node in self.nodes:
            args, kwargs = node.substitute(lambda tensor: SymbolicTensor(shapes[id(tensor)], tensor.dtype, tensor.name))
            ins = structure.map_structure(_shape_in, args[0] if args else next(iter(kwargs.values())))
            outs = node.layer._output_shapes(ins, args, kwargs)
            for tensor, shape in zip(
                structure.flatten(node.outputs), structure.flatten(outs, leaf=structure.is_shape), strict=True
            ):
                shapes[id(tensor)] = tuple(shape)
        return structure.rebuild(self.outputs, iter([shapes[id(tensor)] for tensor in self.output_tensors]))


def _shape_in(leaf: Any) -> Shape:
    """The shape of what a layer is called on: a tensor, an array, or a number in an operation."""
    return shape_of(leaf) if hasattr(leaf, "shape") else ()


def _cast(array: Any, dtype: str) -> Any:
    """Cast to an input's dtype; integers stay integers, as layers cast them where they multiply: an id above 2**24
    would not survive float32.
    """
    if array.dtype.name == dtype or (not is_floating(array) and dtype.startswith(("float", "bfloat"))):
        return array
    mask = masks.of(array)
    cast = namespace(array).astype(array, dtype_of(array, dtype))
    masks.attach(cast, mask)
    return cast


def _difference(got: Any, wanted: Any) -> str:
    """In words, how an array (B, T, I) differs from what a model takes."""
    if len(wanted) != 3:
        return ""
    if got[1:] == (wanted[2], wanted[1]):
        return " Steps and features have changed places: np.swapaxes(x, 1, 2) puts them right."
    if got[2] != wanted[2] and wanted[2] is not None:
        return f" It has {got[2]} features a step, and the model was made for {wanted[2]}."
    return f" It has {got[1]} steps, and the model takes {wanted[1]}; one drawn for (None, {wanted[2]}) takes any."
