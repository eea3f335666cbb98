"""Arrays in files: what `gatewise predict` reads and writes. A file is data: nothing in it is unpickled or run.

- `.npy`: one array
- `.npz`: arrays by name
- `.csv`: a table of numbers, with or without a line of headings; one sample a row
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO, Final, cast

import numpy as np

from gatewise.base.atomic import replacing
from gatewise.formats.numpy_file import DAMAGED

SUFFIXES: Final = (".npy", ".npz", ".csv")


def suffix(path: str) -> str:
    """The kind of a file, from its name.

    Raises:
        ValueError: for a name that does not end in one of `SUFFIXES`.

    >>> suffix("Scores.CSV")
    '.csv'
    """
    found = Path(path).suffix.lower()
    if found not in SUFFIXES:
        raise ValueError(f"{path!r}: expected a name that ends in {', '.join(SUFFIXES)}.")
    return found


# --- Reading ----------------------------------------------------------------------------------------------------


def read(path: str) -> np.ndarray | dict[str, np.ndarray]:
    """The array in a `.npy` or `.csv` file, or those in a `.npz` file by name.

    Raises:
        ValueError: a file that is damaged, of another kind, or holds anything but arrays of numbers.
        OSError: a file that is not there or cannot be read.
    """
    return _READERS[suffix(path)](path)


def _read_numpy(path: str) -> np.ndarray | dict[str, np.ndarray]:
    try:
        with open(path, "rb") as file:
            # Of a file that starts otherwise, NumPy says that it is a pickle.
            if not file.read(6).startswith((b"\x93NUMPY", b"PK\x03\x04", b"PK\x05\x06")):
                raise ValueError("it does not start as one.")
            file.seek(0)
            loaded: Any = np.load(file, allow_pickle=False)
            return {name: loaded[name] for name in loaded.files} if hasattr(loaded, "files") else np.asarray(loaded)
    except MemoryError as error:
        raise ValueError(f"{path!r} claims more numbers than there is memory for: {error}") from None
    except DAMAGED as error:
        raise ValueError(_damaged(path, error)) from None


def _damaged(path: str, error: Exception) -> str:
    if "allow_pickle" in str(error):
        return (
            f"{path!r} holds Python objects, not an array of numbers. They are pickled, and unpickling can run any "
            f"code, so Gatewise never does: save the data as an array with a number's dtype."
        )
    kind = {".npy": "NumPy array (.npy)", ".npz": "archive of NumPy arrays (.npz)"}[suffix(path)]
    return f"{path!r} is not a whole {kind}: {error}"


def _read_csv(path: str) -> np.ndarray:
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = file.readlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path!r} is not a table of numbers: it is not text in UTF-8.") from None
    first = 1 if lines and not any(map(_is_number, lines[0].split(","))) else 0
    if not any(line.strip() for line in lines[first:]):
        raise ValueError(f"{path!r} has no rows of numbers.")
    try:
        return np.loadtxt(lines[first:], delimiter=",", ndmin=2, comments=None)
    except ValueError as error:
        raise ValueError(f"{path!r} is not a table of numbers: {_bad_cell(lines, first) or error}") from None


def _bad_cell(lines: list[str], first: int) -> str | None:
    """Which line of a CSV file is not like the others, in words."""
    columns = None
    for number, line in enumerate(lines[first:], first + 1):
        if not line.strip():
            continue
        cells = line.strip().split(",")
        for column, cell in enumerate(cells, 1):
            if not _is_number(cell):
                return f"{cell!r} in line {number}, column {column}."
        if columns not in (None, len(cells)):
            return f"line {number} has {len(cells)} columns, the lines above it {columns}."
        columns = len(cells)
    return None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


_READERS: Final[dict[str, Callable[[str], np.ndarray | dict[str, np.ndarray]]]] = {
    ".npy": _read_numpy,
    ".npz": _read_numpy,
    ".csv": _read_csv,
}


def as_samples(table: np.ndarray, shape: tuple[int | None, ...]) -> np.ndarray:
    """The rows of a table as samples of `shape` (with the batch axis), where their sizes allow; else the table.

    A row holds one sample, its steps one after the other. A table whose rows are the steps of one sample is taken so.

    >>> table = np.zeros((4, 6))
    >>> as_samples(table, (None, 3, 2)).shape, as_samples(table, (None, None, 6)).shape
    ((4, 3, 2), (1, 4, 6))
    """
    sample = shape[1:]
    if len(sample) == 2 and table.shape[1] == sample[1] and sample[0] in (None, table.shape[0]) and sample[0] != 1:
        return table[None]
    known = int(np.prod([size for size in sample if size is not None]))
    if len(sample) < 2 or sample.count(None) > 1 or known == 0 or table.shape[1] % known:
        return table
    if None not in sample and table.shape[1] != known:
        return table
    return table.reshape(len(table), *(table.shape[1] // known if size is None else size for size in sample))


# --- Writing ----------------------------------------------------------------------------------------------------


def write(path: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays by name to `path`: whole, or where anything fails not at all.

    Args:
        path: `.npz` for any number of arrays; `.npy` and `.csv` for one, whose name they do not keep. A `.csv` gets a
            row a sample.
        arrays: by name.

    Raises:
        ValueError: several arrays for a kind of file that holds one.
        OSError: where the file cannot be written.
    """
    kind = suffix(path)
    if kind != ".npz" and len(arrays) != 1:
        raise ValueError(f"{path!r} can hold one array, but there are {len(arrays)} ({', '.join(arrays)}): use .npz.")
    with replacing(path) as temporary, open(temporary, "wb") as file:
        _WRITERS[kind](file, arrays)


def _only(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    return next(iter(arrays.values()))


def _write_npy(file: BinaryIO, arrays: Mapping[str, np.ndarray]) -> None:
    # Where NumPy knows a file to be one, it writes by itself, and does not say why that fails.
    np.save(cast(BinaryIO, SimpleNamespace(write=file.write)), _only(arrays), allow_pickle=False)


def _write_npz(file: BinaryIO, arrays: Mapping[str, np.ndarray]) -> None:
    # np.savez takes the arrays as keywords, of which "file" is its own; so the archive is written here.
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name.replace('/', '_')}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(cast(BinaryIO, member), np.asarray(array), allow_pickle=False)


def _write_csv(file: BinaryIO, arrays: Mapping[str, np.ndarray]) -> None:
    array = _only(arrays)
    table = array.reshape(len(array), -1)
    digits = {"f": "%.9g" if array.dtype.itemsize <= 4 else "%.17g"}.get(array.dtype.kind, "%d")
    np.savetxt(file, table, fmt=digits, delimiter=",")


_WRITERS: Final[dict[str, Callable[[BinaryIO, Mapping[str, np.ndarray]], None]]] = {
    ".npy": _write_npy,
    ".npz": _write_npz,
    ".csv": _write_csv,
}
