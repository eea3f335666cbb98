"""The elements of a dataset: tuples and dicts of arrays, nested in any way. A list is an array, as in `tf.data`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from gatewise.base import structure
from gatewise.base.arrays import TEXT, Tensor, as_text
from gatewise.data.spec import TensorSpec

_OF_PYTHON: Final = {"float64": np.dtype("float32"), "int64": np.dtype("int32")}


def is_leaf(value: Any) -> bool:
    """Whether a value is a leaf: anything but a tuple or a dict."""
    return not isinstance(value, (tuple, dict))


def leaves(element: Any) -> list[Any]:
    """The leaves, left to right."""
    return structure.flatten(element, is_leaf)


def mapped(function: Callable[[Any], Any], element: Any) -> Any:
    """A function of each leaf, in the same structure."""
    return structure.map_structure(function, element, is_leaf)


def rebuilt(element: Any, fresh: list[Any]) -> Any:
    """The structure with other leaves."""
    return structure.rebuild(element, iter(fresh), is_leaf)


def same_structure(a: Any, b: Any) -> bool:
    """Whether two elements differ in their leaves alone."""
    if is_leaf(a) or is_leaf(b):
        return is_leaf(a) and is_leaf(b)
    if isinstance(a, dict) or isinstance(b, dict):
        return (
            isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys()
            and all(same_structure(a[key], b[key]) for key in a)
        )  # fmt: skip
    return len(a) == len(b) and all(same_structure(*pair) for pair in zip(a, b, strict=True))


# --- Leaves -----------------------------------------------------------------------------------------------------


def leaf(value: Any, what: str) -> Any:
    r"""A leaf as an array: Python's numbers as float32 and int32, strings as `bytes`; None and datasets stay.

    Raises:
        ValueError: nested lists whose lengths differ.

    >>> leaf([1.5, 2], "").dtype.name, leaf("é", "").item(), leaf(np.float64(1), "").dtype.name
    ('float32', b'\xc3\xa9', 'float64')
    """
    if value is None or hasattr(value, "element_spec"):
        return value
    if isinstance(value, np.ndarray):
        return as_text(value) if value.dtype.kind in "SUO" else value.view(np.ndarray)
    if hasattr(value, "to_numpy"):
        value = value.to_numpy()
    elif hasattr(value, "detach") and hasattr(value, "cpu"):
        value = value.detach().cpu().numpy()
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(
            f"{what}: lists must have equal lengths on every axis ({error}). For sequences of unequal lengths use "
            "Dataset.from_generator and padded_batch, or pad_sequences first."
        ) from None
    if array.dtype.kind in "SUO":
        return as_text(array)
    if array.dtype.name in _OF_PYTHON and not _has_dtype(value):
        fewer = array.astype(_OF_PYTHON[array.dtype.name])
        return fewer if array.dtype.kind == "f" or np.array_equal(fewer, array) else array
    return array


def _has_dtype(value: Any) -> bool:
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return hasattr(value, "dtype")


def arrays(element: Any, what: str) -> Any:
    """An element with arrays for leaves."""
    return mapped(lambda value: leaf(value, what), element)


def tensors(element: Any) -> Any:
    """An element as programs get it: with arrays that have `.numpy()`."""
    return mapped(lambda value: value.view(Tensor) if type(value) is np.ndarray else value, element)


def plain(element: Any) -> Any:
    """An element of NumPy's arrays and, for those without axes, its scalars."""
    return mapped(_plain, element)


