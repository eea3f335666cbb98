"""`cells_of_packages.json`: what published packages say of cells that Keras has not, and their weights in our layout.

    pip install torch xlstm mingru-pytorch recurrentgemma
    python tools/golden/of_packages.py

It stands by itself because these packages want PyTorch, which the others of this folder do not. Each case names the
package and its release.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from minGRU_pytorch.minGRU import minGRU
from minGRU_pytorch.minLSTM import minLSTM
from recurrentgemma.torch.layers import RGLRU
from xlstm.blocks.slstm.src.vanilla.slstm import slstm_forward_pointwise

OUT = Path(__file__).resolve().parents[2] / "tests" / "golden" / "cells_of_packages.json"
BATCH, STEPS, FEATURES, UNITS, PROJECTED = 2, 6, 3, 4, 2
RNG = np.random.default_rng(22)
Weights = dict[str, Any]


def drawn(*shape: int) -> torch.Tensor:
    return torch.tensor(RNG.standard_normal(shape) * 0.7, dtype=torch.float32)


def projected() -> tuple[str, Weights, torch.Tensor, torch.Tensor, list[torch.Tensor]]:
    """PyTorch has the gates in our order, kernels turned round, and a second bias that is added to the first."""
    layer = torch.nn.LSTM(FEATURES, UNITS, proj_size=PROJECTED, batch_first=True)
    for parameter in layer.parameters():
        parameter.data = drawn(*parameter.shape)
    x = drawn(BATCH, STEPS, FEATURES)
    y, _ = layer(x)
    weights = {
        "kernel": layer.weight_ih_l0.T,
        "recurrent_kernel": layer.weight_hh_l0.T,
        "bias": layer.bias_ih_l0 + layer.bias_hh_l0,
        "projection": layer.weight_hr_l0.T,
    }
    return "torch", weights, x, y, []


def slstm() -> tuple[str, Weights, torch.Tensor, torch.Tensor, list[torch.Tensor]]:
    """The package's step, with one head; it has no layer that runs without its kernels."""
    x = drawn(BATCH, STEPS, FEATURES)
    weights = {
        "kernel": drawn(FEATURES, 4 * UNITS),
        "recurrent_kernel": drawn(UNITS, 4 * UNITS),
        "bias": drawn(4 * UNITS),
    }
    states, outputs = torch.zeros(4, BATCH, UNITS), []
    for t in range(STEPS):
        recurrent = states[0] @ weights["recurrent_kernel"]
        states, _ = slstm_forward_pointwise(x[:, t] @ weights["kernel"], recurrent, weights["bias"][None], states, {})
        outputs.append(states[0])
    return "xlstm", weights, x, torch.stack(outputs, 1), []


def minimal(cls: Any, columns: list[int]) -> tuple[str, Weights, torch.Tensor, torch.Tensor, list[torch.Tensor]]:
    """Its candidates are g(x) = x + 1/2, or sigmoid(x) below 0, and so its states are positive; it has no biases."""
    layer = cls(UNITS)
    (parameter,) = layer.parameters()
    parameter.data = drawn(*parameter.shape)
    x, h = drawn(BATCH, STEPS, UNITS), drawn(BATCH, UNITS).abs() + 0.1
    states, outputs = h[:, None], []
    for t in range(STEPS):  # One step a call: the package's other way rounds more.
        y, states = layer(x[:, t : t + 1], states, return_next_prev_hidden=True)
        outputs.append(y[:, 0])
    kernel = np.split(parameter.detach().numpy().T, len(columns), axis=1)
    weights = {"kernel": torch.tensor(np.concatenate([kernel[k] for k in columns], axis=1))}
    return "mingru-pytorch", weights, x, torch.stack(outputs, 1), [h]


def rg_lru() -> tuple[str, Weights, torch.Tensor, torch.Tensor, list[torch.Tensor]]:
    """Its input stands where ours is multiplied by a kernel: by the identity. Its parameter of a has the other sign."""
    layer = RGLRU(UNITS, num_heads=1)
    for parameter in layer.parameters():
        parameter.data = drawn(*parameter.shape)
    x, h = drawn(BATCH, STEPS, UNITS), drawn(BATCH, UNITS)
    positions = torch.arange(1, STEPS + 1).expand(BATCH, STEPS)  # At 0 it would forget h.
    y, _ = layer(x, positions, cache=h)
    gates = (layer.a_gate, layer.input_gate)
    weights = {
        "kernel": torch.cat([*(gate.w[0] for gate in gates), torch.eye(UNITS)], dim=1),
        "bias": torch.cat([*(gate.b[0] for gate in gates), torch.zeros(UNITS)]),
        "decay": -layer.a_param,
    }
    return "recurrentgemma", weights, x, y, [h]


def case(made: tuple[str, Weights, torch.Tensor, torch.Tensor, list[torch.Tensor]]) -> dict[str, Any]:
    package, weights, x, y, state = made
    return {
        "package": f"{package} {version(package)}",
        "x": x.tolist(),
        "state": [each.tolist() for each in state],
        "weights": {name: weight.detach().tolist() for name, weight in weights.items()},
        "y": y.detach().tolist(),
    }


def main() -> None:
    cases = {
        "ProjectedLSTM": case(projected()),
        "SLSTM": case(slstm()),
        "MinGRU": case(minimal(minGRU, [1, 0])),
        "MinLSTM": case(minimal(minLSTM, [2, 1, 0])),
        "RGLRU": case(rg_lru()),
    }
    OUT.write_text(json.dumps(cases) + "\n")
    print(f"{len(cases)} cases of published packages")


if __name__ == "__main__":
    main()
