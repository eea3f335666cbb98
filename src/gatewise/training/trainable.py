"""What a model can do about training: `compile`, `fit`, `evaluate` and their sisters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from gatewise import losses, metrics, optimizers
from gatewise.base import ragged, release
from gatewise.base.typing import Array, Config
from gatewise.base.words import nearest
from gatewise.callbacks import CallbackList, History
from gatewise.distribution.devices import is_first_process
from gatewise.graph import InputLayer
from gatewise.layer import Layer
from gatewise.training import asked, step
from gatewise.training.by_hand import CompiledLoss, CompiledMetrics
from gatewise.training.compiled import ARGUMENTS, Compiled
from gatewise.training.data import Batch, Source, adapt, unpacked
from gatewise.training.data.reading import Reading, reader_of
from gatewise.training.data.sequences import are_ragged
from gatewise.training.evaluating import evaluated, evaluated_on
from gatewise.training.fitting import Validation, fit, on_batch, warm_step
from gatewise.training.preparing import check_targets, compiled_of, prepare
from gatewise.training.program import jax_or_say_what_to_install
from gatewise.training.resuming import restore_training_state, training_state
from gatewise.training.splitting import one_batch, split

_ORDERS = {
    "keras3": ("loss_weights", "metrics", "weighted_metrics", "run_eagerly", "steps_per_execution", "jit_compile"),
    "tf2": ("metrics", "loss_weights", "weighted_metrics", "run_eagerly", "steps_per_execution", "jit_compile"),
    "tf1": ("metrics", "loss_weights", "sample_weight_mode", "weighted_metrics", "target_tensors"),
}
"""The arguments of `compile` after the loss, in the order of each generation."""
_WITHOUT_EFFECT = ("sample_weight_mode", "target_tensors", "auto_scale_loss", "pss_evaluation_shards", "distribute")
_QUEUES = ("max_queue_size", "workers", "use_multiprocessing", "pickle_safe", "max_q_size", "nb_worker")
"""Keras 2's arguments about queues, accepted: nothing is queued."""


