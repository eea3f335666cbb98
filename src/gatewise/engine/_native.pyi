"""The compiled engine. Shapes: B batch, T time, I input features, H units, g gates."""

from __future__ import annotations

from gatewise.typing import Array

def isas() -> list[str]:
    """Instruction sets that this machine has, lowest first."""

def isa() -> str:
    """The instruction set in use: the highest, or what GATEWISE_ISA or `set_isa` says."""

def set_isa(name: str) -> None:
    """Choose the instruction set of recurrences made from now on; ValueError names those there are."""

def threads() -> int:
    """How many threads a call may use."""

def set_threads(count: int) -> None:
    """Set how many threads a call may use; 0 is automatic."""

class Recurrence:
    """The packed weights of one recurrent layer: immutable, usable from many threads at once."""

    def __init__(
        self,
        cell: str,
        kernel: Array,
        recurrent_kernel: Array,
        bias: Array | None,
        activation: str,
        recurrent_activation: str,
    ) -> None:
        """`cell` is simple, lstm, gru or gru_reset_after; the arrays are all float32 or all float64."""

    def forward(
        self,
        x: Array,
        states: tuple[Array, ...] | None,
        mask: Array | None,
        go_backwards: bool,
        sequences: bool,
        zero_masked: bool,
    ) -> tuple[Array, ...]:
        """Run over x (B, T, I): the output, (B, T, H) or (B, H), then the final states (B, H)."""
