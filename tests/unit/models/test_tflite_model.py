"""TFLite files as models: what they give, what of them other models can take, and what is refused in words."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.engine import cells
from gatewise.formats import open_contents
from gatewise.formats.flatbuffers import Table
from gatewise.formats.graph import Graph, Node, Program, Value
from gatewise.models import TfliteModel, describe, load_model, load_weights_from
from gatewise.models.converting import convert
from gatewise.models.tflite.loops import recurrence_of

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "tflite_models.npz"
LAYERS: dict[str, Callable[[], list[Any]]] = {
    "keras3/lstm": lambda: [gw.Input((5, 3)), gw.layers.LSTM(4), gw.layers.Dense(2)],
    "keras3/gru": lambda: [gw.Input((5, 3)), gw.layers.GRU(4), gw.layers.Dense(2, activation="sigmoid")],
    "keras3/gru_before": lambda: [gw.Input((5, 3)), gw.layers.GRU(4, reset_after=False)],
    "tf_keras/lstm": lambda: [gw.Input((5, 3)), gw.layers.LSTM(4), gw.layers.Dense(2)],
    "tf_keras/gru": lambda: [gw.Input((5, 3)), gw.layers.GRU(4), gw.layers.Dense(2, activation="sigmoid")],
    "tf_keras/rnn": lambda: [
        gw.Input((5, 3)),
        gw.layers.SimpleRNN(4, return_sequences=True),
        gw.layers.Dense(3, activation="softmax"),
    ],
}


def golden(name: str, folder: Path) -> tuple[Path, dict[str, np.ndarray], np.ndarray]:
    """The file of a golden model, its inputs and its first output."""
    start = f"{name.replace('/', ':')}/"
    with np.load(GOLDEN) as arrays:
        path = folder / "model.tflite"
        path.write_bytes(arrays[f"{start}model"].tobytes())
        inputs = {key.rpartition("/")[2]: arrays[key] for key in arrays.files if key.startswith(f"{start}in/")}
        return path, inputs, arrays[f"{start}out/0"]


def of_one(operator: str, *inputs: np.ndarray, **attributes: Any) -> np.ndarray:
    """What an operator gives."""
    names = tuple(f"x{place}" for place in range(len(inputs)))
    unknown = (None,) * len(inputs)
    facts = {"scales": unknown, "output_scales": (None,), "output_dtypes": ("float32",), **attributes}
    values = tuple(Value(name) for name in names)
    graph = Graph("one", (Node(operator, "", names, ("y",), facts),), {}, values, (Value("y"),))
    return TfliteModel(Program(graph, format="TFLite")).run(dict(zip(names, inputs, strict=True)))["y"]


def test_a_file_is_a_model(tmp_path: Path) -> None:
    path, inputs, wanted = golden("keras3/gru", tmp_path)
    model = load_model(path)
    assert isinstance(model, TfliteModel)
    (x,) = inputs.values()
    np.testing.assert_allclose(model.predict(x), wanted, rtol=2e-6, atol=2e-6)
    assert [value.shape for value in model.inputs] == [(1, 5, 3)]
    with pytest.raises(ValueError, match=r"must have the shape \(1, 5, 3\), but \(2, 5, 3\) came"):
        model.predict(np.zeros((2, 5, 3)))


@pytest.mark.parametrize("name", LAYERS)
def test_weights_for_a_model_of_layers(name: str, tmp_path: Path) -> None:
    path, inputs, wanted = golden(name, tmp_path)
    model = gw.Sequential(LAYERS[name]())
    load_weights_from(model, path, show=False)
    (x,) = inputs.values()
    np.testing.assert_allclose(model.predict(x, verbose=0), wanted, rtol=2e-6, atol=2e-6)


def test_what_a_file_says_of_itself(tmp_path: Path) -> None:
    path, _, _ = golden("tf_keras/lstm", tmp_path)
    found = describe(path)
    assert (found.format, found.kind, found.backend) == ("TFLite", "weights", "MLIR Converted.")
    assert found.parameters == 4 * 4 * (3 + 4 + 1) + 4 * 2 + 2


def test_no_other_form_holds_a_graph(tmp_path: Path) -> None:
    path, _, _ = golden("tf_keras/lstm", tmp_path)
    with pytest.raises(ValueError, match=r"model\.tflite' is a graph of operators.*load_weights_from"):
        list(convert(path, tmp_path / "model.keras"))
    assert not (tmp_path / "model.keras").exists()


@pytest.mark.parametrize(
    ("operator", "function"),
    [("CEIL", np.ceil), ("ROUND", np.rint), ("ELU", lambda x: np.where(x < 0, np.exp(x) - 1, x))],
)
def test_operators_that_the_reference_lacks(operator: str, function: Callable[[Any], Any]) -> None:
    x = np.linspace(-3, 3, 25, dtype="float32")
    np.testing.assert_allclose(of_one(operator, x), function(x), rtol=1e-6, atol=1e-7)


def test_broadcasting_to_a_shape() -> None:
    assert of_one("BROADCAST_TO", np.ones((1, 3), "f4"), np.array([2, 3])).shape == (2, 3)
    with pytest.raises(ValueError, match="takes more than 1024 MB"):
        of_one("BROADCAST_TO", np.ones((1, 3), "f4"), np.array([1 << 30, 3]))


def test_unknown_operators_are_named_with_those_that_are_known() -> None:
    graph = Graph("one", (Node("SVDF", "", (), ("y",), {}), Node("FlexErf", "custom", (), ("z",), {})), {}, (), ())
    with pytest.raises(ValueError, match=r"operators SVDF, custom\.FlexErf are not known here") as caught:
        TfliteModel(Program(graph, format="TFLite"))
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM" in str(caught.value)


def loop_of(name: str, folder: Path) -> Node:
    """The first loop of a golden model."""
    with open_contents(golden(name, folder)[0]) as contents:
        return next(node for node in contents.program.graph.nodes if node.operator == "WHILE")


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("keras3/lstm", cells.LSTM),
        ("keras3/both_ways", cells.LSTM),
        ("keras3/gru", cells.GRUResetAfter),
        ("keras3/any_length", cells.GRUResetAfter),
        ("keras3/gru_before", cells.GRU),
        ("keras3/rnn", cells.SimpleRNN),
        ("tf_keras/gru", cells.GRUResetAfter),
        ("tf_keras/gru_before", cells.GRU),
        ("tf_keras/rnn", cells.SimpleRNN),
    ],
)
def test_loops_that_the_engine_runs(name: str, cell: type[cells.Cell], tmp_path: Path) -> None:
    loop = loop_of(name, tmp_path).attributes
    found = recurrence_of(loop["cond"], loop["body"])
    assert found is not None
    assert found.op.cell is cell


@pytest.mark.parametrize("name", ["keras3/lstm", "keras3/gru", "keras3/gru_before", "keras3/rnn"])
def test_a_loop_with_any_operator_changed_is_another_one(name: str, tmp_path: Path) -> None:
    loop = loop_of(name, tmp_path).attributes
    others = {"ADD": "SUB", "SUB": "ADD", "MUL": "ADD", "TANH": "LOGISTIC", "LOGISTIC": "TANH", "GATHER": "SLICE"}
    tried = 0
    for place, node in enumerate(loop["body"].nodes):
        if node.operator in others and set(node.outputs) & _used(loop["body"]):
            nodes = list(loop["body"].nodes)
            nodes[place] = replace(node, operator=others[node.operator])
            assert recurrence_of(loop["cond"], replace(loop["body"], nodes=tuple(nodes))) is None, node
            tried += 1
    assert tried >= 4
    (first, *rest) = loop["cond"].nodes
    for condition in (replace(first, operator="LESS_EQUAL"), replace(first, inputs=first.inputs[::-1])):
        changed = replace(loop["cond"], nodes=(condition, *rest))
        assert recurrence_of(changed, loop["body"]) is None


def _used(graph: Graph) -> set[str]:
    """The values that something comes of."""
    return {name for node in graph.nodes for name in node.inputs} | {value.name for value in graph.outputs}


def test_a_loop_with_kernels_of_two_gates_exchanged_is_another_one(tmp_path: Path) -> None:
    loop = loop_of("keras3/gru", tmp_path).attributes
    (split,) = [node for node in loop["body"].nodes if node.operator == "SPLIT"]
    turned = replace(split, outputs=split.outputs[::-1])
    nodes = tuple(turned if node is split else node for node in loop["body"].nodes)
    assert recurrence_of(loop["cond"], replace(loop["body"], nodes=nodes)) is None


def test_a_loop_that_always_takes_the_same_step_is_another_one(tmp_path: Path) -> None:
    loop = loop_of("keras3/gru", tmp_path).attributes
    body = loop["body"]
    number = next(name for name, array in body.constants.items() if array.shape == () and array.dtype.kind == "i")
    nodes = tuple(
        replace(node, inputs=(node.inputs[0], number)) if node.operator == "GATHER" else node for node in body.nodes
    )
    assert recurrence_of(loop["cond"], replace(body, nodes=nodes)) is None


def test_other_loops_run_turn_by_turn(tmp_path: Path) -> None:
    path, inputs, wanted = golden("keras3/gru", tmp_path)
    model = TfliteModel(path)
    (x,) = inputs.values()
    for turn in model._plan.turns:
        if turn.step.node.operator == "WHILE":
            turn.step.kept["recurrence"] = None
    np.testing.assert_allclose(model.predict(x), wanted, rtol=2e-6, atol=2e-6)


def test_a_loop_that_does_not_end() -> None:
    truth = Graph("true", (), {"yes": np.array(True)}, (Value("x"),), (Value("yes"),))
    same = Graph("same", (), {}, (Value("x"),), (Value("x"),))
    with pytest.raises(ValueError, match=r"WHILE cannot take .*: the loop does not end"):
        of_one("WHILE", np.zeros(1, "f4"), cond=truth, body=same)


# -- damage -----------------------------------------------------------------------------------------------------------


def table(*fields: bytes) -> bytes:
    """A buffer of one table whose fields are four bytes each."""
    facts = struct.pack("<HH", 4 + 2 * len(fields), 4 + 4 * len(fields))
    facts += b"".join(struct.pack("<H", 4 + 4 * place) for place in range(len(fields)))
    facts += b"\0" * (len(facts) % 4)
    return struct.pack("<I4s", 8 + len(facts), b"TFL3") + facts + struct.pack("<i", len(facts)) + b"".join(fields)


@pytest.mark.parametrize("data", [b"\0\0\0\0TFL3", b"\xff\xff\xff\x7fTFL3", b"\x08\0\0\0TFL3" + b"\xff" * 40])
def test_places_outside_of_the_file(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"model\.tflite.*(damaged|no graph)"):
        load_model(path)


def test_a_list_longer_than_the_file() -> None:
    data = table(struct.pack("<I", 4), struct.pack("<I", 0xFFFF_FFFF))
    with pytest.raises(ValueError, match="outside of the file"):
        Table.root(memoryview(data)).numbers(0)


def test_a_list_that_many_tables_share_is_not_read_for_ever() -> None:
    data = table(struct.pack("<I", 4), struct.pack("<I", 4), b"\1\0\0\0" * 4)
    root = Table.root(memoryview(data))
    with pytest.raises(ValueError, match="longer, all together"):
        [root.numbers(0) for _ in range(1000)]


def test_a_graph_that_calls_itself(tmp_path: Path) -> None:
    path, _, _ = golden("keras3/gru", tmp_path)
    with open_contents(path) as contents:
        (loop,) = [node for node in contents.program.graph.nodes if node.operator == "WHILE"]
    assert set(loop.attributes) >= {"cond", "body"}
    data = bytearray(path.read_bytes())
    model = Table.root(memoryview(bytes(data)))
    options = next(
        operator.table(4)
        for operator in next(model.tables(2)).tables(3)
        if operator.number(0, "<I") == _code_of(model, 119)
    )
    assert options is not None
    at = options._at(1)
    data[at : at + 4] = struct.pack("<i", 0)  # The body is the graph that the loop stands in.
    path.write_bytes(bytes(data))
    with pytest.raises(ValueError, match="graph 0 calls itself"):
        load_model(path)


def _code_of(model: Table, operator: int) -> int:
    """The number under which a model's operators name one of TFLite's."""
    return [code.number(3, "<i") for code in model.tables(1)].index(operator)
