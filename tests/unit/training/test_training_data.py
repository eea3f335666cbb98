"""What `fit`, `evaluate` and `predict` take as data."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.training.data import adapt
from gatewise.training.data.adapt import class_weights
from gatewise.training.data.sequences import Sequences, rounded_up
from gatewise.training.segments import segments

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((10, 6, 3)).astype("float32"), RNG.standard_normal((10, 1)).astype("float32")


def model() -> gw.Model:
    made = gw.Sequential([gw.Input((None, 3)), gw.layers.LSTM(4), gw.layers.Dense(1)])
    rng = np.random.RandomState(2)
    made.set_weights([rng.standard_normal(w.shape) * 0.4 for w in made.get_weights()])
    made.compile("sgd", "mse")
    return made


class Numbered:
    """Batches by number, and no `__iter__`: iterating over it alone would never end."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, number: int) -> Any:
        return X[number * 4 : number * 4 + 4], Y[number * 4 : number * 4 + 4]


class Loader:
    """As PyTorch's: a length, an iterator, lists."""

    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Iterator[Any]:
        return iter([list(Numbered()[k]) for k in range(3)])


class Frame:
    """As of pandas or polars."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def to_numpy(self) -> np.ndarray:
        return self.values


KINDS = {
    "numbered": Numbered(),
    "loader": Loader(),
    "list of arrays": [X],
    "float64": X.astype("float64"),
    "nested lists": X.tolist(),
    "frame": Frame(X),
}


@pytest.mark.parametrize("data", KINDS.values(), ids=KINDS)
def test_every_kind_evaluates_alike(data: Any) -> None:
    targets = None if isinstance(data, (Numbered, Loader)) else Frame(Y)
    made = model()
    wanted = np.mean((made.predict(X) - Y) ** 2)
    np.testing.assert_allclose(made.evaluate(data, targets, batch_size=4, verbose=0), wanted, rtol=1e-5)


def test_predict_of_batches_by_number_ends() -> None:
    made = model()
    np.testing.assert_allclose(made.predict(Numbered()), made.predict(X), rtol=1e-6, atol=1e-7)


def test_unequal_sequences_give_what_each_gives_alone() -> None:
    made = model()
    rows = [RNG.standard_normal((n, 3)).astype("float32") for n in (5, 2, 9, 3, 2)]
    wanted = np.concatenate([made.predict(row[None]) for row in rows])
    np.testing.assert_allclose(made.predict(rows), wanted, rtol=1e-5, atol=1e-6)
    loss = np.mean((wanted - Y[:5]) ** 2)
    np.testing.assert_allclose(made.evaluate(rows, Y[:5], verbose=0), loss, rtol=1e-5)
    np.testing.assert_allclose(made.fit(rows, Y[:5], verbose=0, batch_size=8).epoch, [0])


def test_unequal_sequences_come_back_with_their_own_lengths() -> None:
    made = gw.Sequential([gw.Input((None, 3)), gw.layers.GRU(2, return_sequences=True)])
    found = made.predict([np.ones((n, 3)) for n in (4, 1, 6)])
    assert [each.shape for each in found] == [(4, 2), (1, 2), (6, 2)]
    np.testing.assert_allclose(found[1], made.predict(np.ones((1, 1, 3)))[0], rtol=1e-6)


def test_buckets_hold_every_sequence_once() -> None:
    lengths = RNG.integers(1, 50, 40)
    source = Sequences([np.zeros((n, 1)) for n in lengths], None, None, 4, shuffle=True)
    plan = source.plan()
    assert sorted(place for _, places in plan for place in places) == list(range(40))
    assert all(lengths[place] <= length == rounded_up(length) for length, places in plan for place in places)


@pytest.mark.parametrize("shuffle", [True, "batch"])
def test_shuffling_keeps_all_samples(shuffle: Any) -> None:
    source = adapt(np.arange(10)[:, None], np.arange(10), batch_size=4, shuffle=shuffle)
    batches = list(source.epoch())
    assert [batch.size for batch in batches] == [4, 4, 2]
    assert all((batch.x[:, 0] == batch.y).all() for batch in batches)
    assert sorted(np.concatenate([batch.y for batch in batches])) == list(range(10))


def test_a_short_batch_that_comes_first_does_not_set_the_size_of_the_others() -> None:
    # Each shape is compiled: there must be one for each length, not one for each number of samples too.
    source = adapt([np.ones((n, 1)) for n in (8, 4, 4, 4, 4)], np.ones(5), batch_size=3, masked=True)
    found = [(segment.data.x.shape, segment.real.tolist()) for segment in segments(source, True, one_by_one=False)]
    assert found == [((1, 3, 8, 1), [1]), ((1, 3, 4, 1), [3]), ((1, 3, 4, 1), [1])]


def test_segments_fill_up_the_last_batch() -> None:
    (segment,) = segments(adapt(np.arange(10)[:, None], batch_size=4), fills_up=True, one_by_one=False)
    assert segment.batches == 3
    assert segment.real[:3].tolist() == [4, 4, 2]
    assert segment.data.x[2, :, 0].tolist() == [8, 9, 9, 9]


def test_class_weights_multiply_sample_weights() -> None:
    one_hot = np.eye(3)[[0, 2, 1]]
    assert class_weights(one_hot, {0: 2.0, 2: 3.0}, np.array([1.0, 10.0, 5.0])).tolist() == [2.0, 30.0, 5.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X, Y[:9]), "same number of samples.*10.*9"),
        ((X[:0], Y[:0]), "data is empty"),
        ((Numbered(), Y), "gives whole batches .*leave y out"),
    ],
)
def test_bad_data_is_refused_before_the_first_step(arguments: Any, message: str) -> None:
    made = model()
    before = made.get_weights()
    with pytest.raises(ValueError, match=message):
        made.fit(*arguments, verbose=0)
    assert all((a == b).all() for a, b in zip(before, made.get_weights(), strict=True))
    assert int(made.optimizer.iterations) == 0


def test_targets_that_do_not_fit_are_refused_with_both_shapes() -> None:
    made = gw.Sequential([gw.Input((6, 3)), gw.layers.LSTM(3, name="track")])
    made.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"Output 'track', shape \(None, 3\), and its targets, shape \(10, 2\)"):
        made.fit(X, np.zeros((10, 2)), verbose=0)


def test_labels_out_of_range_are_refused() -> None:
    made = gw.Sequential([gw.Input((6, 3)), gw.layers.LSTM(4), gw.layers.Dense(3, activation="softmax", name="kind")])
    made.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=r"Output 'kind'.*the target 3 is no class"):
        made.fit(X, np.arange(10) % 4, verbose=0)


def test_an_unknown_loss_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match="did you mean 'mean_squared_error'"):
        model().compile("sgd", "mean_square_error")


def test_fit_before_compile_is_refused() -> None:
    made = gw.Sequential([gw.Input((6, 3)), gw.layers.LSTM(4)])
    with pytest.raises(RuntimeError, match="call compile"):
        made.fit(X, Y)


def test_an_unknown_output_is_refused_with_the_nearest_name() -> None:
    x = gw.Input((3,))
    made = gw.Model(x, [gw.layers.Dense(1, name="level")(x), gw.layers.Dense(1, name="kind")(x)])
    made.compile("sgd", {"levle": "mse"})
    with pytest.raises(ValueError, match=r"'levle'.*Did you mean 'level'"):
        made.fit(X[:, 0], [Y, Y], verbose=0)


def test_without_jax_only_training_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.setattr(gw.config, "_resolved", False)  # Found out before: there is no accelerator.
    made = model()
    assert np.isfinite(made.evaluate(X, Y, verbose=0))
    assert np.isfinite(made.test_on_batch(X, Y))
    for train in (made.fit, made.train_on_batch):
        with pytest.raises(ImportError, match=r"pip install 'gatewise\[train\]'"):
            train(X, Y)
