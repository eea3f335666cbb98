"""A step of a stream allocates nothing: calls of malloc and its kin are counted by a library loaded before the C library."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

COUNTER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
static long calls;
long count_of_allocations(void) { return __atomic_load_n(&calls, __ATOMIC_SEQ_CST); }
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
static void count(void) { __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST); }
void *malloc(size_t n) { count(); return __libc_malloc(n); }
void *calloc(size_t k, size_t n) { count(); return __libc_calloc(k, n); }
void *realloc(void *p, size_t n) { count(); return __libc_realloc(p, n); }
void *aligned_alloc(size_t a, size_t n) { count(); return __libc_memalign(a, n); }
void *memalign(size_t a, size_t n) { count(); return __libc_memalign(a, n); }
int posix_memalign(void **p, size_t a, size_t n) { count(); *p = __libc_memalign(a, n); return *p ? 0 : 12; }
"""

PROGRAM = """
import ctypes, gc
import numpy as np
import gatewise as gw
from gatewise import layers

count = ctypes.CDLL(None).count_of_allocations
count.restype = ctypes.c_long
model = gw.Sequential([
    gw.Input((None, 8)), layers.Masking(), layers.LSTM(32, return_sequences=True), layers.Dense(20, activation="tanh"),
    layers.GRU(16, return_sequences=True), layers.SimpleRNN(8, return_sequences=True), layers.LayerNormalization(),
    layers.Conv1D(12, 3, padding="causal", dilation_rate=2, activation="elu"), layers.Dropout(0.5), layers.Softmax(),
    layers.Dense(5),
])
gc.disable()


def calls(work):
    for _ in range(200):
        work()
    before = count()
    for _ in range(1000):
        work()
    return count() - before


for batch in (1, 40):
    stream = model.stream(batch)
    assert stream.native
    x = np.ones((batch, 8), "float32")
    shape, dtype = (batch, 5), np.dtype("float32")
    result_alone = calls(lambda: np.empty(shape, dtype))
    step = calls(lambda: stream.push(x))
    many = calls(lambda: stream.push_many(np.ones((batch, 9, 8), "float32")))
    print(batch, step, result_alone, many)
"""


def test_a_step_allocates_its_result_and_nothing_else(tmp_path: Path) -> None:
    compiler = os.environ.get("CC") or next(name for name in ("cc", "gcc", "clang") if shutil.which(name))
    source, library = tmp_path / "counter.c", tmp_path / "counter.so"
    source.write_text(COUNTER)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "LD_PRELOAD": str(library)},
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    rows = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert [batch for batch, *_ in rows] == [1, 40]
    for batch, step, result_alone, many in rows:
        # The array of 800 bytes that a batch of 40 gives is cached by NumPy or not: as many times as without a stream.
        assert step <= result_alone, (batch, step, result_alone)
        assert many >= 1000  # The counter counts.
