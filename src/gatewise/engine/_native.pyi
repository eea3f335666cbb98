"""The compiled engine. Shapes: B batch, T time, I input features, H units, g gates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewise.base.typing import Array

def isas() -> list[str]:
    """Instruction sets that this machine has, lowest first."""

def isa() -> str:
    """The instruction set in use: the highest, or what GATEWISE_ISA or `set_isa` says."""

def set_isa(name: str) -> None:
    """Choose the instruction set of recurrences made from now on; ValueError names those there are."""

def has_bfloat16() -> bool:
    """Whether this machine multiplies bfloat16 numbers itself, with the instruction set in use."""

def threads() -> int:
    """How many threads a call from this thread may use: the process's number, or this thread's limit if it is less.

    The library also exports `gatewise_get_num_threads` and `gatewise_set_num_threads`, for threadpoolctl: the latter
    sets the limit of the thread that calls it.
    """

def set_threads(count: int) -> None:
    """Set how many threads a call may use, for the process; 0 is automatic. Lifts this thread's limit."""

def set_patience(microseconds: int | None) -> None:
    """For tests: how long threads wait for one another before fewer of them go on; None is as usual.

    With a patience of its own the engine tries again with all threads at once, and not after a pause.
    """

def xla_handlers() -> dict[str, object]:
    """The recurrence as functions that XLA calls, as capsules for `jax.ffi.register_ffi_target`."""

def cells() -> dict[str, dict[str, Any]]:
    """What the engine knows of its cells, by name.

    `gates` is a letter each, in the order of the weights' columns; `states` their names, the output's first; `weights`
    maps names to shapes in letters, as in `(I, gH)`.
    """

def activations() -> tuple[str, ...]:
    """The activations that recurrences take, by the names under which `gatewise.activations` knows them."""

class Recurrence:
    """The packed weights of one recurrent layer: immutable, usable from many threads at once."""

    def __init__(
        self,
        cell: str,
        weights: Mapping[str, Array | None],
        activation: str,
        recurrent_activation: str,
        precision: str = "float32",
        reserves: bool = False,
    ) -> None:
        """`cell` and the names and shapes of the weights are those of `cells()`; a bias may be left out, or None.

        The arrays are all float32 or all float64.

        `precision="bfloat16"` rounds the weights of a float32 layer to bfloat16. Where `has_bfloat16()`, inputs and
        states are rounded too, for the products; sums, cells and outputs stay float32.

        With `reserves`, `forward` also gives the reserve, (B, T, sums and states, units rounded up to cache lines): the
        activated gates of each step, zeros where it is masked, and the states after it.
        """

    def forward(
        self,
        x: Array,
        states: tuple[Array, ...] | None,
        mask: Array | None,
        go_backwards: bool,
        sequences: bool,
        zero_masked: bool,
    ) -> tuple[Array, ...]:
        """Run over x (B, T, I): the output, (B, T, H) or (B, H), then the final states (B, H)."""

