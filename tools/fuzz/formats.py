"""Damages files of every format but HDF5 (which `hdf5.py` does), and sees that each is refused in words or read.

    python tools/fuzz/formats.py [COUNT] [--seed N] [--only KIND] [--corpus FOLDER]

Kinds: keras (`.keras`), safetensors, pt (both forms of PyTorch's), npz, tensorflow (checkpoints and SavedModels), onnx.
A case is a number: it says which kind and file is taken, and what is done to its bytes, to members of an archive, or to
JSON inside. What must come out is as in `hdf5.py`, within 5 seconds and a gigabyte; besides, all arrays are read, and
graphs of ONNX's run. What is found is kept in the corpus, a file or folder each, and tried first.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import hdf5
import numpy as np

CORPUS = Path(__file__).resolve().parent / "corpus_formats"
CPU_SECONDS = 5
MOST_BYTES = 1 << 30
Files = dict[str, bytes]
"""What is damaged: files by their names in a folder; one file alone has the name ""."""


# -- sources ----------------------------------------------------------------------------------------------------------


def _alone(*patterns: str) -> list[Files]:
    return [{"": path.read_bytes()} for pattern in patterns for path in sorted(hdf5.GOLDEN.glob(pattern))]


def _folders() -> list[Files]:
    """Those of `tests/golden/of_tensorflow`, and checkpoints without a program."""
    found = []
    for folder in sorted((hdf5.GOLDEN / "of_tensorflow").iterdir()):
        files = {
            str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
        }
        found.append(files)
    return found


def _archives() -> list[Files]:
    """NumPy's archives, made here."""
    made = []
    for write in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        write(file, a=np.arange(6.0).reshape(2, 3), b=np.array([True, False]), c=np.int64(3), d=np.zeros((0, 4)))
        made.append({"": file.getvalue()})
    return made


def _graphs() -> list[Files]:
    with np.load(hdf5.GOLDEN / "onnx_graphs.npz") as arrays:
        return [{"": arrays[name].tobytes()} for name in arrays.files if name.endswith(":model")]


def _safetensors() -> list[Files]:
    """Ours, whole and weights alone, and one under PyTorch's names."""
    import gatewise as gw

    model = gw.Sequential([gw.Input((None, 3)), gw.layers.LSTM(4), gw.layers.Dense(2)])
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/a.safetensors")
        model.save_weights(f"{folder}/b.safetensors")
        model.export(f"{folder}/c.safetensors")
        return [{"": path.read_bytes()} for path in sorted(Path(folder).iterdir())]


KINDS: dict[str, Callable[[], list[Files]]] = {
    "keras": lambda: _alone("saved/*.keras", "files/*.keras"),
    "safetensors": _safetensors,
    "pt": lambda: _alone("of_torch/*.pt"),
    "npz": _archives,
    "tensorflow": _folders,
    "onnx": _graphs,
}


@cache
def sources(kind: str) -> list[Files]:
    """The files of a kind, read or made once."""
    return KINDS[kind]()


# -- damage -----------------------------------------------------------------------------------------------------------


def damaged(rng: random.Random, kind: str) -> Files:
    """One source, with damage."""
    files = dict(rng.choice(sources(kind)))
    for _ in range(rng.choice((1, 1, 2, 3))):
        name = rng.choice(sorted(files))
        ways: list[Callable[[random.Random, bytes], bytes]] = [_bytes, _bytes, _lengths]
        if files[name][:2] == b"PK":
            ways += [_member] * 4
        if kind == "safetensors":
            ways += [_header] * 4
        with suppress(Exception):  # A part that is damaged already cannot be damaged in each way.
            files[name] = rng.choice(ways)(rng, files[name])
    if len(files) > 1 and rng.random() < 0.05:
        del files[rng.choice(sorted(files))]
    return files


def _bytes(rng: random.Random, data: bytes) -> bytes:
    if not data:
        return data
    changed = bytearray(data)
    hdf5._change_bytes(rng, changed)
    return bytes(changed)


def _lengths(rng: random.Random, data: bytes) -> bytes:
    """Something put in or taken out, or a number made huge."""
    place = rng.randrange(len(data) + 1)
    huge = rng.choice((b"\xff" * 9 + b"\x01", b"\xff\xff\xff\xff\x07", struct.pack("<q", 1 << 40), b"\x80", b"\0" * 16))
    kind = rng.randrange(3)
    if kind == 0:
        return data[:place] + huge + data[place:]
    if kind == 1:
        return data[:place] + huge + data[place + len(huge) :]
    return data[:place] + data[place + rng.choice((1, 4, 100)) :]


