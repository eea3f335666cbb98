"""`train_step(self, data)` with a tape, as Keras on TensorFlow has it: what it gives is what `fit` gives by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.compat import tensorflow as tf

X = np.random.default_rng(0).normal(size=(24, 5, 3)).astype("float32")
Y = X[:, :, :1].sum(1)
WEIGHTS = np.random.default_rng(1).uniform(0.5, 2, 24)


def gradients_of(model: Any, loss: Any, tape: Any) -> None:
    variables = model.trainable_variables
    model.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))


class Keras3(gw.Model):
    """As Keras 3's guide to one's own steps writes it."""

    def train_step(self, data: Any) -> Any:
        x, y, *weights = data
        sample_weight = weights[0] if weights else None
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred, sample_weight=sample_weight)
        gradients_of(self, loss, tape)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred, sample_weight=sample_weight)
        return {m.name: m.result() for m in self.metrics}


class Keras2(gw.Model):
    """As the guides of TensorFlow 2.2 to 2.15 do."""

    @tf.function
    def train_step(self, data: Any) -> Any:
        x, y, *weights = data
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compiled_loss(y, y_pred, *weights, regularization_losses=self.losses)
        gradients_of(self, loss, tape)
        self.compiled_metrics.update_state(y, y_pred, *weights)
        return {m.name: m.result() for m in self.metrics}


def made(kind: Any) -> Any:
    gw.utils.set_random_seed(3)
    start = gw.Input((5, 3))
    stack = gw.layers.LSTM(4)(start)
    model = kind(start, gw.layers.Dense(1, kernel_regularizer="l2")(stack))
    model.compile("adam", "mse", metrics=["mae"])
    return model


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", [Keras3, Keras2])
def test_it_is_what_fit_does(kind: Any, weighted: bool) -> None:
    options: dict[str, Any] = {"epochs": 3, "batch_size": 8, "shuffle": False, "verbose": 0}
    options |= {"sample_weight": WEIGHTS} if weighted else {}
    by_hand, usual = made(kind), made(gw.Model)
    found, wanted = (model.fit(X, Y, **options).history for model in (by_hand, usual))
    # The same formulas in another order of float32 sums, over nine steps of Adam.
    np.testing.assert_allclose(found["loss"], wanted["loss"], rtol=1e-4)
    for one, other in zip(by_hand.get_weights(), usual.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)
    if not weighted:
        np.testing.assert_allclose(found["mae"], wanted["mae"], rtol=1e-5)
    assert by_hand.optimizer.iterations.numpy() == 9


def test_data_of_any_kind() -> None:
    batches = [(X[:7], Y[:7]), (X[7:10], Y[7:10])]
    dataset = gw.data.Dataset.from_tensor_slices((X, Y)).batch(7)
    for data, steps in ((dataset, 4), (iter(batches), 2)):
        model = made(Keras3)
        model.fit(data, epochs=1, verbose=0)
        assert model.optimizer.iterations.numpy() == steps


def test_a_step_alone_and_callbacks() -> None:
    model = made(Keras3)
    seen: list[Any] = []
    hook = gw.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append((batch, sorted(logs))))
    model.fit(X, Y, batch_size=8, verbose=0, callbacks=[hook])
    assert seen == [(n, ["loss", "mae"]) for n in range(3)]
    logs = model.train_on_batch(X[:8], Y[:8], return_dict=True)
    assert sorted(logs) == ["loss", "mae"]
    assert model.optimizer.iterations.numpy() == 4


class Counting(gw.Model):
    """Its own metrics, losses and evaluation; `compile` is told the optimizer alone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.mean = gw.metrics.Mean(name="mine")

    def train_step(self, data: Any) -> Any:
        assert isinstance(data, tf.Tensor)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self(data, training=True) - 1.0))
        gradients_of(self, loss, tape)
        self.mean.update_state(loss)
        return {"mine": self.mean.result()}

    def test_step(self, data: Any) -> Any:
        x, _ = data
        return {"largest": tf.reduce_max(self(x, training=False))}

    @property
    def metrics(self) -> Any:
        return [self.mean]


def test_inputs_alone_and_an_evaluation_of_ones_own() -> None:
    start = gw.Input((5, 3))
    model = Counting(start, gw.layers.Dense(1)(gw.layers.GRU(4)(start)))
    model.compile(optimizer="sgd")
    history = model.fit(X, epochs=4, verbose=0).history["mine"]
    assert history[-1] < history[0]
    found = model.evaluate(X, Y, batch_size=24, verbose=0, return_dict=True)
    assert found["largest"] == pytest.approx(float(model.predict(X, verbose=0).max()), rel=1e-6)


def test_what_goes_wrong_in_a_step_leaves_the_weights_of_the_last_one() -> None:
    model = made(Keras3)
    model.fit(X, Y, batch_size=8, verbose=0)
    before = model.get_weights()
    with pytest.raises(Exception, match="must have the shape"):
        model.train_on_batch(X[:, :, :2], Y)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
