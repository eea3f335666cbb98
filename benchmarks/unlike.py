"""Batches of sequences of unlike lengths: what `benchmarks.lengths` measures, the same in every process."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import Case, Floats, seeded

Drawn = Literal["uniform", "long tail"]
Work = Literal["forward", "gradients"]


@dataclass(frozen=True)
class Unlike:
    """A batch of B = 64 sequences of 1 to T = 256 steps, I = 64, H = 128.

    drawn: uniform from 1 to T, or a long tail: exponential with the mean T / 8, from 1 to T.
    work: "forward" gives every step's output; "gradients" those of the weights too, for a sum of the real outputs, each
    times a number.
    """

    work: Work
    cell: Literal["lstm", "gru"]
    drawn: Drawn

    @property
    def name(self) -> str:
        return f"{self.work} {self.cell}, {self.drawn}"

    @property
    def layer(self) -> Case:
        """The sizes, with inputs and weights that all benchmarks draw alike."""
        return Case("forward", self.cell, 64, 256, 64, 128)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def lengths(self) -> NDArray[np.int64]:
        case = self.layer
        random = seeded(case, 6)
        if self.drawn == "uniform":
            return random.integers(1, case.time, case.batch, endpoint=True)
        return np.clip(np.ceil(random.exponential(case.time / 8, case.batch)), 1, case.time).astype(np.int64)

    def share(self) -> float:
        """Of all steps of the padded batch, how many are real."""
        return float(self.lengths().mean()) / self.layer.time

    def factors(self) -> Floats:
        """(B, T, H), zeros where a step is padding."""
        case = self.layer
        real = np.arange(case.time) < self.lengths()[:, None]
        drawn = seeded(case, 7).standard_normal((case.batch, case.time, case.units), dtype=np.float32)
        return drawn * real[:, :, None].astype(np.float32)


def all_unlike() -> list[Unlike]:
    return [
        Unlike(w, c, d) for w in ("forward", "gradients") for c in ("lstm", "gru") for d in ("uniform", "long tail")
    ]
