"""A subclass's own `train_step` and `compute_loss`, and what layers add to the loss."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

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


class Guided(gw.Model):
    """All three steps by hand, with the metrics of `compile`, as Keras's guide to its steps on JAX has them."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.dense = gw.layers.LSTM(4), gw.layers.Dense(1)

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.dense(self.lstm(inputs))

    def followed(self, gathered: Any, loss: Any, y: Any, y_pred: Any) -> Any:
        logs, after = {}, []
        for metric in self.metrics:
            own = gathered[len(after) : len(after) + len(metric.variables)]
            given = (loss,) if metric.name == "loss" else (y, y_pred)
            own = metric.stateless_update_state(own, *given)
            logs[metric.name] = metric.stateless_result(own)
            after += own
        return logs, after

    def train_step(self, state: Any, data: Any) -> Any:
        trainable, others, optimizer, gathered = state
        x, y = data

        def loss_of(weights: Any) -> Any:
            y_pred, after = self.stateless_call(weights, others, x, training=True)
            return self.compute_loss(x, y, y_pred), (y_pred, after)

        (loss, (y_pred, others)), gradients = jax.value_and_grad(loss_of, has_aux=True)(trainable)
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
        logs, gathered = self.followed(gathered, loss, y, y_pred)
        return logs, (trainable, others, optimizer, gathered)

    def test_step(self, state: Any, data: Any) -> Any:
        trainable, others, gathered = state
        x, y = data
        y_pred, others = self.stateless_call(trainable, others, x, training=False)
        logs, gathered = self.followed(gathered, self.compute_loss(x, y, y_pred), y, y_pred)
        return logs, (trainable, others, gathered)

    def predict_step(self, state: Any, data: Any) -> Any:
        y_pred, others = self.stateless_call(*state, data[0], training=False)
        return 10 * y_pred, others


