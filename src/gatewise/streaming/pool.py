"""Many streams of one model, each advanced when its turn comes."""

from __future__ import annotations

import os
from typing import Any, Final

import numpy as np

from gatewise.base.atomic import replacing
from gatewise.base.typing import Array
from gatewise.base.words import nearest
from gatewise.engine._native import UnknownStreamError
from gatewise.streaming import forms, stepwise
from gatewise.streaming import ids as naming
from gatewise.streaming.compile import prepare
from gatewise.streaming.ids import Given, Id
from gatewise.streaming.prepared import Prepared

__all__ = ["StreamPool", "UnknownStreamError"]

_NEW: Final = ("error", "add")
"""What a push may do with unknown ids."""
_WHEN_FULL: Final = ("error", "drop_least_recent")
"""What a pool may do with new streams at its capacity."""


class StreamPool:
    """Streams by id; `model.stream_pool(capacity)` makes a pool.

    Args:
        model: a causal model, with weights.
        capacity: the most streams that live at once, or None: as many as come. With a number nothing has to be moved
            while the pool grows.
        when_full: what becomes of new streams at the capacity: "error" refuses them, "drop_least_recent" ends those
            that were not used for longest.

    An id is an integer of 64 bits, a str or bytes: 7, "7" and b"7" are three. Wherever ids are taken, one will do as
    well as a list or an array (n,) of them. The states lie in one area of memory, one record each; beside them a stream
    takes 34 bytes (see docs/streams.md), and its name where it has one.

    A pool may be used from many threads, one call at a time, and survives a fork. A call takes effect for all its
    streams or, after an error, for none. A pool keeps the weights that the model had when it was made; `update()` takes
    the present ones.

    >>> import gatewise as gw
    >>> model = gw.Sequential([gw.layers.LSTM(6, input_shape=(None, 3)), gw.layers.Dense(1)])
    >>> pool = model.stream_pool()
    >>> pool.add([7, "pump 3"])
    >>> pool.push(["pump 3", 7, "pump 3"], np.ones((3, 3), "float32")).shape
    (3, 1)
    >>> len(pool), "pump 3" in pool, 43 in pool
    (2, True, False)
    """

    def __init__(self, model: Any, capacity: int | None = None, when_full: str = "error") -> None:
        self._when_full = _one_of(_WHEN_FULL, "when_full", when_full)
        self.model = model
        most = self._checked_capacity(capacity)
        self._prepared = prepare(model)
        self._check()
        self._pool = self._new_pool(most)

    def _check(self) -> None:
        if self._prepared.dtype != np.float32:
            raise ValueError(f"{self.model.label}: a pool keeps states in float32, but this model computes in float64.")

    def _new_pool(self, capacity: int | None) -> Any:
        from gatewise.engine import _native

        program = self._prepared.program
        if program is None:  # The pool then only keeps the records, and the layers compute.
            program = _native.Program()
            program.state(self._prepared.record)
        return _native.Pool(program, capacity, self._when_full == "drop_least_recent")

    def _checked_capacity(self, capacity: Any) -> int | None:
        return None if capacity is None else forms.checked_count(self.model.label, "capacity", capacity)

    # -- which streams there are ------------------------------------------------------------------------------------

    @property
    def capacity(self) -> int | None:
        """The most streams that live at once, or None; settable, to no fewer than there are."""
        capacity: int | None = self._pool.capacity()
        return capacity

    @capacity.setter
    def capacity(self, value: int | None) -> None:
        self._pool.set_capacity(self._checked_capacity(value))

    @property
    def when_full(self) -> str:
        """What becomes of new streams at the capacity."""
        return self._when_full

    @property
    def state_bytes(self) -> int:
        """How many bytes the states of the present streams take."""
        return len(self) * self._prepared.record * 4

    def __len__(self) -> int:
        return len(self._pool)

    def __contains__(self, id_: object) -> bool:
        one = naming.plain(id_)
        return one is not None and one in self._pool

    def ids(self) -> Array | list[Id]:
        """The ids of all streams: an array of int64 where all are integers, else a list."""
        return naming.given(self._pool.ids())

    def add(self, ids: Any) -> None:
        """Begin streams, from zeros.

        Raises:
            ValueError: an id that is in the pool already, or twice among `ids`, or more streams than fit; nothing is
                added then.
        """
        self._pool.add(self._ids(ids)[0])

    def drop(self, ids: Any) -> None:
        """End streams; their places are free again.

        Raises:
            UnknownStreamError (a ValueError): an id that is not in the pool; nothing is dropped then.
        """
        self._pool.drop(self._ids(ids)[0])

    def reset(self, ids: Any) -> None:
        """Let streams start anew, from zeros; UnknownStreamError as for `drop`."""
        self._pool.reset(self._ids(ids)[0])

    def drop_idle(self, seconds: float) -> Array | list[Id]:
        """End the streams that were not used for so many seconds, and return their ids, the first the oldest.

        A stream is used where it is added, pushed, reset, set or loaded. It is ended late by a few milliseconds or a
        hundredth of that time, whichever is more, and never early.
        """
        if not isinstance(seconds, (int, float, np.number)) or isinstance(seconds, bool) or not seconds >= 0:
            raise ValueError(f"{self.model.label}: seconds must be a number from 0 on, got {seconds!r}.")
        return naming.given(self._pool.drop_idle(float(seconds)))

    def drop_least_recent(self, count: int) -> Array | list[Id]:
        """End the `count` streams (or all, where there are fewer) that were not used for longest; their ids, in order.

        Of the streams of one call, the first in it are the least recent.
        """
        if not isinstance(count, (int, np.integer)) or isinstance(count, bool) or count < 0:
            raise ValueError(f"{self.model.label}: count must be an integer from 0 on, got {count!r}.")
        return naming.given(self._pool.drop_least_recent(min(int(count), forms.MOST_STREAMS)))

    def broken(self) -> Array | list[Id]:
        """The ids of streams whose states hold NaN or infinity: `pool.reset(pool.broken())` lets them start anew."""
        return naming.given(self._pool.broken())

    # -- advancing --------------------------------------------------------------------------------------------------

    def push(self, ids: Any, x: Any, new: str = "error", out: Any = None) -> Any:
        """Advance streams by one step each.

        Args:
            ids: (n,) ids. A stream that stands there k times takes k steps, in the order of the rows.
            x: (n, I), a row for each id; for several inputs a list, or a dict by name. For one id also (I,).
            new: what becomes of ids that are not in the pool: "error", or "add", which begins their streams.
            out: float32 arrays for the outputs, of the very shapes and in the structure of the model's outputs, or
                None. They must not share memory with the inputs. After an error their contents are undefined.

        Returns:
            The outputs (n, ...) in the structure of the model's outputs; for one id by itself, (...). With `out`, that.

        Raises:
            UnknownStreamError (a ValueError): an id that is not in the pool.
            ValueError, TypeError: for what does not fit. Nothing has moved after an error, and no stream was added.
        """
        add = new == "add"
        if not add:
            _one_of(_NEW, "new", new)
        places, one = self._ids(ids)
        prepared = self._prepared
        arrays, single = prepared.shapes.taken(x, len(places), steps=False)
        front = () if single and one else (len(places),)
        into = None if out is None else prepared.shapes.into(out, front, arrays)
        if prepared.program is not None:
            outputs = self._pool.push(places, arrays, into, add)
        else:
            outputs = self._by_layers(prepared, places, arrays, add)
            if into is not None:
                for target, made in zip(into, outputs, strict=True):
                    target[...] = made.reshape(target.shape)
        return prepared.shapes.given(outputs, front) if out is None else out

    def _by_layers(self, prepared: Prepared, ids: Given, inputs: list[Array], add: bool) -> list[Array]:
        """A push where the native engine lacks something: in rounds, so that a stream comes once in each."""
        with stepwise.lock:
            where = _numbered(ids)
            records = self._pool.read(ids, add)
            rounds = _occurrences(where)
            outputs: list[Array] | None = None
            for k in range(int(rounds.max(initial=-1)) + 1):
                rows = np.flatnonzero(rounds == k)
                made, fresh = stepwise.advance(prepared, [x[rows] for x in inputs], records[rows])
                if outputs is None:
                    outputs = [np.empty((len(ids), *y.shape[1:]), np.float32) for y in made]
                for target, y in zip(outputs, made, strict=True):
                    target[rows] = y
                # All rows of a stream hold its latest state.
                latest = np.empty((int(where.max()) + 1, records.shape[1]), records.dtype)
                latest[where] = records
                latest[where[rows]] = fresh
                records = latest[where]
            first = np.sort(np.unique(where, return_index=True)[1])
            chosen = tuple(ids[k] for k in first) if isinstance(ids, tuple) else ids[first]
            self._pool.write(chosen, records[first], add)
        if outputs is None:
            return [np.empty((0, *value.shape), np.float32) for value in prepared.outputs]
        return outputs

    # -- states -----------------------------------------------------------------------------------------------------

    def state(self, ids: Any) -> dict[str, Any]:
        """Copies of the states of streams, {layer: {"h": (n, H), "c": (n, H)}}, as `Stream.state` gives them."""
        return forms.to_dict(self._prepared.slots, self._pool.read(self._ids(ids)[0]))

    def set_state(self, ids: Any, state: Any) -> None:
        """Set the states of streams, from what `state` gave.

        Raises:
            ValueError: where something does not fit, or an id is not in the pool or stands there twice; nothing
                changes then.
        """
        places, _ = self._ids(ids)
        slots, label = self._prepared.slots, self.model.label
        self._pool.write(places, forms.from_dict(label, slots, state, len(places), np.float32))

    # -- saves ------------------------------------------------------------------------------------------------------

    def mark(self) -> int:
        """A number that stands for this moment, for `changed_since`. The pool remembers the last 64."""
        mark: int = self._pool.mark()
        return mark

    def save(self, ids: Any = None, changed_since: int | None = None) -> bytes:
        """Streams as bytes, for `load` of this pool or another: all as they are at one moment; others go on meanwhile.

        Args:
            ids: which streams; None is all.
            changed_since: a `mark()`: only streams that were used since, and, with `ids` None, which ones ended.

        Raises:
            UnknownStreamError (a ValueError): an id that is not in the pool.
            ValueError: a mark of another pool, or one that is forgotten: after 64 others, after `restore`, and where
                four million streams have ended since.
        """
        header, chosen = self._header(changed_since), None if ids is None else self._ids(ids)[0]
        data: bytes = self._pool.save(header, None, chosen, _checked_mark(changed_since))
        return data

    def load(self, data: bytes, other_weights: bool = False) -> Array | list[Id]:
        """Take streams that `save` gave (or the bytes of a snapshot) beside those that there are, and return their ids.

        A stream that is there already is replaced. Of what changed since a mark, streams that ended are dropped.

        Args:
            data: the bytes, of a model of the same layers.
            other_weights: whether the model may have had other weights then.

        Raises:
            ValueError: bytes that are damaged, cut short, something else, of another model or other weights, or of more
                streams than fit. The pool is then as it was.
        """
        what = "The saved pool"
        data = forms.as_bytes(what, data)
        kinds = (forms.POOL, forms.CHANGES)
        version, size = self._prepared.header.check(what, data, kinds, other_weights=other_weights)
        try:
            return naming.given(self._pool.load(data, size, version))
        except ValueError as error:
            raise _about(what, error) from None

    def snapshot(self, path: str | os.PathLike[str], ids: Any = None, changed_since: int | None = None) -> None:
        """Write to a file what `save` gives as bytes.

        The file appears whole or not at all: it is written beside `path` under another name, brought to the disk, and
        then takes the place of what was there. Pushes go on meanwhile.

        Raises:
            OSError: where the file cannot be written; what was there stays.
            ValueError: as for `save`.
        """
        header, chosen = self._header(changed_since), None if ids is None else self._ids(ids)[0]
        mark = _checked_mark(changed_since)
        with replacing(path) as temporary, open(temporary, "wb", buffering=0) as file:
            self._pool.save(header, file.fileno(), chosen, mark)

    def restore(self, path: str | os.PathLike[str], other_weights: bool = False) -> None:
        """Take the streams of a snapshot, of a model of the same layers, in place of those there are.

        Args:
            path: the file.
            other_weights: whether the model may have had other weights then.

        Raises:
            ValueError: a file that is damaged, cut short, something else, of another model or other weights, of more
                streams than fit, or of changes only: `load` takes the bytes of such. The pool is then as it was.
            OSError: where the file cannot be read.
        """
        what = f"The snapshot {os.fspath(path)!r}"
        with open(path, "rb", buffering=0) as file:
            start = _first(file, forms.HEADER_SIZE)
            version, size = self._prepared.header.check(what, start, (forms.POOL,), other_weights=other_weights)
            file.seek(size)
            try:
                self._pool.restore(file.fileno(), start[:size], version)
            except ValueError as error:
                raise _about(what, error) from None

    def _header(self, changed_since: int | None) -> bytes:
        return self._prepared.header.pack(forms.POOL if changed_since is None else forms.CHANGES)

    def update(self) -> None:
        """Take the weights that the model has now; the streams stay.

        Raises:
            ValueError: where the model's layers are others than when the pool was made.
        """
        prepared = prepare(self.model)
        if prepared.fingerprint() != self._prepared.fingerprint():
            raise ValueError(f"{self.model.label} has other layers than when this pool was made: make a new one.")
        if prepared.program is not None:
            self._pool.use(prepared.program)
        self._prepared = prepared

    def copy(self) -> StreamPool:
        """A pool of its own with the same streams, each where it stands now. It knows no marks of this one."""
        twin = type(self).__new__(type(self))
        twin.model, twin._prepared, twin._when_full = self.model, self._prepared, self._when_full
        twin._pool = self._pool.copy()
        return twin

    __copy__ = copy

    def __deepcopy__(self, memo: Any) -> StreamPool:
        return self.copy()

    def __reduce__(self) -> Any:
        """A pickle holds the model and what `save` gives."""
        if prepare(self.model).header != self._prepared.header:
            raise TypeError(forms.old_weights(self))
        return _unpickled, (self.model, self.capacity, self._when_full, self.save())

    # -- ids --------------------------------------------------------------------------------------------------------

    def _ids(self, ids: Any) -> tuple[Given, bool]:
        return naming.taken(ids, f"{self.model.label}: ids")

    def __repr__(self) -> str:
        capacity = self.capacity
        return f"<StreamPool of {self.model.label}, {len(self)}{'' if capacity is None else f' of {capacity}'} streams>"


