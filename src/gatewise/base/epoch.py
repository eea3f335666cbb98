"""A stamp of everything that a prepared call depends on: the weights and the arguments of all layers.

What is prepared from weights (packed copies, plans of models) remembers the stamp of that moment and is made anew
when it differs. That costs one comparison a call, where looking at every weight would cost one each.
"""

from __future__ import annotations

import itertools

# next() is atomic, so two threads never set the same stamp.
_stamps = itertools.count(1)


class Epoch:
    """The current stamp; `changed()` sets a new one. Change first, then call it; read it first, then prepare."""

    __slots__ = ("stamp",)

    def __init__(self) -> None:
        self.stamp = 0

    def changed(self) -> int:
        """Say that a weight or an argument of some layer is another now; gives the new stamp."""
        self.stamp = stamp = next(_stamps)
        return stamp


epoch = Epoch()
