"""The program of `test_writers.py`: each writer of files is stopped in the middle, and a line of JSON tells of it.

The old files are those of one model, and another's are to take their place. What stops a writer is really done: a disk
on which files cannot grow (`full`), the system's ending of the program in the middle of a file (`killed`), and its end
between the last byte and the new name (`killed_late`). Each happens in a process of its own, forked from this one.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import gatewise as gw
from gatewise.callbacks.state_file import write_state
from gatewise.compat.files import Checkpoint
from gatewise.models.plotting import plot_model
from gatewise.utils import array_files

MOST_BYTES = 500
"""That a file may grow to: less than any of those here."""


def made(units: int) -> Any:
    layers = [gw.layers.LSTM(units, name="lstm"), gw.layers.Dense(2, name="head")]
    model = gw.Sequential([gw.Input((None, 4), name="x"), *layers], name="m")
    model.compile(gw.optimizers.SGD(0.1), "mse")
    return model


def pool(model: Any) -> Any:
    found = model.stream_pool(100)
    found.add(range(model.layers[0].units))
    return found


def arrays(model: Any) -> dict[str, np.ndarray]:
    return {"a": np.zeros((40, model.layers[0].units))}


WRITERS: dict[str, Callable[[Any, str], object]] = {
    "m.keras": lambda model, path: model.save(path),
    "folder": lambda model, path: model.save(path, zipped=False),
    "m.h5": lambda model, path: model.save(path),
    "m.weights.h5": lambda model, path: model.save_weights(path),
    "by_layer.h5": lambda model, path: model.save_weights(path),
    "m.weights.json": lambda model, path: model.save_weights(path, max_shard_size=8000 / 2**30),
    "m.safetensors": lambda model, path: model.save(path),
    "weights.safetensors": lambda model, path: model.save_weights(path),
    "torch.safetensors": lambda model, path: model.export(path),
    "m.onnx": lambda model, path: model.export(path),
    "m.c": lambda model, path: model.export(path, show=False),
    "m.svg": lambda model, path: plot_model(model, path, show_shapes=True),
    "out.npz": lambda model, path: array_files.write(path, arrays(model)),
    "out.npy": lambda model, path: array_files.write(path, arrays(model)),
    "out.csv": lambda model, path: array_files.write(path, arrays(model)),
    "state.npz": lambda model, path: write_state(path, arrays(model)),
    "snapshot": lambda model, path: pool(model).snapshot(path),
    "ckpt": lambda model, path: Checkpoint(model=model).save(path),
}
WAYS = ("full", "killed", "killed_late")


def in_folder(folder: Path) -> dict[str, bytes]:
    """All files, but those that a killed writer left under another name."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    names = {path: path.relative_to(folder) for path in files}
    return {str(name): path.read_bytes() for path, name in names.items() if not name.parts[0].startswith(".")}


def stopped(write: Callable[[Any, str], object], model: Any, path: str, way: str) -> str:
    """What came of a writer that is stopped: its error, or the signal that ended it."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reading)
        try:
            _prepare(way)
            write(model, path)
            os.write(writing, b"it was written")
        except OSError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as said:
        words = said.read()
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    return words if status == 0 else signal.Signals(-status).name


def _prepare(way: str) -> None:
    if way == "killed_late":
        os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
        return
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN if way == "full" else signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_BYTES, MOST_BYTES))


def tried(name: str, folder: Path, old: Any, new: Any) -> dict[str, Any]:
    """What came of one writer in each way, whether the old files were whole, and how many others lay beside them."""
    write, path = WRITERS[name], str(folder / name)
    found: dict[str, Any] = {}
    for way in WAYS:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        write(old, path)
        before = in_folder(folder)
        said = stopped(write, new, path, way)
        whole = all(in_folder(folder).get(name) == content for name, content in before.items())
        beside = sum(each.name.startswith(".") for each in folder.iterdir())
        write(new, path)
        left = [each.name for each in folder.iterdir() if each.name.startswith(".")]
        found[way] = [said, whole, beside, len(left), in_folder(folder) != before]
    return found


def main(folder: Path) -> None:
    old, new = made(20), made(21)
    print(json.dumps({name: tried(name, folder / "at", old, new) for name in WRITERS}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
