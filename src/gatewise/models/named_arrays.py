"""Arrays with names of another library's into a model: which becomes which weight, shown before it is taken."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gatewise.base.variable import Variable, all_or_nothing
from gatewise.formats import ByAttribute, ByName, Stored, open_contents
from gatewise.layer import Layer
from gatewise.models import torch_modules
from gatewise.models.tensorflow1 import weights as tensorflow1
from gatewise.models.torch_modules import Unit


@dataclass(frozen=True)
class Taken:
    """One layer's share: the arrays' names, and the layer's new values."""

    layer: Layer
    names: list[str]
    values: list[np.ndarray]


class Match:
    """Which arrays become which weights; nothing is changed before `apply`.

    Attributes:
        model: that is to have the weights.
        taken: a share for each layer with weights.
        left: the names of arrays that nothing takes.
    """

    def __init__(self, model: Any, taken: list[Taken], left: list[str]) -> None:
        self.model = model
        self.taken = taken
        self.left = left

    def apply(self) -> None:
        """Give the model its weights, all at once."""
        with all_or_nothing():
            for share in self.taken:
                for variable, value in zip(share.layer.weights, share.values, strict=True):
                    variable.assign(value)

    def __str__(self) -> str:
        lines = [(share.layer.name, f"{_shapes(share.layer)}  from {', '.join(share.names)}") for share in self.taken]
        if self.left:
            lines.append(("(left over)", ", ".join(self.left)))
        return "\n".join(f"{first:<24} {rest}" for first, rest in lines)

    __repr__ = __str__


def _shapes(layer: Layer) -> str:
    return " ".join("x".join(map(str, weight.shape)) or "()" for weight in layer.weights)


def load_weights_from(model: Any, source: Any, names: Mapping[str, str] | None = None, show: bool = True) -> Match:
    """Give a model weights that another library named, after showing which becomes which.

    Arrays that belong together by PyTorch's names (`lstm.weight_ih_l0`, `fc.bias`) become layers as
    `models/torch_modules.py` says: each layer of the model takes the first module of its kind and size that no layer
    before it took. Where names say nothing, arrays are taken in their order, if their shapes are those of the weights.

    Args:
        model: built.
        source: a file (`.pt`, `.safetensors`, `.npz`, a checkpoint, a SavedModel), or a dict of arrays by name, as
            `module.state_dict()`.
        names: for layers of the model, by name, the module or the arrays that become it, where the order does not say
            it: {"encoder": "rnn"}, or {"head": "fc.weight fc.bias"} in the order of the layer's weights. A name of
            TensorFlow 1's may be that of a cell, or what a cell stands below: {"encoder": "rnn/lstm_cell"}; which
            cells become which layers, `models/tensorflow1/weights.py` says.
        show: whether the table is printed.

    Returns:
        What was taken; `str` of it is the table.

    Raises:
        ValueError: where something is missing or does not fit; the model is as it was.

    >>> import gatewise as gw
    >>> model = gw.Sequential([gw.Input((5, 3)), gw.layers.SimpleRNN(2, name="rnn")])
    >>> arrays = {"r.weight_ih_l0": np.ones((2, 3)), "r.weight_hh_l0": np.ones((2, 2))}
    >>> arrays |= {"r.bias_ih_l0": np.ones(2), "r.bias_hh_l0": np.ones(2)}
    >>> match = load_weights_from(model, arrays)
    rnn                      3x2 2x2 2  from r.weight_ih_l0, r.weight_hh_l0, r.bias_ih_l0, r.bias_hh_l0
    >>> model.get_weights()[2].tolist()
    [2.0, 2.0]
    """
    match = match_weights(model, source, names)
    if show:
        print(match)
    match.apply()
    return match


def match_weights(model: Any, source: Any, names: Mapping[str, str] | None = None) -> Match:
    """What `load_weights_from` would do."""
    if not model.built:
        raise ValueError(f"{model.label} is not built: make it with a shape (Input), or call it on data, first.")
    if isinstance(source, (str, bytes, os.PathLike)):
        with open_contents(source) as contents:
            weights = contents.needed_weights()
            if isinstance(weights, ByAttribute):
                arrays = [array for held in weights.listed() for array in held.arrays]
            elif isinstance(weights, ByName):
                arrays = list(weights.arrays)
            else:
                raise contents.error("the file's weights are in a layout of Keras's: model.load_weights takes them.")
            try:
                return _matched(model, arrays, dict(names or {}))
            except ValueError as error:
                if contents.told(error):
                    raise
                raise contents.error(str(error)) from None
    return _matched(model, _stored(source), dict(names or {}))


def _stored(source: Any) -> list[Stored]:
    """A dict of arrays, or of a live module's tensors."""
    if hasattr(source, "state_dict"):
        source = source.state_dict()
    if not isinstance(source, Mapping):
        raise ValueError(f"Expected a file, or a dict of arrays by name, but a {type(source).__name__} came.")
    found = []
    for name, value in source.items():
        array = _array(value)
        if array.dtype.kind not in "biuf":
            raise ValueError(f"The array {name!r} holds {array.dtype}, and no numbers.")
        found.append(Stored(str(name), array.shape, array.dtype.name, partial(np.asarray, array)))
    return found


def _array(value: Any) -> np.ndarray:
    if hasattr(value, "detach"):  # A tensor of PyTorch's, perhaps on another device.
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
        return np.asarray(value.numpy())
    return np.asarray(value)


