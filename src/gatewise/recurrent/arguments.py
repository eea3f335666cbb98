"""The arguments of recurrent layers, in Keras's order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gatewise.arguments import (
    KEYWORD_IN_KERAS2,
    Argument,
    activation,
    constraint,
    count,
    flag,
    fraction,
    initializer,
    one_of,
    optional_number,
    rate,
    regularizer,
    seed,
)
from gatewise.base.typing import Array
from gatewise.layer import Layer
from gatewise.recurrent.precision import Precision


def use_cudnn() -> Argument[Any, Any]:
    """Keras 3's choice of kernel: accepted, and without effect here."""
    return Argument(default="auto", parse=one_of("auto", True, False), after="unroll", places=KEYWORD_IN_KERAS2)


def implementation(**options: Any) -> Argument[int, int]:
    """1 draws a dropout mask for each gate, 2 one for all; 0 is Keras 2.0's."""
    return Argument(default=2, tf1=1, parse=one_of(0, 1, 2), kw_only=True, in_config=None, **options)


class HasUnits(Layer):
    """The first arguments of cells, and of layers with the arguments of one."""

    units: Argument[int, int] = count()
    activation: Argument[Any, Callable[[Array], Array]] = activation("tanh")


class Gated(HasUnits):
    """The argument of what has gates, which stands between the first arguments and the others.

    It is a class, and not a part of each such cell and layer, so that type checkers see it in its place.
    """

    recurrent_activation: Argument[Any, Callable[[Array], Array]] = activation("sigmoid", tf1="hard_sigmoid")


class CellArguments(HasUnits):
    """The arguments that cells have after those, and layers too; `LSTM` says what they mean."""

    use_bias: Argument[bool, bool] = flag(True)
    kernel_initializer: Argument[Any, Any] = initializer("glorot_uniform")
    recurrent_initializer: Argument[Any, Any] = initializer("orthogonal")
    bias_initializer: Argument[Any, Any] = initializer("zeros")
    kernel_regularizer: Argument[Any, Any] = regularizer()
    recurrent_regularizer: Argument[Any, Any] = regularizer()
    bias_regularizer: Argument[Any, Any] = regularizer()
    kernel_constraint: Argument[Any, Any] = constraint()
    recurrent_constraint: Argument[Any, Any] = constraint()
    bias_constraint: Argument[Any, Any] = constraint()
    dropout: Argument[Any, float] = rate(0.0)
    recurrent_dropout: Argument[Any, float] = rate(0.0)
    seed: Argument[Any, int | None] = seed(places=KEYWORD_IN_KERAS2)
    implementation: Argument[int, int] = implementation(places={"tf1": "recurrent_dropout"})
    precision: Argument[Any, str] = Precision()


def no_recurrent_dropout() -> Argument[Any, float]:
    """The argument `recurrent_dropout` of layers whose state goes through no product: 0."""

    def parse(value: Any) -> float:
        if fraction(value) != 0:
            raise ValueError(
                f"expected 0, got {value!r}: this cell multiplies no state by a kernel, so there is nothing to drop. "
                "Use `dropout`, which drops inputs."
            )
        return 0.0

    return Argument(default=0.0, parse=parse)


def bound() -> Argument[Any, float | None]:
    """A positive number that a state does not go beyond, or None."""

    def parse(value: Any) -> float | None:
        most: float | None = optional_number(value)
        if most is not None and not most > 0:
            raise ValueError(f"expected a positive number or None, got {value!r}.")
        return most

    return Argument(default=None, parse=parse, kw_only=True)
