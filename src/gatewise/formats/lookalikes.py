"""What a file is that no reader knows, and what to do about it."""

from __future__ import annotations

import os
from typing import Any


def what_it_is(path: Any) -> str:
    """What a file looks like, as the end of a sentence.

    Raises:
        FileNotFoundError, PermissionError: from the system.
    """
    if os.path.isdir(path):
        return _directory(path)
    if not os.path.exists(path) and os.path.exists(os.fsdecode(path) + ".index"):
        return "a TensorFlow checkpoint whose index is damaged or cut short: copy or download it again."
    with open(path, "rb") as file:
        return _file(file.read(256))


def _directory(path: Any) -> str:
    if os.path.exists(os.path.join(path, "saved_model.pb")):
        return "a TensorFlow SavedModel without its variables: copy its folder 'variables' too."
    return "a directory, and no model's; expected a file that Keras saved (.keras, .h5, .hdf5), or a SavedModel."


def _file(start: bytes) -> str:
    if not start:
        return "empty: nothing was saved in it, or a download was cut short."
    if start.startswith(b"PK\x03\x04"):
        return (
            "a zip archive, but not a model's: what Keras writes as .keras has a config.json inside. It may be cut "
            "short: copy or download it again."
        )
    if start.startswith(b"\x80") and start[1:2] in b"\x02\x03\x04\x05":
        return (
            "a Python pickle. Reading one can run any code that it holds, so Gatewise never does: load it where you "
            'trust it and save the model there with model.save("model.h5").'
        )
    if start.startswith(b"\x93NUMPY"):
        return "a NumPy array (.npy); expected a file that Keras saved (.keras, .h5, .hdf5)."
    if start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        return (
            "JSON, which holds a model without its weights: make the model with "
            "gatewise.models.model_from_json, then call load_weights with the HDF5 file of its weights."
        )
    if start.lstrip().lower().startswith((b"<!doctype", b"<html")):
        return "a web page: a download link gave a page instead of the file."
    if start.startswith(b"version https://git-lfs"):
        return 'a Git LFS pointer, not the file that it stands for: fetch that with "git lfs pull".'
    return f"not an HDF5 file: it starts with {start[:8]!r}. Expected a file that Keras saved (.keras, .h5, .hdf5)."
