"""What holds for every layer: shapes, both executors, gradients, configs, empty inputs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gatewise import layers
from gatewise.base import structure
from gatewise.layer import Layer
from gatewise.layer.serialization import deserialize_layer, serialize_layer

Make = Callable[[], Layer]


def values(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1.0, 1.0, shape).astype(np.float32)


X5 = values(2, 3, 4, 2, 2)
X2, X3, X4 = values(3, 4), values(3, 6, 4), values(2, 3, 6, 4)
PAIR = [values(3, 6, 4, seed=1), values(3, 6, 4, seed=2)]
IDS = np.array([[1, 4, 0], [6, 2, 2]])

# Name, how to make it, what to call it on. Smooth where gradients are compared with differences.
CASES: list[tuple[str, Make, Any]] = [
    ("dense", lambda: layers.Dense(5, activation="tanh"), X3),
    ("dense_2d_no_bias", lambda: layers.Dense(5, use_bias=False), X2),
    ("dense_4d", lambda: layers.Dense(5), X4),
    ("embedding", lambda: layers.Embedding(7, 3), IDS),
    ("embedding_floats", lambda: layers.Embedding(7, 3, mask_zero=True), IDS.astype("float32")),
    ("masking", layers.Masking, X3 * np.array([1, 0, 1, 1, 0, 0], "float32")[:, None]),
    *[
        (
            f"conv_{padding}_s{strides}_d{dilation}_g{groups}",
            lambda p=padding, s=strides, d=dilation, g=groups: layers.Conv1D(
                6, 3, padding=p, strides=s, dilation_rate=d, groups=g, activation="sigmoid"
            ),
            X3,
        )
        for padding in ("valid", "same", "causal")
        for strides, dilation, groups in ((1, 1, 1), (2, 1, 1), (1, 2, 2))
    ],
    ("conv_pointwise", lambda: layers.Conv1D(2, 1), X3),
    ("conv_channels_first", lambda: layers.Conv1D(2, 3, data_format="channels_first"), X3),
    *[
        (
            f"{name}_{padding}_{size}_{strides}",
            lambda n=name, p=padding, z=size, s=strides: getattr(layers, n)(z, s, p),
            X3,
        )
        for name in ("MaxPooling1D", "AveragePooling1D")
        for padding in ("valid", "same")
        for size, strides in ((2, None), (3, 1), (3, 2), (2, 4))
    ],
    ("max_pooling_channels_first", lambda: layers.MaxPooling1D(2, data_format="channels_first"), X3),
    ("global_max", layers.GlobalMaxPooling1D, X3),
    ("global_max_keep", lambda: layers.GlobalMaxPooling1D(keepdims=True), X3),
    ("global_average", layers.GlobalAveragePooling1D, X3),
    ("global_average_first", lambda: layers.GlobalAveragePooling1D("channels_first", keepdims=True), X3),
    ("conv_transpose", lambda: layers.Conv1DTranspose(3, 3, strides=2, padding="same", activation="tanh"), X3),
    ("conv_transpose_more", lambda: layers.Conv1DTranspose(3, 2, strides=3, output_padding=1), X3),
    ("depthwise", lambda: layers.DepthwiseConv1D(3, padding="causal", depth_multiplier=2), X3),
    ("separable", lambda: layers.SeparableConv1D(5, 2, depth_multiplier=2, activation="tanh"), X3),
    ("locally_connected", lambda: layers.LocallyConnected1D(3, 2, strides=2), X3),
    ("locally_connected_dense", lambda: layers.LocallyConnected1D(2, 3, padding="same", implementation=2), X3),
    ("locally_connected_sparse", lambda: layers.LocallyConnected1D(2, 3, implementation=3), X3),
    ("locally_connected_2d", lambda: layers.LocallyConnected2D(2, 2, data_format="channels_first"), X4),
    ("conv_2d", lambda: layers.Conv2D(4, (3, 2), strides=(1, 2), padding="same", groups=2, activation="tanh"), X4),
    ("conv_2d_first", lambda: layers.Conv2D(4, 2, dilation_rate=2, data_format="channels_first"), X4),
    ("conv_3d", lambda: layers.Conv3D(2, (2, 1, 2)), X5),
    ("conv_transpose_2d", lambda: layers.Conv2DTranspose(2, (3, 2), strides=2, padding="same"), X4),
    ("conv_transpose_3d", lambda: layers.Conv3DTranspose(2, 2, strides=(1, 2, 1)), X5),
    ("depthwise_2d", lambda: layers.DepthwiseConv2D((2, 3), depth_multiplier=3, padding="same"), X4),
    ("separable_2d", lambda: layers.SeparableConv2D(3, 2, strides=2, data_format="channels_first"), X4),
    *[
        (f"{name}_{rank}", lambda n=name, r=rank, a=arguments: getattr(layers, f"{n}{r}D")(**a), x)
        for name, arguments in (
            ("MaxPooling", {"strides": 1, "padding": "same"}),
            ("AveragePooling", {"strides": 1, "padding": "same"}),
            ("GlobalMaxPooling", {"keepdims": True}),
            ("GlobalAveragePooling", {"data_format": "channels_first"}),
            ("AdaptiveMaxPooling", {"output_size": 2}),
            ("AdaptiveAveragePooling", {"output_size": 2}),
        )
        for rank, x in ((1, X3), (2, X4), (3, X5))
    ],
    ("spatial_dropout_2d", lambda: layers.SpatialDropout2D(0.5), X4),
    ("spatial_dropout_3d", lambda: layers.SpatialDropout3D(0.5, "channels_first"), X5),
    ("cropping_2d", lambda: layers.Cropping2D(((1, 0), 2)), X4),
    ("cropping_3d", lambda: layers.Cropping3D(((1, 0), (0, 1), 0)), X5),
    ("zero_padding_2d", lambda: layers.ZeroPadding2D(((1, 0), 2), data_format="channels_first"), X4),
    ("zero_padding_3d", layers.ZeroPadding3D, X5),
    ("upsampling_2d", lambda: layers.UpSampling2D((1, 2), "channels_first"), X4),
    ("upsampling_bilinear", lambda: layers.UpSampling2D((3, 2), interpolation="bilinear"), X4),
    ("upsampling_3d", lambda: layers.UpSampling3D((1, 2, 3)), X5),
    ("dropout", lambda: layers.Dropout(0.5), X3),
    ("spatial_dropout", lambda: layers.SpatialDropout1D(0.5), X3),
    ("alpha_dropout", lambda: layers.AlphaDropout(0.5), X3),
    ("gaussian_noise", lambda: layers.GaussianNoise(0.5), X3),
    ("gaussian_dropout", lambda: layers.GaussianDropout(0.5), X3),
    ("identity", layers.Identity, X3),
    ("activity_regularization", lambda: layers.ActivityRegularization(0.1, 0.2), X3),
    ("activation", lambda: layers.Activation("softsign"), X3),
    ("relu", lambda: layers.ReLU(max_value=0.5, negative_slope=0.1, threshold=0.2), X3),
    ("leaky_relu", lambda: layers.LeakyReLU(0.2), X3),
    ("thresholded_relu", lambda: layers.ThresholdedReLU(0.3), X3),
    ("elu", lambda: layers.ELU(0.7), X3),
    ("prelu", lambda: layers.PReLU(alpha_initializer="ones", shared_axes=[1]), X3),
    ("softmax", layers.Softmax, X3),
    ("softmax_axes", lambda: layers.Softmax(axis=[1, 2]), X3),
    ("flatten", layers.Flatten, X3),
    ("flatten_first", lambda: layers.Flatten("channels_first"), X3),
    ("reshape", lambda: layers.Reshape((-1, 8)), X3),
    ("repeat", lambda: layers.RepeatVector(3), X2),
    ("permute", lambda: layers.Permute((2, 1)), X3),
    ("cropping", lambda: layers.Cropping1D((1, 2)), X3),
    ("zero_padding", lambda: layers.ZeroPadding1D((1, 2)), X3),
    ("zero_padding_first", lambda: layers.ZeroPadding1D(1, data_format="channels_first"), X3),
    ("upsampling", lambda: layers.UpSampling1D(2), X3),
    ("add", layers.Add, PAIR),
    ("add_stretched", layers.Add, [X3, X3[:, :1], X2]),
    ("subtract", layers.Subtract, PAIR),
    ("multiply", layers.Multiply, PAIR),
    ("average", layers.Average, [*PAIR, X3]),
    ("maximum", layers.Maximum, PAIR),
    ("minimum", layers.Minimum, PAIR),
    ("concatenate", layers.Concatenate, [X3, X3[..., :2]]),
    ("concatenate_time", lambda: layers.Concatenate(axis=1), [X3, X3[:, :2]]),
    ("dot", lambda: layers.Dot(axes=2), PAIR),
    ("dot_cosine", lambda: layers.Dot(axes=(1, -1), normalize=True), [X2, 2 * X2 + 1]),
    ("batch_normalization", layers.BatchNormalization, X3),
    ("batch_normalization_axis", lambda: layers.BatchNormalization(axis=1, scale=False), X3),
    ("layer_normalization", layers.LayerNormalization, X3),
    ("layer_normalization_axes", lambda: layers.LayerNormalization(axis=[1, 2], center=False), X3),
    ("layer_normalization_rms", lambda: layers.LayerNormalization(rms_scaling=True), X3),
    ("group_normalization", lambda: layers.GroupNormalization(2), X3),
    ("group_normalization_axis", lambda: layers.GroupNormalization(-1, axis=1), X3),
    ("rms_normalization", lambda: layers.RMSNormalization(axis=[1, 2]), X3),
    ("spectral_normalization", lambda: layers.SpectralNormalization(layers.Dense(3)), X3),
    ("einsum_dense", lambda: layers.EinsumDense("abc,cde->abde", (None, 2, 3), "tanh", bias_axes="de"), X3),
    ("einsum_dense_dots", lambda: layers.EinsumDense("...c,cd->...d", 5), X4),
    ("reversible_embedding", lambda: layers.ReversibleEmbedding(7, 3), IDS),
    ("rescaling", lambda: layers.Rescaling(0.5, offset=[0.0, 1.0, -1.0, 2.0]), X3),
    ("normalization", layers.Normalization, X3),
    ("normalization_given", lambda: layers.Normalization(axis=None, mean=0.5, variance=2.0, invert=True), X3),
    ("category_encoding", lambda: layers.CategoryEncoding(7), IDS),
    ("category_encoding_count", lambda: layers.CategoryEncoding(7, output_mode="count"), IDS),
    ("category_encoding_one_hot", lambda: layers.CategoryEncoding(7, output_mode="one_hot"), IDS),
    ("discretization_count", lambda: layers.Discretization([-0.5, 0.25], output_mode="count"), X2),
    ("unit_normalization", layers.UnitNormalization, X3),
    ("attention", lambda: layers.Attention(use_scale=True), PAIR),
    ("attention_concat", lambda: layers.Attention(True, "concat", sliding_window=2), [*PAIR, X3]),
    ("attention_causal", lambda: layers.Attention(causal=True), [X3, PAIR[0][:, :5]]),
    ("additive_attention", layers.AdditiveAttention, PAIR),
    ("additive_attention_no_scale", lambda: layers.AdditiveAttention(False), [*PAIR, X3]),
    ("bidirectional", lambda: layers.Bidirectional(layers.LSTM(3, return_sequences=True)), X3),
    ("coupled_lstm", lambda: layers.CoupledLSTM(3, return_sequences=True), X3),
    ("clipped_lstm", lambda: layers.ClippedLSTM(3, cell_clip=0.7, return_sequences=True), X3),
    ("projected_lstm", lambda: layers.ProjectedLSTM(3, 2, return_sequences=True, return_state=True), X3),
    ("layer_norm_lstm", lambda: layers.LayerNormLSTM(3, return_sequences=True), X3),
    ("layer_norm_gru", lambda: layers.LayerNormGRU(3, return_sequences=True), X3),
    ("zoneout_lstm", lambda: layers.ZoneoutLSTM(3, return_sequences=True), X3),
    ("slstm", lambda: layers.SLSTM(3, return_sequences=True), X3),
    ("indrnn", lambda: layers.IndRNN(3, return_sequences=True), X3),
    ("min_gru", lambda: layers.MinGRU(3, return_sequences=True), X3),
    ("min_lstm", lambda: layers.MinLSTM(3, activation="tanh"), X3),
    ("rg_lru", lambda: layers.RGLRU(3, return_sequences=True), X3),
    ("peephole_lstm", lambda: layers.PeepholeLSTM(3, return_sequences=True), X3),
    ("bidirectional_sum", lambda: layers.Bidirectional(layers.GRU(3), merge_mode="sum"), X3),
    ("bidirectional_mul", lambda: layers.Bidirectional(layers.SimpleRNN(3), merge_mode="mul"), X3),
    ("bidirectional_pair", lambda: layers.Bidirectional(layers.GRU(3, return_state=True), merge_mode=None), X3),
    ("rnn_of_a_cell", lambda: layers.RNN(layers.GRUCell(3), return_sequences=True), X3),
    ("rnn_of_a_stack", lambda: layers.RNN([layers.LSTMCell(3), layers.SimpleRNNCell(2)], return_state=True), X3),
    ("conv_lstm1d", lambda: layers.ConvLSTM1D(3, 2, return_sequences=True), X4),
    ("conv_lstm2d", lambda: layers.ConvLSTM2D(3, (2, 1), padding="same", return_state=True), X5),
    ("conv_lstm3d", lambda: layers.ConvLSTM3D(2, 2, strides=2, padding="same"), X5[..., None]),
    ("time_distributed", lambda: layers.TimeDistributed(layers.Dense(3, activation="tanh")), X3),
    ("time_distributed_sequences", lambda: layers.TimeDistributed(layers.LSTM(3)), X4),
]
NAMES = [name for name, _, _ in CASES]
every_layer = pytest.mark.parametrize(("make", "inputs"), [case[1:] for case in CASES], ids=NAMES)


def varied(layer: Layer, inputs: Any) -> Layer:
    """The layer, built, with weights that are none of them 0 or equal."""
    layer(inputs)
    layer.set_weights([0.2 + 0.5 * abs(values(*v.shape, seed=k)) for k, v in enumerate(layer.weights)])
    return layer


def flat(outputs: Any) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in structure.flatten(outputs)]


def test_every_public_layer_has_a_case() -> None:
    tested = {type(make()).__name__ for _, make, _ in CASES}
    classes = {v.__name__ for v in vars(layers).values() if isinstance(v, type) and issubclass(v, Layer)}
    elsewhere = {"Layer", "InputLayer", "Lambda", "Operation", "LSTM", "GRU", "SimpleRNN"}
    elsewhere |= {"MultiHeadAttention", "GroupedQueryAttention"}  # Called on more than one argument.
    elsewhere |= {"CuDNNLSTM", "CuDNNGRU", "ConvLSTM", "TextVectorization", "Wrapper"}
    elsewhere |= {"StringLookup", "IntegerLookup", "Hashing", "HashedCrossing"}  # Text, and numbers above float32's.
    assert classes - tested <= elsewhere | {name for name in classes if "Cell" in name}


@every_layer
def test_output_has_the_computed_shape(make: Make, inputs: Any) -> None:
    layer = make()
    shapes = structure.map_structure(lambda x: tuple(x.shape), inputs)
    found = structure.map_structure(lambda x: tuple(x.shape), layer(inputs))
    assert structure.flatten(layer.compute_output_shape(shapes)) == structure.flatten(found)


@every_layer
def test_drawn_shape_fits_and_keeps_the_batch_unknown(make: Make, inputs: Any) -> None:
    def drawn(x: np.ndarray) -> Any:
        return layers.Input(x.shape[1:], dtype=x.dtype.name)

    layer = make()
    outputs = structure.flatten(layer(structure.map_structure(drawn, inputs)))
    for tensor, array in zip(outputs, flat(layer(inputs)), strict=True):
        assert tensor.shape[0] is None
        assert tensor.shape[1:] == array.shape[1:]
        assert tensor.dtype == array.dtype.name


@every_layer
def test_jax_under_jit_agrees_with_numpy(make: Make, inputs: Any) -> None:
    layer = varied(make(), inputs)
    trainable = [v.value for v in layer.trainable_variables]
    others = [v.value for v in layer.non_trainable_variables]
    run = jax.jit(lambda t, n, x: layer.stateless_call(t, n, x)[0])
    for ours, theirs in zip(flat(layer(inputs)), flat(run(trainable, others, inputs)), strict=True):
        assert ours.dtype == theirs.dtype
        # Sums of at most 24 products of numbers below 2: some 50 roundings of 6e-8.
        np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=3e-6)


@every_layer
def test_gradients_match_finite_differences(make: Make, inputs: Any) -> None:
    """The slope along one direction: from JAX in float32, and by differences on NumPy in float64."""
    layer = varied(make(), inputs)
    config = serialize_layer(layer)
    exact = deserialize_layer(json.loads(json.dumps(in_float64(config))))
    exact(inputs)
    exact.set_weights([w.astype("float64") for w in layer.get_weights()])
    weights = [v.value for v in layer.trainable_variables]
    others = [v.value for v in layer.non_trainable_variables]
    float_inputs = all(x.dtype.kind == "f" for x in structure.flatten(inputs)) and not isinstance(
        layer, layers.Embedding
    )
    directions = [values(*w.shape, seed=50 + k) for k, w in enumerate(weights)]
    shifts = structure.map_structure(lambda x: values(*x.shape, seed=99) if float_inputs else np.zeros_like(x), inputs)

    def weighted(outputs: Any, xp: Any) -> Any:
        leaves = structure.flatten(outputs)
        return sum(xp.sum(y * values(*y.shape, seed=7 + k)) for k, y in enumerate(leaves))

    def on_jax(step: Any) -> Any:
        moved = [jnp.asarray(w) + step * d for w, d in zip(weights, directions, strict=True)]
        x = structure.rebuild(inputs, iter(stepped(inputs, shifts, step, float_inputs)))
        return weighted(layer.stateless_call(moved, others, x)[0], jnp)

    def on_numpy(step: float) -> float:
        for variable, w, d in zip(exact.trainable_variables, weights, directions, strict=True):
            variable.assign(w.astype("float64") + step * d)
        return float(weighted(exact(structure.rebuild(inputs, iter(stepped(inputs, shifts, step, float_inputs)))), np))

    slope = float(jax.jit(jax.grad(on_jax))(0.0))
    h = 1e-6  # error of the differences: h^2 from curvature, 1e-16 / h from rounding
    expected = (on_numpy(h) - on_numpy(-h)) / (2 * h)
    assert np.isfinite(slope)
    np.testing.assert_allclose(slope, expected, rtol=1e-4, atol=2e-4)


def stepped(inputs: Any, shifts: Any, step: Any, float_inputs: bool) -> list[Any]:
    pairs = zip(structure.flatten(inputs), structure.flatten(shifts), strict=True)
    if not float_inputs:
        return [x for x, _ in pairs]
    wide = [(x.astype("float64"), d) if isinstance(step, float) else (x, d) for x, d in pairs]
    # Masked steps are equal to the mask's value: they must not move.
    return [x + step * d * (x != 0) for x, d in wide]


def in_float64(config: Any) -> Any:
    if isinstance(config, dict):
        return {key: "float64" if key == "dtype" else in_float64(value) for key, value in config.items()}
    return [in_float64(part) for part in config] if isinstance(config, (list, tuple)) else config


@every_layer
def test_config_goes_through_json(make: Make, inputs: Any) -> None:
    layer = varied(make(), inputs)
    again = deserialize_layer(json.loads(json.dumps(serialize_layer(layer))))
    again(inputs)
    again.set_weights(layer.get_weights())
    assert again.get_config() == layer.get_config()
    for ours, theirs in zip(flat(layer(inputs)), flat(again(inputs)), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@every_layer
def test_empty_batch(make: Make, inputs: Any) -> None:
    layer = varied(make(), inputs)
    full = flat(layer(inputs))
    empty = flat(layer(structure.map_structure(lambda x: x[:0], inputs)))
    assert [y.shape for y in empty] == [(0, *y.shape[1:]) for y in full]


@every_layer
def test_inputs_and_weights_stay_as_they_were(make: Make, inputs: Any) -> None:
    layer = varied(make(), inputs)
    before = [x.copy() for x in structure.flatten(inputs)], layer.get_weights()
    layer(inputs)
    for old, new in zip(before[0] + before[1], structure.flatten(inputs) + layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@every_layer
def test_repr_names_the_class(make: Make, inputs: Any) -> None:
    layer = make()
    assert repr(layer).startswith(f"{type(layer).__name__}(")
    assert layer.name in repr(layer)
