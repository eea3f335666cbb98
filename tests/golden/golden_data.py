"""Reads what tools/golden made: cases, and the arrays that they name."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
RELEASES = {"keras3": "keras3", "tf_keras": "tf2", "tf1": "tf1"}


class Data:
    """Lines of one `.jsonl.gz` or `.json`, and the `.npz` beside it, where `"f4:120:2,5,3"` names an array by dtype,
    offset and shape."""

    def __init__(self, name: str) -> None:
        packed = HERE / f"{name}.jsonl.gz"
        if packed.exists():
            with gzip.open(packed, "rt") as file:
                self.lines: list[dict[str, Any]] = [json.loads(line) for line in file]
        else:
            self.lines = json.loads((HERE / f"{name}.json").read_text())
        with np.load(HERE / f"{name}.npz") as arrays:
            self._flat = dict(arrays)

    def fill(self, part: Any) -> Any:
        """A structure with arrays in the place of their names."""
        if isinstance(part, dict):
            return {key: self.fill(value) for key, value in part.items()}
        if isinstance(part, list):
            return [self.fill(value) for value in part]
        return self.array(part) if isinstance(part, str) else part

    def array(self, name: str) -> Any:
        code, offset, shape = name.split(":")
        sizes = [int(size) for size in shape.split(",")] if shape else []
        start, count = int(offset), int(np.prod(sizes, dtype=int))
        return self._flat[code][start : start + count].reshape(sizes).copy()


@cache
def data(name: str) -> Data:
    return Data(name)


def release_of(line: dict[str, Any]) -> Any:
    """The generation that a case's names mean, by the system that made it."""
    source = line["source"] if "source" in line else line["id"].split("/")[0]
    return RELEASES[source]


def class_names(config: Any) -> Iterator[str]:
    """Every layer class that a config names."""
    if isinstance(config, dict):
        if _is_layer(config):
            yield config["class_name"]
        for value in config.values():
            yield from class_names(value)
    elif isinstance(config, list):
        for value in config:
            yield from class_names(value)


def _is_layer(config: dict[str, Any]) -> bool:
    inner = config.get("config")
    return isinstance(inner, dict) and "name" in inner and "trainable" in inner and "class_name" in config
