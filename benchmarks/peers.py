"""The systems that are compared, and the environments they live in: the one place that lists them."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import isa

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".peers"

# Each peer in an environment of its own, so that none decides another's dependencies.
ENVIRONMENTS: dict[str, tuple[str, ...]] = {
    "torch": ("torch>=2.8,<3", "numpy>=2,<3"),
    "onnx": ("onnxruntime>=1.23,<2", "onnx>=1.18,<2", "numpy>=2,<3"),
    "onnx-service": (
        "onnxruntime>=1.23,<2",
        "numpy>=2,<3",
        "starlette>=0.46,<2",
        "uvicorn>=0.34,<1",
        "httptools>=0.6.3,<1",
        "uvloop>=0.21,<1",
        "websockets>=14,<18",
    ),
    "openvino": ("openvino>=2025.3", "numpy>=2,<3"),
    "tf": ("tensorflow-cpu>=2.20,<3", "keras>=3.11,<4", "numpy>=2,<3"),
    "jax": ("jax>=0.7,<1", "flax>=0.11,<1", "optax>=0.2,<1", "keras>=3.11,<4", "numpy>=2,<3"),
    "plot": ("matplotlib>=3.9,<4", "numpy>=2,<3"),
}
_STAMP = "benchmarks-requirements.txt"


@dataclass(frozen=True)
class System:
    """One thing that is measured: its name in the results, the worker's module, its environment (None: this one).

    settings: environment variables of its worker, beside those that all get.
    way: the one way to call it that is measured; None: the fastest.
    held_as: its line in the table of switches (`isa.HOLDS`), where that is not its name.
    """

    name: str
    worker: str
    environment: str | None
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)
    way: str | None = None
    held_as: str | None = None

    @property
    def python(self) -> Path:
        return Path(sys.executable) if self.environment is None else python_of(self.environment)


OURS = System("Gatewise", "benchmarks.workers.ours", None)
SYSTEMS = (
    OURS,
    System("PyTorch", "benchmarks.workers.pytorch", "torch"),
    System("ONNX Runtime", "benchmarks.workers.onnx_runtime", "onnx"),
    System("OpenVINO", "benchmarks.workers.open_vino", "openvino"),
    System("Keras-TF", "benchmarks.workers.keras_tf", "tf"),
    System("Keras-JAX", "benchmarks.workers.keras_jax", "jax"),
    System("Flax", "benchmarks.workers.flax_linen", "jax"),
)

# Those that train; and, beside ours, what its `train_on_batch` comes to without the Python around it.
BESIDE = "Gatewise, step alone"
TRAINERS = (
    System(
        OURS.name,
        "benchmarks.trainers.ours",
        OURS.environment,
        way="model.train_on_batch(x, y)",
        held_as=isa.OURS_ON_JAX,
    ),
    System("PyTorch", "benchmarks.trainers.pytorch", "torch"),
    System("Keras-TF", "benchmarks.trainers.keras_tf", "tf"),
    System("Keras-JAX", "benchmarks.trainers.keras_jax", "jax"),
    System("Flax", "benchmarks.trainers.flax_linen", "jax"),
)


def named(names: str, systems: tuple[System, ...]) -> list[System]:
    """Ours, and of the others those that are named, separated by commas; all of them where none is."""
    wanted = [name.strip().lower() for name in names.split(",") if name.strip()]
    unknown = set(wanted) - {system.name.lower() for system in systems}
    if unknown:
        sys.exit(f"unknown systems {sorted(unknown)}; there are: {', '.join(system.name for system in systems)}")
    return [each for each in systems if not wanted or each.name == OURS.name or each.name.lower() in wanted]


def python_of(environment: str) -> Path:
    """The interpreter of an environment of the table."""
    return PEERS / environment / "bin" / "python"


def ensure(environment: str) -> Path:
    """Create the environment where it is missing or the table has changed; return its interpreter."""
    folder, wanted = PEERS / environment, "\n".join(ENVIRONMENTS[environment]) + "\n"
    python, stamp = python_of(environment), folder / _STAMP
    # Without this file its interpreter is the one that it was made from, and pip would install there.
    whole = python.exists() and (folder / "pyvenv.cfg").is_file()
    if whole and stamp.is_file() and stamp.read_text() == wanted:
        return python
    print(f"installing {environment}: {', '.join(ENVIRONMENTS[environment])}", file=sys.stderr, flush=True)
    if not whole:
        venv.create(folder, with_pip=True, clear=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, *ENVIRONMENTS[environment]], check=True)
    stamp.write_text(wanted)
    return python


def variables(threads: int | None, system: System) -> dict[str, str]:
    """The environment variables of a worker: quiet, no GPU, and with `threads` = 1 every known way to ask for one.

    Nothing here changes how a peer's threads wait: that could only slow it down. See `workers.client` for how a peer's
    idle threads are kept from disturbing the next one.
    """
    values = {name: value for name, value in os.environ.items() if name not in isa.VARIABLES}
    values.update(CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3", JAX_PLATFORMS="cpu", PYTHONUNBUFFERED="1")
    values["KERAS_BACKEND"] = "jax" if system.environment == "jax" else "tensorflow"
    values.pop("PYTHONPATH", None)
    if system.environment is None and not _importable("gatewise", values):
        values["PYTHONPATH"] = str(ROOT / "src")
    if threads is not None:
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "GATEWISE_NUM_THREADS")
        values.update(dict.fromkeys(names, str(threads)))
        values["BENCHMARK_THREADS"] = str(threads)
    return {**values, **system.settings}


def _importable(package: str, variables: Mapping[str, str]) -> bool:
    check = [sys.executable, "-c", f"import {package}"]
    return subprocess.run(check, capture_output=True, cwd=ROOT, env=variables, check=False).returncode == 0
