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


def _shown(sizes: tuple[Any, ...]) -> str:
    return f"({', '.join(map(str, sizes))}{',' if len(sizes) == 1 else ''})"
