"""Callbacks that write the logs of epochs down: into a file, or to a server."""

from __future__ import annotations

import csv
import json
import os
import warnings
from collections.abc import Iterable
from typing import Any

from gatewise.callbacks.callback import Callback, Logs


class CSVLogger(Callback):
    """Writes a row for each epoch into a CSV file, as Keras does. A value that an epoch lacks is "NA".

    Args:
        filename: of the file.
        separator: between the columns.
        append: go on with a file that is there; else begin anew.
    """

    only_in_first_process = True

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self.keys: list[str] | None = None
        self._file: Any = None
        self._writer: Any = None

    def on_train_begin(self, logs: Logs = None) -> None:
        self._close()
        self._file = open(self.filename, "a" if self.append else "w", newline="", encoding="utf-8")  # noqa: SIM115
        self.keys = None

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        logs = logs or {}
        if self.keys is None:
            self._begin(sorted(logs))
        row = {"epoch": epoch, **{key: _cell(logs.get(key, "NA")) for key in self.keys or ()}}
        self._writer.writerow(row)
        self._file.flush()

    def _begin(self, keys: list[str]) -> None:
        """Take the columns of the first epoch, and of the validation that may come in a later one."""
        if not any(key.startswith("val_") for key in keys):
            keys = [*keys, *(f"val_{key}" for key in keys)]
        self.keys = keys
        self._writer = csv.DictWriter(self._file, ["epoch", *keys], delimiter=self.sep)
        if self._file.tell() == 0:
            self._writer.writeheader()

    def on_train_end(self, logs: Logs = None) -> None:
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = self._writer = None


def _cell(value: Any) -> Any:
    if isinstance(value, str) or not isinstance(value, Iterable) or getattr(value, "shape", None) == ():
        return value
    return f'"[{", ".join(map(str, value))}]"'


class RemoteMonitor(Callback):
    """Sends the logs of each epoch to a server, by HTTP POST. Where it does not answer there is a warning.

    Args:
        root: the server's address.
        path: what follows it.
        field: the field of the form that holds the logs, as JSON.
        headers: of HTTP, by name.
        send_as_json: send JSON itself instead of a form.
    """

    only_in_first_process = True

    seconds = 10.0
    """How long to wait for the server."""

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        super().__init__()
        if not root.startswith(("http://", "https://")):
            raise ValueError(f"RemoteMonitor: root: expected an address with http:// or https://, got {root!r}.")
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        from urllib.error import URLError
        from urllib.parse import urlencode
        from urllib.request import Request, urlopen

        values = {name: value.tolist() if hasattr(value, "tolist") else value for name, value in (logs or {}).items()}
        text = json.dumps({"epoch": epoch, **values})
        kind = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
        data = text if self.send_as_json else urlencode({self.field: text})
        headers = {"Content-Type": kind, **(self.headers or {})}
        try:
            with urlopen(Request(self.root + self.path, data.encode(), headers, method="POST"), timeout=self.seconds):
                pass
        except (URLError, OSError) as error:
            warnings.warn(f"RemoteMonitor: {self.root + self.path} took no logs: {error}", stacklevel=2)
