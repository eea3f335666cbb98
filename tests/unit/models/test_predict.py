"""predict and model(x): what goes in, what comes out."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.layers import GRU, LSTM, Activation, Bidirectional, Dense, Dropout, Embedding, Flatten, Lambda, Reshape
from gatewise.models import batches, plan

X = np.random.default_rng(0).standard_normal((7, 5, 3)).astype("float32")


def small() -> Any:
    return gw.Sequential([LSTM(4, input_shape=(5, 3)), Dense(2)])


def functional() -> Any:
    a, b = gw.Input((5, 3), name="a"), gw.Input((4,), name="b")
    y = LSTM(4)(a)
    return gw.Model([a, b], [Dense(2)(y), gw.layers.Add()([y, b])])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100, np.int64(3)])
def test_the_batch_size_does_not_matter(size: int) -> None:
    model = small()
    np.testing.assert_allclose(model.predict(X, batch_size=size), model.predict(X), rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [0, -1, 2.5, True, "2"])
def test_batch_sizes_that_are_none(size: Any) -> None:
    with pytest.raises(ValueError, match="batch_size must be a positive integer"):
        small().predict(X, batch_size=size)


@pytest.mark.parametrize("dtype", ["float64", "float16", "int64", "int8", "uint8", "bool", ">f4"])
def test_numbers_of_any_dtype_give_float32(dtype: str) -> None:
    model = small()
    x = (X > 0) if dtype == "bool" else (3 * X).astype("float32").round()
    given = np.abs(x).astype(dtype) if dtype == "uint8" else x.astype(dtype)
    wanted = model.predict(given.astype("float32"))
    for found in (model.predict(given), model.predict(given, batch_size=3), model(given)):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)
    np.testing.assert_allclose(model.predict(given.tolist()), wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("batch_size", [None, 2])
def test_empty_batches_and_empty_sequences(batch_size: int | None) -> None:
    model = gw.Sequential([gw.Input((None, 3)), LSTM(4), Dense(2)])
    found = model.predict(X[:0], batch_size=batch_size)
    assert found.shape == (0, 2)
    assert found.dtype == np.float32
    wanted = model.layers[1](np.zeros((7, 4)))
    np.testing.assert_allclose(model.predict(X[:, :0], batch_size=batch_size), wanted, rtol=0, atol=1e-6)
    two, other = functional().predict([X[:0], X[:0, 0, :1].repeat(4, 1)])
    assert (two.shape, other.shape) == ((0, 2), (0, 4))


def test_inputs_as_list_tuple_and_dict() -> None:
    model, b = functional(), X[:, 0, :1].repeat(4, 1)
    wanted = model.predict([X, b])
    assert isinstance(wanted, list)
    for given in ((X, b), {"a": X, "b": b}, {"b": b, "a": X, "unused": b}):
        found = model.predict(given)
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(one, other)
    for one, other in zip(model.predict([X, b], batch_size=2), wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


def test_outputs_have_the_structure_that_the_model_was_drawn_with() -> None:
    x = gw.Input((5, 3))
    y = LSTM(4, return_state=True)(x)
    assert isinstance(gw.Model(x, y).predict(X), list)
    found = gw.Model(x, {"out": y[0], "state": y[1:]}).predict(X, batch_size=3)
    assert sorted(found) == ["out", "state"]
    assert [part.shape for part in found["state"]] == [(7, 4), (7, 4)]
    assert gw.Model(x, [y[0]]).predict(X)[0].shape == (7, 4)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([X], r"expected 2 inputs \(a, b\), got 1"),
        ([X, X, X], "got 3"),
        ({"a": X}, r"named \['a', 'b'\]"),
        ([X, X[:3, 0, :1].repeat(4, 1)], "same number of samples"),
        ([X[..., :2], X[:, 0, :1].repeat(4, 1)], r"'a' must have the shape \(None, 5, 3\), got \(7, 5, 2\)"),
        ([X[0], X[:, 0, :1].repeat(4, 1)], "must have 3 axes"),
        ([np.full((7, 5, 3), "a"), X[:, 0, :1].repeat(4, 1)], "must hold numbers"),
        ([np.full((7, 5, 3), None), X[:, 0, :1].repeat(4, 1)], "must hold numbers"),
    ],
)
def test_inputs_that_do_not_fit(given: Any, words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        functional().predict(given)


@pytest.mark.parametrize("steps", [None, 1, 2])
def test_iterators_of_batches(steps: int | None) -> None:
    model = small()
    taken = []

    def batches(form: Any) -> Any:
        for start in (0, 2, 4):
            taken.append(start)
            yield form(X[start : start + 2])

    wanted = model.predict(X[: 2 * (steps or 3)])
    for form in (lambda x: x, lambda x: (x,), lambda x: (x, "targets"), lambda x: (x, "targets", "weights")):
        taken.clear()
        np.testing.assert_allclose(model.predict(batches(form), steps=steps), wanted, rtol=0, atol=1e-6)
        assert len(taken) == (steps or 3)  # No batch is taken that is not used.
    with pytest.raises(ValueError, match="no batches"):
        model.predict(iter([]))


def test_steps() -> None:
    model = small()
    np.testing.assert_allclose(model.predict(X, batch_size=2, steps=2), model.predict(X[:4]), rtol=0, atol=1e-6)
    for steps in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match="steps must be a positive integer"):
            model.predict(X, steps=steps)


def test_unknown_options_are_not_swallowed() -> None:
    model = small()
    with pytest.raises(TypeError, match="batchsize"):
        model.predict(X, batchsize=3)
    wanted = model.predict(X)
    found = model.predict(X, callbacks=[], max_queue_size=1, workers=4, use_multiprocessing=True)
    np.testing.assert_array_equal(found, wanted)


def test_predict_on_batch() -> None:
    model = small()
    np.testing.assert_array_equal(model.predict_on_batch(X), model.predict(X))


def test_a_call_gives_tensors() -> None:
    model = small()
    y = model(X)
    assert isinstance(y, gw.Tensor)
    assert type(y.numpy()) is np.ndarray
    np.testing.assert_array_equal(y.numpy(), model.predict(X))
    parts = gw.Model(x := gw.Input((5, 3)), GRU(2, return_state=True)(x))(X)
    assert isinstance(parts, list)
    assert all(isinstance(part, gw.Tensor) for part in parts)
    assert type(model.predict(X)) is np.ndarray


# -- aliasing -----------------------------------------------------------------------------------------------------------


def identity_models() -> dict[str, Any]:
    x = gw.Input((5, 3))
    y = Activation("linear")(x)
    return {
        "dropout": gw.Sequential([gw.Input((5, 3)), Dropout(0.5)]),
        "reshape": gw.Sequential([gw.Input((5, 3)), Reshape((3, 5))]),
        "flatten": gw.Sequential([gw.Input((5, 3)), Flatten()]),
        "linear": gw.Model(x, y),
        "twice": gw.Model(x, [y, y]),
        "slices": gw.Model(x, [y[:, :2], y[:, 2:], y]),
        "lambda": gw.Sequential([gw.Input((5, 3)), Lambda(lambda x: x)]),
    }


@pytest.mark.parametrize("name", identity_models())
@pytest.mark.parametrize("batch_size", [None, 2, 100])
def test_results_share_no_memory(name: str, batch_size: int | None) -> None:
    model, x = identity_models()[name], X.copy()
    found = model.predict(x, batch_size=batch_size)
    parts = found if isinstance(found, list) else [found]
    arrays = [x, *parts]
    assert all(part.flags.writeable for part in parts)
    for place, one in enumerate(arrays):
        for other in arrays[:place]:
            assert not np.shares_memory(one, other)


def test_the_input_is_left_as_it_was() -> None:
    for model in (small(), functional()):
        x = X.copy()
        given = x if len(model.inputs) == 1 else [x, X[:, 0, :1].repeat(4, 1)]
        before = x.copy()
        model.predict(given)
        np.testing.assert_array_equal(x, before)


# -- time first ---------------------------------------------------------------------------------------------------------

TIME_FIRST: dict[str, Any] = {
    "last": lambda: [LSTM(4, time_major=True)],
    "sequences": lambda: [GRU(4, time_major=True, return_sequences=True)],
    "states": lambda: [LSTM(4, time_major=True, return_state=True, return_sequences=True)],
    "behind others": lambda: [Dense(2), Dropout(0.5), LSTM(4, time_major=True)],
    "both ways": lambda: [Bidirectional(LSTM(4, time_major=True))],
    "nested": lambda: [gw.Sequential([LSTM(4, time_major=True, batch_input_shape=(None, None, 3))])],
    "stateful": lambda: [LSTM(4, time_major=True, stateful=True)],
}


@pytest.mark.parametrize("name", TIME_FIRST)
@pytest.mark.parametrize("batch_size", [None, 2, 100])
def test_time_is_not_cut_into_batches(name: str, batch_size: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "CHUNK_BYTES", 100)  # two of the seven steps
    model = gw.Sequential([gw.Input(batch_shape=(None, None, 3)), *TIME_FIRST[name]()])
    found = model.predict(X, batch_size=batch_size)
    model.reset_states()
    wanted = model(X)
    for one, other in zip(*(parts if isinstance(parts, list) else [parts] for parts in (found, wanted)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_model_that_turns_its_input_is_cut_along_samples() -> None:
    seen = []

    def turned(x: Any) -> Any:
        seen.append(x.shape[0])
        return x.swapaxes(0, 1)

    def model_with(turn: Any) -> Any:
        return gw.Sequential([gw.Input((5, 3)), turn, LSTM(4, time_major=True)])

    model = model_with(Lambda(turned))
    wanted = model.predict(X)
    assert seen[-1] == 7
    seen.clear()
    np.testing.assert_allclose(model.predict(X, batch_size=2), wanted, rtol=0, atol=1e-6)
    assert seen == [2, 2, 2, 1]


# -- new weights --------------------------------------------------------------------------------------------------------


def test_new_weights_are_seen_by_the_next_predict() -> None:
    model = gw.Sequential([LSTM(4, input_shape=(5, 3))])
    first = model.predict(X)
    assert plan.of(model) is not None
    model.set_weights([0.5 * w for w in model.get_weights()])
    second = model.predict(X)
    assert not np.allclose(first, second)
    model.layers[0].activation = "relu"
    third = model.predict(X)
    assert not np.allclose(second, third)
    model.layers[0].kernel.assign(np.zeros((3, 16)))
    assert not np.allclose(model.predict(X), third)
    np.testing.assert_array_equal(model.predict(X), model.layers[0](X))


def test_a_weight_cannot_be_changed_behind_its_back() -> None:
    model = small()
    with pytest.raises(ValueError, match="read-only"):
        model.weights[0].value[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(model.weights[0])[0, 0] = 1
    copy = model.get_weights()[0]
    copy[:] = 0
    assert np.abs(model.weights[0].value).max() > 0


# -- progress -----------------------------------------------------------------------------------------------------------


class Terminal:
    """A stderr that says it is a terminal."""

    def __init__(self, terminal: bool) -> None:
        self.terminal, self.text = terminal, ""

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


@pytest.mark.parametrize(
    ("terminal", "verbose", "slow", "shown"),
    [(True, "auto", True, True), (True, 1, True, True), (True, 0, True, False), (False, 1, True, False),
     (False, "auto", True, False), (True, "auto", False, False)],
)  # fmt: skip
def test_progress_only_on_a_terminal_and_only_when_it_takes_long(
    terminal: bool, verbose: Any, slow: bool, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = Terminal(terminal)
    monkeypatch.setattr(sys, "stderr", out)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(batches, "_SECONDS_BEFORE_PROGRESS", -1.0 if slow else 1e9)
    model = small()
    np.testing.assert_allclose(model.predict(X, batch_size=1, verbose=verbose), model.predict(X), rtol=0, atol=1e-6)
    assert bool(out.text) == shown
    assert ("predict" in out.text) == shown


# -- JAX ----------------------------------------------------------------------------------------------------------------


def test_the_jax_executor_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model = gw.Sequential([Embedding(9, 4, mask_zero=True), LSTM(3, stateful=True, return_sequences=True), GRU(2)])
    ids = np.array([[1, 2, 3, 0, 0, 0], [4, 5, 0, 0, 0, 0]])
    wanted = [model.predict(ids), model.predict(ids)]
    model.reset_states()
    gw.config.executor = "jax"
    try:
        for each in wanted:
            found = model.predict(ids)
            assert type(found) is np.ndarray
            assert found.flags.writeable
            np.testing.assert_allclose(found, each, rtol=0, atol=1e-6)
    finally:
        gw.config.executor = "auto"


def test_what_jax_compiled_follows_the_layers() -> None:
    model = gw.Sequential([gw.Input((5, 3)), LSTM(4, return_sequences=True), Dense(3, name="a"), Dense(3, name="b")])
    gw.config.executor = "jax"
    try:
        model.predict(X)
        for change in (
            lambda: setattr(model.layers[0], "activation", "relu"),
            lambda: setattr(model.get_layer("a"), "trainable", False),
            lambda: (
                setattr(model.get_layer("a"), "trainable", True),
                setattr(model.get_layer("b"), "trainable", False),
            ),
            lambda: model.set_weights([2 * w for w in model.get_weights()]),
            model.pop,
            lambda: model.add(Dense(3)),
        ):
            change()
            found = model.predict(X)
            gw.config.executor = "numpy"
            np.testing.assert_allclose(found, model.predict(X), rtol=0, atol=1e-5)
            gw.config.executor = "jax"
    finally:
        gw.config.executor = "auto"


# -- forks --------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_predict_in_a_forked_child() -> None:
    model = gw.Sequential([LSTM(64, input_shape=(20, 8)), Dense(2)])
    x = np.random.default_rng(1).standard_normal((64, 20, 8)).astype("float32")
    wanted = model.predict(x)
    for _ in range(3):
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if np.array_equal(model.predict(x), wanted) else 3)
            finally:
                os._exit(4)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        np.testing.assert_array_equal(model.predict(x), wanted)
