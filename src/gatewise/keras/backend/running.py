"""Loops, branches, phases, functions of drawn models, and updates of variables under Keras 2's names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from gatewise import models, ops
from gatewise.base.typing import Array
from gatewise.base.variable import Variable
from gatewise.config import config
from gatewise.graph import Input
from gatewise.layer.calls import training_now
from gatewise.layer.symbolic import any_symbolic
from gatewise.ops.control import traced
from gatewise.ops.dtypes import tensor

K: Any = ops

# --- Phases ------------------------------------------------------------------------------------------------------

_phase = 0


def learning_phase() -> int:
    """1 in training, else 0: the phase of the call that goes on, or what `set_learning_phase` said."""
    now = training_now()
    return _phase if now is None else int(now)


def set_learning_phase(value: Any) -> None:
    """Say the phase of what is computed outside any layer's call.

    Raises:
        ValueError: for anything but 0 and 1.
    """
    global _phase
    if value not in (0, 1):
        raise ValueError(f"K.set_learning_phase: expected 0 (test) or 1 (training), got {value!r}.")
    _phase = int(value)


@contextmanager
def learning_phase_scope(value: Any) -> Iterator[None]:
    """`set_learning_phase` inside the block."""
    before = _phase
    set_learning_phase(value)
    try:
        yield
    finally:
        set_learning_phase(before)


def _called(value: Any) -> Any:
    return value() if callable(value) else value


def in_train_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """`x` in training, else `alt`; each may be a function that is called only then."""
    training = learning_phase() if training is None else training
    return _called(x) if training else _called(alt)


def in_test_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """`alt` in training, else `x`."""
    return in_train_phase(alt, x, training)


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """`then_expression` where the condition holds, else `else_expression`.

    A condition of one number chooses between them, and functions are called only then; one of several numbers chooses
    for each of its leading axes.
    """
    if not hasattr(condition, "shape"):
        condition = np.asarray(condition)
    if len(condition.shape) == 0 and not any_symbolic(condition):
        return K.cond(K.cast(condition, "bool"), lambda: _called(then_expression), lambda: _called(else_expression))
    one, other = _called(then_expression), _called(else_expression)
    for _ in range(len(one.shape) - len(condition.shape)):
        condition = K.expand_dims(condition, -1)
    return K.where(condition, one, other)


# --- Loops -------------------------------------------------------------------------------------------------------


def foldl(fn: Callable[..., Any], elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """`value = fn(value, x)` for each x, from the first one on."""
    parts = K.unstack(elems)
    value = parts.pop(0) if initializer is None else initializer
    for part in parts:
        value = fn(value, part)
    return value


def foldr(fn: Callable[..., Any], elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """`foldl` from the last one on."""
    return foldl(fn, K.flip(elems, 0), initializer)


def map_fn(fn: Callable[..., Any], elems: Any, name: str | None = None, dtype: Any = None) -> Any:
    """`fn` of each part along the first axis, as an array."""
    return K.map(fn, elems)


def rnn(
    step_function: Callable[..., Any],
    inputs: Any,
    initial_states: Any,
    go_backwards: bool = False,
    mask: Any = None,
    constants: Any = None,
    unroll: bool = False,
    input_length: Any = None,
    time_major: bool = False,
    zero_output_for_mask: bool = False,
    return_all_outputs: bool = True,
) -> tuple[Array, Array, list[Array]]:
    """Call `output, states = step_function(x_t, states)` at each time step.

    Args:
        step_function: takes the inputs of one step (B, I), and a list of the states and then the constants.
        inputs: (B, T, I), or (T, B, I) with `time_major`.
        initial_states: a list of arrays (B, H).
        go_backwards: from the last step to the first.
        mask: (B, T): where it is False the states stay, and the output repeats the last one.
        constants: more arrays for each step.
        unroll, input_length: accepted.
        zero_output_for_mask: where the mask is False the output is zeros.
        return_all_outputs: or only the last, as (B, 1, H).

    Returns:
        The last output (B, H), the outputs (B, T, H) in the order of the steps made, and the last states.
    """
    if any_symbolic((inputs, initial_states, mask)):
        raise TypeError(
            "K.rnn: symbolic tensors have no time steps to go through yet. Call it in the `call` of a layer of yours, "
            "and that layer on symbolic tensors."
        )
    x = K.convert_to_tensor(inputs) if time_major else K.swapaxes(inputs, 0, 1)
    seen = _mask_by_steps(mask, time_major)
    if go_backwards:
        x, seen = K.flip(x, 0), None if seen is None else K.flip(seen, 0)
    step = _Step(step_function, list(constants or []), seen is not None, zero_output_for_mask)
    states = tuple(tensor(state) for state in initial_states)
    first, after = step_function(x[0], [*states, *step.constants])
    if traced(first, list(after)):  # A loop that is traced keeps its dtypes and its library.
        states = tuple(_like(state, new) for state, new in zip(states, after, strict=False))
        x = _like(x, x)
    # A first step that is masked repeats zeros.
    carry, outputs = K.scan(step, (states, K.zeros_like(first)), (x, seen) if seen is not None else (x,))
    last = outputs[-1]
    outputs = outputs if return_all_outputs else outputs[-1:]
    return last, outputs if time_major else K.swapaxes(outputs, 0, 1), list(carry[0])


def _mask_by_steps(mask: Any, time_major: bool) -> Any:
    """The mask as booleans (T, B)."""
    if mask is None:
        return None
    mask = K.cast(mask, "bool")
    mask = mask[..., 0] if len(mask.shape) == 3 else mask
    return mask if time_major else K.swapaxes(mask, 0, 1)


def _like(value: Any, model: Any) -> Any:
    """An array of JAX's, in the dtype of another one."""
    from jax import numpy as jnp

    return jnp.asarray(value, dtype=model.dtype)


