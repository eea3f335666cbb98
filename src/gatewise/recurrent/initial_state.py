"""What layers share that take a state, and lengths, beside sequences."""

from __future__ import annotations

from typing import Any

from gatewise.base import release, structure
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.inside import Trace, trace
from gatewise.layer import Layer
from gatewise.recurrent.lengths import mask_of


class TakesState(Layer):
    """What layers share that take a state, and lengths, beside sequences."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._release = release.current()

    def trace(self, inputs: Any, **arguments: Any) -> Trace:
        """Call the layer and keep its gates, states and output of every step; see `Model.trace`.

        Args:
            inputs: (B, T, I), or a list `[x, *state]`.
            **arguments: others of the call: `mask`, `lengths`, `initial_state`.

        >>> import numpy as np
        >>> from gatewise.recurrent import GRU
        >>> layer = GRU(4)
        >>> layer.build((None, None, 3))
        >>> layer.trace(np.zeros((2, 10, 3)))[layer.name].gates["update gate"].shape
        (2, 10, 4)
        """
        return trace(self, inputs, **arguments)

    def _apart(self, inputs: Any, initial_state: Any) -> tuple[Any, Any]:
        """The sequences and the initial state, which may come as a list `[x, *state]`."""
        if not isinstance(inputs, (list, tuple)) or not inputs or not hasattr(inputs[0], "shape"):
            return inputs, initial_state
        sequences, *state = inputs
        if state and initial_state is not None:
            raise ValueError(f"{self.label}: the initial state came twice, with the inputs and as `initial_state`.")
        return sequences, state or initial_state

    def _resolve_mask(self, inputs: Any, carried: Any, kwargs: dict[str, Any]) -> Any:
        """In Keras 3 a mask that travels with the sequence does not reach a layer that is given a state as well.

        It looks for one mask an array, under names that `call` does not have. The mask still goes on behind the layer.
        """
        lengths = kwargs.pop("lengths", None) if self._takes_lengths else None
        if lengths is not None:
            kwargs["mask"] = self._mask_of_lengths(inputs, lengths, kwargs.get("mask"))
        passed = kwargs.get("mask") is not None
        mask = super()._resolve_mask(inputs, carried, kwargs)
        if self._release == "keras3" and kwargs.get("initial_state") is not None and not passed:
            kwargs["mask"] = None
        return mask

    # -- lengths ----------------------------------------------------------------------------------------------------

    @property
    def _takes_lengths(self) -> bool:
        """Whether `lengths` is the argument of all these layers, and not one that a program's own `call` has."""
        return "lengths" not in self._call_takes().accepted

    def _check_keywords(self, kwargs: dict[str, Any]) -> None:
        known = {"lengths"} if self._takes_lengths else set()
        super()._check_keywords({name: value for name, value in kwargs.items() if name not in known})

    def _mask_of_lengths(self, inputs: Any, lengths: Any, mask: Any) -> Array:
        """The mask that lengths stand for, in the order of the inputs' axes."""
        if mask is not None:
            raise ValueError(
                f"{self.label}: lengths and a mask came, which both say what steps count. Give one of them."
            )
        first, second = structure.flatten(inputs)[0].shape[:2]
        if not getattr(self, "time_major", False):
            return mask_of(lengths, first, second, self.label)
        found = mask_of(lengths, second, first, self.label)
        return namespace(found).swapaxes(found, 0, 1)
