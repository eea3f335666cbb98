"""What is made of a model and kept (a packed op, a plan, a stream's program, a compiled function) follows the model.

One kit for all four: change any weight, argument, attribute or drawing, and the next call sees it.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.base.variable import all_or_nothing
from gatewise.engine.recurrence import executor
from gatewise.layers import GRU, LSTM, Dense, PeepholeLSTM
from gatewise.models import plan

X = np.random.default_rng(1).standard_normal((2, 6, 3)).astype("float32")
TOLERANCE = 1e-5


def by_op(model: Any) -> np.ndarray:
    y = X
    for layer in model.layers:
        y = layer(y)
    return np.asarray(y)


def by_plan(model: Any) -> np.ndarray:
    return model.predict(X)


def by_stream(model: Any) -> np.ndarray:
    stream = model.stream(2)
    return [stream.push(X[:, t]) for t in range(X.shape[1])][-1]


def by_jax(model: Any) -> np.ndarray:
    gw.config.executor = "jax"
    try:
        return model.predict(X)
    finally:
        gw.config.executor = "auto"


USES = [by_op, by_plan, by_stream, by_jax]


@pytest.fixture(params=USES, ids=lambda use: use.__name__)
def use(request: pytest.FixtureRequest) -> Callable[[Any], np.ndarray]:
    found: Callable[[Any], np.ndarray] = request.param
    return found


def model_of(layer: Any) -> Any:
    return gw.Sequential([gw.Input((None, 3)), layer, Dense(2)])


def afresh(model: Any) -> np.ndarray:
    """What a model says that was made just now, with these arguments and weights."""
    twin = gw.models.model_from_json(model.to_json())
    twin.set_weights(model.get_weights())
    return by_op(twin)


def check(use: Callable[[Any], np.ndarray], model: Any, change: Callable[[], Any]) -> None:
    before = use(model)
    np.testing.assert_allclose(use(model), before, rtol=0, atol=0)
    change()
    found = use(model)
    np.testing.assert_allclose(found, afresh(model), rtol=0, atol=TOLERANCE)
    assert found.shape != before.shape or not np.allclose(found, before, atol=10 * TOLERANCE), "nothing changed"


@pytest.mark.parametrize("cls", [LSTM, GRU, PeepholeLSTM])
def test_any_weight(use: Any, cls: Any) -> None:
    model = model_of(cls(4))
    for weight in model.weights:
        check(use, model, lambda weight=weight: weight.assign(weight.numpy() + 0.3))


def test_all_weights_at_once(use: Any) -> None:
    model = model_of(LSTM(4))
    check(use, model, lambda: model.set_weights([w + 0.2 for w in model.get_weights()]))


@pytest.mark.parametrize(
    ("name", "value"), [("activation", "relu"), ("activation", np.sin), ("recurrent_activation", "hard_sigmoid")]
)
def test_any_argument(use: Any, name: str, value: Any) -> None:
    if value is np.sin and use is by_jax:
        value = "elu"  # NumPy's own functions take no traced arrays.
    model = model_of(LSTM(4))
    before = use(model)
    setattr(model.layers[0], name, value)
    found = use(model)
    assert not np.allclose(found, before, atol=10 * TOLERANCE)
    np.testing.assert_allclose(found, by_op(model), rtol=0, atol=TOLERANCE)


def test_the_drawing(use: Any) -> None:
    model = model_of(LSTM(4))
    check(use, model, model.pop)
    check(use, model, lambda: model.add(Dense(5)))


def test_a_layer_taken_away_and_put_back(use: Any) -> None:
    model = model_of(LSTM(4))
    before = use(model)
    layer = model.pop()
    use(model)
    model.add(layer)
    np.testing.assert_allclose(use(model), before, rtol=0, atol=TOLERANCE)


def test_an_attribute_of_ones_own_layer(use: Any) -> None:
    class Times(gw.layers.Layer):
        works_step_by_step = True

        def __init__(self, factor: float, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, inputs: Any) -> Any:
            return inputs * self.factor

    times = Times(2.0)
    model = gw.Sequential([gw.Input((None, 3)), LSTM(4), times])
    if use is by_plan:  # Such a layer has the general way alone, in which nothing is kept.
        use = lambda model: model.predict(X)  # noqa: E731
    before = use(model)
    times.factor = 3.0
    np.testing.assert_allclose(use(model), before * 1.5, rtol=1e-5)


def test_what_was_taken_back_was_not_kept() -> None:
    layer = LSTM(4)
    before = layer(X)

    def fails() -> None:
        with all_or_nothing():
            layer.kernel.assign(layer.kernel.numpy() + 1)
            assert not np.allclose(layer(X), before)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    np.testing.assert_array_equal(layer(X), before)


def test_other_models_changes_make_nothing_anew() -> None:
    model, other = model_of(LSTM(4)), model_of(LSTM(4))
    by_plan(model)
    assert plan.of(model) is not None
    made, op = plan.of(model), model.layers[0].current_op()
    other.set_weights([w + 1 for w in other.get_weights()])
    other.layers[0].activation = "relu"
    assert plan.of(model) is made
    assert model.layers[0].current_op() is op


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])
def test_copies_begin_anew_and_follow_their_own_weights(use: Any, copied: Any) -> None:
    model = model_of(LSTM(4))
    before = use(model)
    twin = copied(model)
    np.testing.assert_allclose(use(twin), before, rtol=0, atol=TOLERANCE)
    twin.layers[0].kernel.assign(twin.layers[0].kernel.numpy() + 1)
    assert not np.allclose(use(twin), before, atol=10 * TOLERANCE)
    np.testing.assert_allclose(use(model), before, rtol=0, atol=0)


def test_a_shallow_copy_of_a_layer_keeps_its_own_things() -> None:
    layer = LSTM(4)
    before = layer(X)
    twin = copy.copy(layer)
    np.testing.assert_array_equal(twin(X), before)
    twin.activation = "relu"
    other = twin(X)
    np.testing.assert_array_equal(layer(X), before)
    np.testing.assert_array_equal(twin(X), other)
    assert not np.allclose(other, before)


def test_the_packed_op_is_one_object_until_something_changes() -> None:
    layer = PeepholeLSTM(4)
    layer(X)
    op = layer.current_op()
    assert layer.current_op() is op
    assert executor(op, X) == "native"
    layer.peephole.assign(layer.peephole.numpy())
    assert layer.current_op() is not op
