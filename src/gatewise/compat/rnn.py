"""TensorFlow 1's functions that run a cell over time, `tf.nn.dynamic_rnn` and its kin: eagerly, step after step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import numpy as np

from gatewise.base import structure
from gatewise.base.tensors import as_tensor
from gatewise.base.typing import Array
from gatewise.compat.functions import FUNCTIONS
from gatewise.compat.rnn_cells import zeros_of


def dynamic_rnn(
    cell: Any, inputs: Any, sequence_length: Any = None, initial_state: Any = None, dtype: Any = None,
    parallel_iterations: Any = None, swap_memory: bool = False, time_major: bool = False, scope: Any = None,
) -> tuple[Any, Any]:  # fmt: skip
    """A cell over sequences.

    Args:
        cell: what gives an output and a state for inputs and a state.
        inputs: (B, T, I); (T, B, I) with `time_major`.
        sequence_length: (B,), of each sequence. Behind its end outputs are zeros, and the state stays.
        initial_state: in the cell's structure; zeros of `dtype` without.
        dtype: of the state, where none is given.
        time_major: whether time is the first axis, of inputs and outputs.
        parallel_iterations, swap_memory, scope: accepted.

    Returns:
        The outputs (B, T, H), and the last state.

    Raises:
        ValueError: without a state and its dtype; lengths that are not one a sequence.

    >>> from gatewise.compat.rnn_cells import GRUCell
    >>> outputs, state = dynamic_rnn(GRUCell(3), np.ones((2, 5, 4), "float32"), [5, 2], dtype="float32")
    >>> outputs.shape.as_list(), float(abs(outputs[1, 2:]).max()), bool((outputs[1, 1] == state[1]).all())
    ([2, 5, 3], 0.0, True)
    """
    inputs = _tensor(inputs)
    if len(inputs.shape) < 3:
        raise ValueError(f"dynamic_rnn: inputs must be (batch, time, features), got the shape {tuple(inputs.shape)}.")
    by_time = FUNCTIONS["unstack"](inputs, axis=0 if time_major else 1)
    outputs, state = static_rnn(cell, by_time, initial_state, dtype, sequence_length)
    columns = zip(*map(structure.flatten, outputs), strict=True)
    stacked = [FUNCTIONS["stack"](list(column), axis=0 if time_major else 1) for column in columns]
    return structure.rebuild(outputs[0], iter(stacked)), state


def static_rnn(
    cell: Any, inputs: Any, initial_state: Any = None, dtype: Any = None, sequence_length: Any = None,
    scope: Any = None,
) -> tuple[list[Any], Any]:  # fmt: skip
    """`dynamic_rnn` for a list of T arrays (B, I): a list of T outputs, and the last state."""
    if not isinstance(inputs, (list, tuple)):
        raise TypeError(f"static_rnn: inputs must be a list with an array for each step, got {type(inputs).__name__}.")
    if not inputs:
        raise ValueError("static_rnn: the list of inputs is empty.")
    batch = structure.flatten(inputs[0])[0].shape[0]
    state = _first_state(cell, initial_state, dtype, batch)
    lengths = _lengths(sequence_length, batch)
    outputs = []
    for t, x in enumerate(inputs):
        output, after = cell(_tensor(x), state)
        if lengths is not None and t >= lengths.min():
            ended = as_tensor(t >= lengths)
            output = structure.map_structure(partial(_ended, ended), output)
            after = structure.rebuild(after, iter(_kept(ended, state, after)))
        outputs.append(output)
        state = after
    return outputs, state


def _kept(ended: Array, state: Any, after: Any) -> list[Any]:
    return [_where(ended, *pair) for pair in zip(structure.flatten(state), structure.flatten(after), strict=True)]


def _ended(ended: Array, output: Any) -> Any:
    return _where(ended, FUNCTIONS["zeros_like"](output), output)


def _where(ended: Array, old: Any, new: Any) -> Any:
    return FUNCTIONS["where"](FUNCTIONS["reshape"](ended, (-1,) + (1,) * (len(new.shape) - 1)), old, new)


def _first_state(cell: Any, given: Any, dtype: Any, batch: int) -> Any:
    if given is not None:
        return structure.map_structure(_tensor, given)
    if dtype is None:
        raise ValueError("dynamic_rnn: without `initial_state`, say the state's dtype: dtype=tf.float32.")
    own = getattr(cell, "zero_state", None)
    return zeros_of(cell, batch, dtype) if own is None else own(batch, dtype)


def _lengths(given: Any, batch: int) -> Array | None:
    if given is None:
        return None
    lengths = np.asarray(given)
    if lengths.shape != (batch,):
        raise ValueError(f"dynamic_rnn: sequence_length must have the shape ({batch},), got {lengths.shape}.")
    return lengths


def _tensor(x: Any) -> Any:
    return FUNCTIONS["convert_to_tensor"](x)


def bidirectional_dynamic_rnn(
    cell_fw: Any, cell_bw: Any, inputs: Any, sequence_length: Any = None, initial_state_fw: Any = None,
    initial_state_bw: Any = None, dtype: Any = None, parallel_iterations: Any = None, swap_memory: bool = False,
    time_major: bool = False, scope: Any = None,
) -> tuple[tuple[Any, Any], tuple[Any, Any]]:  # fmt: skip
    """Two cells, one of them from each sequence's end to its beginning: ((outputs, outputs), (state, state)).

    The second one's outputs are in the order of the inputs. Arguments as for `dynamic_rnn`.
    """
    inputs = _tensor(inputs)
    axes = {"seq_axis": 0, "batch_axis": 1} if time_major else {"seq_axis": 1, "batch_axis": 0}

    def turned(x: Any) -> Any:
        if sequence_length is None:
            return FUNCTIONS["reverse"](x, [axes["seq_axis"]])
        return FUNCTIONS["reverse_sequence"](x, np.asarray(sequence_length), **axes)

    options = {"sequence_length": sequence_length, "dtype": dtype, "time_major": time_major}
    ahead, state = dynamic_rnn(cell_fw, inputs, initial_state=initial_state_fw, **options)
    back, state_back = dynamic_rnn(cell_bw, turned(inputs), initial_state=initial_state_bw, **options)
    return (ahead, structure.map_structure(turned, back)), (state, state_back)


def static_bidirectional_rnn(
    cell_fw: Any, cell_bw: Any, inputs: Sequence[Any], initial_state_fw: Any = None, initial_state_bw: Any = None,
    dtype: Any = None, sequence_length: Any = None, scope: Any = None,
) -> tuple[list[Any], Any, Any]:  # fmt: skip
    """`bidirectional_dynamic_rnn` for a list of T arrays: the outputs side by side, and each cell's last state."""
    whole = FUNCTIONS["stack"](list(inputs), axis=0)
    (ahead, back), (state, state_back) = bidirectional_dynamic_rnn(
        cell_fw, cell_bw, whole, sequence_length, initial_state_fw, initial_state_bw, dtype, time_major=True
    )
    return FUNCTIONS["unstack"](FUNCTIONS["concat"]([ahead, back], -1)), state, state_back


RUNNERS: Final[dict[str, Callable[..., Any]]] = {
    each.__name__: each for each in (dynamic_rnn, static_rnn, bidirectional_dynamic_rnn, static_bidirectional_rnn)
}
"""What `tf.nn` and `tf.contrib.rnn` have, by name."""