def forward_both(
    first: Recurrence, arguments: tuple[Any, ...], second: Recurrence, others: tuple[Any, ...]
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """What `forward` of two recurrences of one dtype gives for its six arguments: at once, each on threads of its own,
    where that pays.
    """

class UnknownStreamError(ValueError):
    """An id that has no stream in a pool."""

def functions() -> dict[str, tuple[str, ...]]:
    """The activations that streams compute, and the names of their parameters, as in `gatewise.activations`."""

class Program:
    """A model as a list of operations that advance many streams by some steps.

    Made by calls in the order in which the operations run; each returns the number of the value (or mask) that it
    makes. A value has `width` float32 numbers a step. Layers with a state also return its place in a stream's record.
    What does not fit is a ValueError, and so is anything added once a Session or a Pool has been made of it.
    """

    def __init__(self) -> None: ...
    @property
    def record(self) -> int:
        """Floats of one stream's state."""

    def input(self, width: int, ids: bool) -> int: ...
    def output(self, value: int) -> None: ...
    def state(self, width: int) -> int:
        """Room in the record that no operation uses."""

    def dense(self, x: int, kernel: Array, bias: Array | None) -> int: ...
    def recurrence(
        self,
        x: int,
        mask: int,
        cell: str,
        weights: dict[str, Array | None],
        activation: str,
        recurrent_activation: str,
        zero_masked: bool,
        precision: str = "float32",
    ) -> tuple[int, list[int]]:
        """`mask` is -1 for none, the weights are the cell's by name; the places are those of the cell's states."""

    def take_state(self, place: int, width: int) -> int:
        """Part of the new state as a value. The program then takes one step at a time."""

    def convolution(self, x: int, kernel: Array, bias: Array | None, dilation: int, groups: int) -> tuple[int, int]: ...
    def embedding(self, ids: int, table: Array, label: str) -> int: ...
    def activation(self, x: int, name: str, parameters: dict[str, float], in_place: bool) -> int:
        """`parameters` are all that `functions` names; `in_place` says that nothing else reads `x`."""

    def softmax(self, x: int, size: int, log: bool) -> int: ...
    def prelu(self, x: int, alpha: Array) -> int: ...
    def scale_shift(self, x: int, scale: Array, shift: Array) -> int: ...
    def layer_norm(self, x: int, epsilon: float, gamma: Array, beta: Array) -> int: ...
    def merge(self, kind: str, inputs: list[int]) -> int: ...
    def concatenate(self, inputs: list[int], outer: int) -> int: ...
    def mask_zero(self, ids: int) -> int: ...
    def masking(self, x: int, value: float) -> tuple[int, int]: ...
    def combine_masks(self, first: int, second: int, any: bool) -> int: ...

class Session:
    """B streams that advance together. One call at a time; others wait."""

    def __init__(self, program: Program, batch: int, in_shape: list[int], out_shape: list[int], other: Any) -> None:
        """`other(session, x)` answers `push` for whatever is not one float32 array of the very shape."""

    @property
    def batch(self) -> int: ...
    def push(self, x: Any) -> Any:
        """One step."""

    def run(self, inputs: list[Array], steps: int) -> list[Array]:
        """Some steps: contiguous float32 (or int64 ids) of B T rows, to arrays (B T, width)."""

    def read(self) -> Array:
        """The states (B, record)."""

    def write(self, states: Array) -> None: ...
    def reset(self) -> None: ...
    def use(self, program: Program) -> None:
        """Advance by another program from now on, of the same record."""

class Pool:
    """Many streams, each advanced when its turn comes.

    `ids` are contiguous int64, or a tuple of int, str and bytes. Ids that are given are the bytes of int64 where all
    are integers, else a list.
    """

    def __init__(self, program: Program, capacity: int | None, drop_when_full: bool = False) -> None: ...
    def copy(self) -> Pool: ...
    def capacity(self) -> int | None: ...
    def set_capacity(self, most: int | None) -> None: ...
    def __len__(self) -> int: ...
    def __contains__(self, id: Any) -> bool: ...
    def use(self, program: Program) -> None:
        """Advance by another program from now on, of the same record."""

    def add(self, ids: Any) -> None: ...
    def drop(self, ids: Any) -> None: ...
    def reset(self, ids: Any) -> None: ...
    def push(self, ids: Any, inputs: list[Array], into: Any | None = None, add: bool = False) -> list[Array]:
        """One step: arrays (n, width) to arrays (n, width), new ones or `into`; with `add` unknown ids begin."""

    def read(self, ids: Any, add: bool = False) -> Array:
        """The states (n, record); with `add` those of unknown ids are zeros."""

    def write(self, ids: Any, states: Array, add: bool = False) -> None:
        """Set the states; with `add` unknown ids begin."""

    def ids(self) -> Any: ...
    def drop_idle(self, seconds: float) -> Any: ...
    def drop_least_recent(self, count: int) -> Any: ...
    def broken(self) -> Any: ...
    def mark(self) -> int: ...
    def save(self, header: bytes, file: int | None = None, ids: Any | None = None, since: int | None = None) -> Any:
        """Write `header` and the streams to a file descriptor or, without one, give them as bytes."""

    def restore(self, file: int, header: bytes, version: int) -> None:
        """Read what follows `header`; ValueError, and nothing changed, where it is not what `save` wrote."""

    def load(self, data: bytes, header: int, version: int) -> Any:
        """Take streams from bytes, whose header is so long, beside those that are there; their ids."""
