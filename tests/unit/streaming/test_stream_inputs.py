"""What a push takes: shapes, dtypes, names; and what it says of anything else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from stream_models import NATIVE, B, T, chain, floats, part, randomised, two_inputs

import gatewise as gw
from gatewise import layers
from gatewise.streaming import Stream


def test_one_sequence_and_a_batch_of_one() -> None:
    model = chain(layers.LSTM(6), layers.Dense(1))
    x = floats(5)[0]
    plain, batched, lists = model.stream(), model.stream(), model.stream()
    for x_t in x:
        y = plain.push(x_t)
        assert y.shape == (1,)
        np.testing.assert_array_equal(batched.push(x_t[None])[0], y)
        np.testing.assert_array_equal(lists.push(x_t.tolist()), y)
    assert model.stream().push_many(x).shape == (T, 1)
    assert model.stream().push_many(x[None]).shape == (1, T, 1)


@pytest.mark.parametrize("dtype", ["float64", "int32", "float16", "bool"])
def test_other_dtypes_and_orders_are_cast(dtype: str) -> None:
    model = chain(layers.LSTM(6))
    x = (floats(5)[:, 0] * 3).astype(dtype)
    expected = model.stream(B).push(x.astype("float32"))
    np.testing.assert_array_equal(model.stream(B).push(np.asfortranarray(x)), expected)
    np.testing.assert_array_equal(model.stream(B).push(np.repeat(x, 2, axis=1)[:, ::2]), expected)


def test_inputs_by_name() -> None:
    model, x = two_inputs(), NATIVE["two inputs"][1]
    first = part(x, model, 0)
    named = dict(zip(("x", "context", "word"), first, strict=True))
    np.testing.assert_array_equal(model.stream(B).push(named), model.stream(B).push(first))


@pytest.mark.parametrize(
    ("batch", "x"),
    [(1, np.zeros(4)), (1, np.zeros((2, 5))), (3, np.zeros(5)), (3, np.zeros((1, 5))), (3, np.zeros((3, 2, 5)))],
)
def test_a_wrong_shape_says_what_was_wanted(batch: int, x: np.ndarray) -> None:
    stream = chain(layers.LSTM(6)).stream(batch)
    before = stream.save()
    with pytest.raises(ValueError, match=rf"expected inputs of the shapes .*\({batch}, 5\).*push_many takes several"):
        stream.push(x)
    assert stream.save() == before


def test_strings_are_refused() -> None:
    with pytest.raises(TypeError, match="must be an array of numbers"):
        chain(layers.LSTM(6)).stream().push("abcde")


@pytest.mark.parametrize("bad", [10, -1, 2**40, np.nan])
def test_an_id_outside_the_table_changes_nothing(bad: float) -> None:
    x = gw.Input((None,), name="word")
    embedded = layers.Embedding(10, 4, name="words")(x)
    model = randomised(gw.Model(x, layers.LSTM(5)(embedded)))
    stream = model.stream()
    stream.push(3)
    before = stream.save()
    for push in (lambda: stream.push(bad), lambda: stream.push_many(np.array([1, 2, bad]))):
        with pytest.raises(ValueError, match=r"Embedding 'words': the ids must be from 0 to 9"):
            push()
        assert stream.save() == before


@pytest.mark.parametrize("batch", [0, -1, 2.5, True, "2"])
def test_a_wrong_batch_size(batch: Any) -> None:
    with pytest.raises(ValueError, match="batch_size must be a positive integer"):
        chain(layers.LSTM(3)).stream(batch)


def test_a_stream_says_what_it_is() -> None:
    model = gw.Sequential([gw.Input((None, 5)), layers.LSTM(2)], name="speech")
    assert repr(model.stream(4)) == "<Stream of Sequential 'speech', batch_size=4>"
    assert isinstance(model.stream(), Stream)
