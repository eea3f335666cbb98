"""What an optimizer remembers: the count of its steps, its learning rate, and arrays for each weight, the slots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gatewise import initializers
from gatewise.base.typing import Array
from gatewise.base.variable import Variable, all_or_nothing
from gatewise.config import config as settings
from gatewise.optimizers.described import Described, Generation
from gatewise.optimizers.schedules import LearningRateSchedule


def _of_the_weight(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape


@dataclass(frozen=True)
class Slot:
    """One array that an optimizer keeps for each weight.

    Args:
        name: Keras 3's name of it.
        tf2: the name in files of TensorFlow 2.11 to 2.15, where it is another.
        legacy: the same for the optimizers before.
        initial: what it is filled with at first.
        shape: its shape, from the weight's; None where the weight has none (Keras 3 keeps a 0 in its place).
    """

    name: str
    tf2: str = ""
    legacy: str = ""
    initial: float = 0.0
    shape: Callable[[tuple[int, ...]], tuple[int, ...] | None] = _of_the_weight

    def named(self, generation: Generation) -> str:
        """The name in a generation's files."""
        own = {"keras3": "", "tf2": self.tf2, "legacy": self.legacy}[generation]
        return own or self.name


class State(Described):
    """What has the state of an optimizer."""

    def _start(self) -> None:
        self.built = False
        self._variables: list[Variable] = []
        self._unsaved: list[Variable] = []
        self._trainable_variables: list[Variable] = []
        self._places: dict[int, int] = {}
        self._slots: dict[str, list[Variable]] = {}
        self._averages: list[Variable] = []
        self._accumulators: list[Variable] = []
        self._learning_rate: Any = None
        self._iterations = self._add(np.zeros((), "int64"), *self._own_name("iteration"))

    # -- the learning rate, and the count of steps ------------------------------------------------------------------

    def _take_learning_rate(self, rate: Any) -> None:
        kept = self._learning_rate
        if callable(rate):
            if isinstance(kept, Variable):
                self._forget(kept)
            self._learning_rate = rate
        elif isinstance(kept, Variable):
            kept.assign(np.asarray(rate))
        elif isinstance(kept, LearningRateSchedule):
            raise TypeError(
                "a number cannot take the place of a schedule: assign another schedule, or make the optimizer with a "
                "number."
            )
        else:
            self._learning_rate = self._add(np.asarray(rate, settings.floatx), *self._own_name("learning_rate"))
            self._save_for_keras3(self._learning_rate)

    def _learning_rate_now(self) -> Any:
        if isinstance(self._learning_rate, LearningRateSchedule):
            return self._learning_rate(self._iterations)
        return self._learning_rate() if callable(self._learning_rate) else self._learning_rate

    @property
    def lr(self) -> Any:
        """The learning rate, in older releases' words."""
        return self.learning_rate

    @lr.setter
    def lr(self, value: Any) -> None:
        self.learning_rate = value

    @property
    def iterations(self) -> Any:
        """How many steps were made: the variable that counts them, or its value where gradients are accumulated."""
        if self.gradient_accumulation_steps:
            return self._iterations.value // self.gradient_accumulation_steps
        return self._iterations

    @iterations.setter
    def iterations(self, value: Any) -> None:
        self._iterations.assign(np.asarray(value))

    # -- variables --------------------------------------------------------------------------------------------------

    @property
    def variables(self) -> list[Variable]:
        """All state: the count of steps, the learning rate if it is a number, averages, accumulators and slots."""
        return list(self._variables)

    @property
    def stored_variables(self) -> list[Variable]:
        """The state that a file of this optimizer's generation holds, in its order; see `gatewise.optimizers`."""
        unsaved = {id(variable) for variable in self._unsaved}
        return [variable for variable in self.variables if id(variable) not in unsaved]

    weights = stored_variables

    @property
    def averages(self) -> list[tuple[Variable, Variable]]:
        """Each weight with its moving average, where `use_ema` keeps them."""
        return list(zip(self._trainable_variables, self._averages, strict=True)) if self._averages else []

    @property
    def _model_variables_moving_average(self) -> list[Variable]:
        """The averages of the weights: programs reach for them by this name of Keras's."""
        return self._averages

    @property
    def _accumulated_gradients(self) -> list[Variable]:
        """The sums of the weights' gradients, by Keras's name."""
        return self._accumulators

    def slots(self) -> list[tuple[Slot, ...]]:
        """The slots, in groups: those of a group stand side by side for each weight, and one group after the other."""
        return []

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the state for these weights; a second call changes nothing."""
        if self.built:
            return
        variables = list(variables)
        self._trainable_variables = variables
        self._places = {id(variable): place for place, variable in enumerate(variables)}
        if self.use_ema:
            self._averages = self.add_optimizer_variables(variables, "average")
            if self.generation != "keras3":  # Keras 3 takes over the weights at its first step.
                for average, variable in zip(self._averages, variables, strict=True):
                    average.assign(variable.value)
        if self.gradient_accumulation_steps:
            self._accumulators = self.add_optimizer_variables(variables, "gradient_accumulator")
        for group in self.slots():
            self._slots |= {slot.name: [] for slot in group}
            for variable in variables:
                for slot in group:
                    self._slots[slot.name].append(self._make_slot(slot, variable))
        self.built = True

    def rebuild(self, variables: Sequence[Variable]) -> None:
        """Make the state for more weights than `build` got; what was kept for the others stays."""
        own = [v for v in (self._iterations, self._learning_rate) if isinstance(v, Variable)]
        before = {variable.path: variable for variable in self._variables}
        self.built = False
        self._variables = [variable for variable in self._variables if any(variable is each for each in own)]
        self._unsaved = [variable for variable in self._unsaved if any(variable is each for each in own)]
        self._slots = {}
        self.build(variables)
        for variable in self._variables:
            old = before.get(variable.path)
            if old is not None and old is not variable and old.shape == variable.shape:
                variable.assign(old.value)

    def _make_slot(self, slot: Slot, variable: Variable) -> Variable:
        shape = slot.shape(variable.shape)
        if shape is None:
            return self._save_for_keras3(self._add(np.zeros((), "int32"), variable.name, variable.name))
        value = np.full(shape, slot.initial, variable.dtype)
        return self._add(value, *self._name_for(variable, slot.named(self.generation)))

    def _slots_of(self, variable: Variable) -> list[Variable]:
        """A weight's slots, in the order of `slots`."""
        return [column[self._get_variable_index(variable)] for column in self._slots.values()]

    def _own_name(self, name: str) -> tuple[str, str]:
        return name, f"{self.name}/{name}"

    def _name_for(self, variable: Any, slot: str) -> tuple[str, str]:
        """The name and the path of a slot."""
        path = getattr(variable, "path", variable.name)
        if self.generation == "keras3":
            return self._own_name(f"{path.replace('/', '_')}_{slot}")
        return self._own_name(f"{path}/{slot}" if self.generation == "legacy" else f"{slot}/{path}")

    def _add(self, value: np.ndarray, name: str, path: str) -> Variable:
        variable = Variable(value, name=name, path=path, trainable=False)
        self._variables.append(variable)
        return variable

    def _save_for_keras3(self, variable: Variable) -> Variable:
        """Mark what only Keras 3's files hold."""
        if self.generation != "keras3":
            self._unsaved.append(variable)
        return variable

    def _forget(self, variable: Variable) -> None:
        for kept in (self._variables, self._unsaved):
            kept[:] = [other for other in kept if other is not variable]

    def add_variable(
        self,
        shape: Sequence[int] = (),
        initializer: Any = "zeros",
        dtype: Any = None,
        name: str | None = None,
        **_: Any,
    ) -> Variable:
        """Add a variable to the state.

        Args:
            shape: its shape.
            initializer: what it is at first, as for a layer's weight.
            dtype: by default `gatewise.config.floatx`.
            name: for people, and for files.
        """
        dtype = np.dtype("int64" if dtype == "int" else dtype or settings.floatx)
        value = np.asarray((initializers.get(initializer) or initializers.Zeros())(tuple(shape), dtype=dtype))
        return self._add(value, *self._own_name(name or "variable"))

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """Add a variable of a weight's shape and dtype, named after both."""
        added = self.add_variable(reference_variable.shape, initializer, reference_variable.dtype)
        added.name, added.path = self._name_for(reference_variable, name or "var")
        return added

    def add_optimizer_variables(
        self, trainable_variables: Iterable[Variable], name: Any, initializer: Any = "zeros"
    ) -> Any:
        """`add_variable_from_reference` for each weight: a list, or for a list of names as many lists."""
        names = [name] if isinstance(name, str) else list(name)
        made = initializer if isinstance(initializer, (list, tuple)) else [initializer] * len(names)
        if len(made) != len(names):
            raise ValueError(f"{self.label}: expected as many initializers as names, got {len(made)} for {len(names)}.")
        columns: tuple[list[Variable], ...] = tuple([] for _ in names)
        for variable in trainable_variables:
            for column, each, make in zip(columns, names, made, strict=True):
                column.append(self.add_variable_from_reference(variable, each, make))
        return columns[0] if isinstance(name, str) else columns

    def _get_variable_index(self, variable: Variable) -> int:
        return self._places[id(variable)]

    # -- values -----------------------------------------------------------------------------------------------------

    def get_weights(self) -> list[np.ndarray]:
        """The values of `stored_variables`."""
        return [variable.numpy() for variable in self.stored_variables]

    def set_weights(self, weights: Sequence[Array]) -> None:
        """Take values in the order of `get_weights`.

        Raises:
            ValueError: before `build`, or where number or shapes differ.
        """
        kept = self.stored_variables
        if not self.built:
            raise ValueError(f"{self.label} has no state yet: call build(model.trainable_variables) first.")
        if len(kept) != len(weights):
            raise ValueError(f"{self.label} has {len(kept)} variables, but {len(weights)} values came.")
        with all_or_nothing():
            for variable, weight in zip(kept, weights, strict=True):
                variable.assign(np.asarray(weight))

    def save_own_variables(self, store: Any) -> None:
        """Put the state into a mapping, under "0", "1" and so on, as Keras 3's files have it."""
        for place, variable in enumerate(self.stored_variables):
            store[str(place)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Take the state from what `save_own_variables` wrote."""
        self.set_weights([np.asarray(store[str(place)]) for place in range(len(store.keys()))])

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_places"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._places = {id(variable): place for place, variable in enumerate(self._trainable_variables)}
