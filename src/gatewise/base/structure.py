"""Nested structures: lists, tuples, named tuples and dicts of leaves, as models take and return them.

A shape is a leaf where `leaf` says so; dicts are walked in the order of their sorted keys, as Keras does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def flatten(tree: Any, leaf: Callable[[Any], bool] | None = None) -> list[Any]:
    """The leaves of `tree`, left to right.

    >>> flatten({"b": [1, 2], "a": (3,)})
    [3, 1, 2]
    """
    if leaf is None and not isinstance(tree, (list, tuple, dict)):
        return [tree]  # The usual case, and quick.
    found: list[Any] = []
    _collect(tree, leaf, found)
    return found


def _collect(tree: Any, leaf: Callable[[Any], bool] | None, found: list[Any]) -> None:
    if leaf is not None and leaf(tree):
        found.append(tree)
    elif isinstance(tree, (list, tuple)):
        for part in tree:
            _collect(part, leaf, found)
    elif isinstance(tree, dict):
        for key in sorted(tree):
            _collect(tree[key], leaf, found)
    else:
        found.append(tree)


def rebuild(tree: Any, leaves: Iterator[Any], leaf: Callable[[Any], bool] | None = None) -> Any:
    """The structure of `tree` with `leaves` in place of its own."""
    if leaf is not None and leaf(tree):
        return next(leaves)
    if isinstance(tree, dict):
        fresh = {key: rebuild(tree[key], leaves, leaf) for key in sorted(tree)}
        return {key: fresh[key] for key in tree}
    if isinstance(tree, (list, tuple)):
        parts = [rebuild(part, leaves, leaf) for part in tree]
        if isinstance(tree, list):
            return parts
        return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
    return next(leaves)


def map_structure(function: Callable[[Any], Any], tree: Any, leaf: Callable[[Any], bool] | None = None) -> Any:
    """`function` applied to each leaf, in the same structure.

    >>> map_structure(lambda n: n + 1, {"a": (1, [2])})
    {'a': (2, [3])}
    """
    if leaf is None and not isinstance(tree, (list, tuple, dict)):
        return function(tree)
    return rebuild(tree, iter([function(part) for part in flatten(tree, leaf)]), leaf)


def is_nested(tree: Any) -> bool:
    """Whether `tree` is a container rather than a leaf."""
    return isinstance(tree, (list, tuple, dict))


def is_shape(value: Any) -> bool:
    """Whether `value` is one shape, such as (None, 5, 3), rather than a structure of shapes.

    >>> is_shape((None, 5)), is_shape([(None, 5), (None, 6)])
    (True, False)
    """
    return isinstance(value, (list, tuple)) and all(size is None or isinstance(size, int) for size in value)
