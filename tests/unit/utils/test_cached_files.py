"""Files in Keras's cache: found, checked, taken apart; and pickles that are read without unpickling."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gatewise.keras import datasets
from gatewise.utils import get_file, pickled

SEQUENCES = [[1, 14, 22], [1, 5], [1, 300, 7, 9], [1, 2], [1, 8, 8]]


def test_a_file_that_is_not_there_is_said_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"datasets/a.npz is not there.*https://example.org/a.npz"):
        get_file("a.npz", "https://example.org/a.npz", cache_dir=tmp_path)


def test_the_hash_is_checked(tmp_path: Path) -> None:
    (tmp_path / "source.csv").write_text("1,2")
    right = hashlib.sha256(b"1,2").hexdigest()
    given: dict[str, Any] = {"origin": (tmp_path / "source.csv").as_uri(), "cache_dir": tmp_path}
    assert Path(get_file("a.csv", file_hash=right, **given)).read_text() == "1,2"
    assert get_file("a.csv", md5_hash=hashlib.md5(b"1,2").hexdigest(), **given)
    with pytest.raises(ValueError, match="its hash is not"):
        get_file("a.csv", file_hash="0" * 64, **given)


def test_archives_are_taken_apart(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("text")
    with tarfile.open(tmp_path / "t.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "in", "in")
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as zipped:
        zipped.write(tmp_path / "in" / "a.txt", "in/a.txt")
    for name in ("t.tar.gz", "z.zip"):
        folder = get_file(name, str(tmp_path / name), extract=True, cache_dir=tmp_path)
        assert Path(folder, "in", "a.txt").read_text() == "text"


@pytest.mark.parametrize("name", ["../out.txt", "/tmp/out.txt", "a/../../out.txt", "..\\out.txt"])
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_no_member_leaves_the_folder(kind: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / "inner" / f"bad.{kind}"
    path.parent.mkdir()
    if kind == "tar":
        with tarfile.open(path, "w") as archive:
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    else:
        with zipfile.ZipFile(path, "w") as zipped:
            zipped.writestr(name, "out")
    with pytest.raises(ValueError, match="outside the folder"):
        get_file(path.name, str(path), extract=True, cache_dir=tmp_path / "home")
    assert not list(tmp_path.rglob("out.txt"))


def test_links_in_archives_are_left_out(tmp_path: Path) -> None:
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc"
    with tarfile.open(tmp_path / "l.tar", "w") as archive:
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("link/a.txt"), io.BytesIO())
    folder = get_file("l.tar", str(tmp_path / "l.tar"), extract=True, cache_dir=tmp_path)
    assert Path(folder, "link", "a.txt").is_file()
    assert not Path(folder, "link").is_symlink()


# -- pickles ----------------------------------------------------------------------------------------------------------


def listed(values: list[Any]) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = values
    return array


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_are_read_as_pickle_reads_them(protocol: int) -> None:
    for value in (listed(SEQUENCES), np.arange(6, dtype=">i4").reshape(2, 3), np.asfortranarray(np.ones((2, 3))),
                  {"a": [1, 2.5, True, None, "é", (1, 2, 3, 4)]}, np.arange(3, dtype="uint8")):  # fmt: skip
        if protocol == 5 and isinstance(value, np.ndarray) and value.dtype.kind != "O":
            continue  # Contents outside the stream: no file of NumPy's has them.
        text = pickle.dumps(value, protocol)
        found, wanted = pickled.read(text), pickle.loads(text)
        if isinstance(wanted, np.ndarray):
            assert found.dtype.newbyteorder("=") == wanted.dtype.newbyteorder("=")
            assert found.tolist() == wanted.tolist()
        else:
            assert found == wanted


class Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, (str(Path(os.environ["EVIL"])),)


def test_a_pickle_that_would_run_something_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVIL", str(tmp_path / "made"))
    for value in (Evil(), [Evil()], listed([Evil(), 1])):
        with pytest.raises(ValueError, match="mkdir, which is no array of numbers"):
            pickled.read(pickle.dumps(value, 2))
    assert not (tmp_path / "made").exists()


def test_lists_of_one_length_stay_lists() -> None:
    lists = np.empty(2, object)
    lists[0], lists[1] = [1, 2, 3], [4, 5, 6]
    found = pickled.read(pickle.dumps(lists))
    assert found.dtype == object
    assert found.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_damaged_pickles_are_refused() -> None:
    whole = pickle.dumps(listed(SEQUENCES), 2)
    for stop in range(len(whole)):
        with pytest.raises(ValueError, match="it is damaged"):
            pickled.read(whole[:stop])


# -- data sets --------------------------------------------------------------------------------------------------------


def test_imdb_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "imdb.npz"
    x, y = listed(SEQUENCES), np.array([0, 1, 1, 0, 1])
    np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)
    (train, labels), (test, _) = datasets.imdb.load_data(str(path), num_words=20, seed=1)
    order = np.arange(5)
    np.random.RandomState(1).shuffle(order)
    wanted = [[1, *(n + 3 if n + 3 < 20 else 2 for n in SEQUENCES[k])] for k in order]
    assert train.tolist() == wanted
    assert labels.tolist() == y[order].tolist()
    assert len(test) == 5
    (short, _), _ = datasets.imdb.load_data(str(path), maxlen=4, start_char=None, index_from=0, oov_char=None)
    assert sorted(map(len, short)) == [2, 2, 2, 3]  # Without num_words the largest number, 22, is left out as in Keras.


def test_tables_are_mixed_and_cut(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    np.savez(path, x=np.arange(20.0).reshape(10, 2), y=np.arange(10))
    (x, y), (x_test, y_test) = datasets.boston_housing.load_data(str(path))
    assert (len(x), len(x_test)) == (8, 2)
    assert x[:, 0].tolist() == (2 * y).tolist()
    assert sorted([*y, *y_test]) == list(range(10))


def test_what_is_not_in_the_cache_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    for name in ("imdb", "reuters", "mnist", "fashion_mnist", "cifar10", "boston_housing", "california_housing"):
        with pytest.raises(FileNotFoundError, match="put it there"):
            getattr(datasets, name).load_data()
    (tmp_path / "datasets").mkdir(exist_ok=True)
    (tmp_path / "datasets" / "mnist.npz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match="its hash is not"):
        datasets.mnist.load_data()
