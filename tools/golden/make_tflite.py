"""`tflite_models.npz`: TFLite models that TensorFlow converts, others of one operator, and what TFLite makes of them.

    python tools/golden/make_tflite.py

In the environment of `requirements.txt` beside this file. Keras 3 and tf_keras each convert their models: where
tf_keras fuses an LSTM into one operator, Keras 3 writes a loop. All run on TFLite's reference kernels.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf
import tf_keras
from flatbuffers import Builder
from tensorflow.lite.python import schema_py_generated as schema

OUT = Path(__file__).resolve().parents[2] / "tests" / "golden" / "tflite_models.npz"
RESOLVER = tf.lite.experimental.OpResolverType.BUILTIN_REF
Arrays = dict[str, Any]


def numbers(*shape: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed + sum(shape)).normal(0, scale, shape).astype("float32")


def ints(*values: int) -> np.ndarray:
    return np.array(values, "int32")


# -- models of Keras --------------------------------------------------------------------------------------------------


def shared(k: Any) -> Iterator[tuple[str, list[Any], tuple[int, ...]]]:
    """Layers that both Kerases convert, and the shape of a sample."""
    layers = k.layers
    yield "lstm", [layers.LSTM(4), layers.Dense(2)], (5, 3)
    yield "gru", [layers.GRU(4), layers.Dense(2, activation="sigmoid")], (5, 3)
    yield "gru_before", [layers.GRU(4, reset_after=False)], (5, 3)
    yield "rnn", [layers.SimpleRNN(4, return_sequences=True), layers.Dense(3, activation="softmax")], (5, 3)
    yield (
        "both_ways",
        [layers.Bidirectional(layers.LSTM(3, return_sequences=True)), layers.GlobalAveragePooling1D()],
        (5, 3),
    )
    yield "ids", [layers.Embedding(7, 3, mask_zero=True), layers.GRU(4)], (5,)
    yield (
        "unrolled",
        [layers.Conv1D(4, 3, padding="causal", activation="relu"), layers.MaxPooling1D(2), layers.LSTM(3, unroll=True)],
        (8, 3),
    )


def of_tf_keras(layers: Any) -> Iterator[tuple[str, list[Any], tuple[int, ...]]]:
    yield "backwards", [layers.LSTM(4, go_backwards=True, return_sequences=True)], (5, 3)
    yield "stacked", [layers.LSTM(4, return_sequences=True), layers.BatchNormalization(), layers.LSTM(3)], (5, 3)
    yield (
        "depthwise",
        [layers.SeparableConv1D(5, 3), layers.LayerNormalization(), layers.LeakyReLU(0.3), layers.GRU(3)],
        (8, 4),
    )


def int8_weights(layers: Any) -> Iterator[tuple[str, list[Any], tuple[int, ...]]]:
    """Big enough for the converter to make 8 bits of the weights."""
    yield "dynamic_lstm", [layers.LSTM(32)], (4, 32)
    yield "dynamic_gru", [layers.GRU(20)], (4, 20)
    yield "dynamic_ids", [layers.Embedding(70, 16), layers.LSTM(4)], (5,)
    yield "dynamic_dense", [layers.Conv1D(32, 3), layers.Flatten(), layers.Dense(20)], (5, 12)


def keras_model(k: Any, layers: list[Any], shape: tuple[int, ...], batch: int | None = 1) -> Any:
    """A model whose biases are no zeros."""
    dtype = "int32" if isinstance(layers[0], k.layers.Embedding) else "float32"
    model = k.Sequential([k.Input(batch_shape=(batch, *shape), dtype=dtype), *layers])
    for place, weight in enumerate(model.weights):
        made = numbers(*weight.shape, seed=place, scale=0.5)
        weight.assign(np.abs(made) + 0.5 if "variance" in weight.name else made)
    return model


def converted(model: Any, optimized: bool = False, integers: bool = False) -> bytes:
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if optimized or integers:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if integers:
        shape = model.inputs[0].shape
        converter.representative_dataset = lambda: ([numbers(*shape, seed=seed)] for seed in range(20))
    return bytes(converter.convert())


def keras_cases() -> Iterator[tuple[str, bytes, Arrays]]:
    for name, k in (("keras3", keras), ("tf_keras", tf_keras)):
        for case, parts, shape in shared(k):
            yield f"{name}:{case}", converted(keras_model(k, parts, shape)), {}
    k, layers = tf_keras, tf_keras.layers
    for case, parts, shape in of_tf_keras(layers):
        yield f"tf_keras:{case}", converted(keras_model(k, parts, shape)), {}
    yield "tf_keras:batch", converted(keras_model(k, [layers.LSTM(4)], (5, 3), batch=3)), {}
    yield (
        "keras3:any_length",
        converted(keras_model(keras, [keras.layers.GRU(4, return_sequences=True)], (None, 3))),
        {},
    )
    for case, parts, shape in int8_weights(layers):
        yield f"tf_keras:{case}", converted(keras_model(k, parts, shape), optimized=True), {}
    yield (
        "tf_keras:int8_dense",
        converted(keras_model(k, [layers.Dense(4, "relu"), layers.Dense(3, "softmax")], (8,)), integers=True),
        {},
    )
    yield "tf_keras:int8_lstm", converted(keras_model(k, [layers.LSTM(4)], (5, 3)), integers=True), {}


# -- models of one operator -------------------------------------------------------------------------------------------

TYPES = {"float32": 0, "int32": 2, "int64": 4, "bool": 6, "int8": 9}


def one(
    operator: str,
    inputs: list[Any],
    options: Any = None,
    constants: tuple[int, ...] = (),
    outputs: tuple[str, ...] = ("float32",),
    variables: dict[int, tuple[int, ...]] | None = None,
) -> tuple[bytes, Arrays]:
    """A model of an operator; inputs that are None are left out, those at `constants` stand in the file.

    Args:
        outputs: the dtype of each.
        variables: the shapes of inputs that the operator keeps.
    """
    model, graph, node = schema.ModelT(), schema.SubGraphT(), schema.OperatorT()
    model.version, model.buffers, graph.tensors = 3, [schema.BufferT()], []
    node.inputs, node.outputs, graph.inputs = [], [], []
    given: Arrays = {}

    def tensor(name: str, dtype: str, shape: tuple[int, ...] | None) -> Any:
        made = schema.TensorT()
        made.name, made.type, made.shape, made.buffer = name, TYPES[dtype], list(shape or []), 0
        graph.tensors.append(made)
        return made

    for place, value in enumerate(inputs):
        shape = (variables or {}).get(place)
        if value is None and shape is None:
            node.inputs.append(-1)
            continue
        node.inputs.append(len(graph.tensors))
        if shape is not None:
            tensor(f"in{place}", "float32", shape).isVariable = True
            continue
        made = tensor(f"in{place}", value.dtype.name, value.shape)
        if place in constants:
            made.buffer = len(model.buffers)
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(value.tobytes(), "uint8")
            model.buffers.append(buffer)
        else:
            graph.inputs.append(node.inputs[-1])
            given[f"in{place}"] = value
    for place, dtype in enumerate(outputs):
        node.outputs.append(len(graph.tensors))
        tensor(f"out{place}", dtype, None)
    graph.outputs = list(node.outputs)
    if options is not None:
        node.builtinOptions = options
        node.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, operator)
    code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 1
    graph.operators, model.subgraphs, model.operatorCodes = [node], [graph], [code]
    builder = Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output()), given


def options(kind: str, **values: Any) -> Any:
    made = getattr(schema, f"{kind}OptionsT")()
    for name, value in values.items():
        assert hasattr(made, name), (kind, name)
        setattr(made, name, value)
    return made


X = numbers(2, 3, 4)
ONE_OF = {
    "ABS": "Abs", "NEG": "Neg", "EXP": "Exp", "SIN": None, "COS": "Cos", "FLOOR": None,
    "TANH": None, "LOGISTIC": None, "RELU": None, "RELU6": None, "RELU_N1_TO_1": None, "HARD_SWISH": "HardSwish",
    "SQUARE": "Square", "LOG_SOFTMAX": "LogSoftmax", "ZEROS_LIKE": "ZerosLike",
}  # fmt: skip
OF_POSITIVE = {"SQRT": None, "RSQRT": None, "LOG": None}
TWO_OF = {
    "ADD": "Add", "SUB": "Sub", "MUL": "Mul", "DIV": "Div", "MAXIMUM": "MaximumMinimum", "MINIMUM": "MaximumMinimum",
    "SQUARED_DIFFERENCE": "SquaredDifference", "PRELU": None,
}  # fmt: skip
TESTS = {
    "EQUAL": "Equal", "NOT_EQUAL": "NotEqual", "LESS": "Less", "LESS_EQUAL": "LessEqual", "GREATER": "Greater",
    "GREATER_EQUAL": "GreaterEqual",
}  # fmt: skip
REDUCED = ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD")


def of_numbers() -> Iterator[tuple[str, tuple[bytes, Arrays]]]:
    for table, x in ((ONE_OF, X), (OF_POSITIVE, np.abs(X))):
        yield from ((name, one(name, [x], options(kind) if kind else None)) for name, kind in table.items())
    other = numbers(3, 1, seed=9)
    for name, kind in TWO_OF.items():
        yield name, one(name, [X, other], options(kind) if kind else None, (1,) if name == "PRELU" else ())
    yield from ((name, one(name, [X, X], options(kind), outputs=("bool",))) for name, kind in TESTS.items())
    for number, name in ((1, "relu"), (2, "n1_to_1"), (3, "relu6")):
        yield f"ADD-{name}", one("ADD", [X, X], options("Add", fusedActivationFunction=number))
    for name in ("DIV", "FLOOR_DIV", "FLOOR_MOD"):
        kind = options("Div") if name == "DIV" else options("FloorDiv" if name == "FLOOR_DIV" else "FloorMod")
        yield f"{name}-int", one(name, [ints(5, -5, 7), ints(3, 3, -4)], kind, outputs=("int32",))
    yield "POW", one("POW", [np.abs(X), X], options("Pow"))
    for name in ("LOGICAL_AND", "LOGICAL_OR"):
        kind = "LogicalAnd" if name.endswith("AND") else "LogicalOr"
        yield name, one(name, [X > 0, X < 1], options(kind), outputs=("bool",))
    yield "LOGICAL_NOT", one("LOGICAL_NOT", [X > 0], options("LogicalNot"), outputs=("bool",))
    yield "SELECT", one("SELECT", [np.array([True, False]), X, -X], options("Select"))
    yield "SELECT_V2", one("SELECT_V2", [X > 0, X, numbers(4)], options("SelectV2"))
    yield "LEAKY_RELU", one("LEAKY_RELU", [X], options("LeakyRelu", alpha=0.3))
    yield "GELU", one("GELU", [X], options("Gelu"))
    yield "GELU-tanh", one("GELU", [X], options("Gelu", approximate=True))
    yield "SOFTMAX", one("SOFTMAX", [X], options("Softmax", beta=0.7))
    yield "CAST", one("CAST", [X * 3], options("Cast", inDataType=0, outDataType=2), outputs=("int32",))
    yield "L2_NORMALIZATION", one("L2_NORMALIZATION", [X.reshape(2, 1, 3, 4)], options("L2Norm"))
    for name in REDUCED:
        yield name, one(name, [X, ints(-1, 0)], options("Reducer"), (1,))
        yield f"{name}-kept", one(name, [X, ints(1)], options("Reducer", keepDims=True), (1,))
    yield "ARG_MAX", one("ARG_MAX", [X, ints(2)], options("ArgMax", outputType=4), (1,), ("int64",))
    yield "CUMSUM", one("CUMSUM", [X, np.array(1, "int32")], options("Cumsum", exclusive=True, reverse=True), (1,))


def of_shapes() -> Iterator[tuple[str, tuple[bytes, Arrays]]]:
    scalar = np.array(1, "int32")
    yield "RESHAPE", one("RESHAPE", [X, ints(4, -1)], options("Reshape"), (1,))
    yield "EXPAND_DIMS", one("EXPAND_DIMS", [X, ints(-2)], options("ExpandDims"), (1,))
    yield "SQUEEZE", one("SQUEEZE", [X[:, None, :, :, None]], options("Squeeze", squeezeDims=[1]))
    yield "SQUEEZE-all", one("SQUEEZE", [X[:, None]], options("Squeeze", squeezeDims=[]))
    yield "TRANSPOSE", one("TRANSPOSE", [X, ints(2, 0, 1)], options("Transpose"), (1,))
    yield "SHAPE", one("SHAPE", [X], options("Shape", outType=2), outputs=("int32",))
    yield "RANK", one("RANK", [X], options("Rank"), outputs=("int32",))
    yield "FILL", one("FILL", [ints(2, 3), np.array(0.5, "float32")], options("Fill"), (0,))
    yield "RANGE", one("RANGE", [np.array(k, "int32") for k in (1, 9, 3)], options("Range"), (0, 1, 2), ("int32",))
    yield "TILE", one("TILE", [X, ints(1, 2, 3)], options("Tile"), (1,))
    yield "PAD", one("PAD", [X, ints(0, 1, 2, 0, 0, 0).reshape(3, 2)], options("Pad"), (1,))
    yield (
        "PADV2",
        one("PADV2", [X, ints(0, 1, 2, 0, 0, 0).reshape(3, 2), np.array(0.5, "float32")], options("PadV2"), (1, 2)),
    )
    yield "CONCATENATION", one("CONCATENATION", [X, X[:, :1]], options("Concatenation", axis=-2))
    yield "PACK", one("PACK", [X, -X], options("Pack", axis=-1, valuesCount=2))
    yield "UNPACK", one("UNPACK", [X], options("Unpack", axis=1, num=3), outputs=("float32",) * 3)
    yield "SPLIT", one("SPLIT", [np.array(2, "int32"), X], options("Split", numSplits=2), (0,), ("float32",) * 2)
    yield (
        "SPLIT_V",
        one(
            "SPLIT_V", [X, ints(1, -1), np.array(2, "int32")], options("SplitV", numSplits=2), (1, 2), ("float32",) * 2
        ),
    )
    yield "SLICE", one("SLICE", [X, ints(0, 1, 2), ints(-1, 2, 1)], options("Slice"), (1, 2))
    for name, begin, end, stride, masks in (
        ("plain", (0, 0, 1), (2, 3, 4), (1, 2, 2), {}),
        ("masks", (9, 1, 0), (0, 0, 9), (1, 1, 1), {"beginMask": 1, "endMask": 3}),
        ("shrink", (0, -1, 0), (2, 0, 4), (1, 1, 1), {"shrinkAxisMask": 2}),
        ("back", (0, 2, -1), (2, 0, -4), (1, -1, -2), {}),
        ("to_the_front", (0, 0, 3), (2, 3, 0), (1, 1, -1), {"endMask": 4}),
    ):
        parts = [X, ints(*begin), ints(*end), ints(*stride)]
        yield f"STRIDED_SLICE-{name}", one("STRIDED_SLICE", parts, options("StridedSlice", **masks), (1, 2, 3))
    yield "GATHER", one("GATHER", [X, ints(2, 0).reshape(1, 2)], options("Gather", axis=1))
    yield "GATHER-batch", one("GATHER", [X, ints(2, 0, 1, 1).reshape(2, 2)], options("Gather", axis=1, batchDims=1))
    yield "GATHER_ND", one("GATHER_ND", [X, ints(0, 1, 1, 2).reshape(2, 2)], options("GatherNd"))
    yield "EMBEDDING_LOOKUP", one("EMBEDDING_LOOKUP", [ints(2, 0), numbers(4, 3)], None, (1,))
    yield "SCATTER_ND", one("SCATTER_ND", [ints(1, 3)[:, None], X[0, :2], ints(5, 4)], options("ScatterNd"), (2,))
    yield (
        "ONE_HOT",
        one(
            "ONE_HOT",
            [ints(0, 2, -1), np.array(3, "int32"), np.float32(5)[()].reshape(()), np.float32(1).reshape(())],
            options("OneHot", axis=-1),
            (1,),
        ),
    )
    yield "REVERSE_V2", one("REVERSE_V2", [X, ints(1)], options("ReverseV2"), (1,))
    yield "REVERSE_SEQUENCE", one("REVERSE_SEQUENCE", [X, ints(3, 1)], options("ReverseSequence", seqDim=1, batchDim=0))
    yield (
        "DYNAMIC_UPDATE_SLICE",
        one("DYNAMIC_UPDATE_SLICE", [X, X[:1, :2] + 1, ints(5, 1, -2)], options("DynamicUpdateSlice")),
    )
    yield "SUM-int", one("SUM", [ints(1, 2, 3), scalar * 0], options("Reducer"), (1,), ("int32",))


def of_weights() -> Iterator[tuple[str, tuple[bytes, Arrays]]]:
    yield (
        "FULLY_CONNECTED",
        one(
            "FULLY_CONNECTED",
            [X, numbers(5, 4), numbers(5)],
            options("FullyConnected", fusedActivationFunction=1),
            (1, 2),
        ),
    )
    yield (
        "FULLY_CONNECTED-kept",
        one("FULLY_CONNECTED", [X, numbers(5, 4), None], options("FullyConnected", keepNumDims=True), (1,)),
    )
    yield "BATCH_MATMUL", one("BATCH_MATMUL", [X, numbers(2, 5, 4)], options("BatchMatMul", adjY=True))
    image = numbers(2, 5, 6, 4)
    for padding, name in ((0, "same"), (1, "valid")):
        conv = options("Conv2D", padding=padding, strideW=2, strideH=1, dilationWFactor=1, dilationHFactor=2)
        yield f"CONV_2D-{name}", one("CONV_2D", [image, numbers(3, 2, 3, 4), numbers(3)], conv, (1, 2))
        pool = options("Pool2D", padding=padding, strideW=2, strideH=1, filterWidth=3, filterHeight=2)
        yield f"MAX_POOL_2D-{name}", one("MAX_POOL_2D", [image], pool)
        yield f"AVERAGE_POOL_2D-{name}", one("AVERAGE_POOL_2D", [image], pool)
        conv = options(
            "DepthwiseConv2D",
            padding=padding,
            strideW=1,
            strideH=2,
            depthMultiplier=2,
            dilationWFactor=1,
            dilationHFactor=1,
        )
        yield (
            f"DEPTHWISE_CONV_2D-{name}",
            one("DEPTHWISE_CONV_2D", [image, numbers(1, 2, 3, 8), numbers(8)], conv, (1, 2)),
        )
    time, batch, width, units = 4, 2, 3, 5
    x = numbers(batch, time, width)
    way = [numbers(units, width, scale=0.5), numbers(units, units, scale=0.5), numbers(units)]
    for activation, name in ((4, "tanh"), (1, "relu"), (3, "relu6")):
        settings = options("SequenceRNN", fusedActivationFunction=activation)
        yield (
            f"UNIDIRECTIONAL_SEQUENCE_RNN-{name}",
            one("UNIDIRECTIONAL_SEQUENCE_RNN", [x, *way, None], settings, (1, 2, 3), variables={4: (batch, units)}),
        )
    settings = options("SequenceRNN", fusedActivationFunction=4, timeMajor=True)
    yield (
        "UNIDIRECTIONAL_SEQUENCE_RNN-time",
        one(
            "UNIDIRECTIONAL_SEQUENCE_RNN",
            [numbers(time, batch, width), *way, None],
            settings,
            (1, 2, 3),
            variables={4: (batch, units)},
        ),
    )
    other = [numbers(*each.shape, seed=7, scale=0.5) for each in way]
    for merged in (False, True):
        settings = options("BidirectionalSequenceRNN", fusedActivationFunction=4, mergeOutputs=merged)
        inputs = [x, *way, None, *other, None, None, None, None]
        kept = {4: (batch, units), 8: (batch, units)}
        yield (
            f"BIDIRECTIONAL_SEQUENCE_RNN-{merged}",
            one(
                "BIDIRECTIONAL_SEQUENCE_RNN",
                inputs,
                settings,
                (1, 2, 3, 5, 6, 7),
                ("float32",) * (1 if merged else 2),
                kept,
            ),
        )


def lstm_way(width: int, units: int, out: int, seed: int, **what: bool) -> list[Any]:
    """Inputs of one direction of an LSTM: kernels, recurrent kernels, peepholes, biases, projection."""

    def weights(*shape: int, count: int, at: int, when: bool = True) -> list[Any]:
        return [numbers(*shape, seed=seed + at + k, scale=0.5) if when else None for k in range(count)]

    kernels, recurrents = weights(units, width, count=4, at=0), weights(units, out, count=4, at=10)
    peepholes = weights(units, count=3, at=20, when=what.get("peephole", False))
    biases = weights(units, count=4, at=30)
    if what.get("coupled"):
        kernels[0] = recurrents[0] = peepholes[0] = biases[0] = None
    projection = weights(out, units, count=1, at=40, when=out != units) + weights(
        out, count=1, at=50, when=out != units
    )
    return [*kernels, *recurrents, *peepholes, *biases, *projection]


def lstm_cases() -> Iterator[tuple[str, tuple[bytes, Arrays]]]:
    time, batch, width, units = 4, 2, 3, 5
    x = numbers(batch, time, width)
    for name, what, how in (
        ("plain", {}, {}),
        ("relu", {}, {"fusedActivationFunction": 1}),
        ("peephole", {"peephole": True}, {}),
        ("coupled", {"coupled": True}, {}),
        ("coupled_peephole", {"coupled": True, "peephole": True}, {}),
        ("projection", {"out": 3}, {"projClip": 0.4}),
        ("clip", {"peephole": True}, {"cellClip": 0.3}),
        ("norm", {"norm": True, "peephole": True}, {}),
        ("time", {}, {"timeMajor": True}),
    ):
        out, norm = what.pop("out", units), what.pop("norm", False)  # type: ignore[attr-defined]
        inputs = [
            np.swapaxes(x, 0, 1).copy() if "timeMajor" in how else x,
            *lstm_way(width, units, out, 0, **what),
            None,
            None,
        ]
        if norm:
            inputs += [numbers(units, seed=60 + k) for k in range(4)]
        constants = tuple(place for place, value in enumerate(inputs) if place and value is not None)
        settings = options("UnidirectionalSequenceLSTM", **{"fusedActivationFunction": 4, **how})
        kept = {18: (batch, out), 19: (batch, units)}
        yield (
            f"UNIDIRECTIONAL_SEQUENCE_LSTM-{name}",
            one("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, settings, constants, variables=kept),
        )
    for merged in (False, True):
        ways = [*lstm_way(width, units, units, 0), *lstm_way(width, units, units, 100, peephole=merged)]
        if merged:
            ways[8:11] = lstm_way(width, units, units, 0, peephole=True)[8:11]
        # With the batch in front, peepholes and more than one sequence, TFLite gives numbers that are none.
        inputs = [np.swapaxes(x, 0, 1).copy() if merged else x, *ways, *[None] * 13]
        constants = tuple(place for place, value in enumerate(inputs) if place and value is not None)
        settings = options(
            "BidirectionalSequenceLSTM", fusedActivationFunction=4, mergeOutputs=merged, timeMajor=merged
        )
        kept = dict.fromkeys((35, 36, 37, 38), (batch, units))
        yield (
            f"BIDIRECTIONAL_SEQUENCE_LSTM-{merged}",
            one("BIDIRECTIONAL_SEQUENCE_LSTM", inputs, settings, constants, ("float32",) * (1 if merged else 2), kept),
        )


def operator_cases() -> Iterator[tuple[str, bytes, Arrays]]:
    families: tuple[Callable[[], Any], ...] = (of_numbers, of_shapes, of_weights, lstm_cases)
    yield from ((name, *made) for family in families for name, made in family())


# -- running ----------------------------------------------------------------------------------------------------------


def run(data: bytes, given: Arrays) -> tuple[Arrays, list[np.ndarray]]:
    """The inputs, made where none are given, and what TFLite gives."""
    interpreter = tf.lite.Interpreter(model_content=data, experimental_op_resolver_type=RESOLVER)
    names: dict[int, str] = {}
    for signature in interpreter.get_signature_list():
        names = {
            each["index"]: name
            for name, each in interpreter.get_signature_runner(signature).get_input_details().items()
        }
    fed = {}
    for each in interpreter.get_input_details():
        shape = [4 if size < 0 else size for size in each["shape_signature"]]
        interpreter.resize_tensor_input(each["index"], shape)
        made = np.arange(np.prod(shape)).reshape(shape) % 5 if each["dtype"] == np.int32 else numbers(*shape)
        fed[each["index"]] = names.get(each["index"], each["name"]), given.get(each["name"], made).astype(each["dtype"])
    interpreter.allocate_tensors()
    for index, (_, value) in fed.items():
        interpreter.set_tensor(index, value)
    interpreter.invoke()
    return dict(fed.values()), [interpreter.get_tensor(each["index"]) for each in interpreter.get_output_details()]


def main() -> None:
    arrays: Arrays = {}
    for name, data, given in chain(operator_cases(), keras_cases()):
        inputs, outputs = run(data, given)
        arrays[f"{name}/model"] = np.frombuffer(data, "uint8")
        arrays |= {f"{name}/in/{key}": value for key, value in inputs.items()}
        arrays |= {f"{name}/out/{place}": value for place, value in enumerate(outputs)}
    np.savez_compressed(OUT, **arrays)
    print(
        sum(key.endswith("/model") for key in arrays), "models", OUT.stat().st_size, "bytes; tensorflow", tf.__version__
    )


if __name__ == "__main__":
    main()
