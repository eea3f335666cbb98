"""`more_published.npz`: what the real runtimes make of the published models of `more_packages.py`.

    python tools/golden/make_more_published.py keras      a Python that has TensorFlow, Keras 3 and tf_keras
    python tools/golden/make_more_published.py torch      .peers/torch
    python tools/golden/make_more_published.py onnx       .peers/onnx

Each adds its outputs to those of the others.
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from more_packages import files, input_of, windows

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "build" / "published_more"
OUT = ROOT / "tests" / "golden" / "more_published.npz"
Outputs = Iterator[tuple[str, Any]]


def keras(found: dict[str, Path]) -> Outputs:
    """Medaka and crema by tf_keras, sleepecg by Keras 3, which wrote it."""
    import keras as keras3
    import tf_keras

    class SqueezeLayer(tf_keras.layers.Layer):  # type: ignore[misc]
        """Crema's own layer."""

        def __init__(self, axis: int = -1, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.axis = axis

        def call(self, x: Any) -> Any:
            return tf_keras.backend.squeeze(x, self.axis)

    for name, path in found.items():
        with tempfile.TemporaryDirectory() as folder:
            if name.startswith("medaka"):
                with tarfile.open(path) as archive:
                    archive.extractall(folder, filter="data")
                model = tf_keras.models.load_model(f"{folder}/model", compile=False)
            elif name.startswith("sleepecg"):
                with zipfile.ZipFile(path) as packed:
                    packed.extract("classifier.keras", folder)
                model = keras3.models.load_model(f"{folder}/classifier.keras", compile=False)
            elif name.startswith("crema"):
                own = {"SqueezeLayer": SqueezeLayer}
                model = tf_keras.models.load_model(path, compile=False, custom_objects=own)
            else:
                continue
            made = model.predict(input_of(name), verbose=0)
            for place, array in enumerate(made if isinstance(made, list) else [made]):
                yield f"{name}:{place}", array


def torch(found: dict[str, Path]) -> Outputs:
    """Resemblyzer's network, and the encoder of g2p-en, with PyTorch's modules."""
    import torch

    for name, path in found.items():
        x = input_of(name)
        if name.startswith("resemblyzer"):
            state = torch.load(path, map_location="cpu", weights_only=False)["model_state"]
            lstm, linear = torch.nn.LSTM(40, 256, 3, batch_first=True), torch.nn.Linear(256, 256)
            for module, start in ((lstm, "lstm."), (linear, "linear.")):
                module.load_state_dict({k.removeprefix(start): v for k, v in state.items() if k.startswith(start)})
            with torch.no_grad():
                _, (h, _) = lstm(torch.from_numpy(x))
                raw = torch.relu(linear(h[-1]))
                yield f"{name}:0", (raw / torch.norm(raw, dim=1, keepdim=True)).numpy()
        elif name.startswith("g2p"):
            arrays = np.load(path)
            gru = torch.nn.GRU(256, 256, batch_first=True)
            names = {"weight_ih_l0": "w_ih", "weight_hh_l0": "w_hh", "bias_ih_l0": "b_ih", "bias_hh_l0": "b_hh"}
            gru.load_state_dict({k: torch.from_numpy(arrays[f"enc_{v}"].astype("float32")) for k, v in names.items()})
            with torch.no_grad():
                embedded = torch.from_numpy(arrays["enc_emb"].astype("float32"))[torch.from_numpy(x)]
                yield f"{name}:0", gru(embedded)[0].numpy()


def onnx(found: dict[str, Path]) -> Outputs:
    """Silero's models over the audio, with the state from call to call; dksplit's network."""
    import onnxruntime

    for name, path in found.items():
        if path.suffix != ".onnx":
            continue
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        if name.startswith("dksplit"):
            yield f"{name}:0", session.run(None, {"chars": input_of(name)})[0]
            continue
        state, heard = np.zeros((2, 1, 128), "float32"), []
        rate = {"sr": np.array(16000)} if any(each.name == "sr" for each in session.get_inputs()) else {}
        for window in windows():
            y, state = session.run(None, {"input": window, "state": state, **rate})
            heard.append(y.item())
        yield f"{name}:0", np.array(heard, "float32")
        yield f"{name}:1", state


def main() -> None:
    system: Callable[[dict[str, Path]], Outputs] = {"keras": keras, "torch": torch, "onnx": onnx}[sys.argv[1]]
    HOME.mkdir(parents=True, exist_ok=True)
    kept = dict(np.load(OUT)) if OUT.exists() else {}
    made = dict(system(files(HOME)))
    np.savez_compressed(OUT, **{**kept, **made})
    print({name: array.shape for name, array in made.items()})


if __name__ == "__main__":
    main()
