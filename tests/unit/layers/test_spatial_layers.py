"""What convolutions, pools and their kin are to each other, what old Kerases called them, and what they refuse."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewise import config, layers
from gatewise.base.release import meaning
from gatewise.base.windows import Spread, Windows
from gatewise.engine.convolution import convolve, convolve_depthwise, convolve_transposed
from gatewise.engine.pooling import pool
from gatewise.layer.serialization import deserialize_layer

# -- equations in float64 -----------------------------------------------------------------------------------------


def values(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).uniform(-1.0, 1.0, shape)


def direct(x: np.ndarray, kernel: np.ndarray, strides: Any, ends: Any, dilation: Any) -> np.ndarray:
    """The definition, one number at a time."""
    x = np.pad(x, [(0, 0), *ends, (0, 0)])
    size = kernel.shape[:-2]
    parts = zip(x.shape[1:-1], size, strides, dilation, strict=True)
    made = [(n - (k - 1) * d - 1) // s + 1 for n, k, s, d in parts]
    y = np.zeros((len(x), *made, kernel.shape[-1]))
    for to in itertools.product(*map(range, made)):
        for at in itertools.product(*map(range, size)):
            place = tuple(n * s + k * d for n, s, k, d in zip(to, strides, at, dilation, strict=True))
            y[(slice(None), *to)] += x[(slice(None), *place)] @ kernel[at]
    return y


@st.composite
def setting(draw: Any) -> Any:
    """Sizes, windows and padding over one to three axes."""
    rank = draw(st.integers(1, 3))

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(rank))

    size, sizes = each(1, 3), each(3, 6)
    strides, dilation = (each(1, 3), (1,) * rank) if draw(st.booleans()) else ((1,) * rank, each(1, 2))
    padding = draw(st.sampled_from(["valid", "same"]))
    if padding == "valid":
        spans = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
        sizes = tuple(max(n, span) for n, span in zip(sizes, spans, strict=True))
    return sizes, Windows(size, strides, padding, dilation)


few = settings(max_examples=40, deadline=None)


@few
@given(setting(), st.integers(1, 3), st.integers(1, 3))
def test_a_convolution_is_its_definition(given_: Any, features: int, filters: int) -> None:
    sizes, windows = given_
    x, kernel = values(2, *sizes, features), values(*windows.size, features, filters)
    ends = windows.ends(sizes)
    found = convolve(x, kernel, windows.strides, ends, windows.dilation)
    assert found.shape[1:-1] == windows.places("it", sizes)
    # At most 27 x 3 products of numbers below 1.
    np.testing.assert_allclose(found, direct(x, kernel, windows.strides, ends, windows.dilation), rtol=0, atol=1e-13)


@few
@given(setting(), st.integers(1, 3))
def test_groups_are_convolutions_side_by_side(given_: Any, groups: int) -> None:
    sizes, windows = given_
    x, kernel = values(2, *sizes, 2 * groups), values(*windows.size, 2, 3 * groups)
    arguments = windows.strides, windows.ends(sizes), windows.dilation
    parts = zip(np.split(x, groups, -1), np.split(kernel, groups, -1), strict=True)
    apart = [direct(*part, *arguments) for part in parts]
    np.testing.assert_allclose(
        convolve(x, kernel, *arguments, groups), np.concatenate(apart, axis=-1), rtol=0, atol=1e-13
    )


@few
@given(setting(), st.integers(1, 3))
def test_depthwise_is_a_convolution_of_each_feature(given_: Any, times: int) -> None:
    sizes, windows = given_
    x, kernel = values(2, *sizes, 3), values(*windows.size, 3, times)
    arguments = windows.strides, windows.ends(sizes), windows.dilation
    each = [direct(x[..., k : k + 1], kernel[..., k : k + 1, :], *arguments) for k in range(3)]
    np.testing.assert_allclose(
        convolve_depthwise(x, kernel, *arguments), np.concatenate(each, axis=-1), rtol=0, atol=1e-13
    )


@few
@given(setting())
def test_the_transpose_is_the_adjoint(given_: Any) -> None:
    """<conv(x), y> = <x, transpose(y)>, where the transpose gives the sizes that the convolution took."""
    _, windows = given_
    parts = list(zip(windows.size, windows.strides, windows.dilation, strict=True))
    spreads = [Spread(size, stride, windows.padding, step) for size, stride, step in parts]
    taken = tuple(range(3, 3 + len(parts)))
    sizes: Any = tuple(spread.places(n) for spread, n in zip(spreads, taken, strict=True))
    assert windows.places("it", sizes) == taken
    x, y, kernel = values(2, *sizes, 3), values(2, *taken, 4), values(*windows.size, 3, 4)
    forward = convolve(x, kernel, windows.strides, windows.ends(sizes), windows.dilation)
    back = convolve_transposed(y, kernel, spreads)
    # Sums of some 1e4 products.
    np.testing.assert_allclose((forward * y).sum(), (x * back).sum(), rtol=0, atol=1e-10)


@few
@given(setting())
def test_pools_are_their_definitions(given_: Any) -> None:
    sizes, windows = given_
    x, ends = values(2, *sizes, 3), windows.ends(sizes)
    wide = np.pad(x, [(0, 0), *ends, (0, 0)], constant_values=np.nan)
    made: Any = [(n - k) // s + 1 for n, k, s in zip(wide.shape[1:-1], windows.size, windows.strides, strict=True)]
    for to in itertools.product(*map(range, made)):
        parts = zip(to, windows.strides, windows.size, strict=True)
        seen = wide[(slice(None), *(slice(n * s, n * s + k) for n, s, k in parts))]
        over = tuple(range(1, seen.ndim - 1))
        if np.isnan(seen).all():
            continue  # A dilation's "same" may add more than a pool's windows need.
        arguments: Any = (x, windows.size, windows.strides, ends)
        np.testing.assert_array_equal(pool("max", *arguments)[(slice(None), *to)], np.nanmax(seen, axis=over))
        np.testing.assert_allclose(
            pool("average", *arguments)[(slice(None), *to)], np.nanmean(seen, axis=over), rtol=0, atol=1e-15
        )


def test_separable_is_depthwise_and_then_pointwise() -> None:
    x = values(2, 6, 7, 3).astype("float32")
    both = layers.SeparableConv2D(5, (3, 2), depth_multiplier=2, bias_initializer="ones")
    y = both(x)
    depthwise, pointwise = layers.DepthwiseConv2D((3, 2), depth_multiplier=2, use_bias=False), layers.Conv2D(5, 1)
    pointwise(depthwise(x))
    depthwise.set_weights([both.depthwise_kernel.numpy()])
    pointwise.set_weights([both.pointwise_kernel.numpy(), both.bias.numpy()])
    np.testing.assert_array_equal(pointwise(depthwise(x)), y)


def test_one_kernel_for_all_places_makes_locally_connected_a_convolution() -> None:
    x = values(2, 9, 3).astype("float32")
    shared, local = layers.Conv1D(4, 3, strides=2), layers.LocallyConnected1D(4, 3, strides=2)
    wanted = shared(x)
    local(x)
    kernel = shared.kernel.numpy().reshape(1, 9, 4)
    local.set_weights([np.repeat(kernel, 4, axis=0), np.zeros((4, 4))])
    np.testing.assert_allclose(local(x), wanted, rtol=0, atol=1e-6)  # 9 products of numbers below 1, in float32.


# -- the channels first -------------------------------------------------------------------------------------------

BOTH_WAYS: list[tuple[str, dict[str, Any]]] = [
    *[("Conv1D", {"filters": 2, "kernel_size": 2}), ("Conv2D", {"filters": 2, "kernel_size": 2, "strides": 2})],
    *[("Conv3D", {"filters": 2, "kernel_size": 2}), ("Conv2DTranspose", {"filters": 2, "kernel_size": 3})],
    *[("Conv1DTranspose", {"filters": 2, "kernel_size": 3}), ("Conv3DTranspose", {"filters": 2, "kernel_size": 2})],
    *[("DepthwiseConv1D", {"kernel_size": 2}), ("DepthwiseConv2D", {"kernel_size": 2, "depth_multiplier": 2})],
    *[("SeparableConv1D", {"filters": 2, "kernel_size": 2}), ("SeparableConv2D", {"filters": 2, "kernel_size": 2})],
    *[("MaxPooling1D", {}), ("AveragePooling2D", {"padding": "same"}), ("MaxPooling3D", {"pool_size": (1, 2, 1)})],
    *[("AdaptiveMaxPooling2D", {"output_size": 2}), ("ZeroPadding2D", {"padding": ((1, 0), 2)}), ("UpSampling3D", {})],
    *[("Cropping2D", {"cropping": ((1, 0), 0)}), ("UpSampling2D", {"interpolation": "bicubic"})],
]


@pytest.mark.parametrize(("name", "arguments"), BOTH_WAYS, ids=[name for name, _ in BOTH_WAYS])
def test_channels_first_is_the_same_with_the_axes_moved(name: str, arguments: dict[str, Any]) -> None:
    last, first = (getattr(layers, name)(**arguments, data_format=f"channels_{where}") for where in ("last", "first"))
    x = values(2, *(5, 4, 3)[: last.rank], 3).astype("float32")
    y = last(x)
    moved = np.moveaxis(x, -1, 1)
    assert first.compute_output_shape(moved.shape) == (2, y.shape[-1], *y.shape[1:-1])
    first(moved)
    first.set_weights(last.get_weights())
    np.testing.assert_array_equal(np.moveaxis(first(moved), 1, -1), y)


def test_the_default_is_the_processes() -> None:
    try:
        config.image_data_format = "channels_first"
        assert layers.Conv2D(2, 2).data_format == "channels_first"
        assert layers.Conv2D(2, 2, data_format="channels_last").data_format == "channels_last"
    finally:
        config.image_data_format = "channels_last"
    with pytest.raises(ValueError, match="image_data_format: expected 'channels_last' or 'channels_first', got 'tf'"):
        config.image_data_format = "tf"


# -- JAX ----------------------------------------------------------------------------------------------------------


def test_the_largest_of_equals_gets_the_whole_gradient() -> None:
    """As TensorFlow does it: the first of them."""
    layer = layers.MaxPooling1D(2)
    gradient = jax.grad(lambda x: layer(x).sum())(np.ones((1, 4, 1), "float32"))
    assert gradient[0, :, 0].tolist() == [1.0, 0.0, 1.0, 0.0]


# -- what older Kerases called them ---------------------------------------------------------------------------------

OLD: list[tuple[dict[str, Any], Any, dict[str, Any]]] = [
    (
        {"class_name": "Convolution1D", "config": {
            "nb_filter": 4, "filter_length": 3, "subsample_length": 2, "border_mode": "same", "init": "uniform",
            "activation": "relu", "W_regularizer": None, "b_regularizer": None, "activity_regularizer": None,
            "W_constraint": None, "b_constraint": None, "bias": False, "input_dim": None, "input_length": None}},
        layers.Conv1D,
        {"filters": 4, "kernel_size": (3,), "strides": (2,), "padding": "same", "use_bias": False},
    ),
    (
        {"class_name": "Convolution2D", "config": {
            "nb_filter": 4, "nb_row": 3, "nb_col": 2, "subsample": [2, 1], "border_mode": "valid",
            "dim_ordering": "th", "init": "glorot_uniform", "bias": True}},
        layers.Conv2D,
        {"filters": 4, "kernel_size": (3, 2), "strides": (2, 1), "data_format": "channels_first", "use_bias": True},
    ),
    (
        {"class_name": "Convolution3D", "config": {
            "nb_filter": 2, "kernel_dim1": 3, "kernel_dim2": 2, "kernel_dim3": 1, "dim_ordering": "tf"}},
        layers.Conv3D,
        {"filters": 2, "kernel_size": (3, 2, 1), "data_format": "channels_last"},
    ),
    (
        {"class_name": "AtrousConvolution1D", "config": {"nb_filter": 2, "filter_length": 3, "atrous_rate": 2}},
        layers.Conv1D,
        {"dilation_rate": (2,)},
    ),
    (
        {"class_name": "Deconvolution2D", "config": {
            "nb_filter": 2, "nb_row": 3, "nb_col": 3, "output_shape": [None, 3, 14, 14], "subsample": [2, 2]}},
        layers.Conv2DTranspose,
        {"filters": 2, "kernel_size": (3, 3), "strides": (2, 2)},
    ),
    (
        {"class_name": "MaxPooling1D", "config": {"pool_length": 3, "stride": 2, "border_mode": "same"}},
        layers.MaxPooling1D,
        {"pool_size": (3,), "strides": (2,), "padding": "same"},
    ),
    (
        {"class_name": "AveragePooling2D", "config": {"pool_size": [2, 3], "strides": [1, 1], "border_mode": "valid",
                                                      "dim_ordering": "default"}},
        layers.AveragePooling2D,
        {"pool_size": (2, 3), "strides": (1, 1), "data_format": "channels_last"},
    ),
    ({"class_name": "UpSampling1D", "config": {"length": 3}}, layers.UpSampling1D, {"size": 3}),
    (
        {"class_name": "ZeroPadding2D", "config": {"padding": [1, 2], "dim_ordering": "th"}},
        layers.ZeroPadding2D,
        {"padding": ((1, 1), (2, 2)), "data_format": "channels_first"},
    ),
    (
        {"class_name": "DepthwiseConv2D", "config": {"kernel_size": [3, 3], "groups": 1}},
        layers.DepthwiseConv2D,
        {"kernel_size": (3, 3)},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("saved", "kind", "wanted"), OLD, ids=[saved["class_name"] for saved, _, _ in OLD])
def test_old_words(saved: dict[str, Any], kind: Any, wanted: dict[str, Any]) -> None:
    with meaning("tf1"):
        layer = deserialize_layer(saved)
    assert type(layer) is kind
    assert {name: getattr(layer, name) for name in wanted} == wanted


def test_words_of_a_program_s_own_layer_stay() -> None:
    class Named(layers.Conv2D):
        def __init__(self, groups_of_mine: Any = None, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.mine = groups_of_mine

    made = Named.from_config({"filters": 2, "kernel_size": 3, "groups": 1, "groups_of_mine": 4})
    assert (made.mine, made.groups) == (4, 1)


# -- refused ------------------------------------------------------------------------------------------------------

X4 = np.zeros((2, 5, 6, 3), "float32")

REFUSED: list[tuple[Callable[[], Any], str]] = [
    (lambda: layers.Conv2D(0, 3), r"Conv2D.*filters: expected a positive integer, got 0"),
    (lambda: layers.Conv2D(2, (1, 0)), r"Conv2D.*kernel_size: expected a positive integer, got 0"),
    (lambda: layers.Conv2D(2, (1, 2, 3)), r"Conv2D.*kernel_size: expected a positive integer, or 2 of them, got \(1"),
    (lambda: layers.Conv2D(2, 3, padding="causal"), r"Conv2D.*padding: expected one of 'valid', 'same', got 'causal'"),
    (lambda: layers.Conv2D(5, 3, groups=2), r"Conv2D.*filters=5 must be a multiple of groups=2"),
    (lambda: layers.Conv2D(2, 3, strides=2, dilation_rate=(1, 2)), r"Conv2D.*strides=\(2, 2\) and dilation_rate=\(1"),
    (lambda: layers.Conv2D(2, 3, data_format="channel_last"), r"Conv2D.*data_format.*Did you mean 'channels_last'"),
    (lambda: layers.Conv2D(2, 3, lora_rank=2), r"Conv2D.*lora_rank.*neither adapts"),
    (lambda: layers.Conv2D(2, 3)(X4[0]), r"Conv2D 'conv2d.*4 axes.*got 3"),
    (lambda: layers.Conv2D(2, (6, 1))(X4), r"Conv2D 'conv2d.*window over 6 steps does not fit an input of 5"),
    (lambda: layers.Conv2D(2, 3, groups=2)(X4), r"Conv2D 'conv2d.*3 features are not a multiple of groups=2"),
    (lambda: layers.Conv2D(2, 3)(layers.Input((5, 6, None))), r"Conv2D 'conv2d.*number of features must be known"),
    (lambda: layers.Conv1DTranspose(2, 3, strides=2, output_padding=2), r"Conv1DTranspose.*output_padding=\(2,\) must"),
    (lambda: layers.DepthwiseConv2D(3, depth_multiplier=0), r"DepthwiseConv2D.*depth_multiplier: expected a positive"),
    (lambda: layers.SeparableConv1D(2, 9)(X4[0]), r"SeparableConv1D.*window over 9 steps"),
    (lambda: layers.LocallyConnected1D(2, 3, padding="same"), r"LocallyConnected1D.*padding='same' needs implementa"),
    (lambda: layers.LocallyConnected1D(2, 3)(layers.Input((None, 3))), r"LocallyConnected1D.*all sizes must be known"),
    (lambda: layers.MaxPooling2D(0), r"MaxPooling2D.*pool_size: expected a positive integer, got 0"),
    (lambda: layers.MaxPooling3D(7)(X4[..., None]), r"MaxPooling3D.*window over 7 steps"),
    (lambda: layers.AdaptiveMaxPooling1D((2, 2)), r"AdaptiveMaxPooling1D.*output_size: expected one positive integer"),
    (lambda: layers.AdaptiveAveragePooling1D(2)(X4[0, :, :0]), r"AdaptiveAveragePooling1D.*nothing to pool"),
    (lambda: layers.Cropping2D(((1, 2, 3), 0)), r"Cropping2D.*cropping: expected two integers of at least 0"),
    (lambda: layers.Cropping2D((1, 2, 3)), r"Cropping2D.*cropping: expected one integer, or 2 of them or of pairs"),
    (lambda: layers.Cropping2D(-1), r"Cropping2D.*cropping: expected two integers of at least 0"),
    (lambda: layers.Cropping2D(3)(layers.Input((5, 9, 1))), r"Cropping2D.*takes more than the 5 steps there are"),
    (lambda: layers.Cropping1D((2, 3))(layers.Input((5, 1))), r"Cropping1D.*takes all of the 5 steps there are"),
    (lambda: layers.ZeroPadding3D((1, 2)), r"ZeroPadding3D.*padding: expected one integer, or 3 of them or of pairs"),
    (lambda: layers.UpSampling2D(interpolation="bilnear"), r"UpSampling2D.*interpolation.*Did you mean 'bilinear'"),
    (lambda: layers.SpatialDropout2D(0.5)(X4[0]), r"SpatialDropout2D.*4 axes.*got 3"),
]


@pytest.mark.parametrize(("make", "words"), REFUSED)
def test_refused_by_the_layer_s_name(make: Callable[[], Any], words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        make()
