"""Activations, initializers, regularizers and constraints against the values that the real systems gave."""

from __future__ import annotations

from typing import Any

import golden_data
import numpy as np
import pytest

import gatewise as gw
from gatewise.base.release import meaning

DATA = golden_data.data("functions")


def lines(kind: str) -> Any:
    return pytest.mark.parametrize("line", [pytest.param(x, id=x["id"]) for x in DATA.lines if x["kind"] == kind])


# Comparisons let these give a number for NaN in Keras; here NaN in is NaN out.
SWALLOWS_NAN = ("hard_shrink", "soft_shrink", "threshold", "relu")


@lines("activation")
def test_activation(line: dict[str, Any]) -> None:
    """Infinity comes out where it does there, and NaN from NaN; elsewhere to 1e-5, or what float32 holds of more."""
    wanted, x = DATA.fill(line["outputs"]), DATA.fill(line["inputs"])
    with meaning(golden_data.release_of(line)), np.errstate(all="ignore"):
        found = np.asarray(gw.activations.get(line["name"])(x, **line["arguments"]))
    assert found.dtype == wanted.dtype
    if line["name"] in SWALLOWS_NAN:
        assert np.isnan(found[np.isnan(x)]).all()
        wanted = np.where(np.isnan(x), np.nan, wanted)
    if line["name"] == "relu" and "threshold" in line["arguments"]:
        # There 0 * -inf is in the way; the limit is the slope times -inf.
        slope = line["arguments"].get("alpha", line["arguments"].get("negative_slope", 0))
        wanted = np.where(np.isneginf(x), -np.inf if slope else 0.0, wanted)
    if line["name"] == "squareplus":
        # There the square overflows; the values at +-1e30 are 1e30 and 0.
        wanted = np.where(np.abs(x) == np.float32(1e30), np.maximum(x, 0), wanted)
    np.testing.assert_allclose(found, wanted, rtol=2e-6, atol=1e-5, equal_nan=True)


@lines("bias")
def test_initial_bias(line: dict[str, Any]) -> None:
    with meaning(golden_data.release_of(line)):
        layer = getattr(gw.layers, line["layer"])(3, **line["arguments"])
    layer.build((None, 5, 4))
    assert [list(w.shape) for w in layer.get_weights()] == line["shapes"]
    np.testing.assert_array_equal(layer.get_weights()[-1], DATA.fill(line["outputs"]))


@lines("initializer")
def test_initializer(line: dict[str, Any]) -> None:
    found = gw.initializers.get(line["config"])(tuple(line["shape"]))
    np.testing.assert_array_equal(np.asarray(found), DATA.fill(line["outputs"]))


@lines("distribution")
def test_distribution(line: dict[str, Any]) -> None:
    """Moments and bounds of one draw of 45 to 60 thousand values agree with a draw of the real system's."""
    drawn = np.asarray(gw.initializers.get(line["config"])(tuple(line["shape"])))
    # The mean of n independent values has a deviation of std / sqrt(n), and the deviation one of at most that: six
    # times what two draws differ by. (The values of an orthogonal matrix depend on each other, which only helps.)
    slack = 6 * np.sqrt(2 / drawn.size) * line["std"]
    assert abs(drawn.mean() - line["mean"]) < slack
    assert abs(drawn.std() - line["std"]) < slack
    bounded = line["config"]["class_name"] not in ("RandomNormal", "Orthogonal") and "untruncated" not in line["id"]
    if bounded:  # A truncated normal is thin at its ends, so two draws' ends differ a little.
        width = line["max"] - line["min"]
        assert abs(drawn.max() - line["max"]) < 0.02 * width
        assert abs(drawn.min() - line["min"]) < 0.02 * width


@lines("regularizer")
def test_regularizer(line: dict[str, Any]) -> None:
    found = gw.regularizers.get(line["config"])(DATA.fill(line["inputs"]))
    np.testing.assert_allclose(float(found), float(DATA.fill(line["outputs"])), rtol=1e-6)


@lines("constraint")
def test_constraint(line: dict[str, Any]) -> None:
    found = gw.constraints.get(line["config"])(DATA.fill(line["inputs"]))
    np.testing.assert_allclose(np.asarray(found), DATA.fill(line["outputs"]), rtol=2e-6, atol=1e-6)
