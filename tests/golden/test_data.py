"""Programs on data give what they gave with `tf.data`, Keras 3 and tf_keras."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import data_cases
import numpy as np
import pytest

from gatewise import keras
from gatewise.compat import tensorflow as tf

with gzip.open(Path(__file__).parent / "data.jsonl.gz", "rt") as _file:
    WANTED = {line["name"]: line["found"] for line in map(json.loads, _file)}
ROUNDINGS = 4 * 2.0**-23
"""Of a logarithm, a sum, a product and a mean of float32 numbers; those of float64 are closer."""


@pytest.mark.parametrize("name", WANTED)
def test_what_the_real_systems_gave(name: str) -> None:
    found = json.loads(json.dumps(data_cases.said(data_cases.CASES[name](tf, keras))))
    assert_same(found, WANTED[name], name)


def test_there_is_a_result_of_every_program() -> None:
    assert WANTED.keys() == data_cases.CASES.keys()


def assert_same(found: Any, wanted: Any, where: str) -> None:
    if isinstance(wanted, float) and not isinstance(found, bool):
        np.testing.assert_allclose(found, wanted, rtol=ROUNDINGS, err_msg=where)
    elif isinstance(wanted, list):
        assert isinstance(found, list), where
        assert len(found) == len(wanted), f"{where}: {found} and {wanted}"
        for place, pair in enumerate(zip(found, wanted, strict=True)):
            assert_same(*pair, f"{where}[{place}]")
    elif isinstance(wanted, dict):
        assert found.keys() == wanted.keys(), where
        for key, value in wanted.items():
            assert_same(found[key], value, f"{where}[{key!r}]")
    else:
        assert found == wanted, where
