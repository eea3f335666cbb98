"""RNN: any cell, run over time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gatewise.arguments import Argument, flag
from gatewise.base import structure
from gatewise.base.arrays import as_array, dtype_of, namespace, shape_of
from gatewise.base.typing import Array, Config, Shape
from gatewise.engine import native
from gatewise.engine.op import Traversal
from gatewise.inside import watching
from gatewise.layer import Layer, registered
from gatewise.layer.symbolic import SymbolicTensor
from gatewise.recurrent import stepping
from gatewise.recurrent.cells import protocol
from gatewise.recurrent.cells.base import RecurrentCell
from gatewise.recurrent.cells.dropout import DropoutRNNCell
from gatewise.recurrent.cells.stacked import StackedRNNCells
from gatewise.recurrent.dropout import masks_of
from gatewise.recurrent.over_time import OverTime
from gatewise.recurrent.precision import PrecisionOfLayers


def _cell_or_stack(value: Any) -> Any:
    return StackedRNNCells(value) if isinstance(value, (list, tuple)) else protocol.a_cell(value)


class HasCell(Layer):
    """The first argument of RNN; a class of its own so that type checkers see it in its place."""

    cell: Argument[Any, Any] = Argument(parse=_cell_or_stack, serialize=protocol.serialized)


class CellOverTime(OverTime):
    """What runs its `cell` step by step, or on the engine where that knows it: RNN, and ConvLSTM2D and its kin."""

    @property
    def _cell(self) -> Any:
        """The cell; the argument of RNN, and a layer's own otherwise."""
        return vars(self)["cell"]

    # -- state ------------------------------------------------------------------------------------------------------

    def _initial_state(self, batch: int, x: Array | None = None) -> list[Any]:
        """What the cell starts from, in a list; for the sequences x, where these have a say in its shape."""
        return protocol.listed(protocol.initial_state(self._cell, batch, self.dtype))

    def _fresh_state(self, batch: int) -> list[Array]:
        return structure.flatten(self._initial_state(batch))

    def _state_shapes(self) -> list[Shape]:
        """The shapes of the state's arrays without the axis of samples; None for what is not known yet."""
        return [shape_of(state)[1:] for state in self._fresh_state(1)]

    def get_initial_state(self, inputs: Any = None, batch_size: int | None = None) -> list[Any]:
        """The state that sequences start from, in the cell's structure; see `OverTime`."""
        flat = super().get_initial_state(inputs, batch_size)
        return self._in_structure(flat)

    def _in_structure(self, flat: Any) -> list[Any]:
        """A state's arrays in the structure in which the cell has them."""
        return structure.rebuild(self._initial_state(1), iter(flat))  # type: ignore[no-any-return]

    @property
    def states(self) -> list[Any]:
        """The state that a stateful layer carries, as variables in the cell's structure; empty before B is known."""
        return self._in_structure(self._states) if self._states else []

    def _checked_states(self, what: str, given: Any, batch: int | None) -> list[Any]:
        wanted = self._state_shapes()
        flat = structure.flatten(given) if structure.is_nested(given) else [given]
        flat = [each if isinstance(each, SymbolicTensor) else as_array(each, f"{self.label}: {what}") for each in flat]
        if len(flat) != len(wanted):
            raise ValueError(
                f"{self.label}: {what} needs {len(wanted)} array{'s' * (len(wanted) > 1)}, as many as the state of its "
                f"cell {protocol.named(self._cell)} has, but {len(flat)} came."
            )
        for state, shape in zip(flat, wanted, strict=True):
            own = shape_of(state)
            sizes = zip(own[1:], shape, strict=False)
            fits = len(own) == len(shape) + 1 and all(n == m or None in (n, m) for n, m in sizes)
            if not fits or (batch is not None and own[0] not in (batch, None)):
                words = ", ".join(map(str, ("batch" if batch is None else batch, *shape)))
                raise ValueError(f"{self.label}: {what} must have the shape ({words}), got {own}.")
        return flat

    # -- calling ----------------------------------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Build the cell, for inputs (B, T, ...)."""
        shape = self._sequence_shape(input_shape)
        batch, *rest = (shape[1], *shape[2:]) if self.time_major else (shape[0], *shape[2:])
        protocol.build(self._cell, (batch, *rest))
        if self.stateful and batch is not None and not self._states:
            self._carried.make(batch)

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool = False,
        initial_state: Any = None,
        constants: Any = None,
    ) -> Any:
        """Run the cell over the sequences; see the class for the arguments."""
        xp = namespace(*structure.flatten(inputs), *(variable.value for variable in self.variables))
        x = structure.map_structure(lambda each: xp.swapaxes(each, 0, 1), inputs) if self.time_major else inputs
        first = structure.flatten(x)[0]
        start = self._carried.start(xp, first, initial_state)
        traversal = Traversal(
            mask=None if mask is None else self._fitting_mask(xp, mask, first),
            go_backwards=self.go_backwards,
            sequences=self.return_sequences,
            zero_masked=self._zeroes_each_step,
            unroll=self.unroll,
        )
        known = None if constants is not None else engine_cells(self._cell)
        if known is not None:
            y, flat = self._on_engine(xp, known, first, start, traversal, training)
        else:
            y, flat = self._stepped(xp, x, start, traversal, training, constants)
        self._carried.keep(first, tuple(flat))
        y = structure.map_structure(lambda each: self._zeroed_after(each, traversal.mask), y)
        if self.return_sequences and self.time_major:
            y = structure.map_structure(lambda each: xp.swapaxes(each, 0, 1), y)
        return [*protocol.listed(y), *self._in_structure(flat)] if self.return_state else y

    def steps_from(self, x: Array, state: list[Array]) -> tuple[Array, list[Array]]:
        """All outputs and the final state for a piece of sequences x (B, T, ...), with the state before it: for
        streams, which keep that themselves.
        """
        x = self._converted(x)
        known = engine_cells(self._cell)
        if known is not None:
            return self._on_engine(np, known, x, state, Traversal(), training=False)
        return self._stepped(np, x, state, Traversal(), training=False, constants=None)

    def inference(self) -> Callable[[Array], Any] | None:
        """Straight to the native engine, one cell after the other, where it can run all of them."""
        known = engine_cells(self._cell)
        if known is None or not self.built or self.stateful or self.time_major or self.return_state:
            return None
        packed = [native.packed(cell.current_op()) for cell in known]
        if None in packed:
            return None
        backwards, zero = self.go_backwards, self.zero_output_for_mask
        *below, top = packed

        def run(x: Array) -> Array:
            for place, each in enumerate(below):
                x = each.forward(x, None, None, backwards and not place, True, False)[0]
            y: Array = top.forward(x, None, None, backwards and not below, self.return_sequences, zero)[0]
            return y

        return run

    def _on_engine(
        self, xp: Any, cells: list[RecurrentCell], x: Array, start: Any, traversal: Traversal, training: bool
    ) -> tuple[Array, list[Array]]:
        """One cell after the other, each over the whole of what the one below gave."""
        y, final = x, list[Array]()
        left = None if start is None else list(start)
        for place, cell in enumerate(cells):
            own = None if left is None else tuple(left[: len(cell.state_widths)])
            left = None if left is None else left[len(cell.state_widths) :]
            is_last = place == len(cells) - 1
            drops: Config = masks_of(cell, xp, y) if training else {}
            each = traversal._replace(
                sequences=traversal.sequences or not is_last, zero_masked=traversal.zero_masked and is_last, **drops
            )
            y, after = watching.run(cell, cell.current_op(xp, training=training), y, own, each)
            final += after
            if traversal.go_backwards:  # What came out is in the order in which it was computed.
                mask = None if traversal.mask is None else xp.flip(traversal.mask, axis=1)
                traversal = traversal._replace(go_backwards=False, mask=mask)
        return y, final

    def _stepped(
        self, xp: Any, x: Any, start: Any, traversal: Traversal, training: bool, constants: Any
    ) -> tuple[Any, list[Array]]:
        """Step by step, as the cell's own code says."""
        first = structure.flatten(x)[0]
        fresh = self._initial_state(first.shape[0], first)
        flat = structure.flatten(fresh) if start is None else start
        state = structure.rebuild(fresh, iter([xp.asarray(each) for each in flat]))
        if not first.shape[1]:
            return self._empty(xp, first), structure.flatten(state)

        def step(at: Any, before: Any) -> tuple[Any, Any]:
            made = self._one_step(at, before, training, constants)
            output, after = protocol.checked(self.label, self._cell, made)
            return output, self._like_state(after, before)

        try:
            y, final = stepping.run(stepping.Walk(step, x, state, traversal, self.label))
        finally:
            forget_masks(self._cell)
        return y, structure.flatten(final)

    def _one_step(self, at: Any, before: Any, training: bool, constants: Any) -> Any:
        return protocol.step(self._cell, at, before, training=training, constants=constants)

    def _empty(self, xp: Any, x: Array) -> Any:
        """The output for sequences without steps: none, or zeros."""
        ahead = (x.shape[0], 0) if self.return_sequences else (x.shape[0],)
        return structure.map_structure(
            lambda size: xp.zeros((*ahead, size), dtype=dtype_of(x, self.dtype)), protocol.output_size(self._cell)
        )

    def _like_state(self, after: Any, before: Any) -> Any:
        """The states that a step gave, in the structure of those before it, or a clear error."""
        new, old = structure.flatten(after), structure.flatten(before)
        shapes = [tuple(getattr(each, "shape", ())) for each in new], [tuple(each.shape) for each in old]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"{self.label}: a step of the cell {protocol.named(self._cell)} must return states of the shapes "
                f"{shapes[1]}, as they went in, but {shapes[0]} came."
            )
        return structure.rebuild(before, iter(new))

    # -- description ------------------------------------------------------------------------------------------------

    def compute_output_shape(self, input_shape: Any) -> Any:
        """(B, width) or (B, T, width); with `return_state` a list of that and the shapes of the cell's states."""
        first, second, *_ = self._sequence_shape(input_shape)
        batch = second if self.time_major else first
        ahead = (first, second) if self.return_sequences else (batch,)
        output = structure.map_structure(lambda size: (*ahead, size), protocol.output_size(self._cell))
        if not self.return_state:
            return output
        own = structure.map_structure(lambda state: (batch, *shape_of(state)[1:]), self._initial_state(1))
        return [*([output] if structure.is_shape(output) else output), *own]

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask goes on where the output has a time axis; the state has none."""
        own = structure.flatten(mask)[0]
        own = own if self.return_sequences else None
        return [own] if self.return_state else own


@registered.register("RNN")
class RNN(CellOverTime, HasCell):
    """Runs a cell over time: y_t, s_t = cell(x_t, s_(t-1)).

    A built-in cell, and a stack of them, run on the engine as fast as LSTM and its kin. Any other cell runs step by
    step: on NumPy in Python, under JAX in one `lax.scan`.

    Args:
        cell: LSTMCell, GRUCell, SimpleRNNCell; a list of cells, one above the other (`StackedRNNCells`); or any object
            with `state_size` (an integer, or a list of them), `call(inputs, states)` that gives
            `output, [new_states]`, and, if it likes, `output_size`, `build(input_shape)` and
            `get_initial_state(batch_size)`.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, time_major, **kwargs: as for
            `LSTM`.
        unroll: under JAX, trace each step instead of a loop; a cell that assigns to variables in its steps needs it.

    Call arguments:
        inputs: (B, T, I), or a list `[x, *state]`; for a cell of your own with more axes, (B, T, ...), or a dict or
            tuple of such arrays.
        mask, lengths, training, initial_state: as for `LSTM`. The initial state may be nested as the cell's is.
        constants: arrays that every step gets, for a cell whose `call` takes `constants`.

    Raises:
        ValueError: a cell without the attributes, a step that returns other states than it was given, or states that
            do not fit; the message names the layer and the cell.

    >>> import numpy as np
    >>> from gatewise.recurrent import GRUCell, LSTMCell
    >>> RNN([LSTMCell(4), GRUCell(3)], return_sequences=True)(np.zeros((2, 10, 8))).shape
    (2, 10, 3)
    >>> class Sum:
    ...     state_size = 8
    ...     def call(self, inputs, states):
    ...         return states[0] + inputs, [states[0] + inputs]
    >>> RNN(Sum())(np.ones((2, 10, 8)))[0, :3].tolist()
    [10.0, 10.0, 10.0]
    """

    time_major: Argument[bool, bool] = flag(
        False, kw_only=True, in_config=None, places={"tf1": "unroll", "tf2": "unroll"}
    )
    zero_output_for_mask: Argument[bool, bool] = flag(
        False, kw_only=True, places={"keras3": "unroll", "tf1": None, "tf2": None}
    )
    precision = PrecisionOfLayers()

    has_time_axis = True
    multiplies_features = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._start()
        self._num_constants = int(kwargs.pop("num_constants", 0) or 0)
        super().__init__(*args, **kwargs)

    def __call__(self, inputs: Any, initial_state: Any = None, constants: Any = None, *args: Any, **kwargs: Any) -> Any:
        inputs, constants = self._without_constants(inputs, constants)
        if constants is not None:
            constants = list(constants) if isinstance(constants, (list, tuple)) else [constants]
            if not protocol.takes_constants(self.cell):
                raise ValueError(
                    f"{self.label}: constants came, but the `call` of its cell {protocol.named(self.cell)} has no "
                    "argument of that name."
                )
            self._num_constants = len(constants)
            kwargs["constants"] = constants
        return super().__call__(inputs, initial_state, *args, **kwargs)

    def _without_constants(self, inputs: Any, constants: Any) -> tuple[Any, Any]:
        """tf_keras's files list constants behind the inputs and the state."""
        count = self._num_constants
        if constants is None and count and isinstance(inputs, list) and len(inputs) > count:
            rest = inputs[:-count]
            return rest[0] if len(rest) == 1 else rest, inputs[-count:]
        return inputs, constants

    def get_config(self) -> Config:
        """The arguments, with the cell's config in it."""
        config = super().get_config()
        return config | {"num_constants": self._num_constants} if self._num_constants else config

    @classmethod
    def from_config(cls, config: Config) -> Any:
        """A layer with the cell that the config describes."""
        config = dict(config)
        count = config.pop("num_constants", 0)
        made = super().from_config(config)
        made._num_constants = count or 0
        return made


