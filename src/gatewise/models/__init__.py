"""Models: layers put together, with `predict`, weights, a summary and a config."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from gatewise.base.absent import absent
from gatewise.models.model import Functional as Functional
from gatewise.models.model import Model as Model
from gatewise.models.sequential import Sequential as Sequential

if TYPE_CHECKING:
    from gatewise.models.cloning import clone_model as clone_model
    from gatewise.models.describing import describe as describe
    from gatewise.models.loading import load_model as load_model
    from gatewise.models.loading import model_from_config as model_from_config
    from gatewise.models.loading import model_from_json as model_from_json
    from gatewise.models.named_arrays import load_weights_from as load_weights_from
    from gatewise.models.named_arrays import match_weights as match_weights
    from gatewise.models.onnx.model import OnnxModel as OnnxModel
    from gatewise.models.saving import save_model as save_model
    from gatewise.models.tensorflow1.model import TensorFlowGraph as TensorFlowGraph
    from gatewise.models.tflite.model import TfliteModel as TfliteModel
    from gatewise.models.torch_chain import from_torch as from_torch

# Readers and writers of files, some forty modules, load with the first use of one of these.
_HOMES = {
    "OnnxModel": "onnx.model",
    "TensorFlowGraph": "tensorflow1.model",
    "TfliteModel": "tflite.model",
    "clone_model": "cloning",
    "describe": "describing",
    "from_torch": "torch_chain",
    "load_model": "loading",
    "load_weights_from": "named_arrays",
    "match_weights": "named_arrays",
    "model_from_config": "loading",
    "model_from_json": "loading",
    "save_model": "saving",
}

__all__ = ["Functional", "Model", "Sequential", *_HOMES]  # noqa: PLE0604 - They are strings.


_absent = absent(__name__, "gatewise.models")

if not TYPE_CHECKING:  # So that a name that is not there is an error to type checkers.

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            return _absent(name)
        found = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
        return found


def __dir__() -> list[str]:
    return sorted(__all__)
