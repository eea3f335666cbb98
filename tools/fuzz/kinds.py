"""The formats, as data: for each, files to begin with, ways of damage of its own, and how it is read.

To add one: a function that gives seeds, and a line in `KINDS`. Small seeds make many files a second.
"""

from __future__ import annotations

import io
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import damage
import numpy as np
from damage import Files, Way

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"


@dataclass(frozen=True)
class Kind:
    """A format.

    Attributes:
        seeds: gives the files that are damaged.
        reads: what is done with each, in turn.
        ways: of damage, besides those that `damage.ways_inside` knows of files of this sort.
    """

    seeds: Callable[[], list[Files]]
    reads: tuple[Callable[[Path], object], ...]
    ways: tuple[Way, ...] = ()


# -- how files are read -----------------------------------------------------------------------------------------------


def load(path: Path) -> object:
    """The model."""
    from gatewise.models import load_model

    return load_model(path)


def describe(path: Path) -> object:
    """What `gatewise info` shows."""
    from gatewise.models import describe

    return describe(path)


def read_arrays(path: Path) -> object:
    """All arrays."""
    from gatewise.formats import open_contents

    with open_contents(path) as contents:
        return [array.read() for layer in contents.needed_weights().listed() for array in layer.arrays]


def take_weights(path: Path) -> object:
    """The weights, into a model made in code."""
    return _chain().load_weights(path)


def take_arrays(path: Path) -> object:
    """The arrays, into a model made in code, by whatever names they have."""
    from gatewise.models import load_weights_from

    return load_weights_from(_chain(), path, show=False)


def run_graph(path: Path) -> object:
    """A graph, and a call of it."""
    from gatewise.models import TensorFlowGraph, load_model

    model: Any = load_model(path)
    if isinstance(model, TensorFlowGraph):
        wanted = [(name, shape, "float32") for name, shape in model.inputs.items()]
    else:
        wanted = [(value.name, value.shape, value.dtype) for value in model.inputs]
    given = {}
    for name, shape, dtype in wanted:
        sizes = [size if isinstance(size, int) and 0 <= size < 64 else 2 for size in shape or ()]
        if np.prod(sizes) < 1 << 16:
            given[name] = np.ones(sizes, dtype or "float32")
    return model.run(given)


def from_json(path: Path) -> object:
    """A model of its config alone, with new weights."""
    from gatewise.models import model_from_json

    with _named(path):
        return model_from_json(path.read_text(errors="replace"))


def restore_stream(path: Path) -> object:
    """A stream's state, out of bytes."""
    with _named(path):
        return _stream().restore(path.read_bytes())


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Errors about bytes and texts, which have no name, with that of their file."""
    from gatewise.base.foreign import raised_in_words

    try:
        yield
    except Exception as error:
        if not isinstance(error, ValueError) and not raised_in_words(error):
            raise
        raise ValueError(f"{path}: {error}") from error


def restore_pool(path: Path) -> object:
    """A pool's snapshot."""
    return _pool().restore(path)


def read_training(path: Path) -> object:
    """The state of a training."""
    from gatewise.callbacks.state_file import read_state

    return read_state(path, "epoch")


# -- files to begin with ----------------------------------------------------------------------------------------------


@cache
def _chain() -> Any:
    import gatewise as gw

    layers = [gw.layers.LSTM(4, name="lstm"), gw.layers.Dense(2, name="head")]
    model = gw.Sequential([gw.Input((None, 3)), *layers], name="chain")
    optimizer = gw.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, "mse", jit_compile=False)
    return model


@cache
def _stream() -> Any:
    return _chain().stream(2)


@cache
def _pool() -> Any:
    pool = _chain().stream_pool(64)
    pool.add(range(5))
    return pool


def _golden(*patterns: str) -> Callable[[], list[Files]]:
    """Files of the golden data, each alone."""
    return lambda: [{"": path.read_bytes()} for pattern in patterns for path in sorted(GOLDEN.glob(pattern))]


def _folders(*names: str) -> Callable[[], list[Files]]:
    """Folders of the golden data of TensorFlow."""
    return lambda: [in_folder(GOLDEN / "of_tensorflow" / name) for name in names]


