"""What an operator of TensorFlow's is here: a function of a node and its input arrays.

Those of loops and branches (Enter, Merge, Switch, ...) are `running.py`'s own.

Source: https://www.tensorflow.org/api_docs/python/tf/raw_ops.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, Final, TypeAlias

import numpy as np

from gatewise import activations
from gatewise.base.typing import Array
from gatewise.formats.tensorflow.graph import Node

Operator: TypeAlias = Callable[..., Any]
"""Takes a node and arrays; gives an array, or a tuple of them."""

OPERATORS: Final[dict[str, Operator]] = {}
"""All that are known, by name."""
MOST_BYTES: Final = 1 << 30
"""Of an array that is made of a shape alone: a graph of a few bytes shall not fill the memory."""


def operator(*names: str) -> Callable[[Operator], Operator]:
    """Make a function known as the operator of these names."""

    def known(function: Operator) -> Operator:
        OPERATORS.update(dict.fromkeys(names, function))
        return function

    return known


def _of_one(function: Callable[[Any], Any]) -> Operator:
    return lambda node, x: np.asarray(function(x)).astype(x.dtype, copy=False)


def _as_it_is(function: Callable[..., Any]) -> Operator:
    return lambda node, *given: function(*given)


_OF_ONE: Final[dict[str, Callable[[Any], Any]]] = {
    "Abs": np.abs, "Neg": np.negative, "Exp": np.exp, "Log": np.log, "Log1p": np.log1p, "Sqrt": np.sqrt,
    "Rsqrt": lambda x: 1 / np.sqrt(x), "Square": np.square, "Reciprocal": np.reciprocal, "Inv": np.reciprocal,
    "Floor": np.floor, "Ceil": np.ceil, "Round": np.round, "Sign": np.sign, "Sin": np.sin, "Cos": np.cos,
    "Tanh": np.tanh, "Sigmoid": activations.sigmoid, "Relu": activations.relu, "Relu6": activations.relu6,
    "Elu": activations.elu, "Selu": activations.selu, "Softplus": activations.softplus,
    "Softsign": activations.softsign, "ZerosLike": np.zeros_like, "OnesLike": np.ones_like,
}  # fmt: skip
_OF_SOME: Final[dict[str, Callable[..., Any]]] = {
    "Add": np.add, "AddV2": np.add, "Sub": np.subtract, "Mul": np.multiply, "RealDiv": np.divide,
    "FloorDiv": np.floor_divide, "FloorMod": np.mod, "Maximum": np.maximum, "Minimum": np.minimum, "Pow": np.power,
    "SquaredDifference": lambda x, y: np.square(x - y), "Less": np.less, "LessEqual": np.less_equal,
    "Greater": np.greater, "GreaterEqual": np.greater_equal, "Equal": np.equal, "NotEqual": np.not_equal,
    "LogicalAnd": np.logical_and, "LogicalOr": np.logical_or, "LogicalNot": np.logical_not, "IsNan": np.isnan,
    "SelectV2": np.where, **dict.fromkeys(
        ("Identity", "StopGradient", "PreventGradient", "CheckNumerics", "Snapshot"), lambda x: x
    ),
}  # fmt: skip
EACH_NUMBER: Final[dict[str, Operator]] = {
    **{name: _of_one(function) for name, function in _OF_ONE.items()},
    **{name: _as_it_is(function) for name, function in _OF_SOME.items()},
}
"""Those that treat each number by itself, or pairs of them."""
OPERATORS.update(EACH_NUMBER)
OPERATORS["NoOp"] = lambda node: np.zeros(0)


# -- several arrays ---------------------------------------------------------------------------------------------------


@operator("Div")
def _div(node: Node, x: Array, y: Array) -> Any:
    return np.floor_divide(x, y) if x.dtype.kind in "iu" else np.divide(x, y)


@operator("AddN")
def _add_n(node: Node, *given: Array) -> Any:
    return np.sum(np.stack(given), axis=0)


@operator("BiasAdd", "BiasAddV1")
def bias_add(node: Node, x: Array, bias: Array) -> Any:
    """The bias along the last axis."""
    if node.attributes.get("data_format", "NHWC") != "NHWC" and x.ndim > 2:
        raise ValueError(f"data_format={node.attributes['data_format']!r} is not known here; 'NHWC' is")
    return x + bias


@operator("MatMul")
def _matmul(node: Node, x: Array, y: Array) -> Any:
    x = x.T if node.attributes.get("transpose_a") else x
    return np.matmul(x, y.T if node.attributes.get("transpose_b") else y)


@operator("BatchMatMul", "BatchMatMulV2")
def _batch_matmul(node: Node, x: Array, y: Array) -> Any:
    x = np.swapaxes(x, -1, -2) if node.attributes.get("adj_x") else x
    return np.matmul(x, np.swapaxes(y, -1, -2) if node.attributes.get("adj_y") else y)


@operator("Softmax")
def _softmax(node: Node, x: Array) -> Any:
    return activations.softmax(x)


@operator("LogSoftmax")
def _log_softmax(node: Node, x: Array) -> Any:
    return activations.log_softmax(x)


@operator("LeakyRelu")
def _leaky_relu(node: Node, x: Array) -> Any:
    return np.where(x < 0, x * x.dtype.type(node.attributes.get("alpha", 0.2)), x)


@operator("Select")
def select(node: Node, condition: Array, x: Array, y: Array) -> Any:
    """A condition of one axis less chooses rows."""
    return np.where(condition.reshape(condition.shape + (1,) * (x.ndim - condition.ndim)), x, y)


@operator("ClipByValue")
def _clip(node: Node, x: Array, low: Array, high: Array) -> Any:
    return np.clip(x, low, high)


@operator("Cast")
def _cast(node: Node, x: Array) -> Any:
    return x.astype(node.dtype("DstT"))


@operator("Assert")
def _assert(node: Node, condition: Array, *_: Any) -> Any:
    if not condition.all():
        raise ValueError("what the program asserts does not hold")
    return np.zeros(0)


@operator("RandomUniform")
def _random_uniform(node: Node, shape: Array) -> Any:
    return np.random.default_rng().random(_sized(shape, 4), np.float32).astype(node.dtype("dtype"))


# -- over axes --------------------------------------------------------------------------------------------------------


def _reduced(function: Callable[..., Any]) -> Operator:
    def reduce(node: Node, x: Array, axes: Array) -> Any:
        chosen = tuple(int(axis) for axis in axes.ravel())
        keeps = bool(node.attributes.get("keep_dims", 0))
        return np.asarray(function(x, axis=chosen, keepdims=keeps)).astype(x.dtype, copy=False)

    return reduce


_REDUCED: Final[dict[str, Callable[..., Any]]] = {
    "Sum": np.sum, "Mean": np.mean, "Max": np.max, "Min": np.min, "Prod": np.prod, "All": np.all, "Any": np.any,
}  # fmt: skip
OPERATORS.update({name: _reduced(function) for name, function in _REDUCED.items()})


@operator("ArgMax", "ArgMin")
def _arg(node: Node, x: Array, axis: Array) -> Any:
    found = np.argmax if node.operator == "ArgMax" else np.argmin
    return found(x, axis=int(axis)).astype(node.dtype("output_type") if "output_type" in node.attributes else "int64")


# -- shapes -----------------------------------------------------------------------------------------------------------


def _sized(shape: Array, itemsize: int) -> tuple[int, ...]:
    sizes = tuple(int(size) for size in shape.ravel())
    if any(size < 0 for size in sizes) or prod(sizes) * itemsize > MOST_BYTES:
        raise ValueError(f"an array of the shape {sizes} cannot be made, or takes more than {MOST_BYTES >> 20} MB")
    return sizes


@operator("Shape", "Size", "Rank")
def _facts(node: Node, x: Array) -> Any:
    found = {"Shape": x.shape, "Size": x.size, "Rank": x.ndim}[node.operator]
    return np.array(found, node.dtype("out_type") if node.attributes.get("out_type") else "int32")


@operator("Reshape")
def _reshape(node: Node, x: Array, shape: Array) -> Any:
    return x.reshape([int(size) for size in shape])


@operator("ExpandDims")
def _expand(node: Node, x: Array, axis: Array) -> Any:
    return np.expand_dims(x, int(axis.item()))


@operator("Squeeze")
def _squeeze(node: Node, x: Array) -> Any:
    return np.squeeze(x, tuple(node.attributes.get("squeeze_dims") or ()) or None)


@operator("Transpose")
def _transpose(node: Node, x: Array, axes: Array) -> Any:
    return np.transpose(x, [int(axis) for axis in axes])


@operator("ConcatV2")
def _concat(node: Node, *given: Array) -> Any:
    return np.concatenate(given[:-1], axis=int(given[-1]))


@operator("Concat")
def _old_concat(node: Node, axis: Array, *given: Array) -> Any:
    return np.concatenate(given, axis=int(axis))


@operator("Split")
def _split(node: Node, axis: Array, x: Array) -> Any:
    return tuple(np.split(x, int(node.attributes["num_split"]), axis=int(axis)))


@operator("SplitV")
def _split_v(node: Node, x: Array, sizes: Array, axis: Array) -> Any:
    lengths = [int(size) for size in sizes]
    if -1 in lengths:
        lengths[lengths.index(-1)] = x.shape[int(axis)] - sum(lengths) - 1
    return tuple(np.split(x, np.cumsum(lengths)[:-1], axis=int(axis)))


@operator("Pack")
def _pack(node: Node, *given: Array) -> Any:
    return np.stack(given, axis=int(node.attributes.get("axis", 0)))


@operator("Unpack")
def _unpack(node: Node, x: Array) -> Any:
    return tuple(np.moveaxis(x, int(node.attributes.get("axis", 0)), 0))


@operator("Slice")
def _slice(node: Node, x: Array, begin: Array, size: Array) -> Any:
    ends = [None if length < 0 else start + length for start, length in zip(begin, size, strict=True)]
    return x[tuple(slice(start, end) for start, end in zip(begin, ends, strict=True))]


@operator("StridedSlice")
def _strided_slice(node: Node, x: Array, begin: Array, end: Array, strides: Array) -> Any:
    """What `x[...]` means in Python; each mask has a bit for each part of it."""
    bits = {name: int(node.attributes.get(f"{name}_mask", 0)) for name in ("begin", "end", "ellipsis", "new_axis")}
    dropped = int(node.attributes.get("shrink_axis_mask", 0))
    parts: list[Any] = []
    for place, (start, stop, step) in enumerate(zip(begin.tolist(), end.tolist(), strides.tolist(), strict=True)):
        bit = 1 << place
        if bits["ellipsis"] & bit:
            parts.append(Ellipsis)
        elif bits["new_axis"] & bit:
            parts.append(None)
        elif dropped & bit:
            parts.append(start)
        else:
            parts.append(slice(None if bits["begin"] & bit else start, None if bits["end"] & bit else stop, step))
    return x[tuple(parts)]


@operator("Gather", "GatherV2", "ResourceGather")
def _gather(node: Node, x: Array, places: Array, axis: Array | None = None) -> Any:
    if places.size and (places.min() < 0 or places.max() >= x.shape[0 if axis is None else int(axis)]):
        raise ValueError(f"places from {places.min()} to {places.max()} lie outside of the array")
    return np.take(x, places, axis=0 if axis is None else int(axis))


@operator("GatherNd")
def _gather_nd(node: Node, x: Array, places: Array) -> Any:
    return x[tuple(places[..., axis] for axis in range(places.shape[-1]))]


@operator("Tile")
def _tile(node: Node, x: Array, counts: Array) -> Any:
    _sized(np.array(x.shape) * counts, x.itemsize)
    return np.tile(x, [int(count) for count in counts])


@operator("Fill")
def _fill(node: Node, shape: Array, value: Array) -> Any:
    return np.full(_sized(shape, value.itemsize), value)


@operator("BroadcastTo")
def _broadcast(node: Node, x: Array, shape: Array) -> Any:
    return np.broadcast_to(x, _sized(shape, x.itemsize))


@operator("Range")
def _range(node: Node, start: Array, stop: Array, step: Array) -> Any:
    _sized(np.ceil(np.maximum((stop - start) / step, 0)), start.itemsize)
    return np.arange(start, stop, step, dtype=start.dtype)


@operator("Pad", "PadV2")
def _pad(node: Node, x: Array, widths: Array, value: Any = 0) -> Any:
    _sized(np.array(x.shape) + widths.sum(1), x.itemsize)
    return np.pad(x, widths, constant_values=value)


@operator("OneHot")
def _one_hot(node: Node, places: Array, depth: Array, on: Array, off: Array) -> Any:
    axis = int(node.attributes.get("axis", -1))
    _sized(np.array([*places.shape, int(depth)]), on.itemsize)
    hot: Any = np.where(places[..., None] == np.arange(int(depth)), on, off)
    return hot if axis == -1 else np.moveaxis(hot, -1, axis)


@operator("ReverseV2")
def _reverse(node: Node, x: Array, axes: Array) -> Any:
    return np.flip(x, tuple(int(axis) for axis in axes))


@operator("ReverseSequence")
def _reverse_sequence(node: Node, x: Array, lengths: Array) -> Any:
    """The first steps of each sequence the other way round; those behind its length stay."""
    batch, time = int(node.attributes.get("batch_dim", 0)), int(node.attributes.get("seq_dim", 1))
    rows = np.moveaxis(x, (batch, time), (0, 1))
    places = np.arange(rows.shape[1])
    turned = np.where(places < lengths[:, None], lengths[:, None] - 1 - places, places)
    found: Array = rows[np.arange(len(rows))[:, None], turned]
    return np.moveaxis(found, (0, 1), (batch, time))


# -- arrays of arrays -------------------------------------------------------------------------------------------------


class Rows:
    """A TensorArray: arrays of one shape by their places. A flow, which nothing needs here, says what came before."""

    def __init__(self, count: int, shape: Any) -> None:
        if not 0 <= count <= _MOST_ROWS:
            raise ValueError(f"an array of {count} arrays cannot be made")
        self.rows: list[Any] = [None] * count
        self.shape = shape

    def stacked(self, places: Array) -> Array:
        """The arrays at these places."""
        if not len(places):
            if self.shape is None or None in self.shape:  # TensorFlow's own rule.
                raise ValueError("there are no arrays, which would say their shape")
            return np.zeros((0, *self.shape), "float32")
        found = [self.rows[int(place)] for place in places]
        if any(row is None for row in found):
            raise ValueError("an array that was not written is asked for")
        return np.stack(found)

    def put(self, places: Array, values: Array) -> None:
        """Keep an array at each of these places."""
        for place, value in zip(places, values, strict=True):
            if not 0 <= int(place) < _MOST_ROWS:
                raise ValueError(f"there is no place {int(place)}")
            if int(place) >= len(self.rows):
                self.rows += [None] * (int(place) + 1 - len(self.rows))
            self.rows[int(place)] = value


_MOST_ROWS: Final = 1 << 24
_FLOW: Final = np.zeros((), "float32")


@operator("TensorArrayV3")
def _rows(node: Node, count: Array) -> Any:
    return Rows(int(count), node.attributes.get("element_shape")), _FLOW


@operator("TensorArrayScatterV3")
def _scatter(node: Node, rows: Rows, places: Array, values: Array, flow: Any) -> Any:
    rows.put(places, values)
    return _FLOW


@operator("TensorArrayGatherV3")
def _gathered(node: Node, rows: Rows, places: Array, flow: Any) -> Any:
    return rows.stacked(places)


@operator("TensorArrayReadV3")
def read_row(node: Node, rows: Rows, place: Array, flow: Any) -> Any:
    """One array."""
    return rows.rows[int(place)]


@operator("TensorArrayWriteV3")
def write_row(node: Node, rows: Rows, place: Array, value: Array, flow: Any) -> Any:
    """Keep one array."""
    rows.put(np.array([place]), value[None])
    return _FLOW


@operator("TensorArraySizeV3")
def _row_count(node: Node, rows: Rows, flow: Any) -> Any:
    return np.array(len(rows.rows), "int32")


# TensorFlow 2's lists are values: what changes one gives another.


@operator("TensorListReserve")
def _list(node: Node, shape: Array, count: Array) -> Any:
    return Rows(int(count), None)


@operator("TensorListFromTensor")
def _list_of(node: Node, x: Array, shape: Array) -> Any:
    made = Rows(len(x), x.shape[1:])
    made.rows = list(x)
    return made


@operator("TensorListGetItem")
def _item(node: Node, rows: Rows, place: Array, shape: Array) -> Any:
    return rows.rows[int(place)]


@operator("TensorListSetItem")
def _with_item(node: Node, rows: Rows, place: Array, value: Array) -> Any:
    made = Rows(len(rows.rows), rows.shape)
    made.rows = list(rows.rows)
    made.rows[int(place)] = value
    return made


@operator("TensorListStack")
def _stacked(node: Node, rows: Rows, shape: Array) -> Any:
    return rows.stacked(np.arange(len(rows.rows)))
