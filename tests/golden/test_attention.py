"""Attention and the layers that normalise against Keras 3 and tf_keras, on NumPy and under `jax.jit`."""

from __future__ import annotations

import json
from typing import Any

import jax
import numpy as np
import pytest
from golden_cases import Cases, check

import gatewise as gw

RECORDED = Cases("attention")
CASES = RECORDED.lines


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    RECORDED.run(CASES[name])


@pytest.mark.parametrize("name", [name for name, line in CASES.items() if len(line["calls"]) == 1])
def test_on_jax(name: str) -> None:
    """The same under `jit`, as a pure function of the weights."""
    line = CASES[name]
    thing = RECORDED.prepared(line)
    (call,) = line["calls"]
    inputs, kwargs = RECORDED.data.fill(call["inputs"]), RECORDED.arguments(call)
    flags = {key: bool(value) for key, value in kwargs.items() if getattr(value, "shape", None) == ()}
    arrays = {key: value for key, value in kwargs.items() if key not in flags}
    with jax.enable_x64("float64" in json.dumps(line["config"])):
        inputs = [inputs, *(arrays.pop(name) for name in ("value", "key") if name in arrays)]
        run = jax.jit(lambda t, others, x, given: thing.stateless_call(t, others, *x, **given, **flags)[0])
        weights = [[v.numpy() for v in own] for own in (thing.trainable_variables, thing.non_trainable_variables)]
        check(jax.tree.map(np.asarray, run(*weights, inputs, arrays)), RECORDED.data.fill(call["outputs"]))


@pytest.mark.parametrize("name", [name for name, line in CASES.items() if line["kind"] == "model"])
def test_predict_and_own_config(name: str) -> None:
    line = CASES[name]
    model = RECORDED.prepared(line)
    again = gw.models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    wanted: Any = RECORDED.data.fill(line["calls"][0]["outputs"])
    for each in (model, again):
        check(each.predict(RECORDED.data.fill(line["calls"][0]["inputs"]), verbose=0), wanted)
