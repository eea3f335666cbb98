"""Models as configs: written in Keras 3's form, read in those of Keras 2.0 to 3.

Keras 3 writes each call of a layer as its `args` and `kwargs`, with a tensor as
`{"class_name": "__keras_tensor__", "config": {"keras_history": [layer, call, output]}}`. Keras 2 writes a call as a
list of `[layer, call, output, kwargs]`, with tensors among the kwargs as `[layer, call, output]`.

Calls are counted from 0, but those of a model inside another from 1, as such a model counts the drawing of itself as a
call: in Keras 2 everywhere, and in Keras 3 where the outer model names its outputs, and for functional models alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

from gatewise.base import release, structure
from gatewise.base.foreign import said, shown
from gatewise.base.registry import custom_object_scope
from gatewise.base.typing import Config
from gatewise.graph.graph import Graph, InputLayer
from gatewise.layer.serialization import deserialize_layer, serialize_layer
from gatewise.layer.symbolic import Node, SymbolicTensor


@contextmanager
def custom_objects(objects: Any) -> Iterator[None]:
    """Let names in configs mean the user's own classes and functions."""
    with custom_object_scope(objects or {}):
        yield


def written_by(keras_version: str | None) -> Any:
    """A context in which names mean what that version of Keras meant; None leaves the meaning as it is."""
    return nullcontext() if keras_version is None else release.meaning(release.of_keras(keras_version))


# -- drawn models: writing ------------------------------------------------------------------------------------------


def graph_to_config(name: str, trainable: bool, graph: Graph) -> Config:
    """The config of a functional model."""
    places = _places(graph)

    def history(tensor: SymbolicTensor) -> list[Any]:
        assert tensor.node is not None
        return [tensor.node.layer.name, places[id(tensor.node)], tensor.index]

    def end(tensor: SymbolicTensor) -> list[Any]:
        assert tensor.node is not None
        name, place, index = history(tensor)
        return [name, place + tensor.node.layer.counts_drawing, index]

    def plain(leaf: Any) -> Any:
        if isinstance(leaf, SymbolicTensor):
            config = {"shape": list(leaf.shape), "dtype": leaf.dtype, "keras_history": history(leaf)}
            return {"class_name": "__keras_tensor__", "config": config}
        return leaf.tolist() if hasattr(leaf, "tolist") else leaf

    layers = []
    for layer in graph.layers:
        calls = [node for node in graph.nodes if node.layer is layer and not isinstance(layer, InputLayer)]
        nodes = [structure.map_structure(plain, {"args": list(call.args), "kwargs": call.kwargs}) for call in calls]
        layers.append({**serialize_layer(layer), "name": layer.name, "inbound_nodes": nodes})
    return {
        "name": name,
        "trainable": trainable,
        "layers": layers,
        "input_layers": structure.map_structure(end, graph.inputs),
        "output_layers": structure.map_structure(end, graph.outputs),
    }


def _places(graph: Graph) -> dict[int, int]:
    """Which call of its layer each node is, counted within the model."""
    counts: dict[int, int] = {}
    places: dict[int, int] = {}
    for tensor in graph.input_tensors:
        if tensor.node is not None:
            places[id(tensor.node)] = 0
    for node in graph.nodes:
        place = counts.get(id(node.layer), 0)
        counts[id(node.layer)] = place + 1
        places[id(node)] = place
    return places


# -- drawn models: reading ------------------------------------------------------------------------------------------


GRAPH_KEYS = ("name", "trainable", "layers", "input_layers", "output_layers")
"""What the config of a functional model has."""


class _Drawing:
    """A functional model's config on its way to tensors."""

    def __init__(self, config: Config) -> None:
        entries = _entries(config)
        self.layers = {_named(entry): deserialize_layer(entry) for entry in entries}
        # A layer may have been called on symbolic tensors while it was made (a model's own layers): count from there.
        self.nodes: dict[str, list[Node]] = {
            name: list(layer._inbound_nodes) if isinstance(layer, InputLayer) else []
            for name, layer in self.layers.items()
        }
        self.waiting = [
            (_named(entry), call) for entry in entries for call in _calls(entry) if entry["class_name"] != "InputLayer"
        ]
        keras2 = any(isinstance(call, list) for _, call in self.waiting)
        models = {name for name, layer in self.layers.items() if layer.is_model}
        self.first_place = dict.fromkeys(models if keras2 else (), 1)
        self.first_end = {name: 1 for name in models if keras2 or self.layers[name].counts_drawing}

    def draw(self) -> None:
        """Make all calls, each as soon as the tensors that it needs are there; a layer's own calls stay in order."""
        while self.waiting:
            later: list[tuple[str, Any]] = []
            blocked: set[str] = set()
            for name, call in self.waiting:
                with said(partial(_wrong_call, name, call)):
                    if name in blocked or not self._ready(call):
                        blocked.add(name)
                        later.append((name, call))
                    else:
                        self._call(name, call)
            if len(later) == len(self.waiting):
                raise ValueError(
                    "The model's config joins layers in a circle, or names some that are missing: "
                    f"{[name for name, _ in later]}."
                )
            self.waiting = later

    def _ready(self, call: Any) -> bool:
        return all(
            len(self.nodes.get(name, ())) > place - self.first_place.get(name, 0)
            for name, place, _ in _histories(call, self.layers)
        )

    def _call(self, name: str, call: Any) -> None:
        layer = self.layers[name]
        args, kwargs = self._keras3(call) if isinstance(call, dict) else self._keras2(call)
        layer(*args, **kwargs)
        self.nodes[name].append(layer._inbound_nodes[-1])

    def end(self, history: Any) -> SymbolicTensor:
        """The tensor that `[layer, call, output]` names among the outer model's inputs and outputs."""
        return self._tensor(history, self.first_end)

    def tensor(self, history: Any) -> SymbolicTensor:
        """The tensor that `[layer, call, output]` names in a call."""
        return self._tensor(history, self.first_place)

    def _tensor(self, history: Any, first: dict[str, int]) -> SymbolicTensor:
        name, place, index = history[:3]
        try:
            if place < 0 or index < 0:  # Python would count from the other end.
                raise IndexError
            # The outer model's ends count a model's drawing as a call, its inner calls do not in all releases.
            found = structure.flatten(self.nodes[name][max(place - first.get(name, 0), 0)].outputs)[index]
        except (KeyError, IndexError):
            raise ValueError(
                f"The model's config asks for output {index} of call {place} of {name!r}, which is not there."
            ) from None
        assert isinstance(found, SymbolicTensor)
        return found

    def _keras3(self, call: Config) -> tuple[list[Any], Config]:
        def fill(part: Any) -> Any:
            if _is_tensor_config(part):
                return self.tensor(part["config"]["keras_history"])
            if isinstance(part, dict):
                return {key: fill(value) for key, value in part.items()}
            if isinstance(part, list):
                return [fill(value) for value in part]
            return part

        return fill(call["args"]), fill(call["kwargs"])

    def _keras2(self, call: list[Any]) -> tuple[list[Any], Config]:
        if call and isinstance(call[0], str):
            call = [call]
        # tf.keras writes the 2 of `2 - x` in a tensor's place.
        tensors = [each[2] if each[0] == "_CONSTANT_VALUE" else self.tensor(each) for each in call]
        kwargs: Config = call[0][3] if len(call[0]) > 3 else {}
        # What says None says nothing: tf.keras writes its wrappers' `constants` so.
        filled = {key: self._keras2_argument(value) for key, value in kwargs.items() if value is not None}
        return [tensors[0] if len(tensors) == 1 else tensors], filled

    def _keras2_argument(self, value: Any) -> Any:
        if _is_history(value, self.layers):
            return self.tensor(value)
        if isinstance(value, list):
            return [self._keras2_argument(part) for part in value]
        return value


