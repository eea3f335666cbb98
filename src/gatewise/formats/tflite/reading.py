"""TFLite files as plain graphs; nothing is run, and no size is believed before the bytes are there.

Arrays are views of the file's bytes. A value's name is its tensor's, with its number where others have that name too;
inputs and outputs go by the names of the file's signature, if it has one.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from gatewise.formats.contents import ByName, Contents, OfFile, Stored
from gatewise.formats.flatbuffers import Table
from gatewise.formats.graph import Graph, Node, Program, Value
from gatewise.formats.tflite import schema
from gatewise.formats.tflite.scale import Scale
from gatewise.formats.tflite.weights import weights_of

FORMAT: Final = "TFLite"
SIGNATURE: Final = b"TFL3"
CUSTOM: Final = "custom"
"""The domain of operators that a program brings itself."""
_DEEPEST: Final = 30
_MOST_NODES: Final = 200_000
"""Of all graphs, each counted as often as another one calls it."""
_MOST_AXES: Final = 32
_MOST_KEPT: Final = 1 << 26
"""Numbers of a variable, for which nothing in the file stands."""


def recognises(path: Any) -> bool:
    """Whether it has TFLite's mark behind the first four bytes."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(8)[4:] == SIGNATURE


@contextmanager
def open_contents(path: Any) -> Iterator[Contents]:
    """What the file holds, for as long as the context lasts; arrays are as Keras's layers have them.

    Raises:
        ValueError: a file that is damaged, or that holds what is not read here.
    """
    program = read(path)
    arrays = [Stored(name, x.shape, x.dtype.name, partial(np.array, x)) for name, x in weights_of(program.graph)]
    yield Contents(path, FORMAT, weights=ByName(tuple(arrays)), backend=program.producer or None, program=program)


def read(path: Any) -> Program:
    """The graph of a file.

    Raises:
        ValueError: a file that is damaged, or that holds what is not read here.
    """
    file = _File(path)
    try:
        return file.program()
    except ValueError as error:
        if file.told(error):
            raise
        raise file.error(f"the TFLite model is damaged: {error}.") from None


class _File(OfFile):
    """A file, in which nothing is trusted."""

    def __init__(self, path: Any) -> None:
        self.path = path
        self._data = memoryview(Path(os.fsdecode(path)).read_bytes())
        self._nodes_left = _MOST_NODES

    def program(self) -> Program:
        """The whole."""
        model = Table.root(self._data)
        self._codes = [self._operator(each) for each in model.tables(schema.Model.OPERATOR_CODES)]
        self._buffers = list(model.tables(schema.Model.BUFFERS))
        self._subgraphs = list(model.tables(schema.Model.SUBGRAPHS))
        if not self._subgraphs:
            raise self.error("it has no graph: the file is damaged or cut short.")
        graph = self.graph(0, (), self._signature(model))
        return Program(graph, {}, model.text(schema.Model.DESCRIPTION), FORMAT)

    def _operator(self, code: Table) -> tuple[str, str]:
        """Domain and name."""
        number = max(code.number(schema.OperatorCode.OLD_CODE, "b"), code.number(schema.OperatorCode.CODE, "<i"))
        names = schema.OPERATORS
        name = names[number] if 0 <= number < len(names) else f"number {number}"
        return (CUSTOM, code.text(schema.OperatorCode.CUSTOM)) if name == "CUSTOM" else ("", name)

    def _signature(self, model: Table) -> dict[int, str]:
        """What the first graph's tensors are called outside."""
        names: dict[int, str] = {}
        for each in model.tables(schema.Model.SIGNATURES):
            if each.number(schema.Signature.SUBGRAPH, "<I") == 0:
                for field in (schema.Signature.INPUTS, schema.Signature.OUTPUTS):
                    for tensor in each.tables(field):
                        place = tensor.number(schema.NamedTensor.TENSOR, "<I")
                        names.setdefault(place, tensor.text(schema.NamedTensor.NAME))
                break
        return names

    def graph(self, number: int, above: tuple[int, ...], said: Mapping[int, str] | None = None) -> Graph:
        """A graph, and those that it calls; a signature may have said names of tensors."""
        if not 0 <= number < len(self._subgraphs):
            raise self.error(f"it calls the graph {number}, but has {len(self._subgraphs)}.")
        if number in above or len(above) > _DEEPEST:
            raise self.error(f"its graph {number} calls itself, or graphs call each other more than {_DEEPEST} deep.")
        table, above = self._subgraphs[number], (*above, number)
        tensors = _Tensors(list(table.tables(schema.Subgraph.TENSORS)), said or {})
        nodes = []
        for each in table.tables(schema.Subgraph.OPERATORS):
            self._nodes_left -= 1
            if self._nodes_left < 0:
                raise self.error(f"it has more than {_MOST_NODES} operators.")
            nodes.append(self.node(each, tensors, above))
        made = {name for node in nodes for name in node.outputs}
        inputs = tensors.values(table.numbers(schema.Subgraph.INPUTS))
        given = made.union(value.name for value in inputs)
        used = {name for node in nodes for name in node.inputs} - {""}
        outputs = tensors.values(table.numbers(schema.Subgraph.OUTPUTS))
        wanted = sorted((used | {value.name for value in outputs}) - given)
        found = ((name, self.constant(tensors.by_name(name), name)) for name in wanted)
        constants = {name: array for name, array in found if array is not None}
        return Graph(table.text(schema.Subgraph.NAME), tuple(nodes), constants, inputs, outputs)

    def node(self, table: Table, tensors: _Tensors, above: tuple[int, ...]) -> Node:
        """One operator."""
        code = table.number(schema.Operator.CODE, "<I")
        if code >= len(self._codes):
            raise self.error(f"it names the operator {code}, but has {len(self._codes)}.")
        domain, operator = self._codes[code]
        inputs = table.numbers(schema.Operator.INPUTS)
        outputs = table.numbers(schema.Operator.OUTPUTS)
        attributes = self._settings(operator, table.table(schema.Operator.OPTIONS), above)
        attributes["scales"] = tuple(map(tensors.scale, inputs))
        attributes["output_scales"] = tuple(map(tensors.scale, outputs))
        attributes["output_dtypes"] = tuple(map(tensors.dtype, outputs))
        names = tuple(map(tensors.name, outputs))
        return Node(operator, domain, tuple(map(tensors.name, inputs)), names, attributes, names[0] if names else "")

    def _settings(self, operator: str, options: Table | None, above: tuple[int, ...]) -> dict[str, Any]:
        known = schema.OPTIONS.get(operator, {})
        found: dict[str, Any] = {
            name: default if options is None else options.number(field, kind, default)
            for name, (field, kind, default) in known.items()
        }
        if operator in schema.LISTS and options is not None:
            name, field = schema.LISTS[operator]
            found[name] = options.numbers(field)
        for field, name in enumerate(schema.SUBGRAPHS.get(operator, ())):
            found[name] = self.graph(0 if options is None else options.number(field, "<i"), above)
        return found

    def constant(self, tensor: Table, name: str) -> np.ndarray | None:
        """The array of a tensor; zeros for a variable, which keeps something from call to call; else None."""
        shape = tuple(tensor.numbers(schema.Tensor.SHAPE))
        if len(shape) > _MOST_AXES or any(size < 0 for size in shape):
            raise self.error(f"the tensor {name!r} has the shape {shape}: the file is damaged.")
        kind = schema.DTYPES.get(tensor.number(schema.Tensor.TYPE, "b"))
        if tensor.number(schema.Tensor.IS_VARIABLE, "?"):
            if math.prod(shape) > _MOST_KEPT:
                raise self.error(f"the variable {name!r} has the shape {shape}: the file is damaged.")
            return np.broadcast_to(np.zeros((), kind or "f4"), shape)
        data = self._bytes(tensor.number(schema.Tensor.BUFFER, "<I"))
        if data is None:
            return None
        if kind is None:
            raise self.error(f"the tensor {name!r} is of a type that is not read here: 4 bits, texts or the like.")
        if tensor.has(schema.Tensor.SPARSITY):
            raise self.error(f"the tensor {name!r} is sparse, which is not read here: convert it with dense ones.")
        dtype = np.dtype(kind)
        if len(data) != math.prod(shape) * dtype.itemsize:
            raise self.error(f"the tensor {name!r} of shape {shape} has {len(data)} bytes: the file is damaged.")
        return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype, copy=False).reshape(shape)

    def _bytes(self, number: int) -> memoryview | None:
        """A buffer; None for one without bytes. Big files keep them behind the tables."""
        if number >= len(self._buffers):
            raise self.error(f"it names the buffer {number}, but has {len(self._buffers)}.")
        buffer = self._buffers[number]
        offset, size = (buffer.number(field, "<Q") for field in (schema.Buffer.OFFSET, schema.Buffer.SIZE))
        if offset > 1:
            if offset + size > len(self._data):
                raise self.error(f"the buffer {number} goes beyond the end: the file is cut short.")
            return self._data[offset : offset + size]
        data = buffer.array(schema.Buffer.DATA, "u1")
        return data.data if data.size else None


