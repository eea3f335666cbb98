"""The constraints: what a weight is brought back to after each step of training, under Keras's names.

Each takes a weight (NumPy's or JAX's array) and returns one of the same shape and dtype. Norms are Euclidean, along
`axis`: 0 for a Dense kernel (I, H), where each unit's incoming weights then count as one vector.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final, TypeAlias

from gatewise.base.absent import answer_for
from gatewise.base.arrays import namespace
from gatewise.base.registry import Described, ObjectRegistry
from gatewise.base.typing import Array

ConstraintLike: TypeAlias = Callable[[Array], Array]
Axis: TypeAlias = "int | Sequence[int]"

# Keras's epsilon: it keeps a vector of zeros at zero.
EPSILON: Final = 1e-7

registry: ObjectRegistry[ConstraintLike] = ObjectRegistry("constraint", "keras.constraints")


class Constraint(Described):
    """The base: a subclass gives `__call__(w)`, and `get_config` if it takes arguments."""

    # Keras 1 wrote the class's name into the config, and `m` for the largest norm.
    _renamed: ClassVar = {"name": None, "m": "max_value"}

    def __call__(self, w: Array) -> Array:
        """`w` as the constraint wants it."""
        return w


@registry.register("MaxNorm")
class MaxNorm(Constraint):
    """Vectors longer than `max_value` are shortened to it.

    >>> import numpy as np
    >>> MaxNorm(1.0)(np.array([[3.0, 0.3], [4.0, 0.4]])).round(4).tolist()
    [[0.6, 0.3], [0.8, 0.4]]
    """

    _arguments = ("max_value", "axis")

    def __init__(self, max_value: float = 2, axis: Axis = 0) -> None:
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Array) -> Array:
        norms = _norms(w, self.axis)
        return w * (namespace(w).clip(norms, 0, self.max_value) / (EPSILON + norms))


@registry.register("NonNeg")
class NonNeg(Constraint):
    """Negative weights become 0.

    >>> import numpy as np
    >>> NonNeg()(np.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def __call__(self, w: Array) -> Array:
        return namespace(w).maximum(w, 0)


@registry.register("UnitNorm")
class UnitNorm(Constraint):
    """Every vector gets length 1.

    >>> import numpy as np
    >>> UnitNorm()(np.array([[3.0], [4.0]])).round(4).tolist()
    [[0.6], [0.8]]
    """

    _arguments = ("axis",)

    def __init__(self, axis: Axis = 0) -> None:
        self.axis = axis

    def __call__(self, w: Array) -> Array:
        return w / (EPSILON + _norms(w, self.axis))


@registry.register("MinMaxNorm")
class MinMaxNorm(Constraint):
    """Lengths are brought between `min_value` and `max_value`, by the share `rate` of the way.

    >>> import numpy as np
    >>> MinMaxNorm(0.0, 1.0, rate=0.5)(np.array([[3.0], [4.0]])).round(4).tolist()
    [[1.8], [2.4]]
    """

    _arguments = ("min_value", "max_value", "rate", "axis")

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axis = 0) -> None:
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Array) -> Array:
        norms = _norms(w, self.axis)
        within = namespace(w).clip(norms, self.min_value, self.max_value)
        return w * ((self.rate * within + (1 - self.rate) * norms) / (EPSILON + norms))


def _norms(w: Array, axis: Axis) -> Array:
    xp = namespace(w)
    along = axis if isinstance(axis, int) else tuple(axis)
    return xp.sqrt(xp.sum(w * w, axis=along, keepdims=True))


# --- Names ------------------------------------------------------------------------------------------------------


def get(identifier: Any) -> ConstraintLike | None:
    """The constraint that `identifier` says: None, a name, a config, a class, or a callable.

    Raises:
        ValueError: for an unknown name, with the nearest known one.
        TypeError: for something else.

    >>> get("max_norm"), get({"class_name": "NonNeg", "config": {}})
    (MaxNorm(max_value=2, axis=0), NonNeg())
    """
    return registry.get(identifier)


def serialize(constraint: ConstraintLike | None) -> Any:
    """A config for a constraint.

    >>> serialize(UnitNorm())
    {'module': 'keras.constraints', 'class_name': 'UnitNorm', 'config': {'axis': 0}, 'registered_name': None}
    """
    return registry.serialize(constraint)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> ConstraintLike | None:
    """The constraint that `serialize`, or any Keras, wrote.

    >>> deserialize(serialize(MaxNorm(3)))
    MaxNorm(max_value=3, axis=0)
    """
    return registry.deserialize(config, custom_objects)


# Keras's lower-case spellings, and then Keras 1 and 2's without the underscore.
max_norm = maxnorm = MaxNorm
non_neg = nonneg = NonNeg
unit_norm = unitnorm = UnitNorm
min_max_norm = MinMaxNorm

answer_for(__name__, "gatewise.constraints")
