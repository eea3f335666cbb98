"""What Keras 2's backend has for networks: activations, losses of each number, normalisation, convolutions, pools."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise import losses, ops
from gatewise.base.typing import Array
from gatewise.keras.backend.arrays import temporal_padding
from gatewise.keras.backend.settings import epsilon, image_data_format

K: Any = ops


def relu(x: Any, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Array:
    """A rectifier: see `gatewise.activations.relu`."""
    if alpha == threshold == 0.0 and max_value is None:
        return K.relu(x)
    kept = K.where(K.greater(x, threshold), x, 0.0)
    kept = kept if max_value is None else K.minimum(kept, max_value)
    return kept if not alpha else kept + K.where(K.less_equal(x, threshold), (x - threshold) * alpha, 0.0)


def elu(x: Any, alpha: float = 1.0) -> Array:
    """`x` where positive, else `alpha (exp(x) - 1)`."""
    return K.elu(x, alpha)


def hard_sigmoid(x: Any) -> Array:
    """Keras 2's: `clip(0.2 x + 0.5, 0, 1)`."""
    return K.clip(K.add(K.multiply(x, 0.2), 0.5), 0.0, 1.0)


def softmax(x: Any, axis: int = -1) -> Array:
    """`exp(x) / sum(exp(x))` along an axis."""
    return K.softmax(x, axis)


def one_hot(indices: Any, num_classes: int) -> Array:
    """1 at the place of each class along a new last axis, else 0."""
    return K.one_hot(indices, num_classes)


def l2_normalize(x: Any, axis: Any = None) -> Array:
    """Divided by the root of the sum of squares."""
    return x * K.rsqrt(K.maximum(K.sum(K.square(x), axis, True), 1e-12))


def in_top_k(predictions: Any, targets: Any, k: int) -> Array:
    """Whether fewer than k predictions are above that of the target."""
    return K.in_top_k(targets, predictions, k)


def bias_add(x: Any, bias: Any, data_format: str | None = None) -> Array:
    """X plus a bias of its channels, or of all its axes but the batch's."""
    if len(bias.shape) > 1 or (data_format or image_data_format()) == "channels_last":
        return K.add(x, bias)
    return K.add(x, K.reshape(bias, (1, -1, *[1] * (len(x.shape) - 2))))


# --- Losses ------------------------------------------------------------------------------------------------------


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Array:
    """`-t log(p) - (1 - t) log(1 - p)`, for each number."""
    if from_logits:
        return K.binary_crossentropy(target, output, True)
    p, small = K.clip(output, epsilon(), 1 - epsilon()), epsilon()
    return -(target * K.log(p + small) + (1.0 - target) * K.log(1.0 - p + small))


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Array:
    """`-sum(t log(p))` over the classes."""
    return K.categorical_crossentropy(target, output, from_logits, axis)


def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1, ignore_class: int | None = None
) -> Array:
    """`-log(p)` of the class that the target says; of what is ignored, 0."""
    logs = K.log_softmax(output, axis) if from_logits else K.log(K.clip(output, epsilon(), 1 - epsilon()))
    if not from_logits:
        logs = K.log_softmax(logs, axis)
    target = K.cast(target, "int32")
    kept = target if ignore_class is None else K.where(K.equal(target, ignore_class), 0, target)
    loss = -K.squeeze(K.take_along_axis(logs, K.expand_dims(kept, axis), axis), axis)
    return loss if ignore_class is None else K.where(K.equal(target, ignore_class), 0.0, loss)


def binary_focal_crossentropy(
    target: Any,
    output: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
) -> Array:
    """Cross-entropy times `(1 - p)^gamma`, p being what the true class got. Source: T.-Y. Lin et al., 2017."""
    p = K.sigmoid(output) if from_logits else output
    got = target * p + (1.0 - target) * (1.0 - p)
    loss = K.power(1.0 - got, gamma) * binary_crossentropy(target, p)
    return loss * (target * alpha + (1.0 - target) * (1.0 - alpha)) if apply_class_balancing else loss


