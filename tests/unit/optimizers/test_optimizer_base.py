"""What all optimizers share: the learning rate, the state, steps that are whole or nothing, and classes of one's own."""

import copy
import pickle
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gatewise import optimizers
from gatewise.base import versions
from gatewise.base.release import meaning, of_tensorflow
from gatewise.base.variable import Variable
from gatewise.constraints import NonNeg
from gatewise.optimizers import SGD, Adam, AdamW, legacy, schedules


def weight(values=(1.0, 2.0), **options):
    return Variable(np.asarray(values, "float32"), name="kernel", path="dense/kernel", **options)


ONES = np.ones(2, "float32")

# --- The learning rate --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("assign", [
    lambda optimizer: setattr(optimizer, "learning_rate", 0.25),
    lambda optimizer: setattr(optimizer, "lr", 0.25),
    lambda optimizer: optimizer.learning_rate.assign(0.25),
    lambda optimizer: setattr(optimizer, "learning_rate", np.float32(0.25)),
    lambda optimizer: setattr(optimizer, "learning_rate", lambda: 0.25),
])  # fmt: skip
def test_the_learning_rate_can_be_changed_between_steps(assign):
    optimizer, w = SGD(1.0), weight()
    optimizer.apply([ONES], [w])
    assign(optimizer)
    optimizer.apply([ONES], [w])
    assert w.numpy().tolist() == [-0.25, 0.75]
    assert float(optimizer.learning_rate) == float(optimizer.lr) == 0.25


def test_a_change_of_the_learning_rate_needs_no_new_compilation():
    optimizer, w = SGD(1.0), weight()
    optimizer.build([w])
    step = jax.jit(optimizer.stateless_apply)
    optimizer.learning_rate = 0.5
    (found,), _ = step([v.numpy() for v in optimizer.variables], [ONES], [w.numpy()])
    assert found.tolist() == [0.5, 1.5]
    optimizer.learning_rate = 0.25
    (found,), _ = step([v.numpy() for v in optimizer.variables], [ONES], [w.numpy()])
    assert found.tolist() == [0.75, 1.75]
    assert step._cache_size() == 1


def test_a_schedule_goes_by_the_steps_made():
    optimizer, w = SGD(schedules.PiecewiseConstantDecay([0], [1.0, 0.25])), weight()
    for _ in range(2):
        optimizer.apply([ONES], [w])
    assert w.numpy().tolist() == [-0.25, 0.75]
    assert [v.name for v in optimizer.variables] == ["iteration"]
    with pytest.raises(TypeError, match=r"SGD 'sgd.*': learning_rate: a number cannot take the place of a schedule"):
        optimizer.learning_rate = 0.5
    optimizer.learning_rate = schedules.ExponentialDecay(0.5, 10, 0.5)
    assert float(optimizer.learning_rate) == pytest.approx(0.5 * 0.5**0.2, rel=1e-6)


def test_a_schedule_in_place_of_a_number_takes_its_variable_away():
    optimizer = SGD(0.5)
    optimizer.learning_rate = schedules.ExponentialDecay(0.5, 10, 0.5)
    assert [v.name for v in optimizer.variables] == ["iteration"]


def test_a_schedule_survives_the_config():
    optimizer = Adam(schedules.CosineDecay(0.1, 50, alpha=0.1))
    again = optimizers.deserialize(optimizers.serialize(optimizer))
    assert float(again.learning_rate) == float(optimizer.learning_rate)
    assert again._learning_rate == optimizer._learning_rate
    assert again._learning_rate is not optimizer._learning_rate


@pytest.mark.parametrize("given", ["fast", None, [0.1, 0.2]])
def test_what_is_no_learning_rate_is_refused(given):
    with pytest.raises(TypeError, match="learning_rate: expected a number, a schedule or a function"):
        SGD(given)


# --- Steps --------------------------------------------------------------------------------------------------------


def test_numpy_and_jax_gradients_may_mix():
    optimizer, w = SGD(0.5), weight()
    optimizer.apply([jnp.ones(2)], [w])
    optimizer.apply_gradients([(ONES, w)])
    assert w.numpy().tolist() == [0.0, 1.0]
    assert int(optimizer.iterations) == 2


