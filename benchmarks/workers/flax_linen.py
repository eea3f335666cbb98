"""Flax: nn.RNN over OptimizedLSTMCell or GRUCell under jax.jit."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.cases import Case, inputs, lengths, weights
from benchmarks.workers.jax_common import one_thread
from benchmarks.workers.serve import Prepare, Trial, serve, trial_of

UNROLL = 5  # Steps of a loop's turn: all sequences measured have a multiple of it.


def parameters_of(case: Case) -> dict[str, Any]:
    """The cell's parameters: Flax names a Dense a gate, i* for the input and h* for the state."""
    weight = weights(case)
    kernels, recurrent = weight.gate_columns(weight.kernel), weight.gate_columns(weight.recurrent_kernel)
    bias = [weight.gate_columns(row) for row in np.atleast_2d(weight.bias)]
    if case.cell == "lstm":
        parts: dict[str, Any] = {}
        for k, gate in enumerate("ifgo"):
            parts[f"i{gate}"] = {"kernel": kernels[k]}
            parts[f"h{gate}"] = {"kernel": recurrent[k], "bias": bias[0][k]}
        return parts
    z, r, h = range(3)
    return {
        "iz": {"kernel": kernels[z], "bias": bias[0][z] + bias[1][z]},
        "ir": {"kernel": kernels[r], "bias": bias[0][r] + bias[1][r]},
        "in": {"kernel": kernels[h], "bias": bias[0][h]},
        "hz": {"kernel": recurrent[z]},
        "hr": {"kernel": recurrent[r]},
        "hn": {"kernel": recurrent[h], "bias": bias[1][h]},
    }


def cell_of(linen: Any, case: Case) -> Any:
    return (linen.OptimizedLSTMCell if case.cell == "lstm" else linen.GRUCell)(features=case.units)


def _whole(jax: Any, linen: Any, case: Case) -> dict[str, Trial]:
    parameters = jax.device_put({"params": {"cell": parameters_of(case)}})
    x = jax.device_put(inputs(case))
    count = jax.device_put(lengths(case)) if case.kind == "mixed" else None

    def compiled(unroll: int) -> Trial:
        layer = linen.RNN(cell_of(linen, case), unroll=unroll)
        run = jax.jit(lambda p, x, count: layer.apply(p, x, seq_lengths=count))
        return trial_of(lambda: run(parameters, x, count).block_until_ready(), np.asarray)

    return {"jit of nn.RNN": compiled(1), f"jit of nn.RNN, unroll={UNROLL}": compiled(UNROLL)}


def _step(jax: Any, linen: Any, case: Case) -> dict[str, Trial]:
    cell, sequence = cell_of(linen, case), inputs(case)
    parameters = jax.device_put({"params": parameters_of(case)})
    zeros = jax.numpy.zeros((case.batch, case.units))
    start = (zeros, zeros) if case.cell == "lstm" else zeros
    run = jax.jit(cell.apply)
    kept, x = [start], jax.device_put(sequence[:, 0])

    def step(x_t: Any) -> Any:
        kept[0], y = run(parameters, kept[0], x_t)
        return y.block_until_ready()

    def result() -> Any:
        kept[0] = start
        return np.stack([np.asarray(step(sequence[:, t])) for t in range(sequence.shape[1])], axis=1)

    return {"jit of the cell": Trial(lambda: step(x), result)}


def load() -> tuple[Prepare, dict[str, str]]:
    one_thread()
    import flax
    import jax
    from flax import linen

    def prepare(case: Case) -> dict[str, Trial]:
        jax.clear_caches()
        return (_step if case.kind == "step" else _whole)(jax, linen, case)

    return prepare, {"flax": flax.__version__, "jax": jax.__version__}


if __name__ == "__main__":
    serve(load)
