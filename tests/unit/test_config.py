"""Settings, and what importing costs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import gatewise as gw


def test_floatx() -> None:
    try:
        gw.config.floatx = "float64"
        assert gw.layers.Dense(2).dtype == "float64"
        assert gw.Input((2,)).dtype == "float64"
    finally:
        gw.config.floatx = "float32"
    assert gw.layers.Dense(2).dtype == "float32"


def test_threads() -> None:
    before = gw.config.threads
    assert before >= 1
    try:
        gw.config.threads = 3
        assert gw.config.threads == 3
    finally:
        gw.config.threads = 0
    assert gw.config.threads == before


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("floatx", "float31", "config.floatx: expected one of float16.*'float31'"),
        ("executor", "torch", "config.executor: expected 'auto', 'numpy' or 'jax', got 'torch'"),
        ("threads", -1, "config.threads"),
        ("threads", True, "config.threads"),
        ("threads", 1.5, "config.threads"),
    ],
)
def test_settings_that_are_none(name: str, value: Any, words: str) -> None:
    before = getattr(gw.config, name)
    with pytest.raises(ValueError, match=words):
        setattr(gw.config, name, value)
    assert getattr(gw.config, name) == before


def run(code: str) -> Any:
    """What a fresh interpreter prints, as JSON."""
    return json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


HEAVY = ["jax", "jaxlib", "h5py", "rich", "click", "matplotlib", "optax", "threadpoolctl", "gatewise.engine._native"]


def test_importing_loads_nothing_heavy() -> None:
    found = run(f"import gatewise, sys, json; print(json.dumps([m for m in {HEAVY} if m in sys.modules]))")
    assert found == []
    code = "import gatewise, sys, json; gatewise.Sequential; gatewise.keras.layers.LSTM(3);"
    assert run(f"{code} print(json.dumps([m for m in {HEAVY} if m in sys.modules]))") == []


def test_predicting_loads_no_framework() -> None:
    code = """
import sys, json
import numpy as np
import gatewise as tf
model = tf.keras.Sequential([tf.keras.layers.LSTM(6, input_shape=(5, 3))])
shape = model.predict(np.zeros((1, 5, 3))).shape
print(json.dumps([shape, [m for m in ("jax", "h5py", "rich", "click", "threadpoolctl", "tensorflow") if m in sys.modules]]))
"""
    assert run(code) == [[1, 6], []]


def test_every_public_name_is_there() -> None:
    code = "import gatewise, json; print(json.dumps([n for n in gatewise.__all__ if not hasattr(gatewise, n)]))"
    assert run(code) == []
    code = "from gatewise import *; import json; print(json.dumps([Sequential.__name__, layers.LSTM.__name__]))"
    assert run(code) == ["Sequential", "LSTM"]
    assert set(gw.__all__) <= set(dir(gw))
    assert gw.config.floatx == "float32"
    with pytest.raises(AttributeError):
        gw.nothing_of_the_kind  # noqa: B018


@pytest.mark.parametrize(
    "first",
    [
        "gatewise.layers",
        "gatewise.models",
        "gatewise.graph",
        "gatewise.keras",
        "gatewise.recurrent",
        "gatewise.base.variable",
    ],
)
def test_any_module_may_be_imported_first(first: str) -> None:
    assert run(f"import {first}, gatewise, json; print(json.dumps(gatewise.layers.LSTM(2).units))") == 2


def test_a_config_with_layers_is_read_whatever_was_imported() -> None:
    code = """
from gatewise.models import model_from_config
import json
layers = [{"class_name": "LSTM", "config": {"units": 3, "batch_input_shape": [None, 2, 3]}}]
print(json.dumps(model_from_config({"class_name": "Sequential", "config": layers}).output_shape))
"""
    assert run(code) == [None, 3]


def test_float64_layers_compute_in_float64() -> None:
    x = np.random.default_rng(0).standard_normal((2, 5, 3))
    layer = gw.layers.LSTM(4, dtype="float64")
    y = layer(x)
    assert y.dtype == np.float64
    assert np.abs(y - layer(x.astype("float32"))).max() > 0


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("arrays", "base.arrays"),
        ("release", "base.release"),
        ("structure", "base.structure"),
        ("symbolic", "layer.symbolic"),
    ],
)
def test_modules_that_moved_are_the_same_at_their_old_addresses(before: str, now: str) -> None:
    code = f"""
import gatewise.{before} as old, gatewise.{now} as new, json
from gatewise import {before} as named
print(json.dumps([old is new, named is new]))
"""
    assert run(code) == [True, True]
