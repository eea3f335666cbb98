"""PyTorch on a GPU: nn.LSTM and nn.GRU, which run cuDNN there; tensors that lie on the device."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.cases import Case, inputs
from benchmarks.workers.on_gpu import LEARNING_RATE, PrepareWhat, Ways, serve_on_gpu, targets, tf32
from benchmarks.workers.pytorch import in_order
from benchmarks.workers.serve import Trial, trial_of


class Layer:
    """A layer with the case's weights, and its input, batch first or time first."""

    def __init__(self, torch: Any, case: Case, batch_first: bool) -> None:
        from benchmarks.workers.pytorch import layer_of

        self.torch, self.batch_first = torch, batch_first
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.layer = layer_of(torch, case, batch_first).to(self.device)
        x = torch.from_numpy(inputs(case))
        self.x = (x if batch_first else x.transpose(0, 1).contiguous()).to(self.device)

    def wait(self) -> None:
        if self.device == "cuda":
            self.torch.cuda.synchronize()

    def numpy(self, y: Any) -> Any:
        return (y if self.batch_first else y.transpose(0, 1)).cpu().numpy()

    def forward(self) -> Any:
        with self.torch.inference_mode():
            y = self.layer(self.x)[0]
        self.wait()
        return y


class Training(Layer):
    """The same, trained by gradient descent on the last output."""

    def __init__(self, torch: Any, case: Case, batch_first: bool) -> None:
        super().__init__(torch, case, batch_first)
        self.case = case
        self.layer.train()
        self.y = torch.from_numpy(targets(case)).to(self.device)
        self.optimizer = torch.optim.SGD(self.layer.parameters(), lr=LEARNING_RATE)

    def step(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        y = self.layer(self.x)[0]
        loss = self.torch.nn.functional.mse_loss(y[:, -1] if self.batch_first else y[-1], self.y)
        loss.backward()
        self.optimizer.step()
        self.wait()

    def result(self) -> Any:
        """The recurrent weights, as Keras has them, after one step."""
        self.step()
        weight = self.layer.weight_hh_l0.detach().cpu().numpy().T
        return in_order(self.case, np.ascontiguousarray(weight))


def _prepare(torch: Any, case: Case, what: str) -> Ways:
    ways: Ways = {}
    for name, batch_first in (("batch first", True), ("time first", False)):
        if what == "forward":
            layer = Layer(torch, case, batch_first)
            ways[f"module(x), {name}"] = trial_of(layer.forward, layer.numpy)
        else:
            training = Training(torch, case, batch_first)
            ways[f"forward, backward, SGD, {name}"] = Trial(training.step, training.result)
    return ways


def load() -> tuple[PrepareWhat, dict[str, Any]]:
    import torch

    torch.backends.cuda.matmul.allow_tf32 = tf32()
    torch.backends.cudnn.allow_tf32 = tf32()
    versions: dict[str, Any] = {"torch": str(torch.__version__)}
    if torch.cuda.is_available():
        versions["gpu"] = torch.cuda.get_device_name()
        versions["cuda of torch"] = str(torch.version.cuda)
        versions["cudnn of torch"] = str(torch.backends.cudnn.version())
    return (lambda case, what: _prepare(torch, case, what)), versions


if __name__ == "__main__":
    serve_on_gpu(load)