def graph_from_config(config: Config) -> tuple[Any, Any]:
    """The inputs and outputs of a functional model, drawn from its config.

    Raises:
        ValueError: a config that is not whole.
    """
    for key in ("layers", "input_layers", "output_layers"):
        if key not in config:
            raise ValueError(f"The config of a functional model needs {key!r}; it has {sorted(config)}.")
    drawing = _Drawing(config)
    drawing.draw()
    return _model_ends(drawing, config, "input_layers"), _model_ends(drawing, config, "output_layers")


def _model_ends(drawing: _Drawing, config: Config, key: str) -> Any:
    with said(lambda: f"{key!r} of the model {config.get('name')!r} is not what Keras writes: {shown(config[key])}."):
        return _ends(drawing, config[key])


def _entries(config: Config) -> list[Config]:
    """The layers in a model's config."""
    entries = config["layers"]
    wrong = [each for each in entries if not isinstance(each, dict)] if isinstance(entries, list) else [entries]
    if wrong:
        raise ValueError(
            f"'layers' of the model {config.get('name')!r} must be a list of layers, got {shown(wrong[0])}."
        )
    return entries  # type: ignore[no-any-return]


def _named(entry: Config) -> str:
    """The name under which calls know a layer."""
    inner = entry.get("config")
    name = entry.get("name") or (inner.get("name") if isinstance(inner, dict) else None)
    if not isinstance(name, str):
        raise ValueError(f"A layer of the class {entry.get('class_name')!r} has no name, but {shown(name)}.")
    return name


def _calls(entry: Config) -> list[Any]:
    """How a layer is called in the model."""
    calls = entry.get("inbound_nodes", [])
    if not isinstance(calls, list) or not all(isinstance(call, (list, dict)) for call in calls):
        raise ValueError(
            f"'inbound_nodes' of the layer {_named(entry)!r} must be a list of its calls, got {shown(calls)}."
        )
    return calls


def _wrong_call(name: str, call: Any) -> str:
    return f"'inbound_nodes' of the layer {name!r} is not what Keras writes: {shown(call)}."


def _ends(drawing: _Drawing, spec: Any, whole: bool = True) -> Any:
    """Tensors in the structure of a list, dict or single `[layer, call, output]`; Keras 2 writes one as a list of
    one.
    """
    if _is_history(spec, drawing.layers):
        return drawing.end(spec)
    if isinstance(spec, dict):
        return {key: _ends(drawing, value, whole=False) for key, value in spec.items()}
    ends = [_ends(drawing, each, whole=False) for each in spec]
    if isinstance(spec, tuple):  # Of a config that was never in a file.
        return tuple(ends)
    return ends[0] if whole and len(ends) == 1 and _is_history(spec[0], drawing.layers) else ends


def _is_tensor_config(part: Any) -> bool:
    return isinstance(part, dict) and part.get("class_name") == "__keras_tensor__"


def _is_history(part: Any, layers: Any) -> bool:
    return (
        isinstance(part, (list, tuple))
        and len(part) >= 3
        and isinstance(part[0], str)
        and part[0] in layers
        and isinstance(part[1], int)
        and isinstance(part[2], int)
    )


def _histories(part: Any, layers: Any) -> list[Any]:
    """Every `[layer, call, output]` in a call, in either form."""
    if _is_tensor_config(part):
        return [part["config"]["keras_history"]]
    if _is_history(part, layers):
        rest = [history for extra in part[3:] for history in _histories(extra, layers)]
        return [part[:3], *rest]
    if isinstance(part, dict):
        return [history for value in part.values() for history in _histories(value, layers)]
    if isinstance(part, list):
        return [history for value in part for history in _histories(value, layers)]
    return []
