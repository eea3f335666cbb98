"""The activation functions, under Keras's names.

Each takes an array of any shape (NumPy's or JAX's) and returns one of the same shape and dtype. They are
written so that nothing overflows, NaN in is NaN out, and gradients under JAX are right at the joints (0, and where a
piece begins). A name can mean another function in an older Keras: `get` reads it in the generation that
`gatewise.base.release` says.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, TypeAlias

import numpy as np

from gatewise.base.absent import answer_for
from gatewise.base.arrays import as_array, namespace
from gatewise.base.registry import ObjectRegistry
from gatewise.base.typing import Array

Activation: TypeAlias = Callable[[Array], Array]

# Klambauer et al., Self-Normalizing Neural Networks (2017), equation 14.
_SELU_ALPHA: Final = 1.6732632423543772848170429916717
_SELU_SCALE: Final = 1.0507009873554804934193349852946


def _ready(x: Any) -> tuple[Any, Array]:
    """The namespace of `x`, and `x` as an array (lists and numbers become NumPy's)."""
    if isinstance(x, np.ndarray):
        return np, x
    x = as_array(x, "The input of an activation")
    return namespace(x), x


def linear(x: Array) -> Array:
    """`x` itself.

    >>> linear(3.0)
    3.0
    """
    return x


registry: ObjectRegistry[Activation] = ObjectRegistry(
    "activation", "keras.activations", factories=False, default=linear, suffixes=("v2",)
)
registry.register("linear")(linear)

# --- Sigmoids and the hyperbolic tangent ------------------------------------------------------------------------


@registry.register("tanh")
def tanh(x: Array) -> Array:
    """The hyperbolic tangent.

    >>> tanh([-1e9, 0.0, 1e9]).tolist()
    [-1.0, 0.0, 1.0]
    """
    xp, x = _ready(x)
    return xp.tanh(x)


@registry.register("sigmoid")
def sigmoid(x: Array) -> Array:
    """`1 / (1 + exp(-x))`.

    >>> sigmoid([-1e9, 0.0, 1e9]).tolist()
    [0.0, 0.5, 1.0]
    """
    xp, x = _ready(x)
    positive = x >= 0
    z = xp.exp(xp.where(positive, -x, x))  # of -|x|: never overflows
    return xp.where(positive, 1, z) / (1 + z)


@registry.register("hard_sigmoid")
def hard_sigmoid(x: Array) -> Array:
    """Keras 3's straight-line sigmoid: `relu6(x + 3) / 6`.

    >>> hard_sigmoid([-3.0, 0.0, 1.5]).tolist()
    [0.0, 0.5, 0.75]
    """
    return relu6(_ready(x)[1] + 3) / 6


@registry.register_for("tf1", "tf2", name="hard_sigmoid")
@registry.register("keras2_hard_sigmoid")
def keras2_hard_sigmoid(x: Array) -> Array:
    """The straight-line sigmoid of Keras 1 and 2 and TensorFlow 1: `clip(0.2 x + 0.5, 0, 1)`.

    It has a name of its own so that a config says which one it is, whoever reads it.

    >>> keras2_hard_sigmoid([-2.5, 0.0, 1.5]).tolist()
    [0.0, 0.5, 0.8]
    """
    xp, x = _ready(x)
    return xp.clip(0.2 * x + 0.5, 0, 1)


@registry.register("hard_tanh")
def hard_tanh(x: Array) -> Array:
    """`clip(x, -1, 1)`.

    >>> hard_tanh([-2.0, 0.25, 2.0]).tolist()
    [-1.0, 0.25, 1.0]
    """
    xp, x = _ready(x)
    return xp.clip(x, -1, 1)


@registry.register("log_sigmoid")
def log_sigmoid(x: Array) -> Array:
    """`log(sigmoid(x))`, exact where the sigmoid itself would be 0.

    >>> log_sigmoid([-1000.0]).tolist()
    [-1000.0]
    """
    return -softplus(-_ready(x)[1])


@registry.register("sparse_sigmoid")
def sparse_sigmoid(x: Array) -> Array:
    """`clip((x + 1) / 2, 0, 1)`. Source: Blondel, Martins and Niculae, 2019.

    >>> sparse_sigmoid([-1.0, 0.0, 2.0]).tolist()
    [0.0, 0.5, 1.0]
    """
    xp, x = _ready(x)
    return xp.clip(0.5 * (x + 1), 0, 1)


@registry.register("softsign")
def softsign(x: Array) -> Array:
    """`x / (1 + |x|)`.

    >>> softsign([-1.0, 0.0, 3.0]).tolist()
    [-0.5, 0.0, 0.75]
    """
    xp, x = _ready(x)
    return x / (1 + xp.abs(x))


# --- Rectifiers -------------------------------------------------------------------------------------------------


@registry.register("relu")
def relu(
    x: Array,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
    *,
    alpha: float | None = None,
) -> Array:
    """`x` above `threshold`, and `negative_slope * (x - threshold)` below it.

    With a `max_value` what is above the threshold is cut to between 0 and that. `alpha` is Keras 2's name for
    `negative_slope`.

    >>> relu([-10.0, 0.0, 10.0]).tolist()
    [0.0, 0.0, 10.0]
    >>> relu([-10.0, 2.0, 10.0], negative_slope=0.5, max_value=6.0, threshold=3.0).tolist()
    [-6.5, -0.5, 6.0]
    """
    xp, x = _ready(x)
    slope = negative_slope if alpha is None else alpha
    # Comparisons are false for NaN, which thus stays, and right at the joints: the slope of relu at 0 is 0.
    kept = xp.where(x <= (threshold if max_value is None else max(threshold, 0)), 0, x)
    if max_value is not None:
        kept = xp.where(kept >= max_value, max_value, kept)
    return kept + xp.where(x <= threshold, slope * (x - threshold), 0) if slope else kept


@registry.register("relu6")
def relu6(x: Array) -> Array:
    """`x` cut to between 0 and 6.

    >>> relu6([-1.0, 3.0, 7.0]).tolist()
    [0.0, 3.0, 6.0]
    """
    return relu(x, max_value=6)


@registry.register("leaky_relu")
def leaky_relu(x: Array, negative_slope: float = 0.2, *, alpha: float | None = None) -> Array:
    """`x` where positive, else `negative_slope * x`. `alpha` is its name in Keras 2.

    >>> leaky_relu([-10.0, 10.0]).tolist()
    [-2.0, 10.0]
    """
    xp, x = _ready(x)
    return xp.where(x > 0, x, (negative_slope if alpha is None else alpha) * x)


@registry.register("elu")
def elu(x: Array, alpha: float = 1.0) -> Array:
    """`x` where positive, else `alpha * (exp(x) - 1)`. Source: Clevert et al., 2016.

    >>> elu([-1000.0, 2.0], alpha=0.5).tolist()
    [-0.5, 2.0]
    """
    xp, x = _ready(x)
    positive = x > 0
    return xp.where(positive, x, alpha * xp.expm1(xp.where(positive, 0, x)))


@registry.register("selu")
def selu(x: Array) -> Array:
    """`1.0507 * elu(x, 1.6733)`, which keeps mean 0 and variance 1. Source: Klambauer et al., 2017.

    >>> selu([0.0, 1.0]).round(4).tolist()
    [0.0, 1.0507]
    """
    return _SELU_SCALE * elu(x, _SELU_ALPHA)


@registry.register("celu")
def celu(x: Array, alpha: float = 1.0) -> Array:
    """`x` where positive, else `alpha * (exp(x / alpha) - 1)`. Source: Barron, 2017.

    >>> celu([-1000.0, 2.0], alpha=0.5).tolist()
    [-0.5, 2.0]
    """
    xp, x = _ready(x)
    positive = x > 0
    return xp.where(positive, x, alpha * xp.expm1(xp.where(positive, 0, x) / alpha))


@registry.register("threshold")
def threshold(x: Array, threshold: float, default_value: float) -> Array:
    """`x` above `threshold`, else `default_value`.

    >>> threshold([1.0, 2.0, 3.0], 2.0, -1.0).tolist()
    [-1.0, -1.0, 3.0]
    """
    xp, x = _ready(x)
    return xp.where(x <= threshold, default_value, x)


# --- Smooth rectifiers ------------------------------------------------------------------------------------------


@registry.register("softplus")
def softplus(x: Array) -> Array:
    """`log(1 + exp(x))`.

    >>> softplus([-1000.0, 1000.0]).tolist()
    [0.0, 1000.0]
    """
    xp, x = _ready(x)
    positive = x >= 0
    return xp.where(positive, x, 0) + xp.log1p(xp.exp(xp.where(positive, -x, x)))


@registry.register("sparse_plus")
def sparse_plus(x: Array) -> Array:
    """0 up to -1, `(x + 1)**2 / 4` between -1 and 1, `x` from 1. Source: Blondel, Martins and Niculae, 2019.

    >>> sparse_plus([-2.0, 0.0, 1.0, 1e300]).tolist()
    [0.0, 0.25, 1.0, 1e+300]
    """
    xp, x = _ready(x)
    return xp.where(x >= 1, x, 0.25 * (xp.clip(x, -1, 1) + 1) ** 2)


@registry.register("squareplus")
def squareplus(x: Array, b: float = 4) -> Array:
    """`(x + sqrt(x**2 + b)) / 2`. Source: Barron, Squareplus, 2021.

    >>> squareplus([0.0, 1.5]).tolist()
    [1.0, 2.0]
    """
    xp, x = _ready(x)
    return 0.5 * x + 0.5 * xp.hypot(x, xp.full_like(x, math.sqrt(b)))


@registry.register("silu", "swish")
def silu(x: Array) -> Array:
    """`x * sigmoid(x)`, also called swish. Source: Ramachandran et al., 2017.

    >>> silu([-1000.0, 0.0, 1000.0]).tolist()
    [-0.0, 0.0, 1000.0]
    """
    x = _ready(x)[1]
    return x * sigmoid(x)


@registry.register("hard_silu", "hard_swish")
def hard_silu(x: Array) -> Array:
    """`x * hard_sigmoid(x)`, also called hard swish. Source: Howard et al., 2019.

    >>> hard_silu([-3.0, 1.5, 3.0]).tolist()
    [-0.0, 1.125, 3.0]
    """
    x = _ready(x)[1]
    return x * hard_sigmoid(x)


@registry.register("mish")
def mish(x: Array) -> Array:
    """`x * tanh(softplus(x))`. Source: Misra, 2019.

    >>> mish([0.0, 1000.0]).tolist()
    [0.0, 1000.0]
    """
    xp, x = _ready(x)
    return x * xp.tanh(softplus(x))


@registry.register("gelu")
def gelu(x: Array, approximate: bool = False) -> Array:
    """`x` times the chance that a standard normal number is below `x`. Source: Hendrycks and Gimpel, 2016.

    `approximate=True` gives the paper's form with a tanh.

    >>> gelu([0.0, 1.0]).round(6).tolist(), gelu([0.0, 1.0], approximate=True).round(6).tolist()
    ([0.0, 0.841345], [0.0, 0.841192])
    """
    xp, x = _ready(x)
    if not approximate:
        return 0.5 * x * _erfc(-x * math.sqrt(0.5))
    near = xp.clip(x, -30, 30)  # beyond it the tanh is 1 to the last bit, and its cube could overflow
    return 0.5 * x * (1 + xp.tanh(math.sqrt(2 / math.pi) * (near + 0.044715 * near * near * near)))


@registry.register("exponential")
def exponential(x: Array) -> Array:
    """`exp(x)`.

    >>> exponential([0.0]).tolist()
    [1.0]
    """
    xp, x = _ready(x)
    return xp.exp(x)


# --- Shrinkage --------------------------------------------------------------------------------------------------


@registry.register("hard_shrink")
def hard_shrink(x: Array, threshold: float = 0.5) -> Array:
    """`x`, and 0 where `|x| <= threshold`.

    >>> hard_shrink([-1.0, 0.5, 0.75]).tolist()
    [-1.0, 0.0, 0.75]
    """
    xp, x = _ready(x)
    return xp.where(xp.abs(x) <= threshold, 0, x)


@registry.register("soft_shrink")
def soft_shrink(x: Array, threshold: float = 0.5) -> Array:
    """`x` moved towards 0 by `threshold`, and no further than 0.

    >>> soft_shrink([-1.0, 0.25, 0.75]).tolist()
    [-0.5, 0.0, 0.25]
    """
    xp, x = _ready(x)
    return x - xp.clip(x, -threshold, threshold)


@registry.register("tanh_shrink")
def tanh_shrink(x: Array) -> Array:
    """`x - tanh(x)`.

    >>> tanh_shrink([0.0, 1000.0]).tolist()
    [0.0, 999.0]
    """
    xp, x = _ready(x)
    return x - xp.tanh(x)


# --- Along an axis ----------------------------------------------------------------------------------------------


@registry.register("softmax")
def softmax(x: Array, axis: int | tuple[int, ...] | None = -1) -> Array:
    """`exp(x) / sum(exp(x))` along `axis` (several axes, or None for all, are taken as one).

    >>> softmax([0.0, 0.0, -1e9, 0.0, 0.0]).tolist()
    [0.25, 0.25, 0.0, 0.25, 0.25]
    """
    xp, x = _ready(x)
    e = xp.exp(x - xp.max(x, axis=axis, keepdims=True))
    return e / xp.sum(e, axis=axis, keepdims=True)


@registry.register("log_softmax")
def log_softmax(x: Array, axis: int | tuple[int, ...] | None = -1) -> Array:
    """`log(softmax(x))`, exact where the softmax itself would be 0.

    >>> log_softmax([0.0, -1000.0]).tolist()
    [0.0, -1000.0]
    """
    xp, x = _ready(x)
    x = x - xp.max(x, axis=axis, keepdims=True)
    return x - xp.log(xp.sum(xp.exp(x), axis=axis, keepdims=True))


@registry.register("sparsemax")
def sparsemax(x: Array, axis: int = -1) -> Array:
    """The point of the probability simplex nearest to `x`: `max(x - tau, 0)` summing to 1 along `axis`.

    Source: Martins and Astudillo, From Softmax to Sparsemax, 2016, algorithm 1. Keras up to 3.15 computes another tau
    where more than one entry stays, and then the outputs do not sum to 1; it was mended after (keras #23469).

    >>> sparsemax([3.0, 2.5, -1.0]).tolist()
    [0.75, 0.25, 0.0]
    """
    xp, x = _ready(x)
    x = xp.moveaxis(x, axis, -1)
    x = x - xp.max(x, axis=-1, keepdims=True)  # changes nothing but the rounding; one NaN makes the vector NaN
    z = xp.flip(xp.sort(x, axis=-1), axis=-1)
    k = xp.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    support = 1 + k * z > xp.cumsum(z, axis=-1)
    size = xp.maximum(xp.sum(xp.where(support, k * 0 + 1, 0), axis=-1, keepdims=True), 1)
    tau = (xp.sum(xp.where(support, z, 0), axis=-1, keepdims=True) - 1) / size
    return xp.moveaxis(relu(x - tau), -1, axis)


@registry.register("glu")
def glu(x: Array, axis: int = -1) -> Array:
    """The first half of `axis` times the sigmoid of the second. Source: Dauphin et al., 2017.

    Raises:
        ValueError: where the axis is of odd size.

    >>> glu([2.0, 0.0]).tolist()
    [1.0]
    """
    xp, x = _ready(x)
    half, odd = divmod(x.shape[axis], 2)
    if odd:
        raise ValueError(f"glu halves axis {axis}, so its size must be even; got an input of shape {tuple(x.shape)}.")
    x = xp.moveaxis(x, axis, -1)
    return xp.moveaxis(x[..., :half] * sigmoid(x[..., half:]), -1, axis)


# --- The error function -----------------------------------------------------------------------------------------


def _erfc(x: Array) -> Array:
    """1 - erf(x), accurate in the tail too; the array API standard does not have it.

    On NumPy it is the C library's, one number at a time (0.1 us each): twice the time of a vectorised rational
    approximation, and nothing to get wrong.
    """
    if isinstance(x, (np.ndarray, np.generic)):
        return np.asarray(_erfc_of_each(x), dtype=x.dtype)
    from jax.scipy.special import erfc

    return erfc(x)


_erfc_of_each = np.frompyfunc(math.erfc, 1, 1)

# --- Names ------------------------------------------------------------------------------------------------------


def get(identifier: Any) -> Activation:
    """The activation that `identifier` says: None (linear), a name, a config, or a callable.

    Raises:
        ValueError: for an unknown name, with the nearest known one.
        TypeError: for something else.

    >>> get("tanh") is tanh, get(None) is linear
    (True, True)
    >>> from gatewise.base import release
    >>> with release.meaning("tf2"):
    ...     get("hard_sigmoid").__name__
    'keras2_hard_sigmoid'
    """
    found = registry.get(identifier)
    return linear if found is None else found


def serialize(activation: Activation | None) -> Any:
    """The name of an activation, or a config for a custom one.

    >>> serialize(silu)
    'silu'
    """
    return registry.serialize(activation)


@cache
def parameters_of(function: Activation) -> Mapping[str, Any]:
    """What an activation takes beside its input, with the usual values, as its signature says.

    Keyword-only parameters are older names of others, and left out; one without a usual value is
    `inspect.Parameter.empty`.

    >>> dict(parameters_of(elu)), dict(parameters_of(tanh))
    ({'alpha': 1.0}, {})
    """
    _, *others = inspect.signature(function).parameters.values()
    return {each.name: each.default for each in others if each.kind is not inspect.Parameter.KEYWORD_ONLY}


def known_name(activation: Activation) -> str | None:
    """The name that means just this function, or None for a function of the user's own.

    >>> known_name(silu), known_name(lambda x: x)
    ('silu', None)
    """
    try:
        name = registry.serialize(activation)
    except (TypeError, ValueError):
        return None
    return name if isinstance(name, str) and get(name) is activation else None


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Activation:
    """The activation that `serialize`, or any Keras, wrote.

    >>> deserialize("relu6") is relu6
    True
    """
    found = registry.deserialize(config, custom_objects)
    return linear if found is None else found


swish = silu
hard_swish = hard_silu

answer_for(__name__, "gatewise.activations")
