"""`tf.keras.datasets`: data sets from the files that Keras keeps in ~/.keras/datasets. Nothing is downloaded."""

from __future__ import annotations

from gatewise.base.absent import answer_for
from gatewise.keras.datasets import boston_housing, california_housing, cifar10, fashion_mnist, imdb, mnist, reuters

__all__ = ["boston_housing", "california_housing", "cifar10", "fashion_mnist", "imdb", "mnist", "reuters"]
answer_for(__name__, "tf.keras.datasets")