def categorical_focal_crossentropy(
    target: Any, output: Any, alpha: float = 0.25, gamma: float = 2.0, from_logits: bool = False, axis: int = -1
) -> Array:
    """`-sum(alpha (1 - p)^gamma t log(p))` over the classes."""
    p = K.softmax(output, axis) if from_logits else output / K.sum(output, axis, True)
    p = K.clip(p, epsilon(), 1 - epsilon())
    return K.sum(-(target * K.log(p)) * (K.power(1.0 - p, gamma) * alpha), axis)


def ctc_batch_cost(y_true: Any, y_pred: Any, input_length: Any, label_length: Any) -> Array:
    """Connectionist temporal classification's loss (B, 1) of probabilities (B, T, C); the blank is the last class.

    Args:
        y_true: labels (B, L).
        input_length, label_length: (B, 1): how many steps and labels count.
    """
    y_true, input_length, label_length = (K.convert_to_tensor(each) for each in (y_true, input_length, label_length))
    logs = K.log(K.add(y_pred, epsilon()))
    classes, steps, wide = logs.shape[-1], logs.shape[1], y_true.shape[1]
    # Our loss has its blank in front, and no lengths: what does not count is a blank for certain.
    logs = K.concatenate([logs[..., -1:], logs[..., :-1]], axis=-1)
    sure = np.where(np.arange(classes) == 0, 0.0, -1e4).astype("float32")
    counts = K.less(np.arange(steps)[None], K.reshape(input_length, (-1, 1)))
    logs = K.where(K.expand_dims(counts, -1), logs, sure)
    labels = K.where(K.less(np.arange(wide)[None], K.reshape(label_length, (-1, 1))), K.cast(y_true, "int32") + 1, 0)
    return K.expand_dims(losses.ctc(labels, logs), 1)


def ctc_decode(
    y_pred: Any, input_length: Any, greedy: bool = True, beam_width: int = 100, top_paths: int = 1
) -> tuple[list[Array], Array]:
    """The labels that probabilities (B, T, C) spell, padded with -1, and minus the logarithm of the best way's
    probability (B, 1): the likeliest class at each step.

    Raises:
        ValueError: with greedy=False; a search among many ways is not here.
    """
    if not greedy:
        raise ValueError("K.ctc_decode: only greedy=True is here, the likeliest class at each step.")
    y = np.asarray(y_pred)
    lengths = np.reshape(np.asarray(input_length), -1)
    best, blank = y.argmax(-1), y.shape[-1] - 1
    spelt, scores = [], []
    for row, way, length in zip(y, best, lengths, strict=True):
        steps = way[:length]
        kept = [n for k, n in enumerate(steps) if n != blank and (k == 0 or n != steps[k - 1])]
        spelt.append(kept)
        scores.append(-np.log(row[:length].max(-1) + epsilon()).sum())
    padded = np.array([[*row, *[-1] * (y.shape[1] - len(row))] for row in spelt], "int64").reshape(y.shape[:2])
    return [padded], np.array(scores, y.dtype)[:, None]


# --- Normalisation -----------------------------------------------------------------------------------------------


def batch_normalization(
    x: Any, mean: Any, var: Any, beta: Any, gamma: Any, axis: int = -1, epsilon: float = 1e-3
) -> Array:
    """`(x - mean) / sqrt(var + epsilon) * gamma + beta`."""
    given = [None if each is None else K.reshape(each, (-1,)) for each in (mean, var, beta, gamma)]
    return K.batch_normalization(x, given[0], given[1], axis % len(x.shape), given[2], given[3], epsilon)


def normalize_batch_in_training(x: Any, gamma: Any, beta: Any, reduction_axes: Any, epsilon: float = 1e-3) -> Any:
    """To mean 0 and variance 1 over axes, times gamma, plus beta; and the mean and variance."""
    axes = list(reduction_axes)
    mean, var = K.moments(x, axes=axes)
    shape = [1 if axis in axes else -1 for axis in range(len(x.shape))]
    y = (x - K.reshape(mean, shape)) * K.rsqrt(K.reshape(var, shape) + epsilon)
    y = y if gamma is None else y * K.reshape(gamma, shape)
    return y if beta is None else y + K.reshape(beta, shape), mean, var


def dropout(x: Any, level: float, noise_shape: Any = None, seed: int | None = None) -> Array:
    """Inverted dropout, whatever the phase."""
    from gatewise.keras.backend.chance import random_uniform

    kept = K.greater_equal(random_uniform(noise_shape or x.shape, seed=seed), level)
    return K.where(kept, x / (1.0 - level), 0.0)


