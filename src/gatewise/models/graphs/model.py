"""A graph of operators as a model to call."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from gatewise.formats.graph import Program, Value
from gatewise.models.graphs.called import CalledByName
from gatewise.models.graphs.operators import Operators
from gatewise.models.graphs.running import Plan, refusal, unknown_operators


class GraphModel(CalledByName):
    """A graph of a file's, run on NumPy and, where it has recurrences, on the recurrent engine.

    It computes; it has no layers, and cannot be trained. `gatewise.models.load_weights_from` gives its constants to a
    model that has.

    Args:
        program: a file's path, or what the reader gives.
        path: for messages, where `program` is no path.

    Attributes:
        inputs: name, dtype and shape of each input that a call must give.
        outputs: the same of the outputs.

    Raises:
        ValueError: a file that is damaged, or an operator that is not known; all of these are named.
    """

    @staticmethod
    @abstractmethod
    def read(path: Any) -> Program:
        """The graph of a file."""

    @staticmethod
    @abstractmethod
    def operators() -> Operators:
        """Those of the format that are known."""

    def __init__(self, program: Any, path: Any = None) -> None:
        self.path = path if isinstance(program, Program) else program
        self.program: Program = program if isinstance(program, Program) else self.read(program)
        operators = self.operators()
        if unknown := unknown_operators(self.program, operators):
            raise self._error(refusal(unknown, operators))
        graph = self.program.graph
        self.inputs: tuple[Value, ...] = tuple(value for value in graph.inputs if value.name not in graph.constants)
        self.outputs: tuple[Value, ...] = graph.outputs
        self._plan = Plan(graph, self.program.versions, operators)

    def run(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The outputs by name.

        Args:
            inputs: arrays by name; numbers are cast to the dtype that the graph says.

        Raises:
            ValueError: an input that is missing, is not known or has another shape, or values that an operator cannot
                take.
        """
        try:
            found = self._plan.run(self._given(inputs), {})
        except ValueError as error:
            raise error if str(error).startswith(f"{self.path!r}: ") else self._error(str(error)) from error
        return {value.name: np.asarray(array) for value, array in zip(self.outputs, found, strict=True)}

    def input_names(self) -> list[str]:
        """The inputs that a call must give, in order."""
        return [value.name for value in self.inputs]

    def _names(self) -> str:
        return ", ".join(self.input_names())

    def _given(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        known = {value.name: value for value in self.program.graph.inputs}
        if unknown := [name for name in inputs if name not in known]:
            raise self._error(f"there is no input {unknown[0]!r}; there are {self._names()}.")
        if missing := [value.name for value in self.inputs if value.name not in inputs]:
            raise self._error(f"the input {missing[0]!r} is missing; there are {self._names()}.")
        return {name: self._checked(known[name], value) for name, value in inputs.items()}

    def _checked(self, value: Value, given: Any) -> np.ndarray:
        array = np.asarray(given)
        if value.dtype is not None and array.dtype != value.dtype:
            array = array.astype(value.dtype)
        if value.shape is not None:
            sizes = zip(array.shape, value.shape, strict=False)
            if array.ndim != len(value.shape) or any(isinstance(m, int) and m not in (n, -1) for n, m in sizes):
                raise self._error(
                    f"the input {value.name!r} must have the shape {value.shape}, but {array.shape} came."
                )
        return array

    def __repr__(self) -> str:
        shown = ", ".join(f"{value.name} {value.shape}" for value in self.inputs)
        return f"<{type(self).__name__} of {self.path!r}: {shown} -> {', '.join(value.name for value in self.outputs)}>"
