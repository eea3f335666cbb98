"""New models of the architecture of others."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from gatewise.base import release, structure
from gatewise.base.typing import Config
from gatewise.graph import Graph, Input, InputLayer
from gatewise.graph import config as graph_config
from gatewise.layer import Layer
from gatewise.layer.symbolic import SymbolicTensor
from gatewise.models.model import Functional, Model
from gatewise.models.sequential import Sequential

Clone = Callable[[Any], Any]
Call = Callable[..., Any]


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Clone | None = None,
    call_function: Call | None = None,
    recursive: bool = False,
) -> Any:
    """A new model of the same architecture, with new weights; compiled as the model is, but for its state.

    Args:
        model: any; the arguments below are for `Sequential` and functional models.
        input_tensors: symbolic tensors to draw it from, in the structure of `model.input`; by default new inputs.
        clone_function: gives the layer in the place of another. By default one with the same config; `lambda layer:
            layer` shares the layers and their weights.
        call_function: called as `call_function(layer, *args, **kwargs)` in the place of `layer(*args, **kwargs)`, as to
            put further layers in between. For functional models only.
        recursive: whether models inside are cloned layer by layer too.

    Raises:
        ValueError: for arguments that such a model does not take, or inputs in another structure.

    Source: Keras 3's `clone_model`.

    >>> import gatewise as gw
    >>> model = gw.Sequential([gw.layers.LSTM(6, input_shape=(5, 3)), gw.layers.Dense(1)])
    >>> clone_model(model, clone_function=lambda layer: layer).layers[0] is model.layers[0]
    True
    """
    special = input_tensors is not None or clone_function is not None or call_function is not None or recursive
    if special:
        made = _Cloning(clone_function, call_function, recursive).clone(model, input_tensors)
    else:
        classes = {type(layer).__name__: type(layer) for layer in model._walk()}
        with graph_config.custom_objects(classes):
            made = type(model).from_config(model.get_config())
    compiled: Config | None = model.get_compile_config() if release.current() == "keras3" else None
    if compiled is not None and not made.compiled:
        made.compile_from_config(compiled)
    return made


class _Cloning:
    """One cloning, in which every layer is cloned once, however often it is called."""

    def __init__(self, clone_function: Clone | None, call_function: Call | None, recursive: bool) -> None:
        self.clone_function = clone_function or _with_same_config
        self.call_function = call_function
        self.recursive = recursive
        self.made: dict[int, Any] = {}

    def clone(self, model: Model, input_tensors: Any = None) -> Any:
        if isinstance(model, Sequential):
            if self.call_function is not None:
                raise ValueError(
                    f"clone_model: {model.label} only lists its layers: call_function is for functional models."
                )
            return self._sequential(model, input_tensors)
        if isinstance(model, Functional):
            return self._functional(model, input_tensors)
        raise ValueError(
            f"clone_model: {model.label} is drawn by its own code: input_tensors, clone_function, call_function and "
            "recursive are for Sequential and functional models."
        )

    def _layer(self, layer: Layer) -> Any:
        if id(layer) not in self.made:
            inner = self.recursive and isinstance(layer, (Sequential, Functional))
            self.made[id(layer)] = self._inner(layer) if inner else self.clone_function(layer)
        return self.made[id(layer)]

    def _inner(self, model: Any) -> Any:
        return self._sequential(model, None) if isinstance(model, Sequential) else self._functional(model, None)

    def _sequential(self, model: Sequential, input_tensors: Any) -> Any:
        layers = [self._layer(layer) for layer in model.layers]
        start = [layer for layer in model._sublayers if isinstance(layer, InputLayer)][:1]
        if input_tensors is not None:
            tensors = structure.flatten(input_tensors)
            if len(tensors) != 1 or not isinstance(tensors[0], SymbolicTensor):
                raise ValueError(f"clone_model: input_tensors must be one symbolic tensor, got {input_tensors!r}.")
            layers.insert(0, _as_input(tensors[0], start[0].name if start else None))
        elif start:
            layers.insert(0, _like(start[0].symbol))
        return Sequential(layers, name=model.name, trainable=model.trainable)

    def _functional(self, model: Functional, input_tensors: Any) -> Any:
        if input_tensors is None:
            input_tensors = structure.map_structure(_like, model.input)
        if not all(isinstance(leaf, SymbolicTensor) for leaf in structure.flatten(input_tensors)):
            raise ValueError(f"clone_model: input_tensors must be symbolic tensors, got {input_tensors!r}.")
        if _without_leaves(input_tensors) != _without_leaves(model.input):
            raise ValueError(
                f"clone_model: input_tensors must be in the structure of the model's inputs, {model.input!r}, "
                f"got {input_tensors!r}."
            )
        outputs = redrawn(model._graph_now(), input_tensors, self._layer, self.call_function)
        return _class_of(model)(input_tensors, outputs, name=model.name)


def redrawn(graph: Graph, inputs: Any, layer_for: Clone, call: Call | None = None) -> Any:
    """The outputs of a graph drawn anew from other inputs, with the layers that `layer_for` gives."""
    tensors = dict(zip(map(id, graph.input_tensors), structure.flatten(inputs), strict=True))
    for node in graph.nodes:
        args, kwargs = node.substitute(lambda tensor: tensors[id(tensor)])
        layer = layer_for(node.layer)
        outputs = layer(*args, **kwargs) if call is None else call(layer, *args, **kwargs)
        for tensor, made in zip(structure.flatten(node.outputs), structure.flatten(outputs), strict=True):
            tensors[id(tensor)] = made
    return structure.rebuild(graph.outputs, iter([tensors[id(tensor)] for tensor in graph.output_tensors]))


def _with_same_config(layer: Layer) -> Any:
    return type(layer).from_config(layer.get_config())


def _like(tensor: SymbolicTensor) -> SymbolicTensor:
    """A new input like another."""
    optional = tensor.node is not None and getattr(tensor.node.layer, "optional", None)
    return Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name, optional=optional or None)


def _as_input(tensor: SymbolicTensor, name: str | None) -> SymbolicTensor:
    """The tensor, if a model can start with it; else an input of its shape."""
    if tensor.node is not None and isinstance(tensor.node.layer, InputLayer):
        return tensor
    return Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=name)


def _without_leaves(tree: Any) -> Any:
    return structure.map_structure(lambda _: None, tree)


def _class_of(model: Functional) -> Any:
    """The model's class, where it takes inputs and outputs."""
    parameters = inspect.signature(type(model).__init__).parameters.values()
    takes_any = {p.kind for p in parameters} >= {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    return type(model) if takes_any or type(model).__init__ is Functional.__init__ else Functional
