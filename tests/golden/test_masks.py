"""Which steps a mask leaves out and how far it travels: as Keras 3 and tf_keras said, each under its release."""

from __future__ import annotations

import json

import pytest
from golden_cases import Cases, check

import gatewise as gw

RECORDED = Cases("masks")
CASES = RECORDED.lines
MODELS = [name for name, line in CASES.items() if line["kind"] == "model"]
# The way through time on JAX is the same for each cell, so that the smallest stands for all.
ON_JAX = [name for name in CASES if name.startswith("tf_keras/") and "SimpleRNN_mask=" in name and "None" not in name]


@pytest.mark.parametrize("name", CASES)
def test_call(name: str) -> None:
    RECORDED.run(CASES[name])


@pytest.mark.parametrize("name", MODELS)
def test_predict(name: str) -> None:
    """`predict`, of the model and of what its own config makes."""
    line = CASES[name]
    model = RECORDED.prepared(line)
    again = gw.models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    (call,) = line["calls"]
    inputs, outputs = (RECORDED.data.fill(call[part]) for part in ("inputs", "outputs"))
    check(model.predict(inputs), outputs)
    check(again.predict(inputs), outputs)
    assert json.loads(json.dumps(model.output_shape)) == line["output_shape"]


@pytest.mark.parametrize("name", ON_JAX)
def test_on_jax(name: str) -> None:
    line = CASES[name]
    check(
        RECORDED.outputs_on_jax(line, RECORDED.prepared(line)),
        [RECORDED.data.fill(call["outputs"]) for call in line["calls"]],
    )
