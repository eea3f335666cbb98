"""What a layer does at one time step of a stream: the base of all rules, and how a layer's rule is found.

A rule is a class; an object of it is one call of a layer in a model that is being prepared for streaming. It refuses
what needs more than the present and the past (`check`), says what comes out (`outputs_for`) and what stays for the next
time step (`slots_for`), how the native engine computes it (`emit`), and, where that cannot, how the layer itself does
(`run`, on arrays with a time axis of one step).

A layer gets its rule in one of three ways. `@rule(LSTM, GRU)` gives these classes the rule that stands below. The fact
`works_step_by_step` says that `PerStep` will do. The fact `why_whole_sequence` says that the layer streams only behind
what ends a sequence, and why. What stands on a class holds for the `call` that the class has: a subclass with a `call`
of its own needs a rule or a fact of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import numpy as np

from gatewise.base import structure
from gatewise.base.typing import Array
from gatewise.layer import Layer
from gatewise.streaming.emission import Emission, NotNativeError
from gatewise.streaming.values import Slot, Value

R = TypeVar("R", bound="type[Rule]")


class Rule:
    """One call of a layer.

    Args:
        model: the label of the model, for errors.
        layer: what is called.
        path: the layer's names, from the outermost model in.
        args, kwargs: of the call, with values in place of symbolic tensors.
        shapes: of the outputs, with the batch axis.
    """

    def __init__(
        self, model: str, layer: Any, path: tuple[str, ...], args: Any, kwargs: Any, shapes: list[tuple[Any, ...]]
    ) -> None:
        self.model = model
        self.layer = layer
        self.path = path
        self.args = args
        self.kwargs = kwargs
        self.inputs: list[Value] = [leaf for leaf in structure.flatten((args, kwargs)) if isinstance(leaf, Value)]
        self.check(shapes)
        self.outputs: list[Value] = self.outputs_for(shapes)
        self.slots: list[Slot] = self.slots_for()

    @property
    def timed(self) -> bool:
        """Whether any input has the time axis."""
        return any(value.timed for value in self.inputs)

    def refuse(self, why: str) -> ValueError:
        """The error that says why this layer cannot stream."""
        return ValueError(f"{self.model} cannot stream: {self.layer.label} {why}.")

    def check(self, shapes: list[tuple[Any, ...]]) -> None:
        """Raise ValueError, made by `refuse`, where the layer cannot stream."""

    def check_axes(self, shapes: list[tuple[Any, ...]], why: str) -> None:
        """Refuse where the layer's argument `axis`, one or a list, names the time axis."""
        axis = self.layer.axis
        axes = axis if isinstance(axis, list) else [axis]
        if self.timed and any(each % len(shapes[0]) == 1 for each in axes):
            raise self.refuse(why)

    def outputs_for(self, shapes: list[tuple[Any, ...]]) -> list[Value]:
        """The outputs."""
        return [self.value(shape, self.timed) for shape in shapes]

    def slots_for(self) -> list[Slot]:
        """What the call keeps from one time step to the next."""
        return []

    def value(self, shape: tuple[Any, ...], timed: bool) -> Value:
        """A value of a shape with batch axis."""
        step = shape[2:] if timed else shape[1:]
        if None in step:
            raise self.refuse(f"has an output {shape} whose size at one step is not known")
        return Value(tuple(step), timed)

    # -- the native way ---------------------------------------------------------------------------------------------

    def emit(self, to: Emission) -> None:
        """Add this call to a native program; raises NotNativeError where that has no such operation."""
        raise NotNativeError

    def only(self) -> tuple[Value, Value]:
        """The input and the output; NotNativeError where there are more, as with a mask that the call names."""
        if len(self.inputs) != 1 or len(self.outputs) != 1:
            raise NotNativeError
        return self.inputs[0], self.outputs[0]

    def weight(self, variable: Any) -> Any:
        """The array of a weight in float32, or None for None."""
        if variable is None:
            return None
        if variable.dtype != np.float32:
            raise NotNativeError
        return np.ascontiguousarray(variable.value)

    # -- the layers' way --------------------------------------------------------------------------------------------

    def run(self, arrays: dict[Value, Array], held: dict[Slot, Array]) -> None:
        """Compute the outputs from `arrays` (B, 1, ...) or, where not timed, (B, ...); what the slots hold moves on."""
        args, kwargs = structure.map_structure(
            lambda leaf: arrays[leaf] if isinstance(leaf, Value) else leaf, (self.args, self.kwargs)
        )
        outputs = structure.flatten(self.layer(*args, **kwargs))
        for value, array in zip(self.outputs, outputs, strict=True):
            arrays[value] = array


class PerStep(Rule):
    """A layer that treats each time step by itself."""

    def check(self, shapes: list[tuple[Any, ...]]) -> None:
        """Refuses a sequence together with something that is not one."""
        if self.timed and any(not value.timed for value in self.inputs):
            raise self.refuse("puts together a sequence and something that is not one")


class WholeSequence(Rule):
    """A layer that needs a sequence to its end; it works with what is not a sequence, whatever the layer."""

    def check(self, shapes: list[tuple[Any, ...]]) -> None:
        """Refuses sequences."""
        if self.timed:
            raise self.refuse(self.layer.why_whole_sequence or "needs the whole sequence")


RULES: Final[dict[type[Layer], type[Rule]]] = {}
"""The rules of layers that have one of their own, by class."""


def rule(*layers: type[Layer]) -> Callable[[R], R]:
    """Make the class below the rule of some layers, and of their subclasses that leave `call` alone."""

    def register(made: R) -> R:
        RULES.update(dict.fromkeys(layers, made))
        return made

    return register


def rule_of(layer: type[Layer]) -> type[Rule] | None:
    """The rule of a class of layers, or None where nobody said what its `call` does over time."""
    for own in layer.__mro__:
        if (found := _stated(own)) is not None:
            return found if getattr(own, "call", None) is layer.call else None
    return None


def _stated(own: Any) -> type[Rule] | None:
    """The rule that a class itself has, by registration or by a fact that stands on it."""
    if own in RULES:
        return RULES[own]
    if vars(own).get("works_step_by_step"):
        return PerStep
    return WholeSequence if vars(own).get("why_whole_sequence") else None
