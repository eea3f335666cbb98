"""What any object must have to be a cell, and how it is used: ours, a program's layer, or a program's plain object.

state_size      the last axis of the state, or a list of those of several (and lists in it)
output_size     the last axis of the output; by default the first state's
call            (inputs, states) to (output, states); also `training` and `constants` where it names them
build, get_initial_state    where it has them
"""

from __future__ import annotations

import inspect
from typing import Any, Final

import numpy as np

from gatewise.base import structure
from gatewise.base.arrays import numpy_dtype
from gatewise.base.registry import get_registered_name
from gatewise.base.typing import Config, Shape
from gatewise.layer import Layer, registered
from gatewise.layer.serialization import deserialize_built, serialize_layer

ONE_STEP: Final = "is a cell, one step of a recurrence; RNN runs it over time"
"""Why a cell alone does not stream."""


def a_cell(value: Any) -> Any:
    """A cell, or what the config of one says.

    Raises:
        TypeError, ValueError: for what is none; the message says what it lacks.
    """
    if isinstance(value, dict) and "class_name" in value:
        value = _from_config(value)
    if isinstance(value, type):
        raise TypeError(f"expected a cell such as LSTMCell(8), got the class {value.__name__}: make one of it.")
    missing = [name for name in ("call", "state_size") if name not in dir(value)]
    if missing:
        raise ValueError(
            f"expected a cell such as LSTMCell(8), an object with `call(inputs, states)` and `state_size`, but "
            f"{value!r} has no `{missing[0]}`."
        )
    return value


def _from_config(config: Config) -> Any:
    cls: Any = registered.lookup_config(config)
    if isinstance(cls, type) and issubclass(cls, Layer):
        return deserialize_built(config)
    inner = dict(config.get("config") or {})
    return cls.from_config(inner) if hasattr(cls, "from_config") else cls(**inner)


def serialized(cell: Any) -> Config:
    """The cell with its class, as configs hold it.

    Raises:
        ValueError: for an object without `get_config`.
    """
    if isinstance(cell, Layer):
        return serialize_layer(cell)
    if not hasattr(cell, "get_config"):
        raise ValueError(
            f"The cell {cell!r} cannot be saved: give its class get_config(self), with its constructor's arguments."
        )
    cls = type(cell)
    return {
        "module": cls.__module__,
        "class_name": cls.__name__,
        "config": cell.get_config(),
        "registered_name": get_registered_name(cls),
    }


def output_size(cell: Any) -> Any:
    """The last axis of the output."""
    own = getattr(cell, "output_size", None)
    if own is not None:
        return own
    return cell.state_size[0] if isinstance(cell.state_size, (list, tuple)) else cell.state_size


def build(cell: Any, step_shape: Shape) -> None:
    """Build the cell for inputs of one step, once."""
    if isinstance(cell, Layer):
        cell._build_once(step_shape)
    elif hasattr(cell, "build") and not getattr(cell, "built", False):
        cell.build(step_shape)
        cell.built = True


def initial_state(cell: Any, batch: int, dtype: Any) -> Any:
    """The state that B sequences start from, in the structure of `state_size`: what the cell gives, or zeros."""
    state = given_state(cell, batch, dtype)
    alone = isinstance(cell.state_size, int) and isinstance(state, (list, tuple)) and len(state) == 1
    return state[0] if alone else state  # Keras 3's cells give one state in a list where `state_size` has none.


def given_state(cell: Any, batch: int, dtype: Any) -> Any:
    """The state that B sequences start from, as the cell gives it, or zeros."""
    own = getattr(cell, "get_initial_state", None)
    if own is None:
        return structure.map_structure(lambda width: np.zeros((batch, width), numpy_dtype(dtype)), cell.state_size)
    offered = {"inputs": None, "batch_size": batch, "dtype": dtype}
    takes = inspect.signature(own).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes.values()):
        return own(**offered)
    return own(**{name: value for name, value in offered.items() if name in takes})


def listed(state: Any) -> list[Any]:
    """A state as cells take it: in a list, one alone too."""
    return list(state) if isinstance(state, (list, tuple)) else [state]


def step(cell: Any, inputs: Any, states: Any, *, training: bool, constants: Any = None) -> Any:
    """What the cell gives for one step."""
    offered = {"training": training} if constants is None else {"training": training, "constants": constants}
    takes = _accepted(cell)
    given = {name: value for name, value in offered.items() if name in takes}
    run = cell if isinstance(cell, Layer) or callable(cell) else cell.call
    return run(inputs, states, **given)


def _accepted(cell: Any) -> frozenset[str]:
    """The optional arguments of a step that the cell's `call` takes."""
    takes = inspect.signature(cell.call).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes.values()):
        return frozenset({"training", "constants"})
    return frozenset(takes)


def takes_constants(cell: Any) -> bool:
    """Whether the cell's `call` can be given constants."""
    return "constants" in _accepted(cell)


def checked(label: str, cell: Any, made: Any) -> tuple[Any, list[Any]]:
    """What a step gave, as an output and a list of states.

    Raises:
        ValueError: for anything but a pair.
    """
    if not isinstance(made, (list, tuple)) or len(made) != 2:
        came = f"{len(made)} things" if isinstance(made, (list, tuple)) else f"a {type(made).__name__}"
        raise ValueError(
            f"{label}: a step of the cell {named(cell)} must return its output and its states, `output, [state]`, but "
            f"{came} came."
        )
    return made[0], listed(made[1])


def named(cell: Any) -> str:
    """The cell as errors name it."""
    return cell.label if isinstance(cell, Layer) else type(cell).__name__
