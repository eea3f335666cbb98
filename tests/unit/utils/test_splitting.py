"""Data in two parts; batches as tuples; the bar for loops of one's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise import utils
from gatewise.keras.config import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)

X, Y = np.arange(20.0).reshape(10, 2), np.arange(10)


def numbers(dataset: Any) -> list[int]:
    return [int(y) for _, y in dataset]


# left_size, right_size, and what keras.utils.split_dataset of Keras 3.15 gives of the numbers 0 to 9.
SPLITS: list[tuple[Any, Any, list[int], list[int]]] = [
    (0.8, None, [*range(8)], [8, 9]),
    (None, 0.25, [*range(8)], [8, 9]),
    (3, None, [0, 1, 2], [*range(3, 10)]),
    (None, 4, [*range(6)], [6, 7, 8, 9]),
    (2, 3, [0, 1], [7, 8, 9]),
    (0.5, 0.2, [*range(5)], [8, 9]),
]


@pytest.mark.parametrize(("left", "right", "first", "second"), SPLITS)
@pytest.mark.parametrize("given", [(X, Y), [X, Y], gw.data.Dataset.from_tensor_slices((X, Y))])
def test_sizes(given: Any, left: Any, right: Any, first: list[int], second: list[int]) -> None:
    parts = utils.split_dataset(given, left_size=left, right_size=right)
    assert [numbers(part) for part in parts] == [first, second]
    x, y = next(iter(parts[1]))
    np.testing.assert_array_equal(x, X[int(y)])


def test_shuffled() -> None:
    once, twice = (utils.split_dataset((X, Y), left_size=7, shuffle=True, seed=1) for _ in range(2))
    assert [numbers(part) for part in once] == [numbers(part) for part in twice]
    assert numbers(once[0]) + numbers(once[1]) != [*range(10)]
    assert sorted(numbers(once[0]) + numbers(once[1])) == [*range(10)]


def test_dicts() -> None:
    left, _ = utils.split_dataset({"a": X, "b": Y}, left_size=2)
    assert [int(each["b"]) for each in left] == [0, 1]


@pytest.mark.parametrize(
    ("left", "right"),
    [(None, None), (0, None), (10, None), (1.5, None), (7, 4), ("half", None), (0.01, None), (True, 1)],
)
def test_sizes_that_do_not_go(left: Any, right: Any) -> None:
    with pytest.raises(ValueError, match="split_dataset"):
        utils.split_dataset((X, Y), left_size=left, right_size=right)


def test_batches() -> None:
    assert utils.pack_x_y_sample_weight([1]) == ([1],)
    for batch in [(1,), (1, 2), (1, 2, 3)]:
        assert utils.unpack_x_y_sample_weight(list(batch)) == (*batch, None, None)[:3]
    assert utils.unpack_x_y_sample_weight({"a": 1}) == ({"a": 1}, None, None)
    with pytest.raises(ValueError, match="tuple of 4"):
        utils.unpack_x_y_sample_weight((1, 2, 3, 4))


def test_progbar(capsys: pytest.CaptureFixture[str]) -> None:
    bar = utils.Progbar(4, stateful_metrics=["acc"], verbose=2)
    bar.update(1, [("loss", 1.0), ("acc", 0.1)])
    bar.update(4, [("loss", 0.2), ("acc", 0.7)])
    assert bar.values == pytest.approx({"loss": 0.4, "acc": 0.7})
    bar.update(4)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("4/4 - ")
    assert line.endswith("loss: 0.4000 - acc: 0.7000")


def test_a_program_may_do_without_bars() -> None:
    disable_interactive_logging()
    assert not is_interactive_logging_enabled()
    assert not gw.config.bars
    enable_interactive_logging()
    assert gw.config.bars
    with pytest.raises(ValueError, match=r"config\.bars"):
        gw.config.bars = 1  # type: ignore[assignment]
