"""What is measured: the cases, their inputs and weights (the same in every process), and how much work each one is.

Letters: B batch, T time, I input features, H units, g gates.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Kind: TypeAlias = Literal["forward", "step", "mixed"]
Cell: TypeAlias = Literal["lstm", "gru"]
Precision: TypeAlias = Literal["float32", "bfloat16"]

GATES = {"lstm": 4, "gru": 3}
STEPS_CHECKED = 20  # A step case is checked over so many steps.

# (B, T, I, H): from one short sequence to a machine full of work.
FORWARD_SHAPES = (
    (1, 100, 8, 32),
    (1, 100, 64, 128),
    (1, 100, 256, 512),
    (32, 100, 8, 32),
    (32, 100, 64, 128),
    (32, 100, 256, 512),
    (256, 50, 64, 128),
    (256, 50, 256, 512),
)
STEP_SIZES = ((8, 32), (64, 128), (256, 512))  # (I, H)
MIXED_SHAPE = (32, 100, 64, 128)
PRECISION_SHAPES = ((1, 100, 256, 512), (32, 100, 256, 512), (256, 50, 256, 512))

# How far an output, which lies in (-1, 1), may be from the reference. float32 with other orders of summation stays well
# below 1e-4 over 100 steps of 512 units. bfloat16 moves each factor by up to 2^-8; whatever else is wrong moves more.
TOLERANCES: dict[Precision, float] = {"float32": 1e-4, "bfloat16": 0.05}


@dataclass(frozen=True)
class Case:
    """One row of the results.

    kind: "forward" runs whole sequences and returns every step's output; "step" advances one sequence by one step from
    Python, the state kept between calls; "mixed" is a forward of sequences of 1 to T steps, padded to T.
    GRU means reset_after=True, the cell that all systems have in common. The precision is that of ours; all else is
    measured in float32.
    """

    kind: Kind
    cell: Cell
    batch: int
    time: int
    features: int
    units: int
    precision: Precision = "float32"

    @property
    def name(self) -> str:
        """What the results call this case."""
        sizes = f"({self.batch},{self.time},{self.features},{self.units})"
        return f"{self.kind} {self.cell} {sizes}" + (" bfloat16" if self.precision == "bfloat16" else "")

    @property
    def gates(self) -> int:
        return GATES[self.cell]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def operations(self) -> float:
        """Floating point operations of the matrix products (a multiply-add is two), over the steps that count."""
        steps = float(lengths(self).sum()) if self.kind == "mixed" else float(self.batch * self.time)
        return steps * 2 * (self.features + self.units) * self.gates * self.units

    def recurrent_bytes(self) -> int:
        """The recurrent weights: what every step must read again, whatever the batch."""
        return 4 * self.units * self.gates * self.units


@dataclass(frozen=True)
class Weights:
    """A layer's weights as Keras lays them out; gates i f c o (LSTM) or z r h (GRU)."""

    kernel: Floats  # (I, gH)
    recurrent_kernel: Floats  # (H, gH)
    bias: Floats  # (gH,), or (2, 3H) for the GRU: the input's and the recurrent

    def gate_columns(self, matrix: Floats) -> list[Floats]:
        """The gates of an array (..., gH), each (..., H)."""
        return np.split(matrix, matrix.shape[-1] // self.recurrent_kernel.shape[0], axis=-1)

    def reordered(self, matrix: Floats, order: tuple[int, ...]) -> Floats:
        """`matrix` (..., gH) with its gates in another order."""
        gates = self.gate_columns(matrix)
        return np.concatenate([gates[k] for k in order], axis=-1)


def _seeded(case: Case, salt: int) -> np.random.Generator:
    return np.random.default_rng((salt, case.gates, case.batch, case.time, case.features, case.units))


def weights(case: Case) -> Weights:
    """Random weights, drawn the same in every process; the products stay of the size that trained models have."""
    rng = _seeded(case, 1)
    width = case.gates * case.units

    def draw(*shape: int) -> Floats:
        limit = 1 / np.sqrt(shape[0] if len(shape) == 2 and shape[0] > 2 else case.units)
        return rng.uniform(-limit, limit, shape).astype(np.float32)

    bias_shape = (2, width) if case.cell == "gru" else (width,)
    return Weights(draw(case.features, width), draw(case.units, width), draw(*bias_shape))


def inputs(case: Case) -> Floats:
    """x (B, T, I); for a step case the sequence (1, STEPS_CHECKED, I) it is checked on, whose first step is timed."""
    steps = STEPS_CHECKED if case.kind == "step" else case.time
    return _seeded(case, 2).standard_normal((case.batch, steps, case.features), dtype=np.float32)


def lengths(case: Case) -> NDArray[np.int32]:
    """How many steps of each sequence count: 1 to T in a mixed case (the longest is T), else all."""
    if case.kind != "mixed":
        return np.full(case.batch, case.time, np.int32)
    drawn = _seeded(case, 3).integers(1, case.time, case.batch, endpoint=True, dtype=np.int32)
    drawn[0], drawn[1] = case.time, 1
    return drawn


def mask(case: Case) -> NDArray[np.bool_]:
    """(B, T), True where a step counts."""
    return np.asarray(np.arange(case.time) < lengths(case)[:, None])


def precision_cases() -> list[Case]:
    """What ours is measured at in bfloat16 as well."""
    cells: tuple[Cell, ...] = ("lstm", "gru")
    return [Case("forward", cell, *shape, precision="bfloat16") for cell in cells for shape in PRECISION_SHAPES]


def all_cases() -> list[Case]:
    """Every case that is compared with the peers, in the order of the tables."""
    cells: tuple[Cell, ...] = ("lstm", "gru")
    cases = [Case("forward", cell, *shape) for cell in cells for shape in FORWARD_SHAPES]
    cases += [Case("step", cell, 1, 1, *size) for cell in cells for size in STEP_SIZES]
    return cases + [Case("mixed", cell, *MIXED_SHAPE) for cell in cells]


# -- the right answer -------------------------------------------------------------------------------------------------


def _sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * z)))


def expected(case: Case) -> NDArray[np.float64]:
    """The outputs (B, steps, H) in float64: plain equations, no code shared with anything that is measured."""
    weight, x = weights(case), inputs(case).astype(np.float64)
    recurrent = weight.recurrent_kernel.astype(np.float64)
    bias = np.atleast_2d(weight.bias.astype(np.float64))
    z = x @ weight.kernel.astype(np.float64) + bias[0]
    h = c = np.zeros((x.shape[0], case.units))
    y = np.empty((*x.shape[:2], case.units))
    for t in range(x.shape[1]):
        if case.cell == "lstm":
            i, f, g, o = np.split(z[:, t] + h @ recurrent, 4, axis=1)
            c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
            h = _sigmoid(o) * np.tanh(c)
        else:
            x_z, x_r, x_h = np.split(z[:, t], 3, axis=1)
            h_z, h_r, h_h = np.split(h @ recurrent + bias[1], 3, axis=1)
            update = _sigmoid(x_z + h_z)
            h = update * h + (1 - update) * np.tanh(x_h + _sigmoid(x_r + h_r) * h_h)
        y[:, t] = h
    return y


def largest_error(case: Case, got: NDArray[Any], want: NDArray[np.float64]) -> float:
    """The largest difference over the steps that count; infinity for a wrong shape or NaN."""
    if got.shape != want.shape:
        return float("inf")
    difference = np.abs(got - want)
    if case.kind == "mixed":
        difference = difference[mask(case)]
    largest = float(difference.max())
    return largest if np.isfinite(largest) else float("inf")
