"""What the results were measured on."""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import roofline
from benchmarks.peers import ROOT

# The instruction sets that decide how fast a float32 matrix product can be.
_TELLING = ("sse2", "avx", "avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve")
_VENDORS = {"AuthenticAMD": "amd", "GenuineIntel": "intel", "0x41": "arm"}


def cpu() -> dict[str, str]:
    """What the system says about the last of its processors; empty where it says nothing."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    pairs = (line.partition(":") for line in path.read_text().splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def kind(found: dict[str, str], top: str) -> str:
    """A kind of machine as a folder's name: vendor, family and model of its processor, and its highest set.

    `found` is what `cpu` gives. An EPYC of family 25 is "amd-25-17-avx512"; Arm's processors say an implementer, an
    architecture and a part instead.
    """
    vendor = found.get("vendor_id") or found.get("CPU implementer") or platform.machine()
    numbers = [found.get("cpu family") or found.get("CPU architecture"), found.get("model") or found.get("CPU part")]
    parts = [_VENDORS.get(vendor, vendor), *(number for number in numbers if number), top]
    return "-".join(re.sub(r"[^a-z0-9]+", "", part.lower()) for part in parts)


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
    found = cpu()
    flags = set((found.get("flags") or found.get("Features") or "").split())
    name = found.get("model name", platform.processor() or platform.machine())
    family = ", ".join(f"{key} {found[key]}" for key in ("cpu family", "model", "stepping") if key in found)
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
