"""Weights by the names of layers, as all Keras up to 2.15 writes them, and Keras 3 in whole models.

    /model_weights           attribute: layer_names
    /model_weights/LAYER     attribute: weight_names; the arrays lie below, at those names

A layer's arrays are all trainable ones, then all others; for a model inside a model likewise, over all its layers.
"""

from __future__ import annotations

from gatewise.formats.contents import ByLayer, Stored, StoredLayer
from gatewise.formats.hdf5.access import Group, Met

_TOP_LEVEL = "top_level_model_weights"


def place(root: Group) -> Group:
    """Where the weights are: below `model_weights` in a whole model, at the root in a file of weights alone.

    Raises:
        ValueError: where they are at neither place.
    """
    if root.has_names("layer_names"):
        return root
    if not root.holds("model_weights"):
        raise root.source.error("the file holds no weights: it has neither layer_names nor model_weights.")
    weights = root.group("model_weights")
    if not weights.has_names("layer_names"):
        raise root.source.error("'/model_weights' has no layer_names: the file is not complete.")
    return weights


def weights(group: Group) -> ByLayer:
    """The arrays at that place, all of them checked.

    Raises:
        ValueError: an array that is missing, or is not plain numbers.
    """
    met = Met(group.source)
    layers = [StoredLayer(name, _arrays(group.group(name, met), met)) for name in group.names("layer_names")]
    own = _arrays(group.group(_TOP_LEVEL, met), met) if group.holds(_TOP_LEVEL) else None
    return ByLayer(tuple(layers), own)


def optimizer(root: Group) -> tuple[Stored, ...]:
    """The optimizer's state in a whole model.

    Raises:
        ValueError: an array that is missing, or is not plain numbers.
    """
    met = Met(root.source)
    return _arrays(root.group("optimizer_weights", met), met) if root.holds("optimizer_weights") else ()


def _arrays(group: Group, met: Met) -> tuple[Stored, ...]:
    return tuple(group.stored(name, met) for name in group.names("weight_names"))
