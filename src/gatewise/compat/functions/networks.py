"""`tf.nn`: activations, losses on logits, embeddings, dropout."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise import activations
from gatewise.base.arrays import namespace
from gatewise.base.tensors import InvalidArgumentError
from gatewise.base.typing import Array
from gatewise.compat.functions.calling import FUNCTIONS, array, axes, floating, offered, pair
from gatewise.compat.functions.shaping import gather
from gatewise.random import SeedGenerator


def _activation(name: str, known: str, *, floats: bool = True, **defaults: Any) -> None:
    """An activation of ours under TensorFlow's name; `defaults` are the arguments that it takes, and their values."""
    function = getattr(activations, known)

    def apply(features: Any, **given: Any) -> Array:
        x = floating(features, f"nn.{name}") if floats else array(features)
        with np.errstate(all="ignore"):
            return function(x, **{**defaults, **given})

    apply.__name__ = name
    offered(f"nn.{name}")(apply)


for _name in ("relu", "relu6"):
    _activation(_name, _name, floats=False)
for _name in ("elu", "selu", "softsign"):
    _activation(_name, _name)
FUNCTIONS["nn.sigmoid"] = FUNCTIONS["sigmoid"]
FUNCTIONS["nn.tanh"] = FUNCTIONS["tanh"]
FUNCTIONS["nn.softplus"] = FUNCTIONS["math.softplus"]


@offered("nn.leaky_relu")
def leaky_relu(features: Any, alpha: float = 0.2) -> Array:
    """`x` above 0, and `alpha` times it below."""
    x = array(features)
    xp = namespace(x)
    x = x if x.dtype.kind != "i" else xp.astype(x, np.dtype("float32"))
    return xp.where(x > 0, x, x * xp.asarray(alpha, dtype=x.dtype))


@offered("nn.gelu")
def gelu(features: Any, approximate: bool = False) -> Array:
    """`x` times the normal distribution's share below it."""
    x = floating(features, "nn.gelu")
    return activations.gelu(x, approximate=approximate)


@offered("nn.silu", "nn.swish")
def silu(features: Any, beta: float = 1.0) -> Array:
    """`x * sigmoid(beta * x)`."""
    x = floating(features, "nn.silu")
    return x * FUNCTIONS["sigmoid"].__wrapped__(x * beta)  # type: ignore[attr-defined]


@offered("nn.softmax", "math.softmax")
def softmax(logits: Any, axis: Any = -1) -> Array:
    """Exponentials as shares of their sum along an axis."""
    x = floating(logits, "nn.softmax")
    xp = namespace(x)
    shares = xp.exp(x - xp.max(x, axis=axes(axis), keepdims=True))
    return shares / xp.sum(shares, axis=axes(axis), keepdims=True)


@offered("nn.log_softmax", "math.log_softmax")
def log_softmax(logits: Any, axis: Any = -1) -> Array:
    """The logarithm of `softmax`."""
    return _log_softmax(floating(logits, "nn.log_softmax"), axes(axis))


def _log_softmax(x: Array, axis: Any) -> Array:
    xp = namespace(x)
    below = x - xp.max(x, axis=axis, keepdims=True)
    return below - xp.log(xp.sum(xp.exp(below), axis=axis, keepdims=True))


@offered("nn.softmax_cross_entropy_with_logits")
def softmax_cross_entropy_with_logits(labels: Any, logits: Any, axis: Any = -1) -> Array:
    """The cross-entropy of distributions with those that logits mean, summed over an axis."""
    y, x, xp = pair(labels, logits, "nn.softmax_cross_entropy_with_logits")
    return -xp.sum(y * _log_softmax(x, axes(axis)), axis=axes(axis))


@offered("nn.sparse_softmax_cross_entropy_with_logits")
def sparse_softmax_cross_entropy_with_logits(labels: Any, logits: Any) -> Array:
    """The cross-entropy of class ids with the distributions that logits mean."""
    ids, x = array(labels), floating(logits, "nn.sparse_softmax_cross_entropy_with_logits")
    if ids.ndim != x.ndim - 1:
        raise InvalidArgumentError(
            f"tf.nn.sparse_softmax_cross_entropy_with_logits: ids of shape {tuple(ids.shape)} do not go with logits of "
            f"shape {tuple(x.shape)}, which have one axis more."
        )
    xp = namespace(ids, x)
    return -xp.take_along_axis(_log_softmax(x, -1), ids[..., None], axis=-1)[..., 0]


@offered("nn.sigmoid_cross_entropy_with_logits")
def sigmoid_cross_entropy_with_logits(labels: Any, logits: Any) -> Array:
    """The cross-entropy of probabilities with those that logits mean, for each number."""
    y, x, xp = pair(labels, logits, "nn.sigmoid_cross_entropy_with_logits")
    return xp.maximum(x, 0) - x * y + xp.log1p(xp.exp(-xp.abs(x)))


@offered("nn.embedding_lookup")
def embedding_lookup(params: Any, ids: Any, max_norm: Any = None) -> Array:
    """The rows of a table at some places."""
    if max_norm is not None:
        raise ValueError("tf.nn.embedding_lookup has no max_norm here: tf.clip_by_norm(rows, max_norm, axes=[-1]).")
    return gather.__wrapped__(params, ids)  # type: ignore[attr-defined]


@offered("nn.l2_normalize", "math.l2_normalize", "linalg.l2_normalize")
def l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12) -> Array:
    """Vectors along an axis divided by their length."""
    found = floating(x, "nn.l2_normalize")
    xp = namespace(found)
    square = xp.sum(xp.square(found), axis=axes(axis), keepdims=True)
    return found / xp.sqrt(xp.maximum(square, xp.asarray(epsilon, dtype=found.dtype)))


@offered("nn.l2_loss")
def l2_loss(t: Any) -> Array:
    """Half the sum of squares."""
    x = floating(t, "nn.l2_loss")
    xp = namespace(x)
    return xp.sum(xp.square(x)) / 2


@offered("nn.bias_add")
def bias_add(value: Any, bias: Any) -> Array:
    """A vector added along the last axis."""
    x, b, _ = pair(value, bias, "nn.bias_add")
    return x + b


@offered("nn.moments")
def moments(x: Any, axes: Any, keepdims: bool = False) -> tuple[Array, Array]:
    """The mean and the variance over axes."""
    from gatewise.compat.functions import calling

    found = floating(x, "nn.moments")
    xp, over = namespace(found), calling.axes(axes)
    return xp.mean(found, axis=over, keepdims=keepdims), xp.var(found, axis=over, keepdims=keepdims)


_kept = SeedGenerator()


def dropout(x: Any, rate: Any, noise_shape: Any = None, seed: Any = None, name: Any = None) -> Any:
    """Some numbers become 0, and the others are made larger by as much; at each call others.

    >>> dropout([1.0, 1.0], rate=0.0).numpy().tolist()
    [1.0, 1.0]
    """
    found = array(x)
    share = float(rate)
    if not 0 <= share < 1:
        raise ValueError(f"tf.nn.dropout: the rate must be in [0, 1), but {rate!r} came.")
    source = _kept if seed is None else SeedGenerator(int(seed))
    shape = tuple(found.shape if noise_shape is None else noise_shape)
    return FUNCTIONS["multiply"](x, source.keep(namespace(found), shape, share, found.dtype))


offered_as_it_is = {"nn.dropout": dropout}
"""Functions that call those above, and need nothing around them."""
