"""Frozen graphs of TensorFlow 1: their constants by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gatewise as gw
from gatewise.formats import open_contents
from gatewise.formats.onnx.writing import _bytes, _float, _number, _text
from gatewise.formats.tensorflow import frozen
from gatewise.models import load_weights_from


def node(name: str, operator: str, tensor: bytes | None = None) -> bytes:
    attribute = b"" if tensor is None else _bytes(5, _text(1, "value") + _bytes(2, _bytes(8, tensor)))
    return _bytes(1, _text(1, name) + _text(2, operator) + attribute)


def tensor(kind: int, shape: tuple[int, ...], *content: bytes) -> bytes:
    return _number(1, kind) + _bytes(2, b"".join(_bytes(2, _number(1, size)) for size in shape)) + b"".join(content)


def test_constants_by_name(tmp_path: Path) -> None:
    kernel = np.arange(6, dtype="<f4").reshape(3, 2)
    data = node("x", "Placeholder") + node("out/kernel", "Const", tensor(1, (3, 2), _bytes(4, kernel.tobytes())))
    data += node("out/bias", "Const", tensor(1, (2,), _float(5, 0.5)))  # One number stands for all.
    data += node("ids", "Const", tensor(3, (2,), _number(7, 4), _number(7, -1)))
    data += node("word", "Const", tensor(7, (), _text(8, "hello")))
    path = tmp_path / "frozen.pb"
    path.write_bytes(data)
    with open_contents(path) as contents:
        arrays = {array.name: array.read() for layer in contents.needed_weights().listed() for array in layer.arrays}
    assert contents.format == "TensorFlow frozen graph"
    np.testing.assert_array_equal(arrays["out/kernel"], kernel)
    assert arrays["out/bias"].tolist() == [0.5, 0.5]
    assert arrays["ids"].tolist() == [4, -1]
    assert set(arrays) == {"out/kernel", "out/bias", "ids"}

    model = gw.Sequential([gw.Input((3,)), gw.layers.Dense(2, name="dense")])
    load_weights_from(model, path, names={"dense": "out/kernel out/bias"}, show=False)
    np.testing.assert_array_equal(model.get_weights()[0], kernel)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (node("x", "Placeholder"), "no constants of numbers"),
        (node("k", "Const", tensor(1, (1 << 40,), _float(5, 1.0))), "has 1 numbers"),
        (node("k", "Const", tensor(1, (2,), _bytes(4, b"\0" * 7))), "has 0 numbers"),
        (node("k", "Const", tensor(1, (-2,), _float(5, 1.0))), "shape"),
    ],
)
def test_refused_in_words(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "frozen.pb"
    path.write_bytes(data)
    assert frozen.recognises(path)
    with pytest.raises(ValueError, match=words) as caught, open_contents(path):
        pass
    assert str(path) in str(caught.value)


def test_other_files_are_not_taken(tmp_path: Path) -> None:
    for data in (b"", b"\x0a", b"\x0a\x05hello", b"\nA text that begins with an empty line.", b"\x0a\xff" * 40):
        (tmp_path / "other").write_bytes(data)
        assert not frozen.recognises(tmp_path / "other")
