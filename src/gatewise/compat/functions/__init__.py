"""The functions of `tf`, by what they do; each file offers its own to `calling.FUNCTIONS`.

- `calling.py`: what all of them share < `elementwise`, `reducing`, `making`, `shaping`, `products`, `networks`, `texts`
- `drawing.py`: a function of symbolic tensors is a layer
"""

from __future__ import annotations

from gatewise.compat.functions import drawing, elementwise, making, networks, products, reducing, shaping, texts
from gatewise.compat.functions.calling import FUNCTIONS

FUNCTIONS.update(networks.offered_as_it_is)
FUNCTIONS["boolean_mask"] = shaping.boolean_mask
FUNCTIONS["clip_by_global_norm"] = products.clip_by_global_norm

__all__ = ["FUNCTIONS", "drawing", "elementwise", "making", "networks", "products", "reducing", "shaping", "texts"]
