"""What the results were measured on."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import roofline
from benchmarks.peers import ROOT

# The instruction sets that decide how fast a float32 matrix product can be.
_TELLING = ("sse2", "avx", "avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve")


def _cpuinfo() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    pairs = (line.partition(":") for line in path.read_text().splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _commit() -> str:
    """The commit measured, with a + where the working tree differs from it."""
    command = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def warn_if_busy() -> None:
    """Say so where other programs are at work: medians in turn stay comparable, but not the figures themselves."""
    load = os.getloadavg()[0]
    if load > 0.5 * roofline.cores():
        print(f"this machine is busy (load {load:.1f}): the figures will be rough", file=sys.stderr)


def facts() -> dict[str, Any]:
    """Processor, instruction sets, caches, versions, date, and how busy the machine was at the start."""
    cpu = _cpuinfo()
    flags = set((cpu.get("flags") or cpu.get("Features") or "").split())
    name = cpu.get("model name", platform.processor() or platform.machine())
    family = ", ".join(f"{key} {cpu[key]}" for key in ("cpu family", "model", "stepping") if key in cpu)
    return {
        "processor": f"{name} ({family})" if family else name,
        "cores": roofline.cores(),
        "flags": [flag for flag in _TELLING if flag in flags],
        "cache_bytes": roofline.cache_bytes(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "commit": _commit(),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "load_at_start": os.getloadavg()[0],
    }
