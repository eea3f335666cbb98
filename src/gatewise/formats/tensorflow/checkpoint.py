"""Checkpoints of TensorFlow 1 and 2, `save_weights(path)` of Keras 2 among them: NAME.index, NAME.data-00000-of-00001.

A path is NAME, NAME.index, or a folder in which a file `checkpoint` says which is the latest.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from gatewise.formats.contents import ByAttribute, ByName, Contents
from gatewise.formats.tensorflow import table
from gatewise.formats.tensorflow.bundle import Bundle
from gatewise.formats.tensorflow.objects import GRAPH, Objects

FORMAT: Final = "TensorFlow checkpoint"
_LATEST: Final = re.compile(rb'^model_checkpoint_path: "([^"\n]{1,4096})"', re.MULTILINE)


def recognises(path: Any) -> bool:
    """Whether there is the index of a checkpoint."""
    prefix = _prefix(os.fsdecode(path))
    if prefix is None or not os.path.isfile(prefix + ".index"):
        return False
    with open(prefix + ".index", "rb") as file:
        file.seek(max(0, os.path.getsize(prefix + ".index") - 8))
        return table.is_table(file.read())


def _prefix(path: str) -> str | None:
    if os.path.isdir(path):
        latest = Path(path, "checkpoint")
        found = _LATEST.search(latest.read_bytes()[:1_000_000]) if latest.is_file() else None
        return None if found is None else str(Path(path, Path(os.fsdecode(found[1])).name))  # Never out of the folder.
    return path.removesuffix(".index")


@contextmanager
def open_contents(path: Any) -> Iterator[Contents]:
    """What the checkpoint holds, for as long as the context lasts.

    Raises:
        ValueError: a checkpoint that is damaged.
    """
    prefix = _prefix(os.fsdecode(path))
    if prefix is None:
        raise FileNotFoundError(f"{path!r} holds no checkpoint.")
    yield Contents(path, FORMAT, weights=weights_of(Bundle(path, prefix)))


def weights_of(bundle: Bundle) -> ByAttribute | ByName:
    """The arrays of a bundle, by what holds them where it says so, else by their names."""
    graph = bundle.text(GRAPH)
    if graph is None:
        return ByName(tuple(map(bundle.stored, bundle.names())))
    objects = Objects(bundle, graph)
    listed = objects.listed_variables()
    if listed is not None:
        return ByName(listed)
    return ByAttribute(objects.at, objects.layers)
