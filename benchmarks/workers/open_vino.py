"""OpenVINO: one LSTMSequence or GRUSequence, compiled for latency in float32."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.cases import Case, inputs, lengths, weights
from benchmarks.workers.serve import Prepare, Trial, serve, threads

# Keras's gates in OpenVINO's order: f i c o, and z r h.
_ORDER = {"lstm": (1, 0, 2, 3), "gru": (0, 1, 2)}


def _constants(case: Case) -> tuple[Any, Any, Any]:
    """W (1, gH, I), R (1, gH, H), and B: (1, 4H), or (1, 4H) of z, r, input's h and recurrent h for the GRU."""
    weight, order = weights(case), _ORDER[case.cell]
    bias = weight.reordered(weight.bias, order)
    if case.cell == "gru":
        both = bias[0] + bias[1]
        bias = np.concatenate([both[: 2 * case.units], bias[0, 2 * case.units :], bias[1, 2 * case.units :]])
    kernel = weight.reordered(weight.kernel, order).T[None]
    return kernel, weight.reordered(weight.recurrent_kernel, order).T[None], bias[None]


def _graph(openvino: Any, opset: Any, case: Case) -> Any:
    """A model of x (B, T, I), the state's parts (B, 1, H) where they are inputs, and the lengths of a mixed batch."""
    state = (case.batch, 1, case.units)
    parameters = [opset.parameter([case.batch, case.time, case.features], np.float32, name="x")]
    count = 2 if case.cell == "lstm" else 1
    if case.kind == "step":
        states = [opset.parameter(state, np.float32, name=f"state{k}") for k in range(count)]
        parameters += states
    else:
        states = [opset.constant(np.zeros(state, np.float32))] * count
    steps: Any = opset.constant(np.full(case.batch, case.time, np.int32))
    if case.kind == "mixed":
        steps = opset.parameter([case.batch], np.int32, name="lengths")
        parameters.append(steps)
    constants = [opset.constant(np.ascontiguousarray(value)) for value in _constants(case)]
    kind = opset.lstm_sequence if case.cell == "lstm" else opset.gru_sequence
    options = {"linear_before_reset": True} if case.cell == "gru" else {}
    node = kind(parameters[0], *states, steps, *constants, case.units, "forward", **options)
    results = [node.output(1 + k) for k in range(count)] if case.kind == "step" else [node.output(0)]
    return openvino.Model([opset.result(each) for each in results], parameters, "layer")


def _request(openvino: Any, case: Case) -> Any:
    import openvino.opset13 as opset

    # On machines with bfloat16 the default would be bfloat16: the comparison is float32.
    settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    count = threads()
    if count is not None:
        settings["INFERENCE_NUM_THREADS"] = count
    compiled = openvino.Core().compile_model(_graph(openvino, opset, case), "CPU", settings)
    return compiled.create_infer_request()


def _whole(openvino: Any, case: Case) -> dict[str, Trial]:
    request = _request(openvino, case)
    given = [inputs(case), lengths(case)] if case.kind == "mixed" else [inputs(case)]
    for k, array in enumerate(given):
        request.set_input_tensor(k, openvino.Tensor(array))
    output = request.get_output_tensor(0)

    def result() -> Any:
        request.infer()
        return np.array(output.data)[:, 0]

    return {"request.infer()": Trial(request.infer, result)}


def _step(openvino: Any, case: Case) -> dict[str, Trial]:
    request, sequence = _request(openvino, case), inputs(case)
    x = np.ascontiguousarray(sequence[:, :1])
    states = [np.zeros((case.batch, 1, case.units), np.float32) for _ in range(2 if case.cell == "lstm" else 1)]
    for k, array in enumerate([x, *states]):
        request.set_input_tensor(k, openvino.Tensor(array, shared_memory=True))
    outputs = [request.get_output_tensor(k) for k in range(len(states))]
    pairs = list(zip(states, (output.data for output in outputs), strict=True))

    def step() -> None:
        request.infer()
        for state, output in pairs:
            state[...] = output

    def result() -> Any:
        for state in states:
            state.fill(0)
        steps = []
        for t in range(sequence.shape[1]):
            x[...] = sequence[:, t : t + 1]
            step()
            steps.append(states[0][:, 0].copy())
        x[...] = sequence[:, :1]
        return np.stack(steps, axis=1)

    return {"request.infer()": Trial(step, result)}


def load() -> tuple[Prepare, dict[str, str]]:
    import openvino

    def prepare(case: Case) -> dict[str, Trial]:
        return (_step if case.kind == "step" else _whole)(openvino, case)

    return prepare, {"openvino": openvino.__version__}


if __name__ == "__main__":
    serve(load)
