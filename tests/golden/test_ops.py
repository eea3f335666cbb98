"""`gatewise.ops` against Keras 3's, and `keras.backend` against tf_keras's: values and dtypes, on NumPy and on JAX."""

from __future__ import annotations

import importlib
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from golden_data import Data

from gatewise import models
from gatewise.base import structure

DATA = Data("ops")
CASES = [line for line in DATA.lines[1:] if "gives" in line]
ON_JAX = [line for line in CASES if "of_" not in line["case"] and "64" not in line["case"]]
MODULES = {"ops": "gatewise.ops", "backend": "gatewise.keras.backend"}


def array(kept: dict[str, str]) -> np.ndarray:
    return DATA.array(kept["values"]).astype(kept["dtype"])


INPUTS = {name: array(kept) for name, kept in DATA.lines[0]["inputs"].items()}
IN_JAX = {"int64": "int32", "float64": "float32"}  # It has no 64 bits unless it is told to.


def evaluated(line: dict[str, Any], ready: Any) -> list[Any]:
    module = importlib.import_module(MODULES[line["module"]])
    names = {name: getattr(module, name) for name in module.__all__}
    found = structure.flatten(eval(line["case"], names | {name: ready(value) for name, value in INPUTS.items()}))
    return [part if hasattr(part, "dtype") else np.asarray(part) for part in found]


def wanted(line: dict[str, Any]) -> list[np.ndarray]:
    parts = structure.flatten(line["gives"], leaf=lambda part: isinstance(part, dict))
    return [array(part) for part in parts]


def assert_same(found: list[Any], expected: list[np.ndarray]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        name = other.dtype.name
        name = name if isinstance(one, np.ndarray) else IN_JAX.get(name, name)
        assert (one.dtype.name, tuple(one.shape)) == (name, other.shape)
        # Sums of at most 200 numbers below 10 in another order, and float16's last bit.
        slack = 2e-3 if name == "float16" else 2e-5
        np.testing.assert_allclose(np.asarray(one, "float64"), other.astype("float64"), rtol=slack, atol=slack)


@pytest.mark.parametrize("line", CASES, ids=lambda line: f"{line['module']}: {line['case']}")
def test_on_numpy(line: dict[str, Any]) -> None:
    assert_same(evaluated(line, np.asarray), wanted(line))


# Without the cases about dtypes, which are the same code; and JAX has no 64 bits unless it is told to.
@pytest.mark.parametrize("line", ON_JAX, ids=lambda line: f"{line['module']}: {line['case']}")
def test_on_jax(line: dict[str, Any]) -> None:
    assert_same(evaluated(line, jnp.asarray), wanted(line))


def test_a_model_that_keras_3_drew_with_operations() -> None:
    line = DATA.fill({key: DATA.lines[-1][key] for key in ("weights", "inputs", "outputs")})
    model = models.model_from_json(DATA.lines[-1]["config"])
    model.set_weights(line["weights"])
    # Two products of a few numbers below 1.
    np.testing.assert_allclose(model.predict(line["inputs"], verbose=0), line["outputs"], atol=1e-6)
