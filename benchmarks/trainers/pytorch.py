"""PyTorch: the usual loop, with nn.LSTM and nn.GRU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.cases import Case, inputs, lengths
from benchmarks.lessons import head, learning_rate, targets
from benchmarks.workers.pytorch import layer_of
from benchmarks.workers.serve import Prepare, Trial, serve, steps_of, threads


def _optimizer(torch: Any, layer: Any, case: Case, others: Any = (), **options: Any) -> Any:
    """SGD. An LSTM here has two biases that are always added: one is trained, or each step would move them twice."""
    still = [p for name, p in layer.named_parameters() if case.cell == "lstm" and name.startswith("bias_hh")]
    moved = [p for p in layer.parameters() if not any(p is each for each in still)]
    groups = [{"params": [*moved, *others]}, *([{"params": still, "lr": 0.0}] if still else [])]
    return torch.optim.SGD(groups, lr=learning_rate(case), **options)


def _stepper(torch: Any, optimizer: Any, forward: Callable[..., Any]) -> Callable[..., Any]:
    """One step on a batch; gives its loss."""

    def step(y: Any, *x: Any) -> Any:
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(forward(*x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def _train(torch: Any, case: Case) -> dict[str, Trial]:
    x, y = torch.from_numpy(inputs(case)), torch.from_numpy(targets(case))
    trials = {}
    for batch_first, fused in ((True, False), (False, False), (False, True)):
        layer = layer_of(torch, case, batch_first).train()
        own = (y, x) if batch_first else tuple(each.transpose(0, 1).contiguous() for each in (y, x))
        step = _stepper(torch, _optimizer(torch, layer, case, fused=fused), lambda x, layer=layer: layer(x)[0])
        way = ("batch_first" if batch_first else "time first") + (", SGD(fused=True)" if fused else "")
        trials[way] = steps_of(lambda step=step, own=own: step(*own))
    return trials


def _epoch(torch: Any, case: Case) -> dict[str, Trial]:
    return {
        "loop": _loop(torch, case, batch_first=True),
        "loop, time first": _loop(torch, case, batch_first=False),
        "loop, time first, SGD(fused=True)": _loop(torch, case, batch_first=False, fused=True),
    }


def _loop(torch: Any, case: Case, batch_first: bool, **options: Any) -> Trial:
    """An epoch in a new order. Batches are taken out of tensors: that is faster than a DataLoader."""
    layer, dense = layer_of(torch, case, batch_first).train(), torch.nn.Linear(case.units, 1)
    with torch.no_grad():
        for parameter, value in zip(dense.parameters(), head(case), strict=True):
            parameter.copy_(torch.from_numpy(value.T))
    x, y, counts = (torch.from_numpy(each) for each in (inputs(case), targets(case), lengths(case)))
    pack = torch.nn.utils.rnn.pack_padded_sequence

    def forward(x: Any, counts: Any) -> Any:
        x = x if batch_first else x.transpose(0, 1)
        if case.kind == "unequal":
            x = pack(x, counts, batch_first=batch_first, enforce_sorted=False)
        state = layer(x)[1]
        return dense((state[0] if case.cell == "lstm" else state)[-1])

    step = _stepper(torch, _optimizer(torch, layer, case, dense.parameters(), **options), forward)

    def epoch(samples: int) -> Any:
        total = torch.zeros(())
        for places in torch.randperm(samples).split(case.batch):
            total += step(y[places], x[places], counts[places]) * len(places)
        return total / samples

    return steps_of(lambda: epoch(case.batch), lambda: epoch(case.samples))


def load() -> tuple[Prepare, dict[str, str]]:
    import torch

    count = threads()
    if count is not None:
        torch.set_num_threads(count)
        torch.set_num_interop_threads(count)
    prepare = {"train": _train}
    return (lambda case: prepare.get(case.kind, _epoch)(torch, case)), {"torch": str(torch.__version__)}


if __name__ == "__main__":
    serve(load)
