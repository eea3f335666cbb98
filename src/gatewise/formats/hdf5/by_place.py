"""Weights alone in the layout of Keras 3's `save_weights("name.weights.h5")`, which tf_keras 2.12 and later write too.

    /layers/KIND/vars/0              the first weight of a layer; KIND is its class: "dense", then "dense_1"
    /layers/KIND/cell/vars/0         of a recurrent layer
    /layers/KIND/ATTRIBUTE/vars/0    of a layer that another holds: "forward_layer"
    /layers/KIND/layers/KIND/...     of a model inside a model

A layer's arrays are its own trainable weights and then its others, whether it is frozen or not. Neither versions nor
names of weights are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeAlias

from gatewise.base.variable import Variable
from gatewise.formats.hdf5.access import Group, Stored
from gatewise.layer import Layer
from gatewise.models import Functional, Model, Sequential
from gatewise.recurrent.base import RecurrentLayer

_MOST_GROUPS = 10_000


def is_vars_layout(root: Group) -> bool:
    """Whether the file has this layout rather than that of `layer_names`."""
    return not root.has_names("layer_names") and (root.holds("layers") or root.holds("vars"))


Place: TypeAlias = tuple[list[str], Layer, list[Variable]]


def places(model: Model) -> Iterator[Place]:
    """Every layer that has weights of its own: where a file may hold them, and the weights in the file's order.

    There is more than one place inside a model of a user's own class: Keras takes its attributes and its list of layers
    in an order that changed, and stores a layer where it first comes upon it.
    """
    yield from _places(model, [""], set())


def _places(layer: Layer, above: list[str], seen: set[int]) -> Iterator[Place]:
    if id(layer) in seen:
        return  # A layer that several models share is stored at the first.
    seen.add(id(layer))
    own = [v for flag in (True, False) for v in layer._variables if v.trainable == flag]
    if own:
        inside = "cell/vars" if isinstance(layer, RecurrentLayer) else "vars"
        yield [path + inside for path in above], layer, own
    listed = {id(inner): f"layers/{name}/" for name, inner in _named(layer.layers)} if isinstance(layer, Model) else {}
    for step, inner in _steps(layer):
        steps = {step, listed.get(id(inner), step)}
        yield from _places(inner, [path + each for path in above for each in sorted(steps)], seen)


def _steps(layer: Layer) -> Iterator[tuple[str, Layer]]:
    """The layers directly inside, with the step from here to there."""
    if isinstance(layer, (Functional, Sequential)):
        yield from ((f"layers/{name}/", inner) for name, inner in _named(layer.layers))
        return
    for attribute in sorted(set(vars(layer)) - _KEPT_BY_EVERY_LAYER):
        value = vars(layer)[attribute]
        if isinstance(value, Layer):
            yield f"{attribute}/", value
        elif isinstance(value, (list, tuple, dict)):
            parts = value.values() if isinstance(value, dict) else value
            named = _named(part for part in parts if isinstance(part, Layer))
            yield from ((f"{attribute}/{name}/", inner) for name, inner in named)


_KEPT_BY_EVERY_LAYER = frozenset(vars(Layer(name="any")))


def _named(layers: Any) -> Iterator[tuple[str, Layer]]:
    counts: dict[str, int] = {}
    for layer in layers:
        kind = _snake_case(type(layer).__name__)
        count = counts.get(kind, 0)
        counts[kind] = count + 1
        yield (f"{kind}_{count}" if count else kind), layer


def _snake_case(name: str) -> str:
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()


def arrays(root: Group, paths: list[str]) -> list[Stored]:
    """The arrays at the first of some places that has any, in order.

    Raises:
        ValueError: where they are not numbered from 0, or are not plain numbers.
    """
    return next((found for path in paths if (found := _arrays(root, path))), [])


def _arrays(root: Group, path: str) -> list[Stored]:
    here = root
    for name in path.split("/"):
        if not here.holds(name):
            return []
        here = here.group(name)
    return [here.stored(str(k)) for k in range(len(here.inside()))]


def described(root: Group) -> Iterator[tuple[str, list[Stored]]]:
    """The layers directly in the model, by their names in the file, with all arrays below each."""
    if root.holds("layers"):
        layers = root.group("layers")
        yield from ((name, _below(layers.group(name))) for name in layers.inside())
    for name in root.inside():  # What a model of a user's own class holds outside its list of layers.
        if name not in ("layers", "optimizer") and (found := _below(root.group(name))):
            yield name, found


def _below(group: Group) -> list[Stored]:
    """All arrays below a group. Groups may lead in circles, so there is an end to the patience with them."""
    found: list[Stored] = []
    waiting = [(group, "")]
    for _ in range(_MOST_GROUPS):
        if not waiting:
            return found
        here, path = waiting.pop()
        names = sorted(here.inside(), key=lambda name: (len(name), name))
        groups = [name for name in names if here.leads_to_group(name)]
        found += [replace(here.stored(name), name=path + name) for name in names if name not in groups]
        waiting += [(here.group(name), f"{path}{name}/") for name in reversed(groups)]
    raise group.source.error(f"there are more than {_MOST_GROUPS} groups below {group.where!r}: the file is damaged.")
