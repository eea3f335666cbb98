"""`gatewise.ops` against Keras 3's, and `keras.backend` against tf_keras's: values and dtypes, on NumPy and on JAX."""

from __future__ import annotations

import importlib
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from golden_data import Data

from gatewise.base import structure

DATA = Data("ops")
CASES = DATA.lines[1:]
ON_JAX = [line for line in CASES if "of_" not in line["case"] and "64" not in line["case"]]
MODULES = {"ops": "gatewise.ops", "backend": "gatewise.keras.backend"}


def array(kept: dict[str, str]) -> np.ndarray:
    return DATA.array(kept["values"]).astype(kept["dtype"])


INPUTS = {name: array(kept) for name, kept in DATA.lines[0]["inputs"].items()}
# What JAX has without 64 bits, and eigen- and other decompositions whose signs are free.
TO_32_BITS = {"int64": "int32", "float64": "float32", "uint64": "uint32", "complex128": "complex64"}


def evaluated(line: dict[str, Any], ready: Any) -> list[Any]:
    module = importlib.import_module(MODULES[line["module"]])
    names = {name: getattr(module, name) for name in module.__all__}
    found = structure.flatten(eval(line["case"], names | {name: ready(value) for name, value in INPUTS.items()}))
    return [part if hasattr(part, "dtype") else np.asarray(part) for part in found]


def wanted(line: dict[str, Any]) -> list[np.ndarray]:
    parts = structure.flatten(line["gives"], leaf=lambda part: isinstance(part, dict))
    return [array(part) for part in parts]


def assert_same(found: list[Any], expected: list[np.ndarray], dtypes: dict[str, str]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        name = other.dtype.name
        assert (one.dtype.name, tuple(one.shape)) == (dtypes.get(name, name), other.shape)
        # Sums of at most 200 numbers below 10 in another order, and float16's last bit.
        slack = 2e-3 if name == "float16" else 2e-5
        np.testing.assert_allclose(np.asarray(one, "float64"), other.astype("float64"), rtol=slack, atol=slack)


@pytest.mark.parametrize("line", CASES, ids=lambda line: f"{line['module']}: {line['case']}")
def test_on_numpy(line: dict[str, Any]) -> None:
    assert_same(evaluated(line, np.asarray), wanted(line), {})


# Without the cases about dtypes, which are the same code; and JAX has no 64 bits unless it is told to.
@pytest.mark.parametrize("line", ON_JAX, ids=lambda line: f"{line['module']}: {line['case']}")
def test_on_jax(line: dict[str, Any]) -> None:
    assert_same(evaluated(line, jnp.asarray), wanted(line), TO_32_BITS)