def _unpickled(model: Any, capacity: int | None, when_full: str, data: bytes) -> StreamPool:
    pool = StreamPool(model, capacity, when_full)
    pool.load(data)
    return pool


def _one_of(known: tuple[str, ...], name: str, value: Any) -> str:
    if isinstance(value, str) and value in known:
        return value
    hint = nearest(value, known) if isinstance(value, str) else ""
    raise ValueError(f"{name} must be {' or '.join(map(repr, known))}, got {value!r}.{hint}")


def _checked_mark(mark: Any) -> int | None:
    if mark is None:
        return None
    if isinstance(mark, bool) or not isinstance(mark, (int, np.integer)) or not 0 <= mark < 2**64:
        raise ValueError(f"changed_since must be what mark() gave, got {mark!r}.")
    return int(mark)


def _first(file: Any, size: int) -> bytes:
    """The first bytes of a file, as many as there are of `size`; a read may give fewer than are there."""
    start = b""
    while len(start) < size and (more := file.read(size - len(start))):
        start += more
    return start


def _about(what: str, error: ValueError) -> ValueError:
    """The engine's error about the bytes, with their name. It may be about the pool instead, and then stays."""
    said = str(error)
    return error if said.endswith(".") else ValueError(f"{what}: {said}.")


def _numbered(ids: Given) -> Array:
    """For each id the number of its stream, from 0 on."""
    if not isinstance(ids, tuple):
        return np.asarray(np.unique(ids, return_inverse=True)[1])
    numbers: dict[Id, int] = {}
    return np.array([numbers.setdefault(each, len(numbers)) for each in ids], np.int64)


def _occurrences(where: Array) -> Array:
    """For each place, how often its number stood before it.

    >>> _occurrences(np.array([4, 7, 4, 4])).tolist()
    [0, 0, 1, 2]
    """
    order = np.argsort(where, kind="stable")
    ordered = where[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    counts = np.empty(len(where), np.int64)
    counts[order] = np.arange(len(where)) - np.repeat(starts, np.diff(np.r_[starts, len(where)]))
    return counts
