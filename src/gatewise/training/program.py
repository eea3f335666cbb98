"""Steps compiled by JAX: many of them in one dispatch, on batches that the device holds.

A segment is a run of S batches of one shape, as arrays (S, B, ...), or of a few shapes. The compiled function takes a
segment and which of its batches to run, `start` and `count`, as numbers: it is the same for the first step and the
last, whatever the number of samples.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, NamedTuple
from weakref import ref

import numpy as np

from gatewise.base.variable import Scope, commit, reading
from gatewise.base.wide import wide_enough
from gatewise.distribution import placing as places
from gatewise.distribution.placing import Placing, placing_now
from gatewise.engine.over_devices import divided
from gatewise.training import step
from gatewise.training.compiled import filled_up
from gatewise.training.data import Batch
from gatewise.training.segments import Mixed
from gatewise.training.step import State


def jax_or_say_what_to_install(what: str) -> Any:
    """JAX, or an error that says how to get it."""
    try:
        import jax
    except ImportError:
        raise ImportError(
            f"{what} trains on JAX, which is not installed: pip install 'gatewise[train]'. Building, predict, evaluate "
            "and streams work without it."
        ) from None
    return jax


class Program(NamedTuple):
    """The compiled steps of a model.

    Args:
        run: a function (state, segment, real rows (S,), start, count, seed, first step) -> (state, logs). Where
            processes give shares of their own, real rows are (S, processes).
        spare: where JAX's values wait for the next step, between calls of `train_on_batch`; empty while they are used.
    """

    run: Callable[..., Any]
    spare: list[Held]


def program(model: Any, training: bool, fills_up: bool, *, anew: bool = False) -> Program:
    """The compiled steps of a model as it is now, kept in its cache; with `anew` the metrics begin with each call."""
    use = f"{'train' if training else 'test'}{' filled up' if fills_up else ''}{' anew' if anew else ''}"
    made: Program = model._cache.get(use, lambda: _stamp(model), _compiled, model, training, fills_up, anew)
    return made


def placed(segment: Any, real: Any, fills_up: bool, *, once: bool = False) -> tuple[Any, Any]:
    """A segment's arrays (S, B, ...) and numbers of real rows, where the compiled function takes them: on the device,
    or B divided among all.

    Args:
        segment: a `Batch` of arrays.
        real: (S,).
        fills_up: whether rows may be added, so that B divides.
        once: whether one call takes them: on one device that is quicker with NumPy's arrays as they are.
    """
    import jax

    placing = placing_now()
    if placing is None:
        return segment if once else jax.device_put(segment), real
    if fills_up:
        segment = places.filled_up(segment, 1, placing.parts)
    return placing.rows(segment, 1), placing.real_counts(real)


def is_uneven(size: int | None) -> bool:
    """Whether batches of this size do not divide among the devices."""
    placing = placing_now()
    return placing is not None and (size is None or size % placing.parts > 0)


def _stamp(model: Any) -> Any:
    return (
        model._stamp(weights=False),
        model._compiled.number,
        tuple(map(id, model.trainable_variables)),
        tuple(map(id, model.state_variables)),
        settings_of(model),
    )


def settings_of(model: Any) -> Any:
    """What the compiled function depends on and no number of `base.changes` tells."""
    optimizer = model._compiled.optimizer
    return id(optimizer), () if optimizer is None else _settings(optimizer), type(model).train_step, placing_now()


def _settings(optimizer: Any) -> Any:
    """What of an optimizer is a constant of the compiled function."""
    plain = [(k, v) for k, v in vars(optimizer).items() if isinstance(v, (int, float, str, bool, type(None)))]
    return tuple(plain), id(optimizer._learning_rate), len(optimizer.variables)


def _compiled(model: Any, training: bool, fills_up: bool, anew: bool) -> Program:
    import jax

    held = ref(model)  # The model keeps the function, which must not keep the model.
    placing = placing_now()

    def run(state: State, segment: Any, real: Any, start: Any, count: Any, seed: Any, number: Any) -> Any:
        alive = held()
        assert alive is not None
        if anew:
            state = _with_metrics_anew(alive, state)
        with divided(None if placing is None else placing.division):
            return _steps(alive, training, fills_up, state, segment, real, start, count, seed, number)

    eagerly = model._compiled.given["run_eagerly"]
    everywhere = {} if placing is None else {"out_shardings": placing.everywhere}
    return Program(run if eagerly else jax.jit(run, donate_argnums=(0,), **everywhere), [])


def _with_metrics_anew(model: Any, state: State) -> State:
    """The metrics' values as `reset_metrics` leaves them."""
    import jax.numpy as jnp

    scope = Scope()
    with reading(scope):
        model.reset_metrics()
    fresh = {id(variable): value for variable, value in scope.written()}
    values = zip(step.variables_of(model).metrics, state.metrics, strict=True)
    return state._replace(metrics=[jnp.asarray(fresh.get(id(key), old), old.dtype) for key, old in values])


