"""Weights from files into models that were made in code."""

from __future__ import annotations

import warnings
from typing import Any

from gatewise.formats import ByPlace, open_contents
from gatewise.models.matching import Matching
from gatewise.models.training_state import take_state
from gatewise.models.unbuilt import build_to_fit


def load_weights(model: Any, path: Any, by_name: bool = False, skip_mismatch: bool = False) -> None:
    """Give a model the weights of a file of weights alone, or of a whole model: all, or none where one does not fit.

    Args:
        model: built, or a `Sequential` whose input can be told from the weights.
        path: of the file.
        by_name: match layers by name, and leave those as they are that the file does not have. Otherwise the file's
            layers with weights and the model's are matched in order, whatever their names.
        skip_mismatch: with `by_name`, pass over weights that do not fit, with a warning.

    Raises:
        FileNotFoundError: where there is no file.
        ValueError: a damaged file, or weights that are missing or do not fit; the model is as it was.
    """
    if skip_mismatch and not by_name:
        raise ValueError("skip_mismatch=True needs by_name=True: matching in order leaves nothing to skip.")
    with open_contents(path) as contents:
        if by_name and isinstance(contents.needed_weights(), ByPlace):
            raise contents.error("this layout of weights (.weights.h5) keeps no names: load it without by_name.")
        if not model.built:
            build_to_fit(contents, model)
        matching = Matching(contents, model, skips=skip_mismatch)
        matching.assign(matching.of_code(by_name))
        if isinstance(contents.needed_weights(), ByPlace):  # The older layout's own Kerases leave the optimizer alone.
            take_state(contents, model)
    if matching.skipped:
        warnings.warn(f"{contents.path!r}: left as they were: {'; '.join(matching.skipped)}", stacklevel=3)
