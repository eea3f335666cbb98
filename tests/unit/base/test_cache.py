"""The one cache, by itself."""

from __future__ import annotations

import copy
import pickle

import numpy as np

from gatewise.base.cache import Cache
from gatewise.base.changes import changes
from gatewise.base.variable import Scope, StateVariable, Variable, reading


def test_a_thing_is_made_anew_where_its_stamp_is_another() -> None:
    cache, made = Cache(), iter(range(10))
    stamp = [0]

    def get() -> int:
        return cache.get("x", lambda: tuple(stamp), lambda: next(made))

    assert [get(), get()] == [0, 0]
    stamp[0] = 1
    assert get() == 0, "nothing said that anything changed"
    changes.next()
    assert [get(), get()] == [1, 1]
    changes.next()
    assert get() == 1, "something else changed"


def test_uses_are_apart_and_copies_empty() -> None:
    cache = Cache()
    assert cache.get("a", tuple, lambda: 1) == 1
    assert cache.get("b", tuple, lambda: 2) == 2
    for twin in (copy.copy(cache), copy.deepcopy(cache), pickle.loads(pickle.dumps(cache))):
        assert twin.get("a", tuple, lambda: 3) == 3


def test_the_stamp_of_a_variable_is_that_of_the_value_it_reads_as() -> None:
    first, second = (Variable(np.zeros(2), name=name) for name in "ab")
    assert first.stamp != second.stamp
    own = first.stamp
    with reading(Scope()):
        assert first.stamp == own
        first.assign(np.ones(2))
        assert first.stamp != own
    assert first.stamp == own, "the scope was left without its assignments"
    with reading(Scope([(first, np.ones(2))])):
        assert first.stamp != own
    first.assign(np.ones(2))
    assert first.stamp not in (own, second.stamp)
    assert pickle.loads(pickle.dumps(first)).stamp not in (own, first.stamp)


def test_states_change_without_a_word() -> None:
    state, latest = StateVariable(np.zeros(2), name="h"), changes.latest
    state.assign(np.ones(2))
    assert changes.latest == latest
