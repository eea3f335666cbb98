"""What Gatewise costs before it computes: `python -m benchmarks.footprint`.

In a fresh environment with a regular install: the time of `import gatewise` against `import numpy`, the size on disk
with all dependencies, and how much memory 100,000 `predict` calls add. None of it depends on the set of instructions.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

from benchmarks import report, run
from benchmarks.peers import ROOT
from benchmarks.run import Run
from benchmarks.store import RESULTS, ROUGH, save

_FOLDER = ROOT / "build" / "benchmarks" / "footprint"

_IMPORT = """
import time
begin = time.perf_counter()
import {module}
print(time.perf_counter() - begin)
"""

_MEMORY = """
import resource
import numpy as np
import gatewise

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

model = gatewise.Sequential([gatewise.Input((10, 8)), gatewise.layers.LSTM(32), gatewise.layers.Dense(1)])
x = np.ones((1, 10, 8), np.float32)
for _ in range(1000):
    model.predict(x, verbose=0)
before = resident()
for _ in range({calls}):
    model.predict(x, verbose=0)
print(resident() - before)
"""


def _install() -> Path:
    """A new environment with Gatewise and nothing else, not even pip; its interpreter."""
    shutil.rmtree(_FOLDER, ignore_errors=True)
    venv.create(_FOLDER, with_pip=False)
    python = _FOLDER / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", str(ROOT)], check=True)
    return python


def _run(python: Path, program: str) -> float:
    """What the program prints, run from a folder that holds no package."""
    command = [str(python), "-c", program]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, cwd=_FOLDER).stdout)


def _imports(python: Path, runs: int) -> dict[str, float]:
    """Medians of the import statement's wall time in fresh interpreters, the two modules in turn."""
    times: dict[str, list[float]] = {"numpy": [], "gatewise": []}
    for number in range(runs + 2):
        for module, found in times.items():
            seconds = _run(python, _IMPORT.format(module=module))
            if number >= 2:  # The first runs compile the modules and fill the file cache.
                found.append(seconds)
    numpy, gatewise = (1000 * statistics.median(found) for found in times.values())
    return {"runs": runs, "numpy_ms": numpy, "gatewise_ms": gatewise, "ratio": gatewise / numpy}


def _sizes() -> dict[str, int]:
    """Bytes on disk of each package in the environment, the largest first."""
    (packages,) = _FOLDER.glob("lib/python*/site-packages")
    sizes: dict[str, int] = {}
    for path in packages.rglob("*"):
        if path.is_file():
            name = path.relative_to(packages).parts[0].split("-")[0].removesuffix(".libs")
            sizes[name] = sizes.get(name, 0) + path.stat().st_blocks * 512
    return dict(sorted(sizes.items(), key=lambda pair: -pair[1]))


def measure(here: Run, quick: bool) -> dict[str, Any]:
    """Everything this module reports; `quick` makes few imports and few calls."""
    facts, python = here.facts(), _install()
    imports = _imports(python, 5 if quick else 41)
    calls = 5_000 if quick else 100_000
    growth = _run(python, _MEMORY.format(calls=calls))
    sizes = _sizes()
    return {
        "machine": facts,
        "imports": imports,
        "install_bytes": sum(sizes.values()),
        "packages_bytes": sizes,
        "memory": {"calls": calls, "growth_bytes": growth},
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.footprint", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few imports and calls: does everything run?")
    parser.add_argument("--output", type=Path, help="root of the results; benchmarks/results for a full run")
    arguments = parser.parse_args()
    here = run.begin(wanted=None)
    output = arguments.output or (ROUGH if arguments.quick else RESULTS)
    results = measure(here, arguments.quick)
    save(output / here.kind / "footprint.json", results)
    report.write_index(output)
    print("\n".join(report.footprint_lines(results)))


if __name__ == "__main__":
    main()
