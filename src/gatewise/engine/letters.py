"""Shapes in letters: "(I, gH)" with I = 8, g = 4 and H = 32 is (8, 128)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import prod

_FACTOR = re.compile(r"\d+|[A-Za-z]")


def axes(letters: str) -> list[list[str]]:
    """The factors of each axis.

    >>> axes("(2, gH)"), axes("(gH,)")
    ([['2'], ['g', 'H']], [['g', 'H']])
    """
    return [_FACTOR.findall(axis) for axis in letters.strip("()").split(",") if axis.strip()]


def shape(letters: str, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The shape in numbers.

    >>> shape("(I, gH)", {"I": 8, "g": 4, "H": 32})
    (8, 128)
    """
    return tuple(prod(int(each) if each.isdigit() else sizes[each] for each in factors) for factors in axes(letters))


def sizes(
    shapes: Mapping[str, tuple[int, ...]], letters: Mapping[str, str], known: Mapping[str, int]
) -> dict[str, int]:
    """What each letter stands for, going by the shapes of weights that have been checked.

    >>> sizes({"kernel": (8, 128)}, {"kernel": "(I, gH)"}, {"g": 4})
    {'g': 4, 'I': 8, 'H': 32}
    """
    found = dict(known)
    for name, each in shapes.items():
        for size, factors in zip(each, axes(letters[name]), strict=True):
            unknown = [factor for factor in factors if not factor.isdigit() and factor not in found]
            if len(unknown) == 1:
                rest = prod(int(each) if each.isdigit() else found[each] for each in factors if each != unknown[0])
                found[unknown[0]] = size // max(rest, 1)
    return found
