"""What people meet today: the 28 published models in Keras 3, tf_keras and here, and one `predict` of one step.

    python -m benchmarks.today

Writes `today.json` beside the machine's other results. The models come from PyPI, as for the tests.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.peers import ROOT, ensure

HOME = ROOT / ".peers" / "published"


def ask(system: str) -> dict[str, Any]:
    """In this process: how many models `system` loads, and the median time of one step of an LSTM of 32 units."""
    import numpy as np

    if system == "gatewise":
        from gatewise import keras
    elif system == "tf_keras":
        import tf_keras as keras
    else:
        import keras
    loaded = 0
    for path in sorted(HOME.glob("*/*.h5")):
        try:
            keras.models.load_model(path, compile=False)
            loaded += 1
        except Exception as error:
            print(f"{system} refuses {path.name}: {type(error).__name__}", file=sys.stderr)
    model = keras.Sequential([keras.layers.Input((1, 8)), keras.layers.LSTM(32)])
    x, times = np.zeros((1, 1, 8), "float32"), []
    for _ in range(40):
        start = time.perf_counter()
        model.predict(x, verbose=0)
        times.append(time.perf_counter() - start)
    return {"models_loaded": loaded, "predict_one_step_us": round(statistics.median(times[10:]) * 1e6, 1)}


def megabytes(folder: Path) -> int:
    """What a folder takes on disk."""
    return round(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6)


def main() -> None:
    sys.path.insert(0, str(ROOT / "tools" / "golden"))
    from packages import models

    from benchmarks import run  # Not above: this module runs in the peers' environments as well.
    from benchmarks.store import RESULTS, save

    here = run.begin(wanted=None)
    found: dict[str, Any] = {"machine": here.facts(), "models": len(models(HOME))}
    peer = ensure("tf")
    subprocess.run([peer, "-m", "pip", "install", "-q", "tf_keras>=2.20,<3"], check=True)
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "KERAS_BACKEND": "tensorflow"}
    for system, python in (("gatewise", sys.executable), ("keras", peer), ("tf_keras", peer)):
        command = [python, "-m", "benchmarks.today", system]
        answer = subprocess.run(command, check=True, cwd=ROOT, env=quiet, stdout=subprocess.PIPE).stdout
        found[system] = json.loads(answer.splitlines()[-1])
    found["tensorflow_cpu_environment_mb"] = megabytes(peer.parent.parent / "lib")
    save(RESULTS / here.kind / "today.json", found)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(ask(sys.argv[1])))
    else:
        main()