def test_float64_weights_keep_their_dtype():
    w = Variable(np.array([1.0]), name="w")
    optimizer = Adam()
    optimizer.apply([np.array([1e-3])], [w])
    assert w.dtype == optimizer.variables[2].dtype == np.float64
    np.testing.assert_allclose(
        w.numpy(), 1 - np.float64(np.float32(0.001)) * 1e-3 / (1e-3 + 1e-7 / np.sqrt(0.001)), rtol=1e-12
    )


def test_a_weight_without_a_gradient_stays():
    first, second = weight(), weight()
    optimizer = SGD(0.5, momentum=0.9)
    with pytest.warns(UserWarning, match="these weights have no gradient, and stay: dense/kernel"):
        optimizer.apply([None, ONES], [first, second])
    assert first.numpy().tolist() == [1.0, 2.0]
    assert second.numpy().tolist() == [0.5, 1.5]
    with pytest.raises(ValueError, match="no weight has a gradient"):
        optimizer.apply([None, None])
    optimizer.apply([])
    assert int(optimizer.iterations) == 1


def test_what_does_not_fit_is_refused():
    optimizer, w = SGD(), weight()
    with pytest.raises(ValueError, match=r"SGD 'sgd.*' has no state yet: call build\(model.trainable_variables\)"):
        optimizer.apply([ONES])
    with pytest.raises(ValueError, match="has no state yet"):
        optimizer.stateless_apply([], [ONES], [ONES])
    optimizer.build([w])
    with pytest.raises(ValueError, match="has 1 weights to change, but 2 gradients came"):
        optimizer.apply([ONES, ONES])
    with pytest.raises(ValueError, match="was built for other weights than 'dense/kernel'"):
        optimizer.apply([ONES], [weight()])
    with pytest.raises(ValueError, match="has 2 variables, but 1 values came"):
        optimizer.stateless_apply([0], [ONES], [ONES])


@pytest.mark.parametrize("name", ["SGD", "Nadam", "Adafactor", "Muon"])
def test_a_model_without_weights_has_a_state_too(name):
    optimizer = optimizers.get(name)
    optimizer.build([])
    assert [v.name for v in optimizer.variables][:2] == ["iteration", "learning_rate"]
    optimizer.apply([])


def test_a_failed_step_changes_nothing():
    first, second = weight(), weight()
    optimizer = SGD(0.5, momentum=0.9)
    optimizer.build([first, second])
    with pytest.raises(ValueError, match="could not be broadcast"):
        optimizer.apply([ONES, np.ones(3, "float32")])
    assert first.numpy().tolist() == [1.0, 2.0]
    assert int(optimizer.iterations) == 0
    assert not optimizer.variables[2].numpy().any()


def test_constraints_hold_after_a_step():
    w = weight(constraint=NonNeg())
    SGD(1.5).apply([ONES], [w])
    assert w.numpy().tolist() == [0.0, 0.5]


def test_weights_may_be_spared_the_decay():
    kernel, bias = weight(), Variable(ONES, name="bias")
    optimizer = AdamW(0.5, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    optimizer.apply([0 * ONES, 0 * ONES], [kernel, bias])
    assert kernel.numpy().tolist() == [0.75, 1.5]
    assert bias.numpy().tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="call exclude_from_weight_decay before that"):
        optimizer.exclude_from_weight_decay(var_list=[kernel])
    optimizer = AdamW(0.5, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[kernel])
    assert optimizer._is_spared(kernel)
    assert not optimizer._is_spared(bias)


def test_averages_become_the_weights_at_the_end():
    optimizer, w = SGD(1.0, use_ema=True, ema_momentum=0.5), weight()
    for _ in range(2):
        optimizer.apply([ONES], [w])
    assert w.numpy().tolist() == [-1.0, 0.0]
    optimizer.finalize_variable_values([w])
    assert w.numpy().tolist() == [-0.5, 0.5]


def test_the_loss_is_scaled_as_the_gradients_are_not():
    assert SGD(loss_scale_factor=8.0).scale_loss(0.5) == 4.0
    assert SGD().scale_loss(0.5) == 0.5


