"""Model files: one module a format, chosen by what the file is, not by what it is called.

`load` gives the model in a file; `describe` says what a file holds, without making its arrays.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gatewise.formats.description import Description

_CHECKPOINT = (
    "a TensorFlow checkpoint; this release reads HDF5 files only. "
    'Load it in TensorFlow and save it there with model.save_weights("weights.h5").'
)
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def load(path: Any, custom_objects: Any = None) -> Any:
    r"""The model in a file.

    Args:
        path: of an HDF5 file that Keras 2.0 to 2.15, tf.keras or Keras 3 wrote with `model.save("name.h5")`.
        custom_objects: your own classes and functions, by the names that the file uses.

    Raises:
        FileNotFoundError: where there is no file.
        ValueError: for a file that is not HDF5, is damaged, or does not hold a whole model that Gatewise knows.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.h5"
    >>> _ = path.write_bytes(b"PK\x03\x04 and so on")
    >>> load(path)
    Traceback (most recent call last):
        ...
    ValueError: ... is a zip archive, which is what Keras 3 writes as .keras; this release reads HDF5 files only. ...
    """
    return _reader(path).load_model(path, custom_objects)


def describe(path: Any) -> Description:
    """What wrote a file, its layers, their shapes and parameters; see `description.Description`.

    Raises:
        FileNotFoundError: where there is no file.
        ValueError: for a file that is not HDF5, is damaged, or holds no model.

    >>> import h5py, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "weights.h5"
    >>> with h5py.File(path, "w") as file:  # as `save_weights` of Keras 2 would
    ...     file.attrs.update(keras_version="2.4.0", layer_names=["head"])
    ...     file["head/head/kernel:0"] = [[1.0], [2.0]]
    ...     file["head"].attrs["weight_names"] = ["head/kernel:0"]
    >>> found = describe(path)
    >>> found.kind, found.keras_version, found.parameters
    ('weights', '2.4.0', 2)
    >>> [(layer.name, layer.weights[0].shape) for layer in found.layers]
    [('head', (2, 1))]
    """
    found: Description = _reader(path).describe(path)
    return found


def _reader(path: Any) -> Any:
    """The module that reads such a file; HDF5 is the only format of this release."""
    check_is_hdf5(path)
    return importlib.import_module("gatewise.formats.hdf5")


def check_is_hdf5(path: Any) -> None:
    """Raise ValueError, saying what the file looks like, unless it starts as HDF5 files do."""
    path = os.fspath(path)
    if os.path.isdir(path):
        raise ValueError(f"{path!r} is {_directory(path)}")
    if not os.path.exists(path) and os.path.exists(os.fsdecode(path) + ".index"):
        raise ValueError(f"{path!r} is {_CHECKPOINT}")
    with open(path, "rb") as file:
        if not _has_signature(file):
            file.seek(0)
            raise ValueError(f"{path!r} is {_lookalike(file.read(256))}")


def _has_signature(file: Any) -> bool:
    """HDF5 lets a block of a user's own stand first: the signature may be at 0, 512, 1024, 2048 and so on."""
    size = file.seek(0, os.SEEK_END)
    place = 0
    while place < size:
        file.seek(place)
        if file.read(len(HDF5_SIGNATURE)) == HDF5_SIGNATURE:
            return True
        place = place * 2 or 512
    return False


def _directory(path: Any) -> str:
    if os.path.exists(os.path.join(path, "saved_model.pb")):
        return (
            "a TensorFlow SavedModel directory; this release reads HDF5 files only. "
            'Load it in TensorFlow and save it there with model.save("model.h5", save_format="h5").'
        )
    return "a directory; expected an HDF5 file that Keras saved (.h5, .hdf5)."


def _lookalike(start: bytes) -> str:
    if not start:
        return "empty: nothing was saved in it, or a download was cut short."
    if start.startswith(b"PK\x03\x04"):
        return (
            "a zip archive, which is what Keras 3 writes as .keras; this release reads HDF5 files only. "
            'Load it in Keras and save it there with model.save("model.h5").'
        )
    if start.startswith(b"\x80") and start[1:2] in b"\x02\x03\x04\x05":
        return (
            "a Python pickle. Reading one can run any code that it holds, so Gatewise never does: load it where you "
            'trust it and save the model there with model.save("model.h5").'
        )
    if start.startswith(b"\x93NUMPY"):
        return "a NumPy array (.npy); expected an HDF5 file that Keras saved (.h5, .hdf5)."
    if start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        return (
            "JSON, which holds a model without its weights: make the model with "
            "gatewise.models.model_from_json, then call load_weights with the HDF5 file of its weights."
        )
    if start.lstrip().lower().startswith((b"<!doctype", b"<html")):
        return "a web page: a download link gave a page instead of the file."
    if start.startswith(b"version https://git-lfs"):
        return 'a Git LFS pointer, not the file that it stands for: fetch that with "git lfs pull".'
    return f"not an HDF5 file: it starts with {start[:8]!r}. Expected one that Keras saved (.h5, .hdf5)."
