"""Models that we export for PyTorch: what `tools/golden/make_torch.py --check` writes, and `test_torch.py` again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

import gatewise as gw
from gatewise.formats import open_contents

L = gw.layers
# The layers, and PyTorch's module for each with weights: its name, class and arguments.
MODELS: dict[str, tuple[Any, list[Any]]] = {
    "lstm": (
        lambda: [gw.Input((None, 3)), L.LSTM(4, return_sequences=True, name="rnn"), L.Dense(2, name="head")],
        [("rnn", "LSTM", (3, 4), {"batch_first": True}), ("head", "Linear", (4, 2), {})],
    ),
    "both_ways": (
        lambda: [gw.Input((None, 3)), L.Bidirectional(L.LSTM(4, return_sequences=True), name="rnn")],
        [("rnn", "LSTM", (3, 4), {"batch_first": True, "bidirectional": True})],
    ),
    "gru": (
        lambda: [gw.Input((None, 3)), L.GRU(4, return_sequences=True, name="rnn"), L.LayerNormalization(name="norm")],
        [("rnn", "GRU", (3, 4), {"batch_first": True}), ("norm", "LayerNorm", (4,), {"eps": 1e-3})],
    ),
    "gru_both_ways": (
        lambda: [gw.Input((None, 3)), L.Bidirectional(L.GRU(4, return_sequences=True), name="rnn")],
        [("rnn", "GRU", (3, 4), {"batch_first": True, "bidirectional": True})],
    ),
    "rnn_no_bias": (
        lambda: [gw.Input((None, 3)), L.SimpleRNN(4, use_bias=False, return_sequences=True, name="rnn")],
        [("rnn", "RNN", (3, 4), {"batch_first": True, "bias": False})],
    ),
    "embedded": (
        lambda: [
            gw.Input((None,), dtype="int32"),
            L.Embedding(9, 3, name="e"),
            L.GRU(4, return_sequences=True, name="r"),
        ],
        [("e", "Embedding", (9, 3), {}), ("r", "GRU", (3, 4), {"batch_first": True})],
    ),
    "convolution": (
        lambda: [
            gw.Input((3, 8)),
            L.Conv1D(4, 3, data_format="channels_first", name="conv"),
            L.BatchNormalization(axis=1, name="norm"),
        ],
        [("conv", "Conv1d", (3, 4, 3), {}), ("norm", "BatchNorm1d", (4,), {"eps": 1e-3})],
    ),
}


def made(name: str) -> tuple[Any, np.ndarray]:
    """The model with weights of its own, and an input."""
    model = gw.Sequential(MODELS[name][0]())
    rng = np.random.default_rng(len(name))
    model.set_weights([np.abs(rng.normal(0, 0.5, w.shape)) for w in model.get_weights()])
    shape = [2, *(size or 5 for size in model.input.shape[1:])]
    integers = model.input.dtype == "int32"
    return model, rng.integers(0, 9, shape) if integers else rng.normal(0, 1, shape).astype("float32")


def write(name: str, folder: Path) -> Path:
    """The file, and beside it the modules, the input and our output."""
    model, x = made(name)
    path = folder / f"{name}.safetensors"
    model.export(path)
    path.with_suffix(".json").write_text(json.dumps(MODELS[name][1]))
    np.savez(path.with_suffix(".npz"), x=x, y=model.predict(x, verbose=0))
    return path


def digest(path: Path) -> str:
    """Of names, shapes and values."""
    with open_contents(path) as contents:
        parts = [(a.name, a.shape, a.read().tobytes()) for s in contents.needed_weights().listed() for a in s.arrays]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
