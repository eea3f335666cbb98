"""Operations of neural networks: activations, classes, losses of each number, normalisation, attention."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any, Final

from gatewise import activations
from gatewise.base.arrays import namespace
from gatewise.config import config
from gatewise.ops.declared import Array, op
from gatewise.ops.dtypes import floats, in_dtype, operand, result_type, tensor, together

# --- Activations -------------------------------------------------------------------------------------------------

_ACTIVATIONS: Final = (
    "relu relu6 sigmoid softplus softsign silu log_sigmoid leaky_relu hard_sigmoid hard_silu elu selu celu "
    "glu hard_tanh hard_shrink soft_shrink tanh_shrink sparse_plus sparse_sigmoid squareplus threshold softmax "
    "log_softmax sparsemax"
)
_ALIASES: Final = {"silu": ("swish",), "hard_silu": ("hard_swish",)}
_NO_SETTINGS: Final = {"relu"}
"""Activations that take arguments, but whose operations do not."""
_INTEGERS_STAY: Final = {"relu", "relu6"}


def _activation(name: str) -> Callable[..., Any]:
    activation: Callable[..., Array] = getattr(activations, name)
    parameters = list(inspect.signature(activation).parameters.values())
    taken = [each for each in parameters if each.kind is not inspect.Parameter.KEYWORD_ONLY]
    taken = taken[: 1 if name in _NO_SETTINGS else None]

    def function(x: Array, *args: Any, **kwargs: Any) -> Array:
        return activation((operand if name in _INTEGERS_STAY else floats)(x)[1], *args, **kwargs)

    function.__signature__ = inspect.Signature(taken)  # type: ignore[attr-defined]
    function.__name__ = function.__qualname__ = name
    function.__doc__ = activation.__doc__ and activation.__doc__.partition("\n")[0]
    return function


for _name in _ACTIVATIONS.split():
    op("nn", elementwise=_name not in ("softmax", "log_softmax", "sparsemax", "glu"), aliases=_ALIASES.get(_name, ()))(
        _activation(_name)
    )


@op("nn", elementwise=True)
def gelu(x: Array, approximate: bool = True) -> Array:
    """`x` times the chance that a standard normal number is below it."""
    return activations.gelu(floats(x)[1], approximate)


# --- Classes -----------------------------------------------------------------------------------------------------


@op("nn")
def one_hot(x: Array, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Array:
    """1 at the place of each class along a new axis, else 0; a class that is not there has no 1."""
    xp, x = operand(x)
    classes = xp.arange(num_classes, dtype=in_dtype(x, "int32").dtype)
    made = xp.expand_dims(in_dtype(x, "int32"), -1) == classes
    return in_dtype(made if axis == -1 else xp.moveaxis(made, -1, axis), dtype or config.floatx)


@op("nn")
def multi_hot(
    inputs: Array, num_classes: int | None = None, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Array:
    """1 at the places of all the classes in the last axis but the batch's, else 0."""
    if num_classes is None:
        raise ValueError("ops.multi_hot: num_classes says how many classes there are, and must be given.")
    xp, inputs = operand(inputs)
    hot = one_hot(inputs, num_classes, axis=axis, dtype=dtype)
    return xp.max(hot, axis=1 if inputs.ndim > 1 else 0)


# --- Losses of each number or row --------------------------------------------------------------------------------


def _pair(target: Any, output: Any) -> tuple[Any, Array, Array]:
    output = floats(output)[1]
    target = tensor(target, output.dtype.name)
    return namespace(target, output), target, output


def _inside(xp: Any, output: Array) -> Array:
    return xp.clip(output, config.epsilon, 1 - config.epsilon)


@op("nn")
def binary_crossentropy(target: Array, output: Array, from_logits: bool = False) -> Array:
    """`-t log(p) - (1 - t) log(1 - p)` for each number."""
    xp, t, p = _pair(target, output)
    if from_logits:
        return xp.maximum(p, 0) - p * t + xp.log1p(xp.exp(-xp.abs(p)))
    p = _inside(xp, p)
    return -(t * xp.log(p) + (1 - t) * xp.log(1 - p))


@op("nn")
def categorical_crossentropy(target: Array, output: Array, from_logits: bool = False, axis: int = -1) -> Array:
    """`-sum(t log(p))` over the classes."""
    xp, t, p = _pair(target, output)
    return -xp.sum(t * _logs(xp, p, from_logits, axis), axis=axis)


@op("nn")
def sparse_categorical_crossentropy(target: Array, output: Array, from_logits: bool = False, axis: int = -1) -> Array:
    """`-log(p)` of the class that the target says."""
    xp, p = floats(output)
    t = tensor(target, "int32")
    if t.ndim == p.ndim and t.shape[-1] == 1:
        t = t[..., 0]
    if not from_logits:
        p = p / xp.sum(p, axis=axis, keepdims=True)
    logs = activations.log_softmax(p, axis) if from_logits else xp.log(_inside(xp, p))
    return -xp.squeeze(xp.take_along_axis(logs, xp.expand_dims(t, axis), axis=axis), axis=axis)


def _logs(xp: Any, output: Array, from_logits: bool, axis: int) -> Array:
    if from_logits:
        return activations.log_softmax(output, axis)
    return xp.log(_inside(xp, output / xp.sum(output, axis=axis, keepdims=True)))


# --- Normalisation -----------------------------------------------------------------------------------------------


