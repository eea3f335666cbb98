"""The native engine's program with weights as C keeps them: what the files say before they are compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewise.engine import _native
from gatewise.formats.c.weights import of_precision, stood_for


class Twin(_native.Program):
    """A program of the engine whose tables of weights are those of a C program in `form`."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form

    def dense(self, x: int, kernel: Any, bias: Any) -> int:
        return super().dense(x, stood_for(kernel, self.form), bias)

    def recurrence(
        self,
        x: int,
        mask: int,
        cell: str,
        weights: Mapping[str, Any],
        activation: str,
        recurrent_activation: str,
        zero_masked: bool,
        precision: str = "float32",
    ) -> tuple[int, list[int]]:
        kernels = ("kernel", "recurrent_kernel")
        own = {name: stood_for(of_precision(weights[name], precision), self.form) for name in kernels}
        return super().recurrence(x, mask, cell, {**weights, **own}, activation, recurrent_activation, zero_masked)

    def convolution(self, x: int, kernel: Any, bias: Any, dilation: int, groups: int) -> tuple[int, int]:
        return super().convolution(x, stood_for(kernel, self.form, (0, 1)), bias, dilation, groups)

    def embedding(self, ids: int, table: Any, label: str) -> int:
        return super().embedding(ids, stood_for(table, self.form, 1), label)
