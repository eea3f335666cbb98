"""Where files keep the weights of a layer and of all layers inside it: the order of Keras 2, the places of Keras 3,
the attributes of TensorFlow's checkpoints.

Readers match by these, and who writes a file writes by them. Both hold for the model as it is now: what is frozen
stands elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from gatewise.base.release import Release
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


# -- by attribute -----------------------------------------------------------------------------------------------------


def attribute_paths(model: Layer) -> Iterator[tuple[tuple[str, ...], Layer, dict[str, Variable]]]:
    """Every layer that has weights of its own: the names that lead to it in a checkpoint of TensorFlow 2, and its
    weights by theirs.

    A model holds its layers as "layer_with_weights-0", "-1" and so on, others by their attributes, lists by places:

        layer_with_weights-1/forward_layer/cell/kernel

    >>> import gatewise as gw
    >>> model = gw.Sequential([gw.Input((5, 4)), gw.layers.Dropout(0.5), gw.layers.GRU(3)])
    >>> [("/".join(path), [*weights]) for path, _, weights in attribute_paths(model)]
    [('layer_with_weights-0/cell', ['kernel', 'recurrent_kernel', 'bias'])]
    """
    yield from _attributed(model, (), set())


def _attributed(
    layer: Any, above: tuple[str, ...], seen: set[int]
) -> Iterator[tuple[tuple[str, ...], Layer, dict[str, Variable]]]:
    if id(layer) in seen:
        return
    seen.add(id(layer))
    names = {id(value): name for name, value in vars(layer).items() if isinstance(value, Variable)}
    own = {names.get(id(variable), variable.name): variable for _, variable in own_order(layer)}
    if own:
        yield (*above, *layer.own_place.split("/")[:-1]), layer, own
    for path, inner in held(layer):
        yield from _attributed(inner, (*above, *path), seen)


def held(layer: Any) -> Iterator[tuple[tuple[str, ...], Layer]]:
    """The layers directly inside, with the names that lead there."""
    if layer.is_drawn:
        with_weights = [inner for inner in layer.layers if inner.weights]
        yield from (((f"layer_with_weights-{place}",), inner) for place, inner in enumerate(with_weights))
        return
    for attribute in sorted(set(vars(layer)) - _KEPT_BY_EVERY_LAYER):
        yield from _held_in(vars(layer)[attribute], (attribute,))


def _held_in(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Layer]]:
    if isinstance(value, Layer):
        yield path, value
    elif isinstance(value, (list, tuple)):
        for place, part in enumerate(value):
            yield from _held_in(part, (*path, str(place)))
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _held_in(part, (*path, str(key)))


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
    for above, layer in layers_by_place(model):
        own = [variable for _, variable in own_order(layer)]
        if own:
            yield [path + layer.own_place for path in above], layer, own


def layers_by_place(model: Layer) -> Iterator[tuple[list[str], Layer]]:
    """Every layer, with the places below which a file may hold what is its own: "layers/dense/"."""
    yield from _places(model, [""], set())


def _places(layer: Any, above: list[str], seen: set[int]) -> Iterator[tuple[list[str], Layer]]:
    if id(layer) in seen:
        return  # A layer that several models share is stored at the first.
    seen.add(id(layer))
    yield above, layer
    listed = _listed_steps(layer)
    for step, inner in _steps(layer):
        steps = {step, listed.get(id(inner), step), _step_of_keras2(layer, step)}
        yield from _places(inner, [path + each for path in above for each in sorted(steps)], seen)


def written_places(model: Layer, of: Release = "keras3") -> Iterator[tuple[str, str, list[Variable]]]:
    """The places as Keras 3.15 or tf_keras write them, those without weights too: path, the name that stands there,
    weights.

    >>> import gatewise as gw
    >>> model = gw.Sequential([gw.Input((5, 4)), gw.layers.GRU(3, name="rnn")], name="small")
    >>> [(place, name, len(weights)) for place, name, weights in written_places(model)][-2:]
    [('layers/gru/vars', 'rnn', 0), ('layers/gru/cell/vars', 'gru_cell', 3)]
    """
    yield from _written(model, "", of, set())


def _written(layer: Any, above: str, of: Release, seen: set[int]) -> Iterator[tuple[str, str, list[Variable]]]:
    if id(layer) in seen:
        return
    seen.add(id(layer))
    own = [variable for _, variable in own_order(layer)]
    if layer.own_place == _VARS:
        yield above + _VARS, layer.name, own
    else:
        yield above + _VARS, layer.name, []
        yield above + layer.own_place, cell_name(layer), own
    listed = {} if layer.is_drawn else _listed_steps(layer)
    for step, inner in _steps(layer):
        # A user's own model is walked by its attributes in the order of their names, and `layers` is one of them.
        first = step if step < "layers/" and not step.startswith("_") else listed.get(id(inner), step)
        first = first if of == "keras3" else _step_of_keras2(layer, first)
        yield from _written(inner, above + first, of, seen)


_VARS = Layer.own_place


def cell_name(layer: Layer) -> str:
    """What Keras calls the cell of a recurrent layer: "lstm_cell"."""
    return getattr(layer, "cell_name", f"{_snake_case(type(layer).__name__)}_cell")


def _listed_steps(layer: Any) -> dict[int, str]:
    """The steps to the layers of a model by way of its list of layers, by id."""
    return {id(inner): f"layers/{name}/" for name, inner in _named(layer.layers)} if layer.is_model else {}


def _steps(layer: Any) -> Iterator[tuple[str, Layer]]:
    """The layers directly inside, with the step from here to there: private attributes last."""
    if layer.is_drawn:
        yield from ((f"layers/{name}/", inner) for name, inner in _named(layer.layers))
        return
    kept = set(vars(layer)) - _KEPT_BY_EVERY_LAYER
    for attribute in sorted(kept, key=lambda name: (name.startswith("_"), name)):
        value = vars(layer)[attribute]
        if isinstance(value, Layer):
            yield f"{attribute}/", value
        else:
            yield from _inside(value, f"{attribute}/")


def _step_of_keras2(layer: Any, step: str) -> str:
    return f"_{step}" if step.rstrip("/") in layer.private_in_keras2 else step


def _inside(container: Any, above: str) -> Iterator[tuple[str, Layer]]:
    """The layers in a list, tuple or dict, and in those inside it."""
    if not isinstance(container, (list, tuple, dict)):
        return
    parts = container.values() if isinstance(container, dict) else container
    for name, part in _named(part for part in parts if isinstance(part, (Layer, list, tuple, dict))):
        if isinstance(part, Layer):
            yield f"{above}{name}/", part
        else:
            yield from _inside(part, f"{above}{name}/")


_KEPT_BY_EVERY_LAYER = frozenset(vars(Layer(name="any")))


def _named(parts: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    held = list(parts)
    names = counted(type(part).__name__ if isinstance(part, Layer) else "container" for part in held)
    return zip(names, held, strict=True)


def counted(class_names: Iterable[str]) -> Iterator[str]:
    """The names that files by place give to the members of a list, by their classes.

    >>> list(counted(["Dense", "SimpleRNN", "Dense"]))
    ['dense', 'simple_rnn', 'dense_1']
    """
    counts: dict[str, int] = {}
    for class_name in class_names:
        kind = _snake_case(class_name)
        count = counts.get(kind, 0)
        counts[kind] = count + 1
        yield f"{kind}_{count}" if count else kind


def _snake_case(name: str) -> str:
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()
