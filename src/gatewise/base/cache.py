"""What is made of a layer's weights, arguments and graph, kept until one of them changes.

There is one such cache, whatever is kept in it: a layer's packed op, a model's plan, its program for streams, its
function compiled by JAX.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from gatewise.base.changes import changes
from gatewise.base.variable import current_scope

Made = TypeVar("Made")


class Cache:
    """One layer's: what was made last for each use, and the stamp that it was made at.

    A stamp is made of the numbers that `changes` gave to all that the thing depends on. Where nothing at all has
    changed in the process since the last look, one comparison says so; else the stamp is taken again and compared.

    >>> cache = Cache()
    >>> cache.get("sum", lambda: (1, 2), lambda: "made"), cache.get("sum", lambda: (1, 2), lambda: "not made again")
    ('made', 'made')
    """

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        # By use: the latest change at the last look, the stamp, the thing. One tuple, as threads look at any time.
        self._kept: dict[Hashable, tuple[int, Hashable, Any]] = {}

    def get(self, use: Hashable, stamp: Callable[[], Hashable], make: Callable[..., Made], *args: Any) -> Made:
        """The thing kept for `use`, made now by `make(*args)` where there is none of this stamp.

        A thread that finds another at work makes its own: the last one stays.
        """
        # A scope shows other values than the variables' own, or such as may yet be taken back: there nothing is quick.
        latest = changes.latest if current_scope() is None else -1
        kept = self._kept.get(use)
        if kept is not None and kept[0] == latest >= 0:
            return kept[2]  # type: ignore[no-any-return]
        now = stamp()
        thing = kept[2] if kept is not None and kept[1] == now else make(*args)
        self._kept[use] = latest, now, thing
        return thing

    def __reduce__(self) -> tuple[type[Cache], tuple[()]]:
        """Copies and pickles begin anew."""
        return Cache, ()
