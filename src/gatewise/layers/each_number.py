"""Layers that look at each number by itself take ragged tensors: their numbers change, their rows stay."""

from __future__ import annotations

from typing import Any

from gatewise.base.ragged import RaggedTensor
from gatewise.layer import Layer


class OfEachNumber(Layer):
    """A layer that takes a `RaggedTensor` eagerly, as it takes its numbers."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs, ragged where the first input is."""
        if args and isinstance(args[0], RaggedTensor):
            return args[0].with_flat_values(super().__call__(args[0].flat_values, *args[1:], **kwargs))
        return super().__call__(*args, **kwargs)
