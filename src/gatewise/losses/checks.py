"""What a trainer asks before its first step: whether the targets fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from gatewise.base.arrays import as_array
from gatewise.base.typing import Array, Config, Shape
from gatewise.losses.base import LossFunctionWrapper
from gatewise.losses.ctc import BLANK
from gatewise.losses.registry import Kind, kind_of, registry


def check_targets(loss: Any, y_true: Any, y_pred_shape: Shape, output_name: str) -> None:
    """Refuse targets that do not fit a loss of ours; any other callable says itself what it takes.

    Args:
        loss: a loss, a function, or whatever `get` takes.
        y_true: the targets; class ids and labels are looked at where they are NumPy's arrays.
        y_pred_shape: the output's shape, None for a size that is known only when data comes.
        output_name: what messages call the output.

    Raises:
        ValueError: for shapes that do not fit, ids that are no class, and labels that the steps cannot spell; it names
            the output and both shapes.

    >>> check_targets("sparse_categorical_crossentropy", np.array([0, 3]), (None, 3), "tag")
    Traceback (most recent call last):
        ...
    ValueError: Output 'tag', shape (None, 3), and its targets, shape (2,), do not fit sparse_categorical_crossentropy: the target 3 is no class: they are 0 to 2.
    """  # noqa: E501
    loss = registry.get(loss)
    function = getattr(loss, "fn", loss)
    kind = kind_of(function)
    if kind is None:
        return
    y_true = as_array(y_true, f"The targets of output {output_name!r}")
    shape = tuple(y_pred_shape)
    wrong = _CHECKS[kind](y_true, shape, loss.arguments if isinstance(loss, LossFunctionWrapper) else {})
    if wrong:
        name = getattr(function, "__name__", "the loss")
        raise ValueError(
            f"Output {output_name!r}, shape {shape}, and its targets, shape {tuple(y_true.shape)}, do not fit {name}: "
            f"{wrong}{_OTHERS.get(name, '') if 'expected' in wrong else ''}"
        )


_OTHERS: Final = {
    "categorical_crossentropy": " For class ids there is sparse_categorical_crossentropy.",
    "sparse_categorical_crossentropy": " For one-hot vectors there is categorical_crossentropy.",
}


def _same(y_true: Array, wanted: Shape, _: Config) -> str | None:
    found, wanted = _of_one_rank(tuple(y_true.shape), wanted)
    fits = len(found) == len(wanted) and all(_may_be(a, b) for a, b in zip(found, wanted, strict=True))
    return None if fits else f"expected targets of shape {wanted}."


def _broadcast(y_true: Array, wanted: Shape, _: Config) -> str | None:
    found, wanted = _of_one_rank(tuple(y_true.shape), wanted)
    # NumPy would stretch predictions too: those of one number to all of several targets. Nobody means that.
    fits = len(found) <= len(wanted) and all(
        _may_be(a, b) or a == 1 for a, b in zip(reversed(found), reversed(wanted), strict=False)
    )
    return None if fits else f"expected targets of shape {wanted}, or one that broadcasts to it."


def _ids(y_true: Array, wanted: Shape, arguments: Config) -> str | None:
    axis = arguments.get("axis", -1) % len(wanted)
    expected, classes = wanted[:axis] + wanted[axis + 1 :], wanted[axis]
    found = tuple(y_true.shape)
    if len(found) == len(wanted) and found[axis] == 1:
        found = found[:axis] + found[axis + 1 :]
    if len(found) != len(expected) or not all(_may_be(a, b) for a, b in zip(found, expected, strict=True)):
        return f"expected a class id for each vector of predictions, shape {expected}."
    return _no_class(y_true, classes, arguments.get("ignore_class"))


def _no_class(y_true: Array, classes: int | None, ignored: int | None) -> str | None:
    if not isinstance(y_true, np.ndarray) or classes is None:
        return None
    outside = (y_true < 0) | (y_true >= classes) | (y_true != np.floor(y_true))
    if ignored is not None:
        outside &= y_true != ignored
    return f"the target {y_true[outside].flat[0]} is no class: they are 0 to {classes - 1}." if outside.any() else None


def _embedded(y_true: Array, wanted: Shape, _: Config) -> str | None:
    found = tuple(y_true.shape)
    fits = len(found) in (1, 2) and found[1:] in ((), (1,)) and _may_be(found[0], wanted[0])
    return None if fits else f"expected a class id for each embedding, shape {wanted[:1]}."


def _labels(y_true: Array, wanted: Shape, _: Config) -> str | None:
    if y_true.ndim != 2 or len(wanted) != 3 or not _may_be(y_true.shape[0], wanted[0]):
        return f"expected labels (B, L) and logits (B, T, C), so targets of shape {(wanted[0], 'L')}."
    if not isinstance(y_true, np.ndarray):
        return None
    real = y_true != BLANK
    if (real[:, 1:] & ~real[:, :-1]).any():
        return f"the label {BLANK} is the blank, and stands after the last label only."
    needed = real.sum(-1) + (real[:, 1:] & (y_true[:, 1:] == y_true[:, :-1])).sum(-1)
    if wanted[1] is not None and needed.size and needed.max() > wanted[1]:
        return f"the labels of sample {needed.argmax()} need {needed.max()} steps, with a blank between repeats."
    return _no_class(y_true, wanted[2], None)


_CHECKS: Final[dict[Kind, Callable[[Array, Shape, Config], str | None]]] = {
    "same": _same,
    "broadcast": _broadcast,
    "ids": _ids,
    "embedded": _embedded,
    "labels": _labels,
}


def _of_one_rank(found: Shape, wanted: Shape) -> tuple[Shape, Shape]:
    """As `arithmetic.same_rank`, for shapes."""
    if len(wanted) == len(found) + 1 and wanted[-1] == 1:
        return ((*found, 1), wanted) if len(found) == 1 else (found, wanted[:-1])
    if len(found) == len(wanted) + 1 and found[-1] == 1:
        return found[:-1], wanted
    return found, wanted


def _may_be(a: int | None, b: int | None) -> bool:
    return a is None or b is None or a == b
