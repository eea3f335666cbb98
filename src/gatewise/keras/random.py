"""`keras.random`: see `gatewise.ops.chance`."""

from __future__ import annotations

from gatewise.base.absent import answer_for
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
answer_for(__name__, "keras.random")
