"""Datasets in models: with and without an end, interrupted and resumed, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stopping import StopAfter, StopError

import gatewise as gw
from gatewise.callbacks import BackupAndRestore, Callback
from gatewise.data import Dataset, TensorSpec
from gatewise.random import set_seed

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((22, 5, 3)).astype("float32"), RNG.standard_normal((22, 1)).astype("float32")


def data() -> Dataset:
    return Dataset.from_tensor_slices((X, Y))


def model() -> gw.Model:
    set_seed(3)
    made = gw.Sequential([gw.Input((None, 3)), gw.layers.GRU(3, dropout=0.2), gw.layers.Dense(1)])
    made.compile("adam", "mse")
    return made


# -- in a model -------------------------------------------------------------------------------------------------------


def test_an_unshuffled_dataset_trains_as_its_arrays_do() -> None:
    a = model()
    a.fit(data().batch(4), epochs=2, verbose=0)
    b = model()
    b.fit(X, Y, batch_size=4, shuffle=False, epochs=2, verbose=0)
    for m, n in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(m, n)
    assert a.evaluate(data().batch(4), verbose=0) == b.evaluate(X, Y, batch_size=4, verbose=0)
    np.testing.assert_array_equal(a.predict(data().batch(5)), b.predict(X, batch_size=5))


def test_without_an_end_it_goes_on_from_epoch_to_epoch() -> None:
    seen: list[int] = []

    def noted(n: Any) -> Any:
        seen.append(int(n))
        return X[n : n + 1], Y[n : n + 1]

    model().fit(Dataset.range(22).repeat().map(noted), epochs=3, steps_per_epoch=10, verbose=0)
    assert seen[-30:] == [n % 22 for n in range(30)]


@pytest.mark.parametrize("argument", ["steps_per_epoch", "validation_steps", "steps"])
def test_without_an_end_the_number_of_steps_must_be_said(argument: str) -> None:
    endless, made = data().batch(4).repeat(), model()
    calls: dict[str, Callable[[], Any]] = {
        "steps_per_epoch": lambda: made.fit(endless, verbose=0),
        "validation_steps": lambda: made.fit(X, Y, validation_data=endless, verbose=0),
        "steps": lambda: made.evaluate(endless, verbose=0),
    }
    with pytest.raises(ValueError, match=f"no end.*{argument}="):
        calls[argument]()
    with pytest.raises(ValueError, match=r"no end.*steps="):
        made.predict(endless)


def test_empty_and_unbatched_data_is_refused() -> None:
    with pytest.raises(ValueError, match="Dataset is empty"):
        model().fit(data().take(0).batch(4), verbose=0)
    with pytest.raises(ValueError, match="Dataset is empty"):
        model().fit(data().filter(lambda x, y: False).batch(4), verbose=0)
    with pytest.raises(ValueError, match="same number of samples"):
        model().fit(data(), verbose=0)


def test_data_that_ends_before_the_epoch_is_an_error() -> None:
    with pytest.raises(ValueError, match="the data ends after 6 batches, but steps_per_epoch is 9"):
        model().fit(data().batch(4), steps_per_epoch=9, verbose=0)


# -- interrupted ------------------------------------------------------------------------------------------------------


SHUFFLED: dict[str, Callable[[], dict[str, Any]]] = {
    "seeded": lambda: {"x": data().shuffle(9, seed=4).batch(4)},
    "from the process's stream": lambda: {"x": data().shuffle(22).batch(4)},
    "twice": lambda: {"x": data().shuffle(5).map(lambda x, y: (x * 2, y)).shuffle(9).batch(4)},
    "kept": lambda: {"x": data().shuffle(22).cache().shuffle(22).batch(4)},
    "without an end": lambda: {"x": data().shuffle(22).repeat().batch(4), "steps_per_epoch": 5},
    "side by side": lambda: {"x": Dataset.zip((data().shuffle(9), data())).map(lambda a, b: (a[0], b[1])).batch(4)},
}


@pytest.mark.parametrize("kind", SHUFFLED)
def test_a_training_that_goes_on_ends_with_the_same_weights(kind: str, tmp_path: Path) -> None:
    """Ended in its first epoch, and again in its last."""

    def trained(*callbacks: Callback) -> gw.Model:
        set_seed(3)
        made = gw.Sequential([gw.Input((5, 3)), gw.layers.Flatten(), gw.layers.Dropout(0.2), gw.layers.Dense(1)])
        made.compile("adam", "mse")
        made.fit(**SHUFFLED[kind](), epochs=3, verbose=0, callbacks=callbacks)
        return made

    def going_on(*callbacks: Callback) -> gw.Model:
        return trained(BackupAndRestore(tmp_path / "kept", save_freq=1), *callbacks)

    wanted = trained()
    for place in ((0, 2), (2, 1)):
        with pytest.raises(StopError):
            going_on(StopAfter(*place))
    found = going_on()
    for a, b in zip(found.get_weights(), wanted.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


# -- shuffle ----------------------------------------------------------------------------------------------------------


def numbers(dataset: Dataset) -> list[int]:
    return [int(n) for n in dataset]


def test_shuffle_mixes_all_and_differs_from_pass_to_pass() -> None:
    shuffled = Dataset.range(50).shuffle(50, seed=1)
    one, two = numbers(shuffled), numbers(shuffled)
    assert sorted(one) == sorted(two) == list(range(50))
    assert one != two
    again = Dataset.range(50).shuffle(50, seed=1)
    assert (numbers(again), numbers(again)) == (one, two)
    same = Dataset.range(50).shuffle(50, seed=1, reshuffle_each_iteration=False)
    assert numbers(same) == numbers(same)


def test_a_buffer_moves_nothing_forward_by_more_than_its_size() -> None:
    order = numbers(Dataset.range(100).map(lambda n: n).shuffle(7, seed=2))
    assert all(n < place + 7 for place, n in enumerate(order))
    assert order != sorted(order)


def test_the_seed_of_the_process_decides_where_none_is_given() -> None:
    orders = []
    for _ in range(2):
        set_seed(8)
        orders.append(numbers(Dataset.range(30).shuffle(30)))
    assert orders[0] == orders[1]


def test_looking_at_an_element_begins_nothing() -> None:
    shuffled = Dataset.range(30).shuffle(30, seed=1)
    first = shuffled.peek()
    assert numbers(shuffled)[0] == first


def test_a_cache_keeps_the_first_whole_pass() -> None:
    calls = []

    def noted(n: Any) -> Any:
        calls.append(int(n))
        return n

    kept = Dataset.range(4).map(noted).cache()
    next(iter(kept))
    assert numbers(kept) == numbers(kept) == [0, 1, 2, 3]
    assert calls == [0, 0, 1, 2, 3]


# -- elements ---------------------------------------------------------------------------------------------------------


def test_elements_have_numpy() -> None:
    x, y = next(iter(data().batch(2)))
    assert x.numpy().shape == (2, 5, 3)
    assert type(y.numpy()) is np.ndarray


WRONG: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "unequal rows": (lambda: Dataset.from_tensor_slices((X, Y[:3])), ValueError, "first axis of the same length"),
    "no rows": (lambda: Dataset.from_tensor_slices(3), ValueError, "first axis"),
    "ragged lists": (lambda: Dataset.from_tensor_slices([[1], [1, 2]]), ValueError, "padded_batch"),
    "objects": (lambda: Dataset.from_tensors([object()]), TypeError, "numbers or text"),
    "unequal elements": (
        lambda: list(Dataset.from_generator(lambda: [[1], [1, 2]], output_types="int32").batch(2)),
        ValueError, r"shape \(2,\) came after one of shape \(1,\).*padded_batch",
    ),
    "too long": (
        lambda: list(Dataset.from_generator(lambda: [[1, 2, 3]], output_types="int32").padded_batch(2, (2,))),
        ValueError, r"shape \(3,\) cannot be filled up to the shape \(2,\)",
    ),
    "another shape": (
        lambda: list(Dataset.from_generator(lambda: [X], output_signature=TensorSpec((2, None)))),
        ValueError, "was promised, but an array of shape",
    ),
    "another structure": (
        lambda: list(Dataset.from_generator(lambda: [1], output_types=("int32", "int32"))), TypeError, "promised",
    ),
    "no dtypes": (lambda: Dataset.from_generator(lambda: [1]), TypeError, "output_signature"),
    "windows in a batch": (lambda: list(Dataset.range(6).window(2).batch(2)), TypeError, "flat_map"),
    "no dataset": (lambda: list(Dataset.range(2).flat_map(lambda n: n)), TypeError, "must return a Dataset"),
    "no size": (lambda: Dataset.range(2).batch(0), ValueError, "batch_size must be at least 1"),
    "no shard": (lambda: Dataset.range(2).shard(2, 2), ValueError, "index must be from 0 to 1"),
    "others after": (lambda: Dataset.range(2).concatenate(data()), TypeError, "cannot follow"),
    "endless length": (lambda: len(Dataset.range(2).repeat()), TypeError, "infinite"),
    "unknown length": (lambda: len(Dataset.range(2).filter(bool)), TypeError, "unknown length"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_refused(what: str) -> None:
    make, kind, words = WRONG[what]
    with pytest.raises(kind, match=words):
        make()


def test_an_error_of_a_generator_comes_through() -> None:
    def ends_early() -> Iterator[int]:
        yield 1
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(Dataset.from_generator(ends_early, output_types="int32"))
