"""PyTorch's files that are damaged, or traps: refused by name, and nothing in them runs."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewise.formats import open_contents

FILES = Path(__file__).resolve().parents[2] / "golden" / "of_torch"
FORMS = ("tensors.pt", "tensors_old.pt", "whole.pt", "whole_old.pt", "checkpoint.pt")


def read(path: Path) -> dict[str, np.ndarray]:
    with open_contents(path) as contents:
        return {array.name: array.read() for s in contents.needed_weights().listed() for array in s.arrays}


def with_pickle(path: Path, data: bytes) -> Path:
    """A file whose pickle is another."""
    with zipfile.ZipFile(FILES / "tensors.pt") as source, zipfile.ZipFile(path, "w") as target:
        for entry in source.infolist():
            target.writestr(entry, data if entry.filename.endswith("data.pkl") else source.read(entry))
    return path


class Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, (str(Path(os.environ["EVIL"])),)


@pytest.mark.parametrize("protocol", [2, 4])
def test_what_would_run_is_read_as_data(protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVIL", str(tmp_path / "made"))
    path = with_pickle(tmp_path / "evil.pt", pickle.dumps({"a": Evil(), "b": [Evil(), 1]}, protocol))
    assert read(path) == {}
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "code",
    [
        # A call of what another call gave, of text, of a list, of a stored number.
        b"cos\nsystem\n(S'touch made'\ntR(S'x'\ntR.",
        b"(S'a'\nS'b'\ntS'c'\nR.",
        b"]q\x00(K\x01tR.",
        b"cbuiltins\neval\n(S'1'\ntR}b.",
        b"ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\x02(K\x03t(K\x04ttR.",
        b"ccollections\nOrderedDict\n(K\x01tR.",
        b"X\x05\x00\x00\x00helloQ.",
        b"(X\x07\x00\x00\x00storageNNNNtQ.",
    ],
)
def test_pickles_of_no_sense(code: bytes, tmp_path: Path) -> None:
    path = with_pickle(tmp_path / "x.pt", code)
    try:
        assert read(path) == {}
    except ValueError as error:
        assert str(path) in str(error)  # noqa: PT017
    assert not Path("made").exists()


def test_sizes_are_checked_before_memory_is_taken(tmp_path: Path) -> None:
    with zipfile.ZipFile(FILES / "tensors.pt") as source:
        (name,) = (name for name in source.namelist() if name.endswith("data.pkl"))
        data = source.read(name)
    count = (9 * 4).to_bytes(1, "little")
    assert b"K" + count in data
    huge = data.replace(b"K" + count, b"J\xff\xff\xff\x7f")  # The embedding's storage claims 2**31 numbers.
    with pytest.raises(ValueError, match="lies outside its storage"):
        read(with_pickle(tmp_path / "x.pt", huge))


def test_a_zip_with_two_pickles(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        archive.writestr("a/data.pkl", b"N.")
        archive.writestr("b/data.pkl", b"N.")
    with pytest.raises(ValueError, match="2 pickles"):
        read(tmp_path / "x.pt")


@pytest.mark.parametrize("form", FORMS)
def test_cut_short(form: str, tmp_path: Path) -> None:
    data = (FILES / form).read_bytes()
    for stop in range(0, len(data), 97):
        path = tmp_path / "x.pt"
        path.write_bytes(data[:stop])
        with pytest.raises(ValueError, match=r"x\.pt"):
            read(path)


@given(st.sampled_from(FORMS), st.integers(0, 2**32), st.integers(1, 6))
@settings(max_examples=300)
def test_damaged_files_are_read_or_refused(form: str, seed: int, changes: int) -> None:
    import tempfile

    data = bytearray((FILES / form).read_bytes())
    rng = np.random.default_rng(seed)
    for place in rng.integers(0, len(data), changes):
        data[place] = rng.choice([0, 255, data[place] ^ 1 << int(rng.integers(8))])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.pt")
        path.write_bytes(data)
        try:
            read(path)
        except ValueError as error:
            assert "x.pt" in str(error)  # noqa: PT017
