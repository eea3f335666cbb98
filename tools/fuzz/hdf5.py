"""Damages HDF5 files of the golden data in many ways, and sees that every one is refused in words or read.

    python tools/fuzz/hdf5.py [COUNT] [--seed N] [--corpus FOLDER]

A case is a number: it says which file is taken and what is done to it, bytes or structure. A file must give a model, a
description or weights, or a `ValueError` (or the system's `OSError`) that names it and is not another library's text;
within so many seconds and so much memory. Cases run in a process of their own, so that a crash is seen, too. What is
found is written to the corpus as an HDF5 file; the files there are tried first. The exit status says whether
all is well.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
CORPUS = Path(__file__).resolve().parent / "corpus"
CPU_SECONDS = 10
MOST_BYTES = 300 << 20
"""Beyond what the process had when it began."""
EVERY = 10_000
"""Cases from one word of progress to the next."""
FOREIGN = ("object has no attribute", "AttributeError", "KeyError", "TypeError", "IndexError", "AssertionError",
           "not subscriptable", "not iterable", "unhashable", "RecursionError", "OverflowError")  # fmt: skip


@cache
def sources() -> list[bytes]:
    """The files that are damaged, read once."""
    return [path.read_bytes() for path in sorted((*GOLDEN.glob("files/*.h5"), *GOLDEN.glob("saved/*.h5")))]


# -- damage ---------------------------------------------------------------------------------------------------------


def damaged(rng: random.Random, path: Path) -> None:
    """Make a damaged file at `path`."""
    data = bytearray(rng.choice(sources()))
    if rng.random() < 0.5:
        _change_bytes(rng, data)
        path.write_bytes(data)
        return
    path.write_bytes(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        with suppress(OSError, ValueError, RuntimeError, KeyError):  # A name twice, an attribute too long.
            rng.choice((_change_config, _change_config, _change_names, _change_tree))(rng, path)


def _change_bytes(rng: random.Random, data: bytearray) -> None:
    for _ in range(rng.choice((1, 1, 2, 8))):
        place = rng.randrange(rng.choice((len(data), min(len(data), 4000))))
        kind = rng.randrange(5)
        if kind < 3:
            data[place] = rng.choice((0, 255, data[place] ^ (1 << rng.randrange(8)), rng.randrange(256)))
        elif kind == 3:
            size = rng.choice((8, 64, 512))
            other = rng.randrange(len(data))
            data[place : place + size] = data[other : other + size]
        else:
            del data[rng.randrange(1, len(data)) :]
            return


def _change_config(rng: random.Random, path: Path) -> None:
    import h5py

    with h5py.File(path, "r+") as file:
        name = rng.choice(("model_config", "model_config", "training_config"))
        if name not in file.attrs:
            return
        config = json.loads(file.attrs[name])
        _change_value(rng, config)
        file.attrs[name] = json.dumps(config)


STRANGE: tuple[Any, ...] = (
    None, True, 0, 1, -1, 2**31, 2**63, 1e400, 0.5, "", "x", "LSTM", [], [0], [[]], {}, {"class_name": "LSTM"},
    {"class_name": 5, "config": {}}, {"class_name": "LSTM", "config": 7}, [None], ["dense", 0, 0], ["dense", -1, 0],
)  # fmt: skip


def _change_value(rng: random.Random, config: Any) -> None:
    """Replace, remove or double one value anywhere inside."""
    places = list(_places(config))
    if not places:
        return
    holder, key = rng.choice(places)
    kind = rng.randrange(4)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, list):
        holder.append(holder[key])
    elif kind == 2:
        other_holder, other_key = rng.choice(places)
        holder[key] = json.loads(json.dumps(other_holder[other_key]))
    else:
        holder[key] = rng.choice(STRANGE)


def _places(part: Any) -> Iterator[tuple[Any, Any]]:
    keys: Any = range(len(part)) if isinstance(part, list) else list(part) if isinstance(part, dict) else ()
    for key in keys:
        yield part, key
        yield from _places(part[key])


def _change_names(rng: random.Random, path: Path) -> None:
    import h5py
    import numpy as np

    with h5py.File(path, "r+") as file:
        holders: list[Any] = []
        file.visititems(lambda _, item: holders.append(item))
        named = [(h, n) for h in (file, *holders) for n in ("layer_names", "weight_names") if n in h.attrs]
        if not named:
            return
        holder, name = rng.choice(named)
        names = [each if isinstance(each, bytes) else str(each).encode() for each in np.ravel(holder.attrs[name])]
        changes: list[Callable[[], Any]] = [
            lambda: names.append(rng.choice([*names, b"x", b"..", b"/", b"."])),
            lambda: names.pop() if names else None,
            lambda: rng.shuffle(names),
            lambda: names.extend(names * 50),
        ]
        rng.choice(changes)()
        holder.attrs[name] = np.array(names) if names else np.zeros(0)


def _change_tree(rng: random.Random, path: Path) -> None:
    import h5py

    with h5py.File(path, "r+") as file:
        items: list[str] = []
        file.visit(items.append)
        if not items:
            return
        one, other = rng.choice(items), rng.choice(items)
        groups = [name for name in items if isinstance(file[name], h5py.Group)] or ["/"]
        kind = rng.randrange(5)
        if kind == 0:
            del file[one]
        elif kind == 1:  # A second name, which may lead in a circle.
            file[f"{rng.choice(groups)}/again{rng.randrange(99)}"] = file[one]
        elif kind == 2:
            file[f"{rng.choice(groups)}/soft{rng.randrange(99)}"] = h5py.SoftLink("/" + other)
        elif kind == 3 and isinstance(file[one], h5py.Dataset):
            del file[one]
            file[one] = rng.choice((0, [1, 2], "text", [[0.5]] * 3, [b"x"]))
        else:
            file.move(one, f"moved{rng.randrange(99)}")


# -- trying ---------------------------------------------------------------------------------------------------------


def complaint(path: Path) -> str:
    """What is wrong with how a file is read; "" where nothing is."""
    from gatewise.models import describe, load_model

    for read in (load_model, describe):
        before = resource.getrusage(resource.RUSAGE_SELF)
        try:
            read(path)
            said = str(path)
        except (ValueError, OSError) as error:
            said = str(error)
        except Exception as error:
            return f"{read.__name__}: {type(error).__name__}: {error}"
        after = resource.getrusage(resource.RUSAGE_SELF)
        if str(path) not in said:
            return f"{read.__name__} does not name the file: {said}"
        if found := [words for words in FOREIGN if words in said]:
            return f"{read.__name__} says {found[0]!r}: {said}"
        if after.ru_utime - before.ru_utime > CPU_SECONDS:
            return f"{read.__name__} took {after.ru_utime - before.ru_utime:.0f} s of processor time"
    return ""


def try_cases(first: int, last: int, folder: Path) -> None:
    """What the process for some cases does: a line before each, and one where something is wrong."""
    import gatewise  # noqa: F401 (its memory counts as there from the start)

    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    resource.setrlimit(resource.RLIMIT_AS, (own + (4 << 30), own + (4 << 30)))
    for case in range(first, last):
        path = folder / f"{case}.h5"
        print(f"at {case}", flush=True)
        damaged(random.Random(case), path)
        used = resource.getrusage(resource.RUSAGE_SELF)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 60, resource.RLIM_INFINITY))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        said = complaint(path)
        if not said and resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before > MOST_BYTES:
            said = "took much memory"
        if said:
            print(f"wrong {case} {said}".replace("\n", " "), flush=True)
        else:
            path.unlink()


def run(first: int, count: int, folder: Path) -> Iterator[tuple[int, str]]:
    """Try cases in processes of their own, a new one after each crash; each that is wrong, as soon as it is found."""
    last = first + count
    while first < last:
        at = first
        command = [sys.executable, __file__, "--cases", str(first), str(last), "--folder", str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                kind, number, *words = line.rstrip("\n").split(" ", 2)
                at = int(number)
                if kind == "wrong":
                    yield at, words[0]
                elif (at + 1 - last + count) % EVERY == 0:
                    print(f"{at + 1 - last + count} cases", file=sys.stderr, flush=True)
        if process.returncode == 0:
            break
        yield at, f"the process ended with {process.returncode}"
        first = at + 1


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", nargs="?", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--cases", type=int, nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.cases:
        try_cases(*options.cases, options.folder)
        return 0
    known = {path.name: complaint(path) for path in sorted(options.corpus.glob("*.h5"))}
    wrong: dict[Any, str] = {name: said for name, said in known.items() if said}
    for name, said in wrong.items():
        print(f"{name}: {said}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for case, said in run(options.seed, options.count, Path(folder)):
            print(f"{case}: {said}", flush=True)
            wrong[case] = said
            options.corpus.mkdir(exist_ok=True)
            (options.corpus / f"{case}.h5").write_bytes((Path(folder) / f"{case}.h5").read_bytes())
    print(f"{options.count} cases, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
