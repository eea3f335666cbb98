"""ONNX files: those that ONNX Runtime ran, written today, and read back; and what has no words in ONNX, refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx_models
import pytest
from golden_data import HERE

import gatewise as gw
from gatewise import ops
from gatewise.models import OnnxModel

READS = json.loads((HERE / "onnx_reads.json").read_text())
L = gw.layers


@pytest.mark.parametrize("name", onnx_models.MODELS)
def test_what_the_runtime_ran_is_written_today(name: str, tmp_path: Path) -> None:
    paths = onnx_models.write(name, tmp_path)
    assert [path.stem for path in paths] == [stem for stem in (name, f"{name}_states") if stem in READS]
    for path in paths:
        assert onnx_models.digest(path) == READS[path.stem]["digest"]
        # Both sides round sums of a few numbers below 2 to float32, over six steps and at most four layers.
        assert READS[path.stem]["error"] < 2e-6


class Own(L.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs


@pytest.mark.parametrize(
    ("stack", "words"),
    [
        ([Own], r"Own 'own.*has no words in ONNX"),
        ([lambda: L.LSTM(3, activation="gelu")], r"LSTM 'lstm.*'gelu' in its recurrence"),
        ([lambda: L.Dense(3, activation="mish")], r"Dense 'dense.*'mish'"),
        ([lambda: L.PeepholeLSTM(3)], r"PeepholeLSTM.*equation"),
        ([lambda: L.LSTM(3, time_major=True)], r"time_major"),
        ([L.Masking, lambda: L.LSTM(3)], r"Masking.*has no words"),
        (
            [lambda: L.Bidirectional(L.LSTM(3), backward_layer=L.LSTM(4, go_backwards=True))],
            r"different kinds or sizes",
        ),
        ([lambda: L.Lambda(ops.sin)], r"Lambda"),
    ],
)
def test_what_has_no_words_is_refused_by_name(stack: list[Any], words: str, tmp_path: Path) -> None:
    model = gw.Sequential([gw.Input((5, 3)), *(make() for make in stack)])
    with pytest.raises(ValueError, match=words):
        model.export(tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("make", [lambda: L.Bidirectional(L.LSTM(3)), lambda: L.LSTM(3, go_backwards=True)])
def test_what_reads_the_end_first_cannot_come_in_pieces(make: Any, tmp_path: Path) -> None:
    model = gw.Sequential([gw.Input((5, 3)), make()])
    with pytest.raises(ValueError, match="cannot come in pieces"):
        model.export(tmp_path / "m.onnx", states=True)


def test_names_and_forms(tmp_path: Path) -> None:
    model = gw.Sequential([gw.Input((5, 3)), L.LSTM(3)])
    with pytest.raises(ValueError, match=r"end in \.onnx"):
        model.export(tmp_path / "m.txt")
    model.export(tmp_path / "m.model", format="onnx")
    assert (tmp_path / "m.model").stat().st_size > 300
    with pytest.raises(ValueError, match="not built"):
        gw.Sequential([L.LSTM(3)]).export(tmp_path / "m.onnx")

    class Mine(gw.Model):
        def call(self, inputs: Any) -> Any:
            return inputs

    mine = Mine()
    mine(onnx_models.made("lstm")[1]["input_layer"])
    with pytest.raises(ValueError, match="its own `call`"):
        mine.export(tmp_path / "m.onnx")


@pytest.mark.parametrize("name", onnx_models.MODELS)
def test_our_own_files_give_the_same_numbers(name: str, tmp_path: Path) -> None:
    model, inputs = onnx_models.made(name)
    path = tmp_path / "model.onnx"
    model.export(path)
    wanted = model.predict(inputs if len(inputs) > 1 else next(iter(inputs.values())), verbose=0)
    found = OnnxModel(path).predict(inputs)
    for one, other in zip(_list(found), _list(wanted), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-6, atol=2e-6)


def _list(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [found]


@pytest.mark.parametrize("name", onnx_models.IN_PIECES)
def test_our_own_files_in_pieces(name: str, tmp_path: Path) -> None:
    model, inputs = onnx_models.made(name)
    ((given, x),) = inputs.items()
    path = tmp_path / "model.onnx"
    model.export(path, states=True)
    graph = OnnxModel(path)
    states = {
        value.name: np.zeros((len(x), int(value.shape[1] or 0)), "float32")
        for value in graph.inputs
        if value.name != given and value.shape is not None
    }
    pieces = []
    for start in range(0, x.shape[1], 2):
        first, *after = graph.run({given: x[:, start : start + 2], **states}).values()
        states = dict(zip(states, after, strict=True))
        pieces.append(first)
    np.testing.assert_allclose(np.concatenate(pieces, 1), model.predict(x, verbose=0), rtol=2e-6, atol=2e-6)
