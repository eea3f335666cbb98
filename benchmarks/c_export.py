"""One step of a small recurrent layer in exported C, beside our own stream: `python -m benchmarks.c_export`.

LSTM and GRU of 32 units over 8 features. The C is compiled with -O2 and nothing else: no instruction sets beyond the
machine's least, as for a device. Each program first runs its self test. Then they come in turn, one process a round.

keras2c 2.0 is left out: its package on the index lacks the C headers that its output includes. RTNeural is no package.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import gatewise as gw
from benchmarks import machine
from benchmarks.peers import ROOT
from benchmarks.store import RESULTS, ROUGH, save
from gatewise import layers
from gatewise.formats.c.compiled import STRICT, compiler, self_test

INPUTS, UNITS, STEPS = 8, 32, 1000
LAYERS = {"LSTM": layers.LSTM, "GRU": layers.GRU}
FORMS = ("float32", "int8")
_FOLDER = ROOT / "build" / "benchmarks" / "c_export"

_MAIN = """
#define _POSIX_C_SOURCE 199309L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "{name}.h"

static {name}_state state;
static float x[{steps} * {NAME}_X_SIZE], y[{NAME}_Y_SIZE];

static double now(void)
{{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}}

int main(void)
{{
    for (int i = 0; i < {steps} * {NAME}_X_SIZE; i++)
        x[i] = (float)(rand() % 2001 - 1000) / 1000.0f;
    {name}_reset(&state);
    for (int round = 0; round < 30; round++) {{
        const double begin = now();
        for (int t = 0; t < {steps}; t++)
            {name}_step(&state, x + t * {NAME}_X_SIZE, y);
        printf("%f\\n", (now() - begin) / {steps});
    }}
    return y[0] != y[0];
}}
"""


def program(model: Any, kind: str, form: str) -> Callable[[], list[float]]:
    """A model in C; a call gives nanoseconds a step, once for each thousand."""
    cc = compiler()
    if cc is None:
        raise SystemExit("c_export.py: there is no C compiler: install one, or name it in CC")
    name = f"{kind.lower()}_{form}"
    source = _FOLDER / f"{name}.c"
    model.export(source, weights=form, show=False)
    print(self_test(source, name, cc=cc))
    main, made = _FOLDER / f"{name}_main.c", _FOLDER / name
    main.write_text(_MAIN.format(name=name, NAME=name.upper(), steps=STEPS))
    command = [cc, *STRICT, "-O2", str(main), str(source), "-o", str(made), "-lm"]
    subprocess.run(command, check=True)

    def rounds() -> list[float]:
        done = subprocess.run([made], check=True, capture_output=True, text=True)
        return [float(line) for line in done.stdout.split()]

    return rounds


def stream(model: Any, *, many: bool) -> Callable[[], list[float]]:
    """Our stream, a push a step, or a thousand steps a push; a call gives nanoseconds a step."""
    own, x = model.stream(), np.random.default_rng(0).uniform(-1, 1, (STEPS, INPUTS)).astype("float32")

    def rounds() -> list[float]:
        found = []
        for _ in range(30):
            begin = time.perf_counter_ns()
            if many:
                own.push_many(x)
            else:
                for x_t in x:
                    own.push(x_t)
            found.append((time.perf_counter_ns() - begin) / STEPS)
        return found

    return rounds


def measure(rounds: int) -> list[dict[str, Any]]:
    """Medians and quartiles of a step, in nanoseconds."""
    results = []
    gw.config.threads = 1
    for kind, layer in LAYERS.items():
        model = gw.Sequential([gw.Input((None, INPUTS)), layer(UNITS)])
        systems = {f"C, {form} weights": program(model, kind, form) for form in FORMS}
        systems |= {"stream.push, from Python": stream(model, many=False)}
        systems |= {"stream.push_many": stream(model, many=True)}
        times: dict[str, list[float]] = {name: [] for name in systems}
        for _ in range(rounds):
            for name, system in systems.items():
                times[name] += system()
        for name, found in times.items():
            low, median, high = statistics.quantiles(found, n=4)
            results.append({"layer": kind, "system": name, "median_ns": median, "quartiles_ns": [low, high]})
            print(f"{kind:5} {name:25} {median:8.0f} ns a step ({low:.0f} to {high:.0f})")
    return results


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.c_export", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round: does everything run?")
    parser.add_argument("--output", type=Path, help="folder of the result; benchmarks/results for a full run")
    arguments = parser.parse_args()
    _FOLDER.mkdir(parents=True, exist_ok=True)
    cc = subprocess.run([compiler() or "cc", "--version"], capture_output=True, text=True, check=True).stdout
    facts = {**machine.facts(), "compiler": cc.splitlines()[0], "flags": "-O2"}
    results = measure(1 if arguments.quick else 15)
    output = arguments.output or (ROUGH if arguments.quick else RESULTS)
    save(output / "c_export.json", {"machine": facts, "inputs": INPUTS, "units": UNITS, "results": results})


if __name__ == "__main__":
    main()
