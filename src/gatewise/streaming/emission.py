"""A program in the making: the native engine's, or another with the same operations."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from gatewise import activations
from gatewise.base.typing import Array
from gatewise.engine import native
from gatewise.streaming.values import Value


class NotNativeError(Exception):
    """The native engine does not compute this; the layers themselves do."""


class Program(Protocol):
    """What rules add their layers to: the native engine's `Program`, whose words these are, or one that writes C.

    Each method adds an operation and returns the number of the value (or mask) that it makes; layers with a state also
    return its place in a stream's record.
    """

    def input(self, width: int, ids: bool) -> int: ...
    def output(self, value: int) -> None: ...
    def dense(self, x: int, kernel: Array, bias: Array | None) -> int: ...
    def recurrence(
        self,
        x: int,
        mask: int,
        cell: str,
        weights: dict[str, Array | None],
        activation: str,
        recurrent_activation: str,
        zero_masked: bool,
        precision: str = "float32",
    ) -> tuple[int, list[int]]: ...
    def take_state(self, place: int, width: int) -> int: ...
    def convolution(self, x: int, kernel: Array, bias: Array | None, dilation: int, groups: int) -> tuple[int, int]: ...
    def embedding(self, ids: int, table: Array, label: str) -> int: ...
    def activation(self, x: int, name: str, parameters: dict[str, float], in_place: bool) -> int: ...
    def softmax(self, x: int, size: int, log: bool) -> int: ...
    def prelu(self, x: int, alpha: Array) -> int: ...
    def scale_shift(self, x: int, scale: Array, shift: Array) -> int: ...
    def layer_norm(self, x: int, epsilon: float, gamma: Array, beta: Array) -> int: ...
    def merge(self, kind: str, inputs: list[int]) -> int: ...
    def concatenate(self, inputs: list[int], outer: int) -> int: ...
    def mask_zero(self, ids: int) -> int: ...
    def masking(self, x: int, value: float) -> tuple[int, int]: ...
    def combine_masks(self, first: int, second: int, any: bool) -> int: ...


class Emission:
    """A program in the making, and where each value and mask is in it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._numbers: dict[Value, Callable[[], int]] = {}
        self._masks: dict[Value, int] = {}

    def put(self, value: Value, number: int, mask: int | None = None) -> None:
        """Say where `value` is."""
        self.put_later(value, lambda: number)
        if mask is not None:
            self._masks[value] = mask

    def put_later(self, value: Value, make: Callable[[], int]) -> None:
        """Make `value` only if it is asked for."""
        made: list[int] = []

        def once() -> int:
            if not made:
                made.append(make())
            return made[0]

        self._numbers[value] = once

    def number(self, value: Value) -> int:
        """The program's number of `value`."""
        return self._numbers[value]()

    def mask(self, value: Value) -> int | None:
        """The program's number of the mask of `value`, or None."""
        return self._masks.get(value)


def emit_activation(to: Emission, x: int, function: Any, size: int, *, in_place: bool) -> int:
    """Add an activation of the value `x`, whose last axis has `size`; returns where its result is."""
    if function is activations.linear:
        return x
    name = activations.known_name(function)
    if name in ("softmax", "log_softmax") and size > 0:
        return int(to.program.softmax(x, size, name == "log_softmax"))
    if name is None or name not in native.functions():
        raise NotNativeError
    return emit_with_parameters(to, x, name, activations.parameters_of(getattr(activations, name)), in_place=in_place)


def emit_with_parameters(to: Emission, x: int, name: str, given: Mapping[str, Any], *, in_place: bool) -> int:
    """Add the activation `name` with these parameters, by the names that `gatewise.activations` has for them."""
    if inspect.Parameter.empty in given.values():
        raise NotNativeError
    numbers = {each: math.inf if value is None else float(value) for each, value in given.items()}
    return int(to.program.activation(x, name, numbers, in_place))
