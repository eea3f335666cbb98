"""Operations drawn on symbolic tensors: shapes, dtypes, files; and layers of one's own written in `ops` and `K`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise import layers, models, ops
from gatewise.compat import tensorflow as tf
from gatewise.keras import backend as K  # noqa: N812
from gatewise.ops.declared import BY_CLASS

X = np.random.default_rng(0).uniform(-2, 2, (2, 4, 3)).astype("float32")

FORMULAS: dict[str, Any] = {
    "sum": lambda x: ops.sum(x, axis=1, keepdims=True),
    "clip": lambda x: ops.clip(x, 0, 1.5),
    "concatenate": lambda x: ops.concatenate([x, x * 2], axis=-1),
    "reshape": lambda x: ops.reshape(x, (-1, 6, 2)),
    "transpose": lambda x: ops.transpose(x, (0, 2, 1)),
    "moments": lambda x: ops.moments(x, axes=[1])[1],
    "einsum": lambda x: ops.einsum("bij,bkj->bik", x, x),
    "cast": lambda x: ops.cast(x, "int32"),
    "where": lambda x: ops.where(x > 0, x, 0.0),
    "operators": lambda x: abs(x) // 2 + x % 2 - ops.round(x),
    "logic": lambda x: (x > 1) & (x <= 1.5) | ~(x < 0) ^ (x >= 2),
    "not equal": lambda x: x != 0,
    "softmax": lambda x: ops.softmax(x, axis=1),
    "norm": lambda x: ops.norm(x, axis=-1),
    "top_k": lambda x: ops.top_k(x, 2)[1],
    "stack": lambda x: ops.stack([x, x], axis=1),
    "split": lambda x: ops.split(x, 3, axis=-1)[1],
    "take": lambda x: ops.take(x, [0, 2], axis=1),
    "last": lambda x: x[:, -1, :],
    "pad": lambda x: ops.pad(x, [[0, 0], [1, 0], [0, 0]]),
    "dot in K": lambda x: K.dot(x, np.ones((3, 5), "float32")),
    "batch_dot in K": lambda x: K.batch_dot(x, K.permute_dimensions(x, (0, 2, 1))),
    "K": lambda x: K.sum(K.expand_dims(K.softmax(K.squeeze(K.tanh(x)[:, :, :1], -1))) * x, axis=1),
    "hard_sigmoid in K": lambda x: K.hard_sigmoid(x) + 1,
    "relu in K": lambda x: K.relu(x, alpha=0.1, max_value=1.0),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_drawing_computes_what_its_formula_does(name: str, tmp_path: Path) -> None:
    formula = FORMULAS[name]
    wanted = np.asarray(formula(X))
    x = layers.Input((4, 3))
    y = formula(x)
    assert y.dtype == wanted.dtype.name
    assert y.shape[1:] == wanted.shape[1:]
    model = models.Model(x, y)
    np.testing.assert_array_equal(model.predict(X, verbose=0), wanted)
    for file in ("model.keras", "model.h5"):
        model.save(tmp_path / file)
        np.testing.assert_array_equal(models.load_model(tmp_path / file).predict(X, verbose=0), wanted)


def test_the_batch_stays_unknown() -> None:
    x = layers.Input((None, 3))
    assert ops.sum(x, axis=-1).shape == (None, None)
    assert ops.matmul(x, np.ones((3, 2), "float32")).shape == (None, None, 2)
    assert (x + layers.Input((5, 3))).shape == (None, 5, 3)


def test_an_operation_is_saved_as_keras_3_does() -> None:
    x = layers.Input((4, 3), name="x")
    config = json.loads(models.Model(x, ops.layer_normalization(ops.sum(x, axis=1))).to_json())["config"]
    (total, norm) = config["layers"][1:]
    assert (total["module"], total["class_name"]) == ("keras.src.ops.numpy", "Sum")
    assert {key: total["config"][key] for key in ("axis", "keepdims")} == {"axis": 1, "keepdims": False}
    assert (norm["module"], norm["class_name"]) == ("keras.src.ops.nn", "LayerNorm")
    assert norm["config"] | {"name": ""} == {"name": "", "axis": -1, "epsilon": None, "rms_scaling": False}


def test_tensors_are_found_by_identity() -> None:
    x, y = layers.Input((3,)), layers.Input((3,))
    assert x in [x]
    assert x not in [y]
    assert {x: 1}[x] == 1


def test_every_operation_has_operands() -> None:
    assert not [name for name, each in BY_CLASS.items() if not each.operands]


def test_errors_name_the_nearest() -> None:
    with pytest.raises(AttributeError, match=r"no `keras.ops.sofmax`. Did you mean 'softmax'"):
        ops.sofmax  # noqa: B018
    with pytest.raises(ValueError, match="the batch's"):
        K.batch_dot(X, X, axes=(1, 2))
    with pytest.raises(NotImplementedError, match="no graphs and sessions"):
        K.get_session()


# -- layers of one's own --------------------------------------------------------------------------------------------


class Attention(layers.Layer):
    """Attention over time as programs of 2017 wrote it."""

    def build(self, input_shape: Any) -> None:
        self.W = self.add_weight(name="W", shape=(input_shape[-1], 1), initializer="glorot_uniform")
        self.b = self.add_weight(name="b", shape=(input_shape[1], 1), initializer="zeros")
        super().build(input_shape)

    def call(self, x: Any) -> Any:
        e = K.squeeze(K.tanh(K.dot(x, self.W) + self.b), axis=-1)
        return K.sum(x * K.expand_dims(K.softmax(e)), axis=1)


class Gated(layers.Layer):
    """A layer in Keras 3's words."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(shape=(input_shape[-1], 2 * self.units), initializer="glorot_uniform")

    def call(self, x: Any) -> Any:
        a, b = ops.split(ops.matmul(x, self.kernel), 2, axis=-1)
        return ops.tanh(a) * ops.sigmoid(b)


