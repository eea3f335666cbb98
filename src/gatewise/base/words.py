"""Words that messages share."""

from __future__ import annotations

from collections.abc import Iterable

LIKENESS = 0.75
"""How like a known name must be to be named in a hint: two letters of four in another order are, "Attention" and
"Activation", which are two things, are not (`difflib`'s ratio)."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The words " Did you mean 'tanh'?" for the known name closest to `name`, or nothing."""
    import difflib

    found = difflib.get_close_matches(name, list(known), n=1, cutoff=LIKENESS)
    return f" Did you mean {found[0]!r}?" if found else ""
