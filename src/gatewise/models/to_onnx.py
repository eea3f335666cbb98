"""Models as ONNX graphs: `model.export("model.onnx")`.

Each call of a layer becomes the operators that compute the same; a layer without such words is refused by name. With
`states=True` the states of recurrent layers are inputs and outputs of the graph, so that a sequence can come in pieces.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np

from gatewise import activations, layers
from gatewise.base import structure
from gatewise.base.version import __version__
from gatewise.formats.onnx.writing import Graph
from gatewise.graph import InputLayer
from gatewise.layer import Layer
from gatewise.layer.symbolic import Node, SymbolicTensor
from gatewise.recurrent import GRU, LSTM, Bidirectional, SimpleRNN, TimeDistributed

Writer: TypeAlias = "Callable[[Call], list[str]]"


def onnx_bytes(model: Any, states: bool = False) -> bytes:
    """A model as the bytes of an ONNX file.

    Args:
        model: drawn, as a Sequential or from inputs to outputs.
        states: whether the states of recurrent layers are inputs and outputs: "lstm_h_in" (B, H) and "lstm_h_out" for
            the first state of the layer "lstm". Zeros in begin a sequence.

    Raises:
        ValueError: a layer, or a setting of one, that ONNX has no words for here.
    """
    if not hasattr(model, "_graph_now"):
        raise ValueError(
            f"{model.label} cannot be exported: what its own `call` does cannot be seen. Draw it with Input and "
            "Model(inputs, outputs), or as a Sequential."
        )
    return _Export(model, states).bytes()


class _Export:
    """One model on its way."""

    def __init__(self, model: Any, states: bool) -> None:
        self.model = model
        self.states = states
        self.graph = Graph(model.name)
        self.values: dict[int, str] = {}
        self.state_outputs: list[tuple[str, tuple[Any, ...]]] = []

    def bytes(self) -> bytes:
        """The whole file."""
        drawn = self.model._graph_now()
        for tensor in drawn.input_tensors:
            name = tensor.name.partition(":")[0]
            shape = (
                (*tensor.shape[:1], None, *tensor.shape[2:]) if self.states else tensor.shape
            )  # Pieces of any length.
            self.graph.input(name, sized(shape), _dtype(tensor))
            self.values[id(tensor)] = name
        self.through(drawn)
        for place, tensor in enumerate(drawn.output_tensors):
            name = self.graph.own_name("output" if len(drawn.output_tensors) == 1 else f"output_{place}")
            self.graph.node("Identity", [self.values[id(tensor)]], [name])
            self.graph.output(name, sized(tensor.shape), _dtype(tensor))
        for name, shape in self.state_outputs:
            self.graph.output(name, shape, self.graph.dtype)
        return self.graph.model("gatewise", __version__)

    def through(self, drawn: Any) -> None:
        """Add the calls of a graph; `values` has its inputs."""
        for node in drawn.nodes:
            if isinstance(node.layer, InputLayer):
                continue
            names = self.call(node)
            for tensor, name in zip(structure.flatten(node.outputs), names, strict=False):
                self.values[id(tensor)] = name

    def call(self, node: Node) -> list[str]:
        """One call of a layer, or of a model inside; returns its outputs' names."""
        inputs = [self.values[id(tensor)] for tensor in node.inputs]
        if hasattr(node.layer, "_graph_now"):
            inner: Any = node.layer._graph_now()
            self.values |= dict(zip(map(id, inner.input_tensors), inputs, strict=True))
            self.through(inner)
            return [self.values[id(tensor)] for tensor in inner.output_tensors]
        return written(Call(self, node.layer, node, inputs))


class Call:
    """A call of a layer, and where it goes."""

    def __init__(self, export: _Export, layer: Layer, node: Node, inputs: list[str]) -> None:
        self.export = export
        self.graph = export.graph
        self.layer: Any = layer
        self.node = node
        self.inputs = inputs
        self.label = self.graph.own_name(layer.name)  # Another one for each call of a layer.

    @property
    def rank(self) -> int:
        """The first input's."""
        return len(self.node.inputs[0].shape)

    def refuse(self, what: str) -> ValueError:
        """An error that names the layer."""
        return ValueError(f"{self.export.model.label} cannot be exported to ONNX: {self.layer.label} {what}.")

    def weight(self, name: str, value: Any = None) -> str:
        """A weight of the layer's as a constant."""
        array = getattr(self.layer, name).numpy() if value is None else value
        return self.graph.constant(f"{self.layer.name}/{name}", np.asarray(array, "float32"))

    def integers(self, *values: int) -> str:
        """Whole numbers as a constant."""
        return self.graph.constant("integers", np.array(values, "int64"))


