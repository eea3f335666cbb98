"""How a layer gets its rule: by registration or by a fact, each for the `call` that it was stated of."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from stream_models import B, T, chain, floats

import gatewise as gw
from gatewise import layers
from gatewise.streaming.rules import Rule, WholeSequence, rule, rule_of
from gatewise.streaming.values import Slot

CALLED = sorted(
    {kind for kind in vars(layers).values() if inspect.isclass(kind) and issubclass(kind, layers.Layer)}
    - {layers.Layer, layers.InputLayer},
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", CALLED)
def test_every_layer_streams_or_says_why_not(kind: Any) -> None:
    found = rule_of(kind)
    assert found is not None
    assert not issubclass(found, WholeSequence) or kind.why_whole_sequence
    assert not (kind.works_step_by_step and kind.why_whole_sequence)


class Total(layers.Layer):
    """The sum of all steps so far: a layer of a program's own that keeps something."""

    def call(self, inputs: Any) -> Any:
        return np.cumsum(inputs, axis=1)


@rule(Total)
class TotalRule(Rule):
    """What is kept is the sum."""

    def slots_for(self) -> list[Slot]:
        return [Slot(self.path, "sum", self.inputs[0].shape)]

    def run(self, arrays: Any, held: Any) -> None:
        (slot,) = self.slots
        held[slot] = held[slot] + arrays[self.inputs[0]][:, 0]
        arrays[self.outputs[0]] = held[slot][:, None]


class Renamed(Total):
    """The same `call`."""


class Doubled(Total):
    def call(self, inputs: Any) -> Any:
        return 2 * super().call(inputs)


@pytest.mark.parametrize("kind", [Total, Renamed])
def test_a_layer_of_ones_own_with_a_rule(kind: Any) -> None:
    model, x = chain(layers.LSTM(3, return_sequences=True), kind(name="it"), layers.Dense(2)), floats(5)
    stream = model.stream(B)
    assert not stream.native
    np.testing.assert_allclose(stream.push_many(x), model.predict(x), atol=1e-5)
    assert stream.state["it"]["sum"].shape == (B, 3)
    pool = model.stream_pool(B)
    pool.add(range(B))
    for t in range(T):
        y = pool.push(range(B), x[:, t])
    np.testing.assert_allclose(y, model.predict(x)[:, -1], atol=1e-5)


class Halved(layers.Layer):
    """A layer of a program's own that says of its `call` what a stream has to know."""

    works_step_by_step = True

    def call(self, inputs: Any) -> Any:
        return inputs / 2


class Reversed(Halved):
    def call(self, inputs: Any) -> Any:
        return inputs[:, ::-1]


class OwnLSTM(layers.LSTM):
    def call(self, inputs: Any, mask: Any = None, training: bool = False, initial_state: Any = None) -> Any:
        return super().call(inputs[:, ::-1], mask, training, initial_state)


class Guessed(layers.Lambda):
    """What holds for Lambda holds for it."""


def test_a_layer_of_ones_own_that_works_step_by_step() -> None:
    model, x = chain(Halved(), layers.LSTM(3, return_sequences=True)), floats(5)
    np.testing.assert_allclose(model.stream(B).push_many(x), model.predict(x), atol=1e-6)


@pytest.mark.parametrize(
    "make",
    [lambda: OwnLSTM(3, name="it"), lambda: Reversed(name="it"), lambda: Doubled(name="it")],
    ids=["LSTM", "by fact", "by rule"],
)
def test_what_is_stated_of_one_call_does_not_hold_for_another(make: Any) -> None:
    with pytest.raises(ValueError, match="'it' is not one of Gatewise's own layers"):
        gw.Sequential([gw.Input((7, 5)), make()]).stream()


def test_an_lstm_under_another_name_is_one() -> None:
    class Mine(layers.LSTM):
        """Nothing of its own."""

    stream = chain(Mine(3, name="it")).stream()
    assert stream.native
    assert set(stream.state["it"]) == {"h", "c"}


def test_a_sentence_of_a_base_is_said_of_its_subclass() -> None:
    with pytest.raises(ValueError, match="Guessed 'it' is not among the layers that are known to work"):
        gw.Sequential([gw.Input((7, 5)), Guessed(lambda v: v, name="it")]).stream()