def _matched(model: Any, arrays: list[Stored], names: dict[str, str]) -> Match:
    layers = [layer for layer in _leaves(model) if layer.weights]
    unknown = names.keys() - {layer.name for layer in layers}
    if unknown:
        raise ValueError(f"{model.label} has no layer with weights named {sorted(unknown)[0]!r}.")
    units = torch_modules.units(arrays)
    if not names and not any(unit.kind for unit in units):
        return _in_order(model, layers, arrays)
    waiting = list(units)
    taken = []
    for layer in layers:
        share = _chosen(layer, names[layer.name], waiting, arrays) if layer.name in names else _first(layer, waiting)
        taken.append(share)
    used = {name for share in taken for name in share.names}
    return Match(model, taken, [array.name for array in arrays if array.name not in used])


def _leaves(model: Any) -> list[Layer]:
    """The layers that a unit can become: those of models inside too."""
    found: list[Layer] = []
    for layer in model.layers:
        found += _leaves(layer) if layer.is_model else [layer]
    return list({id(layer): layer for layer in found}.values())


def _first(layer: Layer, waiting: list[Unit]) -> Taken:
    """The first unit that fits, which waits no longer."""
    unit = next((unit for unit in waiting if torch_modules.fits(layer, unit)), None)
    if unit is None:
        raise ValueError(_nothing_fits(layer, waiting))
    waiting.remove(unit)
    return _of_unit(layer, unit)


def _of_unit(layer: Layer, unit: Unit) -> Taken:
    values = torch_modules.converted(layer, {name: array.read() for name, array in unit.tensors.items()})
    return Taken(layer, [array.name for array in unit.tensors.values()], values)


def _chosen(layer: Layer, what: str, waiting: list[Unit], arrays: list[Stored]) -> Taken:
    """The module of this name, or the arrays."""
    unit = next((unit for unit in waiting if unit.name == what), None)
    if unit is not None:
        if not torch_modules.fits(layer, unit):
            raise ValueError(f"{layer.label} cannot be made of {_words(unit)}; its weights are {_shapes(layer)}.")
        waiting.remove(unit)
        return _of_unit(layer, unit)
    by_name = {array.name: array for array in arrays}
    parts = what.split()
    found = {part: [by_name[part]] if part in by_name else tensorflow1.below(part, arrays) for part in parts}
    if missing := [part for part in parts if not found[part]]:
        known = ", ".join(dict.fromkeys([unit.name for unit in waiting] + list(by_name)))
        raise ValueError(f"{layer.label}: there is no {missing[0]!r}; there are {known}.")
    chosen = [array for part in parts for array in found[part]]
    values = tensorflow1.converted(layer, chosen)
    if values is not None:
        return Taken(layer, [array.name for array in chosen], values)
    return _as_they_are(layer, _in_the_order_of(layer, chosen))


def _in_the_order_of(layer: Layer, arrays: list[Stored]) -> list[Stored]:
    """As the layer's weights are called, where these are the ends of the names; else as they came."""
    ends = {array.name.rpartition("/")[2].removeprefix("_"): array for array in arrays}
    wanted = [weight.name for weight in layer.weights]
    return [ends[name] for name in wanted] if len(arrays) == len(wanted) and ends.keys() == set(wanted) else arrays


def _as_they_are(layer: Layer, arrays: list[Stored]) -> Taken:
    if [array.shape for array in arrays] != [weight.shape for weight in layer.weights]:
        shown = ", ".join(f"{array.name} {array.shape}" for array in arrays)
        raise ValueError(f"{layer.label} has weights of the shapes {_shapes(layer)}, but {shown} came.")
    return Taken(layer, [array.name for array in arrays], [array.read() for array in arrays])


def _in_order(model: Any, layers: list[Layer], arrays: list[Stored]) -> Match:
    """Arrays whose names say nothing: one behind the other."""
    wanted: list[tuple[Layer, Variable]] = [(layer, weight) for layer in layers for weight in layer.weights]
    for (layer, weight), array in zip(wanted, arrays, strict=False):
        if weight.shape != array.shape:
            raise ValueError(
                f"In order, the array {array.name!r} {array.shape} would become {weight.name!r} {weight.shape} of "
                f"{layer.label}. Say which arrays become it: names={{{layer.name!r}: 'first second ...'}}."
            )
    if len(wanted) != len(arrays):
        raise ValueError(f"{model.label} has {len(wanted)} weights, but {len(arrays)} arrays came.")
    rest = iter(arrays)
    taken = [_as_they_are(layer, [next(rest) for _ in layer.weights]) for layer in layers]
    return Match(model, taken, [])


def _nothing_fits(layer: Layer, waiting: list[Unit]) -> str:
    if torch_modules.conversion_of(layer) is None:
        return f"{layer.label} has no counterpart in PyTorch that is known here: say its arrays in names=."
    left = "; ".join(map(_words, waiting)) or "none"
    return (
        f"{layer.label} with weights {_shapes(layer)} finds no module of its kind and size. Left are: {left}. "
        f"names={{{layer.name!r}: 'module'}} says which it is."
    )


def _words(unit: Unit) -> str:
    shapes = " ".join("x".join(map(str, array.shape)) for array in unit.tensors.values())
    return f"{unit.name} ({unit.kind or 'unknown'}, {shapes})"
