"""`gatewise info` and `gatewise predict`: what they print and write, and how they fail. `run` is in test_compat.py."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import gatewise
from gatewise import cli, models
from gatewise.utils import array_files

FILES = Path(__file__).parents[1] / "golden" / "files"
TWO_INPUTS = (
    FILES / "keras_2.0_functional.h5"
)  # a (None, 5, 4) and b (None, 5); outputs score (None, 1) and add (None, 3)
ONE_INPUT = FILES / "tf_keras_convolution.h5"


def gw(*arguments):
    return CliRunner().invoke(cli.main, list(map(str, arguments)))


def well(*arguments):
    done = gw(*arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def fails(code, *arguments):
    """What is said on the error output; nothing on the other, and no traceback."""
    done = gw(*arguments)
    assert done.exit_code == code, done.output
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "Error: " in done.stderr
    return done.stderr


@pytest.fixture
def inputs():
    rng = np.random.default_rng(0)
    return {"a": rng.normal(size=(3, 5, 4)), "b": rng.integers(0, 7, (3, 5))}


@pytest.fixture
def wanted(inputs):
    model = models.load_model(TWO_INPUTS)
    return dict(zip(["score", "add"], model.predict(inputs), strict=True))


def samples_for(model, count=4):
    shape = [5 if size is None else size for size in model.inputs[0].shape[1:]]
    return np.random.default_rng(1).integers(0, 3, (count, *shape)).astype("float32")


# --- The command itself -----------------------------------------------------------------------------------------


def test_the_version():
    assert well("--version") == f"gatewise {gatewise.__version__}\n"


def test_the_commands_are_listed_with_what_they_do():
    text = well("--help")
    for name in ("run", "info", "predict"):
        assert f"  {name} " in text
        assert "Usage: " in well(name, "--help")


@pytest.mark.parametrize("arguments", [["nonesuch"], ["info"], ["predict"], ["info", "a", "b"], ["predict", "--wrong"]])
def test_a_wrong_way_to_ask_ends_with_2(arguments):
    assert "Usage: " in fails(2, *arguments)


@pytest.mark.parametrize("way", ["command", "module"])
def test_it_starts_as_a_command_and_as_a_module(way):
    installed = shutil.which("gatewise", path=Path(sys.executable).parent)
    command = {"command": [installed], "module": [sys.executable, "-m", "gatewise"]}[way]
    done = subprocess.run([*command, "info", TWO_INPUTS], capture_output=True, text=True, timeout=600, check=True)
    assert "Keras 2.0.8" in done.stdout
    done = subprocess.run([*command, "info", "nowhere.h5"], capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: 'nowhere.h5': No such file or directory\n"


# --- info -------------------------------------------------------------------------------------------------------


def cells(text):
    """The rows of the table, as lists of cells."""
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines() if line.startswith("│")]


def test_info_says_what_wrote_a_file_and_what_it_holds(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    text = well("info", TWO_INPUTS)
    assert f"{TWO_INPUTS} (HDF5, " in text
    assert "Written by: Keras 2.0.8 on tensorflow\n" in text
    assert "a whole model, Model 'model_1'\n" in text
    model = models.load_model(TWO_INPUTS)
    header, *rows = cells(text)
    assert header == ["Layer (type)", "Output shape", "Parameters"]
    assert [row[0] for row in rows] == [f"{layer.name} ({type(layer).__name__})" for layer in model.layers]
    assert [int(row[2].replace(",", "")) for row in rows] == [layer.count_params() for layer in model.layers]
    assert ["lstm (LSTM)", "(None, 3), (None, 3), (None, 3)", "96"] in rows
    assert text.endswith(f"Parameters in all: {model.count_params()} ({4 * model.count_params()} B)\n")


def test_info_lists_each_weight(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    text = well("info", TWO_INPUTS, "--weights")
    model = models.load_model(TWO_INPUTS)
    assert cells(text)[0][-1] == "Weights"
    for variable in model.weights:
        assert f" {variable.shape} float32" in text


def test_info_of_weights_alone():
    text = well("info", FILES / "tf1_functional_weights.h5")
    assert "weights alone" in text
    assert "load_weights" in text
    assert cells(text)[0] == ["Layer", "Parameters"]
    assert ["lstm", "96"] in cells(text)


def test_info_of_a_compiled_model_says_what_is_not_used():
    assert "Not used:   training config, optimizer state\n" in well("info", FILES / "keras3_compiled.h5")


def test_info_of_a_model_with_a_class_of_its_own_says_so():
    text = well("info", FILES / "tf_keras_custom.h5")
    assert "cannot make this model as it stands: " in text
    assert "custom_objects" in text


@pytest.mark.parametrize("path", sorted(FILES.glob("*.h5")), ids=lambda path: path.stem)
def test_info_reads_every_golden_file(path):
    assert "Parameters in all: " in well("info", path)


def test_info_of_something_else(tmp_path):
    (tmp_path / "text.h5").write_text("not a model")
    assert "not an HDF5 file" in fails(1, "info", tmp_path / "text.h5")
    assert "a directory" in fails(1, "info", tmp_path)
    assert fails(1, "info", tmp_path / "none.h5").endswith(": No such file or directory\n")
    cut = tmp_path / "cut.h5"
    cut.write_bytes(TWO_INPUTS.read_bytes()[:4000])
    assert "cut.h5" in fails(1, "info", cut)


# --- predict ----------------------------------------------------------------------------------------------------


def test_predict_from_named_arrays_to_named_arrays(tmp_path, inputs, wanted):
    np.savez(tmp_path / "in.npz", **inputs, other=np.zeros(1))
    said = well("predict", TWO_INPUTS, tmp_path / "in.npz", "-o", tmp_path / "out.npz")
    assert said == f"{tmp_path / 'out.npz'}: score (3, 1), add (3, 3) float32\n"
    with np.load(tmp_path / "out.npz") as found:
        assert set(found) == set(wanted)
        for name, array in wanted.items():
            np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("kind_in", array_files.SUFFIXES)
@pytest.mark.parametrize("kind_out", array_files.SUFFIXES)
def test_predict_from_and_to_every_kind_of_file(kind_in, kind_out, tmp_path):
    model = models.load_model(ONE_INPUT)
    x = samples_for(model)
    source, target = tmp_path / f"in{kind_in}", tmp_path / f"out{kind_out}"
    if kind_in == ".csv":
        np.savetxt(source, x.reshape(len(x), -1), delimiter=",")
    else:
        (np.savez if kind_in == ".npz" else np.save)(source, x)
    well("predict", ONE_INPUT, source, "--batch-size", 3, "-o", target)
    expected = model.predict(x)
    if kind_out == ".csv":
        found = np.loadtxt(target, delimiter=",", ndmin=2, dtype="float32")
        np.testing.assert_array_equal(found, expected.reshape(len(x), -1))
    else:
        found = np.load(target)
        found = found[model.output_names[0]] if kind_out == ".npz" else found
        np.testing.assert_array_equal(found, expected)


def test_predict_replaces_what_was_there_and_leaves_nothing_else(tmp_path):
    np.save(tmp_path / "in.npy", samples_for(models.load_model(ONE_INPUT)))
    (tmp_path / "out.npy").write_text("old")
    well("predict", ONE_INPUT, tmp_path / "in.npy", "-o", tmp_path / "out.npy")
    assert np.load(tmp_path / "out.npy").dtype == np.float32
    well("predict", ONE_INPUT, tmp_path / "in.npy", "-o", tmp_path / "in.npy")  # Over its own input.
    np.testing.assert_array_equal(np.load(tmp_path / "in.npy"), np.load(tmp_path / "out.npy"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.npy", "out.npy"]


def test_an_output_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    np.save(tmp_path / "in.npy", samples_for(models.load_model(ONE_INPUT)))
    (tmp_path / "out.npy").write_text("old")

    def full(file, *_, **__):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    assert "No space left on device" in fails(1, "predict", ONE_INPUT, tmp_path / "in.npy", "-o", tmp_path / "out.npy")
    assert (tmp_path / "out.npy").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.npy", "out.npy"]


class Trap:
    """An object whose unpickling would be seen."""

    def __reduce__(self):
        return os.mkdir, ("sprung",)


@pytest.mark.parametrize("kind", [".npy", ".npz", "pickle.npy"])
def test_pickled_input_is_refused_and_not_read(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"in{kind}"
    if kind == "pickle.npy":
        path.write_bytes(pickle.dumps(Trap()))
    else:
        objects = np.array([Trap()], dtype=object)
        (np.savez if kind == ".npz" else np.save)(path, objects)
    said = fails(1, "predict", ONE_INPUT, path, "-o", tmp_path / "out.npy")
    assert "Python objects" in said or "does not start as one" in said
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("in.npy", b"", "not a whole NumPy array"),
        ("in.npy", b"\x93NUMPY\x01\x00", "not a whole NumPy array"),
        ("in.npz", b"PK\x03\x04 cut", "not a whole archive"),
        ("in.npz", b"text", "not a whole archive"),
        ("in.csv", b"", "no rows of numbers"),
        ("in.csv", b"x,y\n", "no rows of numbers"),
        ("in.csv", b"x,y\n1,2\n3,z\n", "'z' in line 3, column 2"),
        ("in.csv", b"1,2\n\n3\n", "line 3 has 1 columns, the lines above it 2"),
        ("in.csv", b"1,\n", "'' in line 1, column 2"),
        ("in.csv", b"\xff\xfe1\x00", "not text in UTF-8"),
    ],
)
def test_input_that_is_not_arrays(name, content, words, tmp_path):
    (tmp_path / name).write_bytes(content)
    said = fails(1, "predict", ONE_INPUT, tmp_path / name, "-o", tmp_path / "out.npy")
    assert words in said
    assert name in said
    assert not (tmp_path / "out.npy").exists()


def test_input_that_is_cut_short(tmp_path):
    np.save(tmp_path / "in.npy", np.zeros((100, 100)))
    whole = (tmp_path / "in.npy").read_bytes()
    (tmp_path / "in.npy").write_bytes(whole[: len(whole) // 2])
    assert "not a whole NumPy array" in fails(1, "predict", ONE_INPUT, tmp_path / "in.npy", "-o", tmp_path / "out.npy")
    np.savez_compressed(tmp_path / "in.npz", np.random.default_rng(0).normal(size=1000))
    damaged = bytearray((tmp_path / "in.npz").read_bytes())
    damaged[500:600] = bytes(100)
    (tmp_path / "in.npz").write_bytes(damaged)
    assert "not a whole archive" in fails(1, "predict", ONE_INPUT, tmp_path / "in.npz", "-o", tmp_path / "out.npy")


def test_what_does_not_fit_the_model_is_said_by_the_model(tmp_path, inputs):
    np.save(tmp_path / "in.npy", np.zeros((2, 2)))
    assert "expected 2 inputs" in fails(1, "predict", TWO_INPUTS, tmp_path / "in.npy", "-o", tmp_path / "out.npz")
    np.savez(tmp_path / "in.npz", a=inputs["a"])
    said = fails(1, "predict", TWO_INPUTS, tmp_path / "in.npz", "-o", tmp_path / "out.npz")
    assert "holds ['a'], but the model's inputs are " in said
    assert "'b'" in said
    assert not (tmp_path / "out.npz").exists()


@pytest.mark.parametrize("name", ["out.npy", "out.csv"])
def test_several_outputs_need_a_file_that_holds_several(name, tmp_path, inputs):
    np.savez(tmp_path / "in.npz", **inputs)
    said = fails(2, "predict", TWO_INPUTS, tmp_path / "in.npz", "-o", tmp_path / name)
    assert "2 outputs (score, add)" in said
    assert ".npz" in said


@pytest.mark.parametrize(("source", "target"), [("in.txt", "out.npy"), ("in.npy", "out"), ("in.npy", "out.h5")])
def test_other_kinds_of_files_are_a_wrong_way_to_ask(source, target, tmp_path):
    assert ".npy, .npz, .csv" in fails(2, "predict", ONE_INPUT, tmp_path / source, "-o", tmp_path / target)


def test_places_that_cannot_be_written_are_said_before_the_work(tmp_path):
    said = fails(1, "predict", "none.h5", "none.npy", "-o", tmp_path / "none" / "out.npy")
    assert "there is no folder" in said
    (tmp_path / "out.npy").mkdir()
    assert "is a folder" in fails(1, "predict", "none.h5", "none.npy", "-o", tmp_path / "out.npy")
    assert "'none.npy': No such file" in fails(1, "predict", "none.h5", "none.npy", "-o", tmp_path / "new.npy")


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_an_output_never_takes_the_place_of_the_model(link, tmp_path):
    model, x = tmp_path / "model.npy", tmp_path / "x.npy"
    np.save(x, samples_for(models.load_model(ONE_INPUT)))
    shutil.copy(ONE_INPUT, model)
    link(model, tmp_path / "same.npy")
    for output in (model, tmp_path / "same.npy"):
        assert "the file of the model, which the output would" in fails(1, "predict", model, x, "-o", output)
    assert model.read_bytes() == ONE_INPUT.read_bytes()


def test_an_output_that_is_no_file_is_refused_before_the_work(tmp_path):
    os.mkfifo(tmp_path / "pipe.npy")
    assert "a named pipe (FIFO)" in fails(1, "predict", "none.h5", "none.npy", "-o", tmp_path / "pipe.npy")


def test_debug_shows_where_an_error_came_from():
    done = gw("info", "none.h5", "--debug")
    assert isinstance(done.exception, FileNotFoundError)
    assert done.exc_info[2] is not None


def test_an_output_that_comes_several_times_gets_several_names(tmp_path):
    assert cli._names(["lstm", "lstm", "dense", "lstm"]) == ["lstm", "lstm_1", "dense", "lstm_2"]
    arrays = {"a/b": np.zeros(2), "file": np.ones((2, 2), "float16")}
    array_files.write(str(tmp_path / "out.npz"), arrays)
    found = array_files.read(str(tmp_path / "out.npz"))
    assert {name: array.dtype.name for name, array in found.items()} == {"a_b": "float64", "file": "float16"}


# --- Tables -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["1,2\n3,4\n", "x,y\n1,2\n3,4\n", "\ufeff1, 2\n3,4", "1.0,2e0\n\n3,4\n", "a b,#c\n1,2\n3,4"]
)
def test_a_table_with_and_without_headings(text, tmp_path):
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    assert array_files.read(str(tmp_path / "t.csv")).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_a_table_keeps_every_number(dtype, tmp_path):
    numbers = (np.random.default_rng(0).normal(size=(5, 2, 3)) * 100).astype(dtype)
    array_files.write(str(tmp_path / "t.csv"), {"x": numbers})
    found = array_files.read(str(tmp_path / "t.csv"))
    np.testing.assert_array_equal(found.astype(dtype), numbers.reshape(5, 6))


@pytest.mark.parametrize(
    ("table", "shape", "wanted"),
    [
        ((4, 6), (None, 6), (4, 6)),  # a row is a sample
        ((4, 6), (None, 3, 2), (4, 3, 2)),  # a row is a sample's steps
        ((4, 6), (None, None, 2), (4, 3, 2)),  # of whatever number
        ((4, 6), (None, 4, 6), (1, 4, 6)),  # the table is one sample, a row a step
        ((4, 6), (None, None, 6), (1, 4, 6)),  # of whatever length
        ((4, 6), (None, 1, 6), (4, 1, 6)),  # samples of one step
        ((4, 6), (None, 1, 3, 2), (4, 1, 3, 2)),
        ((4, 6), (None, 5, 2), (4, 6)),  # does not fit: the model says so
        ((4, 6), (None, None, 4), (4, 6)),
        ((4, 6), (None, None, None), (4, 6)),
        ((4, 6), (None, 5), (4, 6)),
        ((1, 6), (None, None), (1, 6)),
    ],
)
def test_rows_of_a_table_as_samples(table, shape, wanted):
    numbers = np.arange(np.prod(table)).reshape(table)
    found = array_files.as_samples(numbers, shape)
    assert found.shape == wanted
    np.testing.assert_array_equal(found.ravel(), numbers.ravel())
