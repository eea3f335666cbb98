"""Calls of `tf`, and programs with tapes, against what the real TensorFlow gave: values, dtypes, shapes, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gatewise.base.ragged import RaggedTensor
from gatewise.base.tensor_shape import TensorShape
from gatewise.base.tensors import Tensor
from gatewise.base.variable import Variable
from gatewise.compat import tensorflow as tf

DATA = json.loads((Path(__file__).parent / "tf.json").read_text())
REFUSALS = (ValueError, TypeError, IndexError, NotImplementedError)


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    space: dict[str, Any] = {"tf": tf, "np": np}
    for name, text in DATA["given"].items():
        space[name] = eval(text, space)
    return space


@pytest.mark.parametrize("case", [pytest.param(case, id=case["call"]) for case in DATA["calls"]])
def test_a_call_gives_what_it_gives_in_tensorflow(case: dict[str, Any], names: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(REFUSALS):
            eval(case["call"], names)
    else:
        same(eval(case["call"], names), case["found"])


@pytest.mark.parametrize("name", DATA["programs"])
def test_a_program_computes_what_it_computes_in_tensorflow(name: str) -> None:
    space: dict[str, Any] = {"tf": tf, "np": np}
    exec(DATA["programs"][name]["source"], space)
    # Several steps of float32 in another order of sums: a few units of 1e-6, and what Adam makes of them.
    same(space["found"], DATA["programs"][name]["found"], atol=2e-5)


def same(found: Any, wanted: Any, atol: float = 1e-6) -> None:
    """To a few units in float32's last place; text, whole numbers and dtypes are the same."""
    if isinstance(wanted, dict) and "dtype" in wanted:
        assert isinstance(found, (np.ndarray, np.generic, Variable))
        plain = np.asarray(found)
        dtype = "string" if plain.dtype.kind in "OS" else plain.dtype.name
        assert (dtype, list(plain.shape)) == (wanted["dtype"], wanted["shape"])
        if dtype == "string":
            assert text(plain.tolist()) == wanted["values"]
        else:
            values = np.array(wanted["values"], plain.dtype).reshape(plain.shape)
            np.testing.assert_allclose(plain, values, rtol=4e-6, atol=atol if plain.dtype.kind == "f" else 0)
    elif isinstance(wanted, dict) and "rows" in wanted:
        assert isinstance(found, (RaggedTensor, TensorShape))
        rows = found.to_list() if isinstance(found, RaggedTensor) else found.as_list()
        assert np.asarray(text(rows), object).tolist() == wanted["rows"]
    elif isinstance(wanted, list):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            same(one, other, atol)
    elif isinstance(wanted, float):
        np.testing.assert_allclose(found, wanted, rtol=4e-6, atol=atol)
    else:
        assert text(found) == wanted
        assert not isinstance(found, Tensor)


def text(tree: Any) -> Any:
    if isinstance(tree, list):
        return [text(part) for part in tree]
    return tree.decode(errors="backslashreplace") if isinstance(tree, bytes) else tree
