"""Operators that run graphs inside: WHILE, IF and CALL.

Source: https://www.tensorflow.org/mlir/tfl_ops, for all operators of this room.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gatewise.base.typing import Array
from gatewise.formats.graph import Graph
from gatewise.models.graphs.operators import Step
from gatewise.models.tflite.loops import recurrence_of
from gatewise.models.tflite.operators import operator

MOST_TURNS: Final = 10_000
"""Of a loop, and ten for each place of the longest axis that it carries: a damaged one would never end."""


def _run(step: Step, graph: Graph, given: Any) -> list[Any]:
    return step.run_inside(graph, dict(zip((value.name for value in graph.inputs), given, strict=True)))


@operator("WHILE", moves=True)
def _while(step: Step, *state: Array) -> Any:
    condition, body = step.get("cond"), step.get("body")
    if "recurrence" not in step.kept:
        step.kept["recurrence"] = recurrence_of(condition, body)
    found = step.kept["recurrence"]
    after = None if found is None else found.run(state)
    if after is not None:
        return after
    left = MOST_TURNS + 10 * max((size for x in state for size in x.shape), default=0)
    while np.all(_run(step, condition, state)[0]):
        state = tuple(_run(step, body, state))
        left -= 1
        if left < 0:
            raise ValueError("the loop does not end")
    return state


@operator("IF", moves=True)
def _if(step: Step, condition: Array, *given: Array) -> Any:
    return tuple(_run(step, step.get("then" if condition.all() else "else"), given))


@operator("CALL", moves=True)
def _call(step: Step, *given: Array) -> Any:
    return tuple(_run(step, step.get("graph"), given))
