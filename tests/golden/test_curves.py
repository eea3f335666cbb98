"""Fifty steps of training follow the losses that Keras 3 and tf_keras had, to 1e-4 relative.

Weights and data come from the same seeds as in `tools/golden/make_curves.py`.
"""

from __future__ import annotations

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
    layer = getattr(gw.layers, kind)
    model = gw.Sequential(
        [gw.Input((TIME, FEATURES)), layer(UNITS, return_sequences=True), layer(UNITS), gw.layers.Dense(1)]
    )
    rng = np.random.RandomState(11)
    model.set_weights([rng.standard_normal(w.shape).astype("float32") * 0.4 for w in model.get_weights()])
    x = rng.standard_normal((BATCHES, BATCH, TIME, FEATURES)).astype("float32")
    return model, x, x.mean(axis=2)[..., :1] * x[:, :, -1, 1:2] + 0.5


def losses(model: gw.Model, optimizer: optimizers.Optimizer, x: np.ndarray, y: np.ndarray, steps: int) -> np.ndarray:
    def loss(weights: Any, at: Any) -> Any:
        outputs, _ = model.stateless_call(weights, [], jnp.asarray(x)[at], training=True)
        return jnp.mean(jnp.square(outputs - jnp.asarray(y)[at]))

    def step(carry: Any, at: Any) -> Any:
        weights, state = carry
        value, gradients = jax.value_and_grad(loss)(weights, at)
        return optimizer.stateless_apply(state, gradients, weights), value

    start = [v.numpy() for v in model.trainable_variables], [v.numpy() for v in optimizer.variables]
    at = np.arange(steps) % BATCHES
    return np.asarray(jax.jit(lambda carry: jax.lax.scan(step, carry, at)[1])(start))


@pytest.mark.parametrize(
    "curve", [pytest.param(c, id=f"{c['model']}-{c['generation']}-{c['name']}-{i}") for i, c in enumerate(CURVES)]
)
def test_the_same_curve(curve: dict[str, Any]) -> None:
    model, x, y = model_and_data(curve["model"])
    with meaning(RELEASES[curve["generation"]]):
        optimizer = getattr(optimizers, curve["name"])(**curve["arguments"])
    optimizer.build(model.trainable_variables)
    found = losses(model, optimizer, x, y, len(curve["losses"]))
    np.testing.assert_allclose(found, curve["losses"], rtol=1e-4)
