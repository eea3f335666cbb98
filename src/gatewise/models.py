"""Models: layers put together, with `predict`, weights, a summary and a config."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

import gatewise.layers  # noqa: F401 (registers every layer that a config may name)
from gatewise import graph_config, plan, structure, summary
from gatewise.arrays import Tensor, as_array, shape_of, unshared
from gatewise.config import config as settings
from gatewise.epoch import epoch
from gatewise.graph import Graph, Input, InputLayer
from gatewise.layer import Layer, as_tensor, building, inside_a_call, registered
from gatewise.layer_config import deserialize_layer, serialize_layer
from gatewise.plan import NO_PLAN, Plan
from gatewise.recurrent.precision import PrecisionOfLayers
from gatewise.symbolic import SymbolicTensor
from gatewise.typing import Array, Config, Shape
from gatewise.variable import all_or_nothing, current_scope

if TYPE_CHECKING:
    from gatewise.streaming import Stream, StreamPool

# Without a batch size, predict takes as many samples at a time as have about this many bytes of input: the result does
# not depend on it, and larger batches are faster.
_CHUNK_BYTES = 1 << 25
_SECONDS_BEFORE_PROGRESS = 1.0


class Model(Layer):
    """A model: `Model(inputs, outputs)` from symbolic tensors, or the base of your own class with a `call`.

    Args:
        inputs, outputs: symbolic tensors, alone or in lists, tuples and dicts.
        name: by default "functional", numbered.

    >>> import gatewise as gw
    >>> x = gw.Input((5, 3))
    >>> model = gw.Model(x, gw.layers.LSTM(6, return_state=True)(x))
    >>> [part.shape for part in model.predict(np.zeros((2, 5, 3)))]
    [(2, 6), (2, 6), (2, 6)]
    """

    autocast = False  # Each layer inside casts for itself.
    precision = PrecisionOfLayers()
    """That of all recurrent layers inside: "float32", "bfloat16", or "mixed"; set it to set them all."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return super().__new__(Functional if cls is Model and _draws(args, kwargs) else cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if _draws(args, kwargs) and not isinstance(self, Functional):
            # A subclass that draws itself, super().__init__(inputs, outputs), is a functional model from here on.
            own: Any = type(self)
            self.__class__ = _functional(own)
            Functional.__init__(self, *args, **kwargs)  # type: ignore[arg-type]
        else:
            super().__init__(*args, **kwargs)

    @classmethod
    def from_config(cls, config: Config, custom_objects: Any = None) -> Any:
        """Make the model again from what `get_config` gave; weights are new."""
        with graph_config.custom_objects(custom_objects):
            if {"layers", "input_layers", "output_layers"} <= set(config):
                return Functional.from_config(config)
            return super().from_config(config)

    @property
    def layers(self) -> list[Layer]:
        """The layers directly inside this model."""
        return list(self._sublayers)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by name or by its place in `layers`.

        Raises:
            ValueError: where there is none; the message lists the names.
        """
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(f"{self.label} has {len(self.layers)} layers; there is none at index {index}.")
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"{self.label} has no layer {name!r}. Its layers: {[layer.name for layer in self.layers]}.")

    @property
    def stateful(self) -> bool:
        """Whether a layer inside keeps state from call to call."""
        return any(getattr(layer, "stateful", False) for layer in self._walk() if layer is not self)

    def reset_states(self) -> None:
        """Set the state of every stateful layer to zeros."""
        for layer in self._walk():
            if layer is not self and not isinstance(layer, Model) and getattr(layer, "stateful", False):
                layer.reset_states()  # type: ignore[attr-defined]

    # -- predicting -------------------------------------------------------------------------------------------------

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
        max_queue_size: int = 10,
        workers: int = 1,
        use_multiprocessing: bool = False,
    ) -> Any:
        """The outputs for many samples, computed in batches.

        Args:
            x: arrays (N, ...), in the structure of the model's inputs (for several inputs a list, or a dict by input
                name); or an iterator of batches.
            batch_size: samples at a time. By default as many as are fast; for a stateful model its own batch size.
            verbose: 0 for no progress bar; else one appears on a terminal when the work takes long.
            steps: stop after so many batches.
            callbacks: none; this release has no callbacks to call.
            max_queue_size, workers, use_multiprocessing: accepted for Keras 2's sake; nothing is queued.

        Returns:
            NumPy arrays in the structure of the model's outputs. The states of stateful layers have moved on once,
            after all batches, or not at all where there was an error.

        Raises:
            TypeError, ValueError: for inputs that do not fit, before any work.
        """
        if callbacks:
            raise ValueError(
                f"{self.label}: predict calls no callbacks in this release: leave callbacks={callbacks!r} out."
            )
        if batch_size is None and steps is None and (y := self._by_plan(x)) is not NO_PLAN:
            return y
        with all_or_nothing():
            batches, total = self._batches(x, batch_size, steps)
            outputs = _joined(self._outputs(_with_progress(batches, total, verbose)), total)
        return unshared(outputs, [] if total is None else structure.flatten(x))

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch."""
        with all_or_nothing():
            outputs = structure.map_structure(_plain, self._infer(x))
        return unshared(outputs, structure.flatten(x))

    def _by_plan(self, x: Any) -> Any:
        """The outputs by the short way, or NO_PLAN where there is none."""
        return NO_PLAN

    def _outputs(self, batches: Iterable[Any]) -> Iterator[Any]:
        for batch in batches:
            yield structure.map_structure(_plain, self._infer(batch))

    def _infer(self, batch: Any) -> Any:
        if settings.uses_jax():
            from gatewise.executor import infer_on_jax

            return infer_on_jax(self, batch)
        return self(batch, training=False) if "training" in self._call_takes().accepted else self(batch)

    def _batches(self, x: Any, batch_size: int | None, steps: int | None) -> tuple[Iterable[Any], int | None]:
        """The batches of `x`, and the number of samples where it is known."""
        if steps is not None and (isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < 1):
            raise ValueError(f"{self.label}: steps must be a positive integer, got {steps!r}.")
        if isinstance(x, Iterator) or (hasattr(x, "__next__") and not hasattr(x, "shape")):
            return map(_inputs_of, x if steps is None else islice(x, steps)), None
        arrays = self._checked_inputs(x)
        leaves = structure.flatten(arrays)
        counts = {int(leaf.shape[0]) if leaf.ndim else -1 for leaf in leaves}
        if len(counts) != 1 or -1 in counts:
            shapes = [shape_of(leaf) for leaf in leaves]
            raise ValueError(f"{self.label}: all inputs need the same number of samples, got shapes {shapes}.")
        count = counts.pop()
        size = self._batch_size(batch_size, leaves, count)
        total = count if steps is None else min(count, steps * size)
        self._check_states_fit(total, size)
        if count == total <= size:
            return [arrays], total
        return (_rows(arrays, start, min(start + size, total)) for start in range(0, total, size)), total

    def _check_states_fit(self, total: int, size: int) -> None:
        """Refuse, before any work, batches of another size than the one whose state a stateful layer carries."""
        for layer in self._walk():
            kept = layer._states[0].shape[0] if layer._states else size
            if layer._states and total and (size != kept or total % kept):
                raise ValueError(
                    f"{layer.label} is stateful and carries the state of {kept} sequences, but {total} samples came, "
                    f"in batches of {size}. Pass batch_size={kept}, and a number of samples that it divides."
                )

    def _checked_inputs(self, x: Any) -> Any:
        return structure.map_structure(lambda leaf: as_array(leaf, f"{self.label}: the input"), x)

    def _batch_size(self, given: int | None, leaves: list[Array], total: int) -> int:
        if given is not None:
            if isinstance(given, bool) or not isinstance(given, (int, np.integer)) or given < 1:
                raise ValueError(f"{self.label}: batch_size must be a positive integer, got {given!r}.")
            return int(given)
        kept = [variable.shape[0] for variable in self.state_variables]
        if kept:
            return kept[0]
        if self.stateful:
            return max(total, 1)
        bytes_a_sample = sum(leaf.nbytes for leaf in leaves) / max(total, 1)
        return max(1, int(_CHUNK_BYTES / max(bytes_a_sample, 1)))

    # -- streaming --------------------------------------------------------------------------------------------------

    def stream(self, batch_size: int = 1) -> Stream:
        """A stream: the model one time step at a time, with its state kept between the steps.

        Args:
            batch_size: how many sequences advance together.

        Raises:
            ValueError: a model that needs more than the present and the past; the message names the layer and says why.
        """
        from gatewise.streaming import Stream

        return Stream(self, batch_size)

    def stream_pool(self, capacity: int) -> StreamPool:
        """A pool of up to `capacity` streams of this model, each advanced by id when its turn comes.

        Raises:
            ValueError: as for `stream`.
        """
        from gatewise.streaming import StreamPool

        return StreamPool(self, capacity)

    # -- description ------------------------------------------------------------------------------------------------

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Print a table of the layers, their output shapes and parameters, and the totals.

        Args:
            line_length: the width in characters, 88 by default.
            print_fn: called with each line instead of `print`.
            expand_nested: list the layers of models inside, too.
            show_trainable: a column that says which layers training changes.
            positions, layer_range: accepted for Keras's sake; the columns fit themselves.
        """
        summary.show(self, print_fn, width=line_length, show_trainable=show_trainable, expand_nested=expand_nested)

    def to_json(self, **options: Any) -> str:
        """The architecture as JSON, in Keras 3's form; `model_from_json` reads it back. Weights are not in it.

        Args:
            **options: for `json.dumps`, such as `indent=2`.
        """
        import json

        return json.dumps(serialize_layer(self), **options)

    def load_weights(self, filepath: Any, by_name: bool = False, skip_mismatch: bool = False) -> None:
        """Read the weights from an HDF5 file that any Keras saved (weights alone, or a whole model).

        Args:
            filepath: of the file.
            by_name: match layers by name, and leave those alone that the file does not have; else by order.
            skip_mismatch: with `by_name`, leave a layer alone whose shapes differ.

        Raises:
            ValueError: weights that are missing or do not fit; nothing changes then.
        """
        from gatewise.formats import hdf5

        hdf5.load_weights(self, filepath, by_name=by_name, skip_mismatch=skip_mismatch)

    _TRAINING: ClassVar[frozenset[str]] = frozenset(
        ("compile", "fit", "evaluate", "train_on_batch", "test_on_batch", "fit_generator", "compute_loss", "optimizer")
    )

    def __getattr__(self, name: str) -> Any:
        if name in Model._TRAINING:
            raise AttributeError(
                f"Model.{name}: this release of Gatewise builds, loads and predicts; it does not train yet. "
                f"Remove the call to {name!r}, or train elsewhere and load the weights here."
            )
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.")


def _draws(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a model's arguments are symbolic tensors to draw it with."""
    return len(args) >= 2 or {"inputs", "outputs"} <= set(kwargs) or (len(args) == 1 and "outputs" in kwargs)


