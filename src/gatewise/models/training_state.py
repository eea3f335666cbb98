"""What files keep of training: the arguments of `compile`, and the optimizer's state.

A model that was compiled has `optimizer`, `get_compile_config()` and `compile_from_config(config)`; the config has the
form of Keras 3's `compile_config`.
"""

from __future__ import annotations

import warnings
from typing import Any, Final

import numpy as np

from gatewise import losses, optimizers
from gatewise.base.release import Release
from gatewise.base.typing import Config
from gatewise.base.variable import Variable, all_or_nothing
from gatewise.formats import Contents
from gatewise.graph import config as graph_config
from gatewise.losses.registry import registry as names_of_losses
from gatewise.optimizers import Optimizer

_OF_KERAS3: Final = ("loss_scale_factor", "gradient_accumulation_steps")
_OF_TF2: Final = {"jit_compile": False, "is_legacy_optimizer": False}
_PACKAGE: Final = "Custom>"
"""What TensorFlow 2.11 to 2.15 write before the names of their own optimizers in HDF5 files."""


def optimizer_of(model: Any) -> Optimizer | None:
    """The optimizer of a compiled model, or None."""
    found: Optimizer | None = model.optimizer
    return found


# -- written ----------------------------------------------------------------------------------------------------------


def compile_config(model: Any, release: Release) -> Config | None:
    """The arguments of `compile`, with the optimizer in the words of a release; None where it was not compiled."""
    optimizer = optimizer_of(model)
    config = model.get_compile_config() if optimizer is not None else None
    if not config:
        return None
    return {**config, "optimizer": _optimizer_config(optimizer, release)}


def _optimizer_config(optimizer: Any, release: Release) -> Config:
    if isinstance(optimizer, optimizers.LossScaleOptimizer):
        return _scaling_config(optimizer, release)
    config: Config = optimizers.serialize(optimizer)
    if optimizer.generation == "legacy" or (release == "keras3") == (optimizer.generation == "keras3"):
        return config
    own = config["config"]
    if release == "keras3":
        return {**config, "config": {key: value for key, value in own.items() if key not in _OF_TF2}}
    if any(own.get(name) is not None for name in _OF_KERAS3):
        raise ValueError(
            f"{optimizer.label} cannot be saved for tf_keras, which has no {' and no '.join(_OF_KERAS3)}: leave it out "
            'with include_optimizer=False, or save with release="keras3".'
        )
    return {**config, "config": {key: value for key, value in own.items() if key not in _OF_KERAS3} | _OF_TF2}


def _scaling_config(optimizer: optimizers.LossScaleOptimizer, release: Release) -> Config:
    """The same of an optimizer that wraps another."""
    config: Config = optimizers.serialize(optimizer)
    inner = _optimizer_config(optimizer.inner_optimizer, release)
    own = {key: value for key, value in config["config"].items() if key not in _OF_TF2} | {"inner_optimizer": inner}
    if release == "keras3":
        return {**config, "config": own}
    own["dynamic"] = optimizer.dynamic
    kept = ("inner_optimizer", "dynamic", "initial_scale", "dynamic_growth_steps")
    return {**config, "class_name": "LossScaleOptimizerV3", "config": {key: own[key] for key in kept}}


def state(model: Any, release: Release) -> list[Variable]:
    """The optimizer's variables in the order of a release's files; none where there is no optimizer."""
    optimizer = optimizer_of(model)
    if optimizer is None:
        return []
    if optimizer.generation == "legacy" or (release == "keras3") == (optimizer.generation == "keras3"):
        return optimizer.stored_variables
    rate = None if release == "keras3" else optimizer._learning_rate
    return [variable for variable in optimizer.variables if variable is not rate]


def hdf5_config(model: Any, config: Config, release: Release) -> Config:
    """A compile config, without modules, as `training_config` of an HDF5 file."""
    rest = {key: value for key, value in config.items() if key != "optimizer"}
    rest["loss"] = _in_full(rest["loss"])
    optimizer = {key: config["optimizer"][key] for key in ("class_name", "config")}
    if release == "keras3":
        return {**rest, "optimizer_config": optimizer}
    if optimizer["config"].get("is_legacy_optimizer") is False:
        optimizer["class_name"] = _PACKAGE + optimizer["class_name"]
    metrics = {name: _by_output(model, rest.get(name)) for name in ("metrics", "weighted_metrics")}
    kept = {name: rest.get(name) for name in ("loss", "loss_weights")}
    return {**kept, **metrics, "optimizer_config": optimizer}


