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
    initializer,
    one_of,
    rate,
    regularizer,
    seed,
)
from gatewise.base.typing import Array
from gatewise.recurrent.initial_state import TakesState
from gatewise.recurrent.precision import Precision


def use_cudnn() -> Argument[Any, Any]:
    """Keras 3's choice of kernel: accepted, and without effect here."""
    return Argument(default="auto", parse=one_of("auto", True, False), after="unroll", places=KEYWORD_IN_KERAS2)


def implementation(**options: Any) -> Argument[int, int]:
    """1 draws a dropout mask for each gate, 2 one for all; 0 is Keras 2.0's."""
    return Argument(default=2, tf1=1, parse=one_of(0, 1, 2), kw_only=True, in_config=None, **options)


class HasUnits(TakesState):
    """The first arguments of all recurrent layers."""

    units: Argument[int, int] = count()
    activation: Argument[Any, Callable[[Array], Array]] = activation("tanh")


class Gated(HasUnits):
    """The argument of layers with gates, which stands between the first arguments and the others.

    It is a class, and not a part of each such layer, so that type checkers see it in its place.
    """

    recurrent_activation: Argument[Any, Callable[[Array], Array]] = activation("sigmoid", tf1="hard_sigmoid")


class RecurrentArguments(HasUnits):
    """The arguments that all recurrent layers have after those; `LSTM` says what they mean."""

    use_bias: Argument[bool, bool] = flag(True)
    kernel_initializer: Argument[Any, Any] = initializer("glorot_uniform")
    recurrent_initializer: Argument[Any, Any] = initializer("orthogonal")
    bias_initializer: Argument[Any, Any] = initializer("zeros")
    kernel_regularizer: Argument[Any, Any] = regularizer()
    recurrent_regularizer: Argument[Any, Any] = regularizer()
    bias_regularizer: Argument[Any, Any] = regularizer()
    activity_regularizer = regularizer()  # Not annotated: to type checkers it is `Layer`'s, by keyword only.
    kernel_constraint: Argument[Any, Any] = constraint()
    recurrent_constraint: Argument[Any, Any] = constraint()
    bias_constraint: Argument[Any, Any] = constraint()
    dropout: Argument[Any, float] = rate(0.0)
    recurrent_dropout: Argument[Any, float] = rate(0.0)
    seed: Argument[Any, int | None] = seed(places=KEYWORD_IN_KERAS2)
    return_sequences: Argument[bool, bool] = flag(False)
    return_state: Argument[bool, bool] = flag(False)
    go_backwards: Argument[bool, bool] = flag(False)
    stateful: Argument[bool, bool] = flag(False)
    unroll: Argument[bool, bool] = flag(False)
    implementation: Argument[int, int] = implementation(places={"tf1": "recurrent_dropout"})
    time_major: Argument[bool, bool] = flag(False, kw_only=True, in_config=None)
    zero_output_for_mask: Argument[bool, bool] = flag(False, kw_only=True)
    precision: Argument[Any, str] = Precision()