# --- Convolutions and pools --------------------------------------------------------------------------------------


def _format(data_format: str | None) -> str:
    return data_format or image_data_format()


def conv1d(
    x: Any, kernel: Any, strides: int = 1, padding: str = "valid", data_format: Any = None, dilation_rate: int = 1
) -> Array:
    """A convolution over time; padding may be "causal"."""
    if padding == "causal":
        x, padding = temporal_padding(x, (dilation_rate * (kernel.shape[0] - 1), 0)), "valid"
    return K.conv(x, kernel, strides, padding, _format(data_format), dilation_rate)


def conv2d(
    x: Any,
    kernel: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: Any = None,
    dilation_rate: Any = (1, 1),
) -> Array:
    """A convolution over two spatial axes."""
    return K.conv(x, kernel, strides, padding, _format(data_format), dilation_rate)


def conv3d(
    x: Any,
    kernel: Any,
    strides: Any = (1, 1, 1),
    padding: str = "valid",
    data_format: Any = None,
    dilation_rate: Any = (1, 1, 1),
) -> Array:
    """A convolution over three spatial axes."""
    return K.conv(x, kernel, strides, padding, _format(data_format), dilation_rate)


def conv2d_transpose(
    x: Any,
    kernel: Any,
    output_shape: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: Any = None,
    dilation_rate: Any = (1, 1),
) -> Array:
    """The transpose of a convolution over two spatial axes; the sizes of the output follow from the rest."""
    return K.conv_transpose(x, kernel, strides, padding, None, _format(data_format), dilation_rate)


def depthwise_conv2d(
    x: Any,
    depthwise_kernel: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: Any = None,
    dilation_rate: Any = (1, 1),
) -> Array:
    """Each channel by itself."""
    return K.depthwise_conv(x, depthwise_kernel, strides, padding, _format(data_format), dilation_rate)


def separable_conv2d(
    x: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: Any = None,
    dilation_rate: Any = (1, 1),
) -> Array:
    """Each channel by itself, and then a product of the channels."""
    kernels = depthwise_kernel, pointwise_kernel
    return K.separable_conv(x, *kernels, strides, padding, _format(data_format), dilation_rate)


def pool2d(
    x: Any,
    pool_size: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: Any = None,
    pool_mode: str = "max",
) -> Array:
    """The largest number or the mean ("avg") of each window over two spatial axes."""
    pool = K.max_pool if pool_mode == "max" else K.average_pool
    return pool(x, pool_size, strides, padding, _format(data_format))


def pool3d(
    x: Any,
    pool_size: Any,
    strides: Any = (1, 1, 1),
    padding: str = "valid",
    data_format: Any = None,
    pool_mode: str = "max",
) -> Array:
    """The largest number or the mean ("avg") of each window over three spatial axes."""
    return pool2d(x, pool_size, strides, padding, data_format, pool_mode)


def local_conv1d(inputs: Any, kernel: Any, kernel_size: Any, strides: Any, data_format: Any = None) -> Array:
    """A convolution over time with a kernel (T', K I, F) of its own for each place."""
    return _local(inputs, kernel, tuple(kernel_size), tuple(strides), (kernel.shape[0],), data_format)


def local_conv2d(
    inputs: Any, kernel: Any, kernel_size: Any, strides: Any, output_shape: Any, data_format: Any = None
) -> Array:
    """A convolution over two spatial axes with a kernel of its own for each place."""
    return _local(inputs, kernel, tuple(kernel_size), tuple(strides), tuple(output_shape), data_format)


def _local(x: Any, kernel: Any, size: Any, strides: Any, count: Any, data_format: str | None) -> Array:
    first = _format(data_format) == "channels_first"
    seen = []
    for place in np.ndindex(*count):
        window = tuple(slice(p * s, p * s + k) for p, s, k in zip(place, strides, size, strict=True))
        seen.append(
            K.reshape(x[(slice(None), slice(None), *window) if first else (slice(None), *window)], (x.shape[0], -1))
        )
    y = K.einsum("pbi,pif->bpf", K.stack(seen), kernel)
    y = K.reshape(y, (-1, *count, kernel.shape[-1]))
    return K.moveaxis(y, -1, 1) if first else y
