"""Small numbers that are easy to make anywhere: inputs of cosines, weights of sines."""

import numpy as np


def cosines(*shape, shift=0):
    """Inputs, float32."""
    return np.cos(np.arange(np.prod(shape)) * 0.9 + shift).reshape(shape).astype("float32")


def with_sines(thing, shift=0):
    """A layer or a model, its weights set."""
    shapes = [np.asarray(weight) for weight in thing.get_weights()]
    steps = [np.arange(weight.size) * 0.7 + 1.3 * place + shift for place, weight in enumerate(shapes)]
    values = [
        (np.sin(step) * 0.6).reshape(weight.shape).astype(weight.dtype)
        for step, weight in zip(steps, shapes, strict=True)
    ]
    thing.set_weights(values)
    return thing


def close(found, wanted, atol=2e-5):
    """Whether the numbers are those, which were written with six decimals."""
    np.testing.assert_allclose(np.asarray(found).astype("float64"), wanted, rtol=0, atol=atol)
