"""A state of training in a file: arrays by name, and a few numbers.

The file is a zip, as NumPy's `.npz` is: `state.json` has the numbers and each array's name, shape and dtype; the arrays
are `0.npy`, `1.npy` and so on. Each part has a checksum. A file is data: nothing in it is unpickled or run.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from typing import Any, BinaryIO, Final, cast

import numpy as np

from gatewise.base.atomic import replacing
from gatewise.base.foreign import raised_in_words
from gatewise.formats import zips
from gatewise.formats.numpy_file import DAMAGED

_FORMAT: Final = "gatewise training state"
_VERSION: Final = 1
_INDEX: Final = "state.json"


def write_state(path: str | os.PathLike[str], arrays: Mapping[str, Any], **numbers: int) -> None:
    """Write a state: whole, or where anything fails not at all.

    Raises:
        TypeError: for an array of Python objects.
    """
    values = {name: np.asarray(value) for name, value in arrays.items()}
    for name, value in values.items():
        if value.dtype.hasobject:
            raise TypeError(f"The state {name!r} is {value.dtype}, not numbers: it cannot be written.")
    listed = [{"name": name, "shape": list(value.shape), "dtype": value.dtype.name} for name, value in values.items()]
    index = {"format": _FORMAT, "version": _VERSION, **numbers, "arrays": listed}
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        archive.writestr(_INDEX, json.dumps(index))
        for place, value in enumerate(values.values()):
            with archive.open(f"{place}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(cast(BinaryIO, member), _plain(value), allow_pickle=False)


def read_state(path: str | os.PathLike[str], *numbers: str) -> tuple[dict[str, np.ndarray], list[int]]:
    """The arrays of a state, and the numbers of these names.

    Raises:
        ValueError: for a file that is damaged or of another kind.
        OSError: where it cannot be read.
    """
    with open(path, "rb") as file:
        try:
            return _read_all(file, numbers)
        except (OSError, *DAMAGED) as error:
            in_words = raised_in_words(error) or isinstance(error, (OSError, zipfile.BadZipFile))
            why = error if in_words else "something in it is damaged"
            raise ValueError(f"{os.fspath(path)!r} is not a whole state of training: {why}.") from error


def _read_all(file: BinaryIO, numbers: tuple[str, ...]) -> tuple[dict[str, np.ndarray], list[int]]:
    with zipfile.ZipFile(file) as archive:
        zips.check(archive)
        index = json.loads(zips.read(archive, archive.getinfo(_INDEX)))
        if index["format"] != _FORMAT or index["version"] != _VERSION:
            raise ValueError(f"it says that it is {index['format']!r}, version {index['version']!r}")
        listed = enumerate(index["arrays"])
        arrays = {str(entry["name"]): _read(archive, f"{place}.npy", entry) for place, entry in listed}
        return arrays, [_whole(index[name]) for name in numbers]


def _read(archive: zipfile.ZipFile, member: str, entry: Any) -> np.ndarray:
    with archive.open(member) as file:
        value = np.lib.format.read_array(cast(BinaryIO, file), allow_pickle=False)
        file.read()  # To its end, where the checksum is compared.
    dtype = _dtype(entry["dtype"])
    if list(value.shape) != entry["shape"] or value.dtype != _plain(np.empty(0, dtype)).dtype:
        raise ValueError(f"{entry['name']!r} should be {dtype} {entry['shape']}, but is {value.dtype} {value.shape}")
    return value.view(dtype)


def _plain(value: np.ndarray) -> np.ndarray:
    """As NumPy's own files can hold it: of dtypes that NumPy does not know itself (bfloat16) the bits."""
    return value.view(f"u{value.dtype.itemsize}") if value.dtype.kind == "V" else value


def _dtype(name: str) -> np.dtype[Any]:
    try:
        return np.dtype(name)
    except TypeError:
        import ml_dtypes  # JAX has it: only its arrays have such dtypes.

        own: np.dtype[Any] = np.dtype(getattr(ml_dtypes, name))
        return own


def _whole(number: Any) -> int:
    if not isinstance(number, int) or number < 0:
        raise ValueError(f"{number!r} is no whole number")
    return number
