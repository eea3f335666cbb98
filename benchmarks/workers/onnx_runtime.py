"""ONNX Runtime: one LSTM or GRU node, session.run and io_binding."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.cases import Case, Weights, inputs, lengths, weights
from benchmarks.workers.serve import Prepare, Trial, serve, threads, trial_of

# Keras's gates in ONNX's order: i o f c, and z r h.
_ORDER = {"lstm": (0, 3, 1, 2), "gru": (0, 1, 2)}


def _tensors(weight: Weights, case: Case) -> dict[str, Any]:
    """W (1, gH, I), R (1, gH, H) and B (1, 2gH)."""
    order = _ORDER[case.cell]
    bias = np.atleast_2d(weight.reordered(weight.bias, order))
    recurrent_bias = bias[1] if len(bias) == 2 else np.zeros_like(bias[0])
    return {
        "W": weight.reordered(weight.kernel, order).T[None],
        "R": weight.reordered(weight.recurrent_kernel, order).T[None],
        "B": np.concatenate([bias[0], recurrent_bias])[None],
    }


def _node(helper: Any, case: Case) -> tuple[Any, list[str], list[str]]:
    """The node, and the graph's inputs and outputs beside x and Y."""
    states = ["initial_h", "initial_c"] if case.cell == "lstm" else ["initial_h"]
    more_inputs = {"step": states, "mixed": ["lengths"]}.get(case.kind, [])
    more_outputs = ["Y_h", "Y_c"][: len(states)] if case.kind == "step" else []
    given = ["x", "W", "R", "B", "lengths" if case.kind == "mixed" else "", *(states if case.kind == "step" else [])]
    options = {"linear_before_reset": 1} if case.cell == "gru" else {}
    outputs = ["" if case.kind == "step" else "Y", *more_outputs]
    node = helper.make_node(case.cell.upper(), given, outputs, hidden_size=case.units, **options)
    return node, more_inputs, more_outputs


def _model(onnx: Any, case: Case) -> bytes:
    helper, floats, ints = onnx.helper, onnx.TensorProto.FLOAT, onnx.TensorProto.INT32
    node, more_inputs, more_outputs = _node(helper, case)
    state = [1, case.batch, case.units]
    shapes = {"initial_h": (floats, state), "initial_c": (floats, state), "lengths": (ints, [case.batch])}
    declared = [helper.make_tensor_value_info("x", floats, [case.time, case.batch, case.features])]
    declared += [helper.make_tensor_value_info(name, *shapes[name]) for name in more_inputs]
    outputs = [helper.make_tensor_value_info(name, floats, state) for name in more_outputs]
    if case.kind != "step":
        outputs = [helper.make_tensor_value_info("Y", floats, [case.time, 1, case.batch, case.units])]
    tensors = [
        onnx.numpy_helper.from_array(np.ascontiguousarray(value), name)
        for name, value in _tensors(weights(case), case).items()
    ]
    graph = helper.make_graph([node], "layer", declared, outputs, initializer=tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _session(onnx: Any, runtime: Any, case: Case) -> Any:
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_ALL
    count = threads()
    if count is not None:
        options.intra_op_num_threads = options.inter_op_num_threads = count
    return runtime.InferenceSession(_model(onnx, case), options, providers=["CPUExecutionProvider"])


def _batch_first(y: Any) -> Any:
    return np.swapaxes(y[:, 0], 0, 1)


def _whole(onnx: Any, runtime: Any, case: Case) -> dict[str, Trial]:
    session = _session(onnx, runtime, case)
    feed: dict[str, Any] = {"x": np.ascontiguousarray(np.swapaxes(inputs(case), 0, 1))}
    if case.kind == "mixed":
        feed["lengths"] = lengths(case)
    output = runtime.OrtValue.ortvalue_from_numpy(np.empty((case.time, 1, case.batch, case.units), np.float32))
    binding = session.io_binding()
    for name, value in feed.items():
        binding.bind_ortvalue_input(name, runtime.OrtValue.ortvalue_from_numpy(value))
    binding.bind_ortvalue_output("Y", output)

    def bound() -> Any:
        session.run_with_iobinding(binding)
        return _batch_first(output.numpy())

    return {
        "session.run": trial_of(lambda: session.run(None, feed), lambda parts: _batch_first(parts[0])),
        "run_with_iobinding": Trial(lambda: session.run_with_iobinding(binding), bound),
    }


def _step(onnx: Any, runtime: Any, case: Case) -> dict[str, Trial]:
    session, sequence = _session(onnx, runtime, case), inputs(case)
    states = ["initial_h", "initial_c"] if case.cell == "lstm" else ["initial_h"]
    zeros = np.zeros((1, case.batch, case.units), np.float32)
    feed = {"x": np.ascontiguousarray(sequence[:, 0][None]), **dict.fromkeys(states, zeros)}

    def step() -> Any:
        parts = session.run(None, feed)
        for name, part in zip(states, parts, strict=True):
            feed[name] = part
        return parts[0]

    def result() -> Any:
        feed.update(dict.fromkeys(states, zeros))
        first, outputs = feed["x"], []
        for t in range(sequence.shape[1]):
            feed["x"] = np.ascontiguousarray(sequence[:, t][None])
            outputs.append(step()[0])
        feed["x"] = first
        return np.stack(outputs, axis=1)

    return {"session.run": Trial(step, result)}


def load() -> tuple[Prepare, dict[str, str]]:
    import onnx
    import onnx.numpy_helper
    import onnxruntime as runtime

    def prepare(case: Case) -> dict[str, Trial]:
        return (_step if case.kind == "step" else _whole)(onnx, runtime, case)

    return prepare, {"onnxruntime": runtime.__version__}


if __name__ == "__main__":
    serve(load)