class Trainable(Layer):
    """The part of a model that trains."""

    _compiled: Compiled | None = None
    stop_training = False
    """Set by a callback: training ends after this step."""
    history: Any = None
    """The `History` of the last `fit`."""

    # -- compile ----------------------------------------------------------------------------------------------------

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        *args: Any,
        metrics: Any = None,
        loss_weights: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int | str = 1,
        jit_compile: Any = "auto",
        **others: Any,
    ) -> None:
        """Say what training minimises, how, and what it reports. It needs no JAX.

        Args:
            optimizer: a name, an optimizer, a config, or an optax transformation.
            loss: a name, a loss or a function `(y_true, y_pred)`; for several outputs one for all, a list, or a dict by
                output name, with None for an output that has no loss.
            args: what follows the loss by place: `loss_weights, metrics, ...` in Keras 3, `metrics, loss_weights, ...`
                before.
            metrics: a list, for several outputs a list of lists or a dict; they count every sample once.
            loss_weights: what each output's loss is multiplied by: a list or a dict.
            weighted_metrics: as `metrics`, and samples count by their weights.
            run_eagerly: run each step as written, without `jax.jit`, to look into it.
            steps_per_execution: how many steps go between two calls of callbacks that have hooks for batches. Without
                such callbacks as many steps are run at once as take 50 ms.
            jit_compile: accepted; steps are always compiled, but for `run_eagerly`.
            others: arguments of older releases, without effect.

        Raises:
            ValueError: an unknown name, with the nearest known one.

        >>> import gatewise as gw
        >>> model = gw.Sequential([gw.layers.LSTM(4, input_shape=(5, 3)), gw.layers.Dense(1)])
        >>> model.compile("adam", "mse", metrics=["mae"])
        >>> model.optimizer.learning_rate.numpy()
        array(0.001, dtype=float32)
        """
        for name, value in zip(_ORDERS[release.current()], args, strict=False):
            others[name] = value
        given: Config = {
            "optimizer": optimizer,
            "loss": loss,
            "metrics": others.pop("metrics", metrics),
            "loss_weights": others.pop("loss_weights", loss_weights),
            "weighted_metrics": others.pop("weighted_metrics", weighted_metrics),
            "run_eagerly": bool(others.pop("run_eagerly", run_eagerly)),
            "steps_per_execution": others.pop("steps_per_execution", steps_per_execution) or 1,
            "jit_compile": others.pop("jit_compile", jit_compile),
        }
        for name in others:
            if name not in _WITHOUT_EFFECT:
                raise TypeError(f"{self.label}: compile has no argument {name!r}.{nearest(name, ARGUMENTS)}")
        self._compiled = Compiled(given)
        optimizer = self._compiled.optimizer
        scales = self._mixed == "mixed_float16" and others.get("auto_scale_loss", True)
        if scales and optimizer is not None and not isinstance(optimizer, optimizers.LossScaleOptimizer):
            self._compiled.optimizer = optimizers.LossScaleOptimizer(optimizer)

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._compiled is not None

    @property
    def optimizer(self) -> Any:
        """The optimizer, or None before `compile`."""
        return None if self._compiled is None else self._compiled.optimizer

    @optimizer.setter
    def optimizer(self, value: Any) -> None:
        compiled_of(self, "setting an optimizer").optimizer = optimizers.get(value)

    @property
    def loss(self) -> Any:
        """The loss as `compile` was given it."""
        return None if self._compiled is None else self._compiled.given["loss"]

    @property
    def run_eagerly(self) -> bool:
        """As `compile` was given it."""
        return self._compiled is not None and bool(self._compiled.given["run_eagerly"])

    @property
    def steps_per_execution(self) -> Any:
        """As `compile` was given it."""
        return 1 if self._compiled is None else self._compiled.given["steps_per_execution"]

    @property
    def metrics(self) -> list[Any]:
        """The mean of the loss, those of several outputs' losses, and all metrics; the metrics among the attributes."""
        made = [] if self._compiled is None else list(self._compiled.named().values())
        return made + [metric for metric in self._own_metrics() if not any(metric is other for other in made)]

    @property
    def metrics_names(self) -> list[str]:
        """The names in the logs; all of them are known after the first batch."""
        made = [] if self._compiled is None else list(self._compiled.named())
        return made + [metric.name for metric in self._own_metrics()]

    def reset_metrics(self) -> None:
        """Start all metrics anew."""
        made = [] if self._compiled is None else list(self._compiled.named().values())
        for metric in {id(metric): metric for metric in [*made, *self.metrics]}.values():
            metric.reset_state()

    def get_compile_config(self) -> Config | None:
        """The arguments of `compile`, as values that JSON can hold; None before it."""
        if self._compiled is None:
            return None
        kept = self._compiled.given
        return {
            **kept,
            "optimizer": None if self.optimizer is None else optimizers.serialize(self.optimizer),
            "loss": _each(kept["loss"], losses.serialize),
            "metrics": _each(kept["metrics"], metrics.serialize),
            "weighted_metrics": _each(kept["weighted_metrics"], metrics.serialize),
        }

    def compile_from_config(self, config: Config) -> None:
        """`compile` with what `get_compile_config`, or Keras's, gave.

        >>> import gatewise as gw
        >>> model = gw.Sequential([gw.layers.Dense(1, input_shape=(3,))])
        >>> model.compile("sgd", "mse"); model.compile_from_config(model.get_compile_config())
        >>> model.loss
        'mse'
        """
        given = {name: value for name, value in config.items() if name in ARGUMENTS}
        for name, module in (("loss", losses), ("metrics", metrics), ("weighted_metrics", metrics)):
            given[name] = _each(given.get(name), partial(_made_again, module))
        self.compile(**given)

    # -- fit --------------------------------------------------------------------------------------------------------

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: Any = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
        **others: Any,
    ) -> History:
        """Train the model.

        Args:
            x: the inputs (N, ...): arrays or frames, for several inputs a list or a dict; a list of N sequences of
                unequal lengths (T, I); or what gives batches (x, y) or (x, y, sample_weight): a `Dataset`, a generator,
                a loader, a `Sequence`.
            y: the targets (N, ...), for several outputs a list or a dict.
            batch_size: samples in a step, 32 by default.
            epochs: the number of the last epoch, counted from 1.
            verbose: 0 for no progress bar, 1 for one, 2 for a line an epoch.
            callbacks: a list of callbacks, called by Keras's hooks.
            validation_split: this share of the samples, the last ones, is kept for validation.
            validation_data: `(x, y)`, `(x, y, sample_weight)`, or what gives batches.
            shuffle: whether the samples come in another order in each epoch; "batch" moves whole batches.
            class_weight: a weight for each class, by its id.
            sample_weight: a weight for each sample (N,), or for each step (N, T); for several outputs one for all, a
                list or a dict.
            initial_epoch: the number of the first epoch, counted from 0.
            steps_per_epoch: batches in an epoch; needed for generators without end.
            validation_steps, validation_batch_size: the same of validation.
            validation_freq: validate after every so many epochs, or after those in a list.
            others: Keras 2's `workers` and its like, without effect; `nb_epoch` for `epochs`.

        Returns:
            A `History`: its `history` has the logs of all epochs by name.

        Raises:
            ImportError: without JAX.
            RuntimeError: before `compile`.
            TypeError, ValueError: for data that does not fit, before the first step.

        Whatever ends it, Ctrl-C or an error in a callback or a generator too, the weights are those after the last
        finished step. Source: Keras's `Model.fit`.

        >>> import gatewise as gw
        >>> x, y = np.zeros((8, 5, 3)), np.ones((8, 1))
        >>> model = gw.Sequential([gw.layers.LSTM(4, input_shape=(5, 3)), gw.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> history = model.fit(x, y, epochs=2, verbose=0).history
        >>> history["loss"][0], history["loss"][1] < 1
        (1.0, True)
        """
        epochs = others.pop("nb_epoch", epochs)
        _refuse("fit", others)
        compiled_of(self, "fit")
        start = f"{self.label}: fit: "
        asked.whole(f"{start}epochs", epochs, least=0)
        asked.whole(f"{start}initial_epoch", initial_epoch, least=0)
        asked.whole(f"{start}steps_per_epoch", steps_per_epoch)
        asked.whole(f"{start}validation_steps", validation_steps)
        asked.frequency(f"{start}validation_freq", validation_freq)
        asked.share(f"{start}validation_split", validation_split)
        asked.one_of(f"{start}shuffle", shuffle, (True, False, None, "batch"))
        x, y = ragged.sequences(x), ragged.sequences(y)
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = split(x, y, sample_weight, validation_split)
        source = self._source(x, y, sample_weight, batch_size, shuffle, class_weight)
        source.check_end(steps_per_epoch, "steps_per_epoch")
        if source.endless and steps_per_epoch is None and epochs - initial_epoch > 1:
            raise ValueError(
                f"{self.label}: a generator goes on from epoch to epoch: with epochs={epochs} say how many batches an "
                "epoch has, steps_per_epoch=..."
            )
        if source.batches is not None and not source.endless and (steps_per_epoch or 0) > source.batches:
            raise ValueError(
                f"{start}the data ends after {source.batches} batches, but steps_per_epoch is {steps_per_epoch}. Give "
                "more data, fewer steps, or a generator that repeats it."
            )

        def validation() -> Validation | None:
            if validation_data is None:
                return None
            parts = unpacked(validation_data, listed=isinstance(validation_data, list))
            own = self._source(*parts, validation_batch_size or batch_size)
            own.check_end(validation_steps, "validation_steps")
            return Validation(own, validation_steps, validation_freq)

        def make_callbacks(steps: int | None) -> CallbackList:
            return self._callbacks(callbacks, verbose, epochs=epochs, steps=steps)

        history: History = fit(self, source, validation, epochs, initial_epoch, steps_per_epoch, make_callbacks)
        return history

    def _source(
        self, x: Any, y: Any, sample_weight: Any, batch_size: int | None, shuffle: Any = False, class_weight: Any = None
    ) -> Source:
        x, y = ragged.sequences(x), ragged.sequences(y)
        inputs = len(self.inputs) if self.is_drawn and self.built else None  # type: ignore[attr-defined]
        masked = self.masks_reach_all if self.takes_sequences(x) else None
        return self._reading(adapt(x, y, sample_weight, batch_size, shuffle, class_weight, inputs, masked))

    def _reading(self, source: Source) -> Source:
        """The source, with text read where the model takes any."""
        read = reader_of(self)
        return source if read is None else Reading(source, read)

    def takes_sequences(self, x: Any) -> bool:
        """Whether x is a list of sequences of unequal lengths that this model may take."""
        if not are_ragged(x):
            return False
        if not self.is_drawn or not self.built:
            return True
        (first, *others) = self.inputs  # type: ignore[attr-defined]
        return not others and len(first.shape) == 1 + np.ndim(x[0])

    @property
    def masks_reach_all(self) -> bool:
        """Whether every layer inside can leave out masked steps, or let the mask travel on."""
        passing = (layer.supports_masking or layer.is_model or isinstance(layer, InputLayer) for layer in self._walk())
        return all(passing)

    def _callbacks(self, callbacks: Any, verbose: Any, **params: Any) -> CallbackList:
        if isinstance(callbacks, CallbackList):
            return callbacks
        asked.one_of(
            f"{self.label}: verbose", int(verbose) if isinstance(verbose, bool) else verbose, ("auto", 0, 1, 2)
        )
        shown = 1 if verbose == "auto" else int(verbose)
        if not is_first_process():
            shown = 0
        return CallbackList(callbacks, add_history=True, add_progbar=shown != 0, model=self, verbose=shown, **params)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        reset_metrics: bool = True,
        return_dict: bool = False,
    ) -> Any:
        """One step of training on one batch.

        Args:
            x, y, sample_weight, class_weight: as for `fit`.
            reset_metrics: whether metrics start anew before it. The first releases of Keras 3 had them go on.
            return_dict: whether to return the logs by name.

        Returns:
            The loss before the step; with metrics a list [loss, metrics...].
        """
        jax_or_say_what_to_install(f"{self.label}: train_on_batch")
        source = self._reading(one_batch(x, y, sample_weight, class_weight))
        warm = warm_step(self, reset_metrics)
        if warm is None:
            prepare(self, source, "train_on_batch", training=True)
        else:
            check_targets(self, source)
        return self._said(on_batch(self, source.first(), anew=reset_metrics, warm=warm), return_dict)

    # -- going on after an interruption -----------------------------------------------------------------------------

    def training_state(self) -> dict[str, np.ndarray]:
        """All that the steps to come depend on, after the last finished one: what `BackupAndRestore` saves.

        Returns:
            Arrays by name: the variables of the layers, the optimizer and the metrics, the number of steps and the seed
            of their random numbers, the random streams of the process and of layers, and, while `fit` runs, what the
            order of the epoch's samples was drawn from.

        Raises:
            RuntimeError: before `compile`.

        >>> import gatewise as gw
        >>> model = gw.Sequential([gw.layers.Dense(1, input_shape=(2,))])
        >>> model.compile("sgd", "mse")
        >>> sorted(name for name in model.training_state() if name.startswith("trainable"))
        ['trainable/0', 'trainable/1']
        """
        compiled_of(self, "training_state")
        return training_state(self)

    def restore_training_state(self, state: Mapping[str, Any], epoch: int, batch: int) -> None:
        """Take a state back, and let `fit` go on with this batch of this epoch: the weights at the end are those of a
        run without interruption, bit for bit. For a callback's `on_train_begin`.

        The program must give the same data. Arrays come in the order that they had; a `Sequence` is told of the ends
        of the epochs before; a generator is asked for the batches before this one again, and they are dropped.

        Args:
            state: what `training_state` gave.
            epoch, batch: counted from 0. All batches of the epoch may be done.

        Raises:
            RuntimeError: where `fit` does not run.
            ValueError: for a state of another model: which name, shape or dtype differs. Nothing has changed then.
        """
        compiled_of(self, "restore_training_state")
        restore_training_state(self, state, epoch, batch)

    # -- evaluate ---------------------------------------------------------------------------------------------------

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **others: Any,
    ) -> Any:
        """The loss and the metrics on data. It needs no JAX: it runs on NumPy and the native engine.

        Args:
            x, y, sample_weight, batch_size, verbose, callbacks: as for `fit`.
            steps: so many batches.
            return_dict: whether to return the logs by name.
            others: Keras 2's `workers` and its like, without effect.

        Returns:
            The loss; with metrics a list [loss, metrics...], in the order of `metrics_names`.

        >>> import gatewise as gw
        >>> model = gw.Sequential([gw.layers.Dense(1, kernel_initializer="ones", input_shape=(2,))])
        >>> model.compile(loss="mse", metrics=["mae"])
        >>> model.evaluate(np.ones((4, 2)), np.zeros((4, 1)), verbose=0)
        [4.0, 2.0]
        """
        _refuse("evaluate", others)
        compiled_of(self, "evaluate")
        asked.whole(f"{self.label}: evaluate: steps", steps)
        source = self._source(x, y, sample_weight, batch_size)
        source.check_end(steps, "steps")
        prepare(self, source, "evaluate", training=False)
        listed = self._callbacks(callbacks, verbose, epochs=1, steps=steps or source.batches)
        return self._said(evaluated(self, source, steps, listed), return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, reset_metrics: bool = True,
        return_dict: bool = False,
    ) -> Any:  # fmt: skip
        """The loss and the metrics on one batch; arguments and result as for `train_on_batch`."""
        source = self._reading(one_batch(x, y, sample_weight, None))
        prepare(self, source, "test_on_batch", training=False)
        if reset_metrics:
            self.reset_metrics()
        return self._said(evaluated_on(self, source.first()), return_dict)

    def _said(self, logs: Config, as_dict: bool) -> Any:
        """The logs as a dict, a list, or the only number."""
        if as_dict:
            return logs
        names = list(logs)
        outputs = None if self._compiled is None else self._compiled.outputs
        if outputs is not None and len(outputs.names) > 1 and release.current() == "keras3":
            losses_first = {"loss", *(f"{name}_loss" for name in outputs.names)}
            first = [name for name in names if name in losses_first]
            names = first + sorted(set(names) - set(first))  # As Keras 3 does for several outputs.
        values = [logs[name] for name in names]
        return values[0] if len(values) == 1 else values

    # -- generators, in older words ---------------------------------------------------------------------------------

    def fit_generator(
        self,
        generator: Any,
        steps_per_epoch: int | None = None,
        epochs: int = 1,
        verbose: Any = 1,
        callbacks: Any = None,
        validation_data: Any = None,
        validation_steps: int | None = None,
        *args: Any,
        **others: Any,
    ) -> Any:
        """`fit` on a generator or a `Sequence`, in Keras 1's and 2's words."""
        for old, value in zip(_FIT_GENERATOR[release.current()], args, strict=False):
            others[old] = value
        return self.fit(
            generator,
            steps_per_epoch=steps_per_epoch,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            validation_data=validation_data,
            validation_steps=validation_steps,
            **others,
        )

    def evaluate_generator(
        self, generator: Any, steps: int | None = None, callbacks: Any = None, *args: Any, **others: Any
    ) -> Any:
        """`evaluate` on a generator or a `Sequence`, in Keras 2's words."""
        verbose = others.pop("verbose", args[3] if len(args) > 3 else 0)
        return self.evaluate(generator, steps=steps, callbacks=callbacks, verbose=verbose, **others)

    # -- one's own step ---------------------------------------------------------------------------------------------

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The loss of a batch: those of all outputs, each times its weight, and `losses`: what layers and regularizers
        add. A subclass may override it.

        Args:
            x: the inputs.
            y: the targets.
            y_pred: the model's outputs.
            sample_weight: the weights, or None.
            training: whether it is for a step of training.

        Returns:
            One number, or None where nothing gives a loss.
        """
        return step.total_loss(self, y, y_pred, sample_weight)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Config:
        """Move the metrics on by a batch, and return the logs. A subclass may override it: what it returns are the
        logs, those of the last batch at the end of an epoch.

        Args:
            x, y, y_pred, sample_weight: as for `compute_loss`.

        Returns:
            Numbers by name. Under the very names of `metrics`, what the metrics have gathered comes in their place, as
            in Keras 3.
        """
        step.watched(self, Batch(x, y, sample_weight), y_pred)
        return step.results(self)

    @property
    def compiled_loss(self) -> CompiledLoss:
        """Keras 2's: the loss of `compile`, for a `train_step(self, data)` written by hand."""
        return CompiledLoss(self)

    @property
    def compiled_metrics(self) -> CompiledMetrics:
        """Keras 2's: the metrics of `compile`, for the same."""
        return CompiledMetrics(self)

    def get_metrics_result(self) -> Config:
        """The logs: what all metrics have gathered. A subclass may override it, and add numbers made of them."""
        return step.results(self)

    def train_step(self, state: Any, data: Any) -> tuple[Config, Any]:
        """One step of training, as a pure function; a subclass overrides it to train in its own way.

        A subclass may write it for TensorFlow too, `train_step(self, data)`: such a step changes the variables itself,
        with a `GradientTape`, and gives the logs alone; it runs as it is, batch by batch.

        Args:
            state: the values of (`trainable_variables`, `non_trainable_variables`, `optimizer.variables`,
                `metrics_variables`), four lists of JAX's arrays.
            data: (x, y) or (x, y, sample_weight).

        Returns:
            The logs, and the new state. Nothing in the model changes. Random numbers for dropout come from the step
            that is going on. `stateless_call`, `compute_loss`, `optimizer.stateless_apply` and a metric's
            `stateless_update_state` are what it is made of. Source: Keras 3's trainer on JAX.
        """
        variables = step.variables_of(self)
        before = step.State(*map(list, state))
        after, logs = step.trained(self, variables, before, Batch(*unpacked(data)), step.key_now())
        return logs or step.results_of(self, after), tuple(after)

    def test_step(self, state: Any, data: Any) -> tuple[Config, Any]:
        """One batch of evaluation, as a pure function; see `train_step`. Its state has no optimizer's values."""
        variables = step.variables_of(self)
        before = step.State(list(state[0]), list(state[1]), [v.value for v in variables.optimizer], list(state[2]))
        after, logs = step.tested(self, variables, before, Batch(*unpacked(data)), step.key_now())
        return logs or step.results_of(self, after), (after.trainable, after.non_trainable, after.metrics)

    def compute_loss_and_updates(
        self,
        trainable_variables: list[Array],
        non_trainable_variables: list[Array],
        metrics_variables: list[Array],
        x: Any,
        y: Any,
        sample_weight: Any = None,
        training: bool = False,
        optimizer_variables: list[Array] | None = None,
    ) -> tuple[Any, Any]:
        """The loss as a pure function, for `jax.value_and_grad(..., has_aux=True)`.

        Returns:
            The loss (scaled, where the optimizer scales it), and (the loss, the outputs, the new values of the
            non-trainable variables, and those of the metrics' variables).
        """
        variables = step.variables_of(self)
        kept = [v.value for v in variables.optimizer] if optimizer_variables is None else optimizer_variables
        state = step.State(trainable_variables, non_trainable_variables, kept, metrics_variables)
        batch = Batch(x, y, sample_weight)
        key = step.key_now()
        scaled, aux = step.loss_and_updates(self, variables, state, batch, training, key, trainable_variables)
        return scaled, aux[:4]


