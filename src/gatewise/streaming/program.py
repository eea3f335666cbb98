"""The program of a model's calls: the native engine's, or any that has its operations."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from gatewise.streaming.emission import Emission, NotNativeError, Program
from gatewise.streaming.rules import Rule
from gatewise.streaming.values import Value


def native_program(inputs: list[Value], ids: list[bool], outputs: list[Value], calls: list[Rule]) -> Any:
    """The calls as a program of the native engine, or None where that lacks something.

    Args:
        inputs, outputs: the model's.
        ids: which inputs are ids; the engine keeps them as integers.
        calls: in order.
    """
    if os.environ.get("GATEWISE_ENGINE") == "reference":
        return None
    from gatewise.engine import _native

    program = _native.Program()
    try:
        emit(program, inputs, ids, outputs, calls)
    except NotNativeError:
        return None
    return program


def emit(
    program: Program,
    inputs: list[Value],
    ids: list[bool],
    outputs: list[Value],
    calls: list[Rule],
    entering: Callable[[Rule], object] = id,
) -> None:
    """Add the calls to a program.

    Args:
        program: empty.
        inputs, ids, outputs, calls: as `native_program` has them.
        entering: told each call before it is added.

    Raises:
        NotNativeError: where programs lack something; it says what, or it is the call that `entering` was told last.
    """
    emission = Emission(program)
    for value, are_ids in zip(inputs, ids, strict=True):
        emission.put(value, program.input(value.width, are_ids))
    integers = {emission.number(value) for value, are_ids in zip(inputs, ids, strict=True) if are_ids}
    for call in calls:
        entering(call)
        call.emit(emission)
    numbers = [emission.number(value) for value in outputs]
    if not integers.isdisjoint(numbers):
        raise NotNativeError("ids as they came, which it gives")
    for number in numbers:
        program.output(number)
