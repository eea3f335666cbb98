"""Where shards leave their bytes: a folder, or anything else with `get`, `put` and `delete`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final, Protocol

from gatewise.base.atomic import replacing

_NAME: Final = re.compile(r"[\w.+=-]+")


class Storage(Protocol):
    """What a shard asks of the place where it saves: an object store, a database, a folder.

    A `put` is whole or has not been; once it returns, the bytes outlive the process that put them. A shard's process
    opens the storage anew after a crash, on whatever machine, so what it is made of must be picklable.
    """

    def put(self, name: str, data: bytes) -> None:
        """Keep `data` under `name`, in place of what was there."""

    def get(self, name: str) -> bytes | None:
        """What is kept under `name`; None where there is nothing."""

    def delete(self, name: str) -> None:
        """Forget `name`; nothing happens where it is not there."""


class Folder:
    """A folder as a storage, on a disk that all machines of a cluster see. Files are written whole or not at all.

    >>> import tempfile
    >>> storage = Folder(tempfile.mkdtemp())
    >>> storage.put("shard-0", b"state")
    >>> storage.get("shard-0"), storage.get("shard-1")
    (b'state', None)
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).resolve()
        self.path.mkdir(parents=True, exist_ok=True)

    def put(self, name: str, data: bytes) -> None:
        with replacing(self._file(name)) as temporary:
            temporary.write_bytes(data)

    def get(self, name: str) -> bytes | None:
        try:
            return self._file(name).read_bytes()
        except FileNotFoundError:
            return None

    def delete(self, name: str) -> None:
        self._file(name).unlink(missing_ok=True)

    def _file(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"A name in a storage is of letters, digits and . _ + = -, got {name!r}.")
        return self.path / f"{name}.gw"

    def __repr__(self) -> str:
        return f"Folder({str(self.path)!r})"
