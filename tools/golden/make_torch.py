"""What PyTorch's modules give, their attributes and their files: `tests/golden/torch.json`, `torch.npz`, `of_torch/`.

    python tools/golden/make_torch.py             with a Python that has PyTorch (the benchmarks make `.peers/torch`)
    python tools/golden/make_torch.py --check     have PyTorch load what `model.export` wrote: `torch_reads.json`

Chains are recorded as the attributes that PyTorch documents for each module, so that tests can stand in for them
without PyTorch. Networks are recorded as files, in all the forms that `torch.save` has had.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "tests" / "golden"
PYTHON = ROOT / ".peers" / "torch" / "bin" / "python"
ATTRIBUTES = [
    "input_size", "hidden_size", "num_layers", "bidirectional", "batch_first", "dropout", "nonlinearity", "proj_size",
    "in_features", "out_features", "num_embeddings", "embedding_dim", "in_channels", "out_channels", "kernel_size",
    "stride", "dilation", "padding", "padding_mode", "groups", "affine", "track_running_stats", "momentum", "eps",
    "normalized_shape", "p", "dim", "negative_slope", "alpha", "approximate",
]  # fmt: skip


# -- inside PyTorch's environment -------------------------------------------------------------------------------------


def chains() -> Iterator[tuple[str, list[Any], Any]]:
    """Modules that are called one after the other, with an input."""
    import torch
    from torch import nn

    x, ids = torch.randn(2, 6, 3), torch.randint(0, 9, (2, 6))
    yield "lstm", [nn.LSTM(3, 4, batch_first=True), nn.Linear(4, 2), nn.Softmax(dim=-1)], x
    yield "lstm_deep", [nn.LSTM(3, 4, num_layers=2, dropout=0.1, batch_first=True), nn.Tanh(), nn.Linear(4, 2)], x
    yield "lstm_no_bias", [nn.LSTM(3, 4, bias=False, batch_first=True), nn.Linear(4, 2, bias=False)], x
    yield "gru_both_ways", [nn.Embedding(9, 3), nn.GRU(3, 4, bidirectional=True, batch_first=True), nn.Sigmoid()], ids
    yield "gru_deep", [nn.GRU(3, 4, num_layers=3, batch_first=True), nn.LayerNorm(4), nn.Linear(4, 2), nn.GELU()], x
    yield "rnn", [nn.RNN(3, 4, nonlinearity="relu", batch_first=True), nn.LeakyReLU(0.2), nn.Linear(4, 2)], x
    convolutions = [nn.Conv1d(3, 4, 3, padding=1), nn.BatchNorm1d(4), nn.ReLU(), nn.Conv1d(4, 6, 2, stride=2, groups=2)]
    yield "convolutions", [*convolutions, nn.Dropout(0.5), nn.Flatten(), nn.Linear(18, 2), nn.ELU(0.5)], x.mT
    yield "same", [nn.Conv1d(3, 5, 3, padding="same", dilation=2), nn.SiLU(), nn.Hardtanh(), nn.Identity()], x.mT
    yield "activations", [nn.Linear(3, 4), nn.Softplus(), nn.Linear(4, 4), nn.Softsign(), nn.ReLU6()], x[:, 0]


def run(chain: list[Any], x: Any) -> Any:
    for module in chain:
        x = module(x)
        x = x[0] if isinstance(x, tuple) else x
    return x


def network() -> Any:
    """A network with a `forward` of its own, and an input."""
    import torch
    from torch import nn

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(6, 2)  # Before the others, so that the order of names is not that of calls.
            self.embedding = nn.Embedding(9, 4)
            self.rnn = nn.LSTM(4, 3, num_layers=2, bidirectional=True, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.head(self.rnn(self.embedding(x))[0])

    globals()["Network"] = Network  # So that it can be pickled.
    Network.__qualname__ = "Network"
    return Network(), torch.randint(0, 9, (2, 5))


def described(module: Any) -> dict[str, Any]:
    """A module's class and what it documents of itself."""
    found = {name: getattr(module, name) for name in ATTRIBUTES if hasattr(module, name)}
    found = {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}
    for name in ("weight", "bias"):
        value = getattr(module, name, None)
        found[name] = value if isinstance(value, bool) or value is None else name
    return {"class": type(module).__name__, **found}


def make() -> None:
    import torch

    torch.manual_seed(7)
    arrays: dict[str, np.ndarray] = {}
    lines = []
    for name, modules, x in chains():
        for module in modules:
            module.eval()
            for buffer in module.buffers():  # Running means that are not those of the beginning.
                buffer.data = buffer.data + torch.rand_like(buffer.data.float()).to(buffer.dtype)
        arrays |= {f"{name}/x": x.numpy(), f"{name}/y": run(modules, x).detach().numpy()}
        for place, module in enumerate(modules):
            arrays |= {f"{name}/{place}.{key}": value.numpy() for key, value in module.state_dict().items()}
        lines.append({"name": name, "modules": list(map(described, modules))})
    net, x = network()
    arrays |= {"network/x": x.numpy(), "network/y": net(x).detach().numpy()}
    folder = OUT / "of_torch"
    folder.mkdir(exist_ok=True)
    torch.save(net.state_dict(), folder / "tensors.pt")
    torch.save(net.state_dict(), folder / "tensors_old.pt", _use_new_zipfile_serialization=False)
    torch.save(net, folder / "whole.pt")
    torch.save(net, folder / "whole_old.pt", _use_new_zipfile_serialization=False)
    many = {"turned": torch.arange(6).reshape(2, 3).t(), "brain": torch.ones(3, dtype=torch.bfloat16), "none": None}
    facts = {"epoch": 3, "device": torch.device("cpu"), "size": torch.Size([1, 2]), "dtype": torch.float32}
    torch.save({"net": net.state_dict(), "facts": facts, "many": many}, folder / "checkpoint.pt")
    np.savez_compressed(OUT / "torch.npz", **arrays)
    (OUT / "torch.json").write_text("[\n" + ",\n".join(map(json.dumps, lines)) + "\n]\n")


def load(folder: Path) -> dict[str, float]:
    """For each file that we wrote: the largest difference of what PyTorch makes of it."""
    import torch
    from safetensors.torch import load_file  # Of the format's own makers.
    from torch import nn

    found = {}
    for path in sorted(folder.glob("*.safetensors")):
        facts = json.loads(path.with_suffix(".json").read_text())
        kept = np.load(path.with_suffix(".npz"))
        module = nn.ModuleDict({name: getattr(nn, kind)(*args, **how) for name, kind, args, how in facts})
        module.load_state_dict(load_file(path), strict=False)
        module.eval()
        y = run(list(module.values()), torch.from_numpy(kept["x"]))
        found[path.stem] = float(np.abs(y.detach().numpy() - kept["y"]).max())
    return found


# -- with Gatewise ----------------------------------------------------------------------------------------------------


def check() -> None:
    sys.path.insert(0, str(OUT))
    import torch_models

    with tempfile.TemporaryDirectory() as name:
        for model in torch_models.MODELS:
            torch_models.write(model, Path(name))
        done = subprocess.run([PYTHON, __file__, "--load", name], check=True, capture_output=True, text=True)
        digests = {model: torch_models.digest(Path(name, f"{model}.safetensors")) for model in torch_models.MODELS}
    found = {model: {"digest": digests[model], "error": error} for model, error in json.loads(done.stdout).items()}
    (OUT / "torch_reads.json").write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        check()
    elif sys.argv[1:2] == ["--load"]:
        print(json.dumps(load(Path(sys.argv[2]))))
    else:
        make()
