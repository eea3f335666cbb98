"""What `fit`, `evaluate` and `predict` take as data."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
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


def test_segments_fill_up_the_last_batch() -> None:
    (segment,) = segments(adapt(np.arange(10)[:, None], batch_size=4), fills_up=True, one_by_one=False)
    assert segment.batches == 3
    assert segment.real[:3].tolist() == [4, 4, 2]
    assert segment.data.x[2, :, 0].tolist() == [8, 9, 9, 9]


@pytest.mark.parametrize("shuffle", [False, True])
def test_sequences_of_unequal_lengths_come_in_one_segment_in_their_order(shuffle: bool) -> None:
    """So that many steps run in one dispatch; each batch is the one that the epoch gives, in its place."""
    x = [np.full((n, 1), float(k)) for k, n in enumerate(np.arange(1, 41) % 13 + 1)]
    source, twin = (Sequences(x, np.arange(40.0), None, 4, shuffle) for _ in range(2))
    if shuffle:
        twin.set_order_state(source.order_state())
    (segment,) = segments(source, fills_up=True, one_by_one=False)
    batches = list(twin.epoch())
    assert len(batches) == segment.batches == source.batches == len(source.sizes())
    for number, batch in enumerate(batches):
        found = segment.data.batches[segment.data.shape[number]]
        place = segment.data.place[number]
        assert segment.real[number] == batch.size
        np.testing.assert_array_equal(found.x[place][: batch.size], batch.x)
        np.testing.assert_array_equal(found.y[place][: batch.size], batch.y)
        np.testing.assert_array_equal(found.mask[place][: batch.size], batch.mask)


def test_steps_on_sequences_in_one_dispatch_are_those_one_after_another() -> None:
    x = [np.array(row[: 4 + k % 3]) for k, row in enumerate(X)]
    together, single = model(), model()
    together.fit(x, Y, batch_size=2, epochs=2, shuffle=False, verbose=0)
    for _ in range(2):
        for batch in Sequences(x, Y, None, 2).epoch():
            rows = [row[mask] for row, mask in zip(batch.x, batch.mask, strict=True)]
            assert len({len(row) for row in rows}) == 1  # No padding, so that each is a batch by itself.
            single.train_on_batch(np.stack(rows), batch.y)
    for a, b in zip(together.get_weights(), single.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert int(together.optimizer.iterations) == int(single.optimizer.iterations)


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


@pytest.mark.parametrize("shape", [(10, 2), (10, 6, 1), (10, 6)])
def test_targets_that_would_stretch_the_predictions_are_refused(shape: tuple[int, ...]) -> None:
    """Keras's mean squared error broadcasts (N, 1) to (N, 2); a model's one number is never meant for several."""
    made = gw.Sequential([gw.Input((6, 3)), gw.layers.LSTM(4), gw.layers.Dense(1, name="level")])
    made.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"Output 'level', shape \(None, 1\), and its targets, shape \(10, .*expected"):
        made.fit(X, np.zeros(shape), verbose=0)


def labelled() -> gw.Model:
    made = gw.Sequential([gw.Input((6, 3)), gw.layers.LSTM(4), gw.layers.Dense(3, activation="softmax", name="kind")])
    made.compile("sgd", "sparse_categorical_crossentropy")
    return made


def two_outputs() -> gw.Model:
    x = gw.Input((6, 3))
    last = gw.layers.LSTM(4)(x)
    made = gw.Model(x, [gw.layers.Dense(1, name="level")(last), gw.layers.Dense(1, name="kind")(last)])
    made.compile("sgd", "mse")
    return made


def refusing(error: type[Exception], message: str, make: Callable[[], gw.Model], *data: Any, **options: Any) -> Any:
    return pytest.param(error, message, make, data, options, id=message)


IDS = np.arange(10) % 3


@pytest.mark.parametrize(
    ("error", "message", "make", "data", "options"),
    [
        refusing(TypeError, "targets must hold numbers.*<U1", model, X, np.array(["a"] * 10)),
        refusing(TypeError, "targets must hold numbers.*object", model, X, np.array([object()] * 10)),
        refusing(TypeError, "targets must hold numbers.*complex", model, X, Y.astype(complex)),
        refusing(TypeError, "inputs must hold numbers.*complex", model, X.astype(complex), Y),
        refusing(ValueError, "inputs is a masked array", model, np.ma.masked_array(X, X > 0), Y),
        refusing(ValueError, "targets came as 10 lists of unequal", model, X, [[1.0]] * 9 + [[1.0, 2.0]]),
        refusing(ValueError, "same number of samples.*x has the shapes", model, np.float32(1), Y),
        refusing(ValueError, "There is no data", model),
        refusing(ValueError, "the target nan is no class", labelled, X, np.full(10, np.nan)),
        refusing(ValueError, "the target 1.5 is no class", labelled, X, np.full(10, 1.5)),
        refusing(ValueError, "the target 1099511627776 is no class", labelled, X, np.full(10, 2**40)),
        refusing(ValueError, "the target 9223372036854775808 is", labelled, X, np.full(10, 2**63, dtype="uint64")),
        refusing(TypeError, "class_weight must be a dict", labelled, X, IDS, class_weight=[1.0, 2.0, 3.0]),
        refusing(TypeError, "a number for the id of a class, got None for 0", labelled, X, IDS, class_weight={0: None}),
        refusing(ValueError, "but there are 0 targets", labelled, X, class_weight={0: 1.0}),
        refusing(ValueError, "y names an output 'kid'.*'kind'", two_outputs, X, {"level": Y, "kid": Y}),
        refusing(ValueError, "'kind' has the loss mse, but no", two_outputs, X, {"level": Y}),
        refusing(
            ValueError, "sample_weight names an output 'kid'", two_outputs, X, [Y, Y], sample_weight={"kid": Y[:, 0]}
        ),
        refusing(ValueError, r"sample_weight has the shapes \[\(9,\)\]", model, X, Y, sample_weight=np.ones(9)),
        refusing(
            ValueError, r"sample_weight of shape \(10, 2\) does not fit", model, X, Y, sample_weight=np.ones((10, 2))
        ),
        refusing(ValueError, "epochs must be a whole number, 0 or more, got -1", model, X, Y, epochs=-1),
        refusing(ValueError, "epochs must be a whole number.*'3'", model, X, Y, epochs="3"),
        refusing(ValueError, "initial_epoch must be a whole number", model, X, Y, initial_epoch=-1),
        refusing(ValueError, "batch_size must be a positive integer, got 0", model, X, Y, batch_size=0),
        refusing(ValueError, "steps_per_epoch must be a whole.* 0", model, X, Y, steps_per_epoch=0),
        refusing(ValueError, "the data ends after 1 batches, but", model, X, Y, steps_per_epoch=50),
        refusing(ValueError, "validation_split must be between 0 and 1, got 1.0", model, X, Y, validation_split=1.0),
        refusing(ValueError, "validation_freq must be a whole", model, X, Y, validation_freq=0),
        refusing(ValueError, "validation_steps must be a whole", model, X, Y, validation_steps=0),
        refusing(ValueError, "verbose must be one of 'auto', 0, 1", model, X, Y, verbose="loud"),
        refusing(ValueError, "shuffle must be one of True, False", model, X, Y, shuffle="yes"),
        refusing(TypeError, "'early' is not a callback", model, X, Y, callbacks="early"),
        refusing(TypeError, "the class History came; give an object", model, X, Y, callbacks=[gw.callbacks.History]),
        refusing(TypeError, "no argument 'batchsize'.*'batch_size'", model, X, Y, batchsize=3),
    ],
)
def test_what_is_not_meant_so_is_refused_before_the_first_step(
    error: type[Exception], message: str, make: Callable[[], gw.Model], data: Any, options: Any
) -> None:
    made = make()
    before = made.get_weights()
    with pytest.raises(error, match=message):
        made.fit(*data, **{"verbose": 0, **options})
    assert all((a == b).all() for a, b in zip(before, made.get_weights(), strict=True))
    assert int(made.optimizer.iterations) == 0


def test_metrics_and_losses_of_a_wrong_structure_are_refused() -> None:
    made = two_outputs()
    for wrong, message in (({"metrics": [3]}, "Cannot read 3"), ({"metrics": ["acuracy"]}, "did you mean 'accuracy'")):
        with pytest.raises((TypeError, ValueError), match=message):
            made.compile("sgd", "mse", **wrong)
    for wrong, message in (
        ({"metrics": {"kid": ["mae"]}}, "metrics names an output 'kid'.*Did you mean 'kind'"),
        ({"loss_weights": ["a", 1.0]}, "the weight of output 'level' must be a number, got 'a'"),
    ):
        made.compile("sgd", "mse", **wrong)
        with pytest.raises((TypeError, ValueError), match=message):
            made.fit(X, [Y, Y], verbose=0)


def test_other_ways_to_hold_numbers_train_alike() -> None:
    wanted = model().evaluate(X, Y, verbose=0)
    for x, y in (
        (X.astype(">f4"), Y.astype(">f8")),
        (np.ma.masked_invalid(X), Y.tolist()),
        (X.tolist(), Y[:, 0].tolist()),
    ):
        np.testing.assert_allclose(model().train_on_batch(x, y), wanted, rtol=1e-5)


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
