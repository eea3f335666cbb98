"""The machine's limits, measured in the same run, and how near each row comes to them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.peers import ROOT

_SOURCE = Path(__file__).with_suffix(".cpp")
_PROGRAM = ROOT / "build" / "benchmarks" / "roofline"
_LARGEST = 1 << 30  # Bytes: a last-level cache that is larger is not told apart from memory.


def cores() -> int:
    """The processors that this process may run on."""
    return len(os.sched_getaffinity(0))


def cache_bytes() -> dict[str, int]:
    """The data caches that one core sees, by level; empty where the system does not say."""
    found: dict[str, int] = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        if (index / "type").read_text().strip() == "Instruction":
            continue
        size = (index / "size").read_text().strip()
        scale = {"K": 1 << 10, "M": 1 << 20}.get(size[-1], 1)
        found[f"L{(index / 'level').read_text().strip()}"] = int(size.rstrip("KM")) * scale
    return found


def _buffers() -> dict[str, int]:
    """What each thread reads to see a level: half of a cache, and several times the largest for the memory."""
    caches = cache_bytes() or {"L1": 32 << 10, "L2": 512 << 10, "L3": 8 << 20}
    sizes = {level: size // 2 for level, size in caches.items() if level in ("L1", "L2")}
    if "L3" in caches:
        sizes["L3"] = min(caches["L3"] // (2 * cores()), 8 * caches.get("L2", 1 << 20))
    sizes["memory"] = min(4 * max(caches.values()), _LARGEST) // cores()
    return sizes


def _build() -> Path:
    if not _PROGRAM.exists() or _PROGRAM.stat().st_mtime < _SOURCE.stat().st_mtime:
        _PROGRAM.parent.mkdir(parents=True, exist_ok=True)
        options = ["-std=c++17", "-O3", "-march=native", "-ffp-contract=fast", "-pthread"]
        subprocess.run([os.environ.get("CXX", "g++"), *options, str(_SOURCE), "-o", str(_PROGRAM)], check=True)
    return _PROGRAM


def measure(threads: int, seconds: float = 0.05) -> dict[str, Any]:
    """Peak flops and bytes read a second from each level, of `threads` threads together."""
    sizes = _buffers()
    command = [str(_build()), str(threads), str(seconds), *map(str, sizes.values())]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    read = {level: answer["read"][str(size)] for level, size in sizes.items()}
    return {"threads": threads, "vector_bytes": answer["vector_bytes"], "flops": answer["flops"], "read": read}


def better(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """The higher of two measurements: a limit is what the machine could do at its best."""
    read = {level: max(rate, second["read"][level]) for level, rate in first["read"].items()}
    return {**first, "flops": max(first["flops"], second["flops"]), "read": read}


def _reading(bytes_a_core: float, limits: dict[str, Any]) -> tuple[float, str]:
    """The least seconds for a core to read so many bytes again, and the farthest level it needs.

    What fits comes from L1, the rest from L2 and so on: read to and fro, that much stays.
    """
    seconds, held = 0.0, 0
    for level, size in [*cache_bytes().items(), ("memory", sys.maxsize)]:
        part = min(bytes_a_core, size) - held
        seconds += part * limits["threads"] / limits["read"][level]
        if bytes_a_core <= size:
            return seconds, level
        held = size
    raise AssertionError("memory holds everything")


def least_seconds(row: dict[str, Any], limits: dict[str, Any]) -> dict[str, Any]:
    """The least time of a row: its operations at the peak, or its recurrent weights read once a step, each core its
    share; whichever is longer. Activations, inputs and outputs are not counted, so that no program quite reaches it."""
    operations = row["operations"] / limits["flops"]
    once, level = _reading(row["recurrent_bytes"] / limits["threads"], limits)
    reading = row["case"]["time"] * once
    bound = "operations" if operations >= reading else f"{level} reads"
    return {
        "bound": bound,
        "operations_s": operations,
        "reading_s": reading,
        "least_us": 1e6 * max(operations, reading),
    }
