"""An optimizer for each part of a model; and gradients that overwrite, gathered over several steps."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import gatewise as gw
from gatewise.base.variable import Variable
from gatewise.optimizers import SGD, Adam, LossScaleOptimizer, MultiOptimizer, OptimizerMap


def weights():
    found = [Variable(np.full((2,), 2.0, "float32"), name="kernel") for _ in range(2)]
    for variable, path in zip(found, ("slow/kernel", "fast/kernel"), strict=True):
        variable.path = path
    return found


def made(**kwargs):
    return MultiOptimizer(OptimizerMap(SGD(0.5), {"slow/.*": SGD(0.125)}), **kwargs)


def test_each_weight_goes_by_its_optimizer():
    optimizer, (slow, fast) = made(), weights()
    optimizer.apply([np.ones(2), np.ones(2)], [slow, fast])
    assert slow.numpy().tolist() == [1.875, 1.875]
    assert fast.numpy().tolist() == [1.5, 1.5]
    assert [int(each.iterations.numpy()) for each in (optimizer, *optimizer.optimizers)] == [1, 1, 1]


def test_the_scale_of_the_loss_is_that_of_all():
    optimizer, (slow, fast) = made(loss_scale_factor=4.0), weights()
    assert optimizer.scale_loss(0.5) == 2.0
    optimizer.apply([np.full(2, 4.0), np.full(2, 4.0)], [slow, fast])
    assert fast.numpy().tolist() == [1.5, 1.5]
    wrapped = LossScaleOptimizer(optimizer, initial_scale=8.0)
    wrapped.build([slow, fast])
    assert [each.loss_scale_factor for each in optimizer.optimizers] == [None, None]


def test_it_has_no_learning_rate():
    with pytest.raises(AttributeError, match="each of its `optimizers`"):
        made().learning_rate = 0.5
    assert not hasattr(made(), "learning_rate")


def test_config_and_pickle():
    optimizer, variables = made(), weights()
    again = gw.optimizers.deserialize(gw.optimizers.serialize(optimizer))
    again.build(variables)
    assert [float(np.asarray(each.learning_rate)) for each in again.optimizers] == [0.125, 0.5]
    fresh = pickle.loads(pickle.dumps(again))
    assert len(fresh.variables) == len(again.variables) == 6


def test_a_function_may_choose():
    adam, sgd = Adam(), SGD(0.5)
    optimizer, (slow, fast) = MultiOptimizer(lambda variable: adam if "slow" in variable.path else sgd), weights()
    optimizer.apply([np.ones(2), np.ones(2)], [slow, fast])
    assert fast.numpy().tolist() == [1.5, 1.5]
    with pytest.raises(ValueError, match="cannot be written"):
        optimizer.get_config()


def test_what_may_not_stand_in_a_map():
    chosen = OptimizerMap(SGD(), {"a": Adam()})
    with pytest.raises(ValueError, match="there already"):
        chosen["a"] = SGD()
    with pytest.raises(ValueError, match="LossScaleOptimizer cannot be one of several"):
        chosen["b"] = LossScaleOptimizer(SGD())
    chosen[".*"] = SGD()
    chosen["[xyz]"] = SGD()
    with pytest.raises(ValueError, match="is matched by"):
        chosen["x"]


def test_training_with_two():
    model = gw.Sequential(
        [
            gw.Input((1,)),
            gw.layers.Dense(2, kernel_initializer="ones", use_bias=False, name="slow"),
            gw.layers.Dense(1, kernel_initializer="ones", use_bias=False, name="fast"),
        ]
    )
    model.compile(MultiOptimizer(OptimizerMap(SGD(0.01), {".*slow/.*": SGD(0.001)})), "mse")
    model.fit(np.ones((1, 1), "float32"), np.zeros((1, 1), "float32"), verbose=0)
    # The output is 2, and the gradient of every weight 2 * 2 * 1.
    np.testing.assert_allclose(model.layers[0].kernel.numpy(), [[0.996, 0.996]], rtol=1e-6)
    np.testing.assert_allclose(model.layers[1].kernel.numpy(), [[0.96], [0.96]], rtol=1e-6)


def test_of_gradients_that_overwrite_the_greatest_of_several_steps_counts():
    optimizer, (weight, other) = SGD(1.0, gradient_accumulation_steps=2), weights()
    weight.overwrite_with_gradient = True
    optimizer.apply([np.array([1.0, 5.0], "float32"), np.ones(2, "float32")], [weight, other])
    assert weight.numpy().tolist() == [2.0, 2.0]
    optimizer.apply([np.array([3.0, 4.0], "float32"), np.ones(2, "float32")], [weight, other])
    assert weight.numpy().tolist() == [3.0, 5.0]
    assert other.numpy().tolist() == [1.0, 1.0]
