"""The machine's limits, measured in the same run, and how near each row comes to them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.peers import OURS, ROOT

_SOURCE = Path(__file__).with_suffix(".cpp")
_PROGRAMS = ROOT / "build" / "benchmarks"
# What the compiler may use for each set; for another, all that the machine has. AMX has no vectors of its own.
_LEVELS = {"baseline": "x86-64", "avx2": "x86-64-v3", "avx512": "x86-64-v4", "amx": "x86-64-v4"}
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


def _build(isa: str) -> Path:
    level = _LEVELS.get(isa, "native")
    program = _PROGRAMS / f"roofline-{level}"
    if not program.exists() or program.stat().st_mtime < _SOURCE.stat().st_mtime:
        program.parent.mkdir(parents=True, exist_ok=True)
        options = ["-std=c++17", "-O3", f"-march={level}", "-ffp-contract=fast", "-pthread"]
        subprocess.run([os.environ.get("CXX", "g++"), *options, str(_SOURCE), "-o", str(program)], check=True)
    return program


def measure(threads: int, isa: str, seconds: float = 0.05) -> dict[str, Any]:
    """Peak flops and bytes read a second from each level, of `threads` threads together, with the vectors of a set."""
    sizes = _buffers()
    command = [str(_build(isa)), str(threads), str(seconds), *map(str, sizes.values())]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    read = {level: answer["read"][str(size)] for level, size in sizes.items()}
    return {"threads": threads, "vector_bytes": answer["vector_bytes"], "flops": answer["flops"], "read": read}


def of_this_machine(isa: str) -> list[dict[str, Any]]:
    """The limits of one core and of all."""
    return [measure(count, isa) for count in sorted({1, cores()})]


def best(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The higher of two measurements by `of_this_machine`."""
    return [_better(*pair) for pair in zip(first, second, strict=True)]


def _better(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """The higher of two measurements: a limit is what the machine could do at its best."""
    read = {level: max(rate, second["read"][level]) for level, rate in first["read"].items()}
    return {**first, "flops": max(first["flops"], second["flops"]), "read": read}


def _reading(bytes_a_core: float, limits: dict[str, Any], caches: dict[str, int]) -> tuple[float, str]:
    """The least seconds for a core to read so many bytes again, and the farthest level it needs.

    What fits comes from L1, the rest from L2 and so on: read to and fro, that much stays.
    """
    seconds, held = 0.0, 0
    for level, size in [*caches.items(), ("memory", sys.maxsize)]:
        part = min(bytes_a_core, size) - held
        seconds += part * limits["threads"] / limits["read"][level]
        if bytes_a_core <= size:
            return seconds, level
        held = size
    raise AssertionError("memory holds everything")


def least_seconds(row: dict[str, Any], limits: dict[str, Any], caches: dict[str, int]) -> dict[str, Any]:
    """The least time of a row: its operations at the peak, or its recurrent weights read once a step, each core its
    share; whichever is longer. Activations, inputs and outputs are not counted, so that no program quite reaches it.
    `caches` are the bytes of each level, as `cache_bytes` gives them."""
    operations = row["operations"] / limits["flops"]
    once, level = _reading(row["recurrent_bytes"] / limits["threads"], limits, caches)
    reading = row["case"]["time"] * once
    bound = "operations" if operations >= reading else f"{level} reads"
    return {
        "bound": bound,
        "operations_s": operations,
        "reading_s": reading,
        "least_us": 1e6 * max(operations, reading),
    }


def judge(row: dict[str, Any], limits: list[dict[str, Any]], caches: dict[str, int]) -> None:
    """Add to a row, as "limit", its least time and the shares of the limits that ours reaches.

    of_peak: its operations, over those at the peak of multiply-adds in the same time; of_reads: the least time of
    reading its recurrent weights, over ours; reached: the larger of the two. One thread is held against the limits of
    one core, the default against those of all.
    """
    choose = min if row["threads"] == 1 else max
    row["limit"] = limit = least_seconds(row, choose(limits, key=lambda each: each["threads"]), caches)
    ours = row["systems"].get(OURS.name, {}).get("median_us")
    if ours:
        limit["of_peak"] = 1e6 * limit["operations_s"] / ours
        limit["of_reads"] = 1e6 * limit["reading_s"] / ours
        limit["reached"] = limit["least_us"] / ours
