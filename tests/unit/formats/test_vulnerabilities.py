"""Files after known vulnerabilities of model loaders (docs/files.md): here a file is data, and nothing of it runs."""

from __future__ import annotations

import base64
import json
import marshal
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import gatewise as gw
from gatewise.models import load_model, load_weights_from

TOUCH = "import pathlib; pathlib.Path({!r}).write_text('it ran')"


def archive(path: Path, layer: dict[str, Any]) -> Path:
    """A `.keras` file whose one layer has this config."""
    layers = [{"class_name": "InputLayer", "config": {"batch_shape": [None, 3], "name": "in"}}, layer]
    config = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": layers}}
    weights = path.with_suffix(".h5")
    with h5py.File(weights, "w") as file:
        file.create_group("layers")
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("metadata.json", json.dumps({"keras_version": "3.8.0"}))
        made.writestr("config.json", json.dumps(config))
        made.write(weights, "model.weights.h5")
    weights.unlink()
    return path


def whole_h5(path: Path, layer: dict[str, Any]) -> Path:
    """An HDF5 file of Keras 2 whose one layer has this config."""
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}
    with h5py.File(path, "w") as file:
        file.attrs.update(model_config=json.dumps(config), keras_version="2.11.0", backend="tensorflow")
        file.create_group("model_weights").attrs["layer_names"] = [layer["config"]["name"]]
        file["model_weights"].create_group(layer["config"]["name"]).attrs["weight_names"] = np.zeros(0)
    return path


def evil_lambda(mark: Path) -> dict[str, Any]:
    """A Lambda layer with code inside, as Keras 3 writes one."""
    code = compile(TOUCH.format(str(mark)), "<evil>", "exec")
    packed = base64.b64encode(marshal.dumps(code)).decode()
    function = {"class_name": "__lambda__", "config": {"code": packed, "defaults": None, "closure": None}}
    return {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "l", "function": function}}


def old_lambda(mark: Path) -> dict[str, Any]:
    """The same as Keras 2 writes it."""
    code = compile(TOUCH.format(str(mark)), "<evil>", "exec")
    packed = [base64.b64encode(marshal.dumps(code)).decode(), None, None]
    own = {"name": "l", "batch_input_shape": [None, 3], "function": packed, "function_type": "lambda"}
    return {"class_name": "Lambda", "config": own}


def any_module(mark: Path) -> dict[str, Any]:
    """A class of any module, with arguments: CVE-2025-1550."""
    return {"module": "os", "class_name": "system", "config": {"command": f"touch {mark}"}, "registered_name": None}


def any_function(mark: Path) -> dict[str, Any]:
    """A Lambda whose function is one of any module: CVE-2025-8747 and -1550."""
    function = {"module": "builtins", "class_name": "function", "config": "exec", "registered_name": "exec"}
    own = {"name": "l", "function": function, "arguments": {"globals": {}}}
    return {"module": "keras.layers", "class_name": "Lambda", "config": own}


def fetched(mark: Path) -> dict[str, Any]:
    """A function of Keras's own that writes files: `get_file`, of CVE-2025-8747."""
    config = {"fname": str(mark), "origin": "file:///etc/hostname"}
    return {"module": "keras.utils", "class_name": "get_file", "config": config, "registered_name": "get_file"}


def unlocked(mark: Path) -> dict[str, Any]:
    """A config that turns the safe mode off before a Lambda comes: CVE-2025-9906."""
    switch = {"module": "keras.config", "class_name": "enable_unsafe_deserialization", "config": {}}
    inner = {"name": "inner", "layers": [switch, evil_lambda(mark)]}
    return {"module": "keras", "class_name": "Sequential", "config": inner}


CASES: dict[str, tuple[Callable[[Path, dict[str, Any]], Path], Callable[[Path], dict[str, Any]], str]] = {
    "CVE-2024-3660": (archive, evil_lambda, "m.keras"),
    "CVE-2024-3660, HDF5": (whole_h5, old_lambda, "m.h5"),
    "CVE-2025-1550": (archive, any_module, "m.keras"),
    "CVE-2025-8747": (archive, fetched, "m.keras"),
    "CVE-2025-8747, a function": (archive, any_function, "m.keras"),
    "CVE-2025-9905": (whole_h5, old_lambda, "m.hdf5"),
    "CVE-2025-9906": (archive, unlocked, "m.keras"),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("safe_mode", [True, False])
def test_nothing_runs(name: str, safe_mode: bool, tmp_path: Path) -> None:
    write, config, file = CASES[name]
    mark = tmp_path / "mark"
    path = write(tmp_path / file, config(mark))
    with pytest.raises(ValueError, match="cannot be made of its config"):
        load_model(path, safe_mode=safe_mode)
    assert not mark.exists()


def test_external_storage_of_hdf5_is_refused(tmp_path: Path) -> None:
    """CVE-2026-1669: a dataset whose bytes are those of another file on the machine."""
    secret = tmp_path / "secret"
    secret.write_bytes(np.ones(6, "float32").tobytes())
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = ["head"]
        group = file.create_group("head")
        group.create_dataset("kernel:0", (3, 2), "float32", external=[(str(secret), 0, 24)])
        group["bias:0"] = np.zeros(2, "float32")
        group.attrs["weight_names"] = ["kernel:0", "bias:0"]
    model = gw.Sequential([gw.Input((3,)), gw.layers.Dense(2, name="head")])
    before = model.get_weights()[0]
    with pytest.raises(ValueError, match="kernel"):
        model.load_weights(path)
    np.testing.assert_array_equal(model.get_weights()[0], before)


class Evil:
    """What runs when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return exec, (TOUCH.format(str(self.mark)),)


def test_pickles_of_pytorch_do_not_run(tmp_path: Path) -> None:
    """CVE-2025-32434: `torch.load`, even with weights_only."""
    mark, path = tmp_path / "mark", tmp_path / "m.pt"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("m/data.pkl", pickle.dumps({"w": Evil(mark)}, protocol=2))
    model = gw.Sequential([gw.Input((3,)), gw.layers.Dense(2)])
    with pytest.raises(ValueError):  # noqa: PT011 (there are no tensors in it)
        load_weights_from(model, path, show=False)
    assert not mark.exists()


def test_pickles_in_numpy_archives_do_not_run(tmp_path: Path) -> None:
    mark, path = tmp_path / "mark", tmp_path / "m.npz"
    np.savez(path, w=np.array([Evil(mark)], object))
    model = gw.Sequential([gw.Input((3,)), gw.layers.Dense(2)])
    with pytest.raises(ValueError, match="damaged, or no numbers"):
        load_weights_from(model, path, show=False)
    assert not mark.exists()
