"""Which outputs each loss of `compile` compares: losses may be nested as the outputs are, and one may take several.

A function in the place of a structure of outputs is given the targets and outputs in that structure; a list in the
place of one output, or of a structure that is no list, holds several losses of the same outputs. Source: Keras 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from gatewise.base import structure
from gatewise.training.targets import Outputs, UnknownOutputError, by_name, for_each


class PlacedLoss(NamedTuple):
    """A loss, and what it is about.

    Attributes:
        loss: as `compile` was given it, or the `Loss` made of it.
        weight: what it is multiplied by, or None.
        places: the number of its output, or a structure of them.
        name: the outputs, as the logs call them.
    """

    loss: Any
    weight: Any
    places: Any
    name: str

    def of(self, leaves: list[Any]) -> Any:
        """What stands at its places: an array, or a structure of them."""
        return structure.map_structure(lambda place: leaves[place], self.places)

    @property
    def flat_places(self) -> list[int]:
        """The numbers of its outputs."""
        return structure.flatten(self.places)


def placed_losses(losses: Any, weights: Any, outputs: Outputs) -> list[PlacedLoss]:
    """The losses that are not None, with their weights, in the order of the outputs.

    Args:
        losses, weights: as `compile` takes them.
        outputs: the model's.

    Raises:
        ValueError, KeyError: for a structure that is not the outputs'.
    """
    if not _is_deep(losses, outputs):
        return [
            PlacedLoss(loss, weight, place, name)
            for place, (name, loss, weight) in enumerate(
                zip(
                    outputs.names,
                    for_each("loss", losses, outputs, is_leaf=is_config),
                    for_each("loss_weights", weights, outputs),
                    strict=True,
                )
            )
            if loss is not None
        ]
    asked = _with_weights(losses, weights)
    if isinstance(asked, Mapping) and not isinstance(outputs.tree, dict):
        asked = by_name("loss", asked, outputs)
    places = structure.rebuild(outputs.tree, iter(range(len(outputs.names))))
    return list(_placed(asked, places, (), outputs))


def is_config(given: Any) -> bool:
    """Whether a dict is the config of one loss."""
    return isinstance(given, Mapping) and "class_name" in given


def _is_deep(losses: Any, outputs: Outputs) -> bool:
    """Whether losses are nested deeper than one for each output."""
    if not structure.is_nested(losses) or is_config(losses):
        return False
    if isinstance(losses, dict) and isinstance(outputs.tree, dict) and len(outputs.tree) != len(outputs.names):
        return True
    parts = losses.values() if isinstance(losses, dict) else losses
    return any(structure.is_nested(part) and not is_config(part) for part in parts)


class _Asked(NamedTuple):
    """A loss and its weight: a leaf of the structure of losses."""

    loss: Any
    weight: Any


def _is_asked(part: Any) -> bool:
    return isinstance(part, _Asked)


def _is_inner(part: Any) -> bool:
    return structure.is_nested(part) and not _is_asked(part)


def _with_weights(losses: Any, weights: Any) -> Any:
    """The structure of losses, each with its weight."""
    leaves = structure.flatten(losses, is_config)
    own = [None] * len(leaves) if weights is None else structure.flatten(weights)
    if len(own) != len(leaves):
        raise ValueError(f"loss_weights has {len(own)} entries, but there are {len(leaves)} losses.")
    pairs = [None if loss is None else _Asked(loss, weight) for loss, weight in zip(leaves, own, strict=True)]
    return structure.rebuild(losses, iter(pairs), is_config)


def _placed(asked: Any, places: Any, path: tuple[Any, ...], outputs: Outputs) -> Iterator[PlacedLoss]:
    """The losses in a part of their structure, for the outputs at these places."""
    if asked is None:
        return
    if _is_asked(asked):
        yield PlacedLoss(asked.loss, asked.weight, places, _name(path, places, outputs))
        return
    listed = isinstance(asked, (list, tuple))
    if listed and not any(map(_is_inner, asked)) and len(asked) == len(structure.flatten(places)):
        yield from _parts(structure.rebuild(places, iter(asked)), places, path, outputs)
    elif listed and not isinstance(places, type(asked)):
        for each in asked:
            yield from _placed(each, places, path, outputs)
    else:
        yield from _parts(asked, places, path, outputs)


def _parts(asked: Any, places: Any, path: tuple[Any, ...], outputs: Outputs) -> Iterator[PlacedLoss]:
    if not _is_inner(asked):
        yield from _placed(asked, places, path, outputs)
        return
    by_key = dict(asked) if isinstance(asked, Mapping) else dict(enumerate(asked))
    there = places if isinstance(places, dict) else dict(enumerate(places)) if structure.is_nested(places) else {}
    for key, part in by_key.items():
        if part is None:
            continue
        if key not in there or isinstance(asked, Mapping) != isinstance(places, dict):
            where = "/".join(map(str, (*path, key)))
            raise UnknownOutputError(f"loss has an entry at {where!r}, where the model has no output.", key, there)
        yield from _placed(part, there[key], (*path, key), outputs)


def _name(path: tuple[Any, ...], places: Any, outputs: Outputs) -> str:
    """The path of keys; of the last place in a list or a tuple, the output's own name."""
    if not structure.is_nested(places) and (not path or isinstance(path[-1], int)):
        path = (*path[:-1], outputs.own_names[places])
    if path:
        return "/".join(map(str, path))
    inner = sorted(places) if isinstance(places, dict) else [outputs.own_names[k] for k in structure.flatten(places)]
    return "_".join(inner)
