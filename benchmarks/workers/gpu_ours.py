"""Gatewise on what JAX sees: a layer under `jax.jit`, and training, by the pure step and by the public calls."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import numpy as np

from benchmarks.cases import Case, inputs, weights
from benchmarks.workers.on_gpu import FIT_BATCHES, LEARNING_RATE, PrepareWhat, Ways, serve_on_gpu, targets, tf32
from benchmarks.workers.serve import Trial, trial_of


def _model(gatewise: Any, case: Case, sequences: bool) -> Any:
    kind = gatewise.layers.LSTM if case.cell == "lstm" else gatewise.layers.GRU
    layer = kind(case.units, return_sequences=sequences)
    model = gatewise.Sequential([gatewise.Input((case.time, case.features)), layer])
    _reset(model, case)
    return model


def _reset(model: Any, case: Case) -> None:
    weight = weights(case)
    model.set_weights([weight.kernel, weight.recurrent_kernel, weight.bias])


def _forward(jax: Any, gatewise: Any, case: Case) -> Ways:
    model = _model(gatewise, case, sequences=True)
    values = [jax.numpy.asarray(variable.value) for variable in model.trainable_variables]
    x = jax.numpy.asarray(inputs(case))
    function = jax.jit(lambda values, x: model.stateless_call(values, [], x)[0])
    return {"jit(layer)": trial_of(lambda: function(values, x).block_until_ready(), np.asarray)}


class Training:
    """A compiled model; each way of training it begins with the case's weights for its result."""

    def __init__(self, jax: Any, gatewise: Any, case: Case) -> None:
        self.jax, self.case = jax, case
        self.model = _model(gatewise, case, sequences=False)
        self.model.compile(gatewise.optimizers.SGD(LEARNING_RATE), "mse")
        self.x, self.y = inputs(case), targets(case)
        self.model.train_on_batch(self.x, self.y)
        self.pure = jax.jit(self.model.train_step, donate_argnums=0)
        self.data = jax.device_put((self.x, self.y))
        self.many = tuple(np.concatenate([part] * FIT_BATCHES) for part in (self.x, self.y))
        self.begin()

    def begin(self) -> None:
        model = self.model
        _reset(model, self.case)
        parts = (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )
        self.state = tuple([self.jax.numpy.array(variable.value) for variable in part] for part in parts)

    def step(self) -> None:
        _, self.state = self.pure(self.state, self.data)
        self.jax.block_until_ready(self.state)

    def step_result(self) -> Any:
        self.begin()
        self.step()
        return np.asarray(self.state[0][1])

    def on_batch(self) -> None:
        self.model.train_on_batch(self.x, self.y)

    def on_batch_result(self) -> Any:
        self.begin()
        self.on_batch()
        return self.model.get_weights()[1]

    def fit(self) -> None:
        x, y = self.many
        self.model.fit(x, y, batch_size=self.case.batch, shuffle=False, verbose=0)

    def fit_result(self) -> Any:
        """After one batch, so that it can be compared; and once all, so that all is compiled."""
        self.fit()
        self.begin()
        self.model.fit(self.x, self.y, batch_size=self.case.batch, shuffle=False, verbose=0)
        return self.model.get_weights()[1]


def _train(jax: Any, gatewise: Any, case: Case) -> Ways:
    training = Training(jax, gatewise, case)
    return {
        "jit(model.train_step)": Trial(training.step, training.step_result),
        "train_on_batch": Trial(training.on_batch, training.on_batch_result),
        f"fit, {FIT_BATCHES} batches": Trial(training.fit, training.fit_result, FIT_BATCHES),
    }


def load() -> tuple[PrepareWhat, dict[str, Any]]:
    import jax

    import gatewise

    jax.config.update("jax_default_matmul_precision", "tensorfloat32" if tf32() else "highest")
    prepare = {"forward": _forward, "train": _train}
    versions = {
        "gatewise": gatewise.__version__,
        "jax": jax.__version__,
        "jaxlib": version("jaxlib"),
        "numpy": np.__version__,
        "device": jax.devices()[0].device_kind,
        "backend": jax.default_backend(),
    }
    return (lambda case, what: prepare[what](jax, gatewise, case)), versions


if __name__ == "__main__":
    serve_on_gpu(load)