def sized(shape: tuple[int | None, ...]) -> tuple[Any, ...]:
    """A shape with names for the sizes that are not known: the batch is N, the second axis T."""
    words = ("N", "T", *(f"D{axis}" for axis in range(2, len(shape))))
    return tuple(word if size is None else size for size, word in zip(shape, words, strict=False))


def _dtype(tensor: SymbolicTensor) -> str:
    return "float32" if "float" in tensor.dtype else tensor.dtype


def written(call: Call) -> list[str]:
    """The outputs' names of a call whose layer is known."""
    for kind in type(call.layer).__mro__:
        if kind in _WRITERS and (kind is type(call.layer) or kind.call is type(call.layer).call):
            return _WRITERS[kind](call)
    raise call.refuse("has no words in ONNX that are known here")


# -- activations ------------------------------------------------------------------------------------------------------

_SIMPLE: Final = {
    "relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid", "softsign": "Softsign", "softplus": "Softplus",
    "exponential": "Exp", "selu": "Selu",
}  # fmt: skip


_HARD_SIGMOIDS: Final = ("hard_sigmoid", "keras2_hard_sigmoid")


def _activated(call: Call, x: str, function: Any) -> str:
    """A value through an activation."""
    name = activations.known_name(function)
    graph = call.graph
    if function is activations.linear:
        return x
    if name in _SIMPLE:
        return str(graph.add(_SIMPLE[name], [x]))
    if name in ("softmax", "log_softmax"):
        return str(graph.add("Softmax" if name == "softmax" else "LogSoftmax", [x], axis=-1))
    if name in _HARD_SIGMOIDS:
        slope, offset = _hard_sigmoid(function)
        return str(graph.add("HardSigmoid", [x], alpha=slope, beta=offset))
    if name in ("silu", "swish"):
        return str(graph.add("Mul", [x, graph.add("Sigmoid", [x])]))
    if name == "elu":
        return str(graph.add("Elu", [x], alpha=1.0))
    if name == "leaky_relu":
        return str(graph.add("LeakyRelu", [x], alpha=float(activations.leaky_relu(-1.0)) * -1.0))
    if name == "relu6":
        limits = [graph.constant("limit", np.float32(limit)) for limit in (0, 6)]
        return str(graph.add("Clip", [x, *limits]))
    raise call.refuse(f"has the activation {name or function!r}, which is none of those that are known here")


def _hard_sigmoid(function: Any) -> tuple[float, float]:
    """The slope and the value at 0, which differ by release."""
    low, high = (float(function(np.float32(x))) for x in (0.0, 1.0))
    return high - low, low


