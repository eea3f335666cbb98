"""The state of a stream, taken, saved and put back; and new weights under it."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from stream_models import ALL, B, T, chain, floats, leaves, nested, part, randomised

import gatewise as gw
from gatewise import layers


@pytest.mark.parametrize("name", [*ALL])
def test_a_state_can_be_taken_saved_and_put_back(name: str) -> None:
    make, x = ALL[name]
    if name in ("no time", "the input itself"):
        return
    model = make()
    stream = model.stream(B)
    for t in range(4):
        stream.push(part(x, model, t))
    state, saved, twin = stream.state, stream.save(), stream.copy()
    rest = [leaves(stream.push(part(x, model, t))) for t in range(4, T)]
    by_state, by_bytes = model.stream(B), model.stream(B)
    by_state.state = state
    by_bytes.restore(saved)
    for other in (twin, by_state, by_bytes, copy.deepcopy(by_bytes)):
        again = [leaves(other.push(part(x, model, t))) for t in range(4, T)]
        np.testing.assert_equal(again, rest)
    stream.reset()
    assert stream.save() == model.stream(B).save()


def test_the_state_is_by_name() -> None:
    state = nested().stream(2).state
    assert {k: {n: a.shape for n, a in v.items()} for k, v in state["inner"].items()} == {
        "lstm": {"h": (2, 4), "c": (2, 4)}
    } or (list(state) == ["inner", "inner:2", *[k for k in state if k.startswith("gru")]])
    conv = chain(layers.Conv1D(3, 4, padding="causal", dilation_rate=2, name="conv")).stream(2).state
    assert conv["conv"]["past"].shape == (2, 6, 5)


def test_the_lstm_state_is_the_layers_own() -> None:
    x = gw.Input((None, 5))
    model = randomised(gw.Model(x, layers.LSTM(4, return_state=True, name="it")(x)))
    stream = model.stream(B)
    for t in range(T):
        stream.push(floats(5)[:, t])
    _, h, c = model.predict(floats(5))
    np.testing.assert_allclose(stream.state["it"]["h"], h, atol=1e-6)
    np.testing.assert_allclose(stream.state["it"]["c"], c, atol=1e-6)


@pytest.mark.parametrize(
    "wrong",
    [{}, {"it": {"h": np.zeros((2, 4))}}, {"it": {"h": np.zeros((2, 4)), "c": np.zeros((2, 3))}}, {"it": 3}, 7,
     {"it": {"h": np.zeros((2, 4)), "c": np.zeros((2, 4)), "d": 0}}, {"it": {"h": np.zeros((2, 4)), "c": [["a"] * 4] * 2}}],
)  # fmt: skip
def test_a_wrong_state_changes_nothing(wrong: Any) -> None:
    stream = chain(layers.LSTM(4, name="it")).stream(2)
    stream.push(np.ones((2, 5)))
    before = stream.save()
    with pytest.raises(ValueError, match=r"a state has \['it/h', 'it/c'\]|the state it/c must have the shape"):
        stream.state = wrong
    assert stream.save() == before


def test_damaged_bytes_change_nothing() -> None:
    model = chain(layers.LSTM(3), layers.Dense(1))
    stream = model.stream(2)
    stream.push(np.ones((2, 5)))
    saved = stream.save()
    stream.push(np.ones((2, 5)))
    before = stream.save()
    for length in range(len(saved)):
        with pytest.raises(ValueError, match=r"cut short"):
            stream.restore(saved[:length])
    for place in range(len(saved)):
        damaged = bytearray(saved)
        damaged[place] ^= 0x41
        with pytest.raises(ValueError, match=r"The saved stream is"):
            stream.restore(bytes(damaged))
    for wrong in (saved + b"x", b"PK\3\4" * 30):
        with pytest.raises(ValueError, match=r"The saved stream is"):
            stream.restore(wrong)
    with pytest.raises(TypeError, match="expected bytes"):
        stream.restore("text")  # type: ignore[arg-type]
    assert stream.save() == before
    stream.restore(bytearray(saved))
    assert stream.save() == saved


def test_bytes_of_another_model_or_batch_are_refused() -> None:
    saved = chain(layers.LSTM(4)).stream(2).save()
    chain(layers.LSTM(4, name="renamed")).stream(2).restore(saved)
    for other in (
        chain(layers.LSTM(5)),
        chain(layers.GRU(8)),
        chain(layers.LSTM(4, activation="relu")),
        chain(layers.LSTM(4), shape=(None, 6)),
    ):
        with pytest.raises(ValueError, match="of another model"):
            other.stream(2).restore(saved)
    with pytest.raises(ValueError, match="is of 2 sequences, and this stream is of 3"):
        chain(layers.LSTM(4)).stream(3).restore(saved)


def test_weights_are_those_of_the_moment_until_update() -> None:
    model = chain(layers.LSTM(4), layers.Dense(2))
    x = floats(5)
    stream, follower, expected = model.stream(B), model.stream(B), model.stream(B)
    first = stream.push(x[:, 0])
    follower.push(x[:, 0])
    expected.push(x[:, 0])
    before = expected.push(x[:, 1])
    randomised(model, seed=5)
    np.testing.assert_array_equal(stream.push(x[:, 1]), before)
    state = follower.state
    follower.update()
    np.testing.assert_equal(follower.state, state)
    fresh = model.stream(B)
    fresh.state = state
    after = fresh.push(x[:, 1])
    np.testing.assert_array_equal(follower.push(x[:, 1]), after)
    assert not np.array_equal(after, before)
    assert first.shape == after.shape


def test_update_wants_the_same_layers() -> None:
    model = chain(layers.LSTM(4))
    stream = model.stream()
    model.add(layers.Dense(2))
    with pytest.raises(ValueError, match="other layers than when this stream was made"):
        stream.update()
