"""Which reader takes a file, what is said of files that none takes, and what a reader gives."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from keras_files import delete, edited, nested, same, small, with_random_weights, write, write_vars

from gatewise import formats
from gatewise.cli import main
from gatewise.formats import ByLayer, ByPlace, Contents, Stored, StoredLayer
from gatewise.models import describe, load_model

NOT_HDF5 = {
    b"": "empty",
    b"PK\x03\x04....": r"zip archive.*not a model's.*config\.json",
    pickle.dumps({"a": 1}): "Python pickle.*never",
    b'  {"class_name": "Sequential"}': "JSON.*model_from_json",
    b"\x93NUMPY\x01\x00": "NumPy array",
    b"<!DOCTYPE html>": "web page",
    b"version https://git-lfs.github.com/spec/v1\n": "Git LFS pointer",
    b"import os": "not an HDF5 file: it starts with b'import o'",
}


@pytest.mark.parametrize(("start", "words"), NOT_HDF5.items(), ids=list(NOT_HDF5.values()))
def test_not_hdf5(tmp_path: Path, start: bytes, words: str) -> None:
    path = tmp_path / "m.h5"
    path.write_bytes(start)
    for read in (load_model, describe, small().load_weights):
        with pytest.raises(ValueError, match=r"m\.h5' is .*" + words):
            read(path)


def test_directories_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.h5"):
        load_model(tmp_path / "absent.h5")
    (tmp_path / "checkpoint.index").touch()
    with pytest.raises(ValueError, match=r"is a TensorFlow checkpoint"):
        small().load_weights(tmp_path / "checkpoint")
    with pytest.raises(ValueError, match=r"is a directory"):
        load_model(tmp_path)
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(ValueError, match=r"SavedModel without its variables"):
        load_model(tmp_path)


# -- a format more --------------------------------------------------------------------------------------------------


class Npz:
    """A toy format, whole: arrays named "layer/number" and a config in JSON, in an .npz file."""

    @staticmethod
    def recognises(path: Any) -> bool:
        if not os.path.isfile(path) or not zipfile.is_zipfile(path):
            return False
        with zipfile.ZipFile(path) as file:
            return "config.npy" in file.namelist()

    @staticmethod
    @contextmanager
    def open_contents(path: Any) -> Iterator[Contents]:
        with np.load(path) as file:
            config = json.loads(str(file["config"]))
            layers: dict[str, list[Stored]] = {}
            for name in file.files:
                if name != "config":
                    shape, dtype = file[name].shape, file[name].dtype.name
                    stored = Stored(name, shape, dtype, lambda name=name: file[name])
                    layers.setdefault(name.partition("/")[0], []).append(stored)
            stored_layers = tuple(StoredLayer(name, tuple(arrays)) for name, arrays in layers.items())
            yield Contents(path, "NPZ", config, ByLayer(stored_layers), keras_version="3.0.0")


@pytest.fixture
def npz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "READERS", list(formats.READERS))
    formats.READERS.insert(0, Npz)  # Before our own reader of such archives.


def write_npz(path: Path, model: Any) -> Path:
    arrays = {f"{layer.name}/{k}": w for layer in model.layers for k, w in enumerate(layer.get_weights())}
    np.savez(path, config=model.to_json(), **arrays)
    return path


@pytest.mark.usefixtures("npz")
def test_a_format_more_is_one_reader(tmp_path: Path) -> None:
    model = small()
    path = write_npz(tmp_path / "m.npz", model)
    loaded = load_model(path)
    same(loaded, model)
    other = with_random_weights(small(), seed=7)
    other.load_weights(path)
    same(other, model)
    found = describe(path)
    assert (found.format, found.kind, found.keras_version, found.parameters) == ("NPZ", "model", "3.0.0", 104)
    assert [layer.output_shape for layer in found.layers] == [(None, 5, 4), (None, 3), (None, 3), (None, 2)]
    shown = CliRunner().invoke(main, ["info", str(path)])
    assert "(NPZ, " in shown.output
    assert "Keras 3.0.0" in shown.output
    same(load_model(write(tmp_path / "m.h5", model)), model)


@pytest.mark.usefixtures("npz")
@pytest.mark.parametrize(
    "lie", [np.zeros((2, 2)), np.array([["text"] * 2] * 3), np.zeros((3, 2), object)], ids=["shape", "text", "objects"]
)
def test_arrays_that_are_not_what_their_reader_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: np.ndarray
) -> None:
    @contextmanager
    def lying(path: Any) -> Iterator[Contents]:
        with Npz.open_contents(path) as contents:
            *others, head = contents.needed_weights().listed()
            kernel, bias = head.arrays
            head = replace(head, arrays=(replace(kernel, read=lambda: lie), bias))
            yield replace(contents, weights=ByLayer((*others, head)))

    formats.READERS.insert(0, SimpleNamespace(recognises=Npz.recognises, open_contents=lying))
    formats.READERS.remove(Npz)
    path = write_npz(tmp_path / "m.npz", with_random_weights(small(), seed=7))
    model = small()
    before = model.get_weights()
    for read in (load_model, model.load_weights):
        with pytest.raises(ValueError, match=r"m\.npz': 'head/0' was to hold numbers of the shape \(3, 2\), but holds"):
            read(path)
    for one, two in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, two)


def test_the_first_reader_that_takes_a_file_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "READERS", list(formats.READERS))
    formats.register(SimpleNamespace(recognises=lambda path: True, open_contents=lambda path: ("opened", path)))
    path = write(tmp_path / "m.h5", small())
    with formats.open_contents(path) as contents:
        assert contents.format == "HDF5"
    # A format may also be a folder, or the start of several files' names.
    assert formats.open_contents(tmp_path / "absent") == ("opened", str(tmp_path / "absent"))


# -- contents -------------------------------------------------------------------------------------------------------


def test_contents_of_a_model(tmp_path: Path) -> None:
    model = small()
    path = write(tmp_path / "m.h5", model)
    with formats.open_contents(path) as contents:
        assert (contents.path, contents.format) == (str(path), "HDF5")
        assert (contents.keras_version, contents.backend, contents.meaning) == ("2.4.0", "tensorflow", "2.4.0")
        assert contents.training_config
        assert contents.optimizer_weights
        assert contents.config == contents.needed_config() == json.loads(model.to_json())
        weights = contents.needed_weights()
        assert isinstance(weights, ByLayer)
        assert weights.own is None
        assert [layer.name for layer in weights.listed()] == ["rnn", "drop", "head"]
        head = weights.layers[-1].arrays
        assert [(w.name, w.shape, w.dtype) for w in head] == [
            ("head/kernel", (3, 2), "float32"),
            ("head/bias", (2,), "float32"),
        ]
        np.testing.assert_array_equal(head[0].read(), model.get_weights()[-2])
    with pytest.raises(ValueError, match=r"m\.h5'"):
        head[0].read()  # The file is closed.


def test_contents_without_a_version_mean_what_keras_1_meant(tmp_path: Path) -> None:
    with formats.open_contents(write(tmp_path / "m.h5", small(), version=None)) as contents:
        assert (contents.keras_version, contents.meaning) == (None, "1")


def test_contents_by_place(tmp_path: Path) -> None:
    model = nested()
    with formats.open_contents(write_vars(tmp_path / "m.weights.h5", model)) as contents:
        assert contents.config is None
        weights = contents.needed_weights()
        assert isinstance(weights, ByPlace)
        assert [w.shape for w in weights.at("layers/gru/cell/vars")] == [(2, 6), (2, 6), (2, 6)]
        assert list(weights.at("layers/absent/vars")) == []
        assert {layer.name for layer in weights.listed() if layer.arrays} == {
            "functional", "bidirectional", "time_distributed", "gru", "dense", "dense_1"
        }  # fmt: skip


@pytest.mark.parametrize(
    ("attribute", "value", "words"),
    [("model_config", b"{", "not JSON"), ("keras_version", 2.0, "'keras_version' of '/' must hold text")],
)
def test_a_damaged_part_leaves_the_others(tmp_path: Path, attribute: str, value: Any, words: str) -> None:
    def change(file: h5py.File) -> None:
        file.attrs[attribute] = value

    model = small()
    path = edited(write(tmp_path / "config.h5", model), change)
    other = with_random_weights(small(), seed=7)
    other.load_weights(path)
    same(other, model)
    for read in (load_model, describe):
        with pytest.raises(ValueError, match=words):
            read(path)


def test_damaged_weights_leave_the_config(tmp_path: Path) -> None:
    model = small()
    path = edited(write(tmp_path / "weights.h5", model), delete("model_weights"))
    with formats.open_contents(path) as contents:
        assert contents.needed_config()["class_name"] == "Sequential"
        with pytest.raises(ValueError, match="holds no weights"):
            contents.needed_weights()


@pytest.mark.parametrize("missing", ["config", "weights"])
def test_what_a_format_leaves_out_is_asked_for_in_vain(missing: str) -> None:
    contents = Contents("m.toy", "TOY", config={"class_name": "Sequential"}, weights=ByLayer(()))
    contents = replace(contents, **{missing: None})
    needed = {"config": contents.needed_config, "weights": contents.needed_weights}
    with pytest.raises(ValueError, match=r"'m\.toy': the file holds (weights alone|no weights)"):
        needed.pop(missing)()
    (other,) = needed.values()
    assert other() is not None


def test_readers_know_no_model(tmp_path: Path) -> None:
    """Contents are there with neither a model nor a layer, nor the modules that make them."""
    code = """
        import sys
        from gatewise import formats
        with formats.open_contents(sys.argv[1]) as contents:
            print(contents.config["class_name"], contents.weights.layers[-1].arrays[0].read().shape)
        rooms = {name.split(".")[1] for name in sys.modules if name.startswith("gatewise.")}
        print(*sorted(rooms & {"layer", "graph", "recurrent", "layers", "streaming", "models", "keras", "engine"}))
    """
    path = write(tmp_path / "m.h5", small())
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), path], capture_output=True, text=True, check=True, timeout=600
    )
    assert done.stdout.splitlines() == ["Sequential (3, 2)", ""]
