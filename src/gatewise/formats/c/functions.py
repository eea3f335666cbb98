"""Functions of C that a program may need: activations, sums of products, and small things.

In all text here `@` stands for the model's name and an underscore, `$` for the same in capitals.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from gatewise.formats.c.weights import BLOCKS

LIBRARY: Final = {name.upper(): f"{name}f" for name in ("exp", "expm1", "log", "log1p", "erfc", "sqrt", "hypot")}
"""The functions of C's mathematical library that may be needed, by the ends of the macros that name them."""


@dataclass(frozen=True)
class Function:
    """An activation.

    Attributes:
        result: a C expression of `x` and the parameters.
        parameters: their names, as `gatewise.activations` has them.
        needs: the functions that it calls.
        before: lines of C before the result.
    """

    result: str
    parameters: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    before: str = ""

    def text(self, name: str) -> str:
        """The function's definition."""
        arguments = ", ".join(f"float {each}" for each in ("x", *self.parameters))
        return f"static inline float @{name}({arguments})\n{{\n{self.before}    return {self.result};\n}}\n"


_TANH: Final = """#ifdef GATEWISE_TANH
    const float size = GATEWISE_TANH(x < 0.0f ? -x : x), y = x < 0.0f ? -size : size;
#else
    const float z = @choose(x > 8.0f, 8.0f, @choose(x < -8.0f, -8.0f, x)), square = z * z;
    const float p_high = 0.00357164043f + square * (2.18953455e-05f + square * 1.52313365e-08f);
    const float q_high = 0.0261646052f + square * (0.000341136075f + square * 8.52282884e-07f);
    const float p = 0.999999994f + square * (0.13444534f + square * p_high);
    const float q = 1.0f + square * (0.467778613f + square * q_high);
    const float y = z * p / q;
#endif
"""
"""A quotient of polynomials, off by 4e-7 of the value at most, rounding included: no branch, no call, so that compilers
make vectors of it. (Fitted to the least relative error on [0, 8], 7e-9 without rounding.)"""

_CHOOSE: Final = """/* One or the other, without a branch, which would keep loops from becoming vectors. */
static inline float @choose(int condition, float yes, float no)
{
    const int32_t mask = -(int32_t)condition;
    int32_t y, n;
    memcpy(&y, &yes, sizeof y);
    memcpy(&n, &no, sizeof n);
    y = (y & mask) | (n & ~mask);
    memcpy(&yes, &y, sizeof yes);
    return yes;
}
"""

