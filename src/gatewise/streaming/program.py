"""The native program of a model's calls."""

from __future__ import annotations

import os
from typing import Any

from gatewise.streaming.emission import Emission, NotNativeError
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
    emission = Emission(program)
    for value, are_ids in zip(inputs, ids, strict=True):
        emission.put(value, program.input(value.width, are_ids))
    integers = {emission.number(value) for value, are_ids in zip(inputs, ids, strict=True) if are_ids}
    try:
        for call in calls:
            call.emit(emission)
        numbers = [emission.number(value) for value in outputs]
    except NotNativeError:
        return None
    if not integers.isdisjoint(numbers):
        return None
    for number in numbers:
        program.output(number)
    return program
