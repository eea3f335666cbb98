"""The base of metrics: numbers gathered over many batches.

A metric holds its numbers in variables. On NumPy's arrays `update_state` runs at once; inside a `Scope` (and so under
`jax.jit`) the variables are traced values, and the same code makes a pure function of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from gatewise import initializers
from gatewise.base import structure
from gatewise.base.names import unique_name
from gatewise.base.registry import Described
from gatewise.base.typing import Array, Config, Shape
from gatewise.base.variable import Scope, StateVariable, Variable, reading
from gatewise.config import config
from gatewise.losses.base import dtype_name


class Metric(Described):
    """The base: a subclass gives `update_state(y_true, y_pred, sample_weight)` and `result()`.

    Args:
        name: by default made of the class's name.
        dtype: what is computed in; by default `config.floatx`.

    >>> class Largest(Metric):
    ...     def __init__(self, name="largest"):
    ...         super().__init__(name=name)
    ...         self.seen = self.add_weight(name="seen", initializer="zeros")
    ...
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.seen.assign(max(self.seen.value, y_pred.max()))
    ...
    ...     def result(self):
    ...         return self.seen.value
    >>> largest = Largest()
    >>> for batch in ([1.0, 5.0], [3.0]):
    ...     largest.update_state(None, np.array(batch))
    >>> float(largest.result())
    5.0
    """

    _arguments: ClassVar[tuple[str, ...]] = ()
    _direction: Literal["up", "down"] | None = None
    """Whether more or less of it is better, where that is known. Callbacks ask; the name is Keras's."""

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        self._variables: list[Variable] = []
        self._metrics: list[Metric] = []
        self.name = name or unique_name(type(self).__name__)
        self._dtype = dtype_name(dtype) or config.floatx

    @property
    def dtype(self) -> str:
        """What is computed in."""
        return self._dtype

    def __setattr__(self, name: str, value: Any) -> None:
        """Variables and metrics that a user's class keeps as attributes count as its own."""
        if name not in ("_metrics", "_variables"):
            for each in structure.flatten(value):
                if isinstance(each, Variable) and not _holds(self._tracked("_variables"), each):
                    self._tracked("_variables").append(each)
                if isinstance(each, Metric):
                    self._tracked("_metrics").append(each)
        super().__setattr__(name, value)

    def _tracked(self, name: str) -> list[Any]:
        if name not in vars(self):
            raise RuntimeError(f"{type(self).__name__}.__init__ must call super().__init__() first.")
        return vars(self)[name]  # type: ignore[no-any-return]

    # --- Variables ----------------------------------------------------------------------------------------------

    def add_variable(
        self,
        shape: Sequence[int] = (),
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: Any = None,
        name: str | None = None,
    ) -> Variable:
        """A new variable of `shape`; `aggregation` is accepted."""
        make = initializers.get("zeros" if initializer is None else initializer)
        assert make is not None
        value = make(tuple(shape), dtype_name(dtype) or config.floatx)
        name = name or f"variable_{len(self._tracked('_variables'))}"
        variable = StateVariable(value, name=name, path=f"{self.name}/{name}", trainable=False)
        self._variables.append(variable)
        return variable

    def add_weight(self, *args: Any, **kwargs: Any) -> Variable:
        """`add_variable(shape, initializer, dtype)`, or in Keras 2's order with the name first."""
        names = ("shape", "initializer", "dtype", "name")
        if args and isinstance(args[0], str):
            names = ("name", "shape", "aggregation", "synchronization")
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        given.pop("synchronization", None)
        return self.add_variable(**given)

    @property
    def variables(self) -> list[Variable]:
        """Its variables, and those of the metrics inside it."""
        return [*self._variables, *(variable for metric in self._metrics for variable in metric.variables)]

    weights = variables

    def build(self, y_true_shape: Shape, y_pred_shape: Shape) -> None:
        """Make the variables whose shapes come from the data. Most metrics have none; a trainer calls it first."""

    # --- Use ----------------------------------------------------------------------------------------------------

    def update_state(self, *args: Any, **kwargs: Any) -> Any:
        """Gather one batch more."""
        raise NotImplementedError(f"The metric {type(self).__name__} must define update_state(y_true, y_pred, ...).")

    def result(self) -> Any:
        """The metric of all that was gathered."""
        raise NotImplementedError(f"The metric {type(self).__name__} must define result().")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Gather one batch more, and give the result so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    def reset_state(self) -> None:
        """Start anew."""
        if type(self).reset_states is not Metric.reset_states:
            self.reset_states()
        else:
            self._to_zero()

    def reset_states(self) -> None:
        """`reset_state` under its name in TensorFlow up to 2.4; a subclass may define either."""
        if type(self).reset_state is not Metric.reset_state:
            self.reset_state()
        else:
            self._to_zero()

    def _refuse_unbuilt(self, fewest: int = 1) -> None:
        """Refuse a result where the data has not yet said how many variables there are."""
        if len(self._variables) < fewest:
            raise ValueError(f"The metric {self.name!r} has no result before its first update_state, or build.")

    def _to_zero(self) -> None:
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))

    # --- Pure functions -----------------------------------------------------------------------------------------

    def stateless_update_state(self, metric_variables: Sequence[Array], *args: Any, **kwargs: Any) -> list[Array]:
        """The variables' values after `update_state`, from those before; the metric itself stays as it is.

        Raises:
            ValueError: for another number of values than there are variables.
        """
        with self._reading(metric_variables) as scope:
            self.update_state(*args, **kwargs)
            return [scope.read(variable) for variable in self.variables]

    def stateless_result(self, metric_variables: Sequence[Array]) -> Any:
        """The result for these values of the variables."""
        with self._reading(metric_variables):
            return self.result()

    def stateless_reset_state(self) -> list[Array]:
        """The values that the variables start with."""
        with reading(Scope(pure=True)) as scope:
            self.reset_state()
            return [scope.read(variable) for variable in self.variables]

    def _reading(self, values: Sequence[Array]) -> Any:
        variables = self.variables
        if len(values) != len(variables):
            raise ValueError(
                f"The metric {self.name!r} has {len(variables)} variables, but {len(values)} values came. Where their "
                f"shapes come from the data it has them after build(y_true_shape, y_pred_shape)."
            )
        return reading(Scope(zip(variables, values, strict=True), pure=True))

    # --- Config -------------------------------------------------------------------------------------------------

    def get_config(self) -> Config:
        """Name, dtype and the subclass's arguments, as values that JSON can hold."""
        return {"name": self.name, "dtype": self.dtype, **super().get_config()}

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


def _holds(variables: list[Any], variable: Variable) -> bool:
    return any(each is variable for each in variables)
