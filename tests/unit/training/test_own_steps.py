"""A subclass's own `train_step` and `compute_loss`, and what layers add to the loss."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

import gatewise as gw

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((12, 5, 3)).astype("float32"), RNG.standard_normal((12, 1)).astype("float32")


class Own(gw.Model):
    """Trains by hand, as Keras 3 shows it for JAX."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.dense = gw.layers.LSTM(4, dropout=0.2), gw.layers.Dense(1)
        self.mean = gw.metrics.Mean(name="own_loss")

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.dense(self.lstm(inputs, training=training))

    @property
    def metrics(self) -> list[Any]:
        return [self.mean]

    def train_step(self, state: Any, data: Any) -> Any:
        trainable, others, optimizer, gathered = state
        x, y = data

        def loss_of(weights: Any) -> Any:
            y_pred, after = self.stateless_call(weights, others, x, training=True)
            return self.compute_loss(x, y, y_pred), after

        (loss, others), gradients = jax.value_and_grad(loss_of, has_aux=True)(trainable)
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
        gathered = self.mean.stateless_update_state(gathered, loss)
        return {"own_loss": self.mean.stateless_result(gathered)}, (trainable, others, optimizer, gathered)


def test_an_own_train_step() -> None:
    model = Own()
    model.compile("adam", "mse")
    history = model.fit(X, Y, batch_size=4, epochs=30, verbose=0).history
    assert list(history) == ["own_loss"]
    assert history["own_loss"][-1] < history["own_loss"][0]
    assert int(model.optimizer.iterations) == 90


class Added(gw.layers.Layer):
    """Adds the mean square of its input to the loss, and reports it."""

    def call(self, inputs: Any) -> Any:
        square = (inputs**2).mean()
        self.add_loss(0.5 * square)
        self.add_metric(square, name="square")
        return inputs


def test_layers_add_to_the_loss() -> None:
    model = gw.Sequential([gw.Input((5, 3)), Added(), gw.layers.GlobalAveragePooling1D(), gw.layers.Dense(1)])
    model.compile("sgd", "mse")
    plain = float(np.mean((model.predict(X) - Y) ** 2))
    square = float((X**2).mean())
    logs = model.evaluate(X, Y, batch_size=12, verbose=0, return_dict=True)
    np.testing.assert_allclose(logs["loss"], plain + 0.5 * square, rtol=1e-6)
    np.testing.assert_allclose(logs["square"], square, rtol=1e-6)
    trained = model.fit(X, Y, batch_size=12, verbose=0).history
    np.testing.assert_allclose(trained["loss"][0], logs["loss"], rtol=1e-6)


def test_an_own_compute_loss() -> None:
    class Half(gw.Sequential):
        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
        ) -> Any:
            return 0.5 * super().compute_loss(x, y, y_pred, sample_weight, training)

    model = Half([gw.Input((5, 3)), gw.layers.LSTM(4), gw.layers.Dense(1)])
    model.compile("sgd", "mse")
    whole = float(np.mean((model.predict(X) - Y) ** 2))
    np.testing.assert_allclose(model.train_on_batch(X, Y), 0.5 * whole, rtol=1e-5)