def _member(rng: random.Random, data: bytes) -> bytes:
    """An archive with one of its members damaged, lost, doubled or under another name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    place = rng.randrange(len(members))
    name, content = members[place]
    kind = rng.randrange(6)
    if kind == 0:
        del members[place]
    elif kind == 1:
        members.append(members[place])
    elif kind == 2:
        members[place] = (rng.choice(("../x", "/x", "config.json", "data.pkl", name + "/")), content)
    elif kind == 3 and name.endswith(".json"):
        config = json.loads(content)
        hdf5._change_value(rng, config)
        members[place] = (name, json.dumps(config).encode())
    else:
        members[place] = (name, rng.choice((_bytes, _lengths))(rng, content))
    file = io.BytesIO()
    warnings.simplefilter("ignore")  # A name twice.
    with zipfile.ZipFile(file, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for each, content in members:
            archive.writestr(each, content)
    return file.getvalue()


def _header(rng: random.Random, data: bytes) -> bytes:
    """A safetensors file with another header."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    hdf5._change_value(rng, header)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def write(files: Files, path: Path) -> Path:
    """The files at a path: a file, or a folder; returns what is to be read."""
    if set(files) == {""}:
        path.write_bytes(files[""])
        return path
    for name, data in files.items():
        place = path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return target(path)


def target(path: Path) -> Path:
    """What of a folder is to be read: it, or the checkpoint in it."""
    if path.is_dir() and not (path / "saved_model.pb").exists():
        found = sorted(path.glob("*.index"))
        return found[0].with_suffix("") if found else path
    return path


# -- trying -----------------------------------------------------------------------------------------------------------


def read_arrays(path: Path) -> None:
    """All arrays of a file."""
    from gatewise.formats import open_contents

    with open_contents(path) as contents:
        for layer in contents.needed_weights().listed():
            for array in layer.arrays:
                array.read()


def load(path: Path) -> None:
    """The model, and a call of it where it is a graph."""
    from gatewise.models import OnnxModel, load_model

    model = load_model(path)
    if isinstance(model, OnnxModel):
        given = {}
        for value in model.inputs:
            sizes = [size if isinstance(size, int) and 0 <= size < 64 else 2 for size in value.shape or ()]
            if np.prod(sizes) < 1 << 16:
                given[value.name] = np.ones(sizes, value.dtype or "float32")
        model.run(given)


def complaint(path: Path) -> str:
    """What is wrong with how a file is read; "" where nothing is."""
    from gatewise.models import describe

    for read in (load, read_arrays, describe):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        try:
            read(path)
            said = str(path)
        except (ValueError, OSError) as error:
            said = str(error)
        except Exception as error:
            return f"{read.__name__}: {type(error).__name__}: {error}"
        took = resource.getrusage(resource.RUSAGE_SELF).ru_utime - before
        if str(path) not in said:
            return f"{read.__name__} does not name the file: {said}"
        if found := [words for words in hdf5.FOREIGN if words in said]:
            return f"{read.__name__} says {found[0]!r}: {said}"
        if took > CPU_SECONDS:
            return f"{read.__name__} took {took:.0f} s of processor time"
    return ""


def made(case: int, folder: Path, only: str | None) -> Path:
    """The file of a case."""
    rng = random.Random(case)
    kind = only or rng.choice(sorted(KINDS))
    return write(damaged(rng, kind), folder / f"{case}_{kind}")


def try_cases(first: int, last: int, folder: Path, only: str | None) -> None:
    """What the process for some cases does: a line before each, and one where something is wrong."""
    for kind in [only] if only else KINDS:
        sources(kind)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    resource.setrlimit(resource.RLIMIT_AS, (own + (6 << 30), own + (6 << 30)))
    for case in range(first, last):
        print(f"at {case}", flush=True)
        path = made(case, folder, only)
        used = resource.getrusage(resource.RUSAGE_SELF)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 60, resource.RLIM_INFINITY))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        said = complaint(path)
        if not said and resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before > MOST_BYTES:
            said = "took much memory"
        if said:
            print(f"wrong {case} {said}".replace("\n", " "), flush=True)
        else:
            _remove(next(folder.glob(f"{case}_*")))


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def run(first: int, count: int, folder: Path, only: str | None) -> Iterator[tuple[int, str]]:
    """Try cases in processes of their own, a new one after each crash."""
    last = first + count
    while first < last:
        at = first
        command = [sys.executable, __file__, "--cases", str(first), str(last), "--folder", str(folder)]
        command += ["--only", only] if only else []
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                kind, number, *words = line.rstrip("\n").split(" ", 2)
                at = int(number)
                if kind == "wrong":
                    yield at, words[0]
        if process.returncode == 0:
            break
        yield at, f"the process ended with {process.returncode}"
        first = at + 1


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", nargs="?", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=sorted(KINDS))
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--cases", type=int, nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.cases:
        try_cases(*options.cases, options.folder, options.only)
        return 0
    known = {path.name: complaint(target(path)) for path in sorted(options.corpus.glob("*"))}
    wrong: dict[Any, str] = {name: said for name, said in known.items() if said}
    for name, said in wrong.items():
        print(f"{name}: {said}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for case, said in run(options.seed, options.count, Path(folder), options.only):
            print(f"{case}: {said}", flush=True)
            wrong[case] = said
            options.corpus.mkdir(exist_ok=True)
            for path in Path(folder).glob(f"{case}_*"):
                if path.is_dir():
                    shutil.copytree(path, options.corpus / path.name, dirs_exist_ok=True)
                else:
                    shutil.copy(path, options.corpus / path.name)
    print(f"{options.count} cases, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
