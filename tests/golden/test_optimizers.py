"""Optimizers and schedules against what Keras 3, tf_keras and its legacy optimizers gave, on NumPy and under JAX."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from gatewise import optimizers
from gatewise.base.names import clear_names
from gatewise.base.release import Release, meaning
from gatewise.base.variable import Variable

DATA = json.loads((Path(__file__).parent / "optimizers.json").read_text())
SHAPES = ((3, 4), (4,))
RELEASES: dict[str, Release] = {"keras3": "keras3", "tf2": "tf2", "legacy": "tf1"}
TOLERANCE = 12 * 16 * 2.0**-24
"""12 steps, each of some 16 operations on numbers near 1 that round once, in float32."""

cases = pytest.mark.parametrize(
    "case", [pytest.param(c, id=f"{c['generation']}-{c['name']}-{i}") for i, c in enumerate(DATA["cases"])]
)


def arrays(flat: list[list[float]]) -> list[np.ndarray]:
    return [np.asarray(each, "float32").reshape(shape) for each, shape in zip(flat, SHAPES, strict=True)]


def made(case: dict[str, Any]) -> tuple[optimizers.Optimizer, list[Variable]]:
    clear_names()
    weights = [
        Variable(value, name=name, path=f"dense/{name}")
        for name, value in zip(("kernel", "bias"), arrays(DATA["start"]), strict=True)
    ]
    with meaning(RELEASES[case["generation"]]):
        optimizer = getattr(optimizers, case["name"])(**case["arguments"])
        optimizer.build(weights)
    assert optimizer.generation == case["generation"]
    return optimizer, weights


def compare(found: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=TOLERANCE, atol=TOLERANCE)


@cases
def test_values_on_numpy(case: dict[str, Any]) -> None:
    optimizer, weights = made(case)
    for step, gradients in enumerate(DATA["gradients"]):
        optimizer.apply(arrays(gradients), weights)
        if step == 0:
            compare([w.numpy() for w in weights], arrays(case["first"]))
    compare([w.numpy() for w in weights], arrays(case["last"]))
    compare_state(optimizer, [v.numpy() for v in optimizer.stored_variables], case)


@cases
def test_values_in_a_compiled_scan(case: dict[str, Any]) -> None:
    optimizer, weights = made(case)

    def step(carry: Any, gradients: Any) -> Any:
        return optimizer.stateless_apply(carry[1], gradients, carry[0]), None

    gradients = [np.stack(each) for each in zip(*map(arrays, DATA["gradients"]), strict=True)]
    start = [w.numpy() for w in weights], [v.numpy() for v in optimizer.variables]
    (found, state), _ = jax.jit(lambda carry: jax.lax.scan(step, carry, gradients))(start)
    compare(found, arrays(case["last"]))
    kept = {id(v): value for v, value in zip(optimizer.variables, state, strict=True)}
    compare_state(optimizer, [kept[id(v)] for v in optimizer.stored_variables], case)
    assert [w.numpy().tolist() for w in weights] == [w.tolist() for w in start[0]], "a pure function changes nothing"


def compare_state(optimizer: optimizers.Optimizer, values: list[Any], case: dict[str, Any]) -> None:
    paths = [path.removesuffix(":0") for path, _, _ in case["variables"]]
    found = [v.path for v in optimizer.stored_variables]
    if case["generation"] != "keras3":  # The count has a name of its own there.
        paths, found = paths[1:], found[1:]
    assert found == paths
    assert [list(v.shape) for v in optimizer.stored_variables] == [shape for _, shape, _ in case["variables"]]
    for value, (_, _, wanted) in zip(values, case["variables"], strict=True):
        np.testing.assert_allclose(np.ravel(value), wanted, rtol=TOLERANCE, atol=TOLERANCE)


@cases
def test_config(case: dict[str, Any]) -> None:
    optimizer, _ = made(case)
    assert optimizer.get_config() == case["config"]
    with meaning(RELEASES[case["generation"]]):
        again = optimizers.deserialize(json.loads(json.dumps(optimizers.serialize(optimizer))))
        bare = optimizers.get({"class_name": case["name"], "config": case["config"]})
    assert type(again) is type(bare) is type(optimizer)
    assert again.get_config() == bare.get_config() == case["config"]


@pytest.mark.parametrize(
    "case", [pytest.param(c, id=f"{c['generation']}-{c['name']}-{i}") for i, c in enumerate(DATA["schedules"])]
)
def test_schedule(case: dict[str, Any]) -> None:
    """float32's powers, logarithms and cosines differ by a few units in the last place between libraries."""
    with meaning(RELEASES[case["generation"]]):
        schedule = getattr(optimizers.schedules, case["name"]).from_config(case["config"])
        assert schedule.get_config() == case["config"]
    steps = np.asarray(DATA["at"])
    largest = max(case["values"])
    for values in ([schedule(int(step)) for step in steps], [jax.jit(schedule)(step) for step in steps]):
        np.testing.assert_allclose(values, case["values"], rtol=4e-6, atol=4e-6 * largest)