class Running(layers.Layer):
    """A recurrence by `K.rnn`."""

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(name="k", shape=(input_shape[-1], 4), initializer="glorot_uniform")

    def call(self, x: Any) -> Any:
        def step(now: Any, states: Any) -> Any:
            h = K.tanh(K.dot(now, self.kernel) + 0.5 * states[0])
            return h, [h]

        return K.rnn(step, x, [K.zeros((x.shape[0], 4))])[0]


@pytest.mark.parametrize("make", [Attention, lambda: Gated(5), Running], ids=["K", "ops", "rnn"])
def test_a_layer_of_ones_own_trains(make: Any) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(16, 6, 3)).astype("float32")
    start = layers.Input((6, 3))
    h = make()(start)
    assert h.shape[1:] == make()(x).shape[1:]
    h = h if len(h.shape) == 2 else h[:, -1, :]
    model = gw.Model(start, layers.Dense(1)(h))
    model.compile(optimizer=gw.keras.optimizers.Adam(0.02), loss="mse")
    y = x.mean(axis=(1, 2))[:, None]
    before = model.evaluate(x, y, verbose=0)
    model.fit(x, y, epochs=8, verbose=0)
    assert model.evaluate(x, y, verbose=0) < 0.9 * before


def test_a_function_of_a_drawn_model() -> None:
    x = layers.Input((3,))
    h = layers.Dense(2)(x)
    model = gw.Model(x, layers.Dense(1)(h))
    (found,) = K.function([model.input], [h])([X[:, 0]])
    np.testing.assert_allclose(found, gw.Model(x, h).predict(X[:, 0], verbose=0), rtol=1e-6)


def written_in_k(x: Any, kernel: Any, layer: Any) -> Any:
    """An attention's score and a loss, as layers of 2018 write it."""
    scores = K.softmax(K.tanh(K.dot(x, kernel)) * 0.3)
    return K.mean(K.sum(scores * K.square(layer(x)), axis=-1))


def written_in_ops(x: Any, kernel: Any, layer: Any) -> Any:
    """The same as those of today."""
    scores = ops.softmax(ops.tanh(ops.matmul(x, kernel)) * 0.3)
    return ops.mean(ops.sum(scores * ops.square(layer(x)), axis=-1))


@pytest.mark.parametrize("formula", [written_in_k, written_in_ops])
def test_a_tape_sees_through_them(formula: Any) -> None:
    """The gradient for each weight is the slope."""
    gw.utils.set_random_seed(1)
    x = X[0, :2].astype("float64")
    kernel = tf.Variable(X[0, :3, :2].astype("float64"))
    layer = layers.Dense(2, dtype="float64")
    with tf.GradientTape() as tape:
        layer(x)
        loss = formula(tf.constant(x, "float64"), kernel, layer)
    for weight, slopes in zip([kernel, layer.kernel], tape.gradient(loss, [kernel, layer.kernel]), strict=True):
        value, step = np.array(weight.numpy()), 1e-6
        ends = []
        for sign in (1, -1):
            moved = value.copy()
            moved[1, 0] += sign * step
            weight.assign(moved)
            ends.append(float(formula(tf.constant(x, "float64"), kernel, layer)))
        weight.assign(value)
        assert float(slopes[1, 0]) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5)
