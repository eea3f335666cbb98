"""Sparse tensors, and ragged ones through layers that look at each number by itself."""

from __future__ import annotations

import numpy as np
import pytest

import gatewise as gw
from gatewise.compat import tensorflow as tf


def test_there_and_back() -> None:
    dense = np.array([[0, 3, 0], [4, 0, 5]], "float32")
    sparse = tf.sparse.from_dense(dense)
    assert sparse.values.numpy().tolist() == [3, 4, 5]
    assert tf.sparse.to_dense(sparse).dtype == tf.float32
    np.testing.assert_array_equal(tf.sparse.to_dense(sparse), dense)
    mixed = tf.SparseTensor(sparse.indices.numpy()[::-1], sparse.values.numpy()[::-1], [2, 3])
    assert tf.sparse.reorder(mixed).values.numpy().tolist() == [3, 4, 5]
    assert sparse.get_shape().as_list() == [2, 3]


def test_what_is_not_said_is_the_default() -> None:
    sparse = tf.SparseTensor(values=[-float("inf")], indices=[[1]], dense_shape=[3])
    assert tf.sparse.to_dense(sparse).numpy().tolist() == [0, -np.inf, 0]
    assert tf.sparse.to_dense(sparse, default_value=2.0).numpy().tolist() == [2, -np.inf, 2]


@pytest.mark.parametrize(
    ("indices", "words"), [([[3]], "outside the shape"), ([[1], [1]], "there twice"), ([[1, 1]], "need indices")]
)
def test_places_that_do_not_fit(indices: list[list[int]], words: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        tf.sparse.to_dense(tf.SparseTensor(indices, [1.0] * len(indices), [3]))


def test_ragged_ids_and_words() -> None:
    look_up = gw.layers.StringLookup(vocabulary=["a", "b"])
    ids = look_up(tf.strings.unicode_split(["ab", "b", "abb"], "UTF-8"))
    assert ids.to_list() == [[1, 2], [2], [1, 2, 2]]
    vectors = gw.layers.Embedding(3, 4)(ids)
    assert [len(row) for row in vectors.to_list()] == [2, 1, 3]
    assert vectors.to_tensor().shape == (3, 3, 4)
