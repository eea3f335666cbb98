"""`published.npz` and `published.json`: what tf_keras makes of the models that people published inside packages."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tf_keras
from case import values
from packages import models

HOME = Path(__file__).resolve().parents[2] / ".peers" / "published"
ROWS = 8


def make(out: Path) -> None:
    arrays: dict[str, Any] = {}
    lines = []
    for name, path in models(HOME).items():
        line: dict[str, Any] = {"id": name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        x = arrays[f"{name}:input"] = fixed_ids(path)
        try:
            model = tf_keras.models.load_model(path, compile=False)
        except Exception as error:
            line["refused"] = f"{type(error).__name__}: {str(error).splitlines()[0][:300]}"
            model = mended(path)
        arrays[f"{name}:output"] = model.predict(x, verbose=0)
        lines.append(line)
    np.savez_compressed(out / "published.npz", **arrays)
    (out / "published.json").write_text("[\n" + ",\n".join(map(json.dumps, lines)) + "\n]\n")
    print(len(lines), "published models,", sum("refused" in line for line in lines), "refused by tf_keras")


def mended(path: Path) -> Any:
    """The model with the one word changed that makes tf_keras refuse it: Keras 2.0 wrote the dtype of an Embedding's
    input, int32, where later releases write that of its weights."""
    with h5py.File(path) as file:
        text = file.attrs["model_config"].replace('"dtype": "int32"', '"dtype": "float32"')
    model = tf_keras.models.model_from_json(text)
    model.load_weights(path)
    return model


def fixed_ids(path: Path) -> Any:
    """Token ids that the model's embedding knows, 8 rows of the length it wants; the rows are padded on the left
    with zeros by different amounts, as the packages themselves pad."""
    with h5py.File(path) as file:
        config = json.loads(file.attrs["model_config"])["config"]
    layers = config if isinstance(config, list) else config["layers"]
    wanted: dict[str, Any] = {}
    for layer in reversed(layers):
        wanted |= {k: v for k, v in layer["config"].items() if k in ("batch_input_shape", "input_dim", "input_length")}
    length = wanted.get("input_length") or wanted["batch_input_shape"][1]
    x = (
        ((values(ROWS, length, seed=90) + 1) / 2 * wanted["input_dim"])
        .astype(np.int32)
        .clip(0, wanted["input_dim"] - 1)
    )
    for row in range(ROWS):
        x[row, : row * length // (2 * ROWS)] = 0
    return x
