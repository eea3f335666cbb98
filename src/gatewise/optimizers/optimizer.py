"""The base of all optimizers: how gradients change weights.

An optimizer is written in one of two ways. Gatewise's own declare their arguments and slots, and give the equation on
arrays, without side effects:

    class Momentum(Optimizer):
        momentum: Argument[Any, float] = rate(0.9, after="learning_rate")

        def slots(self):
            return [(Slot("momentum"),)]

        def step(self, w, g, slots, rate, t):
            m = slots[0] * self.momentum - g * rate
            return w + m, (m,)

One in Keras 3's style works the same: `build(variables)` with `add_variable_from_reference`, `update_step(gradient,
variable, learning_rate)` with `assign`, and `get_config`.

An update is written once. Inside a `Scope` reads and writes of variables are of traced values: so `stateless_apply` is
a pure function, and `apply` runs the same on NumPy, where an error leaves everything as it was.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from gatewise.base.arrays import namespace
from gatewise.base.recording import new_tape
from gatewise.base.tensors import plain
from gatewise.base.typing import Array
from gatewise.base.variable import Scope, Variable, all_or_nothing, reading
from gatewise.optimizers.clipping import CLIPPERS
from gatewise.optimizers.state import State


class Optimizer(State):
    """What every optimizer is.

    Args:
        learning_rate: a number, a schedule (`gatewise.optimizers.schedules`) or a function of no arguments.
        weight_decay: before each step every weight loses this share of itself, times the learning rate.
        clipnorm: each gradient is shortened to this length.
        clipvalue: each number of a gradient is brought between minus this and this.
        global_clipnorm: all gradients together are shortened to this length.
        use_ema: keep a moving average of the weights, for `finalize_variable_values`.
        ema_momentum: how much of the average stays at each step.
        ema_overwrite_frequency: after so many steps, each time, the weights become their averages.
        loss_scale_factor: `scale_loss` multiplies by it, and the gradients are divided by it.
        gradient_accumulation_steps: so many calls of `apply` make one step, with the mean of their gradients.
        name: by default the class's name in snake case, with a number from the second one on.

    Slots have the dtype of their weight.
    """

    unused_state: str | None = None
    """Why the state in the file that this optimizer came from could not be used; the first `fit` says it once."""

    def _start(self) -> None:
        super()._start()
        self._excluded: tuple[list[Variable], list[str]] = ([], [])

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]], name: Any = None, **_: Any) -> Variable:
        """`apply`, with pairs of a gradient and its weight.

        Returns:
            The variable that counts the steps.
        """
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return self._iterations

    def minimize(
        self, loss: Any, var_list: Any, tape: Any = None, grad_loss: Any = None, name: Any = None
    ) -> Variable:  # fmt: skip
        """One step: the gradients of `compute_gradients`, applied.

        Args:
            loss: a function of no arguments, or a tensor that `tape` has recorded.
            var_list: the weights, or a function that gives them once the loss is computed.
            tape: a `tf.GradientTape`.
            grad_loss, name: accepted as None, and any.

        Returns:
            The variable that counts the steps.

        Raises:
            ValueError: for a tensor without its tape.

        >>> from gatewise.compat import tensorflow as tf
        >>> from gatewise.optimizers import SGD
        >>> weight = tf.Variable([1.0, 2.0])
        >>> _ = SGD(0.25).minimize(lambda: tf.reduce_sum(weight * weight), [weight])
        >>> weight.numpy().tolist()
        [0.5, 1.0]
        """
        if grad_loss is not None:
            raise ValueError(f"{self.name}: minimize takes no grad_loss; multiply the loss by it.")
        return self.apply_gradients(self.compute_gradients(loss, var_list, tape))

    def compute_gradients(self, loss: Any, var_list: Any, tape: Any = None, **_: Any) -> list[tuple[Any, Variable]]:
        """The gradients of a loss, each with its weight; see `minimize`."""
        if not callable(loss):
            if tape is None:
                raise ValueError(
                    f"{self.name}: minimize got a tensor, which does not say what it was computed from. Pass the loss "
                    "as a function of no arguments, or the tape that recorded it: minimize(loss, weights, tape=tape)."
                )
        else:
            tape, loss, var_list = self._recorded(loss, var_list, tape)
        weights = list(var_list() if callable(var_list) else var_list)
        return list(zip(tape.gradient(loss, weights), weights, strict=True))

    def _recorded(self, loss: Callable[[], Any], var_list: Any, tape: Any) -> tuple[Any, Any, list[Variable]]:
        if tape is None and not new_tape:
            raise ValueError(f"{self.name}: a loss that is a function needs `gatewise.compat.tensorflow` imported.")
        tape = tape or new_tape[0]()
        with tape:
            for weight in () if callable(var_list) else var_list:
                tape.watch(weight)
            value = loss()
        return tape, value, list(var_list() if callable(var_list) else var_list)

    def apply(self, grads: Iterable[Any], trainable_variables: Iterable[Variable] | None = None) -> None:
        """Change the weights by their gradients: arrays of NumPy or JAX, or None for a weight to leave as it is.

        Args:
            grads: one for each weight.
            trainable_variables: the weights, by default those that `build` got; the first call builds.

        Raises:
            ValueError: no gradient at all, another number of them, or a weight that `build` did not get.

        >>> from gatewise.optimizers import SGD
        >>> weight = Variable(np.array([1.0, 2.0]), name="weight")
        >>> SGD(0.5).apply([np.array([1.0, 1.0])], [weight])
        >>> weight.numpy().tolist()
        [0.5, 1.5]
        """
        gradients = list(grads)
        if not gradients:
            return
        pairs = self._present(gradients, self._weights_for(gradients, trainable_variables))
        # NumPy warns of what compiled programs do in silence; infinities and NaN come out all the same.
        with all_or_nothing(), np.errstate(all="ignore"):
            pairs = self._without_overwritten(pairs)
            if self.loss_scale_factor is not None:
                pairs = [(gradient / self.loss_scale_factor, variable) for gradient, variable in pairs]
            self._apply(pairs)
            for _, variable in pairs:
                if variable.constraint is not None:
                    self.assign(variable, variable.constraint(variable.value))
            self.assign_add(self._iterations, 1)

    def stateless_apply(
        self, optimizer_variables: Sequence[Array], grads: Sequence[Any], trainable_variables: Sequence[Array]
    ) -> tuple[list[Array], list[Array]]:
        """`apply` as a pure function, for `jax.jit` and `jax.lax.scan`: it changes nothing.

        Args:
            optimizer_variables: values for `variables`.
            grads: one for each weight, or None.
            trainable_variables: values for the weights that `build` got.

        Returns:
            The values of the weights, and those of `variables`, after the step.
        """
        if not self.built:
            raise ValueError(f"{self.label} has no state yet: call build(model.trainable_variables) first.")
        pairs = [
            *_paired(self.label, "variables", self.variables, optimizer_variables),
            *_paired(self.label, "weights", self._trainable_variables, trainable_variables),
        ]
        with reading(Scope(pairs, pure=True)) as scope:
            self.apply(grads)
            return [scope.read(v) for v in self._trainable_variables], [scope.read(v) for v in self.variables]

    def _weights_for(self, gradients: list[Any], variables: Iterable[Variable] | None) -> list[Variable]:
        if variables is None and not self.built:
            raise ValueError(f"{self.label} has no state yet: call build(model.trainable_variables) first.")
        variables = list(self._trainable_variables if variables is None else variables)
        if len(variables) != len(gradients):
            raise ValueError(
                f"{self.label} has {len(variables)} weights to change, but {len(gradients)} gradients came."
            )
        self.build(variables)
        for variable in variables:
            if id(variable) not in self._places:
                raise ValueError(
                    f"{self.label} was built for other weights than {variable.path!r}: make a new optimizer for a new "
                    f"set of weights, or build it with all of them."
                )
        return variables

    def _present(self, gradients: list[Any], variables: list[Variable]) -> list[tuple[Any, Variable]]:
        """The pairs that have a gradient."""
        pairs = [(_array(g), variable) for g, variable in zip(gradients, variables, strict=True) if g is not None]
        if not pairs:
            raise ValueError(f"{self.label}: no weight has a gradient: does the loss depend on the weights?")
        if len(pairs) < len(variables):
            missing = [v.path for g, v in zip(gradients, variables, strict=True) if g is None]
            warnings.warn(
                f"{self.label}: these weights have no gradient, and stay: {', '.join(missing)}.", stacklevel=3
            )
        return pairs

    def _without_overwritten(self, pairs: list[tuple[Any, Variable]]) -> list[tuple[Any, Variable]]:
        """The pairs whose weights make a step; the others are given their gradients."""
        for gradient, variable in pairs:
            if variable.overwrite_with_gradient and self.gradient_accumulation_steps:
                self._overwrite_when_due(gradient, variable, self.gradient_accumulation_steps)
            elif variable.overwrite_with_gradient:
                self.assign(variable, gradient)
        return [(gradient, variable) for gradient, variable in pairs if not variable.overwrite_with_gradient]

    def _overwrite_when_due(self, gradient: Array, variable: Variable, steps: int) -> None:
        """Keep the greatest of the gradients; at every `steps`-th call it becomes the weight's value."""
        due = (_array(self._iterations) + 1) % steps == 0
        kept, w = self._accumulators[self._get_variable_index(variable)], variable.value
        xp = namespace(due, gradient, w)
        greatest = xp.maximum(xp.asarray(gradient, dtype=w.dtype), kept.value)
        self.assign(variable, xp.where(due, greatest, w))
        self.assign(kept, xp.where(due, xp.zeros_like(greatest), greatest))

    # -- one step ---------------------------------------------------------------------------------------------------

    def _apply(self, pairs: list[tuple[Array, Variable]]) -> None:
        if self.gradient_accumulation_steps:
            self._accumulate(pairs, self.gradient_accumulation_steps)
        else:
            self._update(pairs)
        if self.use_ema:
            self._average([variable for _, variable in pairs])

    def _update(self, pairs: list[tuple[Array, Variable]]) -> None:
        variables = [variable for _, variable in pairs]
        gradients = self._clip_gradients([gradient for gradient, _ in pairs])
        rate = _array(self._effective_rate())
        self._apply_weight_decay(variables, rate)
        self._update_all(gradients, variables, rate)

    def _effective_rate(self) -> Any:
        """The learning rate of this step."""
        return self._learning_rate_now()

    def _update_all(self, gradients: list[Any], variables: list[Variable], rate: Array) -> None:
        for gradient, variable in zip(gradients, variables, strict=True):
            self.update_step(gradient, variable, rate)

    def update_step(self, gradient: Array, variable: Variable, learning_rate: Any) -> None:
        """Change one weight and its slots by `step`; a class in Keras 3's style overrides this."""
        value = variable.value
        xp = namespace(value, gradient)
        slots = self._slots_of(variable)
        w, g, rate, t = (
            xp.asarray(each, dtype=value.dtype)
            for each in (value, gradient, _array(learning_rate), _array(self.iterations) + 1)
        )
        w, new = self.step(w, g, tuple(xp.asarray(slot.value) for slot in slots), rate, t)
        self.assign(variable, w)
        for slot, each in zip(slots, new, strict=True):
            self.assign(slot, each)

    def step(self, w: Array, g: Array, slots: Any, rate: Array, t: Array) -> tuple[Array, Any]:
        """The equation, on arrays of one library.

        Args:
            w: the weight.
            g: its gradient.
            slots: its slots, in the order of `slots`.
            rate: the learning rate.
            t: the number of this step, from 1 on.

        Returns:
            The weight and the slots after the step.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a method step, or update_step in Keras 3's style.")

    def assign(self, variable: Variable, value: Any) -> None:
        """Give a variable a value, in its dtype; works on traced values too."""
        now, value = variable.value, _array(value)
        variable.assign(namespace(now, value).asarray(value, dtype=now.dtype))

    def assign_add(self, variable: Variable, value: Any) -> None:
        """Add to a variable."""
        self.assign(variable, variable.value + _array(value))

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """Subtract from a variable."""
        self.assign(variable, variable.value - _array(value))

    # -- before and after it ----------------------------------------------------------------------------------------

    def _clip_gradients(self, gradients: list[Any]) -> list[Any]:
        for argument, clip in CLIPPERS.items():
            if limit := getattr(self, argument):
                return clip(gradients, limit)
        return gradients

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Spare weights the decay; to be called before `build`.

        Args:
            var_list: the weights themselves.
            var_names: regular expressions; a weight whose name has one of them in it is spared.
        """
        if self.built:
            raise ValueError(f"{self.label} is built already: call exclude_from_weight_decay before that.")
        self._excluded = (list(var_list or ()), list(var_names or ()))

    def _is_spared(self, variable: Variable) -> bool:
        variables, names = self._excluded
        return any(each is variable for each in variables) or any(re.search(each, variable.name) for each in names)

    def _weight_decay_of(self, variable: Variable) -> float | None:
        return self.weight_decay

    def _apply_weight_decay(self, variables: list[Variable], rate: Array) -> None:
        for variable in variables:
            decay = self._weight_decay_of(variable)
            if decay is not None and not self._is_spared(variable):
                w = variable.value
                xp = namespace(w, rate)
                self.assign(variable, w - w * xp.asarray(decay, w.dtype) * xp.asarray(rate, w.dtype))

    def _accumulate(self, pairs: list[tuple[Array, Variable]], steps: int) -> None:
        """Add the gradients up; at every `steps`-th call, make a step with their mean.

        The step is computed at each call and kept at that one, so that a traced program is the same each time.
        """
        due = (self._iterations.value + 1) % steps == 0
        variables = [variable for _, variable in pairs]
        accumulators = [self._accumulators[self._get_variable_index(variable)] for variable in variables]
        sums = [gradient + kept.value for (gradient, _), kept in zip(pairs, accumulators, strict=True)]
        before = self._values_of(variables)
        self._update([(each / steps, variable) for each, variable in zip(sums, variables, strict=True)])
        self._keep_where(due, before)
        for kept, each in zip(accumulators, sums, strict=True):
            xp = namespace(due, each)
            self.assign(kept, xp.where(due, xp.zeros_like(each), each))

    def _values_of(self, weights: list[Variable]) -> list[tuple[Variable, Array]]:
        return [(variable, variable.value) for variable in [*weights, *self.variables]]

    def _keep_where(self, wanted: Array, before: list[tuple[Variable, Array]]) -> None:
        """Where `wanted` does not hold, give the variables back what they were."""
        for variable, old in before:
            new = variable.value
            if new is not old:
                self.assign(variable, namespace(wanted, new, old).where(wanted, new, old))

    def _average(self, updated: list[Variable]) -> None:
        """Move the averages towards the weights, and now and then the weights to their averages."""
        of_keras3 = self.generation == "keras3"
        made = _array(self.iterations)
        for variable in self._trainable_variables if of_keras3 else updated:
            average, w = self._averages[self._get_variable_index(variable)], variable.value
            xp = namespace(w, made)
            # Keras 3's average begins with the weights after the first step, Keras 2's with those before it.
            stays = xp.asarray(made != 0, dtype=w.dtype) * self.ema_momentum if of_keras3 else self.ema_momentum
            self.assign(average, stays * average.value + (1 - stays) * w)
            if self.ema_overwrite_frequency:
                due = (made + 1) % self.ema_overwrite_frequency == 0
                self.assign(variable, xp.where(due, average.value, w))

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """At the end of training: with `use_ema`, give the weights their averages."""
        if self.use_ema:
            for variable in var_list:
                variable.assign(self._averages[self._get_variable_index(variable)].value)

    def scale_loss(self, loss: Any) -> Any:
        """The loss to take gradients of: times `loss_scale_factor`."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor


def power(base: float, t: Array) -> Array:
    """`base ** t`, with the base in the dtype of t."""
    return namespace(t).asarray(base, dtype=t.dtype) ** t


def _array(value: Any) -> Any:
    return plain(getattr(value, "value", value))


def _paired(label: str, kind: str, variables: list[Variable], values: Sequence[Array]) -> list[tuple[Variable, Array]]:
    if len(variables) != len(values):
        raise ValueError(f"{label} has {len(variables)} {kind}, but {len(values)} values came.")
    return list(zip(variables, values, strict=True))
