"""The loop of `fit`: what ends it, what it leaves, and what it does not compile again."""

from __future__ import annotations

import signal
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import gatewise as gw
from gatewise.callbacks import Callback
from gatewise.random import set_seed
from gatewise.training.interrupts import held_back

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((20, 6, 3)).astype("float32"), RNG.standard_normal((20, 1)).astype("float32")


def model(*between: gw.layers.Layer, **options: Any) -> gw.Model:
    made = gw.Sequential([gw.Input((6, 3)), gw.layers.LSTM(4, **options), *between, gw.layers.Dense(1)])
    rng = np.random.RandomState(2)
    made.set_weights([rng.standard_normal(w.shape) * 0.4 for w in made.get_weights()])
    made.compile(gw.optimizers.SGD(0.1), "mse", metrics=["mae", gw.metrics.RootMeanSquaredError(name="root")])
    return made


def test_epochs_are_steps_one_after_another() -> None:
    """A short last batch, filled up inside a dispatch of several steps, changes nothing."""
    whole, single = model(), model()
    history = whole.fit(X, Y, batch_size=8, epochs=3, shuffle=False, verbose=0).history
    for epoch in range(3):
        single.reset_metrics()
        for start in (0, 8, 16):
            rows = slice(start, start + 8)
            logs = single.train_on_batch(X[rows], Y[rows], reset_metrics=False, return_dict=True)
        for name, value in logs.items():
            np.testing.assert_allclose(history[name][epoch], value, rtol=2e-6)
    for a, b in zip(whole.get_weights(), single.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert int(whole.optimizer.iterations) == 9


class Raises(Callback):
    """Raises in the hook after a batch, and remembers the weights."""

    def __init__(self, error: BaseException, batch: int) -> None:
        self.error, self.batch = error, batch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == self.batch:
            self.weights = self.model.get_weights()
            raise self.error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("mine")])
def test_an_end_in_a_callback_leaves_the_last_steps_weights(error: BaseException) -> None:
    ended, wanted = model(), model()
    callback = Raises(error, 1)
    with pytest.raises(type(error)):
        ended.fit(X, Y, batch_size=5, shuffle=False, verbose=0, callbacks=[callback])
    for start in (0, 5):
        wanted.train_on_batch(X[start : start + 5], Y[start : start + 5])
    for a, b, c in zip(ended.get_weights(), callback.weights, wanted.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_allclose(a, c, rtol=1e-5, atol=1e-6)
    ended.fit(X, Y, verbose=0)
    assert np.isfinite(ended.predict(X)).all()


def test_an_error_in_a_generator_leaves_a_model_that_works() -> None:
    def batches() -> Iterator[Any]:
        yield X[:4], Y[:4]
        raise RuntimeError("no more")

    ended = model()
    with pytest.raises(RuntimeError, match="no more"):
        ended.fit(batches(), steps_per_epoch=3, verbose=0)
    assert np.isfinite(ended.predict(X)).all()


def test_a_generator_that_ends_early_is_refused() -> None:
    with pytest.raises(ValueError, match=r"ended after 2 batches .*steps_per_epoch is 3"):
        model().fit(((X[:4], Y[:4]) for _ in range(2)), steps_per_epoch=3, verbose=0)


def test_a_state_in_no_known_order_is_said_once_at_the_first_fit(tmp_path: Path) -> None:
    """Keras 2.0 stored an optimizer's slots in the order of a set; who only predicts need not hear of it."""
    made = model()
    made.compile(gw.optimizers.Adam(), "mse")
    made.optimizer.build(made.trainable_variables)
    made.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        names = list(file["optimizer_weights"].attrs["weight_names"])
        file["optimizer_weights"].attrs["weight_names"] = np.array(names[:2] + names[2:][::-1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = gw.models.load_model(tmp_path / "m.h5")
        loaded.predict(X)
    with pytest.warns(UserWarning, match=r"m\.h5.*Adam.*starts afresh.*order that cannot be told"):
        loaded.fit(X, Y, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded.fit(X, Y, verbose=0)


def test_callbacks_change_what_comes_next() -> None:
    class Slower(Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.model.optimizer.learning_rate = 0.1 if epoch == 0 else 0.0

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.kept = [*getattr(self, "kept", []), self.model.get_weights()[0]]
            self.model.stop_training = epoch == 2

    callback = Slower()
    history = model().fit(X, Y, epochs=9, verbose=0, callbacks=[callback])
    assert history.epoch == [0, 1, 2]
    np.testing.assert_array_equal(callback.kept[1], callback.kept[2])


def test_the_same_seed_gives_the_same_curve() -> None:
    def curve() -> list[float]:
        set_seed(3)
        found: list[float] = (
            model(gw.layers.Dropout(0.5), recurrent_dropout=0.3).fit(X, Y, epochs=2, verbose=0).history["loss"]
        )
        return found

    assert curve() == curve()


def test_nothing_is_compiled_again() -> None:
    made = model()
    made.fit(X, Y, batch_size=8, verbose=0)
    with pytest.MonkeyPatch.context() as patch:
        compiled: list[Any] = []
        patch.setattr("gatewise.training.program._compiled", lambda *args: compiled.append(args))
        made.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    assert not compiled


def test_trainable_may_change_between_fits() -> None:
    made = model()
    made.layers[0].trainable = False
    made.fit(X, Y, verbose=0)
    before = made.get_weights()
    made.layers[0].trainable, made.layers[1].trainable = True, False
    made.fit(X, Y, verbose=0)
    changed = [bool((a != b).any()) for a, b in zip(before, made.get_weights(), strict=True)]
    assert changed == [True, True, True, False, False]


def test_two_threads_train_as_each_alone() -> None:
    def train(made: gw.Model) -> None:
        made.fit(X, Y, epochs=3, shuffle=False, verbose=0)

    alone, together = [model(), model(dropout=0.0)], [model(), model(dropout=0.0)]
    for each in alone:
        train(each)
    threads = [threading.Thread(target=train, args=(each,)) for each in together]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for a, b in zip(alone, together, strict=True):
        for one, other in zip(a.get_weights(), b.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


def test_who_predicts_while_a_model_trains_has_the_weights_of_one_epoch() -> None:
    made, sets, found = model(), [], []
    predicted = threading.Semaphore(0)

    class Kept(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            sets.append(made.get_weights())
            assert predicted.acquire(timeout=600)  # So that somebody has predicted in each epoch.

    sets.append(made.get_weights())
    thread = threading.Thread(
        target=lambda: made.fit(X, Y, epochs=30, shuffle=False, verbose=0, callbacks=[Kept()]), daemon=True
    )
    thread.start()
    while thread.is_alive():
        found.append(made.predict(X))
        predicted.release()
    wanted = []
    for each in sets:
        made.set_weights(each)
        wanted.append(made.predict(X))
    assert len(sets) == 31
    assert all(any(np.array_equal(y, one) for one in wanted) for y in found)


def test_an_interrupt_waits_until_values_have_changed_hands() -> None:
    done = []

    def interrupted() -> None:
        with held_back():
            signal.raise_signal(signal.SIGINT)
            done.append("all of it")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done == ["all of it"]
