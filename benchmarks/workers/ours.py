"""Gatewise, through its public API: NumPy arrays in, NumPy arrays out."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.cases import Case, inputs, mask, weights
from benchmarks.workers.serve import Prepare, Trial, serve, trial_of


def _layer(gatewise: Any, case: Case, **options: Any) -> Any:
    kind = gatewise.layers.LSTM if case.cell == "lstm" else gatewise.layers.GRU
    return kind(case.units, return_sequences=True, precision=case.precision, **options)


def _model(gatewise: Any, case: Case, steps: int | None) -> Any:
    model = gatewise.Sequential([gatewise.Input((steps, case.features)), _layer(gatewise, case)])
    weight = weights(case)
    model.set_weights([weight.kernel, weight.recurrent_kernel, weight.bias])
    return model


def _forward(gatewise: Any, case: Case) -> dict[str, Trial]:
    model, x = _model(gatewise, case, case.time), inputs(case)
    return {
        "model(x)": trial_of(lambda: model(x), np.asarray),
        "model.predict(x)": trial_of(lambda: model.predict(x, verbose=0), np.asarray),
    }


def _mixed(gatewise: Any, case: Case) -> dict[str, Trial]:
    model, x, steps = _model(gatewise, case, case.time), inputs(case), mask(case)
    return {"model(x, mask=mask)": trial_of(lambda: model(x, mask=steps), np.asarray)}


def _step(gatewise: Any, case: Case) -> dict[str, Trial]:
    model = _model(gatewise, case, None)
    return _pushed(model, case) if hasattr(model, "stream") else _stateful(gatewise, case)


def _pushed(model: Any, case: Case) -> dict[str, Trial]:
    stream, sequence = model.stream(batch_size=case.batch), inputs(case)
    x = np.ascontiguousarray(sequence[:, 0])

    def result() -> Any:
        stream.reset()
        return np.stack([np.array(stream.push(x_t)) for x_t in np.swapaxes(sequence, 0, 1)], axis=1)

    return {"stream.push(x)": Trial(lambda: stream.push(x), result)}


def _stateful(gatewise: Any, case: Case) -> dict[str, Trial]:
    """A stateful model called one step at a time: what there is before streams."""
    model = gatewise.Sequential(
        [gatewise.Input(batch_shape=(case.batch, 1, case.features)), _layer(gatewise, case, stateful=True)]
    )
    weight, sequence = weights(case), inputs(case)
    model.set_weights([weight.kernel, weight.recurrent_kernel, weight.bias])
    x = np.ascontiguousarray(sequence[:, :1])

    def result() -> Any:
        model.reset_states()
        return np.concatenate([model(sequence[:, t : t + 1]) for t in range(sequence.shape[1])], axis=1)

    return {"stateful model(x)": Trial(lambda: model(x), result)}


def load() -> tuple[Prepare, dict[str, str]]:
    import gatewise

    kinds = {"forward": _forward, "mixed": _mixed, "step": _step}
    return (lambda case: kinds[case.kind](gatewise, case)), {"gatewise": gatewise.__version__, "numpy": np.__version__}


if __name__ == "__main__":
    serve(load)
