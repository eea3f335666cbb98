"""The loop of `fit`: epochs, steps, callbacks, validation."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from gatewise.base.changes import changes
from gatewise.callbacks import CallbackList
from gatewise.distribution.devices import from_first_process, process_count
from gatewise.training import by_hand, step
from gatewise.training.compiled import Compiled
from gatewise.training.data import Batch, Source
from gatewise.training.evaluating import evaluated, plain_logs
from gatewise.training.interrupts import held_back
from gatewise.training.preparing import can_fill_up, prepare
from gatewise.training.program import (
    Held,
    Program,
    is_uneven,
    jax_or_say_what_to_install,
    placed,
    program,
    settings_of,
)
from gatewise.training.resuming import running
from gatewise.training.segments import Segment, segments

DISPATCH_SECONDS: Final = 0.05
"""As many steps go into one dispatch as take about so long: then what happens around it costs little, and Ctrl-C and
the progress bar do not wait."""
TOGETHER: Final = 16
"""How many steps go into one dispatch where there are several processes."""


@dataclass
class Validation:
    """The data of validation, how many of its batches to take, and after which epochs."""

    source: Source
    steps: int | None = None
    freq: Any = 1

    def is_due(self, epoch: int) -> bool:
        """Whether it comes after this epoch, counted from 0."""
        number = epoch + 1
        return number % self.freq == 0 if isinstance(self.freq, int) else number in self.freq


class Pace:
    """How many steps to run in one dispatch."""

    def __init__(self, fixed: int | None) -> None:
        self.fixed = fixed
        self._seconds: float | None = None
        self._dispatches = 0

    def count(self) -> int:
        """The number for the next dispatch."""
        if self.fixed is not None:
            return self.fixed
        return 1 if self._seconds is None else max(1, int(DISPATCH_SECONDS / self._seconds))

    def took(self, seconds: float, steps: int) -> None:
        """Note how long a dispatch took; the first one was compiled, and says nothing."""
        if self._dispatches:
            self._seconds = max(seconds / steps, 1e-6)
        self._dispatches += 1


class Training:
    """One call of `fit`.

    Args:
        model: compiled.
        source: of the batches.
        callbacks: a `CallbackList`.
        steps: batches in an epoch, or None for as many as there are.
    """

    def __init__(self, model: Any, source: Source, callbacks: CallbackList, steps: int | None) -> None:
        self.model = model
        self.source = source
        self.callbacks = callbacks
        self.steps = steps
        self.compiled: Compiled = model._compiled
        given = self.compiled.given["steps_per_execution"]
        self.each = callbacks.needs_batch_hooks("train")
        fixed = given if isinstance(given, int) and (given > 1 or self.each) else None
        if fixed is None and process_count() > 1:
            fixed = TOGETHER  # All processes must run the same steps at once, and their clocks differ.
        self.pace = Pace(1 if self.each and fixed is None else fixed)
        tail = source.samples is None or source.size is None or source.samples % source.size > 0
        self.fills_up = (tail or not source.one_shape or is_uneven(source.size)) and can_fill_up(model)
        self.held = Held(model)
        self.by_hand = by_hand.own_step(model, training=True)
        self.order = source.order_state()
        """What the order of the running epoch was drawn from; between epochs, that of the next one."""
        self.first_epoch: int | None = None
        """The epoch to go on with, where a state of training came back, counted from 0."""
        self.skipped = 0
        """How many batches of the next epoch were done before that state was taken."""

    def go_on_at(self, epoch: int, batch: int) -> None:
        """Let the next step be this batch of this epoch, both counted from 0."""
        self.first_epoch, self.skipped = epoch, batch

    def set_order(self, state: np.ndarray) -> None:
        """Have the next epoch come in the order that is drawn from this state."""
        self.source.set_order_state(state)
        self.order = state

    def epoch(self) -> dict[str, Any]:
        """One epoch, or what is left of it; the logs of its last step.

        Batches that were done before are cut as ever and left out: the others then come in the same segments as in a
        run without interruption, and so go through the same compiled function.

        Raises:
            ValueError: where the data ends before the epoch does.
        """
        skipped, self.skipped = self.skipped, 0
        logs = plain_logs(self.model, step.results(self.model)) if skipped else {}
        done = 0
        for segment in segments(self.source, self.fills_up, self.each, self.steps):
            if done + segment.batches > skipped:
                logs, done = self._segment(segment, done, max(0, skipped - done), logs)
            else:
                done += segment.batches
            if done == self.steps or self.model.stop_training:
                break
        if done == 0:
            raise ValueError(f"{self.model.label}: the data gave no batches in this epoch.")
        if done < skipped:
            raise ValueError(
                f"{self.model.label}: the data ended after {done} batches of this epoch, but {skipped} were done "
                "before the interruption. Give the same data to go on."
            )
        if self.steps is not None and done < self.steps and not self.model.stop_training:
            raise ValueError(
                f"{self.model.label}: the data ended after {done} batches of this epoch, but steps_per_epoch is "
                f"{self.steps}. Give more data, fewer steps, or an iterable that can start anew."
            )
        self.order = self.source.order_state()
        return logs

    def _segment(self, segment: Segment, done: int, place: int, logs: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """The steps of a segment from this place on, where so many were done before the segment."""
        data, real = self.placed(segment.data, segment.real)
        left = segment.batches if self.steps is None else min(segment.batches, self.steps - done)
        done += place
        while place < left and not self.model.stop_training:
            count = min(self.pace.count(), left - place)
            self.callbacks.on_train_batch_begin(done)
            started = time.perf_counter()
            logs = self.dispatch(data, real, place, count)
            self.pace.took(time.perf_counter() - started, count)
            place, done = place + count, done + count
            if self.each:
                self.give_back()
            self.callbacks.on_train_batch_end(done - 1, logs)
        return logs, done

    def placed(self, data: Any, real: Any) -> tuple[Any, Any]:
        """See `program.placed`."""
        if self.by_hand is not None:
            return data, real
        with self.held.wide_enough():
            return placed(data, real, self.fills_up)

    def dispatch(self, data: Any, real: Any, place: int, count: int) -> dict[str, Any]:
        """Run steps, and wait for their logs."""
        if self.by_hand is not None:
            logs: dict[str, Any] = {}
            for each in range(place, place + count):
                logs = by_hand.run(self.by_hand, by_hand.batch_at(data, each, int(real[each])))
                self.compiled.steps += 1
            return plain_logs(self.model, logs)
        made = program(self.model, training=True, fills_up=self.fills_up)
        with held_back():
            logs = stepped(self.model, made, self.held, data, real, place, count)
        return plain_logs(self.model, logs)

    def give_back(self) -> None:
        """The values of the last finished step into the variables."""
        with held_back():
            self.held.given_back()


def stepped(
    model: Any, made: Program, held: Held, data: Any, real: np.ndarray, place: int, count: int
) -> dict[str, Any]:
    """Run steps of a segment on the values that are held, and keep the new ones.

    Returns the logs, which JAX may still be computing.
    """
    compiled: Compiled = model._compiled
    logs: dict[str, Any]
    if compiled.seed is None:
        compiled.seed = new_seed()
    with held.wide_enough():
        state, logs = made.run(held.taken(), data, real, place, count, np.uint32(compiled.seed), compiled.steps)
    held.keep(state)
    compiled.steps += count
    return logs


class Warm(NamedTuple):
    """What `train_on_batch` leaves for the next one, which looks at no layer while nothing has changed since.

    Args:
        latest: the last change in the process: its own.
        key: what no number of a change tells, and whether metrics begin anew.
        made: the compiled step.
    """

    latest: int
    key: Any
    made: Program


def warm_step(model: Any, anew: bool) -> Program | None:
    """The compiled step of the last `train_on_batch`, where nothing has changed since."""
    warm: Warm | None = None if model._compiled is None else model._compiled.warm
    if warm is None or warm.latest != changes.latest or warm.key != (anew, settings_of(model)):
        return None
    return warm.made


def on_batch(model: Any, batch: Batch, *, anew: bool, warm: Program | None = None) -> dict[str, Any]:
    """One step on one batch, the values in the variables afterwards; the logs so far, or with `anew` of this batch.

    JAX's values are kept for the next such step, which then copies only what the program has set in between.
    """
    import jax

    if (own := by_hand.own_step(model, training=True)) is not None:
        model._compiled.steps += 1
        return plain_logs(model, by_hand.run(own, batch))
    fills_up = is_uneven(batch.size) and can_fill_up(model)
    made = warm or program(model, training=True, fills_up=fills_up, anew=anew)
    try:
        held = made.spare.pop()
    except IndexError:  # The first step, or another thread has them.
        held = Held(model)
    data = jax.tree.map(lambda leaf: leaf[None], batch)
    with held.wide_enough():
        data, real = placed(data, np.array([batch.size], "int32"), fills_up, once=True)
    returned, before = 0, changes.latest
    with held_back():
        try:
            logs = stepped(model, made, held, data, real, 0, 1)
        finally:
            returned = held.given_back()
    made.spare[:] = [held]
    alone = changes.latest == before + returned and not fills_up  # Else another thread has changed something meanwhile.
    model._compiled.warm = Warm(before + returned, (anew, settings_of(model)), made) if alone else None
    return plain_logs(model, logs)


def new_seed() -> int:
    """A seed from the process-wide stream."""
    from gatewise.random import generator

    return int(generator(None).integers(2**32))


def fit(
    model: Any,
    source: Source,
    validation: Callable[[], Validation | None],
    epochs: int,
    initial_epoch: int,
    steps: int | None,
    make_callbacks: Callable[[int | None], CallbackList],
) -> Any:
    """Train a model; see `Model.fit`."""
    jax_or_say_what_to_install(f"{model.label}: fit")
    prepare(model, source, "fit", training=True)
    checked = validation()
    if checked is not None:
        prepare(model, checked.source, "fit with validation", training=False)
    _same_in_all_processes(model)
    callbacks = make_callbacks(steps or source.batches)
    model.stop_training = False
    training = Training(model, source, callbacks, steps)
    with running(model, training):
        callbacks.on_train_begin()
        try:
            logs = _epochs(training, checked, initial_epoch, epochs)
        finally:
            training.give_back()
            if epochs > initial_epoch:
                model.optimizer.finalize_variable_values(model.trainable_variables)
        callbacks.on_train_end(logs)
    return model.history


def _same_in_all_processes(model: Any) -> None:
    """Begin with the values that process 0 has."""
    if process_count() > 1:
        variables = [variable for part in step.variables_of(model) for variable in part]
        for variable, value in zip(variables, from_first_process([v.value for v in variables]), strict=True):
            variable.assign(value)


def _epochs(training: Training, validation: Validation | None, initial_epoch: int, epochs: int) -> dict[str, Any]:
    """All epochs that are left; the logs of the last one."""
    model, source, callbacks = training.model, training.source, training.callbacks
    first = initial_epoch if training.first_epoch is None else training.first_epoch
    source.pass_over(max(0, first - initial_epoch), training.steps)
    logs: dict[str, Any] = {}
    for epoch in range(first, epochs):
        if not training.skipped:
            model.reset_metrics()
        callbacks.on_epoch_begin(epoch)
        logs = training.epoch()
        training.give_back()
        source.end_epoch()
        if validation is not None and validation.is_due(epoch):
            found = evaluated(model, validation.source, validation.steps, callbacks)
            logs = {**logs, **{f"val_{name}": value for name, value in found.items()}}
        callbacks.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    return logs
