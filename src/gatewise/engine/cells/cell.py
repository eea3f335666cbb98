"""What a recurrent cell is: its facts, and its equation.

A cell advances one step: from the step's projected input `z = x_t W + b` (B, gH) and the state to the next state, whose
first part is also the output. Letters: B batch, I inputs, H units, g gates; sigma is the recurrent activation, phi the
activation. Weights hold the gates side by side, in the order that `gates` gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeAlias, TypeVar

from gatewise.base.typing import Array

State: TypeAlias = tuple[Array, ...]
Activation: TypeAlias = Callable[[Array], Array]
Project: TypeAlias = Callable[[slice, Array], Array]

ALL: Final = slice(None)


def forget(**gates: Array) -> None:
    """Keep nothing: what most passes do with a step's gates."""


@dataclass(frozen=True)
class Parts:
    """What all steps of a recurrence share. It unpacks into the four that every cell has.

    Attributes:
        project: `project(k, h)` is `h U_k`, the product with the recurrent kernel's columns of gate k (or of the slice
            of gates k), with the dropout mask of the state, if any, applied to h.
        recurrent_bias: the bias that joins this product, for the cells that have one.
        phi, sigma: the activations.
        weights: all weights by name, for the cells that have others than a kernel, a recurrent kernel and a bias.
        keep: a step says its gates here, after their activation and by their letters: `parts.keep(z=update, r=reset)`.
            A pass with a reserve keeps them, and any other forgets them.
    """

    project: Project
    recurrent_bias: Array | None
    phi: Activation
    sigma: Activation
    weights: Mapping[str, Array]
    keep: Callable[..., None] = forget

    def __iter__(self) -> Iterator[Any]:
        return iter((self.project, self.recurrent_bias, self.phi, self.sigma))


class Cell:
    """A recurrent cell. What a subclass says here is all that layers, executors, streams and files know of it.

    Attributes:
        name: of the equation.
        gates: the gates' letters, in the order of the weights.
        states: the names of the arrays that make a state; the first is also the output.
        widths: the letter of a state's last axis, where it is not H.
        weights: each weight's shape in letters, by name. A bias may be left out; one of two rows has a first that joins
            the input's product, and a second that joins the state's.
        gate_names, state_names: what people call those that `step` keeps, and the states, by their letters.
        candidate: the letter of what is no gate proper, as it proposes the new content; all others open and shut.
        carry: the letter of the gate that is the share of the old state which stays. It speaks of the `step` beside it:
            a subclass with another `step` says it anew (`carry_of`).
    """

    name: ClassVar[str]
    gates: ClassVar[str]
    states: ClassVar[tuple[str, ...]] = ("h",)
    widths: ClassVar[Mapping[str, str]] = {}
    weights: ClassVar[Mapping[str, str]] = {"kernel": "(I, gH)", "recurrent_kernel": "(H, gH)", "bias": "(gH,)"}
    gate_names: ClassVar[Mapping[str, str]] = {}
    state_names: ClassVar[Mapping[str, str]] = {"h": "hidden state", "c": "cell state"}
    candidate: ClassVar[str | None] = None
    carry: ClassVar[str | None] = None

    @staticmethod
    def step(z: Array, state: State, parts: Parts) -> State:
        """The state after one step."""
        raise TypeError("Cell is the base of the cells: use LSTM, GRU, GRUResetAfter or SimpleRNN, or write a `step`.")

    @classmethod
    def multiplied(cls, before: State, gates: Mapping[str, Array]) -> list[tuple[slice, Array]]:
        """What the recurrent kernel's columns are multiplied by, gates (as a slice) by gates: the state, where a cell
        says no more. `before` is the state before each step, and `gates` the activated gates by letter.
        """
        return [(slice(0, len(cls.gates)), before[0])]

    @classmethod
    def unit_gradients(cls, dz: Mapping[str, Array], before: State, after: State) -> dict[str, Array]:
        """The gradients of weights that units have of their own, from those of the gates' sums, (B, T, H) each."""
        return {}

    @classmethod
    def width_letters(cls) -> list[str]:
        """The letter of each state's last axis."""
        return [cls.widths.get(state, "H") for state in cls.states]


AnyCell = TypeVar("AnyCell", bound=type[Cell])

NATIVE: Final[dict[str, type[Cell]]] = {}
"""The cells whose equation and facts the native engine has too, by name; tests hold the two sides together."""


def native(cell: AnyCell) -> AnyCell:
    """A class decorator: the native engine has this cell under its name."""
    NATIVE[cell.name] = cell
    return cell


def is_native(cell: type[Cell]) -> bool:
    """Whether `cell` is to the last fact what the native engine knows by its name, and no variation of it.

    >>> from gatewise.engine.cells import LSTM
    >>> class Leaky(LSTM):
    ...     @staticmethod
    ...     def step(z, state, parts):
    ...         h, c = LSTM.step(z, state, parts)
    ...         return h, 0.9 * c
    >>> is_native(LSTM), is_native(Leaky)
    (True, False)
    """
    own = NATIVE.get(getattr(cell, "name", ""))
    facts = ("step", "gates", "states", "widths", "weights")
    return own is not None and all(getattr(cell, fact) == getattr(own, fact) for fact in facts)


def carry_of(cell: type[Cell]) -> str | None:
    """The cell's `carry`, if it was said beside the `step` that the cell runs or after it.

    >>> from gatewise.engine.cells import LSTM
    >>> class Leaky(LSTM):
    ...     @staticmethod
    ...     def step(z, state, parts):
    ...         h, c = LSTM.step(z, state, parts)
    ...         return h, 0.9 * c
    >>> carry_of(LSTM), carry_of(Leaky)
    ('f', None)
    """
    says = next(each for each in cell.__mro__ if {"carry", "step"} & set(vars(each)))
    found: str | None = vars(says).get("carry")
    return found


def split(z: Array, count: int) -> list[Array]:
    """The gates of `z` (B, gH), each (B, H)."""
    units = z.shape[-1] // count
    return [z[..., k * units : (k + 1) * units] for k in range(count)]
