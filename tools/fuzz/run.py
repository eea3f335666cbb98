"""Damages files of every format, and sees that each is read, or refused in words.

    python tools/fuzz/run.py [COUNT] [--first N] [--only KIND ...] [--corpus FOLDER] [--table FILE]

A case is a number: it says which kind and file is taken (`kinds.py`) and what is done to it (`damage.py`). What comes
out must be a model, arrays or a description, or a `ValueError` (or the system's `OSError`) that names the file and is
not another library's text; within 5 seconds of processor time and a gigabyte (`judge.py`). Many cases run in one
process, which is forked from one that has imported all: a case that ends it (a crash, a hang) is seen by that, and
another takes over. What is found is written to the corpus, a folder a kind; all that lies there is tried first. The
exit status says whether all is well.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import random
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import damage
import judge
import kinds

CORPUS = Path(__file__).resolve().parent / "corpus"
BATCH = 2000
"""Cases a process."""
WALL_SECONDS = 300
"""For one file on a machine that is busy: beyond it a process waits for something that does not come."""
EVERY = 10_000
"""Cases from one word of progress to the next."""


@dataclass
class Tally:
    """How many files of a kind there were, of how many something was read, and how long they took."""

    files: int = 0
    read: int = 0
    seconds: float = 0.0

    def add(self, other: list[Any]) -> None:
        """Count what a process counted."""
        self.files, self.read, self.seconds = self.files + other[0], self.read + other[1], self.seconds + other[2]


@dataclass
class Worker:
    """What runs in the process of some cases."""

    only: list[str]
    folder: Path
    at: mmap.mmap
    say: Any
    tallies: dict[str, Tally] = field(default_factory=dict)

    def run(self, first: int, last: int) -> None:
        """Try the cases, and say of each what is wrong; at the end, how many there were."""
        most = judge.memory() + judge.MOST_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (_address_space() + (6 << 30),) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        warnings.simplefilter("ignore")
        for case in range(first, last):
            self.at[:8] = struct.pack("<q", case)
            said = self.tried(case)
            if not said and judge.memory() > most:
                said = f"took more than {judge.MOST_BYTES >> 20} MB"
            if said:
                self.send("wrong", case, said)
            if judge.memory() > most:
                os._exit(1)  # What it took cannot be told from what the next one takes.
        self.at[:8] = struct.pack("<q", last)
        for kind, tally in self.tallies.items():
            self.send("tally", kind, [tally.files, tally.read, tally.seconds])

    def send(self, *words: Any) -> None:
        self.say.write(json.dumps(words) + "\n")
        self.say.flush()

    def tried(self, case: int) -> str:
        """What is wrong with a case."""
        kind = kind_of(case, self.only)
        path = made(case, kind, self.folder)
        began = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, judge.SECONDS)  # It ends the process: the library of HDF5 hears no Python.
        signal.alarm(WALL_SECONDS)
        said, gave = judge.complaint(kinds.target(path), kinds.KINDS[kind].reads)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
        self.tallies.setdefault(kind, Tally()).add([1, int(gave), time.process_time() - began])
        if not said:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return said


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def kind_of(case: int, only: list[str]) -> str:
    """The kind that a case is of: they take turns."""
    return only[case % len(only)]


def made(case: int, kind: str, folder: Path) -> Path:
    """The file or folder of a case."""
    rng = random.Random(case)
    path = folder / str(case)
    kinds.write(damage.damaged(rng, rng.choice(kinds.seeds(kind)), kinds.KINDS[kind].ways), path)
    return path


def run(first: int, count: int, only: list[str], folder: Path, tallies: dict[str, Tally]) -> Iterator[tuple[int, str]]:
    """Try cases in processes, a new one after each that ended early; gives those that are wrong."""
    for kind in only:
        kinds.seeds(kind)
    last = first + count
    at = mmap.mmap(-1, 8)
    while first < last:
        batch = min(last, first - first % BATCH + BATCH)
        reading, writing = os.pipe()
        process = os.fork()
        if process == 0:
            os.close(reading)
            _in_worker(Worker(only, folder, at, os.fdopen(writing, "w")), first, batch)
        os.close(writing)
        wrong: dict[int, str] = {}
        with os.fdopen(reading) as lines:
            for kind, name, found in map(json.loads, lines):
                if kind == "tally":
                    tallies.setdefault(name, Tally()).add(found)
                else:
                    wrong[name] = found
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        (reached,) = struct.unpack("<q", at[:8])
        if status:
            wrong.setdefault(reached, f"the process ended with {status}")
        yield from wrong.items()
        first = batch if status == 0 else reached + 1
        if first // EVERY != (first - BATCH) // EVERY:
            print(f"{first + count - last} cases", file=sys.stderr, flush=True)


def _in_worker(worker: Worker, first: int, last: int) -> None:
    status = 1
    try:
        worker.run(first, last)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def try_corpus(corpus: Path, only: list[str]) -> dict[str, str]:
    """What is wrong with files that were found before."""
    found = {}
    for path in sorted(path for kind in only for path in corpus.glob(f"{kind}/*")):
        kind = kinds.KINDS[path.parent.name]
        said, _ = judge.complaint(kinds.target(path), kind.reads)
        if said:
            found[f"{path.parent.name}/{path.name}"] = said
    return found


def keep(path: Path, corpus: Path) -> None:
    """Put what was found into the corpus."""
    corpus.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        if path.is_dir():
            shutil.copytree(path, corpus / path.name, dirs_exist_ok=True)
        else:
            shutil.copy(path, corpus / path.name)


def table(tallies: dict[str, Tally]) -> str:
    """The counts, a line a kind."""
    lines = ["| format | files | something was read | ms a file |", "| --- | --- | --- | --- |"]
    for kind, tally in sorted(tallies.items()):
        lines.append(f"| {kind} | {tally.files:,} | {tally.read:,} | {1000 * tally.seconds / tally.files:.1f} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", nargs="?", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", choices=sorted(kinds.KINDS), nargs="+", default=list(kinds.KINDS))
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    wrong: dict[Any, str] = {}
    for name, said in try_corpus(options.corpus, options.only).items():
        print(f"{name}: {said}", flush=True)
        wrong[name] = said
    tallies: dict[str, Tally] = {}
    with tempfile.TemporaryDirectory() as name:
        for case, said in run(options.first, options.count, options.only, Path(name), tallies):
            kind = kind_of(case, options.only)
            print(f"{kind}/{case}: {said}", flush=True)
            wrong[case] = said
            keep(Path(name, str(case)), options.corpus / kind)
    if options.table:
        options.table.write_text(table(tallies))
    print(f"{options.count} cases, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
