"""Operators that run graphs inside: If, Loop and Scan.

Source: https://onnx.ai/onnx/operators/.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gatewise.base.typing import Array
from gatewise.models.graphs.operators import Step
from gatewise.models.onnx.operators import operator


@operator("If")
def _if(step: Step, condition: Array) -> Any:
    branch = step.get("then_branch" if condition.item() else "else_branch")
    return tuple(step.run_inside(branch, {}))


@operator("Loop")
def _loop(step: Step, most: Array | None, condition: Array | None, *carried: Array) -> Any:
    """The body takes the number of the turn, the condition and what is carried; it gives the condition, what is
    carried, and what is gathered of all turns.
    """
    body = step.get("body")
    names = [value.name for value in body.inputs]
    limit = None if most is None else int(most.item())
    goes_on, turn = condition is None or bool(condition.item()), 0
    state = list(carried)
    gathered: list[list[Array]] = [[] for _ in body.outputs[1 + len(carried) :]]
    while goes_on and (limit is None or turn < limit):
        given = [np.array(turn, "i8"), np.array(goes_on), *state]
        again, *found = step.run_inside(body, dict(zip(names, given, strict=True)))
        state, turn, goes_on = found[: len(state)], turn + 1, bool(again.item())
        for rows, row in zip(gathered, found[len(state) :], strict=True):
            rows.append(row)
    return (*state, *(np.stack(rows) if rows else np.zeros(0, "f4") for rows in gathered))


@operator("Scan")
def _scan(step: Step, *given: Array) -> Any:
    """The body goes over the first axis of the last inputs, from the front."""
    body, count = step.get("body"), step.get("num_scan_inputs")
    for name in ("scan_input_directions", "scan_output_directions", "scan_input_axes", "scan_output_axes"):
        if any(step.get(name) or ()):
            raise ValueError(f"{name}={step.get(name)} is not known here; zeros are")
    state, sequences = list(given[: len(given) - count]), given[len(given) - count :]
    names = [value.name for value in body.inputs]
    gathered: list[list[Array]] = [[] for _ in body.outputs[len(state) :]]
    for rows in zip(*sequences, strict=True):
        found = step.run_inside(body, dict(zip(names, [*state, *rows], strict=True)))
        state = found[: len(state)]
        for kept, row in zip(gathered, found[len(state) :], strict=True):
            kept.append(row)
    return (*state, *(np.stack(rows) if rows else np.zeros(0, "f4") for rows in gathered))
