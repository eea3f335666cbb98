"""What a recurrent cell is: its facts, and its equation.

A cell advances one step: from the step's projected input `z = x_t W + b` (B, gH) and the state to the next state, whose
first part is also the output. Letters: B batch, I inputs, H units, g gates; sigma is the recurrent activation, phi the
activation. Weights hold the gates side by side, in the order that `gates` gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
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
        settings: the numbers that the cell's `settings` name.
        keep: a step says its gates here, after their activation and by their letters: `parts.keep(z=update, r=reset)`.
            A pass with a reserve keeps them, and any other forgets them.
    """

    project: Project
    recurrent_bias: Array | None
    phi: Activation
    sigma: Activation
    weights: Mapping[str, Array]
    settings: Mapping[str, float] = field(default_factory=dict)
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
            the input's product, and a second that joins the state's. A cell without a recurrent kernel multiplies
            no state.
        sizes: the layer's argument that says what a letter of its own stands for, by letter.
        settings: the layer's arguments that are numbers in the equation; None, infinity.
        zoneout: the settings that say which fraction of a state's numbers a step of training leaves as they were, by
            state. Which ones they are then stands in `z` behind the gates: see `Traversal.stays`.
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
    sizes: ClassVar[Mapping[str, str]] = {}
    settings: ClassVar[tuple[str, ...]] = ()
    zoneout: ClassVar[Mapping[str, str]] = {}
    gate_names: ClassVar[Mapping[str, str]] = {}
    state_names: ClassVar[Mapping[str, str]] = {"h": "hidden state", "c": "cell state"}
    candidate: ClassVar[str | None] = None
    carry: ClassVar[str | None] = None

    @staticmethod
    def step(z: Array, state: State, parts: Parts) -> State:
        """The state after one step."""
        raise TypeError("Cell is the base of the cells: use LSTM, GRU, GRUResetAfter or SimpleRNN, or write a `step`.")

    @staticmethod
    def of_input(product: Array, weights: Mapping[str, Array], settings: Mapping[str, float]) -> Array:
        """What joins the bias, of the input's product x_t W (B, gH), or (B, T, gH) for all steps at once."""
        return product

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


class LinearCell(Cell):
    """A cell whose state goes on by h' = a h + b, with a and b of the input alone.

    Such steps can be joined in any order, (a, b) then (a', b') to (a' a, a' b + b'), and so all of them in about
    log2 T rounds: see `engine.scan`.
    """

    weights: ClassVar[Mapping[str, str]] = {"kernel": "(I, gH)", "bias": "(gH,)"}

    @staticmethod
    def coefficients(z: Array, parts: Parts) -> tuple[Array, Array]:
        """The arrays a and b, (..., H), for the sums z (..., gH)."""
        raise TypeError("LinearCell is the base of MinGRU, MinLSTM and RGLRU: use these, or write `coefficients`.")

    @classmethod
    def step(cls, z: Array, state: State, parts: Parts) -> State:
        (h,) = state
        a, b = cls.coefficients(z, parts)
        return (a * h + b,)

    @classmethod
    def multiplied(cls, before: State, gates: Mapping[str, Array]) -> list[tuple[slice, Array]]:
        return []


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
    facts = ("step", "of_input", "coefficients", "gates", "states", "widths", "weights", "settings")

    def said(by: type[Cell], fact: str) -> Any:
        found = getattr(by, fact, None)
        return getattr(found, "__func__", found)

    return own is not None and all(said(cell, fact) == said(own, fact) for fact in facts)


def runs_in_parallel(cell: type[Cell]) -> bool:
    """Whether the cell's steps are those of a `LinearCell`, and not of a subclass that writes its own.

    >>> from gatewise.engine import cells
    >>> runs_in_parallel(cells.MinGRU), runs_in_parallel(cells.GRU)
    (True, False)
    """
    own: Any = cell.step
    return getattr(own, "__func__", own) is LinearCell.step.__func__  # type: ignore[attr-defined]


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
    """The gates of `z` (..., gH), each (..., H)."""
    units = z.shape[-1] // count
    return [z[..., k * units : (k + 1) * units] for k in range(count)]
