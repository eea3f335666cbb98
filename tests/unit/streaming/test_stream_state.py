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
    said = r"a state has \['it/h', 'it/c'\]|the state it/c must have the shape|the state it/c must hold numbers"
    with pytest.raises((TypeError, ValueError), match=said):
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


# What stood for the models' layers in saved streams before the rules of streaming had files of their own: states that
# users have saved are checked against these bytes, which must stay.
FINGERPRINTS = {
    "stack": "bd57de5fce01fedbcdb99847134bb32770d389d7bb18c4bf9f695a71174c3f8f",
    "masks of keras 2": "0e543af73cc61917ba6c4411915175d41f65bd13d3c7f4dd6a6af78aeaa5fb68",
    "embedding with masks": "a645a61e10c3b94ef8522edab46a7d939f2c8815f6eef4370e8604a9eedde571",
    "convolutions": "8df98fc4a893c6ff8e1181717664e38a0f3afdd616befcd8cdb7b6fbfc96a679",
    "per step": "7a6506f4ac961d2d70ea77dbd2bc17928152bbe8be183718cde92002a6033bb5",
    "windows of a step": "51e69821c58af1cacd2064a39cb1b6e0d5fe00d756184a2530fcf62e8177c7a5",
    "branches": "63fb0a6d53654ecb026e5fcf3fe847e9661da27f0258995c55d4aa3429e5ac6a",
    "two inputs": "4f772ee71ea16bf6255441e72bdbd0a6155fe3fd590eff0e0c3f32fa9d640a13",
    "nested": "7aaf96d25566b51811be1a06493715972507b609adce621df1d0edfb817db23d",
    "last step": "0e73e9788e9dfdc917bb06e215d52115e173a5c9569592e1d214741db3186f5d",
    "own activation": "748cbc5887fa450d48e421f97325f587a8619e2b4014548cacb41377041af05e",
    "double": "472ba636dae42c9aca3d67dc7e81f5156397e6694bc5e067db682ecc6b056811",
    "sequences in a step": "59d6c0ff14be0b3751de961a468ec2f60089a38875098e16eff2375dd1a8c93e",
    "a model at each step": "b1b5a17f6930ee94b57df93bf223a8273a65b0e9aac0f9579306b645a6ee78b7",
    "arithmetic": "c5d884f98b6090d9545e8c5f48cfb674edc9ee9af496ccad8aefad5f480b998d",
    "broadcast": "0911a6d894605b58c06319cada2add7eea7c276f91e96ef48c127bc879ef1bb2",
}


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_streams_that_were_saved_before_are_still_taken(name: str) -> None:
    make, _ = ALL[name]
    assert make().stream().save()[16:48].hex() == FINGERPRINTS[name]
