"""Fifty steps of training follow the losses that Keras 3 and tf_keras had, to 1e-4 relative.

Weights and data come from the same seeds as in `tools/golden/make_curves.py`.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gatewise as gw
from gatewise import optimizers
from gatewise.base.release import meaning

CURVES = json.loads((Path(__file__).parent / "curves.json").read_text())
BATCHES, BATCH, TIME, FEATURES, UNITS = 4, 8, 6, 3, 5
RELEASES: Any = {"keras3": "keras3", "tf2": "tf2", "legacy": "tf1"}


def model_and_data(kind: str) -> tuple[gw.Model, np.ndarray, np.ndarray]:
    """A model with its weights at the start, and the data."""
    layer = getattr(gw.layers, kind)
    model = gw.Sequential(
        [gw.Input((TIME, FEATURES)), layer(UNITS, return_sequences=True), layer(UNITS), gw.layers.Dense(1)]
    )
    rng = np.random.RandomState(11)
    start = [rng.standard_normal(w.shape).astype("float32") * 0.4 for w in model.get_weights()]
    x = rng.standard_normal((BATCHES, BATCH, TIME, FEATURES)).astype("float32")
    y = x.mean(axis=2)[..., :1] * x[:, :, -1, 1:2] + 0.5
    model.set_weights(start)
    return model, x, y


@functools.cache
def model_and_gradients(kind: str) -> tuple[gw.Model, list[np.ndarray], Any]:
    """The model, its weights at the start, and the loss and its gradients as one compiled function of weights and batch."""
    model, x, y = model_and_data(kind)
    start = model.get_weights()

    def loss(weights: Any, batch: Any) -> Any:
        outputs, _ = model.stateless_call(weights, [], jnp.asarray(x)[batch], training=True)
        return jnp.mean(jnp.square(outputs - jnp.asarray(y)[batch]))

    return model, start, jax.jit(jax.value_and_grad(loss))


def prepared(curve: dict[str, Any]) -> tuple[gw.Model, optimizers.Optimizer, Any]:
    model, start, gradients_of = model_and_gradients(curve["model"])
    model.set_weights(start)
    with meaning(RELEASES[curve["generation"]]):
        optimizer = getattr(optimizers, curve["name"])(**curve["arguments"])
    optimizer.build(model.trainable_variables)
    return model, optimizer, gradients_of


@pytest.mark.parametrize(
    "curve", [pytest.param(c, id=f"{c['model']}-{c['generation']}-{c['name']}-{i}") for i, c in enumerate(CURVES)]
)
def test_the_same_curve(curve: dict[str, Any]) -> None:
    model, optimizer, gradients_of = prepared(curve)
    found = []
    for step in range(len(curve["losses"])):
        loss, gradients = gradients_of([v.value for v in model.trainable_variables], step % BATCHES)
        optimizer.apply(map(np.asarray, gradients))
        found.append(float(loss))
    np.testing.assert_allclose(found, curve["losses"], rtol=1e-4)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_the_same_curve_in_one_compiled_scan(kind: str) -> None:
    curve = next(c for c in CURVES if (c["model"], c["generation"], c["name"]) == (kind, "keras3", "Nadam"))
    model, optimizer, gradients_of = prepared(curve)

    def step(carry: Any, batch: Any) -> Any:
        weights, state = carry
        loss, gradients = gradients_of(weights, batch)
        return optimizer.stateless_apply(state, gradients, weights), loss

    start = [v.numpy() for v in model.trainable_variables], [v.numpy() for v in optimizer.variables]
    batches = np.arange(len(curve["losses"])) % BATCHES
    found = jax.jit(lambda carry: jax.lax.scan(step, carry, batches)[1])(start)
    np.testing.assert_allclose(found, curve["losses"], rtol=1e-4)


@pytest.mark.parametrize(
    "curve",
    [pytest.param(c, id=f"{c['generation']}-{c['name']}") for c in CURVES if c["model"] == "LSTM"][::4],
)
def test_train_on_batch_follows_the_same_curve(curve: dict[str, Any]) -> None:
    model, x, y = model_and_data(curve["model"])
    with meaning(RELEASES[curve["generation"]]):
        model.compile(getattr(optimizers, curve["name"])(**curve["arguments"]), "mse")
    found = [
        model.train_on_batch(x[step % BATCHES], y[step % BATCHES], reset_metrics=True)
        for step in range(len(curve["losses"]))
    ]
    np.testing.assert_allclose(found, curve["losses"], rtol=1e-4)
