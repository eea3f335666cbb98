"""HDF5 files that were cut short or changed: a clean error or a result, of everything that reads files."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import h5py
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_files import FILES, edited, small, write

from gatewise.models import describe, load_model

TINY = ["keras_2.0_shared.h5", "tf_keras_nested_weights.h5", "keras3_built.h5"]


def survives(path: Path) -> None:
    """A clean error, or a result, of everything that reads files."""
    for read in (load_model, describe, small().load_weights):
        try:
            read(path)
        except (ValueError, OSError) as error:
            told = str(path) in str(error)
        else:
            told = True
        assert told


@pytest.mark.parametrize("name", TINY)
def test_cut_short_anywhere(tmp_path: Path, name: str) -> None:
    data, path = (FILES / name).read_bytes(), tmp_path / "m.h5"
    for length in [*range(0, 100, 7), *range(100, len(data), len(data) // 60), len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"m\.h5'.*(cut short|not an HDF5|empty|damaged)"):
            load_model(path)
        survives(path)


@pytest.mark.parametrize("name", TINY)
@settings(max_examples=150)
@given(seed=st.integers(0, 2**32))
def test_bytes_changed_anywhere(tmp_path_factory: Any, name: str, seed: int) -> None:
    rng, data = random.Random(seed), bytearray((FILES / name).read_bytes())
    for _ in range(rng.choice((1, 1, 2, 8))):
        place = rng.randrange(rng.choice((len(data), 4000)))
        data[place] = rng.choice((0, 255, data[place] ^ (1 << rng.randrange(8)), rng.randrange(256)))
    path = tmp_path_factory.getbasetemp() / "changed.h5"
    path.write_bytes(data)
    survives(path)


def test_lengths_of_texts_are_checked(tmp_path: Path) -> None:
    """A text that claims 4 GiB: the HDF5 library would take them first, and notice then."""
    data = bytearray(write(tmp_path / "m.h5", small(), text=str).read_bytes())
    place = data.index((4).to_bytes(4, "little") + (2048).to_bytes(8, "little"))  # "head" or "drop" in the first heap
    data[place + 3] = 0xFF
    path = tmp_path / "long.h5"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"long\.h5': the file is damaged .the text of"):
        load_model(path)


def test_texts_that_together_are_longer_than_the_file(tmp_path: Path) -> None:
    """A thousand names may all refer to one long text: a small file that would take much memory."""

    def change(file: h5py.File) -> None:
        file["model_weights"].attrs.create("layer_names", ["a"] * 1000, dtype=h5py.string_dtype())

    path = edited(write(tmp_path / "m.h5", small()), change)
    data = bytearray(path.read_bytes())
    names = re.search(rb"(\x01\0\0\0.{8}..\0\0){1000}", data, re.DOTALL)
    assert names is not None
    for place in range(names.start(), names.end(), 16):
        data[place : place + 4] = (len(data) // 500).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"the text of 'layer_names'"):
        load_model(path)


def test_heaps_of_texts_are_checked(tmp_path: Path) -> None:
    """An object of a heap that reaches past its end: over some such the HDF5 library never comes back."""
    data = bytearray(write(tmp_path / "m.h5", small(), text=str).read_bytes())
    place = data.index(b"GCOL") + 16
    data[place + 8 : place + 16] = (2**20).to_bytes(8, "little")
    path = tmp_path / "heap.h5"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"heap\.h5': the file is damaged .the text of"):
        load_model(path)
