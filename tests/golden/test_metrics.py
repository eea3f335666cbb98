"""Every metric, batch after batch, against what Keras 3 and tf_keras said, on NumPy and under `jax.jit`."""

from __future__ import annotations

import warnings
from typing import Any

import golden_data
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gatewise as gw
from gatewise.base.release import meaning

DATA = golden_data.data("metrics")
BATCHES = [line for line in DATA.lines if line["kind"] == "batches"]

# Means of some tens of numbers, and areas of 200 slices, in float32.
EXACT = 5e-6


def metric_of(line: dict[str, Any]) -> Any:
    return getattr(gw.metrics, line["name"])(**line["arguments"])


def close(found: Any, wanted: np.ndarray, what: str) -> None:
    found = np.asarray(found)
    assert found.shape == wanted.shape, what
    np.testing.assert_allclose(found, wanted, rtol=EXACT, atol=EXACT, err_msg=what)


@pytest.mark.parametrize("line", [pytest.param(line, id=line["id"]) for line in BATCHES])
def test_batches(line: dict[str, Any]) -> None:
    with meaning(golden_data.release_of(line)):
        metric = metric_of(line)
        for _ in range(2):
            for batch, wanted in zip(DATA.fill(line["batches"]), DATA.fill(line["results"]), strict=True):
                metric.update_state(*batch)
                found = metric.result()
                close(found, wanted, line["id"])
                assert np.asarray(found).dtype == wanted.dtype
            metric.reset_state()


GROUPS = sorted({(line["id"].split("/")[0], line["name"]) for line in BATCHES})


@pytest.mark.parametrize(("system", "name"), GROUPS)
def test_batches_under_jit(system: str, name: str) -> None:
    """As a pure function of the variables' values, which keep their shapes and dtypes from batch to batch."""
    group = [line for line in BATCHES if line["id"].startswith(f"{system}/{name}(")]

    def results(all_batches: Any) -> Any:
        return [of_one(line, batches) for line, batches in zip(group, all_batches, strict=True)]

    def of_one(line: dict[str, Any], batches: Any) -> Any:
        metric = metric_of(line)
        shapes = [np.shape(part) for part in batches[0]]
        metric.build(shapes[0], shapes[1] if len(shapes) > 1 else ())
        state, found = [jnp.asarray(value) for value in metric.stateless_reset_state()], []
        for batch in batches:
            before, state = state, metric.stateless_update_state(state, *batch)
            assert [(x.shape, x.dtype) for x in before] == [(x.shape, x.dtype) for x in state]
            found.append(metric.stateless_result(state))
        assert all(not variable.numpy().any() for variable in metric.variables)
        return found

    with meaning(golden_data.release_of(group[0])), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Explicitly requested dtype")
        found = jax.jit(results)([DATA.fill(line["batches"]) for line in group])
    for line, ours in zip(group, found, strict=True):
        for one, wanted in zip(ours, DATA.fill(line["results"]), strict=True):
            close(one, wanted, line["id"])


CONFIGS = [line for line in DATA.lines if line["kind"] == "config"]


@pytest.mark.parametrize("line", [pytest.param(line, id=line["id"]) for line in CONFIGS])
def test_config(line: dict[str, Any]) -> None:
    """What Keras wrote is read, and what we write is what Keras 3 writes."""
    with meaning(golden_data.release_of(line)):
        read = gw.metrics.deserialize(line["config"])
        made = getattr(gw.metrics, line["name"])(**line["arguments"], name="its_name")
        written = gw.metrics.serialize(made)
        assert read.get_config() == made.get_config()
        assert gw.metrics.deserialize(written).get_config() == made.get_config()
    if golden_data.release_of(line) == "keras3":
        if line["name"] == "CosineSimilarity":  # Keras leaves its axis out, so that a loaded one has -1
            line["config"]["config"]["axis"] = -1
        assert written == line["config"]
