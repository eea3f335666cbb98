"""What a model takes and gives, one step at a time and a sequence at a time, as JSON and as bytes say it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from gatewise.base import structure
from gatewise.base.typing import Array
from gatewise.serving.http.errors import Refused
from gatewise.streaming.compile import prepare

BATCH: Final = "batch"
TIME: Final = "steps"


class Port(NamedTuple):
    """One input or output of a model.

    Attributes:
        name: as the model has it.
        shape: of one step, without the axes of batch and time.
        whole: of a batch as `predict` takes or gives it; None where any size will do.
        integers: whether it takes ids and not measured numbers.
    """

    name: str
    shape: tuple[int, ...]
    whole: tuple[int | None, ...]
    integers: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the numbers as raw bytes."""
        return np.dtype("<i8" if self.integers else "<f4")

    @property
    def row_bytes(self) -> int:
        """Of one step."""
        return math.prod(self.shape) * self.dtype.itemsize


class Interface:
    """The inputs and outputs of a model.

    Args:
        model: a causal model.
        allow_nan: whether NaN and infinities are taken.
    """

    def __init__(self, model: Any, allow_nan: bool = False) -> None:
        prepared = prepare(model)
        self.label: str = model.label
        self._structure = model.outputs
        self._allow_nan = allow_nan
        self.inputs = [
            Port(name, value.shape, tuple(tensor.shape), ids)
            for name, value, tensor, ids in zip(
                model.input_names, prepared.inputs, model.inputs, prepared.shapes.ids, strict=True
            )
        ]
        self.outputs = [
            Port(name, value.shape, tuple(tensor.shape))
            for name, value, tensor in zip(
                _told_apart(model.output_names), prepared.outputs, structure.flatten(model.outputs), strict=True
            )
        ]

    # -- what comes -----------------------------------------------------------------------------------------------

    def rows(self, x: Any, count: int | None = None) -> tuple[list[Array], bool]:
        """Steps as arrays (n, ...) of each input, and whether it was one step without the axis of rows.

        Args:
            x: nested lists or an array; for several inputs a mapping of them by name.
            count: how many rows there have to be; by default any number, or one without the axis.

        Raises:
            Refused: with what came and what was wanted.
        """
        arrays = [self._numbers(port, value) for port, value in zip(self.inputs, self._by_name(x), strict=True)]
        single = count is None and all(
            array.shape == port.shape for array, port in zip(arrays, self.inputs, strict=True)
        )
        if single:
            arrays = [array[None] for array in arrays]
        lengths = {array.shape[0] if array.ndim else -1 for array in arrays}
        fits = all(array.shape[1:] == port.shape for array, port in zip(arrays, self.inputs, strict=True))
        if not fits or len(lengths) > 1 or -1 in lengths or (count is not None and lengths != {count}):
            raise self._wrong_shape(arrays, count)
        if lengths == {0}:
            raise Refused(422, "no_rows", "There are no rows to push.", wanted="one row at least")
        return arrays, single

    def whole(self, x: Any) -> list[Array]:
        """The inputs of `predict`, with the axes of batch and time."""
        arrays = [self._numbers(port, value) for port, value in zip(self.inputs, self._by_name(x), strict=True)]
        for array, port in zip(arrays, self.inputs, strict=True):
            fits = array.ndim == len(port.whole) and all(
                wanted in (None, size) for size, wanted in zip(array.shape, port.whole, strict=True)
            )
            if not fits or not array.size:
                raise Refused(
                    422,
                    "wrong_shape",
                    f"The input {port.name!r} has another shape than the model takes.",
                    got=list(array.shape),
                    wanted=words_of(port.whole),
                    hint="For one sequence put brackets around it: its batch is 1.",
                )
        return arrays

    def from_bytes(self, data: bytes) -> Array:
        """Raw bytes as rows (n, ...): float32, or int64 where the input is ids; little-endian.

        Raises:
            Refused: also for a model of several inputs, which raw bytes cannot tell apart.
        """
        port = self.only_input()
        if not data or len(data) % port.row_bytes:
            raise Refused(
                422,
                "wrong_size",
                f"Raw rows are {port.row_bytes} bytes each: {words_of(port.shape)} of {_kind(port)}, little-endian.",
                got=len(data),
                wanted=f"a multiple of {port.row_bytes}",
            )
        return np.frombuffer(data, port.dtype).reshape(-1, *port.shape)

    def only_input(self) -> Port:
        """The model's input, where it has one."""
        if len(self.inputs) == 1:
            return self.inputs[0]
        raise Refused(
            415,
            "several_inputs",
            f"The model has {len(self.inputs)} inputs, which one array cannot tell apart.",
            wanted=[port.name for port in self.inputs],
            hint="Send JSON, or application/x-npz with an array for each.",
        )

    def _by_name(self, x: Any) -> Sequence[Any]:
        names = [port.name for port in self.inputs]
        if isinstance(x, Mapping):
            if set(x) != set(names):
                raise Refused(422, "wrong_inputs", "These are not the model's inputs.", got=sorted(x), wanted=names)
            return [x[name] for name in names]
        if len(names) > 1:
            raise Refused(
                422,
                "wrong_inputs",
                f"The model has {len(names)} inputs: send an object with each by its name.",
                got=type(x).__name__,
                wanted=names,
            )
        return [x]

    def _numbers(self, port: Port, value: Any) -> Array:
        if type(value) is np.ndarray and value.dtype == np.float32 and not port.integers and value.flags.c_contiguous:
            if not self._allow_nan and not np.isfinite(value).all():
                raise _not_finite(port)
            return value
        try:
            array = np.asarray(value)
        except (ValueError, TypeError, RecursionError, OverflowError):
            array = np.empty((), object)  # Rows of unlike lengths, or something that is no array at all.
        if array.dtype.kind not in "iuf":
            raise Refused(
                422,
                "no_numbers",
                f"The input {port.name!r} has to be numbers, in rows of one length.",
                wanted=f"numbers of the shape {words_of((TIME, *port.shape))}",
            )
        with np.errstate(over="ignore", invalid="ignore"):
            cast = np.ascontiguousarray(array, port.dtype if port.integers else np.float32).reshape(array.shape)
        finite = array if port.integers else cast
        if port.integers and not np.array_equal(cast, array):
            raise Refused(422, "no_integers", f"The input {port.name!r} has to be whole numbers, which are ids.")
        if not self._allow_nan and finite.dtype.kind == "f" and not np.isfinite(finite).all():
            raise _not_finite(port)
        return cast

    def _wrong_shape(self, arrays: list[Array], count: int | None) -> Refused:
        rows: tuple[int | str, ...] = (TIME if count is None else count,)
        wanted = [
            words_of((*rows, *port.shape)) + ("" if count is not None else f" or {words_of(port.shape)}")
            for port in self.inputs
        ]
        got = [list(array.shape[1:] if array.shape[:1] == (1,) and count is None else array.shape) for array in arrays]
        return Refused(
            422,
            "wrong_shape",
            f"{self.label} takes rows of another shape.",
            got=got[0] if len(got) == 1 else dict(zip([port.name for port in self.inputs], got, strict=True)),
            wanted=wanted[0] if len(wanted) == 1 else dict(zip([p.name for p in self.inputs], wanted, strict=True)),
            hint="A row is one time step of one stream.",
        )

    # -- what goes ------------------------------------------------------------------------------------------------

    def as_model_takes(self, arrays: list[Array]) -> Any:
        """The inputs as a call of the model or of its pool takes them."""
        return arrays[0] if len(arrays) == 1 else arrays

    def listed(self, outputs: Any) -> list[Array]:
        """The outputs, in order, of what the model or its pool gave."""
        return structure.flatten(outputs)

    def only_output(self, form: str) -> Port:
        """The model's output, where it has one."""
        if len(self.outputs) == 1:
            return self.outputs[0]
        raise Refused(
            406,
            "several_outputs",
            f"The model has {len(self.outputs)} outputs, which {form} cannot tell apart.",
            wanted=[port.name for port in self.outputs],
            hint="Ask for application/json or application/x-npz with the header Accept.",
        )

    def to_json(self, outputs: list[Array]) -> Any:
        """Outputs as JSON has them: nested lists; for several outputs an object of them by name."""
        if len(outputs) == 1:
            return outputs[0].tolist()
        return {port.name: y.tolist() for port, y in zip(self.outputs, outputs, strict=True)}


def _not_finite(port: Port) -> Refused:
    return Refused(
        422,
        "not_finite",
        f"The input {port.name!r} holds NaN, infinity or a number beyond float32, which a stream's state would keep.",
        hint="Leave the row out or fill it; --allow-nan takes them.",
    )


def words_of(shape: Sequence[int | str | None]) -> str:
    """A shape in words.

    >>> words_of((None, None, 8)), words_of(("steps", 8)), words_of(())
    ('(batch, steps, 8)', '(steps, 8)', 'a number')
    """
    if not shape:
        return "a number"
    named = [
        size if size is not None else (BATCH, TIME)[place] if place < 2 else "any" for place, size in enumerate(shape)
    ]
    return f"({', '.join(map(str, named))}{',' if len(named) == 1 else ''})"


def _kind(port: Port) -> str:
    return "int64" if port.integers else "float32"


def _told_apart(names: Sequence[str]) -> list[str]:
    """The names of outputs: a layer that gives several appears several times."""
    counts: dict[str, int] = {}
    told = []
    for name in names:
        counts[name] = counts.get(name, -1) + 1
        told.append(f"{name}_{counts[name]}" if counts[name] else name)
    return told
