"""Words that messages share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

LIKENESS = 0.75
"""How like a known name must be to be named in a hint: two letters of four in another order are, "Attention" and
"Activation", which are two things, are not (`difflib`'s ratio)."""


def like(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` is most like, in whatever case; None where none is like it.

    >>> like("adma", ["Adamax", "Adam"]), like("Activation", ["Attention"])
    ('Adam', None)
    """
    import difflib

    plain = {each.lower(): each for each in known}
    found = difflib.get_close_matches(name.lower(), plain, n=3, cutoff=LIKENESS)
    return plain[min(found, key=lambda each: _distance(name.lower(), each))] if found else None


def nearest(name: str, known: Iterable[str]) -> str:
    """The words " Did you mean 'tanh'?" for the known name closest to `name`, or nothing."""
    found = like(name, known)
    return f" Did you mean {found!r}?" if found else ""


class _Nothing:
    def __dir__(self) -> list[str]:
        return []


NOTHING: Final[Any] = _Nothing()
"""The `obj` of an AttributeError whose own words name the nearest name: Python looks there for one to add, and finds
none. It would look in the object itself, and count private names too."""


def mistyped(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` is with one letter wrong, missing, doubled or in its neighbour's place, or with two
    such in a long name; None for any other.

    Names of less than six letters are left alone: another letter makes another word of them.

    >>> mistyped("return_sequence", ["return_state", "return_sequences"])
    'return_sequences'
    >>> mistyped("kernel", ["kernel_size"]) is None
    True
    """
    for other in known:
        allowed = 1 if len(other) < 9 else 2
        if len(other) >= 6 and abs(len(other) - len(name)) <= allowed and 0 < _distance(name, other) <= allowed:
            return other
    return None


def _distance(a: str, b: str) -> int:
    """How many letters to add, take away, change or exchange with their neighbour make `b` of `a`."""
    before, last = [0] * (len(b) + 1), list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        now = [i]
        for j, other in enumerate(b, 1):
            least = min(last[j] + 1, now[j - 1] + 1, last[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                least = min(least, before[j - 2] + 1)
            now.append(least)
        before, last = last, now
    return last[-1]
