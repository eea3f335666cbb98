"""What a program of C is made of, and what of it is kept, and where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Port:
    """An input or an output of a model.

    Attributes:
        name: an identifier.
        timed: whether it has the model's time axis: what has not comes once for all steps.
    """

    name: str
    timed: bool


@dataclass
class Input:
    """An input: its port, its width, and below what its ids must be, or None where it is no ids."""

    port: Port
    width: int
    limit: int | None = None


@dataclass(frozen=True)
class Value:
    """What one operation passes to others: a C expression, and how many numbers it has."""

    expression: str
    width: int


@dataclass(frozen=True)
class Room:
    """Floats that one operation makes, or needs for itself, under a name; `placed` says where they lie."""

    name: str
    width: int


@dataclass
class Operation:
    """What one operation adds to the files.

    Attributes:
        lines: of the function that takes a step.
        reads, writes: expressions of values, and names of masks.
        rooms: what it needs of memory.
        arrays: the names of the constants that it reads.
        helpers: the functions that it calls.
        function: one of its own, or "".
        keeps_state: whether it has an effect beside what it writes.
        multiply_adds, library_calls: of a step.
        stack: the most floats that it has on the stack at a time.
    """

    lines: Sequence[str]
    reads: Sequence[str]
    writes: Sequence[str]
    rooms: Sequence[Room] = ()
    arrays: Sequence[str] = ()
    helpers: Iterable[str] = ()
    function: str = ""
    keeps_state: bool = False
    multiply_adds: int = 0
    library_calls: int = 0
    stack: int = 0


def needed(operations: Sequence[Operation], outputs: Iterable[str]) -> list[Operation]:
    """The operations that have a say in the outputs or the state, in order."""
    wanted = set(outputs)
    kept: list[Operation] = []
    for each in reversed(operations):
        if each.keeps_state or wanted.intersection(each.writes):
            wanted.update(each.reads)
            kept.append(each)
    return kept[::-1]


def placed(operations: Sequence[Operation], outputs: Iterable[str]) -> tuple[dict[Room, int], int]:
    """Where each room lies in one array of floats, and the size of that.

    A room is held from the operation that makes it to the last one that reads it, an output's to the end. It takes the
    first place that is free when it is made.

    >>> a, b, c = (Room(name, 4) for name in "abc")
    >>> chain = [Operation([], ["x"], ["a"], [a]), Operation([], ["a"], ["b"], [b]), Operation([], ["b"], ["c"], [c])]
    >>> places, size = placed(chain, ["c"])
    >>> [places[room] for room in (a, b, c)], size
    ([0, 4, 0], 8)
    """
    last = dict.fromkeys(outputs, len(operations))
    for at, each in reversed(list(enumerate(operations))):
        for name in each.reads:
            last.setdefault(name, at)
    places: dict[Room, int] = {}
    for at, each in enumerate(operations):
        for room in each.rooms:
            held = sorted((places[other], other.width) for other in places if last.setdefault(other.name, at) >= at)
            places[room] = _first_gap(held, room.width)
            last.setdefault(room.name, at)
    return places, max((start + room.width for room, start in places.items()), default=0)


def _first_gap(held: Iterable[tuple[int, int]], width: int) -> int:
    """The first place for so many floats beside what is held, pairs of start and width in order."""
    start = 0
    for begin, size in held:
        if start + width <= begin:
            break
        start = max(start, begin + size)
    return start
