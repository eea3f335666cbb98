"""Models that have not seen data, built so that a file's weights fit."""

from __future__ import annotations

from typing import Any

from gatewise.base import structure
from gatewise.base.typing import Config, Shape
from gatewise.base.variable import placeholders
from gatewise.formats import ByLayer, Contents
from gatewise.graph import Input
from gatewise.models.matching import Matching, stored_layers


def build_to_fit(contents: Contents, model: Any) -> None:
    """Build a model whose first layer can tell its input's shape from the first stored kernel.

    Each shape that it could be is tried on a copy, so that a wrong guess leaves no trace.

    Raises:
        ValueError: where no shape fits.
    """
    weights = contents.needed_weights()
    if not isinstance(weights, ByLayer):
        raise contents.error(
            f"{model.label} is not built. Make it in code with a shape (in a Sequential: start with Input) or call it "
            "on data, then call load_weights with this file."
        )
    for shape in _possible_inputs(model, weights):
        if _fits(contents, model, weights, shape):
            model.build(shape)
            return
    raise contents.error(
        f"{model.label} is not built, and its input's shape cannot be told from the weights. Make it in code with a "
        "shape (in a Sequential: start with Input) or call it on data, then call load_weights with this file."
    )


def build_as_saved(config: Config, model: Any) -> bool:
    """Build a model of a user's own class for the shapes that its file names; False where it names none."""
    shapes = (config.get("build_config") or {}).get("input_shape")
    if shapes is None:
        return False
    model(structure.map_structure(lambda shape: Input(batch_shape=tuple(shape)), shapes, leaf=structure.is_shape))
    return bool(model.built)


def _possible_inputs(model: Any, weights: ByLayer) -> list[Shape]:
    first = next(iter(stored_layers(weights)), None)
    found: list[Shape] = [] if first is None else model.inputs_for(first.arrays[0].shape)
    return found


def _fits(contents: Contents, model: Any, weights: ByLayer, shape: Shape) -> bool:
    with placeholders():
        trial = type(model).from_config(model.get_config())
        try:
            trial.build(shape)
            Matching(contents, trial).in_order(weights)
        except (ValueError, TypeError):
            return False
    return True
