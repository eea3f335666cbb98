"""Operators that make, move, cut and join arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gatewise.base.typing import Array
from gatewise.models.graphs.operators import Step, integers, sized
from gatewise.models.tflite.operators import activation, dtype_numbered, operator

# -- made of a shape --------------------------------------------------------------------------------------------------


@operator("FILL", moves=True)
def _fill(step: Step, shape: Array, value: Array) -> Any:
    return np.full(sized(shape, value.dtype), value.item(), value.dtype)


@operator("ZEROS_LIKE", moves=True)
def _zeros_like(step: Step, x: Array) -> Any:
    return np.zeros(x.shape, x.dtype)


@operator("RANGE", moves=True)
def _range(step: Step, start: Array, limit: Array, delta: Array) -> Any:
    if not delta.item():
        raise ValueError("a range goes on by steps of zero")
    count = max(math.ceil((limit.item() - start.item()) / delta.item()), 0)
    sized((count,), start.dtype)
    return (start.item() + np.arange(count) * delta.item()).astype(start.dtype)


@operator("ONE_HOT", moves=True)
def _one_hot(step: Step, indices: Array, depth: Array, on: Array, off: Array) -> Any:
    axis, count = step.get("axis"), int(depth.item())
    axis += indices.ndim + 1 if axis < 0 else 0
    sized((*indices.shape, count), on.dtype)
    places = np.arange(count).reshape([-1 if k == axis else 1 for k in range(indices.ndim + 1)])
    return np.asarray(np.where(np.expand_dims(indices, axis) == places, on, off)).astype(on.dtype)


# -- shapes -----------------------------------------------------------------------------------------------------------


@operator("SHAPE", moves=True)
def _shape(step: Step, x: Array) -> Any:
    return np.array(x.shape, dtype_numbered(step.get("to") or 2))


@operator("RANK", moves=True)
def _rank(step: Step, x: Array) -> Any:
    return np.array(x.ndim, "i4")


@operator("RESHAPE", moves=True)
def _reshape(step: Step, x: Array, shape: Array | None = None) -> Any:
    return x.reshape(step.get("shape", ()) if shape is None else integers(shape))


@operator("EXPAND_DIMS", moves=True)
def _expand(step: Step, x: Array, axis: Array) -> Any:
    return np.expand_dims(x, int(axis.item()))


@operator("SQUEEZE", moves=True)
def _squeeze(step: Step, x: Array) -> Any:
    return np.squeeze(x, tuple(step.get("axes", ())) or None)


@operator("TRANSPOSE", moves=True)
def _transpose(step: Step, x: Array, order: Array) -> Any:
    return np.transpose(x, integers(order))


@operator("BROADCAST_TO", moves=True)
def _broadcast(step: Step, x: Array, shape: Array) -> Any:
    return np.broadcast_to(x, sized(shape, x.dtype))


@operator("BROADCAST_ARGS", moves=True)
def _broadcast_shapes(step: Step, one: Array, other: Array) -> Any:
    return np.array(np.broadcast_shapes(tuple(integers(one)), tuple(integers(other))), one.dtype)


@operator("TILE", moves=True)
def _tile(step: Step, x: Array, repeats: Array) -> Any:
    times = integers(repeats)
    sized((size * time for size, time in zip(x.shape, times, strict=True)), x.dtype)
    return np.tile(x, times)


@operator("PAD", "PADV2")
def _pad(step: Step, x: Array, ends: Array, value: Array | None = None) -> Any:
    pairs = [(int(front), int(back)) for front, back in ends]
    sized((size + sum(pair) for size, pair in zip(x.shape, pairs, strict=True)), x.dtype)
    return np.pad(x, pairs, constant_values=0 if value is None else value.item())


# -- parts ------------------------------------------------------------------------------------------------------------


@operator("CONCATENATION")
def _concatenate(step: Step, *parts: Array) -> Any:
    return activation(step)(np.concatenate(parts, step.get("axis")))


@operator("PACK", moves=True)
def _pack(step: Step, *parts: Array) -> Any:
    return np.stack(parts, step.get("axis"))


@operator("UNPACK", moves=True)
def _unpack(step: Step, x: Array) -> Any:
    return tuple(np.moveaxis(x, step.get("axis"), 0))


@operator("SPLIT", moves=True)
def _split(step: Step, axis: Array, x: Array) -> Any:
    return tuple(np.split(x, len(step.node.outputs), int(axis.item())))


@operator("SPLIT_V", moves=True)
def _split_unequal(step: Step, x: Array, sizes: Array, axis: Array) -> Any:
    along, wanted = int(axis.item()), integers(sizes)
    rest = x.shape[along] - sum(size for size in wanted if size >= 0)
    return tuple(np.split(x, np.cumsum([rest if size < 0 else size for size in wanted])[:-1], along))


@operator("SLICE", moves=True)
def _slice(step: Step, x: Array, begins: Array, sizes: Array) -> Any:
    parts = zip(integers(begins), integers(sizes), x.shape, strict=True)
    cut = [slice(begin, whole if size < 0 else begin + size) for begin, size, whole in parts]
    if any(part.start < 0 or part.stop > whole for part, whole in zip(cut, x.shape, strict=True)):
        raise ValueError(f"the parts from {integers(begins)} of the sizes {integers(sizes)} lie outside")
    return x[tuple(cut)]


@operator("STRIDED_SLICE", moves=True)
def _strided_slice(step: Step, x: Array, begins: Array, ends: Array, strides: Array) -> Any:
    """Bits of masks say of an axis that it is cut from its beginning, to its end, taken at one place, or new."""
    masks = {name: step.get(f"{name}_mask") for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")}
    parts: list[Any] = []
    for place, (begin, end, stride) in enumerate(zip(*map(integers, (begins, ends, strides)), strict=True)):
        here = {name for name, mask in masks.items() if mask >> place & 1}
        if "ellipsis" in here:
            parts.append(Ellipsis)
        elif "new_axis" in here:
            parts.append(None)
        elif "shrink_axis" in here:
            parts.append(begin)
        else:
            last = begin + end if step.get("offset") else end
            parts.append(slice(None if "begin" in here else begin, None if "end" in here else last, stride))
    return x[tuple(parts)]


@operator("GATHER", moves=True)
def _gather(step: Step, x: Array, indices: Array) -> Any:
    axis, batched = step.get("axis"), step.get("batch_dims")
    if not batched:
        return np.take(x, indices, axis)
    batched += indices.ndim if batched < 0 else 0
    rows = x.shape[:batched]
    flat = x.reshape(-1, *x.shape[batched:])
    chosen = indices.reshape(-1, *indices.shape[batched:])
    inside = (axis + x.ndim if axis < 0 else axis) - batched
    taken = [np.take(one, which, inside) for one, which in zip(flat, chosen, strict=True)]
    return np.stack(taken).reshape(*rows, *taken[0].shape)


@operator("EMBEDDING_LOOKUP", moves=True)
def _look_up(step: Step, ids: Array, table: Array) -> Any:
    rows, scale = np.take(table, ids, 0), step.get("scales")[1]
    return rows if scale is None or table.dtype.kind == "f" else scale.real(rows)


@operator("GATHER_ND", moves=True)
def _gather_nd(step: Step, x: Array, indices: Array) -> Any:
    return x[tuple(np.moveaxis(indices, -1, 0))]


@operator("SCATTER_ND", moves=True)
def _scatter_nd(step: Step, indices: Array, updates: Array, shape: Array) -> Any:
    made = np.zeros(sized(shape, updates.dtype), updates.dtype)
    np.add.at(made, tuple(np.moveaxis(indices, -1, 0)), updates)
    return made


@operator("DYNAMIC_UPDATE_SLICE", moves=True)
def _put(step: Step, x: Array, part: Array, begins: Array) -> Any:
    made = x.copy()
    starts = [min(max(b, 0), n - m) for b, n, m in zip(integers(begins), x.shape, part.shape, strict=True)]
    made[tuple(slice(b, b + m) for b, m in zip(starts, part.shape, strict=True))] = part
    return made


@operator("REVERSE_V2", moves=True)
def _reverse(step: Step, x: Array, axes: Array) -> Any:
    return np.flip(x, tuple(integers(axes)))


@operator("REVERSE_SEQUENCE", moves=True)
def _reverse_sequence(step: Step, x: Array, lengths: Array) -> Any:
    moved = np.moveaxis(x, (step.get("batch"), step.get("time")), (0, 1))
    steps = np.arange(moved.shape[1])
    places = np.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)
    turned = moved[np.arange(len(moved))[:, None], places]
    return np.moveaxis(turned, (0, 1), (step.get("batch"), step.get("time")))
