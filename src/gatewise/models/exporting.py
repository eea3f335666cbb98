"""Models for other runtimes: `model.export`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from gatewise.base.atomic import replacing
from gatewise.formats import safetensors
from gatewise.layer import Layer
from gatewise.models.to_onnx import onnx_bytes
from gatewise.models.torch_modules import tensors_of


def export(model: Any, filepath: Any, format: str | None = None, **options: Any) -> None:
    """Write a model for another runtime.

    | name | format | what reads it |
    | --- | --- | --- |
    | `.onnx` | "onnx" | ONNX Runtime and others |
    | `.safetensors` | "torch" | PyTorch: `module.load_state_dict(safetensors.torch.load_file(path))` |
    | `.c` | "c" | any C99 compiler, for devices without Python: one `.c` and one `.h` |

    An ONNX graph takes and gives arrays as the model does. With `states=True` the states of recurrent layers are inputs
    and outputs too, "lstm_h_in" and "lstm_h_out" (B, H), so that a sequence can come in pieces; zeros begin one.

    A module's tensors stand under the name of the layer: "lstm.weight_ih_l0" of the layer "lstm" goes into
    `self.lstm = nn.LSTM(I, H, batch_first=True)`. Normalisation keeps its epsilon in code: give the module the layer's.

    C takes one step at a time, as `model.stream()` does; see `gatewise.models.to_c.write_c` for its options: `weights`
    ("float32" or "int8") and `show`.

    Args:
        model: built.
        filepath: whose ending says the format.
        format: where the ending does not say it.
        **options: of the format: `states` of ONNX, `weights` and `show` of C.

    Raises:
        ValueError: another ending, or a layer that the format has no words for.
        OSError: a disk that is full. A file that was there is whole then.
    """
    path = os.fspath(filepath)
    form = format or _BY_ENDING.get(os.path.splitext(os.fsdecode(path))[1].lower())
    if form not in _WRITERS:
        endings = ", ".join(f"{ending} ({name})" for ending, name in _BY_ENDING.items())
        raise ValueError(f"{path!r}: export writes files that end in {endings}.")
    if not model.built:
        raise ValueError(f"{model.label} is not built: call it on data, or build it with a shape, first.")
    _WRITERS[form](model, path, **options)


def _to_torch(model: Any, path: Any) -> None:
    tensors = dict(_tensors(model, ""))
    with replacing(path) as temporary:
        safetensors.write_arrays(temporary, {"format": "pt"}, tensors)


def _tensors(model: Any, above: str) -> list[tuple[str, np.ndarray]]:
    found: list[tuple[str, np.ndarray]] = []
    for layer in model.layers:
        found += _tensors(layer, f"{above}{layer.name}.") if layer.is_model else _of_layer(layer, above)
    return found


def _of_layer(layer: Layer, above: str) -> list[tuple[str, np.ndarray]]:
    if not layer.weights:
        return []
    return [(f"{above}{layer.name}.{name}", np.ascontiguousarray(array)) for name, array in tensors_of(layer)]


def _to_onnx(model: Any, path: Any, states: bool = False) -> None:
    data = onnx_bytes(model, states)
    with replacing(path) as temporary:
        Path(temporary).write_bytes(data)


def _to_c(model: Any, path: Any, weights: str = "float32", show: bool = True) -> None:
    from gatewise.models.to_c import write_c  # With it comes the native engine, which need not be there before.

    write_c(model, path, weights, show)


_WRITERS: Final[dict[str, Callable[..., None]]] = {"onnx": _to_onnx, "torch": _to_torch, "c": _to_c}
_BY_ENDING: Final = {".onnx": "onnx", ".safetensors": "torch", ".c": "c"}
