"""What is measured: the cases, their inputs and weights (the same in every process), and how much work each one is.

Letters: B batch, T time, I input features, H units, g gates.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Kind: TypeAlias = Literal["forward", "step", "mixed", "train", "epoch", "unequal"]
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
EPOCH_SHAPE = (32, 50, 8, 32)
UNEQUAL_SHAPE = (32, 100, 64, 128)
WINDOWS, SEQUENCES = 10_000, 1_000  # In an epoch, and in an epoch of unequal lengths.
PRECISION_SHAPES = ((1, 100, 256, 512), (32, 100, 256, 512), (256, 50, 256, 512))

# How far an output, which lies in (-1, 1), may be from the reference. float32 with other orders of summation stays well
# below 1e-4 over 100 steps of 512 units. bfloat16 moves each factor by up to 2^-8; whatever else is wrong moves more.
TOLERANCES: dict[Precision, float] = {"float32": 1e-4, "bfloat16": 0.05}
# The losses are means of many float32 numbers, below 1. The first step moves them by more than 300 times as much.
LOSS_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Case:
    """One row of the results.

    kind: "forward" runs whole sequences and returns every step's output; "step" advances one sequence by one step from
    Python, the state kept between calls; "mixed" is a forward of sequences of 1 to T steps, padded to T.
    "train" is one step of training on one batch, every step's output held against a target; "epoch" an epoch of small
    batches of windows, with one number to be found for each; "unequal" an epoch of sequences of 1 to T steps.
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

    @property
    def trains(self) -> bool:
        """Whether it is a case of training."""
        return self.kind in ("train", "epoch", "unequal")

    @property
    def samples(self) -> int:
        """How many sequences there are in all: one batch, but for an epoch."""
        return {"epoch": WINDOWS, "unequal": SEQUENCES}.get(self.kind, self.batch)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def operations(self) -> float:
        """Floating point operations of the layer's matrix products (a multiply-add is two), over the steps that count.

        Training has each product three times: forward, for the gradient of its input, and for that of its weights.
        """
        forward = float(lengths(self).sum()) * 2 * (self.features + self.units) * self.gates * self.units
        return 3 * forward if self.trains else forward

    def recurrent_bytes(self) -> int:
        """The recurrent weights: what every step must read again, whatever the batch; in training, backwards too."""
        return (2 if self.trains else 1) * 4 * self.units * self.gates * self.units


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


def seeded(case: Case, salt: int) -> np.random.Generator:
    return np.random.default_rng((salt, case.gates, case.batch, case.time, case.features, case.units))


def weights(case: Case) -> Weights:
    """Random weights, drawn the same in every process; the products stay of the size that trained models have."""
    rng = seeded(case, 1)
    width = case.gates * case.units

    def draw(*shape: int) -> Floats:
        limit = 1 / np.sqrt(shape[0] if len(shape) == 2 and shape[0] > 2 else case.units)
        return rng.uniform(-limit, limit, shape).astype(np.float32)

    bias_shape = (2, width) if case.cell == "gru" else (width,)
    return Weights(draw(case.features, width), draw(case.units, width), draw(*bias_shape))


def inputs(case: Case) -> Floats:
    """x (samples, T, I), zeros where an "unequal" sequence has ended; for a step case the sequence
    (1, STEPS_CHECKED, I) it is checked on, whose first step is timed."""
    steps = STEPS_CHECKED if case.kind == "step" else case.time
    x = seeded(case, 2).standard_normal((case.samples, steps, case.features), dtype=np.float32)
    return np.where(mask(case)[:, :, None], x, np.float32(0)) if case.kind == "unequal" else x


def lengths(case: Case) -> NDArray[np.int32]:
    """How many steps of each sequence count: 1 to T in a mixed case (the longest is T), else all."""
    if case.kind not in ("mixed", "unequal"):
        return np.full(case.samples, case.time, np.int32)
    drawn = seeded(case, 3).integers(1, case.time, case.samples, endpoint=True, dtype=np.int32)
    drawn[0], drawn[1] = case.time, 1
    if case.kind == "unequal":  # The first batch, which is checked, stays one where batches are made by length.
        drawn[: case.batch] = case.time - drawn[: case.batch] % 4
    return drawn


def mask(case: Case) -> NDArray[np.bool_]:
    """(samples, T), True where a step counts."""
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


def training_cases() -> list[Case]:
    """Every case of training: a step at the sizes of forward, an epoch of windows, and one of unequal lengths."""
    cells: tuple[Cell, ...] = ("lstm", "gru")
    cases = [Case("train", cell, *shape) for cell in cells for shape in FORWARD_SHAPES]
    return [*cases, Case("epoch", "lstm", *EPOCH_SHAPE), Case("unequal", "lstm", *UNEQUAL_SHAPE)]


# -- the right answer -------------------------------------------------------------------------------------------------


def sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
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
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        else:
            x_z, x_r, x_h = np.split(z[:, t], 3, axis=1)
            h_z, h_r, h_h = np.split(h @ recurrent + bias[1], 3, axis=1)
            update = sigmoid(x_z + h_z)
            h = update * h + (1 - update) * np.tanh(x_h + sigmoid(x_r + h_r) * h_h)
        y[:, t] = h
    return y


def tolerance(case: Case) -> float:
    """How far an output, or a loss of training, may be from the reference."""
    return LOSS_TOLERANCE if case.trains else TOLERANCES[case.precision]


def largest_error(case: Case, got: NDArray[Any], want: NDArray[np.float64]) -> float:
    """The largest difference over the steps that count, or of a loss; infinity for a wrong shape or NaN."""
    if got.shape != want.shape:
        return float("inf")
    difference = np.abs(got - want)
    if case.kind == "mixed":
        difference = difference[mask(case)]
    largest = float(difference.max())
    return largest if np.isfinite(largest) else float("inf")
