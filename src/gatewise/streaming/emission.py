"""A native program in the making."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from gatewise import activations
from gatewise.engine import native
from gatewise.streaming.values import Value


class NotNativeError(Exception):
    """The native engine does not compute this; the layers themselves do."""


class Emission:
    """A native program in the making, and where each value and mask is in it."""

    def __init__(self, program: Any) -> None:
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


_WITH_DEFAULTS: Final[dict[str, list[float]]] = {
    "leaky_relu": [0.2],
    "elu": [1.0],
    "celu": [1.0],
    "squareplus": [4.0],
    "hard_shrink": [0.5],
    "soft_shrink": [0.5],
}
_PLAIN: Final = native.activations() | {
    *("relu6", "selu", "softplus", "sparse_plus", "silu", "hard_silu", "mish", "gelu", "exponential", "hard_tanh"),
    *("log_sigmoid", "sparse_sigmoid", "tanh_shrink"),
}


def emit_activation(to: Emission, x: int, function: Any, size: int, *, in_place: bool) -> int:
    """Add an activation of the value `x`, whose last axis has `size`; returns where its result is."""
    if function is activations.linear:
        return x
    name = activations.known_name(function)
    if name in _PLAIN:
        return int(to.program.activation(x, name, [], in_place))
    if name in _WITH_DEFAULTS:
        return int(to.program.activation(x, name, _WITH_DEFAULTS[name], in_place))
    if name in ("softmax", "log_softmax") and size > 0:
        return int(to.program.softmax(x, size, name == "log_softmax"))
    raise NotNativeError
