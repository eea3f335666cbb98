from types import SimpleNamespace

import numpy as np
import pytest

from gatewise import optimizers
from gatewise.base.variable import Variable
from gatewise.callbacks import SwapEMAWeights


def ready(wrapped=False, **options):
    """A callback, the one weight of its model, and a step that moves it by -1; the average is a half each."""
    weight = Variable(np.zeros(2, "float32"), name="kernel")
    inner = optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
    inner.build([weight])
    callback = SwapEMAWeights(**options)
    callback.set_model(SimpleNamespace(optimizer=optimizers.LossScaleOptimizer(inner) if wrapped else inner))
    return callback, weight, lambda: inner.apply([np.ones(2, "float32")], [weight])


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("what", ["test", "predict"])
def test_the_model_is_asked_with_averages_and_trained_with_weights(what, wrapped):
    callback, weight, step = ready(wrapped)
    step()
    step()
    getattr(callback, f"on_{what}_begin")()
    assert weight.numpy().tolist() == [-1.5, -1.5]  # Of -1 and -2.
    getattr(callback, f"on_{what}_end")()
    assert weight.numpy().tolist() == [-2.0, -2.0]
    step()
    getattr(callback, f"on_{what}_begin")()
    assert weight.numpy().tolist() == [-2.25, -2.25]


def test_between_epochs_too_and_at_the_end_the_averages_stay():
    callback, weight, step = ready(swap_on_epoch=True)
    for epoch, wanted in enumerate([-1.0, -1.5, -2.25]):
        callback.on_epoch_begin(epoch)
        step()
        callback.on_test_begin()
        callback.on_test_end()
        assert weight.numpy()[0] == -1.0 - epoch
        callback.on_epoch_end(epoch)
        assert weight.numpy()[0] == wanted
    callback.model.optimizer.finalize_variable_values([weight])  # As `fit` does before `on_train_end`.
    callback.on_train_end()
    assert weight.numpy()[0] == -2.25
    callback.on_epoch_begin(0)
    assert weight.numpy()[0] == -2.25


def test_an_optimizer_without_averages_is_refused():
    callback, _, _ = ready()
    callback.model.optimizer = optimizers.SGD()
    with pytest.raises(ValueError, match="make it with use_ema=True"):
        callback.on_test_begin()
