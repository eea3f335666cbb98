"""`keras.tree`: nested structures of lists, tuples and dicts, under Keras 3's names.

Dicts are walked in the order of their sorted keys. What is no list, tuple or dict is a leaf, None too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from gatewise.base import structure as _structure
from gatewise.base.structure import is_shape


class _MapToNone:
    """The type of `MAP_TO_NONE`."""

    def __repr__(self) -> str:
        return "MAP_TO_NONE"


MAP_TO_NONE: Final = _MapToNone()
"""What a function for `traverse` gives to put None in a place; None itself means: go on inside."""


def is_nested(structure: Any) -> bool:
    """Whether `structure` is a list, a tuple or a dict.

    >>> is_nested({}), is_nested("text")
    (True, False)
    """
    return _structure.is_nested(structure)


def flatten(structure: Any) -> list[Any]:
    """The leaves, left to right.

    >>> flatten({"b": 1, "a": [2, 3]})
    [2, 3, 1]
    """
    return _structure.flatten(structure)


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """The leaves, each with the keys and numbers that lead to it.

    >>> flatten_with_path({"b": 1, "a": [2]})
    [(('a', 0), 2), (('b',), 1)]
    """
    return list(_walk(structure, ()))


def _walk(part: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if not _structure.is_nested(part):
        yield path, part
        return
    for key in sorted(part) if isinstance(part, dict) else range(len(part)):
        yield from _walk(part[key], (*path, key))


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """`func` of the leaves that stand at one place in all `structures`, in the first one's structure.

    Args:
        func: takes a leaf of each.
        *structures: of one structure.
        none_is_leaf: whether `func` is called on None too; otherwise None stays where it is.

    Raises:
        TypeError: `func` cannot be called.
        ValueError: the structures differ, or there are none.

    >>> map_structure(lambda a, b: a + b, {"x": (1, 2)}, {"x": (3, 4)})
    {'x': (4, 6)}
    """
    if not callable(func):
        raise TypeError(f"tree.map_structure: func: expected a function, got {func!r}.")
    if not structures:
        raise ValueError("tree.map_structure takes at least one structure.")
    first, *others = structures
    for other in others:
        assert_same_structure(first, other)
    together = zip(*map(flatten, structures), strict=True)
    leaves = [func(*each) if none_is_leaf or each[0] is not None else None for each in together]
    return pack_sequence_as(first, leaves)


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """`func` of what stands in `structures` at the places of the leaves of `shallow_structure`.

    Raises:
        ValueError: one of them is not that deep.

    >>> map_structure_up_to([0, 0], len, [[1, 2], [3]])
    [2, 1]
    """
    places = [path for path, _ in flatten_with_path(shallow_structure)]
    for other in structures:
        _check_as_deep(shallow_structure, other)
    return pack_sequence_as(shallow_structure, [func(*(_at(other, path) for other in structures)) for path in places])


def _at(part: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        part = part[key]
    return part


def _check_as_deep(shallow: Any, deep: Any) -> None:
    if not _structure.is_nested(shallow):
        return
    _check_alike(shallow, deep)
    for key in sorted(shallow) if isinstance(shallow, dict) else range(len(shallow)):
        _check_as_deep(shallow[key], deep[key])


def assert_same_structure(a: Any, b: Any, check_types: Any = None) -> None:
    """Refuse structures that differ in their containers, lengths or keys.

    Args:
        a: the one.
        b: the other.
        check_types: accepted, as Keras 3 does, without a meaning.

    Raises:
        ValueError: where they differ.

    >>> assert_same_structure([1, (2,)], [3, (4,)])
    """
    if not _structure.is_nested(a) and not _structure.is_nested(b):
        return
    _check_alike(a, b)
    for key in sorted(a) if isinstance(a, dict) else range(len(a)):
        assert_same_structure(a[key], b[key])


def _check_alike(a: Any, b: Any) -> None:
    """That two containers are of one kind and size."""
    kinds = (dict, list, tuple)
    if [isinstance(a, kind) for kind in kinds] != [isinstance(b, kind) for kind in kinds]:
        raise ValueError(f"The structures differ: {type(a).__name__} expected, {b!r} came.")
    if isinstance(a, dict) and a.keys() != b.keys():
        raise ValueError(f"The structures differ: a dict with the keys {sorted(a)} expected, {sorted(b)} came.")
    if len(a) != len(b):
        raise ValueError(f"The structures differ: {len(a)} parts expected, {len(b)} came in {b!r}.")


def assert_same_paths(a: Any, b: Any) -> None:
    """Refuse structures whose leaves stand at different places; lists and tuples are alike to it.

    Raises:
        ValueError: where they differ.

    >>> assert_same_paths([1, 2], (3, 4))
    """
    here, there = ({path for path, _ in flatten_with_path(each)} for each in (a, b))
    if here != there:
        raise ValueError(f"The paths differ: only the first has {here - there}, only the second {there - here}.")


def pack_sequence_as(structure: Any, flat_sequence: Any) -> Any:
    """`structure` with the parts of `flat_sequence` as its leaves.

    Raises:
        TypeError: `flat_sequence` is not a sequence.
        ValueError: it is too long or too short.

    >>> pack_sequence_as([1, (2, 3)], "abc")
    ['a', ('b', 'c')]
    """
    if not hasattr(flat_sequence, "__len__"):
        raise TypeError(f"tree.pack_sequence_as: flat_sequence: expected a sequence, got {flat_sequence!r}.")
    count = len(flatten(structure))
    if count != len(flat_sequence):
        raise ValueError(f"tree.pack_sequence_as: the structure has {count} leaves, but {len(flat_sequence)} came.")
    return _structure.rebuild(structure, iter(flat_sequence))


def lists_to_tuples(structure: Any) -> Any:
    """The same with tuples in place of lists.

    >>> lists_to_tuples([1, {"a": [2]}])
    (1, {'a': (2,)})
    """
    if isinstance(structure, dict):
        return {key: lists_to_tuples(value) for key, value in structure.items()}
    if isinstance(structure, (list, tuple)) and not hasattr(structure, "_fields"):
        return tuple(map(lists_to_tuples, structure))
    return structure


def map_shape_structure(func: Callable[[Any], Any], structure: Any) -> Any:
    """`func` of each shape in a structure of shapes.

    >>> map_shape_structure(len, [(1, 2), {"a": (None,)}])
    [2, {'a': 1}]
    """
    return _structure.map_structure(func, structure, is_shape)


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """The structure, each part replaced by what `func` says of it, containers too.

    Args:
        func: gives what takes the part's place; None leaves the part and goes on inside; `MAP_TO_NONE` puts None.
        structure: what to walk.
        top_down: whether `func` sees a container before its parts, or after.

    >>> traverse(lambda part: sum(part) if isinstance(part, tuple) else None, [1, (2, 3)])
    [1, 5]
    """
    if top_down:
        found = func(structure)
        if found is not None:
            return None if found is MAP_TO_NONE else found
    if isinstance(structure, dict):
        structure = {key: traverse(func, structure[key], top_down) for key in structure}
    elif isinstance(structure, (list, tuple)):
        parts = [traverse(func, part, top_down) for part in structure]
        structure = type(structure)(*parts) if hasattr(structure, "_fields") else type(structure)(parts)
    if top_down:
        return structure
    found = func(structure)
    return structure if found is None else None if found is MAP_TO_NONE else found