# --- State --------------------------------------------------------------------------------------------------------


def test_state_goes_from_one_optimizer_to_another():
    first, second, w = Adam(), Adam(), weight()
    first.apply([ONES], [w])
    store = {}
    first.save_own_variables(store)
    assert list(store) == ["0", "1", "2", "3"]
    with pytest.raises(ValueError, match="has no state yet"):
        second.load_own_variables(store)
    second.build([w])
    second.load_own_variables(store)
    assert [v.tolist() for v in second.get_weights()] == [v.tolist() for v in first.get_weights()]
    with pytest.raises(ValueError, match="has 4 variables, but 1 values came"):
        second.set_weights([np.zeros(())])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))])
def test_a_copy_goes_on_by_itself(copied):
    optimizer, w = SGD(0.5, momentum=0.5), weight()
    optimizer.apply([ONES], [w])
    again, other = copied((optimizer, w))
    again.apply([ONES], [other])
    assert w.numpy().tolist() == [0.5, 1.5]
    assert other.numpy().tolist() == [-0.25, 0.75]


# --- Arguments ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("make", "message"), [
    (lambda: SGD(momentun=0.9), "SGD has no argument 'momentun'. Did you mean 'momentum'"),
    (lambda: SGD(momentum=2.0), "SGD 'sgd.*': momentum: expected a number between 0 and 1, got 2.0"),
    (lambda: Adam(clipnorm=1.0, clipvalue=1.0), "expected one of clipnorm, .* at most, got clipnorm and clipvalue"),
    (lambda: Adam(gradient_accumulation_steps=1), "gradient_accumulation_steps: expected an integer of at least 2, got 1"),
    (lambda: Adam(ema_momentum=1.5), "ema_momentum: expected a number between 0 and 1, got 1.5"),
    (lambda: AdamW(weight_decay=None), "weight_decay: expected a number, got None"),
    (lambda: optimizers.Lion(beta_1=0.0), "beta_1: expected a number above 0 and at most 1, got 0.0"),
    (lambda: optimizers.Ftrl(learning_rate_power=0.5), "expected a number that is not above 0, got 0.5"),
    (lambda: optimizers.get("adm"), "Unknown optimizer 'adm': did you mean 'Adam'"),
    (lambda: optimizers.get(3), "Cannot read 3 .* as an optimizer"),
    (lambda: optimizers.get(len), "Cannot read <built-in function len> as an optimizer"),
    (lambda: legacy.Adam(decay=-1.0), "decay: expected a number that is not below 0, got -1.0"),
    (lambda: schedules.CosineDecay(0.1, 0), "decay_steps: expected a positive number of steps, got 0"),
    (lambda: schedules.PiecewiseConstantDecay([1], [1.0]), "expected one value more than boundaries, got 1 values for 1"),
])  # fmt: skip
def test_errors_say_what_was_wanted(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_kerases_differ_in_which_clips_go_together():
    gradients, start = np.array([3.0, 4.0], "float32"), np.zeros(2, "float32")
    with meaning("tf2"):
        ways = SGD(1.0, clipnorm=1.0, clipvalue=3.0), legacy.SGD(1.0, clipnorm=1.0, clipvalue=3.0)
        with pytest.raises(ValueError, match="expected one of clipnorm, global_clipnorm, clipvalue at most"):
            SGD(clipnorm=1.0, global_clipnorm=1.0, clipvalue=1.0)
    ends = [weight(start) for _ in ways]
    for optimizer, w in zip(ways, ends, strict=True):
        optimizer.apply([gradients], [w])
    np.testing.assert_allclose(ends[0].numpy(), [-0.6, -0.8], rtol=1e-6)
    np.testing.assert_allclose(ends[1].numpy(), -np.sqrt([0.5, 0.5]), rtol=1e-6)


def test_positions_are_keras_3s():
    optimizer = AdamW(0.5, 0.25, 0.8, 0.7, 0.1, True, 3.0)
    config = optimizer.get_config()
    names = ("learning_rate", "weight_decay", "beta_1", "beta_2", "epsilon", "amsgrad", "clipnorm")
    assert [config[name] for name in names] == [0.5, 0.25, 0.8, 0.7, 0.1, True, 3.0]


def test_old_words_mean_the_old_optimizers_in_old_releases():
    with meaning("tf2"):
        assert Adam().generation == "tf2"
        assert isinstance(Adam(lr=0.5), legacy.Adam)
        assert isinstance(SGD(0.5, decay=0.1), legacy.SGD)
        assert isinstance(SGD(is_legacy_optimizer=True), legacy.SGD)
        assert not isinstance(optimizers.get("adam"), legacy.Optimizer)
    with meaning("tf1"):
        assert isinstance(optimizers.get("adam"), legacy.Adam)
        assert not isinstance(Adam(is_legacy_optimizer=False), legacy.Adam)
    found = Adam(lr=0.5)
    assert found.generation == "keras3"
    assert float(found.learning_rate) == 0.5
    with pytest.warns(UserWarning, match="Adam: `decay` is ignored, as Keras 3 does"):
        Adam(decay=0.5)
    Adam(decay=0.0)


def test_a_config_of_an_old_release_is_read_as_that_release_did():
    plain = {"class_name": "RMSprop", "config": {"lr": 0.5, "rho": 0.8, "decay": 0.1, "epsilon": None}}
    today = {"class_name": "Custom>RMSprop", "config": {"learning_rate": 0.5, "is_legacy_optimizer": False}}
    with meaning("tf2"):
        old, new = optimizers.deserialize(plain), optimizers.deserialize(today)
    assert isinstance(old, legacy.RMSprop)
    assert (old.decay, old.epsilon, float(old.learning_rate)) == (0.1, 1e-7, 0.5)
    assert (type(new), new.generation) == (optimizers.RMSprop, "tf2")
    assert isinstance(optimizers.deserialize(optimizers.serialize(old)), legacy.RMSprop)


# --- Classes of one's own -----------------------------------------------------------------------------------------


class InKerasStyle(optimizers.Optimizer):
    def __init__(self, learning_rate=0.5, friction=0.5, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.friction = friction

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.moved = [self.add_variable_from_reference(variable, name="moved") for variable in variables]

    def update_step(self, gradient, variable, learning_rate):
        moved = self.moved[self._get_variable_index(variable)]
        self.assign(moved, moved * self.friction - gradient * learning_rate)
        self.assign_add(variable, moved)

    def get_config(self):
        return super().get_config() | {"friction": self.friction}


def test_a_class_in_keras_3s_style():
    mine, w = InKerasStyle(0.5, friction=0.5), weight()
    theirs, v = SGD(0.5, momentum=0.5), weight()
    for _ in range(3):
        mine.apply([ONES], [w])
        theirs.apply([ONES], [v])
    assert w.numpy().tolist() == v.numpy().tolist()
    assert mine.variables[-1].path == f"{mine.name}/dense_kernel_moved"
    config = optimizers.serialize(mine)
    again = optimizers.deserialize(config, {"InKerasStyle": InKerasStyle})
    assert (again.friction, float(again.learning_rate)) == (0.5, 0.5)
    state = [x.numpy() for x in mine.variables]
    (found,), _ = jax.jit(mine.stateless_apply)(state, [ONES], [w.numpy()])
    mine.apply([ONES])
    assert found.tolist() == w.numpy().tolist()


def test_steps_on_numpy_load_no_jax():
    program = """
import numpy as np, sys
from gatewise import optimizers
from gatewise.base.variable import Variable
for name in ("SGD", "Adam", "Nadam", "Ftrl", "Adafactor", "Muon"):
    optimizers.get(name).apply([np.ones((2, 3))], [Variable(np.ones((2, 3)), name="w")])
print("jax" in sys.modules, "optax" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


@pytest.mark.parametrize(("version", "generation"), [("1.14.0", "legacy"), ("2.10.0", "legacy"), ("2.11.0", "tf2")])
def test_names_mean_what_they_did_in_the_tensorflow_asked_for(monkeypatch, version, generation):
    monkeypatch.setattr(versions, "_asked", version)
    with meaning(of_tensorflow(version)):
        assert Adam().generation == generation
        assert optimizers.get("adam").generation == generation
        assert AdamW().generation == "tf2"
