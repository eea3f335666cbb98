"""Flax: nn.RNN and Optax's SGD, a step under `jax.jit`; and a whole epoch as one compiled scan."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from benchmarks.cases import Case, inputs, lengths
from benchmarks.lessons import head, learning_rate, targets
from benchmarks.workers.flax_linen import UNROLL, cell_of, parameters_of
from benchmarks.workers.jax_common import one_thread
from benchmarks.workers.serve import Prepare, Trial, serve, steps_of

_UNROLLS = (1, UNROLL)


class _Learner:
    """A model's parameters, and a step that moves them."""

    def __init__(self, jax: Any, linen: Any, case: Case, unroll: int) -> None:
        import optax

        self.case = case
        self.layer = linen.RNN(cell_of(linen, case), unroll=unroll, return_carry=True)
        self.dense = linen.Dense(1)
        kernel, bias = head(case)
        parameters = {"rnn": {"cell": parameters_of(case)}, "dense": {"kernel": kernel, "bias": bias}}
        # A copy: a step gives up the memory of what it is given.
        parameters = jax.tree.map(lambda value: jax.numpy.array(value, copy=True), parameters)
        # Keras has two biases for the gates of a GRU and moves both; Flax has one, which is moved twice as far.
        double = optax.stateless(lambda gradients, _: _doubled(gradients) if case.cell == "gru" else gradients)
        self.optimizer = optax.chain(double, optax.sgd(learning_rate(case)))
        self.state = (parameters, self.optimizer.init(parameters))

    def loss(self, parameters: Any, x: Any, y: Any, counts: Any) -> Any:
        carry, outputs = self.layer.apply({"params": parameters["rnn"]}, x, seq_lengths=counts)
        if self.case.kind != "train":
            last = carry[1] if self.case.cell == "lstm" else carry
            outputs = self.dense.apply({"params": parameters["dense"]}, last)
        return ((outputs - y) ** 2).mean()

    def step(self, state: Any, x: Any, y: Any, counts: Any = None) -> Any:
        import jax
        import optax

        loss, gradients = jax.value_and_grad(self.loss)(state[0], x, y, counts)
        updates, optimizer = self.optimizer.update(gradients, state[1], state[0])
        return loss, (optax.apply_updates(state[0], updates), optimizer)


def _doubled(gradients: Any) -> Any:
    cell = dict(gradients["rnn"]["cell"])
    for gate in ("iz", "ir"):
        cell[gate] = {**cell[gate], "bias": 2 * cell[gate]["bias"]}
    return {**gradients, "rnn": {"cell": cell}}


def _train(jax: Any, linen: Any, case: Case) -> dict[str, Trial]:
    x, y = jax.device_put(inputs(case)), jax.device_put(targets(case))

    def compiled(unroll: int) -> Trial:
        learner = _Learner(jax, linen, case, unroll)
        step = jax.jit(learner.step, donate_argnums=0)

        def call() -> Any:
            loss, learner.state = step(learner.state, x, y)
            jax.block_until_ready(learner.state)
            return loss

        return steps_of(call)

    return {_named("jit of a step", unroll): compiled(unroll) for unroll in _UNROLLS}


def _named(way: str, unroll: int) -> str:
    return way if unroll == 1 else f"{way}, unroll={unroll}"


def _epoch(jax: Any, linen: Any, case: Case) -> dict[str, Trial]:
    made = {_named("loop over a jit of a step", unroll): _loop(jax, linen, case, unroll) for unroll in _UNROLLS}
    return made | {_named("jit of a scan over steps", UNROLL): _loop(jax, linen, case, UNROLL, at_once=True)}


def _loop(jax: Any, linen: Any, case: Case, unroll: int, at_once: bool = False) -> Trial:
    """An epoch in a new order; all data is on the device, and a step takes its rows by their places."""
    learner = _Learner(jax, linen, case, unroll)
    x, y = jax.device_put(inputs(case)), jax.device_put(targets(case))
    counts = jax.device_put(lengths(case)) if case.kind == "unequal" else None

    def on_rows(state: Any, places: Any, x: Any, y: Any, counts: Any) -> Any:
        return learner.step(state, x[places], y[places], None if counts is None else counts[places])

    step = jax.jit(on_rows, donate_argnums=0)

    @partial(jax.jit, donate_argnums=0)
    def steps(state: Any, places: Any, x: Any, y: Any, counts: Any) -> Any:
        state, losses = jax.lax.scan(lambda s, rows: on_rows(s, rows, x, y, counts)[::-1], state, places)
        return losses.sum(), state

    random = np.random.default_rng(0)

    def epoch(samples: int) -> Any:
        order, total, whole = random.permutation(samples), 0.0, samples // case.batch
        batches = order[: whole * case.batch].reshape(whole, case.batch)
        if at_once:
            loss, learner.state = steps(learner.state, batches, x, y, counts)
            total += loss * case.batch
        for places in () if at_once else batches:
            loss, learner.state = step(learner.state, places, x, y, counts)
            total += loss * case.batch
        if samples % case.batch:
            rest = order[whole * case.batch :]
            loss, learner.state = step(learner.state, rest, x, y, counts)
            total += loss * len(rest)
        return jax.block_until_ready(total / samples)

    return steps_of(lambda: epoch(case.batch), lambda: epoch(case.samples))


def load() -> tuple[Prepare, dict[str, str]]:
    one_thread()
    import flax
    import jax
    import optax
    from flax import linen

    def prepare(case: Case) -> dict[str, Trial]:
        jax.clear_caches()
        return (_train if case.kind == "train" else _epoch)(jax, linen, case)

    return prepare, {"flax": flax.__version__, "jax": jax.__version__, "optax": optax.__version__}


if __name__ == "__main__":
    serve(load)