ACTIVATIONS: Final[dict[str, Function]] = {
    "tanh": Function("y", needs=("choose",), before=_TANH),
    "sigmoid": Function("1.0f / (1.0f + GATEWISE_EXP(-x))"),
    "hard_sigmoid": Function("@clip(x + 3.0f, 0.0f, 6.0f) / 6.0f", needs=("clip",)),
    "keras2_hard_sigmoid": Function("@clip(0.2f * x + 0.5f, 0.0f, 1.0f)", needs=("clip",)),
    "softsign": Function("x / (1.0f + (x < 0.0f ? -x : x))"),
    "linear": Function("x"),
    "positive": Function("x <= 0.0f ? 0.0f : x"),
    "relu": Function(
        "(x <= (threshold > 0.0f || max_value >= HUGE_VALF ? threshold : 0.0f) ? 0.0f : x >= max_value ? max_value : x)"
        "\n        + (negative_slope != 0.0f && x <= threshold ? negative_slope * (x - threshold) : 0.0f)",
        ("negative_slope", "max_value", "threshold"),
    ),
    "relu6": Function("@clip(x, 0.0f, 6.0f)", needs=("clip",)),
    "leaky_relu": Function("x > 0.0f ? x : negative_slope * x", ("negative_slope",)),
    "threshold": Function("x <= threshold ? default_value : x", ("threshold", "default_value")),
    "elu": Function("x > 0.0f ? x : alpha * GATEWISE_EXPM1(x)", ("alpha",)),
    "selu": Function("1.05070099f * (x > 0.0f ? x : 1.67326324f * GATEWISE_EXPM1(x))"),
    "celu": Function("x > 0.0f ? x : alpha * GATEWISE_EXPM1(x / alpha)", ("alpha",)),
    "softplus": Function("(x <= 0.0f ? 0.0f : x) + GATEWISE_LOG1P(GATEWISE_EXP(x < 0.0f ? x : -x))"),
    "sparse_plus": Function("x >= 1.0f ? x : 0.25f * @square(@clip(x, -1.0f, 1.0f) + 1.0f)", needs=("clip", "square")),
    "squareplus": Function("0.5f * (x + GATEWISE_HYPOT(x, GATEWISE_SQRT(b)))", ("b",)),
    "silu": Function("x * @sigmoid(x)", needs=("sigmoid",)),
    "hard_silu": Function("x * @hard_sigmoid(x)", needs=("hard_sigmoid",)),
    "mish": Function("x * @tanh(@softplus(x))", needs=("tanh", "softplus")),
    "gelu": Function("0.5f * x * GATEWISE_ERFC(-0.707106781f * x)"),
    "gelu_by_tanh": Function("0.5f * x * (1.0f + @bell(@clip(x, -30.0f, 30.0f)))", needs=("clip", "bell")),
    "bell": Function("@tanh(0.797884561f * (x + 0.044715f * x * x * x))", needs=("tanh",)),
    "exponential": Function("GATEWISE_EXP(x)"),
    "hard_tanh": Function("@clip(x, -1.0f, 1.0f)", needs=("clip",)),
    "log_sigmoid": Function("-@softplus(-x)", needs=("softplus",)),
    "sparse_sigmoid": Function("@clip(0.5f * (x + 1.0f), 0.0f, 1.0f)", needs=("clip",)),
    "hard_shrink": Function("(x < 0.0f ? -x : x) <= threshold ? 0.0f : x", ("threshold",)),
    "soft_shrink": Function("x - @clip(x, -threshold, threshold)", ("threshold",), ("clip",)),
    "tanh_shrink": Function("x - @tanh(x)", needs=("tanh",)),
    "square": Function("x * x"),
    "gate_sigmoid": Function("0.5f + 0.5f * @tanh(0.5f * x)", needs=("tanh",)),
    "clip": Function("x < least ? least : x > most ? most : x", ("least", "most")),
}
"""NaN in is NaN out. What stands below others' needs and is no activation itself has a name that none has."""

_SUM: Final = """/* Adds the products of x (n,) and {columns} columns of w, of which `row` lie side by side, to y. */
static inline void @sum{columns}(const @weight *restrict w, int row{factors}, const float *restrict x, int n,
    float *restrict y)
{{
    float {begin};
    int i = 0;
    for (; i < n - n % {rows}; i += {rows}, w += row * {rows}) {{
{some}
    }}
    for (; i < n; i++, w += row) {{
{one}
    }}
{results}
}}
"""
_ROWS: Final = {"float32": 4, "int8": 2}
"""How many rows meet before they join a sum, which then waits less often for the addition before. (Measured on x86-64:
float32 gains with up to 4; 8-bit numbers wait for their conversion, and 4 rows of them may be twice as slow as 2.)"""


def _sum(columns: int, form: str) -> str:
    """The function that sums products for as many columns at once, each sum in a register."""
    letters = dict(enumerate("abcd"[:columns]))
    eight = form == "int8"

    def product(k: int, row: int) -> str:
        at = " + ".join(
            [*(["row" if row == 1 else f"{row} * row"] if row else []), *([str(k)] if k or not row else [])]
        )
        return f"x[i{f' + {row}' if row else ''}] * {'(float)' if eight else ''}w[{at}]"

    def some(k: int) -> str:
        return " + ".join(f"({product(k, row)} + {product(k, row + 1)})" for row in range(0, _ROWS[form], 2))

    begin = ", ".join(f"{each} = {'0.0f' if eight else f'y[{k}]'}" for k, each in letters.items())
    end = "    y[{k}] += factors[{k}] * {each};" if eight else "    y[{k}] = {each};"
    return _SUM.format(
        columns=columns,
        rows=_ROWS[form],
        factors=", const float *restrict factors" if eight else "",
        begin=begin,
        some="\n".join(f"        {each} += {some(k)};" for k, each in letters.items()),
        one="\n".join(f"        {each} += {product(k, 0)};" for k, each in letters.items()),
        results="\n".join(end.format(k=k, each=each) for k, each in letters.items()),
    )


