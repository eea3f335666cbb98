"""Which array of a file becomes the value of which weight of a model.

Shapes are compared before any array is read, and all arrays are read before any weight is changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np

from gatewise.base.variable import Variable, all_or_nothing
from gatewise.formats import ByAttribute, ByLayer, ByName, ByPlace, Contents, Stored, StoredLayer
from gatewise.layer import Layer
from gatewise.models import gate_orders
from gatewise.models.saved_order import Owned, attribute_paths, own_order, saved_order, saved_places

Pair: TypeAlias = tuple[Variable, Stored]


def stored_layers(weights: ByLayer) -> list[StoredLayer]:
    """The layers of a file that have weights."""
    return [layer for layer in weights.layers if layer.arrays]


class Matching:
    """A model and what a file holds: the pairs of weights and arrays.

    Args:
        contents: of the file.
        model: that is to have its weights.
        skips: whether what does not fit is passed over, and said in `skipped`; else it is an error.
    """

    def __init__(self, contents: Contents, model: Any, skips: bool = False) -> None:
        self.contents = contents
        self.model = model
        self.skips = skips
        self.skipped: list[str] = []

    def of_config(self) -> list[Pair]:
        """For a model that was made of the file's own config."""
        weights = self._known()
        if not isinstance(weights, ByLayer):
            return self.by_path(weights)
        return self._by_names_of_config(weights) + self._own(weights)

    def of_code(self, by_name: bool) -> list[Pair]:
        """For a model that was made in code: in order, or where names are the same."""
        weights = self._known()
        if not isinstance(weights, ByLayer):
            return self.by_path(weights)
        return (self._by_given_name(weights) if by_name else self.in_order(weights)) + self._own(weights)

    def _known(self) -> ByLayer | ByPlace | ByAttribute:
        """The file's weights, if it is in one of Keras's layouts or ours."""
        weights = self.contents.needed_weights()
        if isinstance(weights, ByName):
            raise self.contents.error(
                f"the file holds {len(weights.arrays)} arrays under names of their own "
                f"({_listed(array.name for array in weights.arrays[:3])}, ...), and no layers of Keras's. "
                "gatewise.models.load_weights_from(model, path) takes them, and shows which becomes which."
            )
        return weights

    def assign(self, pairs: list[Pair]) -> None:
        """Read everything, then set everything: a file that fails half way changes nothing.

        Raises:
            ValueError: an array that is not what its file said.
        """
        values = [(variable, self._read(array)) for variable, array in pairs]
        with all_or_nothing():
            for variable, value in values:
                variable.assign(value)

    def _read(self, array: Stored) -> np.ndarray:
        value = array.read()
        if value.shape != array.shape or value.dtype.kind not in "biuf":
            raise self.contents.error(
                f"{array.name!r} was to hold numbers of the shape {array.shape}, but holds {value.dtype} of the shape "
                f"{value.shape}: the file is damaged."
            )
        return value

    # -- ways to match ------------------------------------------------------------------------------------------------

    def in_order(self, weights: ByLayer) -> list[Pair]:
        """The file's layers with weights and the model's, whatever their names."""
        found, layers = stored_layers(weights), self._with_weights()
        if len(found) != len(layers):
            ours, theirs = _listed(layer.name for layer in layers), _listed(stored.name for stored in found)
            raise self.contents.error(
                f"the model {self.model.name!r} has {len(layers)} layers with weights ({ours}), the file {len(found)} "
                f"({theirs}). Build the model as the one that was saved, or match by name those that both have: "
                "load_weights(path, by_name=True)."
            )
        pairs = zip(layers, found, strict=True)
        return [pair for layer, stored in pairs for pair in self._fitted(layer, stored, saved_order(layer))]

    def _by_names_of_config(self, weights: ByLayer) -> list[Pair]:
        """A whole model's file names the layers as its config does. Files that someone renamed go by order."""
        found = {stored.name: stored for stored in stored_layers(weights)}
        layers = self._with_weights()
        if {layer.name for layer in layers} != set(found) or len(layers) != len(found):
            return self.in_order(weights)
        return [pair for layer in layers for pair in self._fitted(layer, found[layer.name], saved_order(layer))]

    def _by_given_name(self, weights: ByLayer) -> list[Pair]:
        named: dict[str, list[Layer]] = {}
        for layer in self.model.layers:
            named.setdefault(layer.name, []).append(layer)
        return [
            pair
            for stored in weights.layers
            for layer in named.get(stored.name, ())
            for pair in self._fitted(layer, stored, saved_order(layer))
        ]

    def by_path(self, weights: ByPlace | ByAttribute) -> list[Pair]:
        """Each layer's own weights, found by where the layer stands in the model."""
        return self.by_place(weights) if isinstance(weights, ByPlace) else self._by_attribute(weights)

    def _by_attribute(self, weights: ByAttribute) -> list[Pair]:
        pairs: list[Pair] = []
        for path, layer, named in attribute_paths(self.model):
            found = {name: weights.at((*path, name)) for name in named}
            arrays = tuple(array for array in found.values() if array is not None)
            if not arrays and not pairs:
                raise self.contents.error(_of_other_objects(weights, path))
            wanted = [(layer, variable) for variable in named.values()]
            pairs += self._fitted(layer, StoredLayer("/".join(path), arrays), wanted)
        return pairs

    def by_place(self, weights: ByPlace) -> list[Pair]:
        """Each layer's own weights, at the first of its possible places where the file has any."""
        pairs = []
        for paths, layer, variables in saved_places(self.model):
            arrays = next((found for path in paths if (found := tuple(weights.at(path)))), ())
            stored = StoredLayer(" or ".join(paths), arrays)
            pairs += self._fitted(layer, stored, [(layer, variable) for variable in variables])
        return pairs

    def _own(self, weights: ByLayer) -> list[Pair]:
        """The weights that a model of the user's own class holds itself, outside its layers."""
        if weights.own is None:
            return []
        own = own_order(self.model)
        if [array.shape for array in weights.own] != [variable.shape for _, variable in own]:
            raise self.contents.error(
                f"the model {self.model.name!r} has {len(own)} weights of its own {[v.shape for _, v in own]}, "
                f"the file {len(weights.own)}: {[s.shape for s in weights.own]}."
            )
        return [(variable, array) for (_, variable), array in zip(own, weights.own, strict=True)]

    # -- one layer ----------------------------------------------------------------------------------------------------

    def _with_weights(self) -> list[Layer]:
        return [layer for layer in self.model.layers if saved_order(layer)]

    def _fitted(self, layer: Layer, stored: StoredLayer, wanted: list[Owned]) -> list[Pair]:
        """The wanted weights of a layer, each with the array that becomes its value."""
        arrays = gate_orders.merged_gates(layer, stored.arrays)
        if len(arrays) != len(wanted):
            self._does_not_fit(
                f"the layer {layer.label} has {len(wanted)} weights {[v.shape for _, v in wanted]}, "
                f"the file's {stored.name!r} has {len(arrays)}: {[s.shape for s in arrays]}."
            )
            return []
        pairs = []
        for (owner, variable), array in zip(wanted, self._converted(wanted, arrays), strict=True):
            if variable.shape == array.shape:
                pairs.append((variable, array))
                continue
            self._does_not_fit(
                f"the weight {variable.name!r} of the layer {layer.label} has the shape {variable.shape}, "
                f"the file's {array.name!r} in {stored.name!r} has {array.shape}."
                + gate_orders.advice(owner, variable.shape, array.shape)
            )
        return pairs

    def _does_not_fit(self, message: str) -> None:
        if not self.skips:
            raise self.contents.error(message)
        self.skipped.append(message)

    def _converted(self, wanted: list[Owned], arrays: tuple[Stored, ...]) -> list[Stored]:
        """The arrays in today's layout; each layer inside a wrapper or model is converted for itself."""
        places: dict[int, list[int]] = {}
        for place, (owner, _) in enumerate(wanted):
            places.setdefault(id(owner), []).append(place)
        result = list(arrays)
        for group in places.values():
            owner, own = wanted[group[0]][0], [arrays[place] for place in group]
            fresh = gate_orders.converted(owner, own, self.contents.backend)
            for place, array in zip(group, fresh, strict=True):
                result[place] = array
        return result


def _of_other_objects(weights: ByAttribute, path: tuple[str, ...]) -> str:
    held = _listed(layer.name for layer in weights.listed())
    return (
        f"the file has nothing at {'/'.join(path)!r}, where a model of Keras 2 has its first layer; it holds {held}. "
        "gatewise.models.load_weights_from(model, path) takes the arrays in their order, or by names=, and shows which "
        "becomes which."
    )


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    return ", ".join(shown[:20]) + (f" and {len(shown) - 20} more" if len(shown) > 20 else "") or "none"
