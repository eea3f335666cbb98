"""Exported C, compiled by the system's compiler: as a library in this process, and as a program with its self test."""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from gatewise.formats.c.compiled import STRICT, compiler

CC = compiler() or "cc"
PEDANTIC = ("-Wpedantic", "-Wconversion", "-Wshadow", "-Wdouble-promotion", "-Wstrict-prototypes", "-Wundef")
SANITIZERS = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def build(*arguments: Any) -> None:
    command = [CC, *STRICT, *PEDANTIC, *map(str, arguments), "-lm"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


class CModel:
    """A model's C program: one state, advanced by `run` and `step`."""

    def __init__(self, model: Any, folder: Path, flags: tuple[str, ...] = (), **options: Any) -> None:
        self.source = folder / "model.c"
        model.export(self.source, show=False, **options)
        self.header = (folder / "model.h").read_text()
        library = folder / "model.so"
        build("-O1", *flags, "-shared", "-fPIC", self.source, "-o", library)
        self._library = ctypes.CDLL(os.fspath(library))
        self.widths = [self.number(f"{name.upper()}_SIZE") for name in self.outputs()]
        self._state = (ctypes.c_float * (self.number("RAM_BYTES") // 4))()
        self.reset()

    def number(self, name: str) -> int:
        """A constant of the header."""
        (line,) = [line for line in self.header.splitlines() if line.startswith(f"#define MODEL_{name} ")]
        return int(line.split()[-1])

    def outputs(self) -> list[str]:
        (line,) = [line for line in self.header.splitlines() if line.startswith("int model_step(")]
        return [part.split("*")[1].rstrip(");") for part in line.split(", ") if part.startswith("float ")]

    def reset(self) -> None:
        self._library.model_reset(self._state)

    def run(self, inputs: list[np.ndarray], steps: int, code: int = 0) -> list[np.ndarray]:
        """Some steps: inputs (T, ...), or (...) where they have no time, to outputs (T, width)."""
        made = [np.full((steps, width), np.nan, np.float32) for width in self.widths]
        given = [_pointer(x) for x in inputs]
        assert self._library.model_run(self._state, *given, steps, *map(_pointer, made)) == code
        return made

    def step(self, inputs: list[np.ndarray]) -> list[np.ndarray]:
        """One step."""
        made = [np.full(width, np.nan, np.float32) for width in self.widths]
        assert self._library.model_step(self._state, *map(_pointer, inputs), *map(_pointer, made)) == 0
        return made


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    assert array.flags.c_contiguous
    assert array.dtype in (np.float32, np.int32)
    return ctypes.c_void_p(array.ctypes.data)


def as_c(x: np.ndarray) -> np.ndarray:
    """An input as C takes it."""
    return np.ascontiguousarray(x, np.int32 if x.dtype.kind == "i" else np.float32)


def self_test(source: Path, *flags: str) -> str:
    """What the self test inside a source prints."""
    program = source.with_suffix(".test")
    build(*flags, f"-D{source.stem.upper()}_SELF_TEST", source, "-o", program)
    done = subprocess.run([program], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
