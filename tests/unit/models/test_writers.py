"""Every writer of files, stopped by a full disk or killed: the old files are whole, and the next writer cleans up."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import writers

import gatewise

SOURCE = Path(gatewise.__file__).parent


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    command = [sys.executable, writers.__file__, str(tmp_path_factory.mktemp("writers"))]
    done = subprocess.run(command, check=True, timeout=600, capture_output=True, text=True)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", writers.WRITERS)
def test_a_full_disk_leaves_the_old_files_and_nothing_beside_them(name: str, found: dict[str, Any]) -> None:
    said, whole, beside, left, replaced = found[name]["full"]
    error, path, _ = said.split("'")
    assert error == "[Errno 27] File too large: "
    assert Path(path).name.startswith(name.partition(".")[0])
    assert (whole, beside, left, replaced) == (True, 0, 0, True)


@pytest.mark.parametrize("name", writers.WRITERS)
@pytest.mark.parametrize(("way", "ended"), [("killed", "SIGXFSZ"), ("killed_late", "SIGKILL")])
def test_a_killed_writer_leaves_the_old_files(name: str, way: str, ended: str, found: dict[str, Any]) -> None:
    """And something beside them, which is gone when the next one has written."""
    said, whole, beside, left, replaced = found[name][way]
    assert said == ended
    assert whole
    assert beside > 0
    assert (left, replaced) == (0, True)


# What else writes, and why it needs no `replacing`: paths in src/gatewise, with what is written there.
OTHERS = {
    "base/atomic.py": "the one place",
    "formats/keras_archive.py": "into a file that a caller replaces, and an entry that is unpacked to a temporary file",
    "formats/keras_folder.py": "into a folder that it replaces",
    "formats/hdf5/writing.py": "into a file that a caller replaces",
    "formats/safetensors.py": "into a file that a caller replaces",
    "formats/packed.py": "what is unpacked to a temporary file",
    "serving/cluster/on_ray.py": "a temporary file, for another reader's sake",
    "callbacks/loggers.py": "a log, which grows line by line",
    "compat/files.py": "what a program of TensorFlow's asks for",
    "utils/files.py": "what is unpacked into a folder that is new",
}
WRITES = re.compile(r"""\.write_bytes\(|\.write_text\(|\bopen\([^)\n]*["'][wax]b?["']|ZipFile\([^)\n]*["']w["']""")


def test_files_are_written_in_one_place() -> None:
    """A module that opens a file to write either does so inside `replacing`, or stands above with its reason."""
    writing = set()
    for path in sorted(SOURCE.rglob("*.py")):
        text = re.sub(r"(?m)^\s*(>>>|\.\.\.) .*$", "", path.read_text())
        if WRITES.search(text) and "with replacing(" not in text and "(replacing(" not in text:
            writing.add(str(path.relative_to(SOURCE)))
    assert writing <= set(OTHERS), "these write files, but not whole or not at all"