def test_all_steps_by_hand_do_what_the_usual_ones_do() -> None:
    own = Guided()
    usual = gw.Sequential([gw.Input((5, 3)), gw.layers.LSTM(4), gw.layers.Dense(1)])
    own(X)
    own.set_weights(usual.get_weights())
    np.testing.assert_allclose(own.predict(X), 10 * usual.predict(X), rtol=1e-6, atol=1e-7)
    for model in (own, usual):
        model.compile("sgd", "mse", metrics=["mae"])
    # One batch an epoch: the guide's mean of the loss does not know the sizes of batches.
    a, b = (model.fit(X, Y, batch_size=12, epochs=2, shuffle=False, verbose=0).history for model in (own, usual))
    assert list(a) == list(b) == ["loss", "mae"]
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=1e-5)
    found, wanted = (model.evaluate(X, Y, batch_size=12, verbose=0) for model in (own, usual))
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_logs_that_a_model_adds() -> None:
    class Named(gw.Sequential):
        def get_metrics_result(self) -> Any:
            logs = super().get_metrics_result()
            return {**logs, "twice": 2 * logs["mae"]}

    model = Named([gw.Input((5, 3)), gw.layers.LSTM(4), gw.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    logs = model.evaluate(X, Y, verbose=0, return_dict=True)
    np.testing.assert_allclose(logs["twice"], 2 * logs["mae"], rtol=1e-6)
    history = model.fit(X, Y, batch_size=12, verbose=0).history
    np.testing.assert_allclose(history["twice"], [2 * logs["mae"]], rtol=1e-5)


class Measuring(gw.Sequential):
    """Gives logs of its own, beside those of its metrics."""

    def __init__(self, layers: Any) -> None:
        super().__init__(layers)
        self.extra = gw.metrics.Mean(name="extra")

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        logs = super().compute_metrics(x, y, y_pred, sample_weight)
        self.extra.update_state(y_pred.mean())
        return {**logs, "own": self.extra.result(), "five": 5.0}


@pytest.mark.parametrize("eagerly", [False, True])
def test_what_compute_metrics_returns_are_the_logs(eagerly: bool) -> None:
    model = Measuring([gw.Input((3,)), gw.layers.Dense(1)])
    x, y = X[:10, 0], Y[:10]
    means = [float(model.predict(x[cut]).mean()) for cut in (slice(0, 4), slice(4, 8), slice(8, 10))]
    model.compile(gw.optimizers.SGD(0.0), "mse", metrics=["mae"], run_eagerly=eagerly)
    own, before = float(np.mean(means)), float(np.mean(means[:2]))
    history = model.fit(x, y, batch_size=4, shuffle=False, verbose=0, validation_data=(x, y)).history
    assert list(history)[:3] == ["loss", "mae", "extra"]
    assert history["five"] == history["val_five"] == [5.0]
    for name in ("own", "val_own"):
        np.testing.assert_allclose(history[name], [own], rtol=1e-5)
    for name in ("extra", "val_extra"):  # The logs were made before this batch came to it.
        np.testing.assert_allclose(history[name], [before], rtol=1e-5)
    logs = model.evaluate(x, y, batch_size=4, verbose=0, return_dict=True)
    np.testing.assert_allclose([logs[name] for name in ("own", "extra", "five")], [own, before, 5.0], rtol=1e-5)
    assert model.train_on_batch(x, y, return_dict=True)["five"] == 5.0


def test_logs_under_the_metrics_own_names_are_the_metrics() -> None:
    class Same(gw.Sequential):
        def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            super().compute_metrics(x, y, y_pred, sample_weight)
            return {"loss": 7.0, "mae": 3.0}

    model = Same([gw.Input((5, 3)), gw.layers.Flatten(), gw.layers.Dense(1)])
    model.compile(gw.optimizers.SGD(0.0), "mse", metrics=["mae"])
    wanted = float(np.abs(model.predict(X) - Y).mean())
    np.testing.assert_allclose(model.fit(X, Y, verbose=0).history["mae"], [wanted], rtol=1e-5)
    np.testing.assert_allclose(model.evaluate(X, Y, verbose=0)[1], wanted, rtol=1e-5)


def test_functions_given_to_add_loss_count_in_every_step(tmp_path: Any) -> None:
    model = gw.Sequential([gw.Input((3,)), gw.layers.Dense(1, use_bias=False)])
    dense = model.layers[0]
    x, y, rate = X[:, 0], Y, 0.1
    model.compile(gw.optimizers.SGD(rate), "mse")
    model.train_on_batch(x, y)  # What was compiled before knows nothing of them.
    dense.add_loss(lambda: 0.5 * (dense.kernel**2).sum())
    model.add_loss([lambda: 2.0])
    for _ in range(2):
        kernel = dense.get_weights()[0].astype("float64")
        apart = x @ kernel - y
        wanted = (apart**2).mean() + 0.5 * (kernel**2).sum() + 2
        np.testing.assert_allclose(model.evaluate(x, y, verbose=0), wanted, rtol=1e-5)
        np.testing.assert_allclose(model.train_on_batch(x, y), wanted, rtol=1e-5)
        after = kernel - rate * (2 * x.T @ apart / len(x) + kernel)
        np.testing.assert_allclose(dense.get_weights()[0], after, rtol=1e-5, atol=1e-6)
    with pytest.warns(UserWarning, match="does not keep what add_loss"):
        model.save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match=r"outside any call, .* give a function without arguments"):
        dense.add_loss(3.0)


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


def drawn() -> tuple[gw.Model, np.ndarray]:
    """An autoencoder with losses and a metric drawn on its tensors, and its data. tf_keras's numbers are for the same
    model, with its own Lambda layers.
    """
    i = gw.Input((5,))
    h = gw.layers.Dense(4, activation="tanh")(i)
    mu = gw.layers.Dense(2)(h)
    model = gw.Model(i, gw.layers.Dense(5)(gw.layers.Dense(4, activation="tanh")(mu)))
    apart = gw.layers.Dense(1, name="apart")(h)  # It leads to a loss alone.
    model.add_loss(gw.layers.Lambda(lambda t: ((t[0] - t[1]) ** 2).mean())([i, model.output]))
    model.add_loss(0.1 * mu**2)
    model.add_loss((apart - 1.0) ** 2)
    model.add_metric(mu, name="code", aggregation="mean")
    rng = np.random.RandomState(5)
    model.set_weights([0.5 * rng.standard_normal(w.shape).astype("float32") for w in model.get_weights()])
    return model, np.random.RandomState(0).standard_normal((16, 5)).astype("float32")


def test_losses_drawn_on_tensors_are_those_of_tf_keras() -> None:
    model, x = drawn()
    model.compile("adam")
    history = model.fit(x, epochs=3, batch_size=8, shuffle=False, verbose=0).history
    np.testing.assert_allclose(history["loss"], [7.393734931945801, 7.341150283813477, 7.291118144989014], rtol=2e-6)
    wanted = [-0.1268431395292282, -0.12735509872436523, -0.12735581398010254]
    np.testing.assert_allclose(history["code"], wanted, rtol=1e-5)


def test_what_is_drawn_is_for_training_alone(tmp_path: Any) -> None:
    model, x = drawn()
    assert model.predict(x).shape == (16, 5)
    assert "apart" in [layer.name for layer in model.layers]
    with pytest.warns(UserWarning, match="does not keep what add_loss"):
        model.save(tmp_path / "m.keras")
    loaded = gw.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    other = gw.Input((3,))
    with pytest.raises(ValueError, match="not among the inputs"):
        model.add_loss(gw.layers.Dense(1)(other))


class Endpoint(gw.layers.Layer):
    """Takes the targets as an input, and adds the loss itself."""

    def call(self, inputs: Any) -> Any:
        y_pred, y = inputs
        self.add_loss(((y_pred - y) ** 2).mean())
        return y_pred


def test_a_layer_that_takes_the_targets() -> None:
    x, y = gw.Input((5, 3), name="x"), gw.Input((1,), name="y")
    model = gw.Model([x, y], Endpoint()([gw.layers.Dense(1)(gw.layers.GlobalAveragePooling1D()(x)), y]))
    model.compile("sgd")
    wanted = float(np.mean((model.predict({"x": X, "y": Y}) - Y) ** 2))
    np.testing.assert_allclose(model.evaluate({"x": X, "y": Y}, verbose=0), wanted, rtol=1e-6)
    history = model.fit({"x": X, "y": Y}, epochs=2, batch_size=12, verbose=0).history
    np.testing.assert_allclose(history["loss"][0], wanted, rtol=1e-6)
    assert history["loss"][1] < history["loss"][0]


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
