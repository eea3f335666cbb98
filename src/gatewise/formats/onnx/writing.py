"""An ONNX graph in the making, and its bytes.

The fields' numbers are those of ONNX's `onnx.proto3`; operators are those of version 17 of its default set.
Source: https://onnx.ai/onnx/intro/concepts.html and https://onnx.ai/onnx/operators/.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

IR_VERSION: Final = 8
OPERATORS: Final = 17
DTYPES: Final = {
    "float32": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "bool": 9, "float16": 10,
    "float64": 11, "uint32": 12, "uint64": 13,
}  # fmt: skip


@dataclass
class Graph:
    """The nodes, constants, inputs and outputs of a model.

    Attributes:
        name: of the model.
        dtype: of floats.
    """

    name: str
    dtype: str = "float32"
    nodes: list[bytes] = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    inputs: list[bytes] = field(default_factory=list)
    outputs: list[bytes] = field(default_factory=list)
    _names: set[str] = field(default_factory=set)

    def own_name(self, wanted: str) -> str:
        """A name that no other value has."""
        name, count = wanted, 1
        while name in self._names:
            name, count = f"{wanted}_{count}", count + 1
        self._names.add(name)
        return name

    def constant(self, name: str, value: Any, dtype: str | None = None) -> str:
        """A constant array; returns its name."""
        own = self.own_name(name)
        array = np.asarray(value)
        self.constants[own] = array.astype(dtype or (self.dtype if array.dtype.kind == "f" else array.dtype))
        return own

    def add(self, operator: str, inputs: list[str], name: str = "", outputs: int = 1, **attributes: Any) -> Any:
        """A node; returns the name of its output, or a list of names where there are several.

        Args:
            operator: "LSTM".
            inputs: names of values; "" for one that is left out.
            name: of the first output; the operator's by default.
            outputs: how many.
            **attributes: ints, floats, texts, and lists of them.
        """
        made = [self.own_name(name or operator.lower()) for _ in range(outputs)]
        self.node(operator, inputs, made, **attributes)
        return made[0] if outputs == 1 else made

    def node(self, operator: str, inputs: list[str], outputs: list[str], **attributes: Any) -> None:
        """A node with outputs of these names."""
        parts = [_text(1, each) for each in inputs] + [_text(2, each) for each in outputs]
        parts += [_text(3, f"{operator}_{len(self.nodes)}"), _text(4, operator)]
        parts += [_bytes(5, _attribute(key, value)) for key, value in attributes.items()]
        self.nodes.append(b"".join(parts))

    def input(self, name: str, shape: tuple[Any, ...], dtype: str) -> None:
        """An input of the model; a size may be a name."""
        self._names.add(name)
        self.inputs.append(_value(name, shape, dtype))

    def output(self, name: str, shape: tuple[Any, ...], dtype: str) -> None:
        """An output of the model, the value of this name."""
        self.outputs.append(_value(name, shape, dtype))

    def model(self, producer: str, version: str) -> bytes:
        """The whole file."""
        parts = [_bytes(1, node) for node in self.nodes] + [_text(2, self.name)]
        parts += [_bytes(5, _tensor(name, array)) for name, array in self.constants.items()]
        parts += [_bytes(11, each) for each in self.inputs] + [_bytes(12, each) for each in self.outputs]
        operators = _text(1, "") + _number(2, OPERATORS)
        head = _number(1, IR_VERSION) + _text(2, producer) + _text(3, version)
        return head + _bytes(7, b"".join(parts)) + _bytes(8, operators)


def _varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    made = bytearray()
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    made.append(number)
    return bytes(made)


def _number(field_number: int, value: int) -> bytes:
    return _varint(field_number << 3) + _varint(value)


def _bytes(field_number: int, value: bytes) -> bytes:
    return _varint(field_number << 3 | 2) + _varint(len(value)) + value


def _text(field_number: int, value: str) -> bytes:
    return _bytes(field_number, value.encode())


def _float(field_number: int, value: float) -> bytes:
    return _varint(field_number << 3 | 5) + np.float32(value).tobytes()


def _attribute(name: str, value: Any) -> bytes:
    """An attribute; its kind is one of FLOAT 1, INT 2, STRING 3, FLOATS 6, INTS 7, STRINGS 8."""
    start = _text(1, name)
    if isinstance(value, float):
        return start + _float(2, value) + _number(20, 1)
    if isinstance(value, int):
        return start + _number(3, value) + _number(20, 2)
    if isinstance(value, str):
        return start + _text(4, value) + _number(20, 3)
    first = value[0]
    if isinstance(first, float):
        return start + b"".join(_float(7, each) for each in value) + _number(20, 6)
    if isinstance(first, int):
        return start + b"".join(_number(8, each) for each in value) + _number(20, 7)
    return start + b"".join(_text(9, each) for each in value) + _number(20, 8)


def _tensor(name: str, array: np.ndarray) -> bytes:
    sizes = b"".join(_number(1, size) for size in array.shape)
    data = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    return sizes + _number(2, DTYPES[array.dtype.name]) + _text(8, name) + _bytes(9, data)


def _value(name: str, shape: tuple[Any, ...], dtype: str) -> bytes:
    axes = b"".join(_bytes(1, _text(2, size) if isinstance(size, str) else _number(1, size)) for size in shape)
    kind = _bytes(1, _number(1, DTYPES[dtype]) + _bytes(2, axes))
    return _text(1, name) + _bytes(2, kind)
