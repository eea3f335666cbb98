"""Many streams of one model, each advanced when its turn comes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, NoReturn

import numpy as np

from gatewise.base.arrays import as_array
from gatewise.base.atomic import replacing
from gatewise.base.typing import Array
from gatewise.engine._native import UnknownStreamError
from gatewise.streaming import forms, stepwise
from gatewise.streaming.compile import prepare
from gatewise.streaming.prepared import Prepared

__all__ = ["StreamPool", "UnknownStreamError"]


class StreamPool:
    """Up to `capacity` streams, by id; `model.stream_pool(capacity)` makes a pool.

    Args:
        model: a causal model, with weights.
        capacity: the most streams that live at once. Memory is taken as streams are first added.

    An id is an integer of 64 bits. The states lie in one area of memory, one record each; beside them a stream costs
    about 36 bytes. Wherever ids are taken, one integer will do as well as an array of them.

    A pool may be used from many threads, one call at a time, and survives a fork. A call takes effect for all its
    streams or, after an error, for none. A pool keeps the weights that the model had when it was made; `update()` takes
    the present ones.

    >>> import gatewise as gw
    >>> model = gw.Sequential([gw.layers.LSTM(6, input_shape=(None, 3)), gw.layers.Dense(1)])
    >>> pool = model.stream_pool(1000)
    >>> pool.add([7, 42])
    >>> pool.push([42, 7, 42], np.ones((3, 3), "float32")).shape
    (3, 1)
    >>> len(pool), 42 in pool, 43 in pool
    (2, True, False)
    """

    def __init__(self, model: Any, capacity: int) -> None:
        count = forms.checked_count(model.label, "capacity", capacity)
        self.model = model
        self._prepared = prepare(model)
        self._check()
        self._pool = self._new_pool(count)

    def _check(self) -> None:
        if self._prepared.dtype != np.float32:
            raise ValueError(f"{self.model.label}: a pool keeps states in float32, but this model computes in float64.")

    def _new_pool(self, capacity: int) -> Any:
        from gatewise.engine import _native

        program = self._prepared.program
        if program is None:  # The pool then only keeps the records, and the layers compute.
            program = _native.Program()
            program.state(self._prepared.record)
        return _native.Pool(program, capacity)

    # -- which streams there are ------------------------------------------------------------------------------------

    @property
    def capacity(self) -> int:
        """The most streams that live at once."""
        return int(self._pool.capacity)

    @property
    def state_bytes(self) -> int:
        """How many bytes the states of the present streams take."""
        return len(self) * self._prepared.record * 4

    def __len__(self) -> int:
        return len(self._pool)

    def __contains__(self, id_: object) -> bool:
        return isinstance(id_, (int, np.integer)) and -(2**63) <= int(id_) < 2**63 and int(id_) in self._pool

    def ids(self) -> Array:
        """The ids of all streams, as an array of int64."""
        return np.frombuffer(self._pool.ids(), np.int64).copy()

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

    # -- advancing --------------------------------------------------------------------------------------------------

    def push(self, ids: Any, x: Any) -> Any:
        """Advance streams by one step each.

        Args:
            ids: (n,) integers. A stream that stands there k times takes k steps, in the order of the rows.
            x: (n, I), a row for each id; for several inputs a list, or a dict by name. For one id also (I,).

        Returns:
            The outputs (n, ...) in the structure of the model's outputs; for one id as an integer, (...).

        Raises:
            UnknownStreamError (a ValueError): an id that is not in the pool.
            ValueError, TypeError: for what does not fit. Nothing has moved after an error.
        """
        places, one = self._ids(ids)
        prepared = self._prepared
        arrays, single = prepared.shapes.taken(x, len(places), steps=False)
        if prepared.program is not None:
            outputs = self._pool.push(places, arrays)
        else:
            outputs = self._by_layers(prepared, places, arrays)
        return prepared.shapes.given(outputs, () if single and one else (len(places),))

    def _by_layers(self, prepared: Prepared, ids: Array, inputs: list[Array]) -> list[Array]:
        """A push where the native engine lacks something: in rounds, so that a stream comes once in each."""
        with stepwise.lock:
            _, where = np.unique(ids, return_inverse=True)
            records = self._pool.read(ids)
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
            first = np.unique(where, return_index=True)[1]
            self._pool.write(ids[first], records[first])
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

    # -- snapshots --------------------------------------------------------------------------------------------------

    def snapshot(self, path: str | os.PathLike[str]) -> None:
        """Write all streams to a file.

        The file appears whole or not at all: it is written beside `path` under another name, brought to the disk, and
        then takes the place of what was there. Pushes from other threads wait.

        Raises:
            OSError: where the file cannot be written; what was there stays.
        """
        start = self._header(self._prepared)
        with replacing(path) as temporary, open(temporary, "wb", buffering=0) as file:
            self._pool.dump(file.fileno(), start)

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Take the streams of a snapshot, of a model of the same layers, in place of those there are.

        Raises:
            ValueError: a file that is damaged, cut short, something else, of another model, or of more streams than
                fit. The pool is then as it was.
            OSError: where the file cannot be read.
        """
        what = f"The snapshot {os.fspath(path)!r}"
        prepared = self._prepared
        with open(path, "rb", buffering=0) as file:
            start = file.read(forms.HEADER_SIZE) or b""
            forms.check_header(what, start, forms.POOL, prepared.record * 4, prepared.fingerprint())
            try:
                self._pool.load(file.fileno(), start)
            except ValueError as error:
                raise ValueError(f"{what}: {error}.") from None

    @staticmethod
    def _header(prepared: Prepared) -> bytes:
        return forms.header(forms.POOL, prepared.record * 4, prepared.fingerprint())

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
        """A pool of its own with the same streams, each where it stands now."""
        twin = type(self).__new__(type(self))
        twin.model, twin._prepared = self.model, self._prepared
        twin._pool = twin._new_pool(self.capacity)
        if len(ids := self.ids()):
            twin._pool.add(ids)
            twin._pool.write(ids, self._pool.read(ids))
        return twin

    __copy__ = copy

    def __deepcopy__(self, memo: Any) -> StreamPool:
        return self.copy()

    def __reduce__(self) -> NoReturn:
        raise TypeError(forms.no_pickle(self, "pool.snapshot(path) writes them to a file"))

    # -- ids --------------------------------------------------------------------------------------------------------

    def _ids(self, ids: Any) -> tuple[Array, bool]:
        """The ids as an array (n,) of int64, and whether there was one, alone."""
        label = f"{self.model.label}: ids"
        if isinstance(ids, Iterable) and not hasattr(ids, "__array__") and not isinstance(ids, (str, bytes)):
            ids = list(ids)
        array = np.asarray(as_array(ids, label))
        if array.size == 0:
            return np.empty(0, np.int64), False
        if array.dtype.kind not in "iu" or array.ndim > 1:
            raise TypeError(
                f"{label} must be integers, one or an array (n,), got shape {array.shape} of {array.dtype}."
            )
        if array.dtype == np.uint64 and int(array.max()) >= 2**63:
            raise ValueError(f"{label} must be below 2**63, got {int(array.max())}.")
        return np.asarray(array.reshape(-1), np.int64, order="C"), array.ndim == 0

    def __repr__(self) -> str:
        return f"<StreamPool of {self.model.label}, {len(self)} of {self.capacity} streams>"


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
