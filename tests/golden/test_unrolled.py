"""Bidirectional over a mask, unrolled, in each order of time: as tf_keras said."""

from __future__ import annotations

import json
from typing import Any

import golden_data
import jax
import numpy as np
import pytest

import gatewise as gw
from gatewise.base.release import meaning

CASES = {
    "-".join([case["source"], case["kind"], str(number)]): case
    for number, case in enumerate(json.loads((golden_data.HERE / "unrolled.json").read_text()))
}


X = np.cos(np.arange(30) * 0.9).reshape(3, 5, 2).astype("float32")
ROUNDED = 1e-6  # The outputs were written down with six digits; the rest is float32's.


def layer_of(case: dict[str, Any]) -> Any:
    with meaning(golden_data.release_of(case)):
        layer = gw.layers.Bidirectional(getattr(gw.layers, case["kind"])(1, **case["options"]))
        layer.build(X.shape)
    sizes = [(w.size, w.shape) for w in layer.get_weights()]
    layer.set_weights([(np.sin(np.arange(n) * 0.7 + 1.3 * k) * 0.6).reshape(s) for k, (n, s) in enumerate(sizes)])
    return layer


@pytest.mark.parametrize("name", CASES)
def test_as_tf_keras(name: str) -> None:
    case = CASES[name]
    y = layer_of(case)(X, mask=np.array(case["mask"], bool))
    np.testing.assert_allclose(y, case["outputs"], rtol=0, atol=2 * ROUNDED)


@pytest.mark.parametrize("name", CASES)
def test_on_jax(name: str) -> None:
    case = CASES[name]
    layer, mask = layer_of(case), np.array(case["mask"], bool)
    values = [[v.numpy() for v in part] for part in (layer.trainable_variables, layer.non_trainable_variables)]
    outputs, _ = jax.jit(lambda t, o, x: layer.stateless_call(t, o, x, mask=mask))(*values, X)
    np.testing.assert_allclose(outputs, case["outputs"], rtol=0, atol=2 * ROUNDED)
