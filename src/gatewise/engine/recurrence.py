"""The recurrence: an op run over sequences, by whichever executor the arrays call for.

    forward(op, x (B, T, I), state, traversal) -> y (B, T, H) or last (B, H), final state

Four implementations of one contract: `reference` (NumPy, any cell, any activation, any dtype: the definition),
`native` (compiled, the usual cells and activations in float32 and float64), and for JAX `compiled` (the same code, with
its gradient) and `scan` (all else). What a masked step does,
as in Keras: the state is carried through, and the output repeats the one before; before the first real step the output
is zero.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import numpy as np

from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.engine import compiled, native, reference, scan
from gatewise.engine.cells import State
from gatewise.engine.op import Call, Op, Reserve, Traversal

Executor: TypeAlias = Literal["native", "reference", "compiled", "scan"]

_EXECUTORS: Final = {
    "native": native.forward,
    "reference": reference.forward,
    "compiled": compiled.forward,
    "scan": scan.forward,
}
_BOTH: Final = {"native": native.forward_both, "compiled": compiled.forward_both}
# Under JAX the compiled engine keeps its reserve for its gradients only.
_WITH_RESERVE: Final = {
    "native": native.forward_with_reserve,
    "reference": reference.forward_with_reserve,
    "compiled": scan.forward_with_reserve,
    "scan": scan.forward_with_reserve,
}


def forward(op: Op, x: Array, state: State | None, traversal: Traversal) -> tuple[Array, State]:
    """Run `op` over the sequences `x`.

    Args:
        op: the cell and its weights.
        x: (B, T, I).
        state: the initial state, arrays (B, H), or None for zeros.
        traversal: masks, direction, and what to give.

    Returns:
        y and the final state. With T = 0, y is the initial output (B, H), or empty.
    """
    return _EXECUTORS[executor(op, x, state, traversal)](op, x, state, traversal)


def forward_both(one: Call, other: Call) -> tuple[tuple[Array, State], tuple[Array, State]]:
    """What `forward` gives for two calls, to the last bit: at once, each on threads of its own, where an executor can.

    >>> from gatewise.engine import cells
    >>> weights = {"kernel": np.zeros((3, 8)), "recurrent_kernel": np.zeros((2, 8))}
    >>> op = Op(cells.LSTM, weights, np.tanh, np.tanh, names=("tanh", "tanh"))
    >>> x = np.ones((1, 5, 3))
    >>> (y, _), (z, _) = forward_both((op, x, None, Traversal()), (op, x, None, Traversal(go_backwards=True)))
    >>> y.shape, z.shape
    ((1, 5, 2), (1, 5, 2))
    """
    names = {executor(*one), executor(*other)}
    run = _BOTH.get(names.pop()) if len(names) == 1 and compiled.fit(one, other) else None
    return (forward(*one), forward(*other)) if run is None else run(one, other)


def forward_with_reserve(op: Op, x: Array, state: State | None, traversal: Traversal) -> tuple[Array, State, Reserve]:
    """The same, and the gates, states and outputs of every step.

    >>> from gatewise.engine import cells
    >>> weights = {"kernel": np.zeros((3, 8)), "recurrent_kernel": np.zeros((2, 8))}
    >>> op = Op(cells.LSTM, weights, np.tanh, np.cos)
    >>> y, final, reserve = forward_with_reserve(op, np.ones((1, 5, 3)), None, Traversal(sequences=False))
    >>> y.shape, list(reserve.gates), reserve.gates["f"].shape, list(reserve.states)
    ((1, 2), ['i', 'f', 'c', 'o'], (1, 5, 2), ['h', 'c'])
    """
    name = executor(op, x, state, traversal)
    if name == "native" and not (x.shape[1] and native.keeps_reserves(op.cell)):
        name = "reference"
    return _WITH_RESERVE[name](op, x, state, traversal)


def executor(op: Op, x: Array, state: State | None = None, traversal: Traversal = Traversal()) -> Executor:  # noqa: B008
    """Which of the executors runs `op` over `x`.

    >>> from gatewise.engine import cells
    >>> weights = {"kernel": np.zeros((3, 8)), "recurrent_kernel": np.zeros((2, 8))}
    >>> op = Op(cells.LSTM, weights, np.tanh, np.tanh, names=("tanh", "tanh"))
    >>> executor(op, np.zeros((1, 5, 3))), executor(op, np.zeros((1, 5, 3), "float32"))
    ('native', 'reference')
    """
    if namespace(x, op.kernel, *(state or ())) is not np:
        return "compiled" if compiled.can_run(op, x, state, traversal) else "scan"
    drawn = (traversal.dropout, traversal.recurrent_dropout, traversal.stays)
    if all(each is None for each in drawn) and x.dtype == op.kernel.dtype and native.packed(op) is not None:
        return "native"
    return "reference"
