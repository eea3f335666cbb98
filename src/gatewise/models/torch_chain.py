"""Chains of PyTorch's modules as models: from live modules, which say all that a file of tensors does not.

PyTorch itself is not imported: a module is known by its class's name, and by attributes that PyTorch documents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from gatewise import layers
from gatewise.graph import Input
from gatewise.layer import Layer
from gatewise.models.named_arrays import load_weights_from
from gatewise.models.sequential import Sequential

Made = list[Layer]


def from_torch(module: Any, input_shape: Any = None) -> Any:
    """A `Sequential` that computes what a chain of PyTorch's modules computes, with their weights.

    Args:
        module: an `nn.Sequential`, or a list of modules that are called one after the other. A recurrent module must be
            `batch_first`; what follows it gets its sequence of outputs, as `module(x)[0]`.
        input_shape: of one sample, such as (None, 5); without it, it is that which the first module says.

    Raises:
        ValueError: for a module that is not known, or one of whose settings no layer has; the message names it. A
            network with a `forward` of its own is built in code, and takes its weights by `load_weights_from`.

    >>> class Linear:  # As PyTorch's: a test can do without it.
    ...     in_features, out_features, bias = 3, 2, None
    ...     def state_dict(self): return {"weight": np.ones((2, 3), "float32")}
    >>> import numpy as np
    >>> from_torch([Linear()]).predict(np.ones((1, 3)), verbose=0).tolist()
    [[3.0, 3.0]]
    """
    modules = list(_chain(module))
    stack = [layer for each in modules for layer in _layers_of(each)]
    shape = tuple(input_shape) if input_shape is not None else _first_shape(modules)
    integers = bool(stack) and isinstance(stack[0], layers.Embedding)
    model = Sequential([Input(shape, dtype="int32" if integers else "float32"), *stack])
    tensors: dict[str, Any] = {}
    for place, each in enumerate(modules):
        tensors |= {f"{place}.{name}": value for name, value in each.state_dict().items()}
    if tensors:
        load_weights_from(model, tensors, show=False)
    return model


def _chain(module: Any) -> Iterator[Any]:
    """The modules in the order of their calls."""
    if isinstance(module, (list, tuple)):
        parts = list(module)
    elif type(module).__name__ in ("Sequential", "ModuleList"):
        parts = [each for _, each in module.named_children()]
    else:
        yield module
        return
    for each in parts:
        yield from _chain(each)


def _layers_of(module: Any) -> Made:
    kind = type(module).__name__
    if kind not in _MAKERS:
        raise ValueError(
            f"from_torch: a {kind} is not among the modules that are known ({', '.join(sorted(_MAKERS))}). Build the "
            "network in code, and give it its weights with gatewise.models.load_weights_from(model, module)."
        )
    return _MAKERS[kind](module)


def _first_shape(modules: list[Any]) -> tuple[int | None, ...]:
    """The shape of one sample, as the first module that has a size says it."""
    for module in modules:
        if type(module).__name__ == "Embedding":
            return (None,)
        if hasattr(module, "input_size"):
            return (None, module.input_size)
        if hasattr(module, "in_features"):
            return (module.in_features,)
        if hasattr(module, "in_channels"):
            return (module.in_channels, None)
    raise ValueError("from_torch: no module says how many features a sample has: pass input_shape.")


def _recurrent(module: Any) -> Made:
    kind = type(module).__name__
    if not module.batch_first:
        raise ValueError(f"from_torch: a {kind} with batch_first=False takes (T, B, I); here it is (B, T, I).")
    if getattr(module, "proj_size", 0):
        raise ValueError(f"from_torch: an LSTM with proj_size={module.proj_size} has no layer here.")
    made: Made = []
    for level in range(module.num_layers):
        if level and module.dropout:
            made.append(layers.Dropout(module.dropout))
        layer = _level(kind, module)
        made.append(layers.Bidirectional(layer) if module.bidirectional else layer)
    return made


def _level(kind: str, module: Any) -> Layer:
    how: dict[str, Any] = {"return_sequences": True, "use_bias": bool(module.bias)}
    if kind == "RNN":
        return layers.SimpleRNN(module.hidden_size, activation=module.nonlinearity, **how)
    return (layers.LSTM if kind == "LSTM" else layers.GRU)(module.hidden_size, **how)


def _convolution(module: Any) -> Made:
    (size,), (stride,), (dilation,) = (tuple(each) for each in (module.kernel_size, module.stride, module.dilation))
    padding = {"same": "same", "valid": "valid", (0,): "valid"}.get(
        module.padding if isinstance(module.padding, str) else tuple(module.padding)
    )
    before: Made = []
    if padding is None:
        (ends,) = module.padding
        before, padding = [layers.Permute((2, 1)), layers.ZeroPadding1D(ends), layers.Permute((2, 1))], "valid"
    if module.padding_mode != "zeros":
        raise ValueError(f"from_torch: a Conv1d with padding_mode={module.padding_mode!r} has no layer here.")
    how: dict[str, Any] = {"strides": stride, "padding": padding, "dilation_rate": dilation, "groups": module.groups}
    use_bias = module.bias is not None
    return [
        *before,
        layers.Conv1D(module.out_channels, size, data_format="channels_first", use_bias=use_bias, **how),
    ]


def _normalization(module: Any) -> Made:
    if not module.affine or not module.track_running_stats:
        raise ValueError("from_torch: a BatchNorm1d without weights or running statistics has no layer here.")
    return [layers.BatchNormalization(axis=1, momentum=1 - (module.momentum or 0.1), epsilon=module.eps)]


def _layer_norm(module: Any) -> Made:
    axes = [-1 - place for place in range(len(module.normalized_shape))][::-1]
    affine, bias = module.weight is not None, getattr(module, "bias", None) is not None
    return [layers.LayerNormalization(axis=axes, epsilon=module.eps, center=bias, scale=affine)]


def _softmax(module: Any) -> Made:
    return [layers.Softmax(axis=-1 if module.dim is None else module.dim)]


def _gelu(module: Any) -> Made:
    if module.approximate != "none":
        raise ValueError(f"from_torch: a GELU with approximate={module.approximate!r} has no layer here.")
    return [layers.Activation("gelu")]


def _activation(name: str) -> Callable[[Any], Made]:
    return lambda _: [layers.Activation(name)]


_MAKERS: Final[dict[str, Callable[[Any], Made]]] = {
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "RNN": _recurrent,
    "Linear": lambda module: [layers.Dense(module.out_features, use_bias=module.bias is not None)],
    "Embedding": lambda module: [layers.Embedding(module.num_embeddings, module.embedding_dim)],
    "Conv1d": _convolution,
    "BatchNorm1d": _normalization,
    "LayerNorm": _layer_norm,
    "Dropout": lambda module: [layers.Dropout(module.p)],
    "Flatten": lambda _: [layers.Flatten()],
    "Identity": lambda _: [],
    "Softmax": _softmax,
    "ReLU": _activation("relu"),
    "ReLU6": _activation("relu6"),
    "Tanh": _activation("tanh"),
    "Sigmoid": _activation("sigmoid"),
    "SiLU": _activation("silu"),
    "Softplus": _activation("softplus"),
    "Softsign": _activation("softsign"),
    "LeakyReLU": lambda module: [layers.LeakyReLU(module.negative_slope)],
    "ELU": lambda module: [layers.ELU(module.alpha)],
    "GELU": _gelu,
    "Hardtanh": _activation("hard_tanh"),
}
"""How each module becomes layers, by its class's name."""