def in_folder(folder: Path) -> Files:
    """All files of a folder, by name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _written(*writes: Callable[[Path], object]) -> Callable[[], list[Files]]:
    """What functions write that are given a path."""

    def made() -> list[Files]:
        with tempfile.TemporaryDirectory() as folder:
            places = [Path(folder, str(number)) for number in range(len(writes))]
            for write, place in zip(writes, places, strict=True):
                place.mkdir()
                write(place / "m")
            return [_found(place) for place in places]

    return made


def _found(place: Path) -> Files:
    """What was written in a folder: the one file, or folder, or several files that belong together."""
    (first, *others) = sorted(place.iterdir())
    if others:
        return in_folder(place)
    return in_folder(first) if first.is_dir() else {"": first.read_bytes()}


def _save(ending: str, **options: Any) -> Callable[[Path], object]:
    return lambda path: _chain().save(f"{path}{ending}", **options)


def _save_weights(ending: str, **options: Any) -> Callable[[Path], object]:
    return lambda path: _chain().save_weights(f"{path}{ending}", **options)


def _graphs(archive: str) -> Callable[[], list[Files]]:
    """Small graphs that the golden data keep together in one file."""

    def read() -> list[Files]:
        with np.load(GOLDEN / archive) as arrays:
            return [{"": arrays[name].tobytes()} for name in arrays.files if name.endswith((":model", "/model"))]

    return read


def _save_arrays(write: Any) -> Callable[[Path], object]:
    arrays = {name: np.ones(shape, "float32") for name, shape in (("a", (3, 16)), ("b", (4, 16)), ("c", (16,)))}
    rest = {"d": np.ones((4, 2)), "e": np.zeros(2, "float16"), "flag": np.array([True, False]), "step": np.int64(3)}
    return lambda path: write(f"{path}.npz", **arrays, **rest)


def _frozen() -> list[Files]:
    """A graph of three nodes, of which two are constants."""

    def part(number: int, content: bytes) -> bytes:
        return damage._number(number << 3 | 2) + damage._number(len(content)) + content

    def node(name: bytes, operator: bytes, *shape: int) -> bytes:
        sizes = b"".join(part(2, b"\x08" + damage._number(size)) for size in shape)
        tensor = b"\x08\x01" + part(2, sizes) + part(4, np.ones(shape, "<f4").tobytes())
        attribute = part(5, part(1, b"value") + part(2, part(8, tensor))) if shape else b""
        return part(1, part(1, name) + part(2, operator) + attribute)

    return [{"": node(b"x", b"Placeholder") + node(b"kernel", b"Const", 3, 2) + node(b"bias", b"Const", 2)}]


def _zips() -> list[Files]:
    made = []
    for ending, write in ((".keras", _save(".keras")), (".h5", _save(".h5")), (".onnx", _export(".onnx"))):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("notes.txt", "hello")
            archive.writestr(f"model/m{ending}", _written(write)()[0][""])
        made.append({"": file.getvalue()})
    return made


def _tars() -> list[Files]:
    made = []
    for mode in ("w", "w:gz"):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
            for name, content in in_folder(GOLDEN / "of_tensorflow" / "sequential").items():
                member = tarfile.TarInfo(f"model/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        made.append({"": file.getvalue()})
    return made


def _export(ending: str) -> Callable[[Path], object]:
    return lambda path: _chain().export(f"{path}{ending}")


def _foreign_safetensors() -> list[Files]:
    """PyTorch's names, and a file as of some other library, with dtypes that ours has not."""
    header = b'{"x.bf": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}, "n": {"dtype": "I8", "shape": [], '
    header += b'"data_offsets": [8, 9]}, "none": {"dtype": "F64", "shape": [0, 4], "data_offsets": [9, 9]}}'
    return [*_written(_export(".safetensors"))(), {"": struct.pack("<Q", len(header)) + header + b"\x01" * 9}]


def _train(path: Path) -> None:
    from gatewise.callbacks.state_file import write_state

    write_state(f"{path}.npz", {"a": np.ones((2, 3), "float32"), "b": np.arange(4)}, epoch=2)


