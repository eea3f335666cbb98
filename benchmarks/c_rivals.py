"""The other libraries that run small recurrent layers in C and C++: programs that take the same steps as ours.

Their code is not part of this repository: it lies where the caller says. Each program is made of their own files, as
they say to compile them, and a few lines around a layer with the weights of ours.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

_MAIN = """
#define _POSIX_C_SOURCE 199309L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void begin(void);
void step(const float *x, float *y);

static float x[{steps} * {inputs}], y[{units}];

static double now(void)
{{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}}

int main(void)
{{
    for (int i = 0; i < {steps} * {inputs}; i++)
        x[i] = (float)((i * 7919) % 2001 - 1000) / 1000.0f;
    begin();
    for (int round = 0; round < {rounds}; round++) {{
        const double start = now();
        for (int t = 0; t < {steps}; t++)
            step(x + t * {inputs}, y);
        printf("%f\\n", (now() - start) / {steps});
    }}
    for (int k = 0; k < {units}; k++)
        printf("%.9g\\n", (double)y[k]);
    return 0;
}}
"""
"""Nanoseconds of processor time a step, once for each thousand, then the last outputs."""

_KERAS2C = """
#include <string.h>
#include "k2c_include.h"

{arrays}
static float input_array[{inputs}], output_array[{units}], state[2 * {units}], work[8 * {units}];
static k2c_tensor kernel = {{kernel_array, 2, {inputs} * {gates} * {units}, {{{inputs} * {gates}, {units}, 1, 1, 1}}}};
static k2c_tensor recurrent = {{recurrent_array, 2, {units} * {gates} * {units},
    {{{units} * {gates}, {units}, 1, 1, 1}}}};
static k2c_tensor bias = {{bias_array, 1, sizeof bias_array / sizeof *bias_array,
    {{sizeof bias_array / sizeof *bias_array, 1, 1, 1, 1}}}};
static k2c_tensor input = {{input_array, 2, {inputs}, {{1, {inputs}, 1, 1, 1}}}};
static k2c_tensor output = {{output_array, 1, {units}, {{{units}, 1, 1, 1, 1}}}};

void begin(void)
{{
    memset(state, 0, sizeof state);
}}

void step(const float *x, float *y)
{{
    memcpy(input_array, x, sizeof input_array);
    {call};
    memcpy(y, output_array, sizeof output_array);
}}
"""
_CALLS = {
    "LSTM": "k2c_lstm(&output, &input, state, &kernel, &recurrent, &bias, work, 0, 0, k2c_sigmoid, k2c_tanh)",
    "GRU": "k2c_gru(&output, &input, state, &kernel, &recurrent, &bias, work, 1, 0, 0, k2c_sigmoid, k2c_tanh)",
}
_RTNEURAL = """
#include <cstring>
#include <vector>
#include <RTNeural/RTNeural.h>

{arrays}
static RTNeural::ModelT<float, {inputs}, {units}, RTNeural::{kind}LayerT<float, {inputs}, {units}>> model;

static std::vector<std::vector<float>> rows(const float *numbers, int count, int width)
{{
    std::vector<std::vector<float>> made;
    for (int i = 0; i < count; i++)
        made.emplace_back(numbers + i * width, numbers + (i + 1) * width);
    return made;
}}

extern "C" void begin(void)
{{
    auto &layer = model.template get<0>();
    layer.setWVals(rows(kernel_array, {inputs}, {gates} * {units}));
    layer.setUVals(rows(recurrent_array, {units}, {gates} * {units}));
    layer.setBVals({bias});
    model.reset();
}}

extern "C" void step(const float *x, float *y)
{{
    model.forward(x);
    std::memcpy(y, model.getOutputs(), {units} * sizeof(float));
}}
"""
_OURS = """
#include "{name}.h"

static {name}_state state;

void begin(void)
{{
    {name}_reset(&state);
}}

void step(const float *x, float *y)
{{
    {name}_step(&state, x, y);
}}
"""
GATES = {"LSTM": 4, "GRU": 3}


def main_text(inputs: int, units: int, steps: int, rounds: int) -> str:
    """The program around a layer."""
    return _MAIN.format(inputs=inputs, units=units, steps=steps, rounds=rounds)


def ours_text(name: str) -> str:
    """What calls an exported model."""
    return _OURS.format(name=name)


def keras2c_text(kind: str, weights: list[np.ndarray]) -> str:
    """A layer as keras2c's own output calls it; kernels lie gate by gate there."""
    inputs, units, gates = _sizes(kind, weights)
    kernel, recurrent = (x.reshape(len(x), gates, units).transpose(1, 0, 2) for x in weights[:2])
    arrays = _arrays("static float", kernel, recurrent, weights[2])
    return _KERAS2C.format(arrays=arrays, inputs=inputs, units=units, gates=gates, call=_CALLS[kind])


def rtneural_text(kind: str, weights: list[np.ndarray]) -> str:
    """A model of RTNeural's that knows its layers when it is compiled, the faster of its two kinds."""
    inputs, units, gates = _sizes(kind, weights)
    one = f"std::vector<float>(bias_array, bias_array + {gates * units})"
    bias = one if kind == "LSTM" else f"rows(bias_array, 2, {gates * units})"
    arrays = _arrays("static const float", *weights)
    return _RTNEURAL.format(arrays=arrays, inputs=inputs, units=units, gates=gates, kind=kind, bias=bias)


def keras2c_sources(folder: Path) -> list[Path]:
    """The C files of keras2c's `include` folder."""
    found = sorted(folder.rglob("k2c_*.c"))
    if not found:
        raise SystemExit(f"c_export.py: {folder} has no files k2c_*.c, which keras2c keeps in its folder include")
    return found


def _sizes(kind: str, weights: list[np.ndarray]) -> tuple[int, int, int]:
    return len(weights[0]), len(weights[1]), GATES[kind]


def _arrays(kind: str, *arrays: Any) -> str:
    names = ("kernel_array", "recurrent_array", "bias_array")
    texts = (", ".join(f"{float(x):.9e}f" for x in np.ravel(array)) for array in arrays)
    return "\n".join(f"{kind} {name}[] = {{{text}}};" for name, text in zip(names, texts, strict=True))
