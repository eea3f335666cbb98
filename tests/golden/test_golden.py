"""Gatewise against Keras 3, tf_keras and TensorFlow 1's layers, on the cases that tools/golden recorded from them."""

from __future__ import annotations

import json
from typing import Any

import golden_data
import jax
import numpy as np
import pytest
from golden_cases import Cases, check

import gatewise as gw

RECORDED = Cases("cases")
DATA, CASES = RECORDED.data, RECORDED.lines


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    RECORDED.run(CASES[name])


@pytest.mark.parametrize("name", [name for name, line in CASES.items() if line["kind"] == "model"])
def test_predict_and_config(name: str) -> None:
    """`predict` gives the same as a call, and a model made again from Gatewise's own config does too."""
    line = CASES[name]
    thing = RECORDED.prepared(line)
    if "output_shape" in line:
        assert json.loads(json.dumps(thing.output_shape)) == line["output_shape"]
    again = gw.models.model_from_json(thing.to_json())
    again.set_weights(thing.get_weights())
    call = line["calls"][0]
    check(thing.predict(DATA.fill(call["inputs"])), DATA.fill(call["outputs"]))
    check(again.predict(DATA.fill(call["inputs"])), DATA.fill(call["outputs"]))


# -- JAX ------------------------------------------------------------------------------------------------------------

# Every model of each system, every layer of Keras 3, and the others' layers that differ in more than names' meanings.
SAME_NAME: dict[str, list[str]] = {}
for _id, _line in CASES.items():
    _name = _id.split("/", 1)[1]
    if _line["kind"] == "model" or _name not in SAME_NAME or "stateful" in _name:
        SAME_NAME.setdefault(_name, []).append(_id)


@pytest.mark.parametrize("name", SAME_NAME)
def test_on_jax(name: str) -> None:
    """Under `jit`, as a pure function of its weights. The systems' cases of one name have the same weights and inputs;
    where Gatewise makes the same thing of them as well, it runs once, and is held to the outputs of each."""
    done: dict[str, list[Any]] = {}
    for case in SAME_NAME[name]:
        line = CASES[case]
        thing = RECORDED.prepared(line)
        operands = [[call.get("inputs"), call.get("kwargs"), call.get("reset")] for call in line["calls"]]
        key = json.dumps([what_it_is(thing), line["weights"], operands], default=str)
        if key not in done:
            done[key] = RECORDED.outputs_on_jax(line, thing)
        wanted = [DATA.fill(call["outputs"]) for call in line["calls"] if "outputs" in call]
        check(done[key], wanted)


def what_it_is(thing: Any) -> Any:
    """The config, and the generation where it matters beside that: to states that are given and carried, to merges."""
    layers = list(thing._walk())
    stateful = any(getattr(layer, "stateful", False) for layer in layers)
    merges = any(hasattr(layer, "_release") and not hasattr(layer, "cell") for layer in layers)
    config = json.dumps(thing.get_config(), default=str).replace('"implementation": 1', '"implementation": 2')
    releases = [getattr(layer, "_release", None) for layer in layers]
    return [config, releases if stateful or merges or "initial_state" in config else None]


# -- gradients ------------------------------------------------------------------------------------------------------


def differentiable() -> list[str]:
    """Of Keras 3's cases one for each set of layers and call arguments, and every other of the pairs of arguments."""
    chosen: dict[Any, str] = {}
    for name, line in CASES.items():
        if name.startswith("keras3/"):
            classes = tuple(sorted(set(golden_data.class_names(line["config"]))))
            kwargs = tuple(sorted(line["calls"][0].get("kwargs", {})))
            only = name if "_pairs_" in name and int(name[-2:]) % 2 == 0 else ""
            chosen.setdefault((classes, kwargs, only), name)
    return list(chosen.values())


@pytest.mark.parametrize("name", differentiable())
def test_gradient(name: str) -> None:
    """In float64, along one direction through all weights and inputs, `jax.grad` is the central difference."""
    line = CASES[name]
    config = json.loads(json.dumps(line["config"]).replace('"float32"', '"float64"'))
    with jax.enable_x64(True):
        thing = RECORDED.prepared(line, config)
        others = [v.numpy() for v in thing.non_trainable_variables]
        call = line["calls"][0]
        floats, whole = split(DATA.fill(call["inputs"]))
        kwargs = {k: v for k, v in RECORDED.arguments(call).items() if k != "training"}
        point = ([v.numpy() for v in thing.trainable_variables], floats)

        def scalar(point: Any) -> Any:
            outputs, _ = thing.stateless_call(point[0], others, joined(point[1], whole), **kwargs)
            leaves = [leaf for leaf in jax.tree.leaves(outputs) if leaf.dtype.kind == "f"]
            return sum((leaf * fixed(leaf.shape, i)).sum() for i, leaf in enumerate(leaves))

        function = jax.jit(scalar)
        gradient = jax.jit(jax.grad(scalar))(point)
        leaves, shape = jax.tree.flatten(point)
        # A zero among the inputs stays one: it may be a masked step, and whether a step is masked has no derivative.
        moves = [fixed(leaf.shape, 100 + i) * (leaf != 0) for i, leaf in enumerate(leaves)]
        direction = jax.tree.unflatten(shape, moves)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
        along = sum((g * d).sum() for g, d in zip(*map(jax.tree.leaves, (gradient, direction)), strict=True))
        step = 1e-5

        def moved(by: float) -> Any:
            return jax.tree.map(lambda leaf, d: leaf + by * d, point, direction)

        difference = (function(moved(step)) - function(moved(-step))) / (2 * step)
        # The error of a central difference: step^2 times a third derivative of order 10, and 1e-16 / step of rounding.
        np.testing.assert_allclose(along, difference, rtol=1e-7, atol=1e-7)


def fixed(shape: tuple[int, ...], seed: int) -> Any:
    return np.random.Generator(np.random.PCG64(seed)).uniform(-1, 1, shape)


def split(inputs: Any) -> tuple[list[Any], Any]:
    """The floating inputs in float64, and the structure with a placeholder for each."""
    floats: list[Any] = []

    def take(leaf: Any) -> Any:
        if leaf.dtype.kind != "f":
            return leaf
        floats.append(leaf.astype("float64"))
        return len(floats) - 1

    return floats, jax.tree.map(take, inputs)


def joined(floats: list[Any], whole: Any) -> Any:
    return jax.tree.map(lambda leaf: floats[leaf] if isinstance(leaf, int) else leaf, whole)
