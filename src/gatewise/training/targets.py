"""What `compile` was given, matched to the outputs of a model: a loss, its weight and the metrics of each.

The outputs are counted in the order of `structure.flatten`, and have names: the layers' in a drawn model, the keys of a
dict, or "output_1" and so on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from gatewise.base import release, structure
from gatewise.base.typing import Shape
from gatewise.base.words import nearest


class Outputs(NamedTuple):
    """The outputs of a model: their structure, names and shapes (with None for sizes that data decides).

    `own_names` are those of the layers, where one may stand twice; in `names` a number makes them distinct.
    """

    tree: Any
    names: tuple[str, ...]
    shapes: tuple[Shape, ...]
    own_names: tuple[str, ...]


class UnknownOutputError(ValueError, KeyError):
    """An argument names an output that is not there.

    Args:
        words: what is wrong.
        name: the one that is not there.
        names: those that are.
    """

    def __init__(self, words: str, name: Any, names: Any) -> None:
        super().__init__(f"{words}{nearest(str(name), [str(each) for each in names])}")

    def __str__(self) -> str:
        return str(self.args[0])


def outputs_of(model: Any, y_pred: Any) -> Outputs:
    """The outputs, from what a call gave."""
    leaves = structure.flatten(y_pred)
    given = list(getattr(model, "output_names", ())) if model.is_drawn else []
    if isinstance(y_pred, dict) and len(y_pred) == len(leaves):
        given = sorted(y_pred)
    if len(given) != len(leaves):
        given = [f"output_{place + 1}" for place in range(len(leaves))]
    return Outputs(
        structure.map_structure(lambda _: None, y_pred),
        tuple(_distinct(given)),
        tuple(_shapes(model, leaves)),
        tuple(given),
    )


def _shapes(model: Any, leaves: list[Any]) -> list[Shape]:
    if model.is_drawn:
        drawn = structure.flatten(model.output_shape, leaf=structure.is_shape)
        if len(drawn) == len(leaves):
            return [(None, *shape[1:]) for shape in drawn]
    return [(None, *(None for _ in leaf.shape[1:-1]), *leaf.shape[1:][-1:]) for leaf in leaves]


def _distinct(names: list[str]) -> list[str]:
    """The names, those that came before with a number."""
    return [f"{n}_{names[:k].count(n)}" if n in names[:k] else n for k, n in enumerate(names)]


def for_each(what: str, given: Any, outputs: Outputs, is_leaf: Callable[[Any], bool] | None = None) -> list[Any]:
    """What an argument says for each output: one for all, a list in their order, or a dict by name.

    Raises:
        ValueError: a list of another length, or a name that no output has.
    """
    names = outputs.names
    if isinstance(given, Mapping) and not (is_leaf is not None and is_leaf(given)):
        return by_name(what, given, outputs)
    if isinstance(given, (list, tuple)):
        if len(given) != len(names):
            raise ValueError(f"{what} has {len(given)} entries, but the model has {len(names)} outputs: {list(names)}.")
        return list(given)
    return [given for _ in names]


def by_name(what: str, given: Mapping[Any, Any], outputs: Outputs) -> list[Any]:
    """What a dict says for each output; None where it says nothing.

    Raises:
        UnknownOutputError: for a name that no output has.
    """
    for name in given:
        if name not in outputs.names:
            words = f"{what} names an output {name!r}, but the outputs are {list(outputs.names)}."
            raise UnknownOutputError(words, name, outputs.names)
    return [given.get(name) for name in outputs.names]


def arrays_for_each(what: str, given: Any, outputs: Outputs, wanted: list[bool], broadcast: bool = False) -> list[Any]:
    """The targets or weights of each output; None for one that has none.

    Args:
        what: as messages call them.
        given: an array, or a list, tuple or dict of them.
        wanted: which outputs need some; a list may hold only as many.
        broadcast: whether a single array is meant for every output.
    """
    if given is None:
        return [None for _ in outputs.names]
    if not structure.is_nested(given):
        if len(outputs.names) > 1 and not broadcast:
            raise ValueError(
                f"{what} is one array, but the model has {len(outputs.names)} outputs: {list(outputs.names)}."
            )
        return [given for _ in outputs.names]
    if isinstance(given, dict) and not (set(given) - set(outputs.names)):
        return [given.get(name) for name in outputs.names]
    leaves = structure.flatten(given)
    if isinstance(given, dict) and isinstance(outputs.tree, dict) and set(given) == set(outputs.tree):
        return for_each(what, leaves, outputs)
    if len(leaves) == sum(wanted) != len(wanted):
        following = iter(leaves)
        return [next(following) if each else None for each in wanted]
    if isinstance(given, dict):
        return for_each(what, given, outputs)
    return for_each(what, leaves, outputs)


def metrics_for_each(what: str, given: Any, outputs: Outputs) -> list[list[Any]]:
    """The metrics of each output: see Keras's `compile`.

    A flat list holds those of the only output; of several outputs it has one for each in Keras 3 (where the numbers are
    the same), and all for each else.
    """
    if given is None or (isinstance(given, (list, tuple, dict)) and not given):
        return [[] for _ in outputs.names]
    if isinstance(given, Mapping):
        return [_listed(each) for each in for_each(what, given, outputs)]
    given = _listed(given)
    nested = any(isinstance(each, (list, tuple)) or each is None for each in given)
    if len(outputs.names) == 1:
        return [[each for part in given for each in _listed(part)]]
    if nested or (len(given) == len(outputs.names) and release.current() == "keras3"):
        return [_listed(each) for each in for_each(what, given, outputs)]
    return [list(given) for _ in outputs.names]


def _listed(given: Any) -> list[Any]:
    return [] if given is None else list(given) if isinstance(given, (list, tuple)) else [given]
