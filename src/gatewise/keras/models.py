"""`tf.keras.models`: see `gatewise.models`."""

from __future__ import annotations

from gatewise.base.absent import answer_for
from gatewise.models import Model, Sequential, clone_model, load_model, model_from_config, model_from_json, save_model

__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_config", "model_from_json", "save_model"]
answer_for(__name__, "tf.keras.models")
