"""Targets that do not fit are refused before the first step, with the output's name and both shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gatewise import losses

N = (None, 5, 3)
IDS = np.array([[0, 1, 2, 0, 1]] * 2)

FITTING: list[tuple[Any, Any, Any]] = [
    ("mse", np.zeros((2, 5, 3)), N),
    ("mse", np.zeros((2, 5)), (None, 5, 1)),
    ("mse", np.zeros(2), (None, 1)),
    ("mae", np.zeros((2, 1, 3)), N),
    ("mse", np.zeros((2, 5, 3)), (None, None, 3)),
    ("binary_crossentropy", np.zeros((2, 5)), (None, 5, 1)),
    ("categorical_crossentropy", np.zeros((2, 5, 3)), N),
    ("sparse_categorical_crossentropy", IDS, N),
    ("sparse_categorical_crossentropy", IDS[..., None].astype(float), N),
    (losses.SparseCategoricalCrossentropy(ignore_class=-1), np.where(IDS == 0, -1, IDS), N),
    (losses.SparseCategoricalCrossentropy(axis=1), IDS[:, :3], N),
    ("ctc", np.array([[1, 2, 2], [1, 0, 0]]), N),
    ("circle", np.zeros((2, 1), int), (None, 8)),
    (np.hypot, np.zeros((7, 7, 7)), N),
]


@pytest.mark.parametrize(("loss", "y_true", "shape"), FITTING)
def test_what_fits(loss: Any, y_true: np.ndarray, shape: Any) -> None:
    losses.check_targets(loss, y_true, shape, "out")


REFUSED: list[tuple[Any, Any, Any, str]] = [
    ("mse", np.zeros((2, 4, 3)), N, "expected targets of shape (None, 5, 3)"),
    ("mse", np.zeros((2, 7)), (None, 5), "do not fit mean_squared_error"),
    ("binary_crossentropy", np.zeros((2, 1)), (None, 2), "expected targets of shape (None, 2)."),
    ("categorical_crossentropy", IDS, N, "For class ids there is sparse_categorical_crossentropy."),
    (
        "sparse_categorical_crossentropy",
        np.zeros((2, 5, 3)),
        N,
        "For one-hot vectors there is categorical_crossentropy.",
    ),
    ("sparse_categorical_crossentropy", IDS + 1, N, "the target 3 is no class: they are 0 to 2."),
    ("sparse_categorical_crossentropy", IDS - 1, N, "the target -1 is no class"),
    ("sparse_categorical_crossentropy", IDS + 0.5, N, "the target 0.5 is no class"),
    ("ctc", np.array([1, 2]), N, "expected labels (B, L) and logits (B, T, C)"),
    ("ctc", np.array([[1, 0, 2]]), N, "the label 0 is the blank, and stands after the last label only."),
    ("ctc", np.array([[1, 1, 1, 2]]), N, "the labels of sample 0 need 6 steps"),
    ("ctc", np.array([[1, 3]]), N, "the target 3 is no class"),
    ("circle", np.zeros((2, 3), int), (None, 8), "expected a class id for each embedding"),
]


@pytest.mark.parametrize(("loss", "y_true", "shape", "words"), REFUSED)
def test_what_does_not(loss: Any, y_true: np.ndarray, shape: Any, words: str) -> None:
    with pytest.raises(ValueError, match="do not fit") as caught:
        losses.check_targets(loss, y_true, shape, "tags")
    text = str(caught.value)
    assert text.startswith(f"Output 'tags', shape {shape}, and its targets, shape {y_true.shape}, do not fit")
    assert words in text


@pytest.mark.parametrize(("loss", "y_true", "shape"), FITTING)
def test_what_is_let_through_can_be_computed(loss: Any, y_true: np.ndarray, shape: Any) -> None:
    p = np.full([2 if place == 0 else size or 5 for place, size in enumerate(shape)], 0.25)
    if loss is np.hypot:
        return
    made = losses.resolve(loss, y_true.shape, shape)
    assert np.isfinite(made(y_true, p))


@pytest.mark.parametrize(
    ("loss", "y_true", "shape", "words"), [each for each in REFUSED if "targets of shape" in each[3]]
)
def test_shapes_that_are_refused_cannot(loss: Any, y_true: np.ndarray, shape: Any, words: str) -> None:
    p = np.full([2 if size is None else size for size in shape], 0.25)
    with pytest.raises(ValueError, match="shape"):
        losses.resolve(loss, y_true.shape, shape)(y_true, p)
