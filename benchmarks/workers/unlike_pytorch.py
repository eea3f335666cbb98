"""PyTorch on batches of unlike lengths: padded in full, and as a PackedSequence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.cases import inputs
from benchmarks.unlike import Unlike
from benchmarks.workers import pytorch
from benchmarks.workers.serve import Trial, threads
from benchmarks.workers.serve_unlike import Prepare, serve


def _ways(torch: Any, case: Unlike) -> tuple[Any, dict[str, Callable[[], Any]]]:
    """The layer, and the calls that give all outputs (B, T, H)."""
    layer, rnn = pytorch.layer_of(torch, case.layer), torch.nn.utils.rnn
    x, lengths = torch.from_numpy(inputs(case.layer)), torch.from_numpy(case.lengths())

    def packed() -> Any:
        sequences = rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return rnn.pad_packed_sequence(layer(sequences)[0], batch_first=True, total_length=case.layer.time)[0]

    return layer, {"padded": lambda: layer(x)[0], "packed": packed}


def _forward(torch: Any, case: Unlike) -> dict[str, Trial]:
    _, ways = _ways(torch, case)
    real = case.factors() != 0

    def trial(run: Callable[[], Any]) -> Trial:
        def call() -> Any:
            with torch.inference_mode():
                return run()

        return Trial(call, lambda: call().numpy() * real)

    return {way: trial(run) for way, run in ways.items()}


def _gradients(torch: Any, case: Unlike) -> dict[str, Trial]:
    layer, ways = _ways(torch, case)
    layer.train()
    factors = torch.from_numpy(case.factors())

    def trial(run: Callable[[], Any]) -> Trial:
        def call() -> None:
            layer.zero_grad()
            (run() * factors).sum().backward()

        def result() -> Any:
            call()
            return pytorch.in_order(case.layer, layer.weight_hh_l0.grad.numpy().T)

        return Trial(call, result)

    return {way: trial(run) for way, run in ways.items()}


def load() -> tuple[Prepare, dict[str, str]]:
    import torch

    count = threads()
    if count is not None:
        torch.set_num_threads(count)
        torch.set_num_interop_threads(count)
    kinds = {"forward": _forward, "gradients": _gradients}
    return (lambda case: kinds[case.work](torch, case)), {"torch": str(torch.__version__)}


if __name__ == "__main__":
    serve(load)
