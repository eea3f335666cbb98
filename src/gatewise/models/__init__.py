"""Models: layers put together, with `predict`, weights, a summary and a config."""

from __future__ import annotations

from gatewise.models.cloning import clone_model as clone_model
from gatewise.models.describing import describe as describe
from gatewise.models.from_torch import from_torch as from_torch
from gatewise.models.loading import load_model as load_model
from gatewise.models.loading import model_from_config as model_from_config
from gatewise.models.loading import model_from_json as model_from_json
from gatewise.models.model import Functional as Functional
from gatewise.models.model import Model as Model
from gatewise.models.named_arrays import load_weights_from as load_weights_from
from gatewise.models.named_arrays import match_weights as match_weights
from gatewise.models.onnx.model import OnnxModel as OnnxModel
from gatewise.models.saving import save_model as save_model
from gatewise.models.sequential import Sequential as Sequential
