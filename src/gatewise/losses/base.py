"""The base of losses, and a loss that a function computes."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from gatewise.base import masks, recording, release, structure
from gatewise.base.arrays import as_array, namespace, numpy_dtype
from gatewise.base.names import unique_name
from gatewise.base.registry import Described
from gatewise.base.tensors import for_program
from gatewise.base.typing import Array, Config
from gatewise.config import config
from gatewise.losses import reduction as reductions
from gatewise.losses.arithmetic import as_result, predictions, same_rank
from gatewise.losses.registry import LossLike, registry, takes_ids


@registry.register("Loss")
class Loss(Described):
    """The base: a subclass gives `call(y_true, y_pred)`, and `get_config` if it takes arguments.

    Args:
        name: by default made of the class's name.
        reduction: "sum_over_batch_size" or "mean" (the mean of all losses), "sum", "mean_with_sample_weight" (divided
            by the sum of the weights), "none" or None; Keras 2's "auto" is the first.
        dtype: what the loss is computed in; by default `config.floatx`. Before Keras 3 float64 predictions stay so.

    >>> class Third(Loss):
    ...     def call(self, y_true, y_pred):
    ...         return abs(y_pred - y_true).mean(-1) / 3
    >>> round(float(Third()([[1.0], [2.0]], [[4.0], [2.0]])), 6)
    0.5
    """

    _arguments: ClassVar[tuple[str, ...]] = ()
    takes_ids = False
    """Whether targets are ids, which keep their integer dtype."""

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None
    ) -> None:
        self.name = name or unique_name(type(self).__name__)
        self.reduction = reductions.checked(reduction)
        self._dtype = dtype_name(dtype)

    @property
    def dtype(self) -> str | None:
        """What the loss is computed in; None where the predictions decide."""
        return self._dtype

    def call(self, y_true: Array, y_pred: Array) -> Array:
        """One loss for each sample (B,), or for each step (B, T)."""
        raise NotImplementedError(f"The loss {type(self).__name__} must define call(self, y_true, y_pred).")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Array:
        """The loss of a batch.

        Args:
            y_true: the targets; NumPy's or JAX's arrays, or a structure of them.
            y_pred: the predictions; a mask that travels with them weighs the loss.
            sample_weight: a number for each sample (B,) or each step (B, T), or one that broadcasts.

        Raises:
            ValueError: where shapes do not fit.
        """
        if recording.tapes():
            return recording.apply(Loss._of_batch, as_result, self, y_true, y_pred, sample_weight)
        return as_result(self._of_batch(y_true, y_pred, sample_weight))

    def _of_batch(self, y_true: Any, y_pred: Any, sample_weight: Any) -> Array:
        """`__call__` on plain arrays."""
        mask = None if structure.is_nested(y_pred) else masks.of(y_pred)
        dtype = self._dtype or (config.floatx if release.current() == "keras3" else None)
        y_pred = structure.map_structure(lambda leaf: predictions(leaf, dtype), y_pred, _is_numbers)
        y_true = structure.map_structure(lambda leaf: self._targets(leaf, y_pred), y_true, _is_numbers)
        if not structure.is_nested(y_true) and not structure.is_nested(y_pred):
            y_true = with_steps(y_true, y_pred, mask, sample_weight)
        losses = self._in_dtype(self.call(y_true, y_pred))
        mask = reductions.both(mask, masks.of(losses))
        return reductions.reduced(losses, sample_weight, mask, self.reduction)

    def _in_dtype(self, losses: Array) -> Array:
        """The losses in the dtype that was asked for; small ones are computed in larger ones on the way."""
        if self._dtype is None or losses.dtype.name == self._dtype:
            return losses
        return masks.carried_over(losses, namespace(losses).asarray(losses, dtype=numpy_dtype(self._dtype)))

    def _targets(self, leaf: Any, y_pred: Any) -> Array:
        array = as_array(leaf, "y_true")
        if self.takes_ids:
            return array
        return namespace(array).asarray(array, dtype=structure.flatten(y_pred)[0].dtype)

    def get_config(self) -> Config:
        """Name, reduction and the subclass's arguments, as values that JSON can hold."""
        return {"name": self.name, "reduction": self.reduction, **super().get_config()}


def dtype_name(dtype: Any) -> str | None:
    """A dtype's name: of a name, a NumPy dtype, or a policy such as "mixed_float16", whose losses are in float32."""
    if dtype is None:
        return None
    name = getattr(dtype, "compute_dtype", None) or getattr(dtype, "name", None) or getattr(dtype, "__name__", dtype)
    return "float32" if str(name).startswith("mixed_") else str(name)


def _is_numbers(tree: Any) -> bool:
    """Whether a list holds numbers, as an array written out, and not several arrays."""
    while isinstance(tree, (list, tuple)) and tree:
        tree = tree[0]
    return isinstance(tree, (int, float, np.generic))


def with_steps(y_true: Array, y_pred: Array, *weights: Any) -> Array:
    """Targets (B, T) as (B, T, 1) next to such predictions, where a mask or weights (B, T) weigh each step.

    Without them Keras takes the last axis of the predictions away instead, which makes one loss a sample.
    """
    one_more = y_pred.ndim == y_true.ndim + 1 > 2 and y_pred.shape[-1] == 1
    if one_more and any(len(getattr(each, "shape", ())) == y_true.ndim for each in weights):
        return y_true[..., None]
    return y_true


@registry.register("LossFunctionWrapper")
class LossFunctionWrapper(Loss):
    """A loss whose numbers a function `(y_true, y_pred, **arguments)` gives.

    Args:
        fn: the function; one of this module's, or any other.
        reduction: as for `Loss`.
        name: by default made of the class's name.
        dtype: as for `Loss`.
        arguments: passed on to the function.

    >>> def signed(y_true, y_pred, scale):
    ...     return scale * (y_pred - y_true).mean(-1)
    >>> float(LossFunctionWrapper(signed, scale=2.0)([[1.0]], [[4.0]]))
    6.0
    """

    def __init__(
        self,
        fn: LossLike,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **arguments: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self.arguments = arguments
        self.takes_ids = takes_ids(fn)

    def call(self, y_true: Array, y_pred: Array) -> Array:
        if not structure.is_nested(y_true) and not structure.is_nested(y_pred):
            y_true, y_pred = same_rank(y_true, y_pred)
        return self.fn(*for_program(self.fn, (y_true, y_pred)), **self.arguments)

    def get_config(self) -> Config:
        return {**super().get_config(), "fn": registry.serialize(self.fn), **self.arguments}

    @classmethod
    def from_config(cls, config: Config) -> Any:
        return cls(**{**config, "fn": registry.deserialize(config["fn"])})


class OfFunction(LossFunctionWrapper):
    """A loss of this module: the class says which function, and which of its arguments the constructor takes."""

    function: ClassVar[LossLike]

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **arguments: Any,
    ) -> None:
        function = type(self).function
        super().__init__(function, reduction, name or function.__name__, dtype, **arguments)
        vars(self).update(arguments)  # Keras has them as attributes: loss.from_logits

    def get_config(self) -> Config:
        return {**Loss.get_config(self), **self.arguments}

    @classmethod
    def from_config(cls, config: Config) -> Any:
        return cls(**{name: value for name, value in config.items() if name != "fn"})  # tf_keras writes the function
