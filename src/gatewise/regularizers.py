"""The regularizers: what a weight or an output adds to the loss, under Keras's names.

Each takes an array (NumPy's or JAX's) and returns a number as an array without axes, of the same dtype.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeAlias

from gatewise.base import release
from gatewise.base.absent import answer_for
from gatewise.base.arrays import namespace
from gatewise.base.registry import Described, ObjectRegistry
from gatewise.base.typing import Array

RegularizerLike: TypeAlias = Callable[[Array], Array]

registry: ObjectRegistry[RegularizerLike] = ObjectRegistry("regularizer", "keras.regularizers")


class Regularizer(Described):
    """The base: a subclass gives `__call__(x)`, and `get_config` if it takes arguments."""

    def __call__(self, x: Array) -> Array:
        """What `x` adds to the loss."""
        raise TypeError(f"The regularizer {type(self).__name__} must define __call__(self, x).")


@registry.register("L1")
class L1(Regularizer):
    """`l1 * sum(|x|)`. In Keras 2 `l1` is also written `l`.

    >>> import numpy as np
    >>> float(L1(0.5)(np.array([1.0, -3.0])))
    2.0
    """

    _arguments = ("l1",)
    _renamed: ClassVar = {"l": "l1"}

    def __init__(self, l1: float | None = 0.01, *, l: float | None = None) -> None:  # noqa: E741
        self.l1 = _factor(self, "l1", l1 if l is None else l, default=0.01)

    def __call__(self, x: Array) -> Array:
        xp = namespace(x)
        return self.l1 * xp.sum(xp.abs(x))


@registry.register("L2")
class L2(Regularizer):
    """`l2 * sum(x**2)`. In Keras 2 `l2` is also written `l`.

    >>> import numpy as np
    >>> float(L2(0.5)(np.array([1.0, -3.0])))
    5.0
    """

    _arguments = ("l2",)
    _renamed: ClassVar = {"l": "l2"}

    def __init__(self, l2: float | None = 0.01, *, l: float | None = None) -> None:  # noqa: E741
        self.l2 = _factor(self, "l2", l2 if l is None else l, default=0.01)

    def __call__(self, x: Array) -> Array:
        return self.l2 * namespace(x).sum(x * x)


@registry.register("L1L2")
class L1L2(Regularizer):
    """`l1 * sum(|x|) + l2 * sum(x**2)`.

    >>> import numpy as np
    >>> float(L1L2(l1=0.5, l2=0.5)(np.array([1.0, -3.0])))
    7.0
    """

    _arguments = ("l1", "l2")

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0) -> None:
        self.l1 = _factor(self, "l1", l1, default=0.0)
        self.l2 = _factor(self, "l2", l2, default=0.0)

    def __call__(self, x: Array) -> Array:
        # A part that is not there is not computed: 0 times an infinite weight would be NaN.
        total = namespace(x).zeros((), dtype=x.dtype)
        if self.l1:
            total = total + L1(self.l1)(x)
        if self.l2:
            total = total + L2(self.l2)(x)
        return total


@registry.register("OrthogonalRegularizer")
class OrthogonalRegularizer(Regularizer):
    """`factor` times the mean absolute cosine between the rows (or columns) of a matrix.

    >>> import numpy as np
    >>> round(float(OrthogonalRegularizer(0.5)(np.array([[2.0, 0.0], [3.0, 3.0]]))), 6)
    0.353553
    """

    _arguments = ("factor", "mode")

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = _factor(self, "factor", factor, default=0.01)
        if mode not in ("rows", "columns"):
            raise ValueError(f"The mode of the OrthogonalRegularizer must be 'rows' or 'columns'; got {mode!r}.")
        self.mode = mode

    def __call__(self, x: Array) -> Array:
        if len(x.shape) != 2:
            raise ValueError(f"The OrthogonalRegularizer takes matrices; got a weight of shape {tuple(x.shape)}.")
        xp = namespace(x)
        rows = x if self.mode == "rows" else x.T
        size = rows.shape[0]
        if size < 2:
            return xp.zeros((), dtype=x.dtype)  # no pair
        # 1e-12 under the root, as in Keras, gives a row of zeros a gradient that is a number.
        unit = rows / xp.sqrt(xp.maximum(xp.sum(rows * rows, axis=1, keepdims=True), 1e-12))
        cosines = (unit @ unit.T) * (1 - xp.eye(size, dtype=x.dtype))
        return self.factor / (size * (size - 1)) * xp.sum(xp.abs(cosines))


@registry.register_for("tf1", "tf2", name="l1_l2")
def l1_l2(l1: float | None = None, l2: float | None = None) -> L1L2:
    """An L1L2. Left out, both are 0 in Keras 3 and 0.01 in Keras 1 and 2.

    >>> l1_l2(l2=0.1)
    L1L2(l1=0.0, l2=0.1)
    >>> with release.meaning("tf2"):
    ...     l1_l2()
    L1L2(l1=0.01, l2=0.01)
    >>> get("l1_l2")
    L1L2(l1=0.0, l2=0.0)
    >>> with release.meaning("tf2"):
    ...     get("l1_l2")
    L1L2(l1=0.01, l2=0.01)
    """
    default = 0.0 if release.current() == "keras3" else 0.01
    return L1L2(default if l1 is None else l1, default if l2 is None else l2)


def _factor(owner: Regularizer, name: str, value: float | None, default: float) -> float:
    if value is None:
        return default
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise ValueError(f"{name} of the {type(owner).__name__} regularizer must be 0 or more; got {value!r}.")
    return number


# --- Names ------------------------------------------------------------------------------------------------------


def get(identifier: Any) -> RegularizerLike | None:
    """The regularizer that `identifier` says: None, a name, a config, a class, or a callable.

    Raises:
        ValueError: for an unknown name, with the nearest known one.
        TypeError: for something else.

    >>> get("l2"), get({"class_name": "L1L2", "config": {"l1": 0.5, "l2": 0.0}})
    (L2(l2=0.01), L1L2(l1=0.5, l2=0.0))
    """
    return registry.get(identifier)


def serialize(regularizer: RegularizerLike | None) -> Any:
    """A config for a regularizer.

    >>> serialize(L2(0.5))
    {'module': 'keras.regularizers', 'class_name': 'L2', 'config': {'l2': 0.5}, 'registered_name': None}
    """
    return registry.serialize(regularizer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> RegularizerLike | None:
    """The regularizer that `serialize`, or any Keras, wrote.

    >>> deserialize(serialize(L1(0.5)))
    L1(l1=0.5)
    """
    return registry.deserialize(config, custom_objects)


l1 = L1
l2 = L2
orthogonal_regularizer = OrthogonalRegularizer

answer_for(__name__, "gatewise.regularizers")