@cache
def _functional(cls: Any) -> Any:
    """The class of a subclass's functional models."""
    return type(cls.__name__, (cls, Functional), {"__module__": cls.__module__, "__doc__": cls.__doc__})


def _inputs_of(batch: Any) -> Any:
    """The inputs in what an iterator gave: as in Keras, a tuple is (inputs,), (inputs, targets) or with weights too."""
    return batch[0] if isinstance(batch, tuple) and 1 <= len(batch) <= 3 else batch


def _rows(arrays: Any, start: int, stop: int) -> Any:
    return structure.map_structure(lambda array: array[start:stop], arrays)


def _plain(value: Any) -> np.ndarray:
    return np.asarray(value) if type(value) is not np.ndarray else value


def _joined(outputs: Iterator[Any], total: int | None) -> Any:
    """The batches' outputs put together along the batch axis."""
    first = next(outputs, None)
    if first is None:
        raise ValueError("predict got no batches.")
    leaves = structure.flatten(first)
    if total is None:
        every = [leaves] + [structure.flatten(each) for each in outputs]
        return structure.rebuild(first, iter([np.concatenate(parts) for parts in zip(*every, strict=True)]))
    if all(leaf.ndim and leaf.shape[0] == total for leaf in leaves):
        return first
    whole = [np.empty((total, *leaf.shape[1:]), leaf.dtype) for leaf in leaves]
    start = 0
    for batch in _chain(first, outputs):
        parts = structure.flatten(batch)
        stop = start + parts[0].shape[0]
        for target, part in zip(whole, parts, strict=True):
            target[start:stop] = part
        start = stop
    return structure.rebuild(first, iter(whole))


