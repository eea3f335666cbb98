"""Layers over one, two and three axes, and files of models of them, against Keras 3 and tf_keras."""

from __future__ import annotations

import golden_data
import jax
import numpy as np
import pytest
from golden_cases import Cases, check

import gatewise as gw

RECORDED = Cases("spatial")
DATA = RECORDED.data
FOLDER = golden_data.HERE / "spatial"
CASES = {name: line for name, line in RECORDED.lines.items() if line["kind"] != "file"}
FILES = {name: line for name, line in RECORDED.lines.items() if line["kind"] == "file"}


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    RECORDED.run(CASES[name])


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("keras3/") or "Locally" in name])
def test_on_jax(name: str) -> None:
    line = CASES[name]
    found = RECORDED.outputs_on_jax(line, RECORDED.prepared(line))
    check(found, [DATA.fill(call["outputs"]) for call in line["calls"]])


@pytest.mark.parametrize("name", CASES)
def test_the_config_says_all(name: str) -> None:
    """A layer made of our own config computes the same."""
    line = CASES[name]
    thing = RECORDED.prepared(line)
    again = type(thing).from_config(thing.get_config())
    call = line["calls"][0]
    again(DATA.fill(call["inputs"]))
    again.set_weights(thing.get_weights())
    np.testing.assert_array_equal(again(DATA.fill(call["inputs"])), thing(DATA.fill(call["inputs"])))


@pytest.mark.parametrize("name", FILES)
def test_file(name: str) -> None:
    line = FILES[name]
    model = gw.models.load_model(FOLDER / line["file"], compile=False)
    check(model.predict(DATA.fill(line["inputs"])), DATA.fill(line["outputs"]))
    with jax.enable_x64(False):
        run = jax.jit(lambda weights, others, x: model.stateless_call(weights, others, x)[0])
        weights = [v.numpy() for v in model.trainable_variables]
        others = [v.numpy() for v in model.non_trainable_variables]
        check(np.asarray(run(weights, others, DATA.fill(line["inputs"]))), DATA.fill(line["outputs"]))