class _Step:
    """One step of `rnn` as `ops.scan` calls it."""

    def __init__(self, function: Callable[..., Any], constants: list[Any], masked: bool, zeros: bool) -> None:
        self.function = function
        self.constants = constants
        self.masked = masked
        self.zeros = zeros

    def __call__(self, carry: Any, given: Any) -> Any:
        states, before = carry
        output, fresh = self.function(given[0], [*states, *self.constants])
        fresh = tuple(tensor(state) for state in fresh)
        if self.masked:
            fresh = tuple(_where(given[1], *pair) for pair in zip(fresh, states, strict=True))
            output = _where(given[1], output, K.zeros_like(output) if self.zeros else before)
        return (fresh, output), output


def _where(seen: Any, new: Any, old: Any) -> Any:
    for _ in range(len(new.shape) - 1):
        seen = K.expand_dims(seen, -1)
    return K.where(seen, new, old)


# --- Drawn models ------------------------------------------------------------------------------------------------


def placeholder(
    shape: Any = None,
    ndim: int | None = None,
    dtype: Any = None,
    sparse: bool = False,
    name: str | None = None,
    ragged: bool = False,
) -> Any:
    """A symbolic tensor, as `Input` makes it; `shape` is with the batch axis."""
    sizes = tuple(shape) if shape is not None else (None,) * (ndim or 1)
    return Input(batch_shape=sizes, dtype=dtype or config.floatx, name=name)


def function(inputs: Any, outputs: Any, updates: Any = None, name: str | None = None, **kwargs: Any) -> Any:
    """A function from lists of arrays to lists of arrays, of a part of a drawn model.

    Args:
        inputs: symbolic tensors: a model's inputs, or any tensors between; `K.learning_phase()` at the end is taken.
        outputs: symbolic tensors that follow from these.

    >>> from gatewise.layers import Input
    >>> x = Input((2,)); double = function([x], [x * 2])
    >>> double([np.ones((1, 2))])[0].tolist()
    [[2.0, 2.0]]
    """
    several = isinstance(outputs, (list, tuple))
    given = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    symbols = [each for each in given if not isinstance(each, int)]
    model = models.Model(symbols, list(outputs) if several else [outputs])

    def run(values: Any) -> Any:
        arrays = list(values) if isinstance(values, (list, tuple)) else [values]
        training = bool(arrays[len(symbols)]) if len(arrays) > len(symbols) else bool(learning_phase())
        made = model(arrays[: len(symbols)] if len(symbols) > 1 else arrays[0], training=training)
        found = [np.asarray(each) for each in (made if isinstance(made, (list, tuple)) else [made])]
        for variable, value in updates or ():
            update(variable, value)
        return found if several else found[0]

    return run


def eval(x: Any) -> np.ndarray:
    """The numbers of a variable or an array."""
    return np.asarray(x.value if isinstance(x, Variable) else x)


def print_tensor(x: Any, message: str = "", summarize: int = 3) -> Any:
    """`x`, printed where it has numbers."""
    if not any_symbolic(x) and not traced(x):
        print(message, x)
    return x


def gradients(loss: Any, variables: Any) -> Any:
    """Refused: there are no gradients without a function.

    Raises:
        NotImplementedError: always; the message says what to use.
    """
    raise NotImplementedError(
        "K.gradients asks for the gradients of numbers that are computed already. Train with `fit`, or write the loss "
        "as a function and give it to `jax.grad`."
    )


# --- Updates -----------------------------------------------------------------------------------------------------


def update(x: Variable, new_x: Any) -> Variable:
    """Replace the value of a variable."""
    x.assign(tensor(new_x))
    return x


def update_add(x: Variable, increment: Any) -> Variable:
    """Add to the value of a variable."""
    x.assign_add(increment)
    return x


def update_sub(x: Variable, decrement: Any) -> Variable:
    """Subtract from the value of a variable."""
    x.assign_sub(decrement)
    return x


def moving_average_update(x: Variable, value: Any, momentum: float) -> Variable:
    """`x = momentum x + (1 - momentum) value`."""
    return update(x, x.value * momentum + tensor(value) * (1 - momentum))


def manual_variable_initialization(value: bool) -> None:
    """Accepted: variables have their values from the beginning."""


def _refused(name: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise NotImplementedError(
            f"K.{name}: there are no graphs and sessions here; everything is computed at once. Leave it out, or use "
            "K.eval and K.function."
        )

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = "Refused in words: it belongs to graphs or sparse tensors."
    return refuse


get_session = _refused("get_session")
set_session = _refused("set_session")
get_graph = _refused("get_graph")
ctc_label_dense_to_sparse = _refused("ctc_label_dense_to_sparse")
