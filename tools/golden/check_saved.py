"""`interchange.json`: the files that we write, and whether the real systems load them with the same outputs.

    python tools/golden/check_saved.py [PYTHON]

Run it with a Python that has Gatewise. It writes files of the models in `tests/golden/saved_models.py`, has Keras 3 and
tf_keras load each in the Python given (by default that of `make.py`), and compares outputs and optimizers' states. The
result keeps a digest of each file's structure: `tests/golden/test_interchange.py` holds the writer to it.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
OUT = HERE.parents[1] / "tests" / "golden"
PYTHON = HERE.parents[1] / ".peers" / "tf" / "bin" / "python"


WEIGHTS_ALONE = (".weights.h5", "_by_layer.h5", ".weights.json")


def write(folder: Path) -> list[dict[str, Any]]:
    sys.path.insert(0, str(OUT))
    import saved_models as models

    lines = []
    for name, release, ending in models.all_files():
        model, inputs = models.made(name, release)
        path = models.written(model, folder, name, release, ending)
        state = [v.numpy() for v in model.optimizer.stored_variables] if model.optimizer is not None else []
        wanted = [inputs, model.predict(inputs), state]
        path.with_name(path.name + ".wanted").write_bytes(pickle.dumps(wanted))
        lines.append(
            {"file": path.name, "model": name, "release": release, "ending": ending, "digest": models.digest(path)}
        )
    return lines


def load(folder: Path) -> dict[str, dict[str, Any]]:
    """For each file and system: the largest difference of the outputs, or why the system does not load it."""
    import keras
    import tf_keras

    systems = {"keras3": keras, "tf_keras": tf_keras}
    return {
        path.name.removesuffix(".wanted"): {name: _loaded(system, path) for name, system in systems.items()}
        for path in sorted(folder.glob("*.wanted"))
    }


def _loaded(system: Any, wanted: Path) -> Any:
    inputs, outputs, state = pickle.loads(wanted.read_bytes())
    path = wanted.with_name(wanted.name.removesuffix(".wanted"))
    ending = next((ending for ending in WEIGHTS_ALONE if path.name.endswith(ending)), None)
    whole = ending is None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for harmless in (".*legacy.*", ".*deprecated.*", ".*You are saving.*", ".*compiled metrics.*"):
                warnings.filterwarnings("ignore", harmless)
            if whole:
                model = system.models.load_model(path)
            else:
                of_all = ".keras" if path.name.startswith("keras3") else ".h5"
                model = system.models.load_model(path.with_name(path.name.removesuffix(ending) + of_all), compile=False)
                for variable in model.weights:
                    variable.assign(np.zeros(variable.shape))
                model.load_weights(path)
        found = model(inputs, training=False)
        found, outputs = (part if isinstance(part, list) else [part] for part in (found, outputs))
        largest = max(float(np.abs(np.asarray(a) - b).max()) for a, b in zip(found, outputs, strict=True))
        if not state or not whole or (system.__name__ == "keras" and path.suffix == ".h5"):
            return largest  # Keras 3 leaves the optimizer of any HDF5 file without its state.
        kept = [np.asarray(v) for v in model.optimizer.variables]
        kept = kept if system.__name__ == "keras" or len(kept) == len(state) else [kept[0], *kept[2:]]
        same = len(kept) == len(state) and all(np.array_equal(a, b) for a, b in zip(kept, state, strict=True))
        return largest if same else f"optimizer: {len(kept)} arrays for {len(state)}, or of other values"
    except Exception as error:
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0][:160] if str(error).strip() else ''}"


def main(python: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = write(folder)
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "KERAS_BACKEND": "tensorflow"}
        command = [python, __file__, "--load", name]
        subprocess.run(command, check=True, env={**os.environ, **quiet, "TF_ENABLE_ONEDNN_OPTS": "0"})
        found = json.loads((folder / "found.json").read_text())
    for line in lines:
        line["loads"] = found[line["file"]]
    (OUT / "interchange.json").write_text("[\n" + ",\n".join(map(json.dumps, lines)) + "\n]\n")
    for line in lines:
        print(line["file"], line["loads"])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--load"]:
        place = Path(sys.argv[2])
        (place / "found.json").write_text(json.dumps(load(place)))
    else:
        main(sys.argv[1] if len(sys.argv) > 1 else str(PYTHON))
