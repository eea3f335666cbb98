"""`onnx_graphs.npz`: small ONNX graphs made by the onnx package, and what ONNX Runtime makes of them.

    .peers/onnx/bin/python tools/golden/make_onnx.py

ONNX Runtime has no `layout=1`: those graphs are run with the batch second, and what comes out is turned round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

OUT = Path(__file__).resolve().parents[2] / "tests" / "golden" / "onnx_graphs.npz"
B, T, WIDTH, H = 3, 5, 4, 3
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


@dataclass
class Case:
    """One graph of one node, or of those that `nodes` makes."""

    operator: str
    inputs: dict[str, np.ndarray | None]
    attributes: dict[str, Any] = field(default_factory=dict)
    constants: tuple[str, ...] = ()
    outputs: int = 1
    version: int = 17
    domain: str = ""
    nodes: Callable[[], list[Any]] | None = None


def numbers(*shape: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed + sum(shape)).normal(0, scale, shape).astype("float32")


# -- recurrent operators ----------------------------------------------------------------------------------------------


def recurrent(kind: str, *extra: str, **attributes: Any) -> Case:
    """A recurrence; `extra` names inputs beyond X, W and R: B, lengths, h, c, P."""
    ways, gates = 2 if attributes.get("direction") == "bidirectional" else 1, GATES[kind]
    given: dict[str, Any] = {
        "X": numbers(T, B, WIDTH),
        "W": numbers(ways, gates * H, WIDTH, seed=1, scale=0.6),
        "R": numbers(ways, gates * H, H, seed=2, scale=0.6),
    }
    possible = {
        "B": numbers(ways, 2 * gates * H, seed=3, scale=0.5),
        "lengths": np.array([T, 2, 1], "int32"),
        "h": numbers(ways, B, H, seed=4),
        "c": numbers(ways, B, H, seed=5),
        "P": numbers(ways, 3 * H, seed=6, scale=0.7),
    }
    order = ("B", "lengths", "h", "c", "P") if kind == "LSTM" else ("B", "lengths", "h")
    given |= {name: possible[name] if name in extra else None for name in order}
    outputs = 3 if kind == "LSTM" else 2
    return Case(kind, given, {"hidden_size": H, **attributes}, ("W", "R", "B", "P"), outputs)


WITH = (
    ("relu", {"activations": ["Relu"]}),
    ("affine", {"activations": ["Affine"], "activation_alpha": [0.7], "activation_beta": [0.1]}),
    ("leaky", {"activations": ["LeakyRelu"], "activation_alpha": [0.3]}),
    ("leaky_default", {"activations": ["LeakyRelu"]}),
    ("thresholded", {"activations": ["ThresholdedRelu"], "activation_alpha": [0.2]}),
    ("scaled_tanh", {"activations": ["ScaledTanh"], "activation_alpha": [0.8], "activation_beta": [1.2]}),
    ("hard_sigmoid", {"activations": ["HardSigmoid"], "activation_alpha": [0.25], "activation_beta": [0.4]}),
    ("hard_sigmoid_default", {"activations": ["HardSigmoid"]}),
    ("elu", {"activations": ["Elu"], "activation_alpha": [0.6]}),
    ("softsign", {"activations": ["Softsign"]}),
    ("softplus", {"activations": ["Softplus"]}),
    ("sigmoid", {"activations": ["Sigmoid"]}),
)


def recurrent_cases() -> Iterator[tuple[str, Case]]:
    for kind in GATES:
        state = ("h", "c") if kind == "LSTM" else ("h",)
        name = kind.lower()
        for direction in ("forward", "reverse", "bidirectional"):
            yield f"{name}_{direction}", recurrent(kind, "B", direction=direction)
            yield f"{name}_{direction}_lengths", recurrent(kind, "B", "lengths", *state, direction=direction)
            yield f"{name}_{direction}_clip", recurrent(kind, "B", *state, direction=direction, clip=0.4)
        yield f"{name}_bare", recurrent(kind)
        yield f"{name}_states", recurrent(kind, *state)
        yield f"{name}_layout", recurrent(kind, "B", "lengths", *state, layout=1, direction="bidirectional")
        yield f"{name}_layout_forward", recurrent(kind, "B", layout=1)
    yield from ((f"rnn_{name}", recurrent("RNN", "B", "h", **how)) for name, how in WITH)
    for before in (0, 1):
        how: dict[str, Any] = {"linear_before_reset": before}
        yield f"gru_{before}", recurrent("GRU", "B", "lengths", "h", direction="bidirectional", **how)
        yield f"gru_{before}_clip", recurrent("GRU", "B", "h", clip=0.3, **how)
        mixed = {"activations": ["HardSigmoid", "Softsign"], "activation_alpha": [0.3], "activation_beta": [0.4]}
        yield f"gru_{before}_mixed", recurrent("GRU", "B", **mixed, **how)
        both = {"activations": ["Sigmoid", "LeakyRelu", "HardSigmoid", "ScaledTanh"], "activation_beta": [0.4, 0.9]}
        both |= {"activation_alpha": [0.1, 0.3, 0.8], "direction": "bidirectional"}
        yield f"gru_{before}_both_mixed", recurrent("GRU", "B", **both, **how)
    for direction in ("forward", "bidirectional"):
        how = {"direction": direction}
        yield f"lstm_peephole_{direction}", recurrent("LSTM", "B", "h", "c", "P", **how)
        yield f"lstm_all_{direction}", recurrent("LSTM", "B", "lengths", "h", "c", "P", clip=0.8, **how)
        yield f"lstm_coupled_{direction}", recurrent("LSTM", "B", "h", "c", input_forget=1, **how)
    yield "lstm_coupled_peephole", recurrent("LSTM", "B", "P", "c", "h", input_forget=1, direction="reverse")
    mixed = {"activations": ["HardSigmoid", "Elu", "Softsign"], "activation_alpha": [0.3, 0.7]}
    yield "lstm_mixed", recurrent("LSTM", "B", "P", activation_beta=[0.4], **mixed)
    yield "lstm_relu", recurrent("LSTM", "B", activations=["Sigmoid", "Relu", "Relu"])
    yield "lstm_hard", recurrent("LSTM", "B", activations=["HardSigmoid", "Tanh", "Tanh"])
    ways = ["Sigmoid", "Tanh", "Relu", "HardSigmoid", "Softsign", "Tanh"]
    yield "lstm_both_mixed", recurrent("LSTM", "B", activations=ways, direction="bidirectional")


# -- other operators --------------------------------------------------------------------------------------------------

X = numbers(2, 3, 4)
IDS = np.array([[0, 2], [1, -1]], "int64")
ONE_OF = [
    "Abs", "Neg", "Exp", "Sqrt", "Reciprocal", "Floor", "Ceil", "Round", "Sign", "Sin", "Cos", "Tan", "Atan",
    "Sinh", "Cosh", "Asinh", "Tanh", "Erf", "Sigmoid", "Softplus", "Softsign", "Relu", "HardSwish", "Identity",
    "LeakyRelu", "Elu", "Celu", "Selu", "ThresholdedRelu", "HardSigmoid", "Softmax", "LogSoftmax", "Hardmax",
    "GlobalAveragePool", "GlobalMaxPool", "Shape", "Size", "IsNaN", "Flatten", "Transpose", "Mish",
]  # fmt: skip
TWO_OF = [
    "Add", "Sub", "Mul", "Div", "Pow", "PRelu", "Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Max",
    "Min", "Mean", "Sum",
]  # fmt: skip
REDUCED = [
    "Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSumExp",
]  # fmt: skip


def ints(*values: int) -> np.ndarray:
    return np.array(values, "int64")


def unary(x: np.ndarray, operator: str, **attributes: Any) -> Case:
    return Case(operator, {"x": x}, attributes)


def with_constants(operator: str, x: np.ndarray, *others: np.ndarray, **attributes: Any) -> Case:
    """The first input is given, the others are constants."""
    names = [f"k{place}" for place in range(len(others))]
    version = attributes.pop("version", 17)
    outputs = attributes.pop("outputs", 1)
    return Case(operator, {"x": x, **dict(zip(names, others, strict=True))}, attributes, tuple(names), outputs, version)


def operator_cases() -> Iterator[tuple[str, Case]]:
    for name in ONE_OF:
        yield name, Case(name, {"x": np.abs(X) if name == "Sqrt" else X}, version=18 if name == "Mish" else 17)
    for name in TWO_OF:
        base = np.abs(X) if name == "Pow" else X
        yield name, Case(name, {"x": base, "y": numbers(3, 1, seed=9)})
    for name in REDUCED:
        yield f"Reduce{name}", with_constants(f"Reduce{name}", X, ints(-1, 0), version=18)
        yield f"Reduce{name}_flat", with_constants(f"Reduce{name}", X, keepdims=0, version=18)
    yield "ReduceMean_13", Case("ReduceMean", {"x": X}, {"axes": [1], "keepdims": 0}, version=13)
    yield "Softmax_11", Case("Softmax", {"x": X}, {"axis": 1}, version=11)
    yield "LogSoftmax_axis", Case("LogSoftmax", {"x": X}, {"axis": 1})
    yield "Clip", with_constants("Clip", X, np.float32(-0.5), np.float32(0.5))
    yield "Clip_6", Case("Clip", {"x": X}, {"min": -0.2, "max": 0.9}, version=6)
    yield "Where", Case("Where", {"c": X > 0, "x": X, "y": numbers(4)})
    yield "Mod", Case("Mod", {"x": ints(5, -5, 7), "y": ints(3, 3, -4)})
    yield "Div_int", Case("Div", {"x": ints(5, -5, 7), "y": ints(3, 3, -4)})
    yield "Not", Case("Not", {"x": X > 0})
    yield "And", Case("And", {"x": X > 0, "y": X < 1})
    yield "Cast", Case("Cast", {"x": X}, {"to": TensorProto.INT64})
    yield "Squeeze", with_constants("Squeeze", numbers(1, 3, 1, 2), ints(0))
    yield "Squeeze_11", Case("Squeeze", {"x": numbers(1, 3, 1, 2)}, {"axes": [2]}, version=11)
    yield "Unsqueeze", with_constants("Unsqueeze", X, ints(0, -1))
    yield "Unsqueeze_11", Case("Unsqueeze", {"x": X}, {"axes": [1, 3]}, version=11)
    yield "Reshape", with_constants("Reshape", X, ints(0, -1, 2))
    yield "Expand", with_constants("Expand", numbers(3, 1), ints(2, 1, 4))
    yield "Tile", with_constants("Tile", X, ints(1, 2, 3))
    yield "Concat", Case("Concat", {"x": X, "y": numbers(2, 1, 4)}, {"axis": -2})
    yield "Split", with_constants("Split", X, ints(1, 3), axis=2, outputs=2)
    yield "Split_even", Case("Split", {"x": X}, {"axis": 1, "num_outputs": 2}, outputs=2, version=18)
    yield "Slice", with_constants("Slice", X, ints(0, 1), ints(3, 100), ints(1, 2), ints(2, 1))
    yield "Slice_back", with_constants("Slice", X, ints(-1), ints(-100), ints(2), ints(-1))
    yield "Slice_back_part", with_constants("Slice", X, ints(5), ints(0), ints(2), ints(-2))
    yield "Slice_9", Case("Slice", {"x": X}, {"starts": [1], "ends": [3], "axes": [1]}, version=9)
    yield "Gather", Case("Gather", {"x": X, "i": IDS}, {"axis": 1})
    yield "GatherElements", Case("GatherElements", {"x": numbers(3, 2), "i": IDS}, {"axis": 0})
    yield "GatherND", Case("GatherND", {"x": numbers(2, 3), "i": ints(0, 1, 1, 2).reshape(2, 2)})
    yield (
        "ScatterElements",
        Case("ScatterElements", {"x": numbers(3, 2), "i": IDS, "u": numbers(2, 2)}, {"axis": 0}, version=16),
    )
    yield "ScatterND", Case("ScatterND", {"x": numbers(4, 2), "i": ints(1, 3)[:, None], "u": numbers(2, 2)})
    yield "Pad", with_constants("Pad", X, ints(0, 1, 0, 0, 2, 1), np.float32(0.5))
    yield "Pad_reflect", with_constants("Pad", X, ints(0, 2, 1, 0, 1, 2), mode="reflect")
    yield "Pad_edge", with_constants("Pad", X, ints(1, 0, 0, 0, 0, -1), mode="edge")
    yield (
        "ConstantOfShape",
        Case("ConstantOfShape", {"s": ints(2, 3)}, {"value": numpy_helper.from_array(np.array([7], "int64"))}),
    )
    yield "Range", Case("Range", {"a": np.int64(1), "b": np.int64(9), "d": np.int64(3)})
    yield "OneHot", Case("OneHot", {"i": ints(0, 2, -1), "d": np.int64(3), "v": np.array([0, 5], "float32")})
    yield "CumSum", with_constants("CumSum", X, np.int64(1), reverse=1, exclusive=1)
    yield "ArgMax", Case("ArgMax", {"x": X}, {"axis": -1, "keepdims": 0})
    yield "TopK", with_constants("TopK", X, ints(2), outputs=2)
    yield "NonZero", Case("NonZero", {"x": np.array([[1, 0], [0, 2]], "float32")})
    yield "Trilu", Case("Trilu", {"x": X}, {"upper": 0})
    yield "Shape_part", Case("Shape", {"x": X}, {"start": 1})
    yield "Flatten_2", Case("Flatten", {"x": X}, {"axis": 2})
    yield "Transpose_perm", Case("Transpose", {"x": X}, {"perm": [2, 0, 1]})
    yield "DepthToSpace", Case("DepthToSpace", {"x": numbers(1, 8, 2, 3)}, {"blocksize": 2})
    yield "DepthToSpace_CRD", Case("DepthToSpace", {"x": numbers(1, 8, 2, 3)}, {"blocksize": 2, "mode": "CRD"})
    yield "SpaceToDepth", Case("SpaceToDepth", {"x": numbers(1, 2, 4, 6)}, {"blocksize": 2})
    yield "ReverseSequence", Case("ReverseSequence", {"x": numbers(4, 3, 2), "n": ints(4, 2, 1)})
    yield "MatMul", Case("MatMul", {"x": X, "y": numbers(4, 5)})
    yield "Gemm", Case(
        "Gemm", {"x": numbers(4, 2), "y": numbers(3, 4), "z": numbers(3)},
        {"transA": 1, "transB": 1, "alpha": 0.5, "beta": 2.0},
    )  # fmt: skip
    yield "Einsum", Case("Einsum", {"x": X, "y": numbers(4, 5)}, {"equation": "bij,jk->bki"})
    yield "LayerNormalization", with_constants("LayerNormalization", X, numbers(4), numbers(4, seed=3), axis=-1)
    yield "InstanceNormalization", with_constants("InstanceNormalization", X, numbers(3), numbers(3, seed=3))
    facts = (numbers(3), numbers(3, seed=3), numbers(3, seed=4), np.abs(numbers(3, seed=5)))
    yield "BatchNormalization", with_constants("BatchNormalization", X, *facts, epsilon=1e-3)
    yield "LpNormalization", Case("LpNormalization", {"x": X}, {"axis": 1})
    yield "Dropout", Case("Dropout", {"x": X})
    yield from window_cases()
    yield from quantized_cases()
    yield "If", Case("If", {"x": X, "c": np.array(False)}, nodes=branches)
    yield "Loop", Case("Loop", {"x": X, "n": np.int64(3)}, nodes=turns, outputs=2)


def window_cases() -> Iterator[tuple[str, Case]]:
    x, plane = numbers(2, 4, 9), numbers(1, 2, 5, 6)
    yield "Conv", with_constants("Conv", x, numbers(3, 4, 3), numbers(3), pads=[1, 2], strides=[2])
    yield "Conv_groups", with_constants("Conv", x, numbers(6, 2, 2), group=2, dilations=[3])
    yield "Conv_depthwise", with_constants("Conv", x, numbers(4, 1, 3), group=4)
    yield "Conv_same", with_constants("Conv", x, numbers(3, 4, 4), auto_pad="SAME_UPPER", strides=[2])
    yield "Conv_same_lower", with_constants("Conv", x, numbers(3, 4, 4), auto_pad="SAME_LOWER")
    yield "Conv_2d", with_constants("Conv", plane, numbers(3, 2, 3, 2), pads=[1, 0, 0, 1])
    yield "ConvTranspose", with_constants("ConvTranspose", x, numbers(4, 3, 3), numbers(3), strides=[2], pads=[1, 0])
    more = {"group": 2, "output_padding": [1], "strides": [3]}
    yield "ConvTranspose_groups", with_constants("ConvTranspose", x, numbers(4, 2, 3), **more)
    yield "ConvTranspose_2d", with_constants("ConvTranspose", plane, numbers(2, 3, 2, 3), dilations=[2, 1])
    yield "MaxPool", unary(x, "MaxPool", kernel_shape=[3], strides=[2], pads=[1, 1])
    yield "MaxPool_ceil", unary(x, "MaxPool", kernel_shape=[2], strides=[3], ceil_mode=1)
    yield "AveragePool", unary(x, "AveragePool", kernel_shape=[3], strides=[2], pads=[1, 1])
    yield "AveragePool_all", unary(x, "AveragePool", kernel_shape=[4], strides=[2], pads=[1, 2], count_include_pad=1)
    yield "AveragePool_2d", unary(plane, "AveragePool", kernel_shape=[2, 3], auto_pad="SAME_UPPER")


def quantized_cases() -> Iterator[tuple[str, Case]]:
    rng = np.random.default_rng(5)
    q = rng.integers(0, 255, (3, 4)).astype("uint8")
    weights = rng.integers(-100, 100, (4, 2)).astype("int8")
    yield "QuantizeLinear", with_constants("QuantizeLinear", X, np.float32(0.02), np.uint8(120))
    yield "DequantizeLinear", with_constants("DequantizeLinear", q, np.abs(numbers(4)), np.arange(4, dtype="uint8"))
    yield "DynamicQuantizeLinear", Case("DynamicQuantizeLinear", {"x": X}, outputs=3)
    yield "MatMulInteger", with_constants("MatMulInteger", q, weights, np.uint8(7), np.int8(3))
    for ways, direction in ((1, "forward"), (2, "bidirectional")):
        inputs: dict[str, Any] = {
            "X": numbers(T, 1, WIDTH),
            "W": rng.integers(-127, 127, (ways, WIDTH, 4 * H)).astype("int8"),
            "R": rng.integers(-127, 127, (ways, H, 4 * H)).astype("int8"),
            "B": numbers(ways, 8 * H, scale=0.3),
            "lengths": None,
            "h": numbers(ways, 1, H, seed=4),
            "c": numbers(ways, 1, H, seed=5),
            "P": None,
        }
        for name in "WR":
            inputs |= {f"{name}s": np.full(ways, 0.01, "float32"), f"{name}z": np.zeros(ways, "int8")}
        constants = ("W", "R", "B", "Ws", "Wz", "Rs", "Rz")
        yield f"DynamicQuantizeLSTM_{direction}", Case(
            "DynamicQuantizeLSTM", inputs, {"hidden_size": H, "direction": direction}, constants, 3,
            domain="com.microsoft",
        )  # fmt: skip


def branches() -> list[Any]:
    """An If whose branches see the values around them."""
    made = []
    for name, operator in (("then", "Neg"), ("else", "Tanh")):
        node = helper.make_node(operator, ["x"], [f"{name}_y"])
        made.append(helper.make_graph([node], name, [], [helper.make_tensor_value_info(f"{name}_y", 1, None)]))
    return [helper.make_node("If", ["c"], ["out0"], then_branch=made[0], else_branch=made[1])]


def turns() -> list[Any]:
    """A Loop that halves x, and gathers a number of each turn."""
    half = numpy_helper.from_array(np.float32(0.5), "half")
    body = [
        helper.make_node("Mul", ["carried", "half"], ["smaller"]),
        helper.make_node("ReduceMean", ["smaller"], ["mean"], keepdims=0),
        helper.make_node("Identity", ["goes_on"], ["again"]),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        body, "body", [value("turn", 7, []), value("goes_on", 9, []), value("carried", 1, None)],
        [value("again", 9, []), value("smaller", 1, None), value("mean", 1, None)], [half],
    )  # fmt: skip
    return [helper.make_node("Loop", ["n", "", "x"], ["out0", "out1"], body=graph)]


# -- running ----------------------------------------------------------------------------------------------------------


def model(case: Case, attributes: dict[str, Any]) -> Any:
    """The case as an ONNX model."""
    names = [f"out{place}" for place in range(case.outputs)]
    there = {name: array for name, array in case.inputs.items() if array is not None}
    given = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(np.asarray(array).dtype), np.asarray(array).shape
        )
        for name, array in there.items()
        if name not in case.constants
    ]
    inputs = [name if array is not None else "" for name, array in case.inputs.items()]
    while inputs and not inputs[-1]:
        inputs.pop()
    nodes = (
        case.nodes()
        if case.nodes
        else [helper.make_node(case.operator, inputs, names, domain=case.domain, **attributes)]
    )
    constants = [numpy_helper.from_array(np.asarray(there[name]), name) for name in case.constants if name in there]
    outputs = [helper.make_empty_tensor_value_info(name) for name in names]
    graph = helper.make_graph(nodes, "case", given, outputs, constants)
    sets = [helper.make_opsetid("", case.version)]
    sets += [helper.make_opsetid(case.domain, 1)] if case.domain else []
    return helper.make_model(graph, opset_imports=sets, ir_version=8)


def run(case: Case) -> list[np.ndarray]:
    """What ONNX Runtime gives."""
    attributes = {name: value for name, value in case.attributes.items() if name != "layout"}
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    data = model(case, attributes).SerializeToString()
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    wanted = {each.name for each in session.get_inputs()}
    return list(session.run(None, {name: np.asarray(case.inputs[name]) for name in wanted}))


def turned(case: Case, outputs: list[np.ndarray]) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Inputs and outputs with the batch in front, where the case says so."""
    if not case.attributes.get("layout"):
        return case.inputs, outputs
    moved = {name: case.inputs.get(name) for name in ("X", "h", "c") if case.inputs.get(name) is not None}
    inputs = case.inputs | {name: np.swapaxes(array, 0, 1) for name, array in moved.items() if array is not None}
    y, *states = outputs
    return inputs, [y.transpose(2, 0, 1, 3), *(np.swapaxes(state, 0, 1) for state in states)]


def main() -> None:
    arrays: dict[str, Any] = {}
    for name, case in (*recurrent_cases(), *operator_cases()):
        case.inputs, outputs = turned(case, run(case))
        data = model(case, case.attributes).SerializeToString()
        arrays[f"{name}:model"] = np.frombuffer(data, "uint8")
        arrays |= {
            f"{name}:in:{key}": np.asarray(value)
            for key, value in case.inputs.items()
            if value is not None and key not in case.constants
        }
        arrays |= {f"{name}:out:{place}": array for place, array in enumerate(outputs)}
    np.savez_compressed(OUT, **arrays)
    print(sum(key.endswith(":model") for key in arrays), "graphs", OUT.stat().st_size, "bytes; onnx", onnx.__version__)


if __name__ == "__main__":
    main()
