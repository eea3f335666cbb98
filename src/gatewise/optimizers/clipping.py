"""Gradients made shorter. A gradient may be None: that weight has none.

optax clips by a global norm too, but divides by the norm and then multiplies, where Keras makes one factor of both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from gatewise.base.arrays import namespace
from gatewise.base.typing import Array


def by_value(gradients: Sequence[Array | None], limit: float) -> list[Array | None]:
    """Each number brought between -`limit` and `limit`.

    >>> import numpy as np
    >>> by_value([np.array([-3.0, 0.5])], 1.0)[0].tolist()
    [-1.0, 0.5]
    """
    return [None if g is None else namespace(g).clip(g, -limit, limit) for g in gradients]


def by_norm(gradients: Sequence[Array | None], limit: float) -> list[Array | None]:
    """Each gradient longer than `limit` shortened to it.

    >>> import numpy as np
    >>> by_norm([np.array([3.0, 4.0])], 1.0)[0].tolist()
    [0.6, 0.8]
    """
    return [None if g is None else g * limit / namespace(g).maximum(_norm([g]), limit) for g in gradients]


def by_global_norm(gradients: Sequence[Array | None], limit: float) -> list[Array | None]:
    """All gradients as one vector shortened to `limit`; a norm that is not finite makes all of them NaN.

    >>> import numpy as np
    >>> [g.round(4).tolist() for g in by_global_norm([np.array([3.0]), np.array([4.0])], 1.0)]
    [[0.6], [0.8]]
    """
    present = [g for g in gradients if g is not None]
    if not present:
        return list(gradients)
    norm = _norm(present)
    scale = limit * namespace(norm).minimum(1.0 / norm, 1.0 / limit) + (norm - norm)
    return [None if g is None else g * scale for g in gradients]


def _norm(gradients: list[Array]) -> Array:
    xp = namespace(*gradients)
    return xp.sqrt(sum(xp.sum(xp.square(xp.asarray(g))) for g in gradients))


CLIPPERS: Final[dict[str, Callable[[Sequence[Any], float], list[Any]]]] = {
    "clipnorm": by_norm,
    "global_clipnorm": by_global_norm,
    "clipvalue": by_value,
}
"""By the argument that asks for it; where several are given, Keras 2.11 takes the first in this order."""
