"""An optax transformation as an optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from gatewise.arguments import Argument
from gatewise.base.typing import Array
from gatewise.base.variable import Variable
from gatewise.optimizers.optimizer import Optimizer


def is_transformation(value: Any) -> bool:
    """Whether `value` is one of optax's transformations."""
    return callable(getattr(value, "init", None)) and callable(getattr(value, "update", None))


def _transformation(value: Any) -> Any:
    if not is_transformation(value):
        raise TypeError(f"expected an optax transformation, such as optax.adam(1e-3), got {value!r}.")
    return value


def _unwritable(value: Any) -> Any:
    raise ValueError("an optax transformation cannot be written to a config: compile the loaded model with it again.")


class Optax(Optimizer):
    """An optax transformation as an optimizer: its updates are added to the weights.

    Args:
        transformation: `optax.adam(1e-3)`, `optax.chain(...)`; it holds its own learning rate.
        learning_rate: what the updates are multiplied by, 1 by default.

    The other arguments are those of `Optimizer`. Its state is saved, but not its config.

    >>> import optax
    >>> weight = Variable(np.array([1.0, 2.0], "float32"), name="weight")
    >>> Optax(optax.sgd(0.5)).apply([np.array([1.0, 1.0], "float32")], [weight])
    >>> weight.numpy().tolist()
    [0.5, 1.5]
    """

    in_keras: ClassVar[bool] = False

    transformation: Argument[Any, Any] = Argument(default=None, parse=_transformation, serialize=_unwritable)

    def __init__(self, transformation: Any, learning_rate: Any = 1.0, **kwargs: Any) -> None:
        super().__init__(**{"transformation": transformation, "learning_rate": learning_rate, **kwargs})

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        import jax

        super().build(variables)
        state = self.transformation.init([np.asarray(variable.value) for variable in variables])
        leaves, self._structure = jax.tree.flatten(state)
        self._leaves = [
            self._add(np.asarray(leaf), *self._own_name(f"state_{place}")) for place, leaf in enumerate(leaves)
        ]

    def _update_all(self, gradients: list[Any], variables: list[Variable], rate: Array) -> None:
        import jax
        import jax.numpy as jnp

        weights = [jnp.asarray(variable.value) for variable in self._trainable_variables]
        given = [jnp.zeros_like(weight) for weight in weights]
        for gradient, variable in zip(gradients, variables, strict=True):
            given[self._get_variable_index(variable)] = jnp.asarray(gradient)
        state = jax.tree.unflatten(self._structure, [jnp.asarray(leaf.value) for leaf in self._leaves])
        updates, state = self.transformation.update(given, state, weights)
        for variable in variables:
            self.assign_add(variable, rate * updates[self._get_variable_index(variable)])
        for kept, leaf in zip(self._leaves, jax.tree.leaves(state), strict=True):
            self.assign(kept, leaf)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.transformation!r})"
