"""ONNX graphs as models: what they give, and what is refused in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.formats.onnx.writing import Graph
from gatewise.models import OnnxModel, load_model


def one_node(path: Path, operator: str, *, inputs: tuple[str, ...] = ("x",), shape: Any = ("N", 2), **how: Any) -> Path:
    graph = Graph("one")
    for name in inputs:
        graph.input(name, shape, "float32")
    graph.node(operator, list(inputs), ["y"], **how)
    graph.output("y", shape, "float32")
    path.write_bytes(graph.model("test", "1"))
    return path


def test_unknown_operators_are_named_with_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"operators Sigmiod are not known here. Did you mean 'Sigmoid'\?") as caught:
        load_model(one_node(tmp_path / "a.onnx", "Sigmiod"))
    assert "DynamicQuantizeLSTM" in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_inputs_are_checked(tmp_path: Path) -> None:
    model = OnnxModel(one_node(tmp_path / "a.onnx", "Add", inputs=("x", "z")))
    x = np.ones((3, 2))
    np.testing.assert_array_equal(model.predict([x, x]), 2 * x)
    assert model.run({"x": x, "z": x})["y"].dtype == np.float32
    with pytest.raises(ValueError, match="the input 'z' is missing"):
        model.run({"x": x})
    with pytest.raises(ValueError, match="there is no input 'q'"):
        model.run({"x": x, "z": x, "q": x})
    with pytest.raises(ValueError, match="2 inputs are wanted"):
        model.predict(x)
    with pytest.raises(ValueError, match=r"'x' must have the shape \('N', 2\), but \(3, 3\) came"):
        model.run({"x": np.ones((3, 3)), "z": x})


def test_an_operator_says_what_it_cannot_take(tmp_path: Path) -> None:
    model = OnnxModel(one_node(tmp_path / "a.onnx", "MatMul", inputs=("x", "z")))
    with pytest.raises(ValueError, match=r"MatMul 'MatMul_0' cannot take float32\[3, 2\], float32\[3, 2\]"):
        model.predict([np.ones((3, 2)), np.ones((3, 2))])


def test_a_value_that_nothing_gives(tmp_path: Path) -> None:
    graph = Graph("one")
    graph.node("Neg", ["nowhere"], ["y"])
    graph.output("y", (2,), "float32")
    path = tmp_path / "a.onnx"
    path.write_bytes(graph.model("test", "1"))
    with pytest.raises(ValueError, match="needs the value 'nowhere'"):
        OnnxModel(path).run({})


def test_sizes_in_a_graph_do_not_fill_the_memory(tmp_path: Path) -> None:
    graph = Graph("one")
    shape = graph.constant("shape", np.array([1 << 20, 1 << 20]))
    graph.node("ConstantOfShape", [shape], ["y"])
    graph.output("y", ("N", "M"), "float32")
    path = tmp_path / "a.onnx"
    path.write_bytes(graph.model("test", "1"))
    with pytest.raises(ValueError, match="takes more than 1024 MB"):
        OnnxModel(path).run({})


def test_predict_of_a_loaded_model(tmp_path: Path) -> None:
    model = gw.Sequential([gw.Input((None, 3)), gw.layers.GRU(4), gw.layers.Dense(2)])
    model.export(tmp_path / "a.onnx")
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    loaded = load_model(tmp_path / "a.onnx")
    np.testing.assert_allclose(loaded.predict(x, verbose=0), model.predict(x, verbose=0), rtol=0, atol=1e-6)
