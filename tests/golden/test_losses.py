"""Every loss, with weights, masks and gradients, against what Keras 3 and tf_keras said, on NumPy and under JAX."""

from __future__ import annotations

from typing import Any

import golden_data
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gatewise as gw
from gatewise.base import masks
from gatewise.base.release import meaning

DATA = golden_data.data("losses")

# Sums of some tens of terms, each rounded a few times: some tens of the dtype's half steps.
EXACT = {"float32": 2e-6, "float64": 1e-14}
# TensorFlow computes the first two in float32 whatever comes, and the third with log(2) in float32.
SINGLE = ("CTC", "Huber", "LogCosh")


def lines(kind: str) -> Any:
    return pytest.mark.parametrize("line", [pytest.param(x, id=x["id"]) for x in DATA.lines if x["kind"] == kind])


def loss_of(line: dict[str, Any]) -> Any:
    """The loss as the system had it: Keras 3 was told the dtype, without which losses are in floatx there."""
    told = {"dtype": "float64"} if "float64" in line["id"] and golden_data.release_of(line) == "keras3" else {}
    return getattr(gw.losses, line["name"])(**line["arguments"], **told)


def close(found: Any, wanted: np.ndarray, tolerance: float) -> None:
    """Equal to so many parts of the largest number: what a sum of terms of that size can lose."""
    found = np.asarray(found)
    assert found.shape == wanted.shape
    largest = np.max(np.abs(wanted[np.isfinite(wanted)]), initial=1.0)
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * largest)


@lines("value")
def test_value(line: dict[str, Any]) -> None:
    y_true, y_pred = DATA.fill(line["y_true"]), DATA.fill(line["y_pred"])
    masks.attach(y_pred, DATA.fill(line["mask"]))
    with meaning(golden_data.release_of(line)):
        found = loss_of(line)(y_true, y_pred, DATA.fill(line["weights"]))
    assert found.dtype == y_pred.dtype
    close(found, value_of(line), EXACT["float32" if line["name"] in SINGLE else y_pred.dtype.name])


# Compiling costs more than computing: one function holds all the cases of a loss.
SINGLES = [line for line in DATA.lines if line["kind"] == "value" and line["y_pred"].startswith("f4")]
GROUPS = sorted({(line["id"].split("/")[0], line["name"]) for line in SINGLES})


@pytest.mark.parametrize(("system", "name"), GROUPS)
def test_values_and_gradients_under_jit(system: str, name: str) -> None:
    group = [line for line in SINGLES if line["id"].startswith(f"{system}/{name}(")]

    def values(xs: list[Any]) -> Any:
        found = [loss_under_jax(line, x) for line, x in zip(group, xs, strict=True)]
        return sum(value.sum() for value in found), found

    xs = [jnp.asarray(DATA.fill(line["y_pred"])) for line in group]
    with meaning(golden_data.release_of(group[0])):
        (_, found), gradients = jax.jit(jax.value_and_grad(values, has_aux=True))(xs)
    for line, value, gradient in zip(group, found, gradients, strict=True):
        wanted = DATA.fill(line["gradient"])
        assert np.isfinite(gradient).all(), line["id"]
        if not np.isfinite(wanted).all():  # Keras's gradient for a vector of zeros, and where nothing counts
            wanted = np.where(np.isnan(wanted), gradient, wanted)
        close(value, value_of(line), EXACT["float32"])
        close(gradient, wanted, 5 * EXACT["float32"])


def loss_under_jax(line: dict[str, Any], x: Any) -> Any:
    masks.attach(x, DATA.fill(line["mask"]))
    return loss_of(line)(jnp.asarray(DATA.fill(line["y_true"])), x, DATA.fill(line["weights"]))


def value_of(line: dict[str, Any]) -> np.ndarray:
    """What the system said; where nothing counts tf_keras divides 0 by 0, and weights (B, 1) make losses (B, 1) there."""
    wanted, weights = DATA.fill(line["value"]), DATA.fill(line["weights"])
    wanted = np.where(np.isnan(wanted), 0, wanted).astype(wanted.dtype)
    return wanted[:, 0] if weights is not None and wanted.ndim == 2 and wanted.shape[1] == 1 else wanted


@lines("config")
def test_config(line: dict[str, Any]) -> None:
    """What Keras wrote is read; what we write has all that Keras 3 writes, and makes the same loss."""
    with meaning(golden_data.release_of(line)):
        read = gw.losses.deserialize(line["config"])
        made = loss_of(line)
    assert read.get_config() == {**made.get_config(), **lost(line)}
    written = gw.losses.serialize(made)
    assert gw.losses.deserialize(written) == made
    if golden_data.release_of(line) == "keras3":
        assert written["config"] | line["config"]["config"] == written["config"]
        assert {**written, "config": 0} == {**line["config"], "config": 0}


def lost(line: dict[str, Any]) -> dict[str, Any]:
    """Arguments that Keras's own config leaves out, with the defaults that they get."""
    keras3 = golden_data.release_of(line) == "keras3"
    defaults = {"Huber": {"delta": 1.0}, "CosineSimilarity": {"axis": -1}} if keras3 else {}
    return defaults.get(line["name"], {})


@lines("function config")
def test_function_config(line: dict[str, Any]) -> None:
    function = getattr(gw.losses, line["name"])
    assert gw.losses.deserialize(line["config"]) is function
    assert gw.losses.serialize(function) == line["config"]
