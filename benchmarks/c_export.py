"""One step of a small recurrent layer in exported C, beside keras2c, RTNeural and our own stream.

    python -m benchmarks.c_export [--keras2c FOLDER] [--rtneural FOLDER] [--eigen FOLDER]

LSTM and GRU of 32 units over 8 features, one sequence. Each program is compiled with -O3 for the machine's least
instruction set, and for this machine's own, in the compiler's usual dialect; each first has to say what the others say.
Then they come in turn, one process a round. Times are of the processor, so that other programs on the machine count for
little.

The rivals' code is not part of this repository: FOLDER is where theirs lies (keras2c's `include`, which its package
lacks; RTNeural's root, as on GitHub; Eigen's headers, for RTNeural on Eigen). Those that are not named are left out.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import gatewise as gw
from benchmarks import c_rivals, machine
from benchmarks.peers import ROOT
from benchmarks.store import RESULTS, ROUGH, save
from gatewise import layers
from gatewise.formats.c.compiled import compiler, self_test

INPUTS, UNITS, STEPS, ROUNDS = 8, 32, 1000, 30
LAYERS = {"LSTM": layers.LSTM, "GRU": layers.GRU}
FORMS = ("float32", "int8")
FLAGS = {"-O3": ["-O3"], "-O3 -march=native": ["-O3", "-march=native"]}
TOLERANCE = 1e-5
"""Between float32 programs after thousands of steps, which forget what lies far back."""
_FOLDER = ROOT / "build" / "benchmarks" / "c_export"
Rounds = Callable[[], list[float]]


@dataclass(frozen=True)
class Source:
    """What a program is made of, beside the main function."""

    name: str
    files: tuple[Path, ...]
    options: tuple[str, ...] = ()
    exact: bool = True


def ours(model: Any, kind: str) -> Iterator[Source]:
    """The model as exported, in both forms of weights."""
    for form in FORMS:
        name = f"{kind.lower()}_{form}"
        exported, around = _FOLDER / f"{name}.c", _FOLDER / f"{name}_step.c"
        model.export(exported, weights=form, show=False)
        print(self_test(exported, name, cc=_compiler()))
        around.write_text(c_rivals.ours_text(name))
        yield Source(f"Gatewise, {form} weights", (exported, around), exact=form == "float32")


def rivals(model: Any, kind: str, folders: argparse.Namespace) -> Iterator[Source]:
    """Those whose code is there."""
    weights = model.get_weights()
    if folders.keras2c:
        around = _FOLDER / f"{kind}_keras2c.c"
        around.write_text(c_rivals.keras2c_text(kind, weights))
        files = c_rivals.keras2c_sources(folders.keras2c)
        yield Source("keras2c", (around, *files), tuple(f"-I{folder}" for folder in {file.parent for file in files}))
    if folders.rtneural:
        around = _FOLDER / f"{kind}_rtneural.cpp"
        around.write_text(c_rivals.rtneural_text(kind, weights))
        common = ("-std=c++17", f"-I{folders.rtneural}")
        yield Source("RTNeural, STL", (around,), (*common, "-DRTNEURAL_USE_STL=1", "-DRTNEURAL_DEFAULT_ALIGNMENT=16"))
        if folders.eigen:
            eigen = (f"-I{folders.eigen}", "-DRTNEURAL_USE_EIGEN=1", "-DRTNEURAL_DEFAULT_ALIGNMENT=32")
            yield Source("RTNeural, Eigen", (around,), (*common, *eigen))


def _compiler() -> str:
    cc = compiler()
    if cc is None:
        raise SystemExit("c_export.py: there is no C compiler: install one, or name it in CC")
    return cc


def program(source: Source, flags: list[str], place: int) -> Callable[[], tuple[list[float], np.ndarray]]:
    """A program; a call gives nanoseconds a step, once for each thousand, and its last outputs."""
    main = _FOLDER / "main.c"
    main.write_text(c_rivals.main_text(INPUTS, UNITS, STEPS, ROUNDS))
    objects = []
    for number, file in enumerate((main, *source.files)):
        objects.append(_FOLDER / f"{place}_{number}.o")
        cc = "c++" if file.suffix == ".cpp" else _compiler()
        options = [] if file == main else source.options
        subprocess.run([cc, *flags, *options, "-c", str(file), "-o", str(objects[-1])], check=True)
    made = _FOLDER / f"program_{place}"
    subprocess.run(["c++", *map(str, objects), "-o", str(made), "-lm"], check=True)

    def rounds() -> tuple[list[float], np.ndarray]:
        done = subprocess.run([made], check=True, capture_output=True, text=True)
        numbers = [float(line) for line in done.stdout.split()]
        return numbers[:ROUNDS], np.array(numbers[ROUNDS:])

    return rounds


def stream(model: Any, *, many: bool) -> Rounds:
    """Our stream, a push a step, or a thousand steps a push; a call gives nanoseconds a step."""
    own, x = model.stream(), np.random.default_rng(0).uniform(-1, 1, (STEPS, INPUTS)).astype("float32")

    def rounds() -> list[float]:
        found = []
        for _ in range(ROUNDS):
            begin = time.process_time_ns()
            if many:
                own.push_many(x)
            else:
                for x_t in x:
                    own.push(x_t)
            found.append((time.process_time_ns() - begin) / STEPS)
        return found

    return rounds


def checked(source: Source, run: Callable[[], tuple[list[float], np.ndarray]], wanted: np.ndarray) -> Rounds:
    """A program whose outputs are those of the others."""
    _, found = run()
    if source.exact and not np.allclose(found, wanted, atol=TOLERANCE):
        raise SystemExit(f"c_export.py: {source.name} gives other outputs: {found[:4]}, and not {wanted[:4]}")
    return lambda: run()[0]


def measure(rounds: int, folders: argparse.Namespace) -> list[dict[str, Any]]:
    """The least, the median and the quartiles of a step, in nanoseconds of the processor."""
    results = []
    gw.config.threads = 1
    for kind, layer in LAYERS.items():
        model = gw.Sequential([gw.Input((None, INPUTS)), layer(UNITS, bias_initializer="uniform")])
        sources = [*ours(model, kind), *rivals(model, kind, folders)]
        systems: dict[tuple[str, str], Rounds] = {}
        for flags, options in FLAGS.items():
            made = [program(source, options, place) for place, source in enumerate(sources, 100 * len(systems))]
            wanted = made[0]()[1]
            systems |= {(each.name, flags): checked(each, run, wanted) for each, run in zip(sources, made, strict=True)}
        systems["stream.push, from Python", ""] = stream(model, many=False)
        systems["stream.push_many", ""] = stream(model, many=True)
        times: dict[tuple[str, str], list[float]] = {name: [] for name in systems}
        for _ in range(rounds):
            for name, system in systems.items():
                times[name] += system()
        for (name, flags), found in times.items():
            low, median, high = statistics.quantiles(found, n=4)
            numbers = {"least_ns": min(found), "median_ns": median, "quartiles_ns": [low, high]}
            results.append({"layer": kind, "system": name, "flags": flags, **numbers})
            print(f"{kind:5} {name:25} {flags:18} {median:8.0f} ns a step ({low:.0f} to {high:.0f})", flush=True)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.c_export", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="one round: does everything run?")
    parser.add_argument("--output", type=Path, help="folder of the result; benchmarks/results for a full run")
    for name in ("keras2c", "rtneural", "eigen"):
        parser.add_argument(f"--{name}", type=Path, metavar="FOLDER", help="where its code lies")
    arguments = parser.parse_args()
    _FOLDER.mkdir(parents=True, exist_ok=True)
    cc = subprocess.run([_compiler(), "--version"], capture_output=True, text=True, check=True).stdout
    facts = {**machine.facts(), "compiler": cc.splitlines()[0], "flags": list(FLAGS)}
    results = measure(1 if arguments.quick else 15, arguments)
    output = arguments.output or (ROUGH if arguments.quick else RESULTS)
    save(output / "c_export.json", {"machine": facts, "inputs": INPUTS, "units": UNITS, "results": results})


if __name__ == "__main__":
    main()
