"""PyTorch's modules and files here, and our files there: `torch.json`, `torch_reads.json`, by `make_torch.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch_models
from golden_data import HERE

import gatewise as gw
from gatewise.models import from_torch, load_weights_from, match_weights

CHAINS = json.loads((HERE / "torch.json").read_text())
ARRAYS = np.load(HERE / "torch.npz")
READS = json.loads((HERE / "torch_reads.json").read_text())
L = gw.layers
# Two layers of four units in float32, weights below 1: what rounding leaves of either side.
CLOSE: dict[str, Any] = {"rtol": 2e-6, "atol": 2e-6}


def stand_in(line: dict[str, Any], place: int) -> Any:
    """An object with the attributes and tensors of a module."""
    facts = dict(line["modules"][place])
    made = type(facts.pop("class"), (), {})()
    start = f"{line['name']}/{place}."
    tensors = {key.removeprefix(start): ARRAYS[key] for key in ARRAYS.files if key.startswith(start)}
    vars(made).update(facts, state_dict=lambda: tensors)
    return made


@pytest.mark.parametrize("line", [pytest.param(line, id=line["name"]) for line in CHAINS])
def test_a_chain_of_modules_is_a_model(line: dict[str, Any]) -> None:
    modules = [stand_in(line, place) for place in range(len(line["modules"]))]
    model = from_torch(modules, ARRAYS[f"{line['name']}/x"].shape[1:])
    found = model.predict(ARRAYS[f"{line['name']}/x"], verbose=0)
    np.testing.assert_allclose(found, ARRAYS[f"{line['name']}/y"], **CLOSE)


def network() -> Any:
    both = [L.Bidirectional(L.LSTM(3, return_sequences=True), name=f"rnn_{level}") for level in range(2)]
    return gw.Sequential([gw.Input((None,), dtype="int32"), L.Embedding(9, 4), *both, L.Dense(2, name="head")])


@pytest.mark.parametrize("file", ["tensors", "tensors_old", "whole", "whole_old", "checkpoint"])
def test_files_of_every_form(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    model = network()
    match = load_weights_from(model, HERE / "of_torch" / f"{file}.pt")
    assert "head                     6x2 2  from" in capsys.readouterr().out
    np.testing.assert_allclose(model.predict(ARRAYS["network/x"], verbose=0), ARRAYS["network/y"], **CLOSE)
    assert match.left == (["many.turned", "many.brain"] if file == "checkpoint" else [])


def test_tensors_that_are_views(tmp_path: Path) -> None:
    from gatewise.formats import open_contents

    with open_contents(HERE / "of_torch" / "checkpoint.pt") as contents:
        found = {array.name: array.read() for s in contents.needed_weights().listed() for array in s.arrays}
    assert found["many.turned"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert found["many.brain"].tolist() == [1.0] * 3


def test_modules_by_name() -> None:
    """The two levels exchanged do not fit; the head named is found among all."""
    model = network()
    match = match_weights(model, HERE / "of_torch" / "tensors.pt", {"head": "head", "rnn_0": "rnn, level 0"})
    match.apply()
    np.testing.assert_allclose(model.predict(ARRAYS["network/x"], verbose=0), ARRAYS["network/y"], **CLOSE)
    with pytest.raises(ValueError, match=r"rnn_0.*cannot be made of rnn, level 1"):
        match_weights(model, HERE / "of_torch" / "tensors.pt", {"rnn_0": "rnn, level 1"})
    with pytest.raises(ValueError, match="no layer with weights named 'tail'"):
        match_weights(model, HERE / "of_torch" / "tensors.pt", {"tail": "head"})
    with pytest.raises(ValueError, match="there is no 'feet'; there are"):
        match_weights(model, HERE / "of_torch" / "tensors.pt", {"head": "feet"})


def test_what_does_not_fit_changes_nothing() -> None:
    model = gw.Sequential([gw.Input((None,), dtype="int32"), L.Embedding(9, 4), L.GRU(3), L.Dense(2)])
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"GRU 'gru.*finds no module of its kind and size.*rnn, level 0 \(LSTM"):
        load_weights_from(model, HERE / "of_torch" / "tensors.pt")
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", torch_models.MODELS)
def test_pytorch_read_what_we_write_today(name: str, tmp_path: Path) -> None:
    path = torch_models.write(name, tmp_path)
    assert torch_models.digest(path) == READS[name]["digest"]
    assert READS[name]["error"] < 2e-6
    model, x = torch_models.made(name)
    again = gw.models.clone_model(model)
    load_weights_from(again, path, show=False)
    np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), **CLOSE)


def test_arrays_in_order_and_by_name(tmp_path: Path) -> None:
    model = gw.Sequential([gw.Input((3,)), L.Dense(4, name="a"), L.Dense(2, name="b")])
    arrays = [np.random.default_rng(0).normal(size=w.shape).astype("float32") for w in model.weights]
    np.savez(tmp_path / "w.npz", *arrays)
    load_weights_from(model, tmp_path / "w.npz", show=False)
    for one, other in zip(model.get_weights(), arrays, strict=True):
        np.testing.assert_array_equal(one, other)
    named = dict(zip(["x", "y", "z", "w"], [arrays[2], arrays[3], arrays[0], arrays[1]], strict=True))
    load_weights_from(model, named, {"a": "z w", "b": "x y"}, show=False)
    for one, other in zip(model.get_weights(), arrays, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match="would become 'kernel'"):
        load_weights_from(model, named, show=False)
    with pytest.raises(ValueError, match="4 weights, but 3 arrays"):
        load_weights_from(model, {str(n): arrays[n] for n in range(3)}, show=False)


class Conv9d:
    def state_dict(self) -> dict[str, Any]:
        return {}


def test_modules_that_are_not_known_are_named() -> None:
    with pytest.raises(ValueError, match=r"a Conv9d is not among the modules.*load_weights_from"):
        from_torch([Conv9d()])
