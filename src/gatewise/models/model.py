"""The base of all models, and models drawn with symbolic tensors."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

import gatewise.layers  # noqa: F401 (registers every layer that a config may name)
from gatewise.arguments import SignatureOf, in_order
from gatewise.base import masks, ragged, release, structure
from gatewise.base.arrays import Tensor, as_input, unshared
from gatewise.base.changes import changes
from gatewise.base.recording import tapes
from gatewise.base.typing import Config
from gatewise.base.variable import all_or_nothing, current_scope
from gatewise.callbacks import CallbackList
from gatewise.config import config as settings
from gatewise.graph import Graph
from gatewise.graph import config as graph_config
from gatewise.inside import Trace, trace
from gatewise.layer import Layer, as_tensor, inside_a_call, penalties, registered
from gatewise.layer.serialization import serialize_layer
from gatewise.layer.symbolic import SymbolicTensor, any_symbolic
from gatewise.models import batches, drawn_losses, plan, state_tree, summary, unequal
from gatewise.models.plan import NO_PLAN
from gatewise.recurrent.precision import PrecisionOfLayers
from gatewise.training.data.reading import reader_of
from gatewise.training.trainable import Trainable

if TYPE_CHECKING:
    from gatewise.streaming import Stream, StreamPool


class _OfDrawing(SignatureOf):
    def __get__(self, instance: object | None, owner: Any) -> inspect.Signature | None:
        return super().__get__(instance, Functional if owner is Model else owner)


class Model(Trainable):
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
    is_model = True
    keras_module = "keras.models"
    __signature__ = _OfDrawing(in_order)
    precision = PrecisionOfLayers()
    """That of all recurrent layers inside: "float32", "bfloat16", or "mixed"; set it to set them all."""
    _settings = ("precision", "stop_training")

    if TYPE_CHECKING:
        # What a drawn model has, and so whatever programs and files usually make.
        def __init__(self, inputs: Any = None, outputs: Any = None, name: str | None = None, **kwargs: Any) -> None: ...

        @property
        def inputs(self) -> list[SymbolicTensor]: ...

        @property
        def outputs(self) -> list[SymbolicTensor]: ...

        @property
        def input_names(self) -> list[str]: ...

        @property
        def output_names(self) -> list[str]: ...
    else:

        def __new__(cls, *args, **kwargs):  # noqa: ANN002, ANN003, ANN204
            return super().__new__(Functional if cls is Model and _draws(args, kwargs) else cls)

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            if _draws(args, kwargs) and not isinstance(self, Functional):
                # A subclass that draws itself, super().__init__(inputs, outputs), is a functional model from here on.
                self.__class__ = _functional(type(self))
                Functional.__init__(self, *args, **kwargs)
            else:
                # tf_keras passes over `super().__init__(self)`, which a tutorial of TensorFlow's says.
                super().__init__(*(arg for arg in args if arg is not self), **kwargs)

    @classmethod
    def from_config(cls, config: Config, custom_objects: Any = None) -> Any:
        """Make the model again from what `get_config` gave; weights are new."""
        with graph_config.custom_objects(custom_objects):
            if {"layers", "input_layers", "output_layers"} <= set(config):
                return Functional.from_config.__func__(cls if _takes_any(cls) else Functional, config)  # type: ignore[attr-defined]
            return super().from_config(config)

    @property
    def layers(self) -> list[Layer]:
        """The layers directly inside this model; before Keras 3 its operations are layers too."""
        parts = self.operations
        return [each for each in parts if not each.is_operation] if release.current() == "keras3" else parts

    @property
    def operations(self) -> list[Layer]:
        """The layers and the operations (`x + y`, `ops.sum(x)`) directly inside this model."""
        return list(self._sublayers)

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list[Layer]:
        """This model and the layers inside: programs call it by this name of Keras's."""
        inside = [layer for layer in self._walk() if layer is not self] if recursive else self.layers
        return [self, *inside] if include_self else list(inside)

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
                name); a list of N sequences of unequal lengths (T, I), or a ragged tensor of them; or what gives
                batches: an iterator, a loader, a `Sequence`.
            batch_size: samples at a time. By default as many as are fast; for a stateful model its own batch size.
                Where the input of a `time_major` layer is the model's own, all are taken at once.
            verbose: 0 for no progress bar; else one appears on a terminal when the work takes long.
            steps: stop after so many batches.
            callbacks: called by Keras's hooks.
            max_queue_size, workers, use_multiprocessing: accepted for Keras 2's sake; nothing is queued.

        Returns:
            NumPy arrays in the structure of the model's outputs; for sequences of unequal lengths a list, where an
            output has a step for each of theirs. The states of stateful layers have moved on once,
            after all batches, or not at all where there was an error.

        Raises:
            TypeError, ValueError: for inputs that do not fit, before any work.
        """
        plain = callbacks is None and batch_size is None and steps is None and not self._predicts_itself()
        if plain and (y := self._by_plan(x)) is not NO_PLAN:
            return y
        x = ragged.sequences(x)
        hooks = CallbackList(callbacks, model=self)
        with all_or_nothing():
            if self.takes_sequences(x):
                return unequal.predicted(self, x, batch_size, hooks)
            parts, total = batches.cut(self, x, batch_size, steps)
            hooks.on_predict_begin()
            begun = batches.begun(batches.with_progress(parts, total, verbose), hooks)
            outputs = batches.joined(batches.ended(self._outputs(begun), hooks), total)
            hooks.on_predict_end()
        return unshared(outputs, [] if total is None else structure.flatten(x))

    def predict_generator(
        self, generator: Any, steps: int | None = None, callbacks: Any = None, *args: Any, **others: Any
    ) -> Any:
        """`predict` on a generator or a `Sequence`, in Keras 2's words."""
        verbose = others.pop("verbose", args[3] if len(args) > 3 else 0)
        return self.predict(generator, steps=steps, callbacks=callbacks, verbose=verbose, **others)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch."""
        with all_or_nothing():
            outputs = structure.map_structure(_plain, self._infer(x))
        return unshared(outputs, structure.flatten(x))

    def predict_step(self, state: Any, data: Any) -> tuple[Any, Any]:
        """One batch of `predict`, as a pure function; a subclass overrides it to predict in its own way.

        Args:
            state: the values of (`trainable_variables`, `non_trainable_variables`), two lists of arrays.
            data: (x,).

        Returns:
            The outputs, and the new values of `non_trainable_variables`. Source: Keras 3's trainer on JAX.
        """
        outputs, others = self.stateless_call(*state, data[0], training=False)
        return outputs, others

    def _predicts_itself(self) -> bool:
        return type(self).predict_step is not Model.predict_step

    def _by_own_step(self, batch: Any) -> Any:
        variables = self.non_trainable_variables
        state = [variable.value for variable in self.trainable_variables], [variable.value for variable in variables]
        outputs, others = self.predict_step(state, (batch,))
        for variable, value in zip(variables, others, strict=True):
            variable.assign(value)
        return outputs

    def plain_graph(self) -> Graph | None:
        """The graph, where running it is all that calling this model does."""
        return None

    def _by_plan(self, x: Any) -> Any:
        """The outputs by the short way, or NO_PLAN where there is none."""
        return NO_PLAN

    def _outputs(self, parts: Iterable[Any]) -> Iterator[Any]:
        for batch in parts:
            yield structure.map_structure(_plain, self._infer(batch))

    def _infer(self, batch: Any) -> Any:
        if self._predicts_itself():
            return self._by_own_step(batch)
        if settings.uses_jax():
            from gatewise.models.on_jax import infer_on_jax

            read = reader_of(self)
            return infer_on_jax(self, batch if read is None else read(batch))
        return self(batch, training=False) if "training" in self._call_takes().accepted else self(batch)

    def _checked_inputs(self, x: Any) -> Any:
        return structure.map_structure(lambda leaf: as_input(leaf, f"{self.label}: the input"), x)

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

    def stream_pool(self, capacity: int | None = None, when_full: str = "error") -> StreamPool:
        """A pool of streams of this model, each advanced by id when its turn comes.

        Args:
            capacity: the most streams that live at once, or None: as many as come.
            when_full: "error", or "drop_least_recent", which ends those that were not used for longest.

        Raises:
            ValueError: as for `stream`.
        """
        from gatewise.streaming import StreamPool

        return StreamPool(self, capacity, when_full)

    def trace(self, x: Any) -> Trace:
        """Look inside: one forward pass at inference, in which every recurrent layer's gates, states and output are
        kept, step by step. See docs/inside.md.

        NumPy computes it by the cells' own equations, all samples at once; it agrees with `predict` to rounding.
        Stateful layers start from the state that they carry, and nothing changes by the call.

        Args:
            x: as for a call of the model.

        Returns:
            A mapping of layers' names to what they computed, which draws itself: `trace.plot()`.

        Raises:
            ValueError: where the model is not built, has no recurrent layer, or refuses `x`.

        >>> import gatewise as gw
        >>> model = gw.Sequential([gw.Input((5, 3)), gw.layers.LSTM(6, name="memory")])
        >>> trace = model.trace(np.zeros((2, 5, 3)))
        >>> trace["memory"].forget_gate.shape, trace["memory"].memory.shape
        ((2, 5, 6), (6,))
        """
        return trace(self, x)

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

    def _repr_html_(self) -> str:
        return summary.as_html(self)

    def plot(self, to_file: Any = None, **options: Any) -> Any:
        """Draw the layers and what passes between them, as SVG: see `gatewise.models.plotting.plot_model`.

        Args:
            to_file: the picture's, or None; a notebook shows what comes back.
            **options: `show_shapes=True` and its kin.
        """
        from gatewise.models.plotting import plot_model

        return plot_model(self, to_file, **options)

    def to_json(self, **options: Any) -> str:
        """The architecture as JSON, in Keras 3's form; `model_from_json` reads it back. Weights are not in it.

        Args:
            **options: for `json.dumps`, such as `indent=2`.
        """
        import json

        return json.dumps(serialize_layer(self), **options)

    def load_weights(self, filepath: Any, by_name: bool = False, skip_mismatch: bool = False) -> None:
        """Read the weights from a file that any Keras saved (weights alone, or a whole model).

        A `.weights.h5` or `.keras` file gives a compiled model its optimizer's state too.

        Args:
            filepath: of the file.
            by_name: match layers by name, and leave those alone that the file does not have; else by order.
            skip_mismatch: with `by_name`, leave a layer alone whose shapes differ.

        Raises:
            ValueError: weights that are missing or do not fit; nothing changes then.
        """
        from gatewise.models.weight_files import load_weights

        load_weights(self, filepath, by_name=by_name, skip_mismatch=skip_mismatch)

    def save(
        self,
        filepath: Any,
        overwrite: bool = True,
        include_optimizer: bool = True,
        save_format: str | None = None,
        *,
        zipped: bool | None = None,
        release: Any = None,
    ) -> None:
        """Write the model to a `.keras` or HDF5 file that the real Keras loads: see `gatewise.models.save_model`.

        Args:
            filepath: ends in `.keras`, `.h5` or `.hdf5`.
            overwrite: whether a file that is there may be replaced.
            include_optimizer: whether the optimizer is written with it.
            save_format: "keras" or "h5", where the file's name does not say it.
            zipped: False for a folder, whose name has no ending.
            release: whose form: "keras3", "tf2" or "tf1"; by default that in which the program is.

        Raises:
            FileExistsError, FileNotFoundError, ValueError, OSError: the file that was there is whole then.
        """
        from gatewise.models.saving import save_model

        save_model(self, filepath, overwrite, include_optimizer, save_format, zipped=zipped, release=release)

    def get_state_tree(self, value_format: str = "backend_tensor") -> Config:
        """All values, as nested dicts by the parts of the variables' paths.

        Args:
            value_format: "backend_tensor" for the values as they are, "numpy_array" for copies.

        Returns:
            A dict of `trainable_variables`, `non_trainable_variables`, `optimizer_variables`, `metrics_variables`.

        Raises:
            ValueError: where two variables have one path.

        >>> import gatewise as gw
        >>> model = gw.Sequential([gw.Input((2,)), gw.layers.Dense(1, name="last")], name="model")
        >>> model.get_state_tree()["trainable_variables"]["last"]["kernel"].shape
        (2, 1)
        """
        return state_tree.state_tree(self, value_format)

    def set_state_tree(self, tree: Any) -> None:
        """Take values from what `get_state_tree` gave; what is not in it stays."""
        state_tree.set_state_tree(self, tree)

    def export(self, filepath: Any, format: str | None = None, **options: Any) -> None:
        """Write the model for another runtime: see `gatewise.models.exporting.export`.

        Args:
            filepath: whose ending says the format: `.onnx`, `.safetensors` for PyTorch, or `.c`.
            format: where the ending does not say it.
            **options: of the format: `states=True` has the states of recurrent layers among ONNX's inputs and outputs;
                `weights="int8"` has C keep its tables of weights in 8 bits.
        """
        from gatewise.models.exporting import export

        export(self, filepath, format, **options)

    def save_weights(
        self,
        filepath: Any,
        overwrite: bool = True,
        save_format: str | float | None = None,
        *,
        max_shard_size: float | None = None,
    ) -> None:
        """Write the weights to a `.weights.h5` file (or `.h5`, the older layout).

        Args:
            filepath: ends in `.weights.h5`, `.h5`, `.hdf5` or `.safetensors`; with `max_shard_size` in `.weights.json`.
            overwrite: whether a file that is there may be replaced.
            save_format: "h5" or None; by place also `max_shard_size`, which is third in Keras 3.
            max_shard_size: how many gigabytes of weights one file may have; they are then written to several, which
                `filepath` lists.

        Raises:
            FileExistsError, FileNotFoundError, ValueError, OSError: the file that was there is whole then.
        """
        from gatewise.models.saving import save_weights

        save_weights(self, filepath, overwrite, save_format, max_shard_size=max_shard_size)


def _draws(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a model's arguments are symbolic tensors to draw it with."""
    return len(args) >= 2 or {"inputs", "outputs"} <= set(kwargs) or (len(args) == 1 and "outputs" in kwargs)


