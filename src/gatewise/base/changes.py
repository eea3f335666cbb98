"""The count of changes: a weight, an argument or a drawing takes a fresh number whenever it becomes another.

What is prepared from them (packed weights, plans of models, programs of streams, compiled functions) remembers their
numbers and is made anew when one differs: see `cache`. No number is ever given twice.
"""

from __future__ import annotations

import itertools

# next() is atomic, so two threads never draw the same number.
_numbers = itertools.count(1)


class Changes:
    """The latest number; `next()` draws one. Change first, then draw; look at `latest` first, then prepare.

    `under_way` is True while variables that belong together are being replaced, one after the other.
    """

    __slots__ = ("latest", "under_way")

    def __init__(self) -> None:
        self.latest = 0
        self.under_way = False

    def next(self) -> int:
        """The number of a change that may matter to what was prepared."""
        self.latest = number = next(_numbers)
        return number

    @staticmethod
    def aside() -> int:
        """A number for what nothing is prepared from: `latest` stays."""
        return next(_numbers)


changes = Changes()
