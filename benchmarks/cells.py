"""Steps a second of each recurrent layer, beside an LSTM of the same size: `python -m benchmarks.cells`.

All layers run in one process, in turn, and of each the median of many calls counts: what else the machine does then
falls on all alike. Forward is `predict`'s call of a layer on NumPy arrays, training one step of `train_on_batch`, and a
stream's step one `push`. The results are in results/cells.json, and docs/cells.md says how each layer runs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np

import gatewise as gw
from benchmarks import machine, store
from gatewise.engine import _native

_RESULTS = store.RESULTS / "cells.json"

_BATCH, _STEPS, _INPUTS, _UNITS = 32, 100, 64, 128

_LAYERS: Final[dict[str, dict[str, Any]]] = {
    "LSTM": {},
    "GRU": {},
    "SimpleRNN": {},
    "PeepholeLSTM": {},
    "CoupledLSTM": {},
    "ClippedLSTM": {"cell_clip": 3.0},
    "ProjectedLSTM": {"proj_size": 64},
    "LayerNormLSTM": {},
    "LayerNormGRU": {},
    "ZoneoutLSTM": {},
    "SLSTM": {},
    "IndRNN": {},
    "MinGRU": {},
    "MinLSTM": {},
    "RGLRU": {},
}


def _model(name: str) -> gw.Sequential:
    layer = getattr(gw.layers, name)(_UNITS, return_sequences=True, **_LAYERS[name])
    return gw.Sequential([gw.Input((_STEPS, _INPUTS)), layer])


def _calls(name: str) -> dict[str, tuple[Callable[[], Any], int]]:
    """What is timed of a layer: a call, and the steps that it makes."""
    model = _model(name)
    x = np.random.default_rng(0).uniform(-1, 1, (_BATCH, _STEPS, _INPUTS)).astype(np.float32)
    y = np.zeros_like(model(x))
    model.compile("sgd", "mse")
    stream = _model(name).stream()
    return {
        "forward": (lambda: model(x), _STEPS),
        "training": (lambda: model.train_on_batch(x, y), _STEPS),
        "stream": (lambda: stream.push(x[0, 0]), 1),
    }


def _seconds(call: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def measure(rounds: int) -> dict[str, Any]:
    """Steps a second of each layer, by what it does, and as a multiple of the LSTM's."""
    all_calls = {name: _calls(name) for name in _LAYERS}
    times: dict[tuple[str, str], list[float]] = {}
    for turn in range(rounds + 1):
        for name, calls in all_calls.items():
            for what, (call, _) in calls.items():
                taken = _seconds(call)
                if turn:  # The first compiles.
                    times.setdefault((name, what), []).append(taken)
    rates = {
        name: {what: steps / float(np.median(times[name, what])) for what, (_, steps) in calls.items()}
        for name, calls in all_calls.items()
    }
    return {
        name: {
            what: {"steps_s": round(rate), "of_lstm": round(rate / rates["LSTM"][what], 2)}
            for what, rate in own.items()
        }
        for name, own in rates.items()
    }


def _print(found: dict[str, Any]) -> None:
    print(f"| layer | {' | '.join(found['LSTM'])} |\n| --- |{' ---: |' * len(found['LSTM'])}")
    for name, rates in found.items():
        cells = [f"{rate['steps_s']:,} ({rate['of_lstm']:.2f})" for rate in rates.values()]
        print(f"| `{name}` | {' | '.join(cells)} |")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="calls of each layer whose median counts")
    parser.add_argument("--dry", action="store_true", help="print alone, and leave results/cells.json as it is")
    arguments = parser.parse_args()
    machine.warn_if_busy()
    about = {**machine.facts(), "isa": _native.isa(), "shape": [_BATCH, _STEPS, _INPUTS, _UNITS]}
    found = measure(arguments.rounds)
    _print(found)
    if not arguments.dry:
        store.save(_RESULTS, {"machine": about, "rounds": arguments.rounds, "layers": found})


if __name__ == "__main__":
    main()
