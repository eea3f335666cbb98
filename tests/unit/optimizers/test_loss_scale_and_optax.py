"""Optimizers around others: a scale for the loss, and optax's transformations."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gatewise import optimizers
from gatewise.base.variable import Variable
from gatewise.optimizers import SGD, LossScaleOptimizer, Optax, schedules

ONES = np.ones(2, "float32")


def weight():
    return Variable(np.array([1.0, 2.0], "float32"), name="kernel", path="dense/kernel")


def scaled():
    w = weight()
    optimizer = LossScaleOptimizer(SGD(0.5, momentum=0.5), initial_scale=8.0, dynamic_growth_steps=2)
    optimizer.build([w])
    return optimizer, w


@pytest.mark.parametrize("compiled", [False, True])
def test_a_scale_halves_at_once_and_doubles_after_a_while(compiled):
    optimizer, w = scaled()
    state, values, seen = [v.numpy() for v in optimizer.variables], [w.numpy()], []
    step = jax.jit(optimizer.stateless_apply) if compiled else optimizer.stateless_apply
    for gradient in (8 * ONES, np.array([np.inf, 1.0], "float32"), 4 * ONES, 4 * ONES, 8 * ONES):
        values, state = step(state, [gradient], values)
        seen.append((float(state[3]), int(state[2]), values[0].tolist()))
    assert seen == [
        (8.0, 1, [0.5, 1.5]),
        (4.0, 0, [0.5, 1.5]),
        (4.0, 1, [-0.25, 0.75]),
        (8.0, 0, [-1.125, -0.125]),
        (8.0, 1, [-2.0625, -1.0625]),
    ]
    assert [v.name for v in optimizer.variables][:5] == [
        "iteration",
        "learning_rate",
        "step_counter",
        "dynamic_scale",
        "iteration",
    ]
    assert int(state[4]) == 4, "a step that is left out is not counted"


def test_a_scale_changes_weights_in_place_too():
    optimizer, w = scaled()
    assert optimizer.scale_loss(0.5) == 4.0
    optimizer.apply([8 * ONES], [w])
    optimizer.apply([np.array([np.nan, 0.0], "float32")])
    assert w.numpy().tolist() == [0.5, 1.5]
    assert optimizer.scale_loss(0.5) == 2.0
    optimizer.learning_rate = 0.25
    assert float(optimizer.inner_optimizer.learning_rate) == float(optimizer.learning_rate) == 0.25


def test_a_scale_survives_its_config():
    config = optimizers.serialize(scaled()[0])
    assert set(config["config"]) == {"name", "inner_optimizer", "initial_scale", "dynamic_growth_steps"}
    again = optimizers.deserialize(config)
    assert again.inner_optimizer.momentum == 0.5
    assert again.get_config() == config["config"]


@pytest.mark.parametrize("transformation", [
    optax.adam(0.1), optax.chain(optax.clip(0.5), optax.sgd(0.1, momentum=0.9)), optax.adafactor(0.1),
])  # fmt: skip
def test_an_optax_transformation_steps_as_optax_does(transformation):
    optimizer, w = optimizers.get(transformation), weight()
    value = w.numpy()
    state = transformation.init(value)
    for gradient in (ONES, np.array([0.5, -2.0], "float32"), 3 * ONES):
        updates, state = transformation.update(gradient, state, value)
        value = optax.apply_updates(value, updates)
        optimizer.apply([gradient], [w])
        np.testing.assert_allclose(w.numpy(), value, rtol=1e-6)


def test_an_optax_transformation_traces_and_keeps_its_state():
    optimizer, w = Optax(optax.adam(0.1)), weight()
    optimizer.build([w])
    start = [v.numpy() for v in optimizer.variables]
    (value,), state = jax.jit(optimizer.stateless_apply)(start, [ONES], [w.numpy()])
    optimizer.apply([ONES])
    np.testing.assert_allclose(value, w.numpy(), rtol=1e-6)
    for found, kept in zip(state, optimizer.variables, strict=True):
        np.testing.assert_allclose(found, kept.numpy(), rtol=1e-6)


def test_an_optax_transformation_is_not_written():
    with pytest.raises(ValueError, match="cannot be written to a config"):
        Optax(optax.adam(0.1)).get_config()
    with pytest.raises(TypeError, match="transformation: expected an optax transformation"):
        Optax("adam")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (SGD(0.1), optax.sgd(0.1)),
        (SGD(0.1, clipvalue=0.3), optax.chain(optax.clip(0.3), optax.sgd(0.1))),
    ],
)
def test_these_are_optaxs_to_the_last_bit(ours, theirs):
    drawn = np.random.default_rng(3)
    start = drawn.standard_normal(200).astype("float32")
    gradients = drawn.standard_normal((10, 200)).astype("float32")
    ours.build([Variable(start, name="w")])
    wrapped = Optax(theirs)
    wrapped.build([Variable(start, name="w")])
    ends = []
    for optimizer in (ours, wrapped):
        values, state = [jnp.asarray(start)], [jnp.asarray(v.numpy()) for v in optimizer.variables]
        for gradient in gradients:
            values, state = optimizer.stateless_apply(state, [jnp.asarray(gradient)], values)
        ends.append(np.asarray(values[0]))
    np.testing.assert_array_equal(*ends)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (schedules.ExponentialDecay(0.1, 10, 0.9), optax.exponential_decay(0.1, 10, 0.9)),
        (
            schedules.ExponentialDecay(0.1, 10, 0.9, staircase=True),
            optax.exponential_decay(0.1, 10, 0.9, staircase=True),
        ),
        (schedules.PolynomialDecay(0.1, 25, 0.01, 2.0), optax.polynomial_schedule(0.1, 0.01, 2.0, 25)),
    ],
)
def test_these_schedules_are_optaxs_to_the_last_bit(ours, theirs):
    steps = [jnp.asarray(step) for step in range(60)]
    np.testing.assert_array_equal([ours(step) for step in steps], [theirs(step) for step in steps])
