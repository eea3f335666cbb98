"""What a layer accepts."""

from __future__ import annotations

from typing import Any

from gatewise.base.typing import Shape


class InputSpec:
    """What a layer accepts: the number of axes, and sizes of some of them.

    Args:
        ndim, min_ndim, max_ndim: the number of axes, the batch axis included.
        axes: sizes by axis: {-1: 8}.
        shape: a whole shape, None where any size will do.
        dtype: kept for Keras's sake.
    """

    def __init__(
        self,
        dtype: str | None = None,
        shape: Shape | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        **_: Any,
    ) -> None:
        self.dtype = dtype
        self.shape = None if shape is None else tuple(shape)
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = dict(axes or {})
        if self.shape is not None:
            self.axes.update({axis: size for axis, size in enumerate(self.shape) if size is not None})

    def complaint(self, shape: Shape) -> str | None:
        """What is wrong with `shape`, as "expected ..., got ...", or None."""
        rank = len(shape)
        if self.ndim is not None and rank != self.ndim:
            return f"expected an input with {self.ndim} axes{self._axes_hint()}, got {rank}: shape {shape}"
        if self.min_ndim is not None and rank < self.min_ndim:
            return f"expected an input with at least {self.min_ndim} axes, got {rank}: shape {shape}"
        if self.max_ndim is not None and rank > self.max_ndim:
            return f"expected an input with at most {self.max_ndim} axes, got {rank}: shape {shape}"
        for axis, size in self.axes.items():
            if size is not None and -rank <= axis < rank and shape[axis] not in (size, None):
                words = f"expected size {size} on axis {axis} of the input, got {shape[axis]}: shape {shape}"
                return words + (" is (batch, time, features)" if self.ndim == 3 and axis in (-1, 2) else "")
        return None

    def _axes_hint(self) -> str:
        return {2: " (batch, features)", 3: " (batch, time, features)"}.get(self.ndim or 0, "")

    def __repr__(self) -> str:
        return f"InputSpec(ndim={self.ndim}, min_ndim={self.min_ndim}, axes={self.axes})"
