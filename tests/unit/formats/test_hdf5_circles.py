"""Files in which things have many names: a walk comes to each once, and says so at the second time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from gatewise.models import describe


def by_place(path: Path, change: Callable[[h5py.File], None]) -> Path:
    """A file of weights by place, changed."""
    with h5py.File(path, "w") as file:
        file["layers/dense/vars/0"] = np.zeros((2, 1))
        change(file)
    return path


def to_itself(file: h5py.File) -> None:
    file["layers/dense/again"] = file["layers/dense"]


def to_the_root(file: h5py.File) -> None:
    file["layers/dense/again"] = file["/"]


def doubling(file: h5py.File) -> None:
    """2^40 ways to the last group."""
    here = file["layers/dense"]
    for _ in range(40):
        below = here.create_group("a")
        here["b"] = below
        here = below


def arrays_again(file: h5py.File) -> None:
    for k in range(1, 50):
        file[f"layers/dense/vars/{k}"] = file["layers/dense/vars/0"]


@pytest.mark.parametrize("change", [to_itself, to_the_root, doubling, arrays_again])
def test_a_second_name(tmp_path: Path, change: Callable[[h5py.File], None]) -> None:
    path = by_place(tmp_path / "m.weights.h5", change)
    with pytest.raises(ValueError, match=r"m\.weights\.h5': .* under another name, or once more"):
        describe(path)


def test_groups_inside_each_other_without_end(tmp_path: Path) -> None:
    path = by_place(tmp_path / "m.weights.h5", lambda file: file.create_group("layers/dense/" + "a/" * 3000))
    with pytest.raises(ValueError, match=r"more than 100 groups inside each other"):
        describe(path)


def test_a_layer_that_is_named_many_times(tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    with h5py.File(path, "w") as file:
        file["a/kernel"] = np.zeros((2, 1))
        file["a"].attrs["weight_names"] = ["kernel"]
        file.attrs.create("layer_names", ["a"] * 1000)
    with pytest.raises(ValueError, match=r"'/a' is '/a' under another name, or once more"):
        describe(path)
