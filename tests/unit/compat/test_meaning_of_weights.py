"""Weights alone carry no meaning: what a program's layers leave to defaults that were others on that day."""

from __future__ import annotations

import subprocess
import sys
import warnings

import h5py
import numpy as np
import pytest

import gatewise as tf
from gatewise.base import release
from gatewise.compat.pinned import agreed
from gatewise.models import weight_files

PROGRAM = """
import keras
model = keras.models.Sequential([keras.layers.LSTM(3, input_shape=(None, 2), name="lstm")])
model.load_weights("old.h5")
print(model.layers[0].recurrent_activation.__name__)
print(model.predict([[[1.0, -1.0], [0.5, 2.0]]]).round(5).tolist())
"""


def write(path, keras_version="2.2.2", config=None):
    """Weights alone of an LSTM of 3 units on 2 features, as Keras 2 writes them; in steps of sines."""
    shapes = {"lstm/kernel:0": (2, 12), "lstm/recurrent_kernel:0": (3, 12), "lstm/bias:0": (12,)}
    with h5py.File(path, "w") as file:
        file.attrs.update(keras_version=keras_version, backend="tensorflow", layer_names=[b"lstm"])
        group = file.create_group("lstm")
        group.attrs["weight_names"] = [name.encode() for name in shapes]
        for place, (name, shape) in enumerate(shapes.items()):
            group[name] = np.sin(np.arange(np.prod(shape)) * 0.7 + place).reshape(shape).astype("float32")


@pytest.fixture
def old(tmp_path, monkeypatch):
    monkeypatch.setattr(weight_files, "_told", set())
    write(tmp_path / "old.h5")
    return tmp_path / "old.h5"


def model(**arguments):
    return tf.keras.Sequential([tf.keras.layers.LSTM(3, input_shape=(None, 2), name="lstm", **arguments)])


def loaded(path, **arguments):
    """A model with the file's weights, and what was said of it."""
    made = model(**arguments)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        made.load_weights(path)
    return made, [str(each.message) for each in said if each.filename == __file__]


def test_weights_of_another_meaning_are_told_once(old):
    _, said = loaded(old)
    assert len(said) == 1
    for words in (
        repr(str(old)),
        "was written by Keras 2.2.2, when LSTM had recurrent_activation='hard_sigmoid' by default",
        "LSTM 'lstm' has today's default, 'sigmoid'",
        "`gatewise run --tf 1.14`",
        "say recurrent_activation='hard_sigmoid'",
    ):
        assert words in said[0]
    assert loaded(old)[1] == []


@pytest.mark.parametrize("arguments", [{"recurrent_activation": "sigmoid"}, {"recurrent_activation": "hard_sigmoid"}])
def test_what_the_program_says_itself_is_its_own(old, arguments):
    assert loaded(old, **arguments)[1] == []


def test_nothing_is_told_where_the_meanings_are_one(old, tmp_path):
    with release.meaning("tf1"):
        assert loaded(old)[1] == []
    for version in ("2.3.1", "2.11.0", "3.4.1"):
        write(tmp_path / "new.h5", version)
        assert loaded(tmp_path / "new.h5")[1] == []


def test_a_whole_model_says_its_meaning_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(weight_files, "_told", set())
    with release.meaning("tf1"):
        model(recurrent_activation="sigmoid").save(tmp_path / "same.h5")
        model().save(tmp_path / "other.h5")
    for name in ("same", "other"):
        with h5py.File(tmp_path / f"{name}.h5", "a") as file:
            file.attrs["keras_version"] = "2.2.2"
    assert loaded(tmp_path / "same.h5")[1] == []
    assert len(loaded(tmp_path / "other.h5")[1]) == 1


def test_the_numbers_differ_as_the_gates_do(old):
    """The case itself: the two meanings are two answers, and the old one's is hard_sigmoid's."""
    x = np.float32([[[1, -1], [0.5, 2]]])
    today, then = loaded(old)[0].predict(x), loaded(old, recurrent_activation=_of_keras2)[0].predict(x)
    assert np.abs(today - then).max() > 1e-3
    with release.meaning("tf1"):
        np.testing.assert_allclose(loaded(old)[0].predict(x), then, rtol=0, atol=1e-6)


def _of_keras2(x):
    return np.clip(0.2 * x + 0.5, 0, 1).astype(np.asarray(x).dtype)


# --- gatewise run -----------------------------------------------------------------------------------------------


def run(folder, *options):
    command = [sys.executable, "-W", "ignore", "-m", "gatewise", "run", *options, "program.py"]
    (folder / "program.py").write_text(PROGRAM)
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=True)


def test_run_takes_the_meaning_that_the_programs_files_agree_on(old):
    (old.parent / "requirements.txt").write_text("numpy\ntensorflow==1.13.1\n")
    done = run(old.parent)
    assert done.stdout.startswith("keras2_hard_sigmoid\n")
    assert done.stderr == (
        "gatewise run: as under TensorFlow 1.13.1, for requirements.txt asks for tensorflow==1.13.1, and old.h5 was "
        "written by Keras 2.2.2. --tf says otherwise.\n"
    )
    asked = run(old.parent, "--tf", "2.21")
    assert (asked.stderr, asked.stdout.partition("\n")[0]) == ("", "sigmoid")


@pytest.mark.parametrize(
    ("pins", "written", "version"),
    [
        ({"requirements.txt": "Keras==2.2.4\n"}, ["2.2.2"], "1.15"),
        ({"requirements.txt": "tensorflow-gpu==1.14\n"}, ["2.2.4-tf"], "1.14"),
        ({"setup.py": "setup(install_requires=['tensorflow>=1.10,<2', 'keras<2.3'])"}, ["2.1.6", "2.2.4"], "1.15"),
        ({"environment.yml": "- tensorflow=1.12.0\n"}, ["2.1.6-tf"], "1.12.0"),
        ({"requirements.txt": "tensorflow==2.1.0\n"}, ["2.2.4-tf"], "2.1.0"),
        ({"pyproject.toml": 'dependencies = ["tensorflow<2.16"]'}, ["2.11.0"], "2.15"),
        ({"requirements.txt": "tensorflow\n"}, ["2.2.2"], None),
        ({"requirements.txt": "tensorflow>=1.4\n"}, ["2.2.2"], None),
        ({"requirements.txt": "tensorflow==2.4\n"}, ["2.2.2"], None),
        ({"requirements.txt": "tensorflow==1.14\n"}, [], None),
        ({"requirements.txt": "tensorflow==1.14\n"}, ["2.2.2", "2.11.0"], None),
        ({"requirements.txt": "tensorflow==1.14\n", "setup.py": "'tensorflow==2.4'"}, ["2.2.2"], None),
        ({"requirements.txt": "my-keras==2.2.4\nkeras-contrib==2.0.8\n"}, ["2.2.2"], None),
        ({}, ["2.2.2"], None),
    ],
)
def test_what_requirements_and_files_agree_on(pins, written, version, tmp_path):
    for name, text in pins.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "models").mkdir()
    for number, keras in enumerate(written):
        write(tmp_path / "models" / f"{number}.h5", keras)
    (tmp_path / "broken.h5").write_bytes(b"no HDF5")
    found = agreed(tmp_path)
    assert (found and found.version) == version