def _takes_any(cls: Any) -> bool:
    """Whether a subclass hands on whatever a functional model is made with."""
    kinds = {parameter.kind for parameter in inspect.signature(cls.__init__).parameters.values()}
    return cls is not Model and kinds >= {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}


@cache
def _functional(cls: Any) -> Any:
    """The class of a subclass's functional models."""
    return type(cls.__name__, (cls, Functional), {"__module__": cls.__module__, "__doc__": cls.__doc__})


def _plain(value: Any) -> np.ndarray:
    return np.asarray(value) if type(value) is not np.ndarray else value


class Drawn(Model):
    """What Functional and Sequential share: a graph that runs."""

    supports_masking = True
    is_drawn = True
    _build_is_whole = False

    def _by_plan(self, x: Any) -> Any:
        if (
            type(x) is not np.ndarray
            or x.nbytes > batches.CHUNK_BYTES
            or current_scope() is not None
            or settings.uses_jax()
            or self.input_spec is not None  # The general way looks at it.
        ):
            return NO_PLAN
        if changes.under_way:  # The general way sees the weights of one moment.
            return NO_PLAN
        before, prepared = changes.latest, plan.of(self)
        if prepared is None:
            return NO_PLAN
        y = prepared.run(x)
        # What another thread changed meanwhile may have been of this model: then y may be of neither set of weights.
        return y if changes.latest == before or plan.of(self) is prepared else NO_PLAN

    def plain_graph(self) -> Graph | None:
        return self._graph_now() if self.built and type(self).call is Drawn.call else None

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if not args and not kwargs and not inside_a_call() and not tapes():
            y = self._by_plan(inputs)
            if y is not NO_PLAN:
                return y.view(Tensor) if type(y) is np.ndarray else structure.map_structure(as_tensor, y)
        return super().__call__(inputs, *args, **kwargs)

    def _graph_now(self) -> Graph:
        raise TypeError(f"{type(self).__name__} has no graph.")

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Run the layers on arrays in the structure of the model's inputs."""
        kept = penalties.collected()
        if kept is not None and self._drawn_losses is not None:
            return self._drawn_losses.run(inputs, mask, kept)
        return self._graph_now().run(inputs, mask)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The masks that the outputs carry, in their structure. They come from running the model once more."""
        outputs = self(inputs) if mask is None else self(inputs, mask=mask)
        return structure.map_structure(masks.of, outputs)

    # -- losses drawn on tensors --------------------------------------------------------------------------------------

    _drawn_losses: drawn_losses.DrawnLosses | None = None

    def add_loss(self, losses: Any, **others: Any) -> None:
        """Add to the loss: symbolic tensors of this model, whose means count in every step; see `Layer.add_loss`.

        Raises:
            ValueError: for a tensor that needs others than the model's inputs.

        >>> import gatewise as gw
        >>> x = gw.Input((2,))
        >>> model = gw.Model(x, gw.layers.Dense(1, kernel_initializer="ones")(x))
        >>> model.add_loss((model.output - 3.0) ** 2)
        >>> model.compile("sgd")
        >>> model.evaluate(np.ones((4, 2)), verbose=0)
        1.0
        """
        if any_symbolic(losses):
            self._draw_losses(losses)
        else:
            super().add_loss(losses, **others)

    def add_metric(self, value: Any, name: str | None = None, aggregation: Any = "mean", **others: Any) -> None:
        """Report the mean of a symbolic tensor of this model under `name`; see `Layer.add_metric`."""
        if any_symbolic(value):
            self._draw_losses(value, name or value.name.partition(":")[0])
        else:
            super().add_metric(value, name, aggregation, **others)

    def _draw_losses(self, tensors: Any, name: str | None = None) -> None:
        found = drawn_losses.of(self._graph_now(), self._drawn_losses, tensors, name)
        self._drawn_losses = found
        known = {id(layer) for layer in self._sublayers}
        self._sublayers.extend(layer for layer in found.layers() if id(layer) not in known)
        if self._compiled is not None:
            self._compiled.outputs = None  # What is reported has changed.

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
    def drawn_input_shape(self) -> Any:
        """The inputs' shapes, in their structure."""
        return structure.map_structure(lambda tensor: tensor.shape, self._graph_now().inputs)

    @property
    def output_shape(self) -> Any:
        """The outputs' shapes, in their structure, with the layers' arguments as they are now."""
        graph = self._graph_now()
        return graph.output_shapes([tensor.shape for tensor in graph.input_tensors])


@registered.register("Functional", "Model")
class Functional(Drawn):
    """A model drawn with symbolic tensors; what `Model(inputs, outputs)` makes."""

    counts_drawing = True
    keras_module = "keras.src.models.functional"  # Keras's public modules do not show it.

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
            trainable = config.get("trainable", True)
            # A subclass may have arguments of its own in its config.
            own = {} if cls is Functional else {k: v for k, v in config.items() if k not in graph_config.GRAPH_KEYS}
            return cls(inputs, outputs, name=config.get("name"), trainable=trainable, **own)
