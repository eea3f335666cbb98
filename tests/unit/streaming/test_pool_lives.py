"""Pools over their lives: random calls of all kinds against a dict of single streams, in the order of their last use."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from pool_models import BY_LAYERS, MODEL

from gatewise.streaming import UnknownStreamError

IDS = st.sampled_from([0, 7, -3, 2**63 - 1, "", "7", "pump 3", "né", b"", b"7", b"\x00\xff", "x" * 300])
SOME = st.lists(IDS, max_size=6)


class Lives(RuleBasedStateMachine):
    """`streams` has a single stream for each of the pool's, the one that was not used for longest first."""

    model: Any = MODEL
    when_full = "error"
    capacity: int | None = None

    def __init__(self) -> None:
        super().__init__()
        self.pool = self.model.stream_pool(self.capacity, self.when_full)
        self.streams: dict[Any, Any] = {}
        self.follower = self.model.stream_pool()
        self.mark: int | None = None
        self.kept: tuple[bytes, dict[Any, bytes]] | None = None
        self.rng = np.random.default_rng(0)

    # -- what the calls do to the streams ---------------------------------------------------------------------------

    def use(self, ids: list[Any]) -> None:
        for each in dict.fromkeys(ids):
            self.streams[each] = self.streams.pop(each)

    def begin(self, ids: list[Any]) -> None:
        for each in dict.fromkeys(ids):
            self.streams[each] = self.streams.pop(each, None) or self.model.stream()
        while self.pool.capacity is not None and len(self.streams) > self.pool.capacity:
            del self.streams[next(iter(self.streams))]

    def too_many(self, ids: list[Any]) -> bool:
        room = self.pool.capacity
        if room is None:
            return False
        return len(set(ids) if self.when_full == "drop_least_recent" else set(ids) | set(self.streams)) > room

    def call(self, wrong: Any, work: Callable[[], Any]) -> Any:
        if not wrong:
            return work()
        with pytest.raises(ValueError, match="Nothing was"):
            work()
        return None

    # -- the calls --------------------------------------------------------------------------------------------------

    @rule(ids=SOME)
    def add(self, ids: list[Any]) -> None:
        wrong = len(set(ids)) < len(ids) or set(ids) & set(self.streams) or self.too_many(ids)
        self.call(wrong, lambda: self.pool.add(ids))
        if not wrong:
            self.begin(ids)

    @rule(ids=SOME, new=st.sampled_from(["error", "add"]), out=st.booleans())
    def push(self, ids: list[Any], new: str, out: bool) -> None:
        wrong = self.too_many(ids) if new == "add" else not set(ids) <= set(self.streams)
        x = self.rng.normal(size=(len(ids), 3)).astype("float32")
        into = np.empty((len(ids), 2), "float32") if out else None
        y = self.call(wrong, lambda: self.pool.push(ids, x, new=new, out=into))
        if wrong:
            return
        assert into is None or y is into
        self.begin(ids)
        self.same(y, np.reshape([self.streams[each].push(row) for each, row in zip(ids, x, strict=True)], (-1, 2)))

    @rule(ids=SOME)
    def drop(self, ids: list[Any]) -> None:
        wrong = len(set(ids)) < len(ids) or not set(ids) <= set(self.streams)
        self.call(wrong, lambda: self.pool.drop(ids))
        if not wrong:
            for each in ids:
                del self.streams[each]

    @rule(ids=SOME)
    def reset(self, ids: list[Any]) -> None:
        wrong = not set(ids) <= set(self.streams)
        self.call(wrong, lambda: self.pool.reset(ids))
        if not wrong:
            self.use(ids)
            for each in ids:
                self.streams[each].reset()

    @rule(ids=SOME)
    def set_state(self, ids: list[Any]) -> None:
        wrong = len(set(ids)) < len(ids) or not set(ids) <= set(self.streams)
        state = {part: self.rng.normal(size=(len(ids), 5)).astype("float32") for part in "hc"}
        self.call(wrong, lambda: self.pool.set_state(ids, {"it": state}))
        if not wrong:
            self.use(ids)
            for row, each in enumerate(ids):
                self.streams[each].state = {"it": {part: state[part][row : row + 1] for part in "hc"}}

    @rule(count=st.integers(0, 3))
    def drop_least_recent(self, count: int) -> None:
        oldest = list(self.streams)[:count]
        assert listed(self.pool.drop_least_recent(count)) == oldest
        for each in oldest:
            del self.streams[each]

    @rule(everything=st.booleans())
    def drop_idle(self, everything: bool) -> None:
        gone = listed(self.pool.drop_idle(0 if everything else 1e6))
        assert gone == (list(self.streams) if everything else [])
        for each in gone:
            del self.streams[each]

    @rule(capacity=st.one_of(st.none(), st.integers(1, 12)))
    def resize(self, capacity: int | None) -> None:
        if capacity is not None and capacity < len(self.streams):
            with pytest.raises(ValueError, match="capacity cannot be"):
                self.pool.capacity = capacity
        else:
            self.pool.capacity = capacity
            assert self.pool.capacity == capacity

    # -- saves ------------------------------------------------------------------------------------------------------

    @rule(ids=st.one_of(st.none(), SOME))
    def save(self, ids: list[Any] | None) -> None:
        if ids is not None and not set(ids) <= set(self.streams):
            with pytest.raises(UnknownStreamError, match="is not in the pool"):
                self.pool.save(ids)
            return
        chosen = self.streams if ids is None else ids
        self.kept = self.pool.save(ids), {each: self.streams[each].save() for each in chosen}

    @precondition(lambda self: self.kept is not None)
    @rule()
    def load(self) -> None:
        assert self.kept is not None
        data, states = self.kept
        wrong = self.too_many(list(states))
        came = self.call(wrong, lambda: self.pool.load(data))
        if wrong:
            return
        assert set(listed(came)) == set(states)
        self.begin(listed(came))
        for each, state in states.items():
            self.streams[each].restore(state)

    @rule()
    def restore(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self.pool.snapshot(Path(folder, "s"))
            before = self.pool.mark()
            self.pool.restore(Path(folder, "s"))
        with pytest.raises(ValueError, match="is no mark of this pool, or one that it has forgotten"):
            self.pool.save(changed_since=before)
        self.use(listed(self.pool.ids()))  # They come in the order of the file.
        self.mark = None

    @rule()
    def follow(self) -> None:
        """Another pool keeps up by what changed since it did last."""
        mark = self.pool.mark()
        if self.mark is None:
            self.follower = self.model.stream_pool()
        self.follower.load(self.pool.save(changed_since=self.mark))
        assert sorted_save(self.follower) == sorted_save(self.pool)
        self.mark = mark

    @rule()
    def copy(self) -> None:
        self.pool, self.mark = self.pool.copy(), None

    # -- what holds after each --------------------------------------------------------------------------------------

    @invariant()
    def the_same_streams(self) -> None:
        assert len(self.pool) == len(self.streams)
        assert set(listed(self.pool.ids())) == set(self.streams)
        assert all(each in self.pool for each in self.streams)
        assert listed(self.pool.copy().drop_least_recent(99)) == list(self.streams)
        state = self.pool.state(list(self.streams))["it"]
        for row, stream in enumerate(self.streams.values()):
            for part in "hc":
                self.same(state[part][row], stream.state["it"][part][0])

    def same(self, mine: Any, theirs: Any) -> None:
        if self.model is MODEL:
            np.testing.assert_array_equal(mine, theirs)
        else:  # BLAS rounds a product of many rows otherwise than one row.
            np.testing.assert_allclose(mine, theirs, atol=1e-5)


def listed(ids: Any) -> list[Any]:
    return ids if isinstance(ids, list) else ids.tolist()


def sorted_save(pool: Any) -> Any:
    ids = sorted(listed(pool.ids()), key=repr)
    return ids, {part: array.tolist() for part, array in pool.state(ids)["it"].items()}


class OfLayers(Lives):
    model = BY_LAYERS


class Full(Lives):
    when_full = "drop_least_recent"
    capacity = 4


class Bounded(Lives):
    capacity = 5


@pytest.mark.parametrize(("machine", "examples"), [(Lives, 30), (OfLayers, 8), (Full, 30), (Bounded, 15)])
def test_a_pool_is_a_dict_of_streams_in_the_order_of_their_use(machine: Any, examples: int) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=25, deadline=None))