class _Tensors:
    """The tensors of a graph, by number and by name."""

    def __init__(self, tables: list[Table], said: Mapping[int, str]) -> None:
        self._tables = tables
        names = [said.get(number) or table.text(schema.Tensor.NAME) for number, table in enumerate(tables)]
        often = Counter(names)
        self._names = [name if name and often[name] == 1 else f"{name}#{k}" for k, name in enumerate(names)]
        self._numbers = {name: number for number, name in enumerate(self._names)}

    def _table(self, number: int) -> Table:
        if not 0 <= number < len(self._tables):
            raise ValueError(f"a graph names the tensor {number}, but has {len(self._tables)}")
        return self._tables[number]

    def by_name(self, name: str) -> Table:
        return self._tables[self._numbers[name]]

    def name(self, number: int) -> str:
        """Of a tensor; "" for one that is left out."""
        if number == -1:
            return ""
        self._table(number)
        return self._names[number]

    def dtype(self, number: int) -> str | None:
        return None if number == -1 else schema.DTYPES.get(self._table(number).number(schema.Tensor.TYPE, "b"))

    def values(self, numbers: list[int]) -> tuple[Value, ...]:
        return tuple(Value(self.name(number), self.dtype(number), self.shape(number)) for number in numbers)

    def shape(self, number: int) -> tuple[int | None, ...]:
        """The sizes; None for one that differs from call to call."""
        table = self._table(number)
        sizes = table.numbers(schema.Tensor.SHAPE_SIGNATURE) or table.numbers(schema.Tensor.SHAPE)
        return tuple(None if size < 0 else size for size in sizes)

    def scale(self, number: int) -> Scale | None:
        """What its integers stand for; None where they are just that, or it is left out."""
        table = None if number == -1 else self._table(number).table(schema.Tensor.QUANTIZATION)
        if table is None:
            return None
        scale = table.array(schema.Quantization.SCALE, "<f4")
        zero = table.array(schema.Quantization.ZERO_POINT, "<i8")
        if not scale.size:
            return None
        zero = zero if zero.size == scale.size else np.zeros(scale.size, "i8")
        return Scale(scale, zero, table.number(schema.Quantization.AXIS, "<i"))
