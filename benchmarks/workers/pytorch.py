"""PyTorch: nn.LSTM and nn.GRU under inference_mode, tensors in and out."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.cases import Case, inputs, lengths, weights
from benchmarks.workers.serve import Prepare, Trial, serve, threads, trial_of

# Keras's gates in PyTorch's order: i f c o is i f g o there, and z r h is r z n.
_ORDER = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2)}


def _arrays(case: Case) -> tuple[Any, Any, Any, Any]:
    weight = weights(case)
    bias = np.atleast_2d(weight.reordered(weight.bias, _ORDER[case.cell]))
    recurrent_bias = bias[1] if len(bias) == 2 else np.zeros_like(bias[0])
    kernel = weight.reordered(weight.kernel, _ORDER[case.cell]).T
    return kernel, weight.reordered(weight.recurrent_kernel, _ORDER[case.cell]).T, bias[0], recurrent_bias


def _fill(torch: Any, module: Any, case: Case, suffix: str) -> Any:
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    with torch.no_grad():
        for name, value in zip(names, _arrays(case), strict=True):
            getattr(module, name + suffix).copy_(torch.from_numpy(np.ascontiguousarray(value)))
    return module.eval()


def in_order(case: Case, matrix: Any) -> Any:
    """PyTorch's gates (..., gH) in Keras's order; the orders are their own inverses."""
    gates = np.split(matrix, case.gates, axis=-1)
    return np.concatenate([gates[k] for k in _ORDER[case.cell]], axis=-1)


def layer_of(torch: Any, case: Case, batch_first: bool = True) -> Any:
    """A layer with the case's weights."""
    kind = torch.nn.LSTM if case.cell == "lstm" else torch.nn.GRU
    return _fill(torch, kind(case.features, case.units, batch_first=batch_first), case, "_l0")


def _forward(torch: Any, case: Case) -> dict[str, Trial]:
    layer, x = layer_of(torch, case), torch.from_numpy(inputs(case))
    time_major, xt = layer_of(torch, case, batch_first=False), x.transpose(0, 1).contiguous()
    return {
        "module(x), batch_first": trial_of(lambda: layer(x)[0], lambda y: y.numpy()),
        "module(x), time first": trial_of(lambda: time_major(xt)[0], lambda y: y.transpose(0, 1).numpy()),
    }


def _mixed(torch: Any, case: Case) -> dict[str, Trial]:
    layer, x, count = layer_of(torch, case), torch.from_numpy(inputs(case)), torch.from_numpy(lengths(case)).long()
    rnn = torch.nn.utils.rnn

    def packed() -> Any:
        sequences = rnn.pack_padded_sequence(x, count, batch_first=True, enforce_sorted=False)
        return rnn.pad_packed_sequence(layer(sequences)[0], batch_first=True, total_length=case.time)[0]

    return {
        "packed sequence": trial_of(packed, lambda y: y.numpy()),
        "padded, tail ignored": trial_of(lambda: layer(x)[0], lambda y: y.numpy()),
    }


class _Step:
    """A module called on one step, the state kept here."""

    def __init__(self, torch: Any, module: Any, case: Case, whole: bool) -> None:
        shape = (1, case.batch, case.units) if whole else (case.batch, case.units)
        self.module, self.whole, self.pair = module, whole, case.cell == "lstm"
        self.zeros = torch.zeros(shape)
        self.sequence = torch.from_numpy(inputs(case))
        self.x = self.part(0)
        self.reset()

    def part(self, t: int) -> Any:
        return (self.sequence[:, t : t + 1] if self.whole else self.sequence[:, t]).contiguous()

    def reset(self) -> None:
        self.state = (self.zeros, self.zeros) if self.pair else self.zeros

    def step(self, x: Any) -> Any:
        if self.whole:
            y, self.state = self.module(x, self.state)
            return y
        self.state = self.module(x, self.state)
        return self.state[0] if self.pair else self.state

    def result(self) -> Any:
        self.reset()
        steps = [self.step(self.part(t)).reshape(len(self.sequence), -1).numpy() for t in range(self.sequence.shape[1])]
        return np.stack(steps, axis=1)

    def trial(self) -> Trial:
        return Trial(lambda: self.step(self.x), self.result)


def _step(torch: Any, case: Case) -> dict[str, Trial]:
    kind = torch.nn.LSTMCell if case.cell == "lstm" else torch.nn.GRUCell
    cell = _fill(torch, kind(case.features, case.units), case, "")
    return {
        f"{kind.__name__}(x, state)": _Step(torch, cell, case, whole=False).trial(),
        "module(x, state), T = 1": _Step(torch, layer_of(torch, case), case, whole=True).trial(),
    }


def load() -> tuple[Prepare, dict[str, str]]:
    import torch

    count = threads()
    if count is not None:
        torch.set_num_threads(count)
        torch.set_num_interop_threads(count)
    kinds = {"forward": _forward, "mixed": _mixed, "step": _step}
    return (lambda case: kinds[case.kind](torch, case)), {"torch": str(torch.__version__)}


if __name__ == "__main__":
    import torch

    with torch.inference_mode():
        serve(load)
