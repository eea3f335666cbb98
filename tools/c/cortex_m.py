"""Exported models on a Cortex-M: compiled by Debian's arm-none-eabi gcc, measured, and run under qemu.

    python tools/c/cortex_m.py [BUILD FOLDER]

Each model's self test runs on an emulated board with a Cortex-M4 (its floating-point unit multiplies float32 only).
Needs the Debian packages gcc-arm-none-eabi, libnewlib-arm-none-eabi and qemu-system-arm.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import gatewise as gw
from gatewise import layers
from gatewise.formats.c.compiled import STRICT

CPU = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]
CC, SIZE, QEMU = "arm-none-eabi-gcc", "arm-none-eabi-size", "qemu-system-arm"
PACKAGES = {CC: "gcc-arm-none-eabi libnewlib-arm-none-eabi", SIZE: "binutils-arm-none-eabi", QEMU: "qemu-system-arm"}
START = Path(__file__).with_name("cortex_m_start.c")

MODELS: dict[str, Callable[[], list[Any]]] = {
    "lstm": lambda: [gw.Input((None, 8)), layers.LSTM(32), layers.Dense(1)],
    "gru": lambda: [gw.Input((None, 8)), layers.GRU(32), layers.Dense(1)],
    "gru_reset_before": lambda: [gw.Input((None, 8)), layers.GRU(32, reset_after=False), layers.Dense(1)],
    "words": lambda: [
        gw.Input((None,)),
        layers.Embedding(50, 8, mask_zero=True),
        layers.GRU(16),
        layers.Dense(4, "softmax"),
    ],
    "convolution": lambda: [
        gw.Input((None, 3)),
        layers.Conv1D(8, 3, padding="causal", activation="relu"),
        layers.LayerNormalization(),
        layers.SimpleRNN(8),
        layers.Dense(2),
    ],
}


def main() -> int:
    missing = [f"{tool} (Debian: apt-get install {PACKAGES[tool]})" for tool in PACKAGES if not shutil.which(tool)]
    if missing:
        print(f"cortex_m.py: missing: {'; '.join(missing)}", file=sys.stderr)
        return 1
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build/cortex_m")
    folder.mkdir(parents=True, exist_ok=True)
    for name, made in MODELS.items():
        model = gw.Sequential(made())
        rng = np.random.default_rng(0)
        model.set_weights([rng.normal(0, 0.3, w.shape) for w in model.weights])
        for weights in ("float32", "int8"):
            check(model, folder / f"{name}_{weights}.c", weights)
    return 0


def check(model: Any, source: Path, weights: str) -> None:
    """Export, compile, measure, run; raises where a tool or the self test fails."""
    model.export(source, weights=weights, show=False)
    test = f"-D{source.stem.upper()}_SELF_TEST"
    program, plain = source.with_suffix(".elf"), source.with_suffix(".o")
    for optimise in ("-O2", "-Os"):
        out([CC, *CPU, *STRICT, optimise, "-c", str(source), "-o", str(plain)])
        link = ["--specs=rdimon.specs", "-Wl,--section-start=.vectors=0", "-lm"]
        out([CC, *CPU, "-std=gnu99", optimise, test, str(source), str(START), "-o", str(program), *link])
        board = [QEMU, "-machine", "mps2-an386", "-nographic", "-semihosting", "-kernel", str(program)]
        said = out(board).strip()
        if ": right," not in said:
            raise SystemExit(f"{source.stem} at {optimise}: {said}")
        text, data, _ = out([SIZE, str(plain)]).splitlines()[1].split()[:3]
        print(f"{said}; {optimise}: {int(text) + int(data):,} bytes of code and constants")


def out(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