def _steps(
    model: Any,
    training: bool,
    fills_up: bool,
    state: State,
    segment: Any,
    real: Any,
    start: Any,
    count: Any,
    seed: Any,
    number: Any,
) -> Any:
    import jax
    import jax.numpy as jnp

    own = own_step(model, training)
    advance = own or _usual_step(model, training)
    key = jax.random.key(seed)

    eagerly = model._compiled.given["run_eagerly"]

    def on(batches: Batch, where: Any, place: Any, carry: Any) -> Any:
        state, _ = carry
        batch = jax.tree.map(lambda leaf: jax.lax.dynamic_index_in_dim(leaf, where, keepdims=False), batches)
        rows = batch.size
        with filled_up(_real_rows(rows, real[start + place]) if fills_up else None):
            state, logs = advance(state, batch, jax.random.fold_in(key, number + place))
        return _like(state, carry[0]), logs

    def one(place: Any, carry: Any) -> Any:
        if not isinstance(segment, Mixed):
            return on(segment, start + place, place, carry)
        kind, where = segment.shape[start + place], segment.place[start + place]
        if eagerly:
            return on(segment.batches[int(kind)], where, place, carry)
        return jax.lax.switch(kind, [partial(on, batches) for batches in segment.batches], where, place, carry)

    if eagerly:
        carry: Any = (state, {})
        for place in range(int(count)):
            carry = one(place, carry)
    else:
        empty: Any = {}
        if own is not None or step.measures_itself(model):  # A loop must know what its step gives.
            shapes = jax.eval_shape(lambda: one(0, (state, {}))[1])
            empty = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        carry = jax.lax.fori_loop(0, count, one, (state, empty))
    state, logs = carry
    return state, logs or step.results_of(model, state)


def _real_rows(rows: int, counts: Any) -> Any:
    """Which rows of a batch are real: the first ones, of each process's share."""
    import jax.numpy as jnp

    counts = jnp.reshape(counts, (-1, 1))
    return (jnp.arange(rows // counts.shape[0]) < counts).reshape(-1)


def _like(new: State, old: State) -> State:
    """The new values in the dtypes of the old ones, as a loop must have them."""
    import jax
    import jax.numpy as jnp

    return State(*jax.tree.map(lambda a, b: jnp.asarray(a, dtype=b.dtype), tuple(new), tuple(old)))


def own_step(model: Any, training: bool) -> Callable[..., Any] | None:
    """The step that a subclass defines, as (state, batch, key) -> (state, logs); None where it defines none."""
    name = "train_step" if training else "test_step"
    defined = getattr(type(model), name)
    if defined.__module__.startswith("gatewise."):
        return None

    def advance(state: State, batch: Batch, key: Any) -> tuple[State, Any]:
        data = tuple(part for part in batch[:3] if part is not None)
        # It knows `model.metrics`; those that a subclass leaves out there follow.
        known = len(model.metrics_variables)
        gathered, rest = state.metrics[:known], state.metrics[known:]
        given = state[:3] if training else state[:2]
        with reading(Scope((), key)):
            logs, after = defined(model, (*given, gathered), data)
        return State(after[0], after[1], after[2] if training else state.optimizer, [*after[-1], *rest]), logs

    return advance


def _usual_step(model: Any, training: bool) -> Callable[..., Any]:
    variables = step.variables_of(model)
    function = step.trained if training else step.tested

    def advance(state: State, batch: Batch, key: Any) -> tuple[State, dict[str, Any]]:
        return function(model, variables, state, batch, key)

    return advance


class Held:
    """The values of a model's variables while JAX trains it.

    `taken` brings what the program changed in the meantime (a callback that sets the learning rate); `given_back` puts
    all values into the variables, which then are those after the last finished step.
    """

    def __init__(self, model: Any) -> None:
        self.variables = step.variables_of(model)
        self._flat = [variable for part in self.variables for variable in part]
        self._versions = [-1 for _ in self._flat]
        self._values: list[Any] = [None for _ in self._flat]
        self._ahead = False
        self._placing: Placing | None = placing_now()

    def wide_enough(self) -> AbstractContextManager[Any]:
        """Where the values are float64, a context in which JAX keeps them so."""
        return wide_enough(self._flat)

    def taken(self) -> State:
        """All values, as JAX's arrays."""
        import jax.numpy as jnp

        on_all = None if self._placing is None else self._placing.on_all
        for place, variable in enumerate(self._flat):
            if self._versions[place] != variable.version:
                # A copy: the compiled function takes over the memory of what it is given.
                value = variable.value
                self._values[place] = jnp.array(value, copy=True) if on_all is None else on_all(value)
                self._versions[place] = variable.version
        parts, start = [], 0
        for part in self.variables:
            parts.append(self._values[start : start + len(part)])
            start += len(part)
        return State(*parts)

    def keep(self, state: State) -> None:
        """The values after a step, in place of those before it."""
        self._values = [value for part in state for value in part]
        self._ahead = True

    def given_back(self) -> int:
        """Put the values into the variables; how many there were."""
        if not self._ahead:
            return 0
        # Where the version is another, the program has set the variable since.
        places = [k for k, variable in enumerate(self._flat) if self._versions[k] == variable.version]
        commit((self._flat[k], np.asarray(self._values[k])) for k in places)
        for k in places:
            self._versions[k] = self._flat[k].version
        self._ahead = False
        return len(places)
