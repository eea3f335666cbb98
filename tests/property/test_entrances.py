"""Every entrance takes arrays in either byte order, and none that hide numbers or hold anything else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.ma
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gatewise as gw

L = gw.layers
STEPS, FEATURES, UNITS = 4, 3, 2


def swapped(array: Any) -> Any:
    """The same numbers in the other byte order."""
    return array.astype(array.dtype.newbyteorder(">" if np.dtype("<i4").isnative else "<"))


def of_floats() -> Any:
    return gw.Sequential([gw.Input((STEPS, FEATURES)), L.LSTM(UNITS), L.Dense(1)])


def of_ids() -> Any:
    return gw.Sequential([gw.Input((STEPS,)), L.Embedding(300, FEATURES), L.GRU(UNITS)])


def stateful() -> Any:
    layer = L.GRU(UNITS, stateful=True)
    layer.build((2, STEPS, FEATURES))
    return layer


def after_reset(state: Any) -> Any:
    layer = STATEFUL
    layer.reset_states([state])
    return layer.states[0].numpy()


def after_setting(values: Any) -> Any:
    FLOATS.layers[1].set_weights([values, np.zeros(1)])
    return FLOATS.layers[1].kernel.numpy()


def after_assigning(values: Any) -> Any:
    FLOATS.layers[1].kernel.assign(values)
    return FLOATS.layers[1].kernel.numpy()


def after_streaming(model: Any, x: Any, many: bool) -> Any:
    stream = model.stream()
    return stream.push_many(x[0]) if many else stream.push(x[0, 0])


def after_stream_state(h: Any) -> Any:
    stream = FLOATS.stream(2)
    name = FLOATS.layers[0].name
    stream.state = {name: {"h": h, "c": np.zeros((2, UNITS))}}
    return stream.state[name]["h"]


def after_pushing(x: Any) -> Any:
    pool = FLOATS.stream_pool(4)
    pool.add([1, 2])
    return pool.push([1, 2], x[:, 0])


def after_adding(ids: Any) -> Any:
    pool = FLOATS.stream_pool(1000)
    pool.add(ids)
    return np.sort(pool.ids())


def after_training(x: Any, y: Any) -> Any:
    TRAINED.set_weights([np.full(w.shape, 0.1, "float32") for w in TRAINED.get_weights()])
    TRAINED.train_on_batch(x, y)
    return TRAINED.layers[1].kernel.numpy()


FLOATS, IDS, STATEFUL, TRAINED = of_floats(), of_ids(), stateful(), of_floats()
TRAINED.compile("sgd", "mse")
ATTENDING = L.LSTM(UNITS)
ATTENDING.build((None, STEPS, FEATURES))

X, STATE, WEIGHTS = (2, STEPS, FEATURES), (2, UNITS), (UNITS, 1)
ONES = np.ones(X, "float32")

# What takes an array: its shape, and the call.
FLOATING: dict[str, tuple[tuple[int, ...], Callable[[Any], Any]]] = {
    "predict": (X, FLOATS.predict),
    "predict in batches": (X, lambda x: FLOATS.predict(x, batch_size=1)),
    "predict_on_batch": (X, FLOATS.predict_on_batch),
    "predict from an iterator": (X, lambda x: FLOATS.predict(iter([x]))),
    "call": (X, FLOATS),
    "layer": (X, ATTENDING),
    "push": (X, lambda x: after_streaming(FLOATS, x, many=False)),
    "push_many": (X, lambda x: after_streaming(FLOATS, x, many=True)),
    "pool": (X, after_pushing),
    "initial_state": (STATE, lambda s: ATTENDING(ONES, initial_state=[s, s])),
    "reset_states": (STATE, after_reset),
    "state of a stream": (STATE, after_stream_state),
    "set_weights": (WEIGHTS, after_setting),
    "assign": (WEIGHTS, after_assigning),
    "inputs of training": (X, lambda x: after_training(x, np.zeros((2, 1), "float32"))),
    "targets": ((2, 1), lambda y: after_training(ONES, y)),
    "loss": ((2, 1), lambda y: gw.losses.MeanSquaredError()(y, np.zeros((2, 1), "float32"))),
}
WHOLE: dict[str, tuple[tuple[int, ...], Callable[[Any], Any]]] = {
    "predict": ((2, STEPS), IDS.predict),
    "call": ((2, STEPS), IDS),
    "push": ((2, STEPS), lambda x: after_streaming(IDS, x, many=False)),
    "push_many": ((2, STEPS), lambda x: after_streaming(IDS, x, many=True)),
    "ids of a pool": ((3,), after_adding),
}


def numbers(shape: tuple[int, ...], dtype: str, seed: int) -> Any:
    rng = np.random.Generator(np.random.PCG64(seed))
    if dtype.startswith("f"):
        return rng.uniform(-1, 1, shape).astype(dtype)
    return rng.permutation(256)[: np.prod(shape)].reshape(shape).astype(dtype)


@pytest.mark.parametrize("name", FLOATING)
@settings(max_examples=5)
@given(dtype=st.sampled_from(["f2", "f4", "f8"]), seed=st.integers(0, 2**32))
def test_floats_in_either_byte_order(name: str, dtype: str, seed: int) -> None:
    shape, call = FLOATING[name]
    array = numbers(shape, dtype, seed)
    np.testing.assert_array_equal(np.asarray(call(swapped(array))), np.asarray(call(array)))


@pytest.mark.parametrize("name", WHOLE)
@settings(max_examples=8)
@given(dtype=st.sampled_from(["i2", "u2", "i4", "u4", "i8", "u8"]), seed=st.integers(0, 2**32))
def test_integers_in_either_byte_order(name: str, dtype: str, seed: int) -> None:
    shape, call = WHOLE[name]
    array = numbers(shape, dtype, seed)
    np.testing.assert_array_equal(np.asarray(call(swapped(array))), np.asarray(call(array)))


def test_a_big_endian_id_that_is_not_in_the_table() -> None:
    with pytest.raises(ValueError, match=r"from 0 to 299 .*-256 came at \(0, 1\)"):
        IDS.predict(np.array([[0, -256, 0, 0]], ">i4"))


def entrances() -> Iterator[tuple[str, tuple[int, ...], Callable[[Any], Any], str]]:
    for name, (shape, call) in FLOATING.items():
        yield name, shape, call, "f4"
    for name, (shape, call) in WHOLE.items():
        yield f"ids: {name}", shape, call, "i8"


ENTRANCES = {name: rest for name, *rest in entrances()}


@pytest.mark.parametrize("name", ENTRANCES)
def test_masked_arrays_are_refused_where_they_hide_numbers(name: str) -> None:
    shape, call, dtype = ENTRANCES[name]
    array = numbers(shape, dtype, 1)
    hiding = np.ma.masked_array(array, mask=np.arange(array.size).reshape(shape) < 2)
    with pytest.raises(ValueError, match=r"masked array.*hides [12] of its numbers"):
        call(hiding)
    np.testing.assert_array_equal(np.asarray(call(np.ma.masked_array(array))), np.asarray(call(array)))


def test_masked_arrays_in_lists() -> None:
    hiding = np.ma.masked_array(np.ones((STEPS, FEATURES)), mask=np.eye(STEPS, FEATURES, dtype=bool))
    for x in ([hiding, hiding], [list(hiding), list(hiding)]):
        with pytest.raises(ValueError, match=r"hides [36] of its numbers"):
            FLOATS.predict(x)


@pytest.mark.parametrize("name", ["initial_state", "reset_states", "state of a stream", "set_weights", "assign"])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda shape: np.ones(shape) * 1j, "complex128"),
        (lambda shape: np.full(shape, None), "object"),
        (lambda shape: np.full(shape, "1"), "<U1"),
        (lambda shape: "q", "'q' came"),
        (lambda shape: None, "None came"),
    ],
)
def test_states_and_weights_hold_numbers(name: str, wrong: Callable[..., Any], said: str) -> None:
    shape, call, _ = ENTRANCES[name]
    with pytest.raises(TypeError, match=said) as told:
        call(wrong(shape))
    assert any(label in str(told.value) for label in ("lstm", "gru", "dense", "sequential"))
