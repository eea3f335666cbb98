"""ONNX files as plain graphs: what is read, and what is refused in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.formats import ByName, open_contents
from gatewise.formats.onnx import reading, writing
from gatewise.formats.onnx.writing import Graph


def graph_of(constants: dict[str, Any] | None = None) -> Graph:
    graph = Graph("test")
    graph.input("x", ("N", 2), "float32")
    for name, array in (constants or {}).items():
        graph.constant(name, array)
    graph.node("Identity", ["x"], ["y"])
    graph.output("y", ("N", 2), "float32")
    return graph


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def with_initializer(*parts: bytes) -> bytes:
    """A model whose graph has one array, of these fields."""
    graph = writing._bytes(5, b"".join(parts))
    return writing._number(1, 8) + writing._bytes(7, graph) + writing._bytes(8, writing._number(2, 17))


def fields(name: str = "w", shape: tuple[int, ...] = (2,), kind: int = 1) -> bytes:
    return b"".join(writing._number(1, size) for size in shape) + writing._number(2, kind) + writing._text(8, name)


def external(location: str, **facts: int) -> bytes:
    pairs = {"location": location, **{key: str(value) for key, value in facts.items()}}
    entries = [writing._bytes(13, writing._text(1, key) + writing._text(2, value)) for key, value in pairs.items()]
    return with_initializer(fields(), *entries, writing._number(14, 1))


def test_what_a_file_holds(tmp_path: Path) -> None:
    arrays = {
        "floats": np.array([[1.5, -2.0]], "float32"),
        "longs": np.array([-3, 1 << 40]),
        "bytes": np.array([250], "uint8"),
        "flags": np.array([True, False]),
        "halves": np.array([0.5], "float16"),
    }
    graph = graph_of()
    for name, array in arrays.items():
        graph.constant(name, array, array.dtype.name)
    found = reading.read(write(tmp_path / "a.onnx", graph.model("ours", "1")))
    assert found.producer == "ours 1"
    assert found.versions == {"": writing.OPERATORS}
    assert [(value.name, value.dtype, value.shape) for value in found.graph.inputs] == [("x", "float32", ("N", 2))]
    for name, array in arrays.items():
        read = found.graph.constants[name]
        assert read.dtype == array.dtype
        np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize(
    ("kind", "place", "payload", "wanted"),
    [
        (1, 4, np.array([1.5, 2.5], "<f4").tobytes(), [1.5, 2.5]),
        (11, 10, np.array([1.5, 2.5], "<f8").tobytes(), [1.5, 2.5]),
        (7, 7, writing._varint(3) + writing._varint(-4), [3, -4]),
        (6, 5, writing._varint(3) + writing._varint(-4), [3, -4]),
        (10, 5, writing._varint(0x3C00) + writing._varint(0xC000), [1.0, -2.0]),
        (16, 9, np.array([0x3F80, 0xC000], "<u2").tobytes(), [1.0, -2.0]),
    ],
    ids=["float", "double", "int64", "int32", "half", "bfloat16"],
)
def test_arrays_that_are_lists(tmp_path: Path, kind: int, place: int, payload: bytes, wanted: list[float]) -> None:
    data = with_initializer(fields(kind=kind), writing._bytes(place, payload))
    found = reading.read(write(tmp_path / "a.onnx", data)).graph.constants["w"]
    assert found.tolist() == wanted


def test_arrays_in_a_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"\0" * 4 + np.array([1, 2], "<f4").tobytes())
    path = write(tmp_path / "a.onnx", external("weights.bin", offset=4, length=8))
    assert reading.read(path).graph.constants["w"].tolist() == [1, 2]


@pytest.mark.parametrize("location", ["../secret", "/etc/hostname", "link", "", "nothing", "."])
def test_other_places_are_refused(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(b"\0" * 64)
    (folder / "link").symlink_to(tmp_path / "secret")
    path = write(folder / "a.onnx", external(location))
    with pytest.raises(ValueError, match="no file in the model's folder"):
        reading.read(path)


def test_beyond_the_end_of_a_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"\0" * 8)
    with pytest.raises(ValueError, match=r"beyond the end of 'weights.bin'"):
        reading.read(write(tmp_path / "a.onnx", external("weights.bin", offset=4)))


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "a huge shape": (
        lambda: with_initializer(fields(shape=(1 << 40, 1 << 20)), writing._bytes(9, b"\0" * 8)),
        "has 2 num",
    ),
    "a negative shape": (lambda: with_initializer(fields(shape=(-1,)), writing._bytes(9, b"\0" * 8)), "shape"),
    "half a float": (lambda: with_initializer(fields(), writing._bytes(9, b"\0" * 7)), "7 bytes of float32"),
    "complex numbers": (lambda: with_initializer(fields(kind=14), writing._bytes(9, b"\0" * 16)), "the kind 14"),
    "cut short": (lambda: graph_of().model("ours", "1")[:-40], "damaged"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_damage_is_refused(tmp_path: Path, name: str) -> None:
    make, words = REFUSED[name]
    path = write(tmp_path / "a.onnx", make())
    with pytest.raises(ValueError, match=words) as caught:
        reading.read(path)
    assert str(path) in str(caught.value)


def test_deep_graphs_are_refused(tmp_path: Path) -> None:
    inner = b""
    for _ in range(40):
        attribute = writing._text(1, "body") + writing._bytes(6, inner) + writing._number(20, 5)
        inner = writing._bytes(1, writing._text(4, "If") + writing._bytes(5, attribute))
    data = writing._number(1, 8) + writing._bytes(7, inner) + writing._bytes(8, writing._number(2, 17))
    with pytest.raises(ValueError, match="more than 30 deep"):
        reading.read(write(tmp_path / "a.onnx", data))


def test_a_file_is_recognised_by_what_it_is(tmp_path: Path) -> None:
    path = write(tmp_path / "model", graph_of({"w": np.ones(3)}).model("ours", "1"))
    assert reading.recognises(path)
    with open_contents(path) as contents:
        assert contents.format == "ONNX"
        assert isinstance(contents.weights, ByName)
        assert [(array.name, array.shape) for array in contents.weights.arrays] == [("w", (3,))]
    assert not reading.recognises(write(tmp_path / "text", b"\x08\x08hello"))
    assert not reading.recognises(tmp_path)


def test_weights_of_a_graph_by_name(tmp_path: Path) -> None:
    model = gw.Sequential([gw.Input((3,)), gw.layers.Dense(2, name="head")])
    model.export(tmp_path / "a.onnx")
    other = gw.Sequential([gw.Input((3,)), gw.layers.Dense(2, name="head")])
    gw.models.load_weights_from(other, tmp_path / "a.onnx", show=False)
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])
