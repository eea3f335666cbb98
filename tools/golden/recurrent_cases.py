"""Cases for LSTM, GRU and SimpleRNN as layers: every argument alone, then every pair of arguments."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
from case import Call, Case, Cases, values
from systems import System

BATCH, TIME, FEATURES, UNITS = 3, 5, 4, 3

MASKS = {
    "right": [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]],
    "left": [[0, 0, 1, 1, 1], [0, 1, 1, 1, 1], [1, 1, 1, 1, 1]],
    "middle": [[1, 0, 1, 0, 1], [0, 1, 0, 0, 1], [1, 1, 0, 1, 0]],
    "square": [
        [1, 0, 1, 0, 1],
        [0, 1, 0, 0, 1],
        [1, 1, 0, 1, 0],
        [0, 0, 1, 1, 1],
        [1, 1, 1, 0, 0],
    ],  # as many rows as steps
    "full": [[0, 0, 0, 0, 0], [1, 1, 1, 1, 1], [0, 0, 1, 0, 0]],
}


def mask(name: str) -> Any:
    return np.array(MASKS[name], dtype=bool)


def recurrent(system: System, kind: str, options: dict[str, Any]) -> Case:
    """One case of a recurrent layer. Beside constructor arguments, `options` may say `mask` (a name in MASKS),
    `initial_state` (True) and `calls` (how many, with a reset before the last)."""
    given = dict(options)
    mask_name, with_state, calls = (given.pop(k, None) for k in ("mask", "initial_state", "calls"))
    dtype = given.get("dtype", "float32")
    swap = given.get("time_major", False)
    kwargs: dict[str, Any] = {}
    if mask_name:
        kwargs["mask"] = mask(mask_name).T if swap else mask(mask_name)
    if with_state:
        count = 2 if kind == "LSTM" else 1
        kwargs["initial_state"] = [values(BATCH, UNITS, seed=50 + i).astype(dtype) for i in range(count)]
    made = []
    batch = len(MASKS[mask_name]) if mask_name else BATCH
    for call in range(calls or 1):
        x = values(batch, TIME, FEATURES, seed=call).astype(dtype)
        made.append(Call(np.ascontiguousarray(x.swapaxes(0, 1)) if swap else x, kwargs))
    if len(made) > 2:
        made.insert(-1, Call(reset=True))
    name = "_".join([kind, *(f"{k}={v}" for k, v in options.items())])
    return Case(name, lambda: system.layer(kind)(UNITS, **given), made)


def singles(system: System, kind: str) -> Iterable[dict[str, Any]]:
    """Every argument alone, with each value that means something of its own."""
    yield {}
    activations = ["relu", "sigmoid", "hard_sigmoid", "linear", "softsign", "elu", "selu", "softplus", None]
    yield from ({"activation": a, "return_sequences": True} for a in activations)
    if kind != "SimpleRNN":
        gates = ["sigmoid", "hard_sigmoid", "tanh", "relu", "linear", "softsign", None]
        yield from ({"recurrent_activation": a, "return_sequences": True} for a in gates)
    yield {"use_bias": False}
    if kind == "LSTM":
        yield {"unit_forget_bias": False}
    if kind == "GRU":
        yield {"reset_after": True}
        yield {"reset_after": False}
        yield {"reset_after": True, "use_bias": False}
        yield {"reset_after": True, "implementation": 1}
        yield {"reset_after": False, "implementation": 2}
    if kind != "SimpleRNN":
        yield {"implementation": 1}
        yield {"implementation": 2}
    for sequences, state in itertools.product((False, True), repeat=2):
        yield {"return_sequences": sequences, "return_state": state}
    yield {"go_backwards": True}
    yield {"go_backwards": True, "return_sequences": True, "return_state": True}
    yield {"unroll": True, "return_sequences": True}
    yield {"initial_state": True, "return_sequences": True, "return_state": True}
    for name in ("right", "left", "middle", "full"):
        yield {"mask": name, "return_sequences": True, "return_state": True}
        yield {"mask": name}
        yield {"mask": name, "initial_state": True, "return_sequences": True, "return_state": True}
    yield {"mask": "left", "go_backwards": True, "return_sequences": True, "return_state": True}
    yield {"mask": "middle", "go_backwards": True, "initial_state": True}
    yield {"mask": "left", "unroll": True, "initial_state": True, "return_sequences": True, "return_state": True}
    yield {"stateful": True, "calls": 4}
    yield {"stateful": True, "calls": 3, "return_sequences": True, "return_state": True, "mask": "middle"}
    yield {"stateful": True, "calls": 4, "initial_state": True}
    yield {"stateful": True, "calls": 2, "go_backwards": True, "return_state": True}
    if not system.is_keras3:
        yield {"time_major": True, "return_sequences": True, "return_state": True}
        yield {"time_major": True, "mask": "middle", "return_sequences": True}
        yield {"time_major": True, "mask": "square", "return_sequences": True}
        yield {"time_major": True, "unroll": True, "go_backwards": True, "return_sequences": True}
    yield {"dtype": "float64", "return_sequences": True}
    yield {"dropout": 0.4, "recurrent_dropout": 0.3}  # at inference nothing is dropped
    yield {"kernel_initializer": "he_normal", "recurrent_initializer": "zeros", "bias_initializer": "ones"}
    yield {
        "kernel_regularizer": "l2",
        "recurrent_regularizer": "l1",
        "bias_regularizer": "L1L2" if system.is_keras3 else "l1_l2",
        "activity_regularizer": "l2",
    }
    yield {"kernel_constraint": "non_neg", "recurrent_constraint": "max_norm", "bias_constraint": "unit_norm"}
    yield {"trainable": False, "name": "odd_name"}


def factors(system: System, kind: str) -> dict[str, list[Any]]:
    """The arguments whose pairs are covered; the first value is the default and leaves the argument out."""
    found: dict[str, list[Any]] = {"activation": [None, "relu", "softsign"]}
    if kind != "SimpleRNN":
        found |= {"recurrent_activation": [None, "hard_sigmoid", "tanh"], "implementation": [None, 1, 2]}
    if kind == "GRU":
        found |= {"reset_after": [None, True, False]}
    found |= {
        "use_bias": [None, False],
        "return_sequences": [None, True],
        "return_state": [None, True],
        "go_backwards": [None, True],
        "unroll": [None, True],
        "mask": [None, "left", "middle", "full"],
        "initial_state": [None, True],
        "calls": [None, 3],
        "dtype": [None, "float64"],
    }
    if not system.is_keras3:
        found |= {"time_major": [None, True]}
    return found


def pairs(system: System, kind: str) -> Iterable[dict[str, Any]]:
    """Few rows in which every two values of every two factors meet (a greedy covering array of strength two)."""
    table = factors(system, kind)
    names = list(table)
    open_pairs = {(a, va, b, vb) for a, b in itertools.combinations(names, 2) for va in table[a] for vb in table[b]}
    order = np.random.Generator(np.random.PCG64(7))
    while open_pairs:
        row = max(
            (_candidate(names, table, open_pairs, order) for _ in range(30)), key=lambda r: len(_met(r, open_pairs))
        )
        open_pairs -= _met(row, open_pairs)
        chosen = {name: value for name, value in row.items() if value is not None}
        if "calls" in chosen:
            chosen["stateful"] = True
        yield chosen


def _candidate(names: list[str], table: dict[str, list[Any]], open_pairs: set[Any], order: Any) -> dict[str, Any]:
    seed = sorted(open_pairs, key=repr)[int(order.integers(len(open_pairs)))]
    row = {seed[0]: seed[1], seed[2]: seed[3]}
    for name in order.permutation([n for n in names if n not in row]).tolist():
        best = max(table[name], key=lambda value: len(_met({**row, name: value}, open_pairs)))
        row[name] = best
    return {name: row[name] for name in names}


def _met(row: dict[str, Any], open_pairs: set[Any]) -> set[Any]:
    return {p for p in open_pairs if p[0] in row and p[2] in row and row[p[0]] == p[1] and row[p[2]] == p[3]}


def cases(system: System) -> Cases:
    for kind in ("LSTM", "GRU", "SimpleRNN"):
        for options in singles(system, kind):
            yield recurrent(system, kind, options)
        for number, options in enumerate(pairs(system, kind)):
            case = recurrent(system, kind, options)
            case.name = f"{kind}_pairs_{number:02}"
            yield case
