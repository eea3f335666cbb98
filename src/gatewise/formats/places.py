"""The layout by place, that of Keras 3, as writers take it: see `models/saved_order.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

OPTIMIZER: Final = "optimizer/vars"
"""Where the optimizer's state is."""
OF_WORDS: Final = "idf_weights"
"""What Keras stores by name and not by number: what the words of a vocabulary weigh."""


@dataclass(frozen=True)
class PlaceToWrite:
    """One group of arrays: its path, whose it is, and the arrays, which are numbered, or named by `of`."""

    path: str
    name: str | None
    arrays: list[np.ndarray]
    of: str | None = None
    first: int = 0
    """The number of the first array: the others of its place stand in another file."""


def first_parts(place: str) -> tuple[str, str]:
    """The layer directly in the model that a place belongs to, as files call it, and the rest of the place.

    >>> first_parts("layers/lstm/cell/vars"), first_parts("vars")
    (('lstm', 'cell/vars/'), ('vars', ''))
    """
    first, _, rest = place.partition("/")
    if first == "layers":
        first, _, rest = rest.partition("/")
    return first, f"{rest}/" if rest else ""
