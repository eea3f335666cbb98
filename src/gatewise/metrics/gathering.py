"""Sums and means over batches, and metrics that are means of a function.

**What a mean counts** differs. Keras 3 counts samples: the steps of each are averaged first, so that each sample of
(B, T) counts once, whatever T. Keras 2 counts every number. With weights, their sum takes the place of the count.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from gatewise.base import masks, release
from gatewise.base.arrays import as_array, is_floating, namespace
from gatewise.base.registry import get_registered_name
from gatewise.base.tensors import for_program
from gatewise.base.typing import Array, Config
from gatewise.losses import reduction
from gatewise.losses.arithmetic import as_result, divided, same_rank
from gatewise.losses.base import with_steps
from gatewise.losses.registry import registry as losses
from gatewise.metrics.base import Metric
from gatewise.metrics.registry import registered, registry

Reduce = Literal["sum", "mean"]


def weighed(values: Any, weights: Any, dtype: str, reduce: Reduce) -> tuple[Array, Array | None]:
    """The values times their weights, and the weights, as the generation in force counts them."""
    values = as_array(values, "The values of a metric")
    mask = masks.of(values)
    xp = namespace(values)
    values = xp.asarray(values, dtype=dtype)
    if release.current() == "keras3":
        return _by_sample(values, weights, mask, reduce)
    if mask is not None:
        weights = masked(weights, mask)
    return _by_number(values, weights, reduce)


def masked(weights: Any, mask: Array) -> Array:
    """The weights, 0 where the mask is False."""
    if weights is None:
        return mask
    weights = as_array(weights, "sample_weight")
    return reduction.fitted(weights, mask, "sample_weight") * mask if weights.ndim <= mask.ndim else weights * mask


def _by_sample(values: Array, weights: Any, mask: Array | None, reduce: Reduce) -> tuple[Array, Array | None]:
    if weights is not None:
        weights = as_array(weights if mask is None else masked(weights, mask), "sample_weight")
        xp = namespace(values, weights)
        values, weights = same_rank(values, xp.asarray(weights, dtype=values.dtype))
        values = _reduced(values, weights.ndim, reduce)
        axes = weights.ndim
        weights = _spread(weights, values)
        values = values * weights
        if axes > 1:
            weights = _reduced(weights, 1, reduce)
    return (_reduced(values, 1, reduce) if values.ndim > 1 else values), weights


def _by_number(values: Array, weights: Any, reduce: Reduce) -> tuple[Array, Array | None]:
    if weights is None:
        return values, None
    xp = namespace(values, weights)
    weights = xp.asarray(as_array(weights, "sample_weight"), dtype=values.dtype)
    if weights.ndim == values.ndim + 1 and weights.shape[-1] == 1:
        weights = weights[..., 0]
    elif values.ndim == weights.ndim + 1:
        weights = weights[..., None]
    elif values.ndim > weights.ndim > 0:
        values = _reduced(values, weights.ndim, reduce)
    weights = _spread(weights, values)
    return values * weights, weights


def _spread(weights: Array, values: Array) -> Array:
    """The weights of the values' shape.

    Raises:
        ValueError: where they do not fit.
    """
    weights = reduction.fitted(weights, values, "sample_weight")
    return namespace(weights, values).broadcast_to(weights, values.shape)


def _reduced(values: Array, axes: int, reduce: Reduce) -> Array:
    """All but the first axes reduced."""
    rest = tuple(range(axes, values.ndim))
    return getattr(namespace(values), reduce)(values, axis=rest) if rest else values


@registered()
class Sum(Metric):
    """The weighted sum of all values.

    >>> total = Sum()
    >>> total.update_state([1.0, 2.0]); total.update_state([3.0], sample_weight=[2.0])
    >>> float(total.result())
    9.0
    """

    def __init__(self, name: str = "sum", dtype: Any = None) -> None:
        super().__init__(name, dtype)
        self.total = self.add_variable(dtype=self.dtype, name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, _ = weighed(values, sample_weight, self.dtype, "sum")
        self.total.assign_add(namespace(values).sum(values))

    def result(self) -> Array:
        return as_result(self.total.value)


@registered()
class Mean(Metric):
    """The weighted mean of all values.

    >>> mean = Mean()
    >>> mean.update_state([1.0, 2.0]); mean.update_state([3.0], sample_weight=[2.0])
    >>> float(mean.result())
    2.25
    """

    def __init__(self, name: str = "mean", dtype: Any = None) -> None:
        super().__init__(name, dtype)
        self.total = self.add_variable(dtype=self.dtype, name="total")
        self.count = self.add_variable(dtype=self.dtype, name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, weights = weighed(values, sample_weight, self.dtype, "mean")
        xp = namespace(values)
        self.total.assign_add(xp.sum(values))
        self.count.assign_add(values.size if weights is None else xp.sum(weights))

    def result(self) -> Array:
        return as_result(divided(self.total.value, self.count.value))


@registered()
class MeanMetricWrapper(Mean):
    """The mean of what a function `(y_true, y_pred, **arguments)` gives for each sample.

    Args:
        fn: the function, or a loss.
        name: by default made of the class's name.
        dtype: as for `Metric`.
        arguments: passed on to the function.

    >>> from gatewise.losses import mean_squared_error
    >>> metric = MeanMetricWrapper(mean_squared_error, name="mse")
    >>> float(metric([[0.0], [1.0]], [[1.0], [3.0]]))
    2.5
    """

    def __init__(self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **arguments: Any) -> None:
        super().__init__(name or getattr(fn, "name", None) or get_registered_name(fn), dtype)
        self.fn = fn
        self.arguments = arguments
        if self._direction is None and losses.name_of(fn):
            self._direction = "down"

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        y_true, y_pred = as_array(y_true, "y_true"), as_array(y_pred, "y_pred")
        mask = masks.of(y_pred)
        y_true = with_steps(y_true, y_pred, mask, sample_weight)
        given = for_program(self.fn, (y_true, _in_dtype(y_pred, self.dtype)))
        values = self.fn(*given, **self.arguments)
        super().update_state(values, sample_weight if mask is None else masked(sample_weight, mask))

    def get_config(self) -> Config:
        fn = losses.serialize(self.fn) if losses.name_of(self.fn) else registry.serialize(self.fn)
        return {**super().get_config(), "fn": fn, **self.arguments}

    @classmethod
    def from_config(cls, config: Config) -> Any:
        fn = config["fn"]
        inner = fn.get("config") if isinstance(fn, dict) else fn
        found = losses.deserialize(fn) if inner in losses else registry.deserialize(fn)
        return cls(**{**config, "fn": found})


def _in_dtype(y_pred: Array, dtype: str) -> Array:
    """Floating predictions in the metric's dtype; ids as they are."""
    return namespace(y_pred).asarray(y_pred, dtype=dtype) if is_floating(y_pred) else y_pred


class OfFunction(MeanMetricWrapper):
    """A metric of this module: the class says which function, and which of its arguments the constructor takes."""

    function: ClassVar[Callable[..., Any]]

    def __init__(self, name: str | None = None, dtype: Any = None, **arguments: Any) -> None:
        function = type(self).function
        super().__init__(function, name or function.__name__, dtype, **arguments)
        vars(self).update(arguments)

    def get_config(self) -> Config:
        return {**Metric.get_config(self), **self.arguments}

    @classmethod
    def from_config(cls, config: Config) -> Any:
        return cls(**config)