def _of_cell(call: Call, function: Any) -> tuple[str, float | None, float | None]:
    """An activation inside a recurrence: ONNX's name, and its alpha and beta."""
    name = activations.known_name(function)
    known = {"tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "Relu", "softsign": "Softsign", "softplus": "Softplus"}
    if name in known:
        return known[name], None, None
    if name in _HARD_SIGMOIDS:
        return "HardSigmoid", *_hard_sigmoid(function)
    if name == "linear":
        return "Affine", 1.0, 0.0
    if name == "elu":
        return "Elu", 1.0, None
    raise call.refuse(f"has the activation {name or function!r} in its recurrence, which ONNX has not")


# -- recurrent layers -------------------------------------------------------------------------------------------------

_GATES: Final = {LSTM: (0, 3, 1, 2), GRU: (0, 1, 2), SimpleRNN: (0,)}
"""The places of ONNX's gates (i o f c; z r h) among Keras's (i f c o; z r h)."""
_OPERATORS: Final = {LSTM: "LSTM", GRU: "GRU", SimpleRNN: "RNN"}


def _kind_of(call: Call, layer: Any) -> type[Layer]:
    known: tuple[Any, ...] = tuple(_GATES)
    same = (each for each in known if isinstance(layer, each) and type(layer)._equation is each._equation)
    kind: type[Layer] | None = next(same, None)
    if kind is None:
        raise call.refuse("has an equation that ONNX has not")
    return kind


def _turned(array: np.ndarray, gates: tuple[int, ...]) -> np.ndarray:
    """Weights (I, gH) as ONNX has them, (gH, I), the gates in its order."""
    parts = np.split(np.asarray(array, "float32"), len(gates), axis=-1)
    return np.concatenate([parts[gate] for gate in gates], axis=-1).T


def _direction(call: Call, layer: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """W, R and B of one direction."""
    gates = _GATES[_kind_of(call, layer)]
    kernel, recurrent = (_turned(each.numpy(), gates) for each in (layer.kernel, layer.recurrent_kernel))
    bias = layer.bias.numpy() if layer.use_bias else np.zeros(kernel.shape[0], "float32")
    halves = np.asarray(bias).reshape(-1, kernel.shape[0])
    both = [*halves, np.zeros_like(halves[0])][:2]
    return kernel, recurrent, np.concatenate([_turned(half[None], gates)[:, 0] for half in both])


def _recurrence(call: Call, ways: list[Any]) -> list[str]:
    """One recurrent operator for a layer, or both directions of one: Y (T, D, B, H), and states (D, B, H)."""
    graph, layer = call.graph, ways[0]
    kind = _kind_of(call, layer)
    parts = [np.stack(each) for each in zip(*(_direction(call, way) for way in ways), strict=True)]
    weights = [call.weight(name, part) for name, part in zip("WRB", parts, strict=True)]
    x = graph.add("Transpose", [call.inputs[0]], perm=[1, 0, 2])
    starts = [_start(call, place, len(ways)) for place in range(2 if kind is LSTM else 1)]
    functions = {SimpleRNN: ("activation",), GRU: ("recurrent_activation", "activation")}.get(
        kind, ("recurrent_activation", "activation", "activation")
    )
    found = [_of_cell(call, getattr(way, name)) for way in ways for name in functions]
    options: dict[str, Any] = {"hidden_size": layer.units, "activations": [name for name, _, _ in found]}
    alphas, betas = ([each for each in values if each is not None] for values in list(zip(*found, strict=True))[1:])
    options |= {"activation_alpha": alphas} if alphas else {}
    options |= {"activation_beta": betas} if betas else {}
    backwards = layer.go_backwards and len(ways) == 1
    options["direction"] = "bidirectional" if len(ways) == 2 else "reverse" if backwards else "forward"
    if kind is GRU:
        options["linear_before_reset"] = int(layer.reset_after)
    made = graph.add(_OPERATORS[kind], [x, *weights, "", *starts], outputs=1 + len(starts), **options)
    return list(made)


def _start(call: Call, place: int, ways: int) -> str:
    """The initial state of this place, (D, B, H); "" for zeros."""
    given = call.inputs[1:]
    letter = "hc"[place]
    if given:
        states = 1 + isinstance(_first_way(call.layer), LSTM)
        own = [given[way * states + place] for way in range(ways)]
    elif call.export.states:
        own = [f"{call.label}{end}_{letter}_in" for end in _ends(ways)]
        for name in own:
            call.graph.input(name, ("N", _first_way(call.layer).units), call.graph.dtype)
    else:
        return ""
    parts = [call.graph.add("Unsqueeze", [name, call.integers(0)]) for name in own]
    return parts[0] if ways == 1 else str(call.graph.add("Concat", parts, axis=0))


def _ends(ways: int) -> tuple[str, ...]:
    return ("",) if ways == 1 else ("_forward", "_backward")


def _first_way(layer: Any) -> Any:
    return layer.forward_layer if isinstance(layer, Bidirectional) else layer


def _states(call: Call, made: list[str], ways: int) -> list[str]:
    """The final states (B, H), those of the forward direction first; the model gives them out where it shall."""
    graph, found = call.graph, []
    for way in range(ways):
        for letter, value in zip("hc", made, strict=False):
            (name,) = [graph.add("Gather", [value, graph.constant("way", np.int64(way))], axis=0)]
            found.append(name)
            if call.export.states and not call.inputs[1:]:
                own = f"{call.label}{_ends(ways)[way]}_{letter}_out"
                graph.node("Identity", [name], [own])
                call.export.state_outputs.append((own, ("N", _first_way(call.layer).units)))
    return found


def _recurrent(call: Call) -> list[str]:
    layer, graph = call.layer, call.graph
    _check_recurrent(call, layer)
    y, *states = _recurrence(call, [layer])
    finals = _states(call, states, 1)
    if not layer.return_sequences:
        return [finals[0], *(finals if layer.return_state else [])]
    y = graph.add("Transpose", [graph.add("Squeeze", [y, call.integers(1)])], perm=[1, 0, 2])
    if layer.go_backwards:
        y = _reversed(call, y)
    return [y, *(finals if layer.return_state else [])]


def _reversed(call: Call, y: str) -> str:
    """The steps the other way round, as Keras gives those of a layer that goes backwards."""
    ends = [call.integers(value) for value in (-1, np.iinfo(np.int64).min + 1, 1, -1)]
    return str(call.graph.add("Slice", [y, *ends]))


def _check_recurrent(call: Call, layer: Any) -> None:
    if layer.time_major:
        raise call.refuse("has time_major=True; make it with time_major=False")
    if call.export.states and layer.go_backwards:
        raise call.refuse("reads the end of a sequence first, which cannot come in pieces: leave states=True out")


def _bidirectional(call: Call) -> list[str]:
    outer, graph = call.layer, call.graph
    ways = [outer.forward_layer, outer.backward_layer]
    for way in ways:
        _check_recurrent(call, way)
    alike = ways[0].units == ways[1].units and _kind_of(call, ways[0]) is _kind_of(call, ways[1])
    if not alike or getattr(ways[0], "reset_after", None) != getattr(ways[1], "reset_after", None):
        raise call.refuse("has two directions of different kinds or sizes")
    y, *states = _recurrence(call, ways)
    finals = _states(call, states, 2)
    per_way = len(states)
    if ways[0].return_sequences:
        sides = [graph.add("Gather", [y, graph.constant("way", np.int64(way))], axis=1) for way in range(2)]
        sides = [graph.add("Transpose", [side], perm=[1, 0, 2]) for side in sides]
    else:
        sides = [finals[0], finals[per_way]]
    return [*_merged(call, outer.merge_mode, sides), *(finals if ways[0].return_state else [])]


def _merged(call: Call, mode: str | None, sides: list[str]) -> list[str]:
    if mode is None:
        return sides
    if mode == "concat":
        return [call.graph.add("Concat", sides, axis=-1)]
    return [call.graph.add({"sum": "Sum", "ave": "Mean", "mul": "Mul"}[mode], sides)]


# -- other layers -----------------------------------------------------------------------------------------------------


def _dense(call: Call) -> list[str]:
    x = call.graph.add("MatMul", [call.inputs[0], call.weight("kernel")])
    if call.layer.use_bias:
        x = call.graph.add("Add", [x, call.weight("bias")])
    return [_activated(call, x, call.layer.activation)]


def _embedding(call: Call) -> list[str]:
    if call.layer.mask_zero:
        raise call.refuse("makes a mask (mask_zero=True), which ONNX's recurrent operators do not take")
    ids = call.graph.add("Cast", [call.inputs[0]], to=7)
    return [call.graph.add("Gather", [call.weight("embeddings"), ids], axis=0)]


def _activation(call: Call) -> list[str]:
    return [_activated(call, call.inputs[0], call.layer.activation)]


def _leaky(call: Call) -> list[str]:
    return [call.graph.add("LeakyRelu", [call.inputs[0]], alpha=float(call.layer.negative_slope))]


def _softmax(call: Call) -> list[str]:
    if not isinstance(call.layer.axis, int):
        raise call.refuse(f"has the axes {call.layer.axis}; one is known here")
    return [call.graph.add("Softmax", call.inputs, axis=call.layer.axis)]


def _passed(call: Call) -> list[str]:
    return [call.inputs[0]]


def _layer_normalization(call: Call) -> list[str]:
    layer = call.layer
    if list(np.atleast_1d(layer.axis) % call.rank) != [call.rank - 1] or getattr(layer, "rms_scaling", False):
        raise call.refuse("normalises over other axes than the last")
    width = call.node.inputs[0].shape[-1]
    scale = call.weight("gamma") if layer.scale else call.weight("gamma", np.ones(width))
    offset = [call.weight("beta")] if layer.center else []
    inputs = [call.inputs[0], scale, *offset]
    return [call.graph.add("LayerNormalization", inputs, axis=-1, epsilon=float(layer.epsilon))]


def _batch_normalization(call: Call) -> list[str]:
    """As a scale and an offset, which hold for any axis."""
    layer = call.layer
    factor = 1 / np.sqrt(layer.moving_variance.numpy() + layer.epsilon)
    factor = factor * layer.gamma.numpy() if layer.scale else factor
    offset = (layer.beta.numpy() if layer.center else 0) - layer.moving_mean.numpy() * factor
    axis = int(layer.axis if isinstance(layer.axis, int) else layer.axis[0]) % call.rank
    shape = [-1 if place == axis else 1 for place in range(call.rank)]
    names = [call.weight(name, array.reshape(shape)) for name, array in (("scale", factor), ("offset", offset))]
    return [call.graph.add("Add", [call.graph.add("Mul", [call.inputs[0], names[0]]), names[1]])]


def _convolution(call: Call) -> list[str]:
    layer, graph = call.layer, call.graph
    first = layer.data_format == "channels_first"
    x = call.inputs[0] if first else graph.add("Transpose", call.inputs, perm=[0, 2, 1])
    (size,), (stride,), (dilation,) = layer.kernel_size, layer.strides, layer.dilation_rate
    reach = (size - 1) * dilation
    if layer.padding == "same" and stride > 1:
        raise call.refuse("has strides and padding='same', which depends on the length")
    ends = {"valid": [0, 0], "causal": [reach, 0], "same": [reach // 2, reach - reach // 2]}[layer.padding]
    options = {"strides": [stride], "dilations": [dilation], "group": layer.groups, "pads": ends}
    weights = [call.weight("kernel", np.transpose(layer.kernel.numpy(), (2, 1, 0)))]
    weights += [call.weight("bias")] if layer.use_bias else []
    y = graph.add("Conv", [x, *weights], kernel_shape=[size], **options)
    y = _activated(call, y, layer.activation)
    return [y if first else graph.add("Transpose", [y], perm=[0, 2, 1])]


def _joined(operator: str, **options: Any) -> Writer:
    return lambda call: [call.graph.add(operator, call.inputs, **options)]


def _concatenated(call: Call) -> list[str]:
    return [call.graph.add("Concat", call.inputs, axis=call.layer.axis)]


def _flatten(call: Call) -> list[str]:
    return [call.graph.add("Flatten", call.inputs, axis=1)]


def _reshape(call: Call) -> list[str]:
    (shape,) = [tensor.shape for tensor in structure.flatten(call.node.outputs)]
    if sum(size is None for size in shape[1:]) > 1:
        raise call.refuse(f"gives the shape {shape}, of which more than one size is not known")
    sizes = call.integers(0, *(-1 if size is None else size for size in shape[1:]))
    return [call.graph.add("Reshape", [call.inputs[0], sizes])]


def _permute(call: Call) -> list[str]:
    return [call.graph.add("Transpose", call.inputs, perm=[0, *call.layer.dims])]


def _repeat(call: Call) -> list[str]:
    x = call.graph.add("Unsqueeze", [call.inputs[0], call.integers(1)])
    return [call.graph.add("Tile", [x, call.integers(1, call.layer.n, 1)])]


def _time_distributed(call: Call) -> list[str]:
    inner = call.layer.layer
    if not getattr(type(inner), "works_step_by_step", False) and not isinstance(inner, layers.Dense):
        raise call.refuse(f"holds {inner.label}, which is not known to treat the last axis alone")
    return written(Call(call.export, inner, call.node, call.inputs))


_WRITERS: Final[dict[type[Layer], Writer]] = {
    LSTM: _recurrent,
    GRU: _recurrent,
    SimpleRNN: _recurrent,
    Bidirectional: _bidirectional,
    TimeDistributed: _time_distributed,
    layers.Dense: _dense,
    layers.Embedding: _embedding,
    layers.Activation: _activation,
    layers.LeakyReLU: _leaky,
    layers.Softmax: _softmax,
    layers.LayerNormalization: _layer_normalization,
    layers.BatchNormalization: _batch_normalization,
    layers.Conv1D: _convolution,
    layers.Concatenate: _concatenated,
    layers.Add: _joined("Sum"),
    layers.Average: _joined("Mean"),
    layers.Maximum: _joined("Max"),
    layers.Minimum: _joined("Min"),
    layers.Multiply: _joined("Mul"),
    layers.Subtract: _joined("Sub"),
    layers.GlobalAveragePooling1D: lambda call: [call.graph.add("ReduceMean", call.inputs, axes=[1], keepdims=0)],
    layers.GlobalMaxPooling1D: lambda call: [call.graph.add("ReduceMax", call.inputs, axes=[1], keepdims=0)],
    layers.Flatten: _flatten,
    layers.Reshape: _reshape,
    layers.Permute: _permute,
    layers.RepeatVector: _repeat,
    **dict.fromkeys(
        (
            layers.Dropout,
            layers.SpatialDropout1D,
            layers.GaussianNoise,
            layers.GaussianDropout,
            layers.AlphaDropout,
            layers.ActivityRegularization,
        ),
        _passed,
    ),
}
"""How each layer becomes operators."""