def engine_cells(cell: Any) -> list[RecurrentCell] | None:
    """The cells of which `cell` consists, the lowest first, where the engine can run all of them; else None.

    >>> from gatewise.recurrent import GRUCell, LSTMCell, ResidualWrapper
    >>> len(engine_cells(StackedRNNCells([LSTMCell(2), StackedRNNCells([GRUCell(2), GRUCell(3)])])))
    3
    >>> engine_cells(ResidualWrapper(LSTMCell(2))) is None
    True
    """
    if _is_plain(cell, RecurrentCell):
        return [cell]
    if not _is_plain(cell, StackedRNNCells) or cell.reverse_state_order:
        return None
    inside = [engine_cells(each) for each in cell.cells]
    return None if None in inside else [each for known in inside for each in known or ()]


def _is_plain(cell: Any, kind: type[Layer]) -> bool:
    """Whether a cell does no more than its class of ours does."""
    own: Any = type(cell)
    return (
        isinstance(cell, kind)
        and own.call is kind.call
        and own.__call__ is kind.__call__
        and cell.activity_regularizer is None
    )


def forget_masks(cell: Any) -> None:
    """Drop the dropout masks that a sequence has used, of the cell and of all inside it."""
    for each in cell._walk() if isinstance(cell, Layer) else [cell]:
        if isinstance(each, DropoutRNNCell):
            each.reset_dropout_mask()
            each.reset_recurrent_dropout_mask()