_FIT_GENERATOR = {
    "keras3": (),
    "tf2": ("validation_freq", "class_weight", *_QUEUES[:3], "shuffle", "initial_epoch"),
    "tf1": ("class_weight", *_QUEUES[:3], "shuffle", "initial_epoch"),
}
"""The arguments of `fit_generator` after `validation_steps`, by place."""


_FIT_WORDS = ("nb_epoch", *Trainable.fit.__code__.co_varnames[1 : Trainable.fit.__code__.co_argcount])


def _refuse(what: str, others: Config) -> None:
    """Let Keras 2's words about queues be, and refuse unknown ones."""
    for name in others:
        if name not in _QUEUES:
            raise TypeError(f"{what} has no argument {name!r}.{nearest(name, (*_QUEUES, *_FIT_WORDS))}")


def _each(given: Any, function: Callable[[Any], Any]) -> Any:
    """A function of each loss or metric in a structure of them."""
    if given is None or isinstance(given, str):
        return given
    if isinstance(given, (list, tuple)):
        return [_each(part, function) for part in given]
    if isinstance(given, dict) and "class_name" not in given:
        return {name: _each(part, function) for name, part in given.items()}
    return function(given)


def _made_again(module: Any, given: Any) -> Any:
    return module.deserialize(given) if isinstance(given, dict) else given


Trainable._unsearched = Layer._unsearched | {"_compiled", "stop_training", "history", "optimizer"}
