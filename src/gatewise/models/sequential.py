"""Sequential: a model that is a chain of layers."""

from __future__ import annotations

from typing import Any

from gatewise.base import structure
from gatewise.base.arrays import as_array, as_input, shape_of
from gatewise.base.typing import Config, Shape
from gatewise.graph import Graph, Input, InputLayer, WrongPartError
from gatewise.graph import config as graph_config
from gatewise.layer import Layer, building, registered
from gatewise.layer.serialization import deserialize_layer, serialize_layer
from gatewise.layer.symbolic import SymbolicTensor
from gatewise.models.model import Drawn


class UndrawnError(ValueError, AttributeError):
    """A model that does not know its input yet: to `hasattr` it has no `inputs` and `outputs`."""


@registered.register("Sequential")
class Sequential(Drawn):
    """A model that is a chain of layers.

    Args:
        layers: the layers in order; or add them with `add`.
        name: by default "sequential", numbered.

    The weights are made when the shape of the input is known: from `Input`, from the first layer's `input_shape`, or
    from the first data.

    >>> import gatewise as gw
    >>> import numpy as np
    >>> model = gw.Sequential([gw.layers.LSTM(6, input_shape=(5, 3)), gw.layers.Dense(1)])
    >>> model.predict(np.zeros((2, 5, 3))).shape
    (2, 1)
    """

    def __init__(self, layers: Any = None, trainable: bool = True, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, trainable=trainable, **kwargs)
        self._graph: Graph | None = None
        self._start_tensor: Any = None  # A symbolic tensor, or a list or a dict of them.
        self._end_tensors: list[Any] = []
        self._shape_from_data = False
        for layer in [] if layers is None else layers:
            self.add(layer)

    @property
    def layers(self) -> list[Layer]:
        """The layers in order, without the input."""
        return [layer for layer in self._sublayers if not isinstance(layer, InputLayer)]

    @property
    def operations(self) -> list[Layer]:
        """The layers, without the input."""
        return self.layers

    def add(self, layer: Any) -> None:
        """Put a layer at the end.

        Raises:
            TypeError: for something that is not a layer.
            ValueError: for a second layer of the same name, or an input that is not first.
        """
        if isinstance(layer, SymbolicTensor) and layer.node is not None and isinstance(layer.node.layer, InputLayer):
            layer = layer.node.layer
        if not isinstance(layer, Layer):
            raise WrongPartError(f"{self.label}: expected a layer, got {layer!r}.")
        if any(layer.name == other.name for other in self._sublayers):
            raise ValueError(f"{self.label} already has a layer named {layer.name!r}: give this one another name.")
        if isinstance(layer, InputLayer):
            if self._sublayers:
                raise ValueError(f"{self.label}: an Input must come first, before {self._sublayers[0].name!r}.")
            self._start_tensor = layer.symbol
            self._sublayers.append(layer)
            return
        started = not self._sublayers and self._start_from(layer)
        if self._start_tensor is not None:
            try:
                self._draw(layer)
            except Exception:
                if started:
                    self._undraw()
                raise
        self._sublayers.append(layer)

    def _start_from(self, first: Layer) -> bool:
        """Find the input's shape in what the first layer says; False where it does not say."""
        if isinstance(first, Drawn) and first.built:
            tensor = first.inputs[0]
            shape: Shape | None = tensor.shape
            dtype: str | None = tensor.dtype
        else:
            shape, dtype = first.declared_input_shape, _input_dtype(first)
        if shape is not None:
            self._start_tensor = Input(batch_shape=shape, dtype=dtype, name=f"{first.name}_input")
            assert self._start_tensor.node is not None
            self._sublayers.append(self._start_tensor.node.layer)
        return shape is not None

    def _output_of(self, layer: Layer, before: Any) -> Any:
        if structure.is_nested(before) and layer.plain_call:
            raise ValueError(
                f"{self.label}: {layer.label} takes one array, and cannot follow several outputs or inputs. Draw the "
                "model with Input and Model instead."
            )
        return layer(before)

    def _draw(self, layer: Layer) -> None:
        assert self._start_tensor is not None
        output = self._output_of(layer, self._end_tensors[-1] if self._end_tensors else self._start_tensor)
        graph = Graph(self._start_tensor, output, self.label)
        self._start_with(self._start_tensor, [*self._end_tensors, output], graph)

    def pop(self) -> Layer:
        """Take the last layer away, and return it."""
        if not self.layers:
            raise ValueError(f"{self.label} has no layers to remove.")
        layer: Layer = self._sublayers.pop()
        if self._end_tensors:
            self._forget_call(layer, self._end_tensors.pop())
        self._graph = None
        if self._end_tensors:
            self._graph = Graph(self._start_tensor, self._end_tensors[-1], self.label)
        self.built = self._graph is not None
        self._changed()
        return layer

    @staticmethod
    def _forget_call(layer: Layer, output: Any) -> None:
        """Take back the call that drew `output`; a shared layer keeps its others."""
        node = structure.flatten(output)[0].node
        layer._inbound_nodes[:] = [other for other in layer._inbound_nodes if other is not node]

    def _forget_calls(self, outputs: list[Any]) -> None:
        for layer, output in zip(self.layers, outputs, strict=False):
            self._forget_call(layer, output)

    def build(self, input_shape: Any = None) -> None:
        """Make the weights for inputs of `input_shape` (with the batch axis); a list or a dict of shapes for several.

        Raises:
            ValueError: another shape than the model was built for.
        """
        with building:
            if input_shape is None:
                return
            if self._start_tensor is not None:
                self._check_same(input_shape)
                return
            dtype = _input_dtype(self.layers[0]) if self.layers else None
            start = _starts(input_shape, dtype, f"{self.name}_input")
            inputs = [tensor.node.layer for tensor in structure.flatten(start)]
            if not self.layers:
                self._start_tensor = start
                self._sublayers.extend(inputs)
                return
            ends, graph = self._drawn_from(start)
            self._sublayers[:0] = inputs
            self._start_with(start, ends, graph)

    def _check_same(self, input_shape: Any) -> None:
        if self._shape_from_data or not structure.is_shape(input_shape):
            return
        kept = self._start_tensor.shape
        pairs = list(zip(kept, input_shape, strict=False))
        if len(kept) != len(input_shape) or any(None not in pair and pair[0] != pair[1] for pair in pairs):
            raise ValueError(
                f"{self.label} is built for inputs of the shape {kept}, and cannot be for {tuple(input_shape)} now."
            )

    def _start_with(self, start: Any, ends: list[Any], graph: Graph) -> None:
        """Run as drawn from `start` from now on; other threads see the old drawing or the new."""
        self._start_tensor, self._end_tensors, self._graph = start, ends, graph
        self.built = True
        self._changed()

    def _drawn_from(self, start: Any) -> tuple[list[Any], Graph]:
        """The layers' outputs and the graph, drawn from another input."""
        ends: list[Any] = []
        try:
            for layer in self.layers:
                ends.append(self._output_of(layer, ends[-1] if ends else start))
        except Exception:
            self._forget_calls(ends)
            raise
        return ends, Graph(start, ends[-1], self.label)

    def _undraw(self) -> None:
        """Forget a start that did not fit, so that the next data may decide anew."""
        self._forget_calls(self._end_tensors)
        self._sublayers.pop(0)
        self._start_tensor, self._graph, self._end_tensors = None, None, []
        self.built = self._shape_from_data = False

    def inputs_for(self, kernel: Shape) -> list[Shape]:
        """As the first layer says that has weights; layers before it have to keep their input's shape."""
        for layer in self.layers:
            if found := layer.inputs_for(kernel):
                return found
            if not layer.keeps_shape:
                break
        return []

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if self._graph is None:
            self._build_from(inputs)
        return super().__call__(inputs, *args, **kwargs)

    def _build_from(self, inputs: Any) -> None:
        if not self.layers:
            raise ValueError(f"{self.label} has no layers: add one first.")
        stateful = any(getattr(layer, "stateful", False) for layer in self._walk() if layer is not self)

        def shape(leaf: Any) -> Shape:
            array = leaf if isinstance(leaf, SymbolicTensor) else as_input(leaf, f"{self.label}: the input")
            size, *sizes = shape_of(array)
            return (size if stateful else None, *sizes)

        with building:
            if self._graph is None:
                self._shape_from_data = True
                try:
                    self.build(structure.map_structure(shape, inputs) if _several(inputs) else shape(inputs))
                except Exception:
                    self._shape_from_data = False
                    raise

    def _converted(self, inputs: Any) -> Any:
        reads_text = getattr(self._start_tensor, "dtype", None) == "string"
        if self._shape_from_data and not reads_text and not structure.is_nested(inputs):
            self._admit(shape_of(as_array(inputs, f"{self.label}: the input")))
        return super()._converted(inputs)

    def _admit(self, shape: Shape) -> None:
        """Let data of another length in than that which first gave the shape, if the layers take it."""
        if not isinstance(self._start_tensor, SymbolicTensor):
            return
        kept = self._start_tensor.shape
        if len(shape) != len(kept) or all(n in (None, size) for n, size in zip(kept[1:], shape[1:], strict=True)):
            return
        with building:
            kept = self._start_tensor.shape  # Another thread may have changed it.
            dtype, name = self._start_tensor.dtype, self._start_tensor.name
            trial, _ = self._drawn_from(Input(batch_shape=(kept[0], *shape[1:]), dtype=dtype, name=name))
            self._forget_calls(trial)  # It says what is wrong where the layers do not take this shape.
            both = (n if n == size else None for n, size in zip(kept[1:], shape[1:], strict=True))
            start = Input(batch_shape=(kept[0], *both), dtype=dtype, name=name)
            ends, graph = self._drawn_from(start)
            assert start.node is not None
            self._forget_calls(self._end_tensors)
            self._sublayers[0] = start.node.layer
            self._start_with(start, ends, graph)

    def _checked_inputs(self, x: Any) -> Any:
        if self._graph is None:
            self._build_from(x)
        return super()._checked_inputs(x)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The output's shape; the model need not know the shape of its input yet."""
        if self._graph is not None or not self.layers:
            return super().compute_output_shape(input_shape)
        for layer in self.layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def _graph_now(self) -> Graph:
        if self._graph is None:
            raise UndrawnError(
                f"{self.label} does not know the shape of its input yet: start it with Input(shape), give the first "
                "layer input_shape, call it on data, or call build."
                if self.layers
                else f"{self.label} has no layers: add one first."
            )
        return self._graph

    def get_config(self) -> Config:
        """The layers' configs, in Keras 3's form."""
        config: Config = {"name": self.name, "trainable": self.trainable, "dtype": self._dtype_config()}
        several = structure.is_nested(self._start_tensor)
        config["layers"] = [serialize_layer(layer) for layer in (self.layers if several else self._sublayers)]
        if self._start_tensor is not None:
            config["build_input_shape"] = structure.map_structure(shape_of, self._start_tensor)
        return config

    @classmethod
    def from_config(cls, config: Any, custom_objects: Any = None) -> Any:
        """Make the model again from a config of Keras 2.0 (a list of layers), 2 or 3; weights are new."""
        with graph_config.custom_objects(custom_objects):
            layers, options = (config, {}) if isinstance(config, list) else (config["layers"], config)
            made = [deserialize_layer(each) for each in layers]
            model = cls(made, name=options.get("name"), trainable=options.get("trainable", True))
            shape = options.get("build_input_shape")
            if shape is not None and model._start_tensor is None:
                model.build(shape)
            return model


def _several(inputs: Any) -> bool:
    """Whether inputs are several arrays, and not one as nested lists of numbers."""
    return structure.is_nested(inputs) and all(hasattr(leaf, "shape") for leaf in structure.flatten(inputs))


def _starts(shape: Any, dtype: str | None, name: str) -> Any:
    """An input, or a structure of inputs, for a shape or a structure of them."""
    if structure.is_shape(shape):
        return Input(batch_shape=tuple(shape), dtype=dtype, name=name)
    return structure.map_structure(
        lambda each: Input(batch_shape=tuple(each), dtype=dtype), shape, leaf=structure.is_shape
    )


def _input_dtype(layer: Layer) -> str | None:
    """What an input before this layer should hold: ids before an Embedding stay as they come."""
    if layer.reads_text:
        return "string"
    return None if not layer.autocast else layer.dtype
