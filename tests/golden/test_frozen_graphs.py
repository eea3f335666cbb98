"""Frozen graphs of the real TensorFlow 1.15 run here, and say what they said there (`tools/golden/make_frozen.py`); so
does one of TensorFlow 2 (`make_frozen2.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_data import HERE

import gatewise as gw
from gatewise.models import load_model, load_weights_from
from gatewise.models.tensorflow1.model import TensorFlowGraph

FILES = HERE / "of_tensorflow1"
WANTED = np.load(HERE / "frozen.npz")
CLOSE: dict[str, Any] = {"rtol": 0, "atol": 1e-6}
ON_ENGINE = {
    "basic_lstm": ["LSTM of 3 units"],
    "lstm_whole": ["LSTM of 3 units"],
    "peepholes": ["LSTM with peepholes of 3 units"],
    "gru": ["GRU of 3 units"],
    "cudnn_gru": ["GRU that resets behind the product of 3 units"],
    "basic_rnn": ["SimpleRNN of 3 units"],
    "stack": ["LSTM of 3 units", "GRU of 2 units", "SimpleRNN of 4 units"],
    "residual": ["GRU of 4 units"],
    "both": ["LSTM of 3 units", "GRU of 2 units"],
    "dropped": ["LSTM of 3 units"],
    "embedded": ["GRU of 3 units"],
    "projected": [],
    "normalized": [],
    "of_keras": [],
}
"""What is known in each graph; the last three have loops that go turn by turn."""


def given(model: TensorFlowGraph) -> dict[str, np.ndarray]:
    return {name: WANTED[name] for name in ("x", "lengths") if name in model.inputs}


@pytest.mark.parametrize("name", ON_ENGINE)
def test_a_graph_says_what_it_said(name: str) -> None:
    model = load_model(FILES / f"{name}.pb")
    assert isinstance(model, TensorFlowGraph)
    assert model.outputs == ["y"]
    assert [cell for cells in model.cells.values() for cell in cells] == ON_ENGINE[name]
    found = model.run(given(model))["y"]
    assert found.dtype == WANTED[name].dtype
    np.testing.assert_allclose(found, WANTED[name], **CLOSE)


@pytest.mark.parametrize("name", [name for name, cells in ON_ENGINE.items() if cells])
def test_turn_by_turn_it_says_the_same(name: str) -> None:
    model = load_model(FILES / f"{name}.pb")
    for loop in model._loops:
        loop.together = None
    np.testing.assert_allclose(model.run(given(model))["y"], WANTED[name], **CLOSE)


def test_a_frozen_graph_of_tensorflow_2() -> None:
    """Its loops are TensorFlow 1's, with lists in place of arrays of arrays; zeros are left out of its constants."""
    model, wanted = load_model(HERE / "frozen2.pb"), np.load(HERE / "frozen2.npz")
    assert list(model.inputs) == ["x"]
    np.testing.assert_allclose(model.predict(wanted["x"]), wanted["y"], **CLOSE)


def test_sequences_without_steps_are_refused_as_tensorflow_does() -> None:
    model = load_model(FILES / "lstm_whole.pb")
    with pytest.raises(ValueError, match="no arrays, which would say their shape"):
        model.predict(np.zeros((2, 0, 4), "float32"))


def test_any_node_can_be_asked_for_and_given() -> None:
    model = load_model(FILES / "both.pb")
    found = model.run(given(model), ["ReverseSequence:0", "concat"])
    assert {name: array.shape for name, array in found.items()} == {"ReverseSequence:0": (3, 5, 2), "concat": (3, 5, 5)}
    again = model.run({"concat": found["concat"]}, ["y"])["y"]  # No input is needed then.
    np.testing.assert_allclose(again, WANTED["both"], **CLOSE)


def test_the_branch_of_training_is_taken_when_asked_for() -> None:
    model = load_model(FILES / "dropped.pb")
    assert np.abs(model.run({"x": WANTED["x"], "training": True})["y"] - WANTED["dropped"]).max() > 0.01


def test_what_is_not_known_is_refused_with_what_is_there() -> None:
    wanted = r"unknown\.pb.*MatrixInverse are not known.*takes x, lengths.*rnn/while/while_context \(GRU of 3 units\)"
    with pytest.raises(ValueError, match=rf"{wanted}.*load_weights_from"):
        load_model(FILES / "unknown.pb")


def test_errors_of_a_call() -> None:
    model = load_model(FILES / "gru.pb")
    with pytest.raises(ValueError, match="the input 'lengths' is missing"):
        model.run({"x": WANTED["x"]})
    with pytest.raises(ValueError, match=r"no input 'z'; there are x, lengths\."):
        model.run({"z": WANTED["x"]})
    with pytest.raises(ValueError, match=r"no node 'yy'.*Outputs are y"):
        model.run(given(model), ["yy"])
    with pytest.raises(ValueError, match="stands inside a loop"):
        model.run(given(model), ["rnn/while/Identity"])
    with pytest.raises(
        ValueError, match=r"gru\.pb.*GRU of 3 units in the loop .*shape \(3, 5, 3\); wanted \(B, T, 4\)"
    ):
        model.run({"x": WANTED["x"][:, :, :3], "lengths": WANTED["lengths"]})
    with pytest.raises(ValueError, match=r"2 inputs are wanted \(x, lengths\), but 1"):
        model.predict(WANTED["x"])


def test_the_constants_become_weights_of_layers() -> None:
    model = gw.Sequential([gw.Input((5, 4)), gw.layers.GRU(3, reset_after=False, name="layer")])
    load_weights_from(model, FILES / "gru.pb", names={"layer": "rnn/gru_cell"}, show=False)
    found = load_model(FILES / "gru.pb").run({"x": WANTED["x"], "lengths": [5, 5, 5]})["y"]
    np.testing.assert_allclose(model.predict(WANTED["x"], verbose=0).ravel(), found[-9:], **CLOSE)


def test_damaged_graphs_are_made_or_refused(tmp_path: Path) -> None:
    data, path = (FILES / "gru.pb").read_bytes(), tmp_path / "graph.pb"
    refused = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        changed = bytearray(data)
        for place in rng.integers(0, len(data), int(rng.integers(1, 5))):
            changed[place] = rng.choice([0, 255, changed[place] ^ 1 << int(rng.integers(8))])
        path.write_bytes(changed)
        try:
            model = load_model(path)
            model.run(given(model), model.outputs)
        except ValueError as error:
            refused += 1
            assert "graph.pb" in str(error) or not str(error).startswith("'")  # noqa: PT017
    assert 5 < refused < 60
