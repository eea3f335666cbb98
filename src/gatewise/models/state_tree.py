"""All values of a model as nested dicts, by the parts of the variables' paths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from gatewise.base.typing import Config
from gatewise.base.variable import Variable, all_or_nothing

FORMATS = ("backend_tensor", "numpy_array")


def state_tree(model: Any, value_format: str) -> Config:
    """See `Model.get_state_tree`."""
    if value_format not in FORMATS:
        raise ValueError(f"{model.label}: value_format must be one of {FORMATS}, got {value_format!r}.")
    return {kind: _nested(model, variables, value_format) for kind, variables in _kinds(model).items()}


def set_state_tree(model: Any, tree: Mapping[str, Any]) -> None:
    """See `Model.set_state_tree`."""
    kinds = _kinds(model)
    with all_or_nothing():
        for kind, values in tree.items():
            if kind not in kinds:
                raise ValueError(f"{model.label}: a state tree has the keys {tuple(kinds)}, got {kind!r}.")
            for variable in kinds[kind]:
                value = _at(values, variable.path.split("/"))
                if value is not None:
                    variable.assign(np.asarray(value))


def _kinds(model: Any) -> dict[str, list[Variable]]:
    return {
        "trainable_variables": model.trainable_variables,
        "non_trainable_variables": model.non_trainable_variables,
        "optimizer_variables": [] if model.optimizer is None else model.optimizer.variables,
        "metrics_variables": model.metrics_variables,
    }


def _nested(model: Any, variables: Iterable[Variable], value_format: str) -> Config:
    tree: Config = {}
    seen: set[str] = set()
    for variable in variables:
        if variable.path in seen:
            raise ValueError(
                f"{model.label}: two variables have the path {variable.path!r}: give the layers names of their own."
            )
        seen.add(variable.path)
        *parts, last = variable.path.split("/")
        inner = tree
        for part in parts:
            inner = inner.setdefault(part, {})
        inner[last] = variable.numpy() if value_format == "numpy_array" else variable.value
    return tree


def _at(tree: Any, parts: list[str]) -> Any:
    """What a tree has under a path, or None."""
    for part in parts:
        if not isinstance(tree, Mapping) or part not in tree:
            return None
        tree = tree[part]
    return None if isinstance(tree, Mapping) else tree