_BLOCK_SUM: Final = """/* Adds the products of x (n,) and w (n, {columns}) to y: at once on vectors, else by fours. */
static inline void @sum{columns}(const @weight *restrict w{factors}, const float *restrict x, int n,
    float *restrict y)
{{
#ifdef GATEWISE_VECTORS
    float sums[{columns}];
    int i = 0;
    (void)@sum4;
    GATEWISE_LOOP
    for (int k = 0; k < {columns}; k++)
        sums[k] = {begin};
    for (; i < n - n % 2; i += 2, w += {twice}) {{
        GATEWISE_LOOP
        for (int k = 0; k < {columns}; k++)
            sums[k] += x[i] * {cast}w[k] + x[i + 1] * {cast}w[{columns} + k];
    }}
    for (; i < n; i++, w += {columns}) {{
        GATEWISE_LOOP
        for (int k = 0; k < {columns}; k++)
            sums[k] += x[i] * {cast}w[k];
    }}
    GATEWISE_LOOP
    for (int k = 0; k < {columns}; k++)
        y[k] {end};
#else
    for (int k = 0; k < {columns}; k += 4)
        @sum4(w + k, {columns}, {given}x, n, y + k);
#endif
}}
"""
VECTORS: Final = """/* Whether many sums go side by side, in vectors; small processors have registers for four. */
#if !defined(GATEWISE_VECTORS) && (defined(__SSE2__) || defined(_M_X64) || defined(__ARM_NEON) || defined(__VSX__))
#define GATEWISE_VECTORS
#endif
#ifdef __clang__
#pragma clang diagnostic ignored "-Wpass-failed"
#define GATEWISE_LOOP _Pragma("clang loop vectorize(enable) interleave(disable)")
#else
#define GATEWISE_LOOP
#endif
"""


def _block_sum(columns: int, form: str) -> str:
    """The function that sums products for all gates of a block of units."""
    eight = form == "int8"
    return _BLOCK_SUM.format(
        columns=columns,
        twice=2 * columns,
        factors=", const float *restrict factors" if eight else "",
        begin="0.0f" if eight else "y[k]",
        cast="(float)" if eight else "",
        end="+= factors[k] * sums[k]" if eight else "= sums[k]",
        given="factors + k, " if eight else "",
    )


_PRODUCT: Final = """/* Adds x (n,) times w (n, columns) to y. Four columns lie side by side, the last few apart. */
static void @product(const @weight *restrict w{factors}, const float *restrict x, int n, int columns,
    float *restrict y)
{{
    for (; columns >= 4; columns -= 4, w += 4 * n, {further4}y += 4)
        @sum4(w, 4, {given}x, n, y);
    for (; columns > 0; columns--, w += n, {further1}y++)
        @sum1(w, 1, {given}x, n, y);
}}
"""


def _product(form: str) -> str:
    eight = form == "int8"
    return _PRODUCT.format(
        factors=", const float *restrict factors" if eight else "",
        given="factors, " if eight else "",
        further4="factors += 4, " if eight else "",
        further1="factors++, " if eight else "",
    )


