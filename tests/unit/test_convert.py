"""`gatewise convert`: each form that it writes, what it says is left behind, and how it fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import gatewise as gw
from gatewise import cli, models

FILES = Path(__file__).parents[1] / "golden" / "files"
TRAINED = FILES / "keras3_compiled.h5"  # A training config and the optimizer's state.
IDS = FILES / "keras_2.0_functional.h5"  # a (None, 5, 4) and ids b (None, 5)


def convert(*arguments: Any, code: int = 0) -> str:
    done = CliRunner().invoke(cli.main, ["convert", *map(str, arguments)])
    assert done.exit_code == code, done.output
    return done.output


@pytest.mark.parametrize("ending", [".keras", ".h5", ".safetensors"])
@pytest.mark.parametrize("source", [TRAINED, IDS])
def test_what_can_be_read_is_read_again(source: Path, ending: str, tmp_path: Path) -> None:
    target = tmp_path / f"model{ending}"
    text = convert(source, target)
    assert "Read again: the same outputs on random input, to the last bit.\n" in text
    assert "Not carried" not in text
    for mine, theirs in zip(models.load_model(target).weights, models.load_model(source).weights, strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())


def test_ids_of_a_model_inside_are_ids(tmp_path: Path) -> None:
    inner = gw.Sequential([gw.Input((None,)), gw.layers.Embedding(2, 3), gw.layers.GRU(4)])
    ids = gw.Input((5,))
    gw.Model(ids, gw.layers.Dense(1)(inner(ids))).save(tmp_path / "model.keras")
    assert "Read again" in convert(tmp_path / "model.keras", tmp_path / "model.h5")


def test_c_is_compiled_and_run(tmp_path: Path) -> None:
    text = convert(IDS, tmp_path / "model.c", "--weights", "int8")
    assert "Compiled and run: model: right, largest difference " in text
    assert "Not carried" not in text
    assert "int8" in (tmp_path / "model.h").read_text()


def test_without_a_compiler_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    assert "Not run: there is no C compiler here" in convert(IDS, tmp_path / "model.c")


def test_a_compiler_that_fails_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "false")
    assert "does not compile" in convert(IDS, tmp_path / "model.c", code=1)


def test_what_is_left_behind_is_said(tmp_path: Path) -> None:
    text = convert(TRAINED, tmp_path / "model.onnx")
    assert "Not carried: the training config.\nNot carried: the optimizer's state.\n" in text
    assert "Not run: Gatewise writes ONNX and does not read it." in text


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ("model.txt", [], "a model is converted to a file that ends in .keras, .h5"),
        ("model.h5", ["--weights", "int8"], "weights: an option of C alone"),
        ("nowhere/model.c", [], "there is no folder"),
    ],
)
def test_bad_input_is_refused_in_words(target: str, options: list[str], words: str, tmp_path: Path) -> None:
    assert words in convert(IDS, tmp_path / target, *options, code=1)
    assert not list(tmp_path.iterdir())


def test_the_source_is_not_overwritten(tmp_path: Path) -> None:
    source = tmp_path / "model.h5"
    source.write_bytes(IDS.read_bytes())
    assert "name another" in convert(source, source, code=1)
    assert source.read_bytes() == IDS.read_bytes()


def test_a_graph_has_no_other_form(tmp_path: Path) -> None:
    source = Path(__file__).parents[1] / "golden" / "of_tensorflow1" / "gru.pb"
    text = convert(source, tmp_path / "out.keras", code=1)
    assert "gru.pb' is a graph of operators" in text
    assert "load_weights_from" in text
    assert not (tmp_path / "out.keras").exists()
