"""The data sets of `keras.datasets`, from the files that Keras keeps in its cache (~/.keras/datasets).

Nothing is downloaded, and nothing is unpickled: see `pickled.py`.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np

from gatewise.utils import pickled
from gatewise.utils.files import get_file

_ORIGIN: Final = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_HASHES: Final = {
    "imdb.npz": "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
    "imdb_word_index.json": "bfafd718b763782e994055a2d397834f",
    "reuters.npz": "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",
    "reuters_word_index.json": "4d44cc38712099c9e383dc6e5f11a921",
    "mnist.npz": "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
    "boston_housing.npz": "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
    "california_housing.npz": "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
}
_CIFAR: Final = (
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
)
Pair = tuple[np.ndarray, np.ndarray]


def arrays(path: str, usual: str) -> dict[str, np.ndarray]:
    """The arrays of a file in the cache, by name.

    Args:
        path: the file's name; the hash of one under its usual name is checked. A path with a folder is read as it is.
        usual: that name.

    Raises:
        FileNotFoundError, ValueError: see `get_file`; and for a file that holds anything but numbers and lists of them.
    """
    found = {}
    whole = _kept(path, usual)
    try:
        with zipfile.ZipFile(whole) as archive:
            for name in archive.namelist():
                found[name.removesuffix(".npy")] = _array(archive.read(name))
    except (ValueError, zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"{whole}: cannot be read: {error}") from None
    return found


def _array(data: bytes) -> np.ndarray:
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    if dtype.kind != "O":
        return np.load(io.BytesIO(data), allow_pickle=False)  # type: ignore[no-any-return]
    array = pickled.read(data[file.tell() :])
    if not isinstance(array, np.ndarray) or array.shape != shape:
        raise ValueError(f"an array of the shape {shape} was promised, but it holds another thing.")
    return array


def _kept(path: str, usual: str) -> str:
    if Path(path).name != str(path):
        return str(path)
    known = _HASHES[usual] if path == usual else None
    return get_file(path, _ORIGIN + usual, file_hash=known)


def word_index(path: str, usual: str) -> dict[str, int]:
    """A file of words and their numbers."""
    with open(_kept(path, usual), encoding="utf-8") as file:
        return json.load(file)  # type: ignore[no-any-return]


# --- Sequences of words -----------------------------------------------------------------------------------------


def mixed(rng: np.random.RandomState, *parts: np.ndarray) -> list[np.ndarray]:
    """Arrays in one order by chance, as Keras draws it."""
    order = np.arange(len(parts[0]))
    rng.shuffle(order)
    return [part[order] for part in parts]


def shifted(sequences: Any, start_char: int | None, index_from: int | None) -> list[list[int]]:
    """Sequences with `start_char` before, and `index_from` added to their numbers."""
    start = [] if start_char is None else [start_char]
    return [start + [number + (index_from or 0) for number in sequence] for sequence in sequences]


def short_ones(sequences: list[list[int]], labels: np.ndarray, maxlen: int) -> tuple[list[list[int]], np.ndarray]:
    """The sequences of fewer than `maxlen` numbers.

    Raises:
        ValueError: where there are none.
    """
    places = [place for place, sequence in enumerate(sequences) if len(sequence) < maxlen]
    if not places:
        raise ValueError(f"No sequence is shorter than maxlen={maxlen}: give a larger one.")
    return [sequences[place] for place in places], labels[places]


def common_ones(
    sequences: list[list[int]], num_words: int | None, skip_top: int, oov_char: int | None
) -> list[list[int]]:
    """Sequences with `oov_char` in place of rare words and of the most frequent ones, or without those."""
    stop = num_words or max(map(max, sequences))
    if oov_char is None:
        return [[n for n in sequence if skip_top <= n < stop] for sequence in sequences]
    return [[n if skip_top <= n < stop else oov_char for n in sequence] for sequence in sequences]


def of_lists(sequences: list[list[int]]) -> np.ndarray:
    """An array of lists."""
    array = np.empty(len(sequences), object)
    array[:] = sequences
    return array


# --- Numbers and pictures ---------------------------------------------------------------------------------------


def table(path: str, usual: str, test_split: float, seed: int, rows: int | None = None) -> tuple[Pair, Pair]:
    """Rows x and targets y of a file, mixed, the last `test_split` of them for a test."""
    if not 0 <= test_split < 1:
        raise ValueError(f"test_split must be at least 0 and less than 1, got {test_split!r}.")
    kept = arrays(path, usual)
    x, y = mixed(np.random.RandomState(seed), kept["x"][:rows], kept["y"][:rows])
    stop = int(len(x) * (1 - test_split))
    return (x[:stop], y[:stop]), (x[stop:], y[stop:])


def pictures(kind: str) -> Pair:
    """The pictures (N, 28, 28) and the labels (N,) of Fashion-MNIST; `kind` is "train" or "t10k"."""
    found = []
    for name, header in ((f"{kind}-images-idx3-ubyte.gz", 16), (f"{kind}-labels-idx1-ubyte.gz", 8)):
        path = get_file(name, _ORIGIN + name, cache_subdir="datasets/fashion-mnist")
        with gzip.open(path, "rb") as file:
            found.append(np.frombuffer(file.read(), np.uint8, offset=header))
    return found[0].reshape(len(found[1]), 28, 28), found[1]


def cifar(names: list[str]) -> Pair:
    """The pictures (N, 32, 32, 3) and the labels (N, 1) of some of CIFAR-10's files."""
    origin, known = _CIFAR
    home = get_file("cifar-10-batches-py-target", origin, extract=True, file_hash=known)
    x, y = [], []
    for name in names:
        path = Path(home, "cifar-10-batches-py", name)
        try:
            kept = pickled.read(path.read_bytes())
        except ValueError as error:
            raise ValueError(f"{path}: cannot be read: {error}") from None
        x.append(np.asarray(kept[b"data"], np.uint8).reshape(-1, 3, 32, 32))
        y.append(np.asarray(kept[b"labels"], np.uint8))
    return np.concatenate(x).transpose(0, 2, 3, 1), np.concatenate(y)[:, None]