def _in_json(path: Path) -> None:
    path.with_suffix(".json").write_text(_chain().to_json())


# -- the formats ------------------------------------------------------------------------------------------------------

WHOLE = (load, describe)
WEIGHTS = (read_arrays, describe, take_weights)
NAMED = (read_arrays, describe, take_arrays)

KINDS: dict[str, Kind] = {
    "hdf5_keras_2": Kind(_golden("files/keras_[12]*.h5"), WHOLE),
    "hdf5_tf_keras": Kind(_golden("files/tf*[!s].h5"), WHOLE),
    "hdf5_keras_3": Kind(_golden("files/keras3_*.h5"), WHOLE),
    "hdf5_by_layer": Kind(lambda: _written(_save_weights("_by_layer.h5"))() + _golden("files/*_weights.h5")(), WEIGHTS),
    "weights_h5": Kind(lambda: _written(_save_weights(".weights.h5"))() + _golden("saved/*.weights.h5")(), WEIGHTS),
    "sharded": Kind(_written(_save_weights(".weights.json", max_shard_size=400 / 2**30)), WEIGHTS),
    "keras": Kind(lambda: _written(_save(".keras"))() + _golden("saved/*.keras", "files/*.keras")(), WHOLE),
    "keras_folder": Kind(_written(_save("", zipped=False)), WHOLE),
    "safetensors": Kind(_written(_save(".safetensors")), WHOLE, (damage.change_header,)),
    "safetensors_weights": Kind(_written(_save_weights(".safetensors")), WEIGHTS, (damage.change_header,)),
    "safetensors_foreign": Kind(_foreign_safetensors, NAMED, (damage.change_header,)),
    "onnx": Kind(_graphs("onnx_graphs.npz"), (run_graph, describe), (damage.change_message,) * 2),
    "tflite": Kind(_graphs("tflite_models.npz"), (run_graph, describe)),
    "pt": Kind(_golden("of_torch/*[!d].pt"), NAMED),
    "pt_old": Kind(_golden("of_torch/*_old.pt"), NAMED),
    "saved_model": Kind(_folders("sequential", "functional"), WHOLE),
    "saved_model_plain": Kind(_folders("plain", "exported"), WEIGHTS),
    "checkpoint_2": Kind(_folders("checkpoint"), WEIGHTS),
    "checkpoint_1": Kind(_folders("tf1"), NAMED),
    "frozen": Kind(_frozen, NAMED, (damage.change_message,) * 3),
    "frozen_run": Kind(_golden("of_tensorflow1/*.pb"), (run_graph, describe), (damage.change_message,) * 3),
    "npz": Kind(_written(_save_arrays(np.savez), _save_arrays(np.savez_compressed)), NAMED),
    "zip": Kind(_zips, WHOLE),
    "tar": Kind(_tars, WHOLE),
    "json": Kind(_written(_in_json), (from_json,)),
    "stream": Kind(_written(lambda p: p.write_bytes(_stream().save())), (restore_stream,), (damage.change_sealed,)),
    "pool": Kind(_written(lambda p: _pool().snapshot(p)), (restore_pool,), (damage.change_sealed,)),
    "training": Kind(_written(_train), (read_training,)),
}


@cache
def seeds(kind: str) -> list[Files]:
    """The files of a kind, read or made once."""
    return KINDS[kind].seeds()


# -- files at their places --------------------------------------------------------------------------------------------


def write(files: Files, path: Path) -> Path:
    """Files at a path; returns what of them is to be read."""
    if set(files) == {""}:
        path.write_bytes(files[""])
        return path
    for name, data in files.items():
        place = path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return target(path)


def target(path: Path) -> Path:
    """What of a folder is to be read: it, the list of its shards, or the checkpoint in it."""
    if not path.is_dir() or (path / "saved_model.pb").exists() or (path / "config.json").exists():
        return path
    for found in sorted(path.glob("*.weights.json")):
        return found
    for found in sorted(path.glob("*.index")):
        return found.with_suffix("")
    return path
