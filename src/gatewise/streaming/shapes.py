"""What a streaming call takes and gives: checked and cast on the way in, in the model's structure on the way out."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.base import structure
from gatewise.base.arrays import as_array, shape_of
from gatewise.base.typing import Array
from gatewise.graph import Graph
from gatewise.streaming.values import Value


class Shapes:
    """The inputs and outputs of one step of a model.

    Args:
        label: the model, as errors name it.
        graph: whose inputs and outputs they are.
        inputs, outputs: their values.
        ids: which inputs are ids.
    """

    def __init__(self, label: str, graph: Graph, inputs: list[Value], outputs: list[Value], ids: list[bool]) -> None:
        self.label = label
        self.ids = ids
        self._graph = graph
        self._inputs = inputs
        self._outputs = outputs

    def push_any(self, session: Any, x: Any) -> Any:
        """`Stream.push` for whatever is not one float32 array of the very shape."""
        arrays, single = self.taken(x, session.batch, steps=False)
        return self.given(session.run(arrays, 1), () if single else (session.batch,))

    def push_many(self, session: Any, x: Any) -> Any:
        """`Stream.push_many`."""
        arrays, single = self.taken(x, session.batch, steps=True)
        steps = self._steps(arrays, session.batch)
        arrays = [self._spread(a, v, session.batch, steps) for a, v in zip(arrays, self._inputs, strict=True)]
        return self.given(session.run(arrays, steps), (steps,) if single else (session.batch, steps))

    def taken(self, x: Any, batch: int, *, steps: bool) -> tuple[list[Array], bool]:
        """The inputs as contiguous arrays with a batch axis, and whether they came without one.

        Args:
            x: what the caller gave.
            batch: how many sequences it should be for.
            steps: whether inputs that have a time axis come with it.

        Raises:
            ValueError, TypeError: where something does not fit.
        """
        count = len(self._inputs)
        flat = count > 1 and isinstance(x, (list, tuple)) and len(x) == count  # Each may be a list of numbers.
        given = x if flat else self._graph._aligned(x)
        arrays = [
            self._array(value, ids, tensor.name)
            for value, ids, tensor in zip(given, self.ids, self._graph.input_tensors, strict=True)
        ]
        for single in (False, True) if batch == 1 else (False,):
            front = () if single else (batch,)
            if all(self._fits(a, v, front, steps) for a, v in zip(arrays, self._inputs, strict=True)):
                return [a[None] if single else a for a in arrays], single
        raise ValueError(self._complaint(arrays, batch, steps=steps))

    def given(self, arrays: list[Array], front: tuple[int, ...]) -> Any:
        """The outputs in the model's structure; `front` is the shape of their leading axes."""
        shaped = [a.reshape(front + v.shape) for a, v in zip(arrays, self._outputs, strict=True)]
        return structure.rebuild(self._graph.outputs, iter(shaped))

    def into(self, out: Any, front: tuple[int, ...], inputs: list[Array]) -> list[Array]:
        """The arrays of `out`, in the structure of the model's outputs, as the engine writes to them.

        Args:
            out: float32 arrays, writable and contiguous.
            front: the shape of their leading axes.
            inputs: arrays with which they must not share memory.

        Raises:
            ValueError, TypeError: where something does not fit.
        """
        known, arrays = structure.flatten(self._graph.outputs), structure.flatten(out)
        if _skeleton(out) != _skeleton(self._graph.outputs):
            raise ValueError(
                f"{self.label}: out must have the structure of the model's outputs, {_skeleton(self._graph.outputs)}, "
                f"got {_skeleton(out)}."
            )
        for array, value, tensor in zip(arrays, self._outputs, known, strict=True):
            name = f"{self.label}: out for {tensor.name!r}"
            if not isinstance(array, np.ndarray):
                raise TypeError(f"{name} must be a NumPy array, got {type(array).__name__}.")
            if array.shape != front + value.shape or array.dtype != np.float32 or not array.dtype.isnative:
                raise ValueError(
                    f"{name} must have the shape {front + value.shape} of float32, got {array.shape} of {array.dtype}."
                )
            if not (array.flags.c_contiguous and array.flags.writeable):
                raise ValueError(f"{name} must be writable and contiguous: np.empty(shape, 'float32') is.")
            if any(np.may_share_memory(array, other) for other in inputs):
                raise ValueError(f"{name} shares memory with the inputs: give it an array of its own.")
        return arrays

    def _array(self, value: Any, ids: bool, name: str) -> Array:
        array = as_array(value, f"{self.label}: the input {name!r}")
        if not isinstance(array, np.ndarray):
            array = np.asarray(array)
        if not ids:
            return np.asarray(array, np.float32, order="C")
        with np.errstate(invalid="ignore"):  # NaN becomes an id far outside, and is reported as one.
            return np.asarray(array, np.int64, order="C")

    @staticmethod
    def _fits(array: Array, value: Value, front: tuple[int, ...], steps: bool) -> bool:
        """Whether the array has the leading axes `front`, time where there is one, and the value's shape."""
        timed = steps and value.timed
        rank = len(front) + timed
        return shape_of(array)[: len(front)] == front and shape_of(array)[rank:] == value.shape and array.ndim >= rank

    def _steps(self, arrays: list[Array], batch: int) -> int:
        counts = {a.shape[1] for a, v in zip(arrays, self._inputs, strict=True) if v.timed}
        if len(counts) > 1:
            raise ValueError(f"{self.label}: the inputs have different numbers of steps: {sorted(counts)}.")
        return int(counts.pop()) if counts else 1

    @staticmethod
    def _spread(array: Array, value: Value, batch: int, steps: int) -> Array:
        """An input that is not part of time, for each step."""
        if value.timed:
            return array
        return np.repeat(array.reshape(batch, 1, *value.shape), steps, axis=1)

    def _complaint(self, arrays: list[Array], batch: int, *, steps: bool) -> str:
        wanted = []
        for value, tensor in zip(self._inputs, self._graph.input_tensors, strict=True):
            time = ("steps",) if steps and value.timed else ()
            batched = _shown((batch, *time, *value.shape))
            plain = f" or, for one sequence, {_shown((*time, *value.shape))}" if batch == 1 else ""
            wanted.append(f"{tensor.name!r} {batched}{plain}")
        came = ", ".join(str(shape_of(array)) for array in arrays)
        hint = "" if steps else " One call is one time step; push_many takes several."
        return f"{self.label}: expected inputs of the shapes {'; '.join(wanted)}, but {came} came.{hint}"


def _skeleton(tree: Any) -> Any:
    """The structure of some arrays, with "array" in the place of each."""
    return structure.map_structure(lambda _: "array", tree)


def _shown(sizes: tuple[Any, ...]) -> str:
    return f"({', '.join(map(str, sizes))}{',' if len(sizes) == 1 else ''})"
