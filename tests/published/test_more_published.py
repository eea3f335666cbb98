"""Published models of other kinds than HDF5: each loads, and says what its own runtime says.

The runtimes' outputs are in tests/golden/more_published.npz (tools/golden/make_more_published.py).
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path
from typing import Any

import golden_data
import more_packages
import numpy as np
import pytest

import gatewise as gw
from gatewise.models import OnnxModel, load_model, load_weights_from

ROOT = Path(__file__).resolve().parents[2]
HOME = Path(os.environ.get("GATEWISE_PUBLISHED") or ROOT / "build" / "published_more")
L = gw.layers


@pytest.fixture(scope="module")
def files() -> dict[str, Path]:
    """The files by `package-version/file`, fetched once whatever the number of test processes."""
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return more_packages.files(HOME)
        except subprocess.CalledProcessError as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"PyPI cannot be reached: {error}")


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(golden_data.HERE / "more_published.npz") as arrays:
        return dict(arrays)


def agree(found: Any, name: str, golden: dict[str, np.ndarray], tolerance: float = 1e-5) -> None:
    outputs = found if isinstance(found, list) else [found]
    wanted = [golden[f"{name}:{place}"] for place in range(len(outputs))]
    assert f"{name}:{len(outputs)}" not in golden
    for one, other in zip(outputs, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


@pytest.mark.network
@pytest.mark.parametrize(
    "name",
    [
        "medaka-1.11.3/r1041_e82_400bps_hac_v4.3.0_model.tar.gz",
        "sleepecg-0.5.9/ws-gru-mesa.zip",
        "sleepecg-0.5.9/wrn-gru-mesa.zip",
    ],
)
def test_whole_models_in_archives(name: str, files: dict[str, Path], golden: dict[str, np.ndarray]) -> None:
    model = load_model(files[name], compile=False)
    agree(model.predict(more_packages.input_of(name), verbose=0), name, golden)


class SqueezeLayer(L.Layer):
    """Crema's own layer."""

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, x: Any) -> Any:
        return gw.ops.squeeze(x, self.axis)


@pytest.mark.network
def test_crema(files: dict[str, Path], golden: dict[str, np.ndarray]) -> None:
    name = "crema-0.2.0/model.h5"
    with pytest.raises(ValueError, match="'SqueezeLayer', which Gatewise does not have"):
        load_model(files[name], compile=False)
    model = load_model(files[name], compile=False, custom_objects={"SqueezeLayer": SqueezeLayer})
    agree(model.predict(more_packages.input_of(name), verbose=0), name, golden)


def resemblyzer() -> Any:
    x = gw.Input((None, 40))
    y = L.LSTM(256, return_sequences=True)(x)
    y = L.LSTM(256)(L.LSTM(256, return_sequences=True)(y))
    return gw.Model(x, L.UnitNormalization()(L.Dense(256, activation="relu")(y)))


def g2p() -> Any:
    stack = [L.Embedding(29, 256, name="letters"), L.GRU(256, return_sequences=True, name="encoder")]
    return gw.Sequential([gw.Input((None,), dtype="int32"), *stack])


@pytest.mark.network
def test_resemblyzer(files: dict[str, Path], golden: dict[str, np.ndarray]) -> None:
    name = "resemblyzer-0.1.4/pretrained.pt"
    model = resemblyzer()
    load_weights_from(model, files[name], show=False)
    agree(model.predict(more_packages.input_of(name), verbose=0), name, golden)


@pytest.mark.network
def test_g2p(files: dict[str, Path], golden: dict[str, np.ndarray]) -> None:
    name = "g2p-en-2.1.0/checkpoint20.npz"
    model = g2p()
    with np.load(files[name]) as arrays:
        names = {"letters.weight": "emb", "encoder.weight_ih": "w_ih", "encoder.weight_hh": "w_hh"}
        names |= {"encoder.bias_ih": "b_ih", "encoder.bias_hh": "b_hh"}
        load_weights_from(model, {ours: arrays[f"enc_{theirs}"] for ours, theirs in names.items()}, show=False)
    agree(model.predict(more_packages.input_of(name), verbose=0), name, golden)


SILERO = [f"silero-vad-6.2.3/{name}.onnx" for name in ("silero_vad", "silero_vad_16k_op15", "silero_vad_openvino_16k")]


def heard(model: OnnxModel) -> list[np.ndarray]:
    """What a model says of each piece of the audio, and the last state."""
    state, said = np.zeros((2, 1, 128), "float32"), []
    rate = {"sr": 16000} if any(value.name == "sr" for value in model.inputs) else {}
    for window in more_packages.windows():
        y, state = model.run({"input": window, "state": state, **rate}).values()
        said.append(y.item())
    return [np.array(said), state]


@pytest.mark.network
@pytest.mark.parametrize("name", SILERO)
def test_silero(name: str, files: dict[str, Path], golden: dict[str, np.ndarray]) -> None:
    model = load_model(files[name])
    assert isinstance(model, OnnxModel)
    said, state = heard(model)
    wanted = golden[f"{name}:0"]
    assert wanted.max() > 0.5 > 0.1 > wanted.min()  # It hears speech, and pauses.
    np.testing.assert_allclose(said, wanted, rtol=0, atol=1e-5)
    np.testing.assert_allclose(state, golden[f"{name}:1"], rtol=1e-5, atol=1e-5)


@pytest.mark.network
def test_dksplit(files: dict[str, Path], golden: dict[str, np.ndarray]) -> None:
    """Numbers of 8 bits, where a rounding differs, differ by a step; three levels carry that on."""
    name = "dksplit-1.0.2/dksplit-int8.onnx"
    agree(load_model(files[name]).predict(more_packages.input_of(name)), name, golden, 1e-2)
    assert np.ptp(golden[f"{name}:0"]) > 1


def test_every_file_has_its_numbers(golden: dict[str, np.ndarray]) -> None:
    assert len({name.rpartition(":")[0] for name in golden}) == sum(len(f) for f, _ in more_packages.PACKAGES.values())
