"""What belongs to what in a checkpoint of TensorFlow 2: objects, the names under which they hold others, and arrays.

A model's node leads by "layer_with_weights-0", "cell" and "kernel" to an array. The array's own key need not say so: a
SavedModel calls it "variables/3". Source: TensorFlow's `trackable_object_graph.proto`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from gatewise.formats.contents import Stored, StoredLayer
from gatewise.formats.tensorflow.bundle import Bundle
from gatewise.formats.wire import Message

GRAPH: Final = "_CHECKPOINTABLE_OBJECT_GRAPH"
_VALUE: Final = "VARIABLE_VALUE"
_SEED: Final = "seed_generator_state"
_DEEPEST: Final = 60
_LAYER: Final = "layer-"
_WEIGHED: Final = "layer_with_weights-"
_NOT_OF_LAYERS: Final = (
    "optimizer", "keras_api", "save_counter", "variables", "trainable_variables", "signatures", "_random_generator",
    "seed_generator", "_seed_generators",
)  # fmt: skip


class Objects:
    """The objects of a checkpoint.

    Raises:
        ValueError: a graph that is damaged.
    """

    def __init__(self, bundle: Bundle, graph: bytes) -> None:
        self._bundle = bundle
        try:
            nodes = [*Message(graph).messages(1)]
            self._children = [{each.text(2): each.number(1) for each in node.messages(1)} for node in nodes]
            attributes = [[*node.messages(2)] for node in nodes]
        except ValueError as error:
            raise bundle.error(f"what belongs to what is damaged: {error}.") from None
        if any(child >= len(nodes) for children in self._children for child in children.values()) or not nodes:
            raise bundle.error("what belongs to what is damaged: an object is not there.")
        self._keys = [{each.text(1): each.text(3) for each in found} for found in attributes]
        self._full_names = [{each.text(3): each.text(2) for each in found} for found in attributes]

    def at(self, path: tuple[str, ...]) -> Stored | None:
        """The array to which the names lead from the model; None where they lead nowhere."""
        node = 0
        for name in path:
            following = self._held(node, name)
            if following is None:
                return None
            node = following
        key = self._keys[node].get(_VALUE)
        return None if key is None or key not in self._bundle.entries else self._bundle.stored(key)

    def _held(self, node: int, name: str) -> int | None:
        """The object that another holds under a name; None where there is none."""
        children = self._children[node]
        if name in children or not name.startswith(_WEIGHED):
            return children.get(name)
        # A model that got its weights late, in TensorFlow 2.0 to 2.2, numbers all of its layers and not those alone.
        numbered = (children[key] for key in sorted(children, key=_place_of_layer) if _place_of_layer(key) >= 0)
        weighed = [child for child in numbered if next(self._below(child, "", {0}), None) is not None]
        place = name.removeprefix(_WEIGHED)
        return weighed[int(place)] if place.isdecimal() and int(place) < len(weighed) else None

    def listed_variables(self) -> tuple[Stored, ...] | None:
        """The variables in the model's order, where it is none of Keras 2 but a list of them: as Keras 3 exports it."""
        children = self._children[0]
        if "variables" not in children or "keras_api" in children:
            return None
        found = []
        for node in self._children[children["variables"]].values():
            key = self._keys[node].get(_VALUE, "")
            name = self._full_names[node].get(key, key)
            if key in self._bundle.entries and not name.endswith(_SEED):
                found.append(replace(self._bundle.stored(key), name=name))
        return tuple(found)

    def layers(self) -> Iterator[StoredLayer]:
        """What the model holds directly, with all arrays below each."""
        seen = {0}  # A layer is held by more than one name; the first one counts.
        for name, node in self._children[0].items():
            if name not in _NOT_OF_LAYERS and (found := tuple(self._below(node, name, seen))):
                yield StoredLayer(name, found)

    def _below(self, node: int, path: str, seen: set[int], depth: int = 0) -> Iterator[Stored]:
        if node in seen or depth > _DEEPEST:
            return
        seen.add(node)
        key = self._keys[node].get(_VALUE)
        if key is not None and key in self._bundle.entries:
            yield replace(self._bundle.stored(key), name=path)
        for name, child in self._children[node].items():
            if name not in _NOT_OF_LAYERS:
                yield from self._below(child, f"{path}/{name}", seen, depth + 1)


def _place_of_layer(name: str) -> int:
    """3 of "layer-3"; -1 of another name."""
    place = name.removeprefix(_LAYER)
    return int(place) if place != name and place.isdecimal() else -1
