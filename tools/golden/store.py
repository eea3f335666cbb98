"""Many small arrays in one small file.

A golden case names its arrays as text, `"f4:120:2,5,3"`: dtype, offset in elements, shape. All elements of one dtype
lie in one flat array of the `.npz`, and equal arrays are stored once.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

DTYPES = {"f4": np.float32, "f8": np.float64, "i4": np.int32, "i8": np.int64, "b1": np.bool_}
CODES = {np.dtype(dtype): code for code, dtype in DTYPES.items()}


class Store:
    """Collects arrays; `put` gives the text that a case keeps in an array's place."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Any]] = {code: [] for code in DTYPES}
        self._sizes = dict.fromkeys(DTYPES, 0)
        self._known: dict[tuple[str, bytes], str] = {}

    def put(self, array: Any) -> str:
        array = np.asarray(array)
        code = CODES[array.dtype]
        shape = ",".join(map(str, array.shape))
        key = (f"{code}:{shape}", array.tobytes())
        if key not in self._known:
            self._known[key] = f"{code}:{self._sizes[code]}:{shape}"
            self._parts[code].append(array.ravel())
            self._sizes[code] += array.size
        return self._known[key]

    def put_all(self, structure: Any) -> Any:
        """The same structure (lists, tuples and dicts) with each array replaced by its text."""
        if structure is None:
            return None
        if isinstance(structure, dict):
            return {key: self.put_all(value) for key, value in structure.items()}
        if isinstance(structure, (list, tuple)):
            return [self.put_all(value) for value in structure]
        return self.put(structure)

    def save(self, path: Path) -> None:
        flat = {code: np.concatenate(parts) for code, parts in self._parts.items() if parts}
        np.savez_compressed(path, **flat)


def write_lines(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """One JSON object a line, keys in the order given, no spaces; packed, with no time stamp, so that it is the same
    each time."""
    text = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write(text.encode())
