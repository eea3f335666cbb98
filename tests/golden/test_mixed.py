"""Mixed layers give the dtypes of Keras 3 and tf_keras, and their numbers as far as the small format holds them.

Keras rounds each operation to that format, and we round at a layer's borders only. Both round the result. So two results
that differed by less than the distance of two neighbouring numbers before are the same after, or neighbours. The
roundings inside Keras could add up to more: 5 steps of a recurrence have 5 x 8 x 2 of them. Measured over all cases,
NumPy's and JAX's way, they never do: each result is Keras's own or, counted at the size of the layer's largest output, a
neighbour of it. That is what the test holds to; weights or an equation that are off by 1% miss it in float16.
"""

from __future__ import annotations

import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import gatewise as gw
from gatewise.base.release import meaning
from gatewise.base.variable import Variable

FOUND = json.loads((Path(__file__).parent / "mixed.json").read_text())
DIGITS = {"mixed_float16": 11, "mixed_bfloat16": 8}
"""Binary digits of a number in each format, the first one too."""
SHAPE = (2, 5, 3)
SCALES = [1.0, 1.0, float("inf"), 1.0, 1.0, 1.0, float("nan"), 1.0, 1.0]


def wave(shape, shift):
    return (np.sin(np.arange(int(np.prod(shape))) * 0.7 + shift) * 0.6).reshape(shape).astype("float32")


def distance(y, digits):
    """How far neighbouring numbers with so many digits are apart, at the size of the largest of y."""
    return 2.0 ** (np.frexp(np.abs(y).max())[1] - digits)


def name_of(case):
    arguments = "-".join(f"{name}={value}" for name, value in case["arguments"].items())
    return f"{case['library']}-{case['policy']}-{case['layer']}-{arguments}"


@pytest.mark.parametrize("case", FOUND["cases"], ids=name_of)
def test_mixed_layers_give_what_keras_gives(case):
    with meaning("keras3" if case["library"] == "keras" else "tf2"):
        layer = getattr(gw.layers, case["layer"])(**case["arguments"], dtype=case["policy"])
    x = wave(SHAPE, 0.3)
    layer(x)
    layer.set_weights([abs(wave(w.shape, 1.3 * place)) + 0.1 for place, w in enumerate(layer.get_weights())])
    tolerance = distance(case["y"], DIGITS[case["policy"]])
    for y in (layer(x), layer(jnp.asarray(x))):
        assert y.dtype.name == case["dtype"]
        np.testing.assert_allclose(np.asarray(y).astype("float64"), case["y"], rtol=0, atol=tolerance)
    assert {w.dtype.name for w in layer.get_weights()} <= {"float32"}
    assert set(case["weights"]) <= {"float32"}


@pytest.mark.parametrize("case", FOUND["cases"][::12], ids=name_of)
def test_their_configs_are_read(case):
    layer = gw.layers.Dense.from_config({"units": 3, "dtype": case["config"]})
    assert layer.dtype_policy.name == case["policy"]
    assert layer.compute_dtype == case["dtype"]


def test_the_scale_of_losses_moves_as_in_keras():
    optimizer = gw.optimizers.LossScaleOptimizer(gw.optimizers.SGD(0.5), initial_scale=8.0, dynamic_growth_steps=2)
    weight = Variable(np.float32(1.0), name="weight")
    optimizer.build([weight])
    found = []
    for size in SCALES:
        optimizer.apply([np.float32(size)], [weight])
        found.append([float(optimizer.loss_scale), float(weight)])
    assert found == FOUND["scaling"]
