"""Gatewise on batches of unlike lengths: padded in full, and with `lengths=`. Gradients are JAX's."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.cases import inputs, weights
from benchmarks.unlike import Unlike
from benchmarks.workers.serve import Trial
from benchmarks.workers.serve_unlike import Prepare, serve


def _layer(gatewise: Any, case: Unlike) -> Any:
    kind = gatewise.layers.LSTM if case.cell == "lstm" else gatewise.layers.GRU
    layer, weight = kind(case.layer.units, return_sequences=True), weights(case.layer)
    layer.build((None, None, case.layer.features))
    layer.set_weights([weight.kernel, weight.recurrent_kernel, weight.bias])
    return layer


def _forward(gatewise: Any, case: Unlike) -> dict[str, Trial]:
    layer, x, lengths = _layer(gatewise, case), inputs(case.layer), case.lengths()
    real = case.factors() != 0
    return {
        "padded": Trial(lambda: layer(x), lambda: np.asarray(layer(x)) * real),
        "lengths": Trial(lambda: layer(x, lengths=lengths), lambda: np.asarray(layer(x, lengths=lengths)) * real),
    }


def _gradients(gatewise: Any, case: Unlike) -> dict[str, Trial]:
    import jax
    import jax.numpy as jnp

    layer = _layer(gatewise, case)
    given, x, factors = [jnp.asarray(w) for w in layer.get_weights()], jnp.asarray(inputs(case.layer)), case.factors()
    factors = jnp.asarray(factors)

    def trial(**options: Any) -> Trial:
        def loss(values: Any, options: Any) -> Any:
            return (layer.stateless_call(values, [], x, **options)[0] * factors).sum()

        gradients = jax.jit(jax.grad(loss))

        def call() -> Any:
            return jax.block_until_ready(gradients(given, options))

        return Trial(call, lambda: np.asarray(call()[1]))

    return {"padded": trial(), "lengths": trial(lengths=jnp.asarray(case.lengths()))}


def load() -> tuple[Prepare, dict[str, str]]:
    import gatewise

    kinds = {"forward": _forward, "gradients": _gradients}
    return (lambda case: kinds[case.work](gatewise, case)), {"gatewise": gatewise.__version__, "numpy": np.__version__}


if __name__ == "__main__":
    serve(load)
