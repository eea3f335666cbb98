"""`onnx_reads.json`: the ONNX files that we write, and how far ONNX Runtime's outputs are from ours.

    python tools/golden/check_onnx.py

Run it with a Python that has Gatewise; ONNX Runtime runs in `.peers/onnx`, which the benchmarks make. Files with states
run in pieces of two steps, each with the states that the one before gave.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "tests" / "golden"
PYTHON = ROOT / ".peers" / "onnx" / "bin" / "python"


def run(folder: Path) -> dict[str, float]:
    """For each file the largest difference, beside the largest number above 1; inside ONNX Runtime's environment."""
    import onnx
    import onnxruntime

    found = {}
    for path in sorted(folder.glob("*.onnx")):
        onnx.checker.check_model(onnx.load(path), full_check=True)
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        kept = np.load(path.with_suffix(".npz"))
        inputs = {key[3:]: kept[key] for key in kept.files if key.startswith("in/")}
        wanted = [kept[key] for key in sorted(key for key in kept.files if key.startswith("out/"))]
        outputs = in_pieces(session, inputs) if path.stem.endswith("_states") else session.run(None, inputs)
        found[path.stem] = max(
            float(np.abs(a - b).max() / max(1, np.abs(b).max())) for a, b in zip(outputs, wanted, strict=True)
        )
    return found


def in_pieces(session: Any, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The outputs of pieces of two steps, put together."""
    ((name, x),) = inputs.items()
    states = {
        each.name: np.zeros((len(x), each.shape[1]), "float32")
        for each in session.get_inputs()
        if each.name.endswith("_in")
    }
    pieces = []
    for start in range(0, x.shape[1], 2):
        y, *after = session.run(None, {name: x[:, start : start + 2], **states})
        names = [each.name.removesuffix("_out") + "_in" for each in session.get_outputs()[1:]]
        states = dict(zip(names, after, strict=True))
        pieces.append(y)
    return [np.concatenate(pieces, axis=1)]


def main() -> None:
    sys.path.insert(0, str(OUT))
    import onnx_models

    with tempfile.TemporaryDirectory() as name:
        paths = [path for model in onnx_models.MODELS for path in onnx_models.write(model, Path(name))]
        done = subprocess.run([PYTHON, __file__, "--run", name], check=True, stdout=subprocess.PIPE, text=True)
        errors = json.loads(done.stdout)
        found = {path.stem: {"digest": onnx_models.digest(path), "error": errors[path.stem]} for path in paths}
    (OUT / "onnx_reads.json").write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(errors, indent=1))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        print(json.dumps(run(Path(sys.argv[2]))))
    else:
        main()
