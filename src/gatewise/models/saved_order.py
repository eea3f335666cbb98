"""Where files keep the weights of a layer and of all layers inside it: the order of Keras 2, the places of Keras 3.

Readers match by these, and who writes a file writes by them. Both hold for the model as it is now: what is frozen
stands elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from gatewise.base.variable import Variable
from gatewise.layer import Layer

Owned: TypeAlias = tuple[Layer, Variable]
"""A weight with the layer that owns it."""

Place: TypeAlias = tuple[list[str], Layer, list[Variable]]


# -- by layer ---------------------------------------------------------------------------------------------------------


def saved_order(layer: Layer) -> list[Owned]:
    """The weights in the order in which files list them under the layer's name: trainable ones first.

    >>> import gatewise as gw
    >>> layer = gw.layers.Bidirectional(gw.layers.LSTM(3, use_bias=False, name="rnn"))
    >>> layer.build((None, 5, 4))
    >>> [f"{owner.name}: {variable.name}" for owner, variable in saved_order(layer)][:3]
    ['forward_rnn: kernel', 'forward_rnn: recurrent_kernel', 'backward_rnn: kernel']
    """
    pairs = _trainable(layer) + _others(layer)
    return list({id(variable): (owner, variable) for owner, variable in pairs}.values())


def own_order(layer: Layer) -> list[Owned]:
    """The weights of the layer itself, without those of layers inside: trainable ones first."""
    return _own(layer, True) + _own(layer, False)


def _own(layer: Layer, trainable: bool) -> list[Owned]:
    return [(layer, variable) for variable in layer._variables if variable.trainable == trainable]


def _trainable(layer: Layer) -> list[Owned]:
    if not layer.trainable:
        return []
    inner = [pair for child in layer._sublayers for pair in _trainable(child)]
    return inner + _own(layer, True) if layer.is_model else _own(layer, True) + inner


def _others(layer: Layer) -> list[Owned]:
    """What training leaves alone: all that a frozen layer holds, and moving averages and their like."""
    frozen = [] if layer.trainable else _own(layer, True)
    inner = [pair for child in layer._sublayers for pair in _others(child)]
    if layer.is_model:
        thawed = [] if layer.trainable else [pair for child in layer._sublayers for pair in _trainable(child)]
        return thawed + frozen + inner + _own(layer, False)
    if not layer.trainable:
        inner = [pair for child in layer._sublayers for pair in saved_order(child)]
    return frozen + _own(layer, False) + inner


# -- by place ---------------------------------------------------------------------------------------------------------


def saved_places(model: Layer) -> Iterator[Place]:
    """Every layer that has weights of its own: where a file may hold them, and the weights in the file's order.

    That is the layout of Keras 3's `save_weights("name.weights.h5")`, which tf_keras 2.12 and later write too:

        layers/KIND/vars                the weights of a layer; KIND is its class: "dense", then "dense_1"
        layers/KIND/cell/vars           of a recurrent layer
        layers/KIND/ATTRIBUTE/vars      of a layer that another holds: "forward_layer"
        layers/KIND/layers/KIND/...     of a model inside a model

    A layer's weights are its own trainable ones and then its others, whether it is frozen or not. There is more than
    one place inside a model of a user's own class: Keras takes its attributes and its list of layers in an order that
    changed, and stores a layer where it first comes upon it.
    """
    yield from _places(model, [""], set())


def _places(layer: Any, above: list[str], seen: set[int]) -> Iterator[Place]:
    if id(layer) in seen:
        return  # A layer that several models share is stored at the first.
    seen.add(id(layer))
    own = [variable for _, variable in own_order(layer)]
    if own:
        yield [path + layer.own_place for path in above], layer, own
    listed = {id(inner): f"layers/{name}/" for name, inner in _named(layer.layers)} if layer.is_model else {}
    for step, inner in _steps(layer):
        steps = {step, listed.get(id(inner), step)}
        yield from _places(inner, [path + each for path in above for each in sorted(steps)], seen)


def _steps(layer: Any) -> Iterator[tuple[str, Layer]]:
    """The layers directly inside, with the step from here to there."""
    if layer.is_drawn:
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


def _named(layers: Iterable[Layer]) -> Iterator[tuple[str, Layer]]:
    counts: dict[str, int] = {}
    for layer in layers:
        kind = _snake_case(type(layer).__name__)
        count = counts.get(kind, 0)
        counts[kind] = count + 1
        yield (f"{kind}_{count}" if count else kind), layer


def _snake_case(name: str) -> str:
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()
