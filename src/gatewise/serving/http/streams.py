"""The live streams of a service: a pool, and how far each stream has come by its client's count.

Everything here runs on the batcher's thread, one call after the other.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from gatewise.base.typing import Array
from gatewise.serving.http.errors import Refused
from gatewise.serving.http.ids import Id, in_words
from gatewise.serving.http.interface import Interface
from gatewise.serving.http.numbers import Last, Numbers

_RECENT: Final = 48
"""So many of the streams that were pushed last are remembered for the page."""
_MANY: Final = 10_000
"""From so many streams on a list of ids is kept for a while: pushes wait while another is made."""
_KEPT_SECONDS: Final = 1.0


class Part(NamedTuple):
    """A numbered push of one stream: which of the rows that came together are its.

    Attributes:
        id: of the stream.
        start, stop: its rows.
        number, digest: see `Numbers`.
    """

    id: Id
    start: int
    stop: int
    number: int
    digest: int


@dataclass(eq=False)
class Push:
    """What one caller asked for.

    Attributes:
        ids: (n,), one a row.
        inputs: (n, ...) of each input.
        new: what an unknown id does: "error" or "add".
        parts: where the push is numbered, its streams.
    """

    ids: list[Id]
    inputs: list[Array]
    new: str
    parts: list[Part] = field(default_factory=list)


class Answer(NamedTuple):
    """What a push gave.

    Attributes:
        outputs: (n, ...) of each output, in the order of the rows.
        repeated: the streams that had made this push already, and were answered as before.
    """

    outputs: list[Array]
    repeated: list[Id]


class _Plan(NamedTuple):
    """A push and what of it is still to be made.

    Attributes:
        push: what came.
        moving: the rows to push; None for all.
        again: by the first row, what is answered as before.
    """

    push: Push
    moving: Array | None
    again: list[tuple[Part, Last]]

    @property
    def rows(self) -> int:
        return len(self.push.ids) if self.moving is None else len(self.moving)


class Streams:
    """The streams of one model.

    Args:
        pool: of the model.
        interface: the model's.
        most: how many streams may live at once.
        bounded: whether more are refused, and not taken in the place of others.

    Attributes:
        numbers: of their numbered pushes.
        recent: those pushed last, with what came and went and when.
        moved: how many rows have moved a stream.
    """

    def __init__(self, pool: Any, interface: Interface, most: int, *, bounded: bool) -> None:
        self.pool = pool
        self._most = most
        self._bounded = bounded
        self.numbers = Numbers()
        self.recent: OrderedDict[Id, dict[str, Any]] = OrderedDict()
        self.moved = 0
        self._interface = interface
        self._kept: dict[bool, tuple[float, Any]] = {}

    # -- advancing ------------------------------------------------------------------------------------------------

    def push_together(self, pushes: Sequence[Push]) -> list[Answer | Exception]:
        """Make pushes in their order, with as few calls of the pool as that allows; an answer or an error for each.

        What is wrong with one of them does nothing to the others.
        """
        answers: dict[int, Answer | Exception] = {}
        run: dict[int, _Plan] = {}
        pending: dict[Id, int] = {}
        for place, push in enumerate(pushes):
            if run and not self._may_join(push, next(iter(run.values())).push, pending):
                answers.update(self._made(run))
                run, pending = {}, {}
            try:
                run[place] = self._planned(push, pending)
            except ValueError as error:
                answers[place] = error
            except Refused as error:
                answers[place] = error
            else:
                for part in push.parts:
                    pending[part.id] = part.number
        answers.update(self._made(run))
        return [answers[place] for place in range(len(pushes))]

    @staticmethod
    def _may_join(push: Push, first: Push, pending: dict[Id, int]) -> bool:
        """Whether one call can make a push with those before it: the same rule, and no number that is under way."""
        if push.new != first.new or not push.parts:
            return push.new == first.new
        return all(part.number == pending[part.id] + 1 for part in push.parts if part.id in pending)

    def _planned(self, push: Push, pending: dict[Id, int]) -> _Plan:
        unknown = [id_ for id_ in push.ids if id_ not in self.pool]
        if unknown and push.new == "error":
            raise self.unknown(unknown)
        if unknown:
            self._check_room(len(set(unknown)))
            self.numbers.forget(id_ for id_ in unknown if id_ not in pending)
        again = []
        for part in push.parts:
            last = self.numbers.repeated(part.id, part.number, part.digest, pending.get(part.id))
            if last is not None:
                again.append((part, last))
        if not again:
            return _Plan(push, None, again)
        moving = np.ones(len(push.ids), bool)
        for part, _ in again:
            moving[part.start : part.stop] = False
        return _Plan(push, np.flatnonzero(moving), again)

    def _made(self, run: dict[int, _Plan]) -> dict[int, Answer | Exception]:
        """One call of the pool for all, or where that fails one for each."""
        if not run:
            return {}
        plans = list(run.values())
        try:
            outputs = self._pushed(plans)
        except Exception as error:
            if len(run) == 1:
                return dict.fromkeys(run, error)
            return {place: self.push_together([plan.push])[0] for place, plan in run.items()}
        answers: dict[int, Answer | Exception] = {}
        start = 0
        for place, plan in run.items():
            answers[place] = self._answer(plan, [y[start : start + plan.rows] for y in outputs])
            start += plan.rows
        return answers

    def _pushed(self, plans: list[_Plan]) -> list[Array]:
        ids: list[Id] = []
        pieces: list[list[Array]] = []
        for push, moving, _ in plans:
            ids += push.ids if moving is None else [push.ids[row] for row in moving]
            pieces.append(push.inputs if moving is None else [x[moving] for x in push.inputs])
        if not ids:
            return [np.empty((0, *port.shape), np.float32) for port in self._interface.outputs]
        inputs = pieces[0] if len(pieces) == 1 else [np.concatenate(each) for each in zip(*pieces, strict=True)]
        given = self.pool.push(ids, self._interface.as_model_takes(inputs), new=plans[0].push.new)
        outputs = self._interface.listed(given)
        self.moved += len(ids)
        self._remember(ids, inputs, outputs)
        return outputs

    def _answer(self, plan: _Plan, outputs: list[Array]) -> Answer:
        """The outputs of the whole push; what moved is kept in case it is asked for again."""
        push, moving, again = plan
        if not push.parts:
            return Answer(outputs, [])
        if moving is not None:
            whole = [np.empty((len(push.ids), *y.shape[1:]), y.dtype) for y in outputs]
            for target, y in zip(whole, outputs, strict=True):
                target[moving] = y
            for part, last in again:
                for target, y in zip(whole, last.outputs, strict=True):
                    target[part.start : part.stop] = y
            outputs = whole
        repeated = [part.id for part, _ in again]
        before = set(repeated)
        for part in push.parts:
            if part.id not in before:
                kept = [np.array(y[part.start : part.stop]) for y in outputs]
                self.numbers.put(part.id, Last(part.number, part.digest, kept))
        if len(self.numbers) > 2 * len(self.pool) + _RECENT:  # A full pool drops streams without saying which.
            self.numbers.keep(self.pool)
        return Answer(outputs, repeated)

    def _remember(self, ids: list[Id], inputs: list[Array], outputs: list[Array]) -> None:
        now = time.time()
        for row in range(max(0, len(ids) - _RECENT), len(ids)):
            self.recent[ids[row]] = {
                "at": now,
                "x": [np.array(x[row]) for x in inputs],  # Not a view, which would keep the whole batch.
                "y": [np.array(y[row]) for y in outputs],
            }
            self.recent.move_to_end(ids[row])
        while len(self.recent) > _RECENT:
            self.recent.popitem(last=False)

    # -- which there are ------------------------------------------------------------------------------------------

    def unknown(self, ids: Sequence[Id]) -> Refused:
        """What is said of streams that are not there."""
        shown = ", ".join(map(in_words, ids[:3])) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")
        return Refused(
            404,
            "unknown_stream",
            f"There is no stream {shown}.",
            hint="PUT /streams/{id} begins one, and so does a push with new=add.",
        )

    def check(self, *ids: Id) -> None:
        """Raise Refused where a stream is not there."""
        if unknown := [id_ for id_ in ids if id_ not in self.pool]:
            raise self.unknown(unknown)

    def _check_room(self, count: int) -> None:
        if self._bounded and len(self.pool) + count > self._most:
            raise self._too_many(count)

    def _too_many(self, count: int) -> Refused:
        return Refused(
            503,
            "too_many_streams",
            f"{len(self.pool)} streams live, and at most {self._most} may.",
            got=len(self.pool) + count,
            wanted=self._most,
            hint="End some, or start the service with more --streams, with --idle or with "
            "--when-full drop_least_recent.",
        )

    def add(self, id_: Id) -> bool:
        """Begin a stream, from zeros; False where it is there already, and stays as it is."""
        if id_ in self.pool:
            return False
        self._check_room(1)
        self.numbers.forget([id_])
        self.pool.add([id_])
        return True

    def drop(self, id_: Id) -> None:
        """End a stream."""
        self.check(id_)
        self.pool.drop([id_])
        self._forget([id_])

    def reset(self, id_: Id) -> None:
        """Let a stream begin anew, from zeros and from number 0."""
        self.check(id_)
        self.pool.reset([id_])
        self._forget([id_])

    def drop_idle(self, seconds: float) -> list[Id]:
        """End the streams that nobody has pushed for so long."""
        gone = listed(self.pool.drop_idle(seconds))
        self._forget(gone)
        self.numbers.keep(self.pool)
        return gone

    def _forget(self, ids: Iterable[Id]) -> None:
        for id_ in ids:
            self.recent.pop(id_, None)
            self.numbers.forget([id_])

    def page(self, start: int, limit: int, *, broken: bool = False) -> tuple[int, list[Id]]:
        """How many there are, and the ids of some; of all streams or of those whose states hold NaN or infinity.

        Of many streams the ids are as they were up to a second ago.
        """
        if not limit and not broken:
            return len(self.pool), []
        found = self._recent_ids(broken)
        return len(found) if broken else len(self.pool), listed(found[start : start + limit])

    def _recent_ids(self, broken: bool) -> Any:
        """Ids as the pool gave them, now or a moment ago."""
        now = time.monotonic()
        made, found = self._kept.pop(broken, (-math.inf, None))
        if len(self.pool) < _MANY:
            return self.pool.broken() if broken else self.pool.ids()
        if now - made > _KEPT_SECONDS:
            made, found = now, self.pool.broken() if broken else self.pool.ids()
        self._kept[broken] = made, found
        return found

    def ids(self) -> list[Id]:
        """All ids."""
        return listed(self.pool.ids())

    def recently(self) -> list[tuple[Id, dict[str, Any]]]:
        """Those pushed last, the latest first."""
        return [(id_, seen) for id_, seen in reversed(self.recent.items()) if id_ in self.pool]

    # -- as bytes -------------------------------------------------------------------------------------------------

    def save(self, ids: Sequence[Id]) -> bytes:
        """The states of some streams, as `StreamPool.load` takes them."""
        self.check(*ids)
        saved: bytes = self.pool.save(ids=list(ids))
        return saved

    def piece(self, ids: Sequence[Id]) -> tuple[int, bytes, bytes]:
        """Of those streams that are still there: how many, their states, and their last numbered pushes."""
        present = [id_ for id_ in ids if id_ in self.pool]
        return len(present), self.pool.save(ids=present) if present else b"", self.numbers.save(present)

    def load(self, data: bytes, *, other_weights: bool) -> list[Id]:
        """Take streams that `save` gave, under their own ids; those of the same id are replaced."""
        try:
            ids = listed(self.pool.load(data, other_weights=other_weights))
        except (ValueError, TypeError) as error:
            scratch = self._scratch(data, other_weights)  # Says what is wrong with the bytes; else they had no place.
            new = sum(id_ not in self.pool for id_ in listed(scratch.ids()))
            raise self._too_many(new) if len(self.pool) + new > self._most else _bad_state(error) from None
        self._forget(ids)
        return ids

    def _scratch(self, data: bytes, other_weights: bool) -> Any:
        """A pool of what `save` gave, and without a limit."""
        scratch = self.pool.model.stream_pool()
        try:
            scratch.load(data, other_weights=other_weights)
        except (ValueError, TypeError) as error:
            raise _bad_state(error) from None
        return scratch

    def load_as(self, id_: Id, data: bytes, number: int, *, other_weights: bool) -> None:
        """Give a stream the state of the one stream in `data`; it begins where it is not there."""
        scratch = self._scratch(data, other_weights)
        if len(scratch) != 1:
            raise Refused(
                422,
                "several_streams",
                f"The bytes hold {len(scratch)} streams, and one was wanted.",
                got=len(scratch),
                wanted=1,
                hint="POST /load takes many, under their own ids.",
            )
        state = scratch.state(scratch.ids())
        self.add(id_)
        self.pool.set_state([id_], state)
        self._forget([id_])
        self.numbers.set(id_, number)

    def take(self, pieces: Iterable[tuple[bytes, bytes]], count: int, *, other_weights: bool) -> None:
        """Take what `piece` gave, all or nothing, in place of the streams that there are.

        Raises:
            ValueError: other than `count` streams, or more than may live.
        """
        if count > self._most:
            raise ValueError(
                f"it holds {count} streams, and this service takes {self._most}: start it with --streams {count} "
                "or more."
            )
        pool, numbers = self.pool.model.stream_pool(self._most, when_full=self.pool.when_full), Numbers()
        for states, numbered in pieces:
            if states:
                pool.load(states, other_weights=other_weights)
            numbers.load(numbered)
        if len(pool) != count:
            raise ValueError(f"it should hold {count} streams, and {len(pool)} were found in it.")
        self.pool, self.numbers = pool, numbers


def listed(ids: Any) -> list[Id]:
    """Ids as a pool gives them, as Python's own integers, strings and bytes."""
    found: list[Id] = ids.tolist() if isinstance(ids, np.ndarray) else list(ids)
    return found


def _bad_state(error: Exception) -> Refused:
    return Refused(422, "bad_state", str(error), hint="Send the bytes as they came, to a service of the same model.")
