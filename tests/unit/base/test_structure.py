"""Nested structures."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.base import structure


class Pair(NamedTuple):
    left: Any
    right: Any


TREES = st.recursive(
    st.integers(),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        st.builds(Pair, inner, inner),
    ),
)


@given(TREES)
def test_rebuilding_from_the_leaves_gives_the_tree(tree: Any) -> None:
    again = structure.rebuild(tree, iter(structure.flatten(tree)))
    assert again == tree
    assert type(again) is type(tree)


@given(TREES)
def test_mapping_visits_each_leaf_once(tree: Any) -> None:
    seen: list[int] = []
    doubled = structure.map_structure(lambda n: seen.append(n) or 2 * n, tree)
    assert seen == structure.flatten(tree)
    assert structure.flatten(doubled) == [2 * n for n in seen]


def test_dicts_are_walked_by_sorted_keys_and_keep_their_order() -> None:
    tree = {"b": 1, "a": 2}
    assert structure.flatten(tree) == [2, 1]
    assert list(structure.map_structure(str, tree).items()) == [("b", "1"), ("a", "2")]


@pytest.mark.parametrize(
    ("value", "wanted"),
    [((None, 5), True), ([None, 5], True), ((), True), ([(None, 5)], False), ((None, "a"), False), (5, False)],
)
def test_is_shape(value: Any, wanted: bool) -> None:
    assert structure.is_shape(value) is wanted


def test_shapes_are_leaves_where_asked() -> None:
    tree = [(None, 5), {"x": (None, 6, 7)}]
    assert structure.flatten(tree, leaf=structure.is_shape) == [(None, 5), (None, 6, 7)]