def _chain(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def _with_progress(batches: Iterable[Any], total: int | None, verbose: Any) -> Iterable[Any]:
    """The batches, with a progress bar once a second has passed: on a terminal only, so that logs stay clean."""
    quiet = verbose in (0, False) or isinstance(batches, list) or not sys.stderr.isatty()
    return batches if quiet else _shown(batches, total)


def _shown(batches: Iterable[Any], total: int | None) -> Iterator[Any]:
    started, progress, task, done = time.monotonic(), None, None, 0
    try:
        for batch in batches:
            yield batch
            done += len(structure.flatten(batch)[0])
            if progress is None and time.monotonic() - started > _SECONDS_BEFORE_PROGRESS:
                from rich.console import Console
                from rich.progress import Progress

                progress = Progress(console=Console(stderr=True), transient=True)
                task = progress.add_task("predict", total=total)
                progress.start()
            if progress is not None and task is not None:
                progress.update(task, completed=done)
    finally:
        if progress is not None:
            progress.stop()


class _Drawn(Model):
    """What Functional and Sequential share: a graph that runs."""

    supports_masking = True
    _build_is_whole = False
    _prepared: ClassVar[dict[str, Any]] = {"_planned": (-1, None)}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # One tuple, so that a thread never sees the plan of one stamp beside another stamp.
        self._planned: tuple[int, Plan | None] = (-1, None)

    def _by_plan(self, x: Any) -> Any:
        if type(x) is not np.ndarray or x.nbytes > _CHUNK_BYTES or current_scope() is not None or settings.uses_jax():
            return NO_PLAN
        stamp, prepared = self._planned
        if stamp != epoch.stamp:
            stamp, graph = epoch.stamp, self._planned_graph()
            prepared = None if graph is None else plan.make(graph)
            self._planned = stamp, prepared
        return NO_PLAN if prepared is None else prepared.run(x)

    def _planned_graph(self) -> Graph | None:
        """The graph that a plan may be made of."""
        return self._graph_now() if self.built and type(self).call is _Drawn.call else None

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if not args and not kwargs and not inside_a_call() and (y := self._by_plan(inputs)) is not NO_PLAN:
            return y.view(Tensor) if type(y) is np.ndarray else structure.map_structure(as_tensor, y)
        return super().__call__(inputs, *args, **kwargs)

    def _graph_now(self) -> Graph:
        raise TypeError(f"{type(self).__name__} has no graph.")

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Run the layers on arrays in the structure of the model's inputs."""
        return self._graph_now().run(inputs, mask)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The outputs' shapes, in the structure of the model's outputs."""
        return self._graph_now().output_shapes(input_shape)

    def _converted(self, inputs: Any) -> Any:
        """Checked against the model's own inputs, which names what is wrong better than a layer inside would."""
        graph = self._graph_now()
        leaves = graph.matched(inputs)
        return structure.rebuild(graph.inputs, iter(leaves))

    def _checked_inputs(self, x: Any) -> Any:
        return self._converted(x)

    def _with_masks(self, inputs: Any, outputs: Any, mask: Any) -> Any:
        """The layers inside have given the outputs their masks."""
        return outputs

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The input tensors, as a flat list."""
        return list(self._graph_now().input_tensors)

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The output tensors, as a flat list."""
        return list(self._graph_now().output_tensors)

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs, as `predict` takes them in a dict."""
        return [tensor.name for tensor in self.inputs]

    @property
    def output_names(self) -> list[str]:
        """The names of the layers that give the outputs."""
        return [tensor.node.layer.name for tensor in self.outputs if tensor.node is not None]

    @property
    def input(self) -> Any:
        """The input tensors, in their structure."""
        return self._graph_now().inputs

    @property
    def output(self) -> Any:
        """The output tensors, in their structure."""
        return self._graph_now().outputs

    @property
    def output_shape(self) -> Any:
        """The outputs' shapes, in their structure."""
        return structure.map_structure(shape_of, self.output)


@registered.register("Functional", "Model")
class Functional(_Drawn):
    """A model drawn with symbolic tensors; what `Model(inputs, outputs)` makes."""

    def __init__(self, inputs: Any = None, outputs: Any = None, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self._graph = Graph(inputs, outputs, self.label)
        self._sublayers[:] = self._graph.layers
        self.built = True

    def _graph_now(self) -> Graph:
        return self._graph

    def get_config(self) -> Config:
        """The layers' configs and how they are joined, in Keras 3's form."""
        return graph_config.graph_to_config(self.name, self.trainable, self._graph)

    @classmethod
    def from_config(cls, config: Config, custom_objects: Any = None) -> Any:
        """Make the model again from a config of Keras 2 or 3; weights are new."""
        with graph_config.custom_objects(custom_objects):
            inputs, outputs = graph_config.graph_from_config(config)
            return cls(inputs, outputs, name=config.get("name"), trainable=config.get("trainable", True))


@registered.register("Sequential")
class Sequential(_Drawn):
    """A model that is a chain of layers.

    Args:
        layers: the layers in order; or add them with `add`.
        name: by default "sequential", numbered.

    The weights are made when the shape of the input is known: from `Input`, from the first layer's `input_shape`, or
    from the first data.

    >>> import gatewise as gw
    >>> model = gw.Sequential([gw.layers.LSTM(6, input_shape=(5, 3)), gw.layers.Dense(1)])
    >>> model.predict(np.zeros((2, 5, 3))).shape
    (2, 1)
    """

    def __init__(self, layers: Any = None, trainable: bool = True, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, trainable=trainable, **kwargs)
        self._graph: Graph | None = None
        self._start_tensor: SymbolicTensor | None = None
        self._end_tensors: list[Any] = []
        self._shape_from_data = False
        for layer in [] if layers is None else layers:
            self.add(layer)

    @property
    def layers(self) -> list[Layer]:
        """The layers in order, without the input."""
        return [layer for layer in self._sublayers if not isinstance(layer, InputLayer)]

    def add(self, layer: Any) -> None:
        """Put a layer at the end.

        Raises:
            TypeError: for something that is not a layer.
            ValueError: for a second layer of the same name, or an input that is not first.
        """
        if isinstance(layer, SymbolicTensor) and layer.node is not None and isinstance(layer.node.layer, InputLayer):
            layer = layer.node.layer
        if not isinstance(layer, Layer):
            raise TypeError(f"{self.label}: expected a layer, got {layer!r}.")
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
        if isinstance(first, _Drawn) and first.built:
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

    def _draw(self, layer: Layer) -> None:
        assert self._start_tensor is not None
        output = self._output_of(layer, self._end_tensors[-1] if self._end_tensors else self._start_tensor)
        graph = Graph(self._start_tensor, output, self.label)
        self._start_with(self._start_tensor, [*self._end_tensors, output], graph)

    def _output_of(self, layer: Layer, before: Any) -> Any:
        if not isinstance(before, SymbolicTensor):
            raise ValueError(
                f"{self.label}: {layer.label} cannot follow a layer with several outputs: only the last layer of a "
                "Sequential may have them. Draw the model with Input and Model instead."
            )
        return layer(before)

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
        epoch.changed()
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
        """Make the weights for inputs of `input_shape` (with the batch axis)."""
        with building:
            if self._start_tensor is not None or input_shape is None:
                return
            dtype = _input_dtype(self.layers[0]) if self.layers else None
            start = Input(batch_shape=tuple(input_shape), dtype=dtype, name=f"{self.name}_input")
            assert start.node is not None
            if not self.layers:
                self._start_tensor = start
                self._sublayers.append(start.node.layer)
                return
            ends, graph = self._drawn_from(start)
            self._sublayers.insert(0, start.node.layer)
            self._start_with(start, ends, graph)

    def _start_with(self, start: SymbolicTensor, ends: list[Any], graph: Graph) -> None:
        """Run as drawn from `start` from now on; other threads see the old drawing or the new."""
        self._start_tensor, self._end_tensors, self._graph = start, ends, graph
        self.built = True
        epoch.changed()

    def _drawn_from(self, start: SymbolicTensor) -> tuple[list[Any], Graph]:
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

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if self._graph is None:
            self._build_from(inputs)
        return super().__call__(inputs, *args, **kwargs)

    def _build_from(self, inputs: Any) -> None:
        if not self.layers:
            raise ValueError(f"{self.label} has no layers: add one first.")
        array = inputs if isinstance(inputs, SymbolicTensor) else as_array(inputs, f"{self.label}: the input")
        stateful = any(getattr(layer, "stateful", False) for layer in self._walk() if layer is not self)
        shape = shape_of(array)
        with building:
            if self._graph is None:
                self._shape_from_data = True
                try:
                    self.build((shape[0] if stateful else None, *shape[1:]))
                except Exception:
                    self._shape_from_data = False
                    raise

    def _converted(self, inputs: Any) -> Any:
        if self._shape_from_data and not structure.is_nested(inputs):
            self._admit(shape_of(as_array(inputs, f"{self.label}: the input")))
        return super()._converted(inputs)

    def _admit(self, shape: Shape) -> None:
        """Let data of another length in than that which first gave the shape, if the layers take it."""
        assert self._start_tensor is not None
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

    def _graph_now(self) -> Graph:
        if self._graph is None:
            raise ValueError(
                f"{self.label} does not know the shape of its input yet: start it with Input(shape), give the first "
                "layer input_shape, call it on data, or call build."
                if self.layers
                else f"{self.label} has no layers: add one first."
            )
        return self._graph

    def get_config(self) -> Config:
        """The layers' configs, in Keras 3's form."""
        config: Config = {"name": self.name, "trainable": self.trainable, "dtype": self.dtype}
        config["layers"] = [serialize_layer(layer) for layer in self._sublayers]
        if self._start_tensor is not None:
            config["build_input_shape"] = self._start_tensor.shape
        return config

    @classmethod
    def from_config(cls, config: Any, custom_objects: Any = None) -> Any:
        """Make the model again from a config of Keras 2.0 (a list of layers), 2 or 3; weights are new."""
        with graph_config.custom_objects(custom_objects):
            layers, options = (config, {}) if isinstance(config, list) else (config["layers"], config)
            made = [deserialize_layer(each) for each in layers]
            model = cls(made, name=options.get("name"), trainable=options.get("trainable", True))
            shape = options.get("build_input_shape")
            if shape is not None and model._start_tensor is None and structure.is_shape(shape):
                model.build(shape)
            return model


def _input_dtype(layer: Layer) -> str | None:
    """What an input before this layer should hold: ids before an Embedding stay as they come."""
    return None if not layer.autocast else layer.dtype


def model_from_json(json_string: str, custom_objects: Any = None) -> Any:
    """Make a model from what `to_json` of any Keras (or Gatewise) gave; weights are new.

    >>> import gatewise as gw
    >>> text = gw.Sequential([gw.layers.LSTM(6, input_shape=(5, 3))]).to_json()
    >>> model_from_json(text).layers[0].units
    6
    """
    import json

    return model_from_config(json.loads(json_string), custom_objects)


def model_from_config(config: Config, custom_objects: Any = None) -> Any:
    """Make a model from a config with its class name, as `to_json` writes it.

    The Keras version that the config says it is of decides what its names mean.
    """
    with graph_config.written_by(config.get("keras_version")), graph_config.custom_objects(custom_objects):
        return deserialize_layer(config)


def load_model(filepath: Any, custom_objects: Any = None, compile: bool = False, safe_mode: bool = True) -> Any:
    """Read a whole model from a file that any Keras saved.

    Args:
        filepath: an HDF5 file.
        custom_objects: your own classes and functions, by the names that the file uses.
        compile: accepted; the training config in the file is not used.
        safe_mode: accepted; loading never runs code from a file.

    Raises:
        ValueError: a file that is not a model, is cut short, or names layers that are not known.
        FileNotFoundError: where there is no file.
    """
    from gatewise.formats import load

    return load(filepath, custom_objects=custom_objects)


def clone_model(model: Model) -> Any:
    """A new model of the same architecture, with new weights."""
    classes = {type(layer).__name__: type(layer) for layer in model._walk()}
    with graph_config.custom_objects(classes):
        return type(model).from_config(model.get_config())
