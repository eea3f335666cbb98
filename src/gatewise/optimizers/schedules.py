"""The learning-rate schedules: functions of the number of steps made so far, under Keras's names.

A schedule computes in float32, on NumPy's numbers and inside a program that JAX traces alike. In the equations t is the
step, counted from 0, T is `decay_steps` and a_0 the initial learning rate. optax's exponential and polynomial schedules
give the same bits, its cosine rounds otherwise, and it has no others; these here need no JAX.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, TypeAlias

import numpy as np

from gatewise.base import release
from gatewise.base.arrays import namespace
from gatewise.base.registry import Described, ObjectRegistry
from gatewise.base.typing import Array, Config

Step: TypeAlias = Any
"""The number of steps made: a Python integer, an array of one number, or a variable that holds one."""

DTYPE: Final = np.dtype("float32")

registry: ObjectRegistry[LearningRateSchedule] = ObjectRegistry("learning rate schedule", "keras.optimizers.schedules")


class LearningRateSchedule(Described):
    """The base: a subclass gives `__call__(step)`, and `get_config` to be saved.

    >>> class Halving(LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.1 * 0.5**step
    >>> Halving()(2)
    0.025
    """

    def __call__(self, step: Step) -> Array:
        """The learning rate after `step` steps."""
        raise NotImplementedError(f"{type(self).__name__} needs a method __call__(self, step).")

    def get_config(self) -> Config:
        """The constructor's arguments, as values that JSON can hold.

        Raises:
            NotImplementedError: in a class of one's own that does not define it.
        """
        if not self._arguments:
            raise NotImplementedError(
                f"{type(self).__name__} cannot be saved: give it a get_config that returns its constructor's arguments."
            )
        return super().get_config()


class _Named(LearningRateSchedule):
    """A schedule of Keras's own: it has a name, which nothing depends on."""

    _default_name: ClassVar[str] = ""

    def __init__(self, name: str | None) -> None:
        # Keras 2 leaves a name that was not given out of the config.
        self.name = self._default_name if name is None and release.current() == "keras3" else name

    def _checked_steps(self, argument: str) -> None:
        steps = getattr(self, argument)
        if steps <= 0:
            raise ValueError(f"{type(self).__name__}: {argument}: expected a positive number of steps, got {steps!r}.")


def _number(step: Step) -> tuple[Any, Array]:
    """The namespace of a step, and the step as float32."""
    step = getattr(step, "value", step)
    xp = namespace(step)
    return xp, xp.asarray(step, dtype=DTYPE)


def _cast(xp: Any, *numbers: float) -> list[Array]:
    return [xp.asarray(number, dtype=DTYPE) for number in numbers]


class _Decay(_Named):
    """A rate that falls with t / T, the steps taken over `decay_steps`; with `staircase` that is rounded down."""

    _arguments = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self._checked_steps("decay_steps")

    def _terms(self, step: Step) -> tuple[Array, Array, Array]:
        """The first rate, the rate of decay, and t / T."""
        xp, t = _number(step)
        first, steps, rate = _cast(xp, self.initial_learning_rate, self.decay_steps, self.decay_rate)
        passed = t / steps
        return first, rate, xp.floor(passed) if self.staircase else passed


@registry.register("ExponentialDecay")
class ExponentialDecay(_Decay):
    """a_0 * decay_rate^(t / T); with `staircase` the power is rounded down, so that the rate falls once in T steps.

    >>> schedule = ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)
    >>> float(schedule(20))
    0.02500000037252903
    """

    _default_name = "ExponentialDecay"

    def __call__(self, step: Step) -> Array:
        first, rate, power = self._terms(step)
        return first * rate**power


@registry.register("InverseTimeDecay")
class InverseTimeDecay(_Decay):
    """a_0 / (1 + decay_rate * t / T); with `staircase` t / T is rounded down.

    >>> float(InverseTimeDecay(0.5, decay_steps=10, decay_rate=1.0)(10))
    0.25
    """

    _default_name = "InverseTimeDecay"

    def __call__(self, step: Step) -> Array:
        first, rate, passed = self._terms(step)
        return first / (1 + rate * passed)


@registry.register("PiecewiseConstantDecay")
class PiecewiseConstantDecay(_Named):
    """`values[k]`, where k boundaries lie below the step; a step that equals a boundary still has the value before it.

    Args:
        boundaries: steps, in rising order.
        values: one more than boundaries.
        name: not used.

    >>> schedule = PiecewiseConstantDecay([10, 20], [0.5, 0.25, 0.125])
    >>> [float(schedule(step)) for step in (10, 11, 20, 21)]
    [0.5, 0.25, 0.25, 0.125]
    """

    _arguments = ("boundaries", "values", "name")
    _default_name = "PiecewiseConstant"

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str | None = None) -> None:
        super().__init__(name)
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                f"PiecewiseConstantDecay: expected one value more than boundaries, got {len(values)} values for "
                f"{len(boundaries)} boundaries."
            )
        self.boundaries = list(boundaries)
        self.values = list(values)

    def __call__(self, step: Step) -> Array:
        step = getattr(step, "value", step)
        xp = namespace(step)
        step = xp.asarray(step)
        passed = xp.sum(step > xp.asarray(self.boundaries).astype(step.dtype))
        return xp.asarray(self.values, dtype=DTYPE)[passed]


