"""Operators that move, take and put together numbers without changing them.

Source: https://onnx.ai/onnx/operators/.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from gatewise.base.typing import Array
from gatewise.models.graphs.operators import Step, integers, sized
from gatewise.models.onnx.elementwise import dtype_numbered
from gatewise.models.onnx.operators import operator

# -- constants --------------------------------------------------------------------------------------------------------


@operator("Constant")
def _constant(step: Step) -> Any:
    for name, dtype in (("value_float", "f4"), ("value_floats", "f4"), ("value_int", "i8"), ("value_ints", "i8")):
        if name in step.node.attributes:
            return np.array(step.get(name), dtype)
    if "value" not in step.node.attributes:
        raise ValueError(f"a constant of {', '.join(step.node.attributes) or 'nothing'} is not known here")
    return step.get("value")


@operator("ConstantOfShape")
def _constant_of_shape(step: Step, shape: Array) -> Any:
    value = step.get("value", np.zeros(1, "f4")).ravel()
    return np.full(sized(shape.ravel(), value.dtype), value[0], value.dtype)


@operator("Range")
def _range(step: Step, start: Array, limit: Array, delta: Array) -> Any:
    if not delta.item():
        raise ValueError("a range goes on by steps of zero")
    count = max(math.ceil((limit.item() - start.item()) / delta.item()), 0)
    sized((count,), start.dtype)
    return (start + np.arange(count) * delta).astype(start.dtype).ravel()


@operator("EyeLike")
def _eye_like(step: Step, like: Array) -> Any:
    dtype = dtype_numbered(step.get("dtype")) if step.get("dtype") else like.dtype
    return np.eye(like.shape[0], like.shape[1], k=step.get("k", 0), dtype=dtype)


@operator("OneHot")
def _one_hot(step: Step, indices: Array, depth: Array, values: Array) -> Any:
    axis = step.get("axis", -1)
    axis += indices.ndim + 1 if axis < 0 else 0
    count = int(depth.item())
    sized((*indices.shape, count), values.dtype)
    places = np.arange(count).reshape([-1 if k == axis else 1 for k in range(indices.ndim + 1)])
    wrapped = np.where(indices < 0, indices + count, indices)
    return np.where(np.expand_dims(wrapped, axis) == places, values[1], values[0])


# -- shapes -----------------------------------------------------------------------------------------------------------


@operator("Shape")
def _shape(step: Step, x: Array) -> Any:
    return np.array(x.shape[step.get("start", 0) : step.get("end", x.ndim)], "i8")


@operator("Size")
def _size(step: Step, x: Array) -> Any:
    return np.array(x.size, "i8")


@operator("Reshape")
def _reshape(step: Step, x: Array, shape: Array | None = None) -> Any:
    wanted = step.get("shape") if shape is None else integers(shape)
    if not step.get("allowzero", 0):
        wanted = [x.shape[place] if size == 0 else size for place, size in enumerate(wanted)]
    return x.reshape(wanted)


@operator("Flatten")
def _flatten(step: Step, x: Array) -> Any:
    axis = step.get("axis", 1)
    axis += x.ndim if axis < 0 else 0
    return x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


@operator("Squeeze")
def _squeeze(step: Step, x: Array, axes: Array | None = None) -> Any:
    chosen = step.axes(axes)
    return np.squeeze(x) if chosen is None else np.squeeze(x, tuple(chosen))


@operator("Unsqueeze")
def _unsqueeze(step: Step, x: Array, axes: Array | None = None) -> Any:
    return np.expand_dims(x, tuple(step.axes(axes) or ()))


@operator("Transpose")
def _transpose(step: Step, x: Array) -> Any:
    return np.transpose(x, step.get("perm"))


@operator("Expand")
def _expand(step: Step, x: Array, shape: Array) -> Any:
    return np.broadcast_to(x, sized(np.broadcast_shapes(x.shape, tuple(integers(shape))), x.dtype))


@operator("Tile")
def _tile(step: Step, x: Array, repeats: Array) -> Any:
    times = integers(repeats)
    sized((size * time for size, time in zip(x.shape, times, strict=True)), x.dtype)
    return np.tile(x, times)


_PADDINGS: Final = {"constant": "constant", "reflect": "reflect", "edge": "edge", "wrap": "wrap"}


@operator("Pad")
def _pad(step: Step, x: Array, pads: Array | None = None, value: Array | None = None, axes: Array | None = None) -> Any:
    mode = step.get("mode", "constant")
    if mode not in _PADDINGS:
        raise ValueError(f"the mode {mode!r} is not known here; {', '.join(_PADDINGS)} are")
    ends = step.get("pads") if pads is None else integers(pads)
    chosen = step.axes(axes)
    chosen = list(range(x.ndim)) if chosen is None else [axis % x.ndim for axis in chosen]
    given = dict(zip(chosen, zip(ends[: len(chosen)], ends[len(chosen) :], strict=True), strict=True))
    pairs = [given.get(axis, (0, 0)) for axis in range(x.ndim)]
    kept = [slice(max(-front, 0), size - max(-back, 0)) for size, (front, back) in zip(x.shape, pairs, strict=True)]
    x = x[tuple(kept)]  # A negative number cuts off.
    widths = [(max(front, 0), max(back, 0)) for front, back in pairs]
    sized((size + sum(width) for size, width in zip(x.shape, widths, strict=True)), x.dtype)
    if mode == "constant":
        fill = step.get("value", 0.0) if value is None else value.item() if value.size else 0
        return np.pad(x, widths, constant_values=fill)
    return np.pad(x, widths, mode)


# -- parts ------------------------------------------------------------------------------------------------------------


@operator("Concat")
def _concat(step: Step, *parts: Array) -> Any:
    return np.concatenate(parts, step.get("axis", 1))


@operator("Split")
def _split(step: Step, x: Array, sizes: Array | None = None) -> Any:
    axis, count = step.get("axis", 0), len(step.node.outputs)
    wanted = step.get("split") if sizes is None else integers(sizes)
    if wanted is None:
        each = -(-x.shape[axis] // count)
        wanted = [each] * count
    return tuple(np.split(x, np.cumsum(wanted)[:-1], axis))


@operator("Slice")
def _slice(
    step: Step,
    x: Array,
    starts: Array | None = None,
    ends: Array | None = None,
    axes: Array | None = None,
    steps: Array | None = None,
) -> Any:
    first = step.get("starts") if starts is None else integers(starts)
    last = step.get("ends") if ends is None else integers(ends)
    chosen = step.axes(axes)
    chosen = list(range(len(first))) if chosen is None else chosen
    every = integers(steps) or [1] * len(first)
    cut = [slice(None)] * x.ndim
    for axis, start, stop, stride in zip(chosen, first, last, every, strict=True):
        cut[axis] = _cut(x.shape[axis], start, stop, stride)
    return x[tuple(cut)]


def _cut(size: int, start: int, stop: int, stride: int) -> slice:
    """ONNX's slice as Python's, whose -1 for the end means another thing when it goes backwards."""
    if stride > 0:
        return slice(start, stop, stride)
    start = min(start + size if start < 0 else start, size - 1)
    stop = stop + size if stop < 0 else stop
    return slice(start, None if stop < 0 else stop, stride) if start >= 0 else slice(0, 0, 1)


@operator("Gather")
def _gather(step: Step, x: Array, indices: Array) -> Any:
    return np.take(x, indices, step.get("axis", 0))


@operator("GatherElements")
def _gather_elements(step: Step, x: Array, indices: Array) -> Any:
    axis = step.get("axis", 0)
    return np.take_along_axis(x, _wrapped(indices, x.shape[axis]), axis)


@operator("GatherND")
def _gather_nd(step: Step, x: Array, indices: Array) -> Any:
    step.refuse_settings(batch_dims=0)
    return x[tuple(np.moveaxis(indices, -1, 0))]


@operator("ScatterElements", "Scatter")
def _scatter_elements(step: Step, x: Array, indices: Array, updates: Array) -> Any:
    step.refuse_settings(reduction="none")
    made, axis = x.copy(), step.get("axis", 0)
    np.put_along_axis(made, _wrapped(indices, x.shape[axis]), updates, axis)
    return made


@operator("ScatterND")
def _scatter_nd(step: Step, x: Array, indices: Array, updates: Array) -> Any:
    step.refuse_settings(reduction="none")
    made = x.copy()
    made[tuple(np.moveaxis(indices, -1, 0))] = updates
    return made


def _wrapped(indices: Array, size: int) -> Array:
    return np.where(indices < 0, indices + size, indices)


@operator("NonZero")
def _non_zero(step: Step, x: Array) -> Any:
    return np.array(np.nonzero(x), "i8").reshape(x.ndim, -1)


@operator("Compress")
def _compress(step: Step, x: Array, condition: Array) -> Any:
    return np.compress(condition, x, step.get("axis"))


@operator("Trilu")
def _trilu(step: Step, x: Array, k: Array | None = None) -> Any:
    place = 0 if k is None else int(k.item())
    return np.triu(x, place) if step.get("upper", 1) else np.tril(x, place)


@operator("ReverseSequence")
def _reverse_sequence(step: Step, x: Array, lengths: Array) -> Any:
    time, batch = step.get("time_axis", 0), step.get("batch_axis", 1)
    moved = np.moveaxis(x, (batch, time), (0, 1))
    steps = np.arange(moved.shape[1])
    places = np.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)
    turned = moved[np.arange(len(moved))[:, None], places]
    return np.moveaxis(turned, (0, 1), (batch, time))


@operator("DepthToSpace")
def _depth_to_space(step: Step, x: Array) -> Any:
    size, (batch, depth, height, width) = step.get("blocksize"), x.shape
    depth //= size * size
    if step.get("mode", "DCR") == "DCR":
        x = x.reshape(batch, size, size, depth, height, width).transpose(0, 3, 4, 1, 5, 2)
    else:
        x = x.reshape(batch, depth, size, size, height, width).transpose(0, 1, 4, 2, 5, 3)
    return x.reshape(batch, depth, height * size, width * size)


@operator("SpaceToDepth")
def _space_to_depth(step: Step, x: Array) -> Any:
    size, (batch, depth, height, width) = step.get("blocksize"), x.shape
    x = x.reshape(batch, depth, height // size, size, width // size, size).transpose(0, 3, 5, 1, 2, 4)
    return x.reshape(batch, depth * size * size, height // size, width // size)
