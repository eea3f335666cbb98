"""The equation of the real-gated linear recurrent unit."""

from __future__ import annotations

from typing import ClassVar

from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.engine.cells.cell import LinearCell, Parts, native, split


@native
class RGLRU(LinearCell):
    """S. De et al., Griffin (2024), arXiv 2402.19427, equations 1 to 4: h' = a h + sqrt(1 - a^2) i x, where
    a = sigmoid(Lambda)^(8 r), and r and i are gates of the input.
    """

    name, gates = "rg_lru", "rih"
    weights: ClassVar[dict[str, str]] = {**LinearCell.weights, "decay": "(H,)"}
    gate_names: ClassVar[dict[str, str]] = {"r": "recurrence gate", "i": "input gate", "h": "candidate"}
    candidate = "h"

    SHARPNESS: ClassVar[float] = 8.0
    """The paper's c."""

    @staticmethod
    def coefficients(z: Array, parts: Parts) -> tuple[Array, Array]:
        z_r, z_i, z_h = split(z, 3)
        xp = namespace(z)
        r, i, candidate = parts.sigma(z_r), parts.sigma(z_i), parts.phi(z_h)
        parts.keep(r=r, i=i, h=candidate)
        decay = parts.weights["decay"]
        log_a = -RGLRU.SHARPNESS * r * xp.logaddexp(-decay, xp.zeros_like(decay))  # sigmoid's logarithm
        return xp.exp(log_a), xp.sqrt(-xp.expm1(2 * log_a)) * (i * candidate)