def _plain(value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    return value.view(np.ndarray) if value.ndim else value[()]


def given_by(result: Any, what: str) -> Any:
    """What a program's function returned, as an element: a list is taken for a tuple."""
    return arrays(tuple(result) if type(result) is list else result, what)


def called(function: Callable[..., Any], element: Any) -> Any:
    """The function of an element: a tuple's parts are its arguments."""
    given = tensors(element)
    return function(*given) if type(given) is tuple else function(given)


def spec_of(element: Any) -> Any:
    """The specs of an element's leaves."""
    return mapped(
        lambda value: value if not isinstance(value, np.ndarray) else TensorSpec(value.shape, value.dtype), element
    )


# --- Many elements ----------------------------------------------------------------------------------------------


def rows(table: Any, where: Any) -> Any:
    """Some rows of all leaves."""
    return mapped(lambda value: None if value is None else _at(value, where), table)


def _at(value: np.ndarray, where: Any) -> np.ndarray:
    if isinstance(where, int) and value.ndim == 1:
        row = np.empty((), value.dtype)  # An object stays in an array.
        row[()] = value[where]
        return row
    found: np.ndarray = value[where]
    return found


def count_rows(table: Any, what: str) -> int:
    """How many rows all leaves have.

    Raises:
        ValueError: where they differ, or a leaf has no axis.
    """
    shapes = [value.shape for value in leaves(table) if value is not None]
    counts = {shape[0] if shape else -1 for shape in shapes}
    if len(counts) != 1 or -1 in counts:
        raise ValueError(f"{what}: all parts need a first axis of the same length, but their shapes are {shapes}.")
    return int(counts.pop())


def stacked(elements: Sequence[Any], what: str) -> Any:
    """Elements as one, with a first axis.

    Raises:
        ValueError: where their shapes differ.
    """
    columns = zip(*map(leaves, elements), strict=True)
    return rebuilt(elements[0], [_stack(column, what) for column in columns])


def _stack(column: Sequence[Any], what: str) -> Any:
    if column[0] is None:
        return None
    if not isinstance(column[0], np.ndarray):
        raise TypeError(
            f"{what}: the elements hold datasets. Batch those first: "
            "window(3).flat_map(lambda w: w.batch(3)) for one part, and for a tuple "
            "flat_map(lambda a, b: Dataset.zip((a.batch(3), b.batch(3))))."
        )
    shapes = {value.shape for value in column}
    if len(shapes) > 1:
        other = next(value.shape for value in column if value.shape != column[0].shape)
        raise ValueError(
            f"{what}: an element of shape {other} came after one of shape {column[0].shape}. Elements of unequal "
            "lengths go into one batch by padded_batch."
        )
    return np.stack(column)


def padded(elements: Sequence[Any], shapes: list[Any], values: list[Any]) -> Any:
    """Elements as one, filled up at their ends.

    Args:
        elements: of one structure.
        shapes: of each leaf, with None for the longest of the batch; None in its place for that on all axes.
        values: what each leaf is filled with.

    Raises:
        ValueError: for an element that is longer than its shape, or has another number of axes.
    """
    columns = list(zip(*map(leaves, elements), strict=True))
    made = [_pad(column, *how) for column, *how in zip(columns, shapes, values, strict=True)]
    return rebuilt(elements[0], made)


def _pad(column: Sequence[np.ndarray], wanted: Any, value: Any) -> np.ndarray:
    wanted = (None,) * column[0].ndim if wanted is None else wanted
    for each in column:
        if each.ndim != len(wanted) or any(
            n is not None and n < size for n, size in zip(wanted, each.shape, strict=True)
        ):
            raise ValueError(
                f"Dataset.padded_batch: an element of shape {each.shape} cannot be filled up to the shape {wanted}."
            )
    longest = np.max([each.shape for each in column], axis=0) if wanted else ()
    shape = [int(size) if n is None else n for n, size in zip(wanted, longest, strict=True)]
    whole = np.empty((len(column), *shape), column[0].dtype)
    whole[...] = (b"" if whole.dtype == TEXT else 0) if value is None else leaf(value, "padding_values")
    for row, each in zip(whole, column, strict=True):
        if each.ndim:
            row[tuple(map(slice, each.shape))] = each
    if not wanted:
        whole[...] = [each[()] for each in column]
    return whole
