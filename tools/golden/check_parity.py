"""`parity.json` and `docs/parity.md`: every model in every form, what comes back here, and what others make of it.

    python tools/golden/check_parity.py
    python tools/golden/check_parity.py --page     the page alone, where other results or golden files are new

Run it with a Python that has Gatewise, after `check_saved.py` and `make_torch.py --check`, whose results the page shows
too. ONNX Runtime runs in `.peers/onnx`, which the benchmarks make; C is compiled by the system's compiler.
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


def run_graphs(folder: Path) -> dict[str, list[list[float]]]:
    """The outputs of each graph; inside ONNX Runtime's environment."""
    import onnxruntime

    found = {}
    for path in sorted(folder.glob("*.onnx")):
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        with np.load(path.with_suffix(".npz")) as inputs:
            found[path.stem] = [each.tolist() for each in session.run(None, dict(inputs))]
    return found


def passes(source: Path, compiler: str) -> bool:
    """Whether a C program's self test, which has our outputs inside, comes out well."""
    program = source.with_suffix(".program")
    test = f"-D{source.stem.upper()}_SELF_TEST"
    subprocess.run([compiler, "-std=c99", "-O1", test, source, "-o", program, "-lm"], check=True)
    return subprocess.run([program], check=False, stdout=subprocess.DEVNULL).returncode == 0


def main() -> None:
    sys.path.insert(0, str(OUT))
    import parity
    import saved_models

    from gatewise.formats.c.compiled import compiler

    kept: dict[str, Any] = {}
    wanted: dict[str, list[np.ndarray]] = {}
    with tempfile.TemporaryDirectory() as name:
        graphs = Path(name, "graphs")
        graphs.mkdir()
        for family in saved_models.BUILDERS:
            folder = Path(name, family)
            folder.mkdir()
            kept[family] = {form.name: {"here": parity.found(form, family, folder)} for form in parity.FORMS}
            if kept[family]["`.c`"]["here"] != parity.REFUSED:
                kept[family]["`.c`"]["elsewhere"] = ["C"] if passes(folder / "m.c", compiler() or "cc") else []
            if kept[family]["`.onnx`"]["here"] != parity.REFUSED:
                model, inputs = saved_models.made(family, "keras3")
                (folder / "m.onnx").rename(graphs / f"{family}.onnx")
                np.savez(graphs / f"{family}.npz", **parity.by_input(model, inputs))
                wanted[family] = parity.outputs(model, inputs)
        done = subprocess.run([PYTHON, __file__, "--run", graphs], check=True, stdout=subprocess.PIPE, text=True)
        for family, outputs in json.loads(done.stdout).items():
            error = parity.difference([np.array(each, "float32") for each in outputs], wanted[family])
            kept[family]["`.onnx`"] |= {"elsewhere": ["R"] if error < parity.CLOSE else [], "error": error}
    lines = [f' "{family}": {json.dumps(forms)}' for family, forms in kept.items()]
    (OUT / "parity.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def write_page() -> None:
    sys.path.insert(0, str(OUT))
    import parity

    parity.PAGE.write_text(parity.page())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        print(json.dumps(run_graphs(Path(sys.argv[2]))))
    else:
        if sys.argv[1:] != ["--page"]:
            main()
        write_page()
