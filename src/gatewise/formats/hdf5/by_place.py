"""Weights alone in the layout of Keras 3's `save_weights("name.weights.h5")`, which tf_keras 2.12 and later write too.

    /layers/KIND/vars/0              the first weight of a layer; KIND is its class: "dense", then "dense_1"

`models/saved_order.py` says which places there are. Neither versions nor names of weights are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from gatewise.formats.contents import Stored, StoredLayer
from gatewise.formats.hdf5.access import Group, Met
from gatewise.formats.places import OF_WORDS

_DEEPEST: Final = 100


def is_vars_layout(root: Group) -> bool:
    """Whether the file has this layout rather than that of `layer_names`."""
    return not root.has_names("layer_names") and (root.holds("layers") or root.holds("vars"))


def arrays(root: Group, path: str) -> list[Stored]:
    """The arrays at a place, in order; none where there is no such place.

    Raises:
        ValueError: where they are not numbered from 0, or are not plain numbers.
    """
    return joined([root], path)


def joined(roots: Iterable[Group], path: str) -> list[Stored]:
    """The arrays at a place that is spread over files, in the order of their numbers over all.

    Raises:
        ValueError: where they are not numbered from 0, two have one number, or they are not plain numbers.
    """
    held: dict[str, Group] = {}
    for group in filter(None, (_at(root, path) for root in roots)):
        for name in group.inside():
            if held.setdefault(name, group) is not group:
                raise group.source.error(f"two files have an array {path}/{name}: they do not belong together.")
    if list(held) == [OF_WORDS]:
        return [held[OF_WORDS].stored(OF_WORDS)]
    some = next(iter(held.values()), None)
    return [held.get(str(k), some).stored(str(k)) for k in range(len(held)) if some is not None]


def _at(root: Group, path: str) -> Group | None:
    here = root
    for name in path.split("/"):
        if not here.holds(name):
            return None
        here = here.group(name)
    return here


def layers(root: Group) -> Iterator[StoredLayer]:
    """The layers directly in the model, by their names in the file, with all arrays below each."""
    met = Met(root.source)
    met.add(root.raw, "")
    if root.holds("layers"):
        group = root.group("layers", met)
        yield from (StoredLayer(name, _below(group.group(name, met), met)) for name in group.inside())
    for name in root.inside():  # What a model of a user's own class holds outside its list of layers.
        if name not in ("layers", "optimizer", "metrics") and (found := _below(root.group(name, met), met)):
            yield StoredLayer(name, found)


def _below(group: Group, met: Met) -> tuple[Stored, ...]:
    """All arrays below a group, each met once."""
    found: list[Stored] = []
    waiting = [(group, "")]
    while waiting:
        here, path = waiting.pop()
        if path.count("/") > _DEEPEST:
            raise group.source.error(f"there are more than {_DEEPEST} groups inside each other below {group.where!r}.")
        names = sorted(here.inside(), key=lambda name: (len(name), name))
        groups = [name for name in names if here.leads_to_group(name)]
        among = set(groups)
        found += [replace(here.stored(name, met), name=path + name) for name in names if name not in among]
        waiting += [(here.group(name, met), f"{path}{name}/") for name in reversed(groups)]
    return tuple(found)