@registry.register("PolynomialDecay")
class PolynomialDecay(_Named):
    """(a_0 - end) * (1 - t / T)^power + end, with t held at T; with `cycle` T grows to the next multiple above t.

    >>> float(PolynomialDecay(1.0, decay_steps=10, end_learning_rate=0.0)(5))
    0.5
    """

    _arguments = ("initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle", "name")
    _default_name = "PolynomialDecay"

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self._checked_steps("decay_steps")

    def __call__(self, step: Step) -> Array:
        xp, t = _number(step)
        first, last, steps, power = _cast(
            xp, self.initial_learning_rate, self.end_learning_rate, self.decay_steps, self.power
        )
        if self.cycle:
            steps = steps * xp.where(t == 0, xp.ones_like(t), xp.ceil(t / steps))
        else:
            t = xp.minimum(t, steps)
        return (first - last) * (1 - t / steps) ** power + last


@registry.register("CosineDecay")
class CosineDecay(_Named):
    """From a_0 down to alpha * a_0 along half a cosine in T steps; before that, if so asked, a straight warm-up.

    Source: Loshchilov and Hutter, 2016, https://arxiv.org/abs/1608.03983.

    Args:
        initial_learning_rate: where it starts.
        decay_steps: T.
        alpha: the last rate, as a share of the first.
        name: not used.
        warmup_target: the rate that the warm-up ends at, and the decay starts from; None for no warm-up.
        warmup_steps: how many steps the warm-up takes.

    >>> schedule = CosineDecay(0.0, decay_steps=10, warmup_target=1.0, warmup_steps=4)
    >>> [round(float(schedule(step)), 4) for step in (0, 2, 4, 9, 14)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """

    _arguments = ("initial_learning_rate", "decay_steps", "alpha", "name", "warmup_target", "warmup_steps")
    _default_name = "CosineDecay"

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str | None = None,
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        super().__init__(name)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps
        self._checked_steps("decay_steps")

    def __call__(self, step: Step) -> Array:
        xp, t = _number(step)
        first, steps = _cast(xp, self.initial_learning_rate, self.decay_steps)
        if self.warmup_target is None:
            return self._decayed(xp, xp.minimum(t, steps), steps, first)
        target, warmup = _cast(xp, self.warmup_target, self.warmup_steps)
        t = xp.minimum(t, steps + warmup)
        # No division by zero where there are no steps of warm-up: that side is not taken then.
        rising = (target - first) * (t / xp.maximum(warmup, xp.ones_like(warmup))) + first
        return xp.where(t < warmup, rising, self._decayed(xp, t - warmup, steps, target))

    def _decayed(self, xp: Any, t: Array, steps: Array, first: Array) -> Array:
        cosine = 0.5 * (1.0 + xp.cos(xp.asarray(math.pi, dtype=DTYPE) * (t / steps)))
        return first * ((1 - self.alpha) * cosine + self.alpha)


@registry.register("CosineDecayRestarts")
class CosineDecayRestarts(_Named):
    """`CosineDecay` again and again: each turn `t_mul` times as long as the last, from `m_mul` times its first rate.

    Source: Loshchilov and Hutter, 2016, https://arxiv.org/abs/1608.03983.

    >>> schedule = CosineDecayRestarts(1.0, first_decay_steps=10, m_mul=0.5)
    >>> [round(float(schedule(step)), 4) for step in (0, 5, 10, 20)]
    [1.0, 0.5, 0.5, 0.25]
    """

    _arguments = ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha", "name")
    _default_name = "SGDRDecay"

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self._checked_steps("first_decay_steps")

    def __call__(self, step: Step) -> Array:
        xp, t = _number(step)
        first, steps, alpha, t_mul, m_mul = _cast(
            xp, self.initial_learning_rate, self.first_decay_steps, self.alpha, self.t_mul, self.m_mul
        )
        turns = t / steps
        if self.t_mul == 1.0:
            restarts = xp.floor(turns)
            passed = turns - restarts
        else:
            restarts = xp.floor(xp.log(1.0 - turns * (1.0 - t_mul)) / xp.log(t_mul))
            before = (1.0 - t_mul**restarts) / (1.0 - t_mul)
            passed = (turns - before) / t_mul**restarts
        cosine = 0.5 * m_mul**restarts * (1.0 + xp.cos(xp.asarray(math.pi, dtype=DTYPE) * passed))
        return first * ((1 - alpha) * cosine + alpha)


def serialize(learning_rate_schedule: LearningRateSchedule) -> Any:
    """A config for a schedule.

    >>> serialize(InverseTimeDecay(0.1, 10, 0.5))["class_name"]
    'InverseTimeDecay'
    """
    return registry.serialize(learning_rate_schedule)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The schedule that `serialize`, or any Keras, wrote.

    >>> deserialize(serialize(InverseTimeDecay(0.1, 10, 0.5))).decay_rate
    0.5
    """
    return registry.deserialize(config, custom_objects)
