"""What layers share that take a state beside a sequence."""

from __future__ import annotations

from typing import Any

from gatewise.base import release
from gatewise.inside import Trace, trace
from gatewise.layer import Layer


class TakesState(Layer):
    """What layers share that take a state beside a sequence."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._release = release.current()

    def trace(self, inputs: Any, **arguments: Any) -> Trace:
        """Call the layer and keep its gates, states and output of every step; see `Model.trace`.

        Args:
            inputs: (B, T, I), or a list `[x, *state]`.
            **arguments: others of the call: `mask`, `initial_state`.

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
        passed = kwargs.get("mask") is not None
        mask = super()._resolve_mask(inputs, carried, kwargs)
        if self._release == "keras3" and kwargs.get("initial_state") is not None and not passed:
            kwargs["mask"] = None
        return mask
