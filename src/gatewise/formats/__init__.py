"""Files of models: one module, or room, a format, chosen by what a file is and not by what it is called.

A reader gives plain `Contents` and knows no model; `gatewise.models` makes models of them.
"""

from __future__ import annotations

import importlib
import os
from contextlib import AbstractContextManager
from typing import Any

from gatewise.formats.contents import ByAttribute as ByAttribute
from gatewise.formats.contents import ByLayer as ByLayer
from gatewise.formats.contents import ByName as ByName
from gatewise.formats.contents import ByPlace as ByPlace
from gatewise.formats.contents import Contents as Contents
from gatewise.formats.contents import Reader as Reader
from gatewise.formats.contents import Stored as Stored
from gatewise.formats.contents import StoredLayer as StoredLayer
from gatewise.formats.lookalikes import what_it_is

READERS: list[Reader | str] = []
"""The formats, in the order in which they are asked; a text is the name of a module, imported when first asked."""


def register(reader: Reader | str) -> None:
    """Add a format: an object as `Reader` says, or the name of a module that is one."""
    READERS.append(reader)


register("gatewise.formats.keras_archive")  # Before HDF5, whose signature may stand inside an archive at 512, 1024, ...
register("gatewise.formats.hdf5")
register("gatewise.formats.keras_folder")
register("gatewise.formats.sharded")
register("gatewise.formats.safetensors")
register("gatewise.formats.torch_file")
register("gatewise.formats.numpy_file")
register("gatewise.formats.onnx.reading")
register("gatewise.formats.tflite.reading")
register("gatewise.formats.tensorflow.saved_model")
register("gatewise.formats.tensorflow.checkpoint")
register("gatewise.formats.tensorflow.frozen")
register("gatewise.formats.packed")


def open_contents(path: Any) -> AbstractContextManager[Contents]:
    r"""What a file of any known format holds, as a context: arrays are read only while it lasts.

    Raises:
        FileNotFoundError: where there is no file.
        ValueError: for a file of no known format, or one that is damaged.

    >>> import h5py, pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> with h5py.File(folder / "weights.h5", "w") as file:  # as `save_weights` of Keras 2 would
    ...     file.attrs.update(keras_version="2.4.0", layer_names=["head"])
    ...     file["head/head/kernel:0"] = [[1.0], [2.0]]
    ...     file["head"].attrs["weight_names"] = ["head/kernel:0"]
    >>> with open_contents(folder / "weights.h5") as contents:
    ...     print(contents.format, contents.keras_version, contents.config)
    ...     for layer in contents.weights.layers:
    ...         print(layer.name, layer.arrays[0].shape, layer.arrays[0].read().tolist())
    HDF5 2.4.0 None
    head (2, 1) [[1.0], [2.0]]
    >>> _ = (folder / "model.h5").write_bytes(b"PK\x03\x04 and so on")
    >>> open_contents(folder / "model.h5")
    Traceback (most recent call last):
        ...
    ValueError: ... is a zip archive, but not a model's: ...
    """
    path = os.fspath(path)
    for each in READERS:
        reader = _module(each) if isinstance(each, str) else each
        if reader.recognises(path):
            return reader.open_contents(path)
    raise ValueError(f"{path!r} is {what_it_is(path)}")


def _module(name: str) -> Reader:
    found: Any = importlib.import_module(name)
    return found  # type: ignore[no-any-return]
