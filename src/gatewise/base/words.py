"""Words that messages share."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """The words " Did you mean 'tanh'?" for the known name closest to `name`, or nothing."""
    import difflib

    found = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {found[0]!r}?" if found else ""
