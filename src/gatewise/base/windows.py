"""Windows that slide over axes: the arithmetic that convolution and pooling share.

On each axis a window has `size` places, `dilation` apart, and moves by `stride`. Its span is (size - 1) dilation + 1.
"""

from __future__ import annotations

from dataclasses import dataclass

Sizes = tuple[int, ...]
Ends = list[tuple[int, int]]


def span(size: int, dilation: int = 1) -> int:
    """How many steps a window covers, from its first to its last."""
    return (size - 1) * dilation + 1


def places(label: str, steps: int | None, *, size: int, stride: int, padding: str, dilation: int = 1) -> int | None:
    """How many windows there are over `steps` steps; None where `steps` is.

    Raises:
        ValueError: fewer steps than a window needs, but not none: an empty sequence gives an empty result.
    """
    if steps is None:
        return None
    if padding in ("same", "causal"):
        return -(-steps // stride)
    needed = span(size, dilation)
    if steps and steps < needed:
        raise ValueError(
            f"{label}: a window over {needed} steps does not fit an input of {steps}. "
            f"Pass at least {needed} steps, or use padding='same'."
        )
    return (steps - needed) // stride + 1 if steps else 0


def ends(steps: int, *, size: int, stride: int, padding: str, dilation: int = 1) -> tuple[int, int]:
    """How many steps to add in front and behind.

    "same" splits what is missing evenly, the odd one behind; "causal" adds all in front, so that no window sees ahead.
    """
    reach = span(size, dilation) - 1
    if padding == "causal":
        return reach, 0
    if padding == "valid" or steps == 0:
        return 0, 0
    missing = max((-(-steps // stride) - 1) * stride + reach + 1 - steps, 0)
    return missing // 2, missing - missing // 2


@dataclass(frozen=True)
class Windows:
    """Windows over several axes at once: a size, a stride and a dilation for each."""

    size: Sizes
    strides: Sizes
    padding: str
    dilation: Sizes

    def places(self, label: str, sizes: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """How many windows there are on each axis; `label` says in an error whose they are.

        >>> Windows((3, 2), (1, 2), "valid", (1, 1)).places("a layer", (5, None))
        (3, None)
        """
        return tuple(
            places(label, n, size=k, stride=s, padding=self.padding, dilation=d)
            for n, k, s, d in zip(sizes, self.size, self.strides, self.dilation, strict=True)
        )

    def ends(self, sizes: Sizes) -> Ends:
        """What to add in front of each axis and behind it.

        >>> Windows((3, 2), (1, 2), "same", (1, 1)).ends((5, 5))
        [(1, 1), (0, 1)]
        """
        return [
            ends(n, size=k, stride=s, padding=self.padding, dilation=d)
            for n, k, s, d in zip(sizes, self.size, self.strides, self.dilation, strict=True)
        ]


@dataclass(frozen=True)
class Spread:
    """What a transposed convolution does on one axis: each input gives to `span` places, `stride` apart from the next.

    Args:
        size, stride, dilation: of the window.
        padding: "valid", or "same": as many places as inputs times the stride.
        more: how many places are added behind those that a window needs; None for what fills the strides.
    """

    size: int
    stride: int
    padding: str
    dilation: int = 1
    more: int | None = None

    def whole(self, steps: int) -> int:
        """How many places `steps` inputs give to."""
        return (steps - 1) * self.stride + span(self.size, self.dilation) if steps else 0

    def places(self, steps: int | None) -> int | None:
        """How many places come out for `steps` inputs; None where `steps` is.

        >>> Spread(3, 2, "same").places(4), Spread(3, 2, "valid").places(4), Spread(3, 2, "same", more=1).places(4)
        (8, 9, 8)
        """
        if steps is None or not steps:
            return steps
        covered = span(self.size, self.dilation)
        if self.more is None:
            return steps * self.stride + (max(covered - self.stride, 0) if self.padding == "valid" else 0)
        return self.whole(steps) + self.more - (2 * (covered // 2) if self.padding == "same" else 0)

    def cut(self, steps: int) -> int:
        """How many of the places that are given to are cut off in front."""
        made = self.places(steps) or 0
        return max(self.whole(steps) - made, 0) // 2 if self.padding == "same" else 0
