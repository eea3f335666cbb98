"""Cells of all kinds under RNN, Bidirectional and TimeDistributed, against Keras 3 and tf_keras."""

from __future__ import annotations

import golden_cases
import own_cells
import pytest
from golden_cases import check

import gatewise as gw

own_cells.cells(gw.keras)
CASES = golden_cases.Cases("wrapped")


@pytest.mark.parametrize("name", CASES.lines)
def test_case(name: str) -> None:
    CASES.run(CASES.lines[name])


@pytest.mark.parametrize("name", [name for name in CASES.lines if name.startswith("keras3")])
def test_on_jax(name: str) -> None:
    """Under `jit`, as a pure function of the weights and the states."""
    line = CASES.lines[name]
    found = CASES.outputs_on_jax(line, CASES.prepared(line))
    wanted = [CASES.data.fill(call["outputs"]) for call in line["calls"] if "outputs" in call]
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        check(one, other)