@op("nn")
def moments(x: Array, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """The mean and the variance over axes."""
    xp, x = floats(x)
    wide, axes = in_dtype(x, result_type(x.dtype.name, "float32")), tuple(axes) if isinstance(axes, list) else axes
    made = xp.mean(wide, axis=axes, keepdims=keepdims), xp.var(wide, axis=axes, keepdims=keepdims)
    return tuple(in_dtype(part, x.dtype.name) for part in made)


@op("nn", "BatchNorm")
def batch_normalization(
    x: Array,
    mean: Array,
    variance: Array,
    axis: int,
    offset: Array | None = None,
    scale: Array | None = None,
    epsilon: float = 1e-3,
) -> Array:
    """`(x - mean) / sqrt(variance + epsilon) * scale + offset`, whose arrays run along an axis."""
    xp, x = floats(x)
    shape = [1] * x.ndim
    shape[axis] = -1
    mean, variance, offset, scale = (
        None if each is None else xp.reshape(xp.asarray(tensor(each)), shape)
        for each in (mean, variance, offset, scale)
    )
    factor = 1 / xp.sqrt(variance + epsilon)
    factor = factor if scale is None else factor * scale
    y = (x - mean) * factor
    return in_dtype(y if offset is None else y + offset, x.dtype.name)


def _axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, (list, tuple)) else axis


def _along(xp: Any, weights: Any, x: Array, axis: Any) -> Array:
    """Weights of some axes in the rank of x."""
    w = xp.asarray(tensor(weights))
    axes = {each % x.ndim for each in ((axis,) if isinstance(axis, int) else axis)}
    return w if w.ndim == x.ndim else xp.reshape(w, [n if k in axes else 1 for k, n in enumerate(x.shape)])


@op("nn", "LayerNorm")
def layer_normalization(
    x: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    axis: Any = -1,
    epsilon: float | None = None,
    rms_scaling: bool = False,
) -> Array:
    """To mean 0 and variance 1 along axes, times gamma, plus beta."""
    xp, given = floats(x)
    x = in_dtype(given, result_type(given.dtype.name, "float32"))
    epsilon = config.epsilon if epsilon is None else epsilon
    mean, variance = (f(x, axis=_axes(axis), keepdims=True) for f in (xp.mean, xp.var))
    y = (x if rms_scaling else x - mean) / xp.sqrt(variance + epsilon)
    y = y if gamma is None else y * _along(xp, gamma, x, axis)
    y = y if beta is None or rms_scaling else y + _along(xp, beta, x, axis)
    return in_dtype(y, given.dtype.name)


@op("nn", "RMSNorm")
def rms_normalization(x: Array, scale: Array | None = None, axis: Any = -1, epsilon: float | None = None) -> Array:
    """Divided by the root of the mean square along axes, times scale."""
    xp, given = floats(x)
    x = in_dtype(given, result_type(given.dtype.name, "float32"))
    epsilon = config.epsilon if epsilon is None else epsilon
    y = x / xp.sqrt(xp.mean(x * x, axis=_axes(axis), keepdims=True) + epsilon)
    return in_dtype(y if scale is None else y * _along(xp, scale, x, axis), given.dtype.name)


@op("nn")
def normalize(x: Array, axis: Any = -1, order: Any = 2, epsilon: float | None = None) -> Array:
    """Divided by the norm along an axis."""
    xp, x = floats(x)
    epsilon = config.epsilon if epsilon is None else epsilon
    if order == 2:
        return x / xp.sqrt(xp.maximum(xp.sum(x * x, axis=_axes(axis), keepdims=True), epsilon**2))
    return x / xp.maximum(xp.linalg.norm(x, order, _axes(axis), True), epsilon)


# --- Attention ---------------------------------------------------------------------------------------------------


@op("nn")
def dot_product_attention(
    query: Array,
    key: Array,
    value: Array,
    bias: Array | None = None,
    mask: Array | None = None,
    scale: Array | None = None,
    is_causal: bool = False,
    flash_attention: Any = None,
    attn_logits_soft_cap: float | None = None,
) -> Array:
    """`softmax(Q K^T scale + bias) V`; query (B, T, N, H), key and value (B, S, K, H), where K divides N.

    Source: A. Vaswani et al., Attention Is All You Need (2017).
    """
    xp, (q, k, v) = together(query, key, value, floating=True)
    if q.ndim != 4:
        raise ValueError(f"dot_product_attention: expected a query (B, T, N, H), got the shape {tuple(q.shape)}.")
    groups = q.shape[2] // k.shape[2]
    k, v = (xp.repeat(each, groups, axis=2) if groups > 1 else each for each in (k, v))
    logits = xp.einsum("btnh,bsnh->bnts", q, k) * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    if attn_logits_soft_cap is not None:
        logits = xp.tanh(logits / attn_logits_soft_cap) * attn_logits_soft_cap
    if bias is not None:
        logits = logits + tensor(bias)
    seen = None if mask is None else tensor(mask, "bool")
    if is_causal:
        before = xp.tril(xp.ones(logits.shape[-2:], dtype=bool))[None, None]
        seen = before if seen is None else xp.logical_and(seen, before)
    if seen is not None:
        logits = xp.where(seen, logits, 0.7 * xp.finfo(logits.dtype).min)
    return in_dtype(xp.einsum("bnts,bsnh->btnh", activations.softmax(logits), v), q.dtype.name)
