"""`keras.random`: see `gatewise.ops.chance`."""

from __future__ import annotations

from gatewise.base.absent import absent
from gatewise.ops.chance import (
    beta,
    binomial,
    categorical,
    dropout,
    gamma,
    normal,
    randint,
    shuffle,
    truncated_normal,
    uniform,
)
from gatewise.random import SeedGenerator

__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]
__getattr__ = absent(__name__, "keras.random")
