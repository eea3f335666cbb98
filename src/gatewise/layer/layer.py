"""The base of all layers: declare the arguments, build the weights, compute, describe.

A layer is written in one of two ways. Gatewise's own declare their arguments as typed fields:

    class Scale(Layer):
        factor: Argument[float, float] = Argument(default=1.0, parse=number)

        def call(self, inputs):
            return inputs * self.factor

A layer in the plain Keras style (`__init__` with `**kwargs`, `build`, `call`, `add_weight`, `get_config`) works the
same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.arguments import bind, unsaid
from gatewise.base import masks, structure
from gatewise.base.arrays import Tensor
from gatewise.base.names import unique_name
from gatewise.base.recording import tapes
from gatewise.base.registry import Registry
from gatewise.base.typing import Array
from gatewise.base.variable import all_or_nothing
from gatewise.layer import penalties, recorded, symbolic
from gatewise.layer.building import builds_nothing
from gatewise.layer.calls import calling, inside_a_call
from gatewise.layer.config import Configured
from gatewise.metrics import Metric

registered: Registry[type[Layer]] = Registry(kind="layer")
"""Every layer class that configs may name."""


class Layer(Configured):
    """What every layer is.

    Args:
        name: by default the class's name in snake case, with a number from the second one on.
        trainable: whether training changes the weights.
        dtype: of weights and computation, by default `gatewise.config.floatx`.
        activity_regularizer: adds to the loss from the layer's output in training.
        input_shape, batch_input_shape, batch_shape, batch_size: the shape of the input, without and (in two words)
            with the batch axis, and that axis, for a layer that comes first in a `Sequential`.
        input_dim, input_length: the same in Keras 1's words: the last axis, and the one before it.
        weights: the first values of the weights, in the order of `get_weights`.
    """

    def __init__(self, *args: Any, weights: list[Any] | None = None, **kwargs: Any) -> None:
        self._start()
        label = type(self).__name__
        early = set(vars(self)) - set(kwargs)  # A subclass may set attributes before it calls this constructor.
        bound = bind(label, self._arguments, args, kwargs) | self._fixed
        for name, value in bound.items():
            if name not in early:
                setattr(self, name, value)
        if not vars(self).get("name"):
            self.name = unique_name(label)
        self._given_input_dim = kwargs.get("input_dim")
        if self._by_release:
            self._unsaid = unsaid(self._arguments, self._by_release, args, kwargs)
        self._first_weights = weights
        if builds_nothing(type(self)) and not self.is_model and weights is None:
            self.built = self._built_from_start = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute on arrays, or draw a functional model when called on symbolic tensors.

        Returns:
            Arrays (`gatewise.Tensor`, a `numpy.ndarray` with `.numpy()`, from a call outside any other; JAX arrays from
            JAX arrays), or symbolic tensors.
        """
        if len(args) > 1:
            args = self._by_name(args, kwargs)
        if symbolic.any_symbolic((args, kwargs)):
            return self._connect(args, kwargs)
        if inside_a_call():
            return self._compute(args, kwargs)
        if tapes() and recorded.to_be_recorded(self, args, kwargs):
            return recorded.recorded_call(self, args, kwargs)
        # Infinity in is NaN out, as everywhere; NumPy's warning would name no layer and help nobody.
        with calling(bool(kwargs.get("training"))), all_or_nothing(), np.errstate(all="ignore"):
            if penalties.collected() is None:
                with penalties.collecting() as kept:
                    outputs = self._compute(args, kwargs)
                vars(self)["_last_losses"] = kept.losses
            else:
                outputs = self._compute(args, kwargs)
        return structure.map_structure(as_tensor, outputs)

    @property
    def metrics(self) -> list[Any]:
        """The metrics among the attributes of this layer and of those inside it."""
        return [metric for layer in self._walk() for metric in layer._own_metrics()]

    @property
    def metrics_variables(self) -> list[Any]:
        """The variables of `metrics`, in that order."""
        return [variable for metric in self.metrics for variable in metric.variables]

    def _own_metrics(self) -> list[Any]:
        """The metrics among the attributes, as a user's class keeps them."""
        found: list[Any] = []
        for name, value in vars(self).items():
            if name != "_compiled":
                parts = value if isinstance(value, (list, tuple)) else (value,)
                found += [part for part in parts if isinstance(part, Metric)]
        return found

    def stateless_call(
        self,
        trainable_variables: list[Array],
        non_trainable_variables: list[Array],
        *args: Any,
        key: Any = None,
        **kwargs: Any,
    ) -> tuple[Any, list[Array]]:
        """The layer as a pure function, for `jax.jit` and `jax.grad`.

        Args:
            trainable_variables: values for `self.trainable_variables`, in that order.
            non_trainable_variables: values for `self.non_trainable_variables`.
            args, kwargs: what the layer is called with.
            key: a JAX key for dropout; needed when `training=True` and the layer draws random numbers.

        Returns:
            The outputs, and the new values of the non-trainable variables. Nothing in the layer changes.
        """
        from gatewise.layer.pure import stateless_call

        return stateless_call(self, trainable_variables, non_trainable_variables, args, kwargs, key)


# What a layer keeps for itself, and is not searched for layers and weights.
Layer._unsearched = frozenset(
    (*Layer._arguments, "built", "_built_from_start", "_last_losses", "_constructed_with", "_variables", "_states",
     "_tracked_layers", "_containers", "_inbound_nodes", "_graph", "_start_tensor", "_end_tensors", "_cache",
     "_first_weights", "_seeds", "input_spec")
)  # fmt: skip


def as_tensor(value: Any) -> Any:
    """A NumPy array as a `Tensor`, its mask with it; anything else as it is."""
    if type(value) is not np.ndarray:
        return value
    view = value.view(Tensor)
    masks.attach(view, masks.of(value))
    return view
