"""Bad input to layers: one clear error that names the layer, what came and what was wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gatewise import layers

X3 = np.zeros((2, 5, 3), "float32")

CONSTRUCTED: list[tuple[Callable[[], Any], str]] = [
    (lambda: layers.Dense(0), r"Dense.*units: expected a positive integer, got 0"),
    (lambda: layers.Dense(-3), r"Dense.*units: expected a positive integer, got -3"),
    (lambda: layers.Dense("four"), r"Dense.*units: expected a positive integer, got 'four'"),
    (lambda: layers.Dense(4, activation="tahn"), r"Dense.*activation.*'tahn'.*'tanh'"),
    (lambda: layers.Dense(4, "relu", unit=3), r"Dense has no argument 'unit'.*'units'"),
    (layers.Dense, r"Dense needs the argument units"),
    (lambda: layers.Embedding(0, 4), r"Embedding.*input_dim: expected a positive integer, got 0"),
    (lambda: layers.Embedding(4, 4, sparse=True), r"Embedding.*sparse=True is not supported"),
    (lambda: layers.Conv1D(4, 0), r"Conv1D.*kernel_size: expected a positive integer, got 0"),
    (lambda: layers.Conv1D(4, (3, 3)), r"Conv1D.*kernel_size: expected one positive integer, got \(3, 3\)"),
    (
        lambda: layers.Conv1D(4, 3, padding="some"),
        r"Conv1D.*padding: expected one of 'valid', 'same', 'causal', got 'some'",
    ),
    (lambda: layers.Conv1D(4, 3, groups=3), r"Conv1D.*filters=4 must be a multiple of groups=3"),
    (lambda: layers.Conv1D(4, 3, strides=2, dilation_rate=2), r"Conv1D.*strides=2 and dilation_rate=2 cannot both"),
    (
        lambda: layers.Conv1D(4, 3, padding="causal", data_format="channels_first"),
        r"Conv1D.*padding='causal' needs data_format='channels_last'",
    ),
    (lambda: layers.MaxPooling1D(2, padding="causal"), r"MaxPooling1D.*padding: expected one of 'valid', 'same'"),
    (lambda: layers.Dropout(1.5), r"Dropout.*rate: expected a number between 0 and 1, got 1.5"),
    (lambda: layers.Dropout("half"), r"Dropout.*rate: expected a number between 0 and 1, got 'half'"),
    (lambda: layers.GaussianNoise(-1.0), r"GaussianNoise.*stddev: expected a number of at least 0, got -1.0"),
    (lambda: layers.GaussianDropout(1.0), r"GaussianDropout.*rate: expected a number below 1"),
    (lambda: layers.Reshape((-1, -1)), r"Reshape.*target_shape: expected sizes of at least 0, one of which may be -1"),
    (lambda: layers.Permute((1, 3)), r"Permute.*dims: expected each axis from 1 to 2 once, got \(1, 3\)"),
    (lambda: layers.RepeatVector(0), r"RepeatVector.*n: expected a positive integer, got 0"),
    (lambda: layers.Cropping1D((1, 2, 3)), r"Cropping1D.*cropping: expected two integers of at least 0"),
    (lambda: layers.Dot(axes=(1, 2, 3)), r"Dot.*axes: expected one axis, or one for each"),
    (lambda: layers.BatchNormalization(axis=[1, 2]), r"BatchNormalization.*axis: expected one axis, got \[1, 2\]"),
    (lambda: layers.BatchNormalization(renorm_clipping={"top": 1}), r"BatchNormalization.*renorm_clipping.*'top'"),
    (lambda: layers.Lambda(3), r"Lambda.*function: expected a function of arrays, got 3"),
    (lambda: layers.Bidirectional(3), r"Bidirectional.*layer: expected a layer such as LSTM\(8\), got 3"),
    (
        lambda: layers.Bidirectional(layers.Dense(2)),
        r"Bidirectional.*expected a recurrent layer.*Dense 'dense.*no go_backwards",
    ),
    (
        lambda: layers.Bidirectional(layers.LSTM(2), "add"),
        r"Bidirectional.*merge_mode: expected one of 'concat'.*got 'add'",
    ),
    (
        lambda: layers.Bidirectional(layers.LSTM(2), backward_layer=layers.LSTM(2)),
        r"Bidirectional.*must differ in go_backwards, but both have False",
    ),
    (
        lambda: layers.Bidirectional(
            layers.LSTM(2), backward_layer=layers.LSTM(2, go_backwards=True, return_sequences=True)
        ),
        r"Bidirectional.*must agree in return_sequences, but have False and True",
    ),
    (
        lambda: layers.TimeDistributed("dense"),
        r"TimeDistributed.*layer: expected a layer such as LSTM\(8\), got 'dense'",
    ),
]

CALLED: list[tuple[Callable[[], Any], Any, str]] = [
    (lambda: layers.Dense(4), np.zeros(3), r"Dense 'dense.*at least 2 axes, got 1: shape \(3,\)"),
    (lambda: layers.Dense(4), np.array([["a", "b"]]), r"Dense 'dense.*must hold numbers.*dtype <U1"),
    (lambda: layers.Dense(4), [[1.0, 2.0], [3.0]], r"Dense 'dense"),
    (lambda: layers.Conv1D(4, 3), np.zeros((2, 5)), r"Conv1D 'conv1d.*3 axes \(batch, time, features\), got 2"),
    (
        lambda: layers.Conv1D(4, 9),
        X3,
        r"Conv1D 'conv1d.*window over 9 steps does not fit an input of 5.*padding='same'",
    ),
    (lambda: layers.Conv1D(4, 3, groups=2), X3, r"Conv1D 'conv1d.*3 features are not a multiple of groups=2"),
    (
        lambda: layers.MaxPooling1D(6),
        X3,
        r"MaxPooling1D 'max_pooling1d.*window over 6 steps does not fit an input of 5",
    ),
    (lambda: layers.Reshape((4, 2)), X3, r"Reshape 'reshape.*target_shape=\(4, 2\) does not fit.*15 numbers a sample"),
    (lambda: layers.Reshape((-1, 4)), X3, r"Reshape 'reshape.*does not fit"),
    (lambda: layers.RepeatVector(2), X3, r"RepeatVector 'repeat_vector.*2 axes \(batch, features\), got 3"),
    (lambda: layers.Permute((3, 1, 2)), X3, r"Permute 'permute.*expected an input with 4 axes"),
    (lambda: layers.Cropping1D(3), X3, r"Cropping1D 'cropping1d.*takes more than the 5 steps"),
    (
        layers.Add,
        X3,
        r"Add 'add.*a list of at least 1 inputs, but one array of shape \(2, 5, 3\) came: pass \[a, b",
    ),
    (layers.Subtract, [X3], r"Subtract 'subtract.*exactly 2 inputs, but 1 came"),
    (layers.Add, [X3, X3[:, :2]], r"Add 'add.*differ on axis 1"),
    (layers.Add, [X3, X3[:1].repeat(3, 0)], r"Add 'add.*differ on axis 0"),
    (layers.Concatenate, [X3, X3[:, :2]], r"Concatenate 'concatenate.*joined on axis -1.*differ on axis 1"),
    (lambda: layers.Concatenate(axis=3), [X3, X3], r"Concatenate 'concatenate.*have no axis 3"),
    (layers.Concatenate, [X3, X3[0]], r"Concatenate 'concatenate.*same number of axes"),
    (lambda: layers.Dot(axes=0), [X3, X3], r"Dot 'dot.*other than the batch axis 0"),
    (lambda: layers.Dot(axes=(1, 2)), [X3, X3], r"Dot 'dot.*must be equal, but are 5 and 3"),
    (lambda: layers.BatchNormalization(axis=4), X3, r"BatchNormalization 'batch_normalization.*has no axis 4"),
    (lambda: layers.LayerNormalization(axis=[1, 3]), X3, r"LayerNormalization 'layer_normalization.*has no axis 3"),
    (
        lambda: layers.TimeDistributed(layers.Dense(2)),
        np.zeros(3),
        r"TimeDistributed 'time_distributed.*\(batch, time, ...\)",
    ),
    (lambda: layers.TimeDistributed(layers.LSTM(2)), X3, r"LSTM 'lstm.*expected an input with 3 axes"),
    (
        lambda: layers.Bidirectional(layers.LSTM(2)),
        X3[0],
        r"Bidirectional 'bidirectional.*expected an input with 3 axes",
    ),
]


@pytest.mark.parametrize(("make", "message"), CONSTRUCTED)
def test_constructor_refuses(make: Callable[[], Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        make()


@pytest.mark.parametrize(("make", "inputs", "message"), CALLED)
def test_call_refuses(make: Callable[[], Any], inputs: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        make()(inputs)


def test_call_refuses_other_features_than_it_was_built_for() -> None:
    for layer in (layers.Dense(2), layers.Conv1D(2, 3), layers.BatchNormalization(), layers.LayerNormalization()):
        layer(X3)
        with pytest.raises(ValueError, match=f"{layer.name}.*expected size 3 on axis .* got 4"):
            layer(np.zeros((2, 5, 4)))


@pytest.mark.parametrize("bad", [7, -1, 300, 7.0, float("nan")])
@pytest.mark.parametrize("dtype", ["int32", "int64", "int16", "float32"])
def test_embedding_names_an_id_out_of_range_and_its_place(bad: float, dtype: str) -> None:
    if np.isnan(bad) and dtype != "float32":
        bad = 99
    ids = np.array([[1, 2], [6, bad]]).astype(dtype)
    shown = str(ids[1, 1])
    layer = layers.Embedding(7, 4, name="letters")
    with pytest.raises(
        ValueError, match=rf"Embedding 'letters'.*from 0 to 6 \(input_dim=7\), but {shown} came at \(1, 1\)"
    ):
        layer(ids)


def test_embedding_takes_every_id_that_is_in_range() -> None:
    layer = layers.Embedding(7, 4)
    for dtype in ("int8", "uint8", "int64", "uint64", "float64", "bool"):
        ids = np.array([[0, 1]] if dtype == "bool" else [[0, 6]]).astype(dtype)
        np.testing.assert_array_equal(layer(ids)[0], layer.embeddings.numpy()[ids[0].astype(int)])


def test_dropout_noise_shape_must_fit() -> None:
    with pytest.raises(ValueError, match=r"Dropout 'drop'.*noise_shape=\(2, 3, 3\).*shape is \(2, 5, 3\)"):
        layers.Dropout(0.5, noise_shape=(2, 3, 3), name="drop")(X3, training=True)


def test_softmax_mask_must_fit() -> None:
    with pytest.raises(ValueError, match=r"Softmax 'softmax.*broadcasts to the input's \(2, 5, 3\), got \(2, 4\)"):
        layers.Softmax()(X3, mask=np.ones((2, 4), bool))


def test_batch_normalization_mask_must_fit() -> None:
    with pytest.raises(ValueError, match=r"BatchNormalization 'batch.*one axis fewer.*got a mask of shape \(2,\)"):
        layers.BatchNormalization()(X3, mask=np.ones(2, bool), training=True)


def test_merge_masks_are_one_for_each_input() -> None:
    with pytest.raises(ValueError, match=r"Multiply 'multiply.*list of 2 masks"):
        layers.Multiply()([X3, X3], mask=[np.ones((2, 5), bool)])


def test_bidirectional_states_are_counted() -> None:
    layer = layers.Bidirectional(layers.LSTM(2))
    with pytest.raises(
        ValueError, match=r"Bidirectional 'bidirectional.*initial_state needs.*4 arrays in all, but 2 came"
    ):
        layer(X3, initial_state=[np.zeros((2, 2))] * 2)


def test_symbolic_shapes_are_checked_when_drawn() -> None:
    x = layers.Input((5, 3))
    with pytest.raises(ValueError, match=r"Conv1D.*window over 7 steps does not fit an input of 5"):
        layers.Conv1D(2, 7)(x)
    with pytest.raises(ValueError, match=r"Dense.*the last axis must be known.*\(None, 5, None\)"):
        layers.Dense(2)(layers.Input((5, None)))
    with pytest.raises(ValueError, match="differ on axis 1"):
        layers.Add()([x, layers.Input((4, 3))])
