"""Which reader takes a file, and what is said of files that none takes."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from keras_files import small

from gatewise.models import describe, load_model

NOT_HDF5 = {
    b"": "empty",
    b"PK\x03\x04....": r"zip archive.*Keras 3 writes as \.keras",
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
    with pytest.raises(ValueError, match=r"SavedModel directory.*HDF5"):
        load_model(tmp_path)
