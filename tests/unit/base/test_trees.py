"""`keras.tree`, whose answers here are Keras 3.15's."""

from __future__ import annotations

import pytest

from gatewise.keras import tree

PARTS = {"b": 1, "a": [2, (3, None)]}


def test_leaves_and_their_paths() -> None:
    assert tree.flatten(PARTS) == [2, 3, None, 1]
    paths = [path for path, _ in tree.flatten_with_path(PARTS)]
    assert paths == [("a", 0), ("a", 1, 0), ("a", 1, 1), ("b",)]
    assert tree.pack_sequence_as(PARTS, "wxyz") == {"b": "z", "a": ["w", ("x", "y")]}


def test_functions_of_leaves() -> None:
    assert tree.map_structure(lambda n: n and n + 1, PARTS) == {"b": 2, "a": [3, (4, None)]}
    seen: list[object] = []
    tree.map_structure(seen.append, PARTS, none_is_leaf=False)
    assert seen == [2, 3, 1]
    assert tree.map_structure(lambda a, b: (a, b), {"a": 1, "b": [2]}, {"b": [3], "a": 4}) == {
        "a": (1, 4),
        "b": [(2, 3)],
    }
    assert tree.map_structure_up_to([0, 0], lambda part: part, [[1, 2], 3]) == [[1, 2], 3]
    assert tree.map_shape_structure(len, [(1, 2), {"a": (None, 3)}]) == [2, {"a": 2}]


@pytest.mark.parametrize(("one", "other"), [([1, 2], (1, 2)), ([1], [1, 2]), ({"a": 1}, {"b": 1}), ([1], 1)])
def test_structures_that_differ_are_refused(one: object, other: object) -> None:
    with pytest.raises(ValueError, match="The structures differ"):
        tree.assert_same_structure(one, other)
    with pytest.raises(ValueError, match="The structures differ"):
        tree.map_structure(max, one, other)


def test_paths_do_not_tell_lists_from_tuples() -> None:
    tree.assert_same_paths([1, (2,)], ((1), [2]))
    with pytest.raises(ValueError, match="The paths differ"):
        tree.assert_same_paths([1, 2], {"a": 1})


def test_containers_can_be_replaced() -> None:
    assert tree.traverse(lambda part: "T" if isinstance(part, tuple) else None, [1, (2, 3)]) == [1, "T"]
    assert tree.traverse(lambda part: tree.MAP_TO_NONE if part == 2 else None, [1, (2, 3)]) == [1, (None, 3)]
    counted = tree.traverse(lambda part: sum(part) if isinstance(part, tuple) else None, [1, ((2,), 3)], top_down=False)
    assert counted == [1, 5]


def test_what_cannot_be() -> None:
    with pytest.raises(TypeError, match="expected a function"):
        tree.map_structure(3, [1])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="has 2 leaves, but 1 came"):
        tree.pack_sequence_as([1, 2], [3])
    with pytest.raises(ValueError, match="at least one structure"):
        tree.map_structure(len)