_COPY: Final = """static void @copy(float *to, const float *from, int n)
{
    for (int i = 0; i < n; i++)
        to[i] = from[i];
}
"""
_SOFTMAX: Final = """static void @{name}(const float *x, float *y, int n)
{{
    float most = x[0], sum = 0.0f;
    for (int i = 1; i < n; i++)
        most = x[i] > most || x[i] != x[i] ? x[i] : most;
    for (int i = 0; i < n; i++)
        sum += y[i] = GATEWISE_EXP(x[i] - most);
{end}}}
"""
_SHARES: Final = """    for (int i = 0; i < n; i++)
        y[i] /= sum;
"""
_LOGARITHMS: Final = """    sum = GATEWISE_LOG(sum);
    for (int i = 0; i < n; i++)
        y[i] = x[i] - most - sum;
"""
_NORMALISE: Final = """static void @normalise(const float *x, float *y, int n, float epsilon, const float *gamma,
    const float *beta)
{
    float mean = 0.0f, variance = 0.0f, factor;
    for (int i = 0; i < n; i++)
        mean += x[i];
    mean /= (float)n;
    for (int i = 0; i < n; i++)
        variance += (x[i] - mean) * (x[i] - mean);
    factor = 1.0f / GATEWISE_SQRT(variance / (float)n + epsilon);
    for (int i = 0; i < n; i++)
        y[i] = (x[i] - mean) * factor * gamma[i] + beta[i];
}
"""


def helpers(form: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """All functions by name, each with its text and the functions that it calls, for weights in `form`."""
    found = {name: (function.text(name), function.needs) for name, function in ACTIVATIONS.items()}
    found |= {f"sum{columns}": (_sum(columns, form), ()) for columns in (1, 2, 3, 4)}
    together = {gates * block for gates in (2, 3, 4) for block in BLOCKS}
    found |= {f"sum{columns}": (_block_sum(columns, form), ("sum4",)) for columns in together}
    return found | {
        "choose": (_CHOOSE, ()),
        "product": (_product(form), ("sum1", "sum4")),
        "copy": (_COPY, ()),
        "softmax": (_SOFTMAX.format(name="softmax", end=_SHARES), ()),
        "log_softmax": (_SOFTMAX.format(name="log_softmax", end=_LOGARITHMS), ()),
        "normalise": (_NORMALISE, ()),
    }


def in_order(wanted: Iterable[str], known: Mapping[str, tuple[str, tuple[str, ...]]]) -> Iterator[str]:
    """The texts of these functions and of all that they call, each after what it calls."""
    done: set[str] = set()

    def add(name: str) -> Iterator[str]:
        if name in done:
            return
        done.add(name)
        text, needs = known[name]
        for each in needs:
            yield from add(each)
        yield text

    for name in sorted(wanted):
        yield from add(name)


def library_calls(name: str) -> int:
    """How often an activation calls the mathematical library."""
    if name not in ACTIVATIONS:
        return 0
    function = ACTIVATIONS[name]
    return len(re.findall("GATEWISE_(?!TANH)", function.before + function.result)) + sum(
        map(library_calls, function.needs)
    )


def number(value: Any) -> str:
    """A float32 number in C, from which it comes back to the last bit.

    >>> number(1), number(0.1), number(-1e-20), number(float("inf"))
    ('1.0f', '0.100000001f', '-9.99999968e-21f', 'HUGE_VALF')
    """
    if math.isinf(value):
        return "HUGE_VALF" if value > 0 else "-HUGE_VALF"
    text = f"{float(np.float32(value)):.9g}"
    return f"{text}f" if set(text) & set(".e") else f"{text}.0f"


def call(name: str, x: str, parameters: Mapping[str, float] | None = None) -> tuple[str, str]:
    """An activation of a C expression, and the name of the function that it calls."""
    parameters = dict(parameters or {})
    if name == "relu" and parameters in ({}, {"negative_slope": 0, "max_value": math.inf, "threshold": 0}):
        name, parameters = "positive", {}
    if name == "gelu":
        name = "gelu_by_tanh" if parameters.pop("approximate") else name
    numbers = [number(parameters[each]) for each in ACTIVATIONS[name].parameters]
    return f"@{name}({', '.join([x, *numbers])})", name