def _in_full(part: Any) -> Any:
    """Names of losses in full: from an HDF5 file Keras 3 does not take "mse", which it writes itself."""
    if isinstance(part, dict):
        return part if "class_name" in part else {key: _in_full(value) for key, value in part.items()}
    if isinstance(part, list):
        return [_in_full(value) for value in part]
    return getattr(losses.get(part), "__name__", part) if part in names_of_losses else part


def _by_output(model: Any, metrics: Any) -> Any:
    """Metrics as tf_keras wants them from a file: a list for each output."""
    if not metrics:
        return None
    names = model.output_names
    if isinstance(metrics, dict):
        given = [metrics.get(name) for name in names]
    elif len(names) == 1 or (len(metrics) == len(names) and any(isinstance(each, list) for each in metrics)):
        given = [metrics] if len(names) == 1 else metrics
    else:
        given = [metrics] * len(names)
    return [each if isinstance(each, list) else [each] for each in given]


# -- read -------------------------------------------------------------------------------------------------------------


def restore(contents: Contents, model: Any) -> None:
    """Compile a model as a file says, and give its optimizer the state that the file has.

    Raises:
        ValueError: a loss, metric or optimizer that is not known; the message says how to load without.
    """
    if contents.training_error is not None:
        raise contents.training_error
    if contents.compile_config is None:
        return
    try:
        with graph_config.written_by(contents.meaning or contents.keras_version):
            model.compile_from_config(_without_empty_metrics(contents.compile_config))
    except (ValueError, TypeError) as error:
        raise contents.error(
            f"the model cannot be compiled as it was. {error} Load it without: load_model(path, compile=False)."
        ) from error
    take_state(contents, model)


def _without_empty_metrics(config: Config) -> Config:
    """The config with metrics as `compile` takes them: tf_keras writes a list for each output, [null] for none."""
    config = dict(config)
    for name in ("metrics", "weighted_metrics"):
        given = config.get(name)
        if isinstance(given, list) and given and all(isinstance(each, list) for each in given):
            lists = [[metric for metric in each if metric is not None] for each in given]
            config[name] = lists[0] if len(lists) == 1 else lists
    return config


def take_state(contents: Contents, model: Any) -> None:
    """Give a model's optimizer the state in a file.

    Where it does not fit, the optimizer starts afresh, and a warning says so. Keras 2.0 stored slots in the order of a
    set, which nobody can tell any more: that matters to those who train on, so `fit` says it.
    """
    optimizer = optimizer_of(model)
    if optimizer is None or not contents.optimizer:
        return
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    kept = optimizer.stored_variables
    stored = _without_places(contents.optimizer, len(kept))
    if not any(_shapes(stored)) and len(stored) < _unbuilt(kept):
        return  # One that wraps another, saved before its first step: there is nothing to take.
    if _shapes(stored) != _shapes(kept) and _shapes(stored) != _shapes(kept)[: _unbuilt(kept)]:
        afresh = f"{contents.path!r}: {optimizer.label} starts afresh: "
        if sorted(_shapes(stored)) != sorted(_shapes(kept)):
            warnings.warn(
                f"{afresh}the file has {len(stored)} arrays of its state, the optimizer {len(kept)}, or of other "
                "shapes.",
                stacklevel=4,
            )
        else:
            optimizer.unused_state = f"{afresh}the file has its state in an order that cannot be told any more."
        return
    values = [np.asarray(array.read()) for array in stored]
    with all_or_nothing():
        for variable, value in zip(kept, values, strict=False):
            variable.assign(value.astype(variable.dtype))


def _without_places(stored: Any, wanted: int) -> list[Any]:
    """The arrays but for the last ones, of one number each, where Keras 2.1 to 2.3 kept places for AMSGrad's slots."""
    arrays = list(stored)
    return arrays[:wanted] if all(tuple(array.shape) == (1,) for array in arrays[wanted:]) else arrays


def _shapes(arrays: Any) -> list[tuple[int, ...]]:
    return [tuple(array.shape) for array in arrays]


def _unbuilt(kept: list[Variable]) -> int:
    """How many variables an optimizer has that has made no step yet: those before the first slot."""
    return next((place for place, variable in enumerate(kept) if variable.shape != ()), len(kept))
