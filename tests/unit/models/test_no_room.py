"""Every writer of files on a disk that is full: the old file is there, nothing beside it, and an OSError says why."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import json, pathlib, resource, signal, sys
import numpy as np
import gatewise as gw
from gatewise.callbacks.state_file import write_state
from gatewise.utils import array_files

model = gw.Sequential([gw.Input((None, 40)), gw.layers.LSTM(30)])
pool = model.stream_pool(2000)
pool.add(range(2000))
arrays = {"a": np.zeros(100_000)}
writers = {
    "m.keras": model.save, "m.h5": model.save, "m.weights.h5": model.save_weights, "by_layer.h5": model.save_weights,
    "m.safetensors": model.save, "weights.safetensors": model.save_weights,
    "out.npz": lambda path: array_files.write(path, arrays), "out.npy": lambda path: array_files.write(path, arrays),
    "out.csv": lambda path: array_files.write(path, arrays), "state.npz": lambda path: write_state(path, arrays),
    "snapshot": pool.snapshot,
}
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # Or the system would end the program where a file grows too long.
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
said = {}
for name, write in writers.items():
    path = pathlib.Path(sys.argv[1], name)
    path.write_text("old")
    try:
        write(str(path))
    except OSError as error:
        said[name] = str(error)
print(json.dumps(said))
"""


def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    done = subprocess.run(command, check=True, timeout=200, capture_output=True, text=True)
    said = json.loads(done.stdout)
    assert len(said) == 11
    assert said == {name: f"[Errno 27] File too large: {str(tmp_path / name)!r}" for name in said}
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == dict.fromkeys(said, "old")
