"""Teams of threads on a machine that is busy: whatever members wait for, and however many go on, the bits are the same."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import pytest

import gatewise as gw
from gatewise.engine import _native

GATES = {"lstm": 4, "gru": 3, "gru_reset_after": 3, "simple": 1}
# B, T, I, H: few sequences, whose units are divided; many, which are; and enough of them to be cut into pieces.
SHAPES = [(1, 300, 40, 96), (3, 60, 8, 200), (32, 20, 64, 128), (301, 5, 20, 33)]


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    yield
    _native.set_patience(None)
    _native.set_threads(0)


@pytest.fixture(scope="module")
def neighbours() -> Iterator[None]:
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    yield
    for process in processes:
        process.kill()
        process.wait()


def layer_and_input(cell: str, shape: tuple[int, int, int, int]) -> tuple[Any, np.ndarray]:
    batch, steps, inputs, units = shape
    random = np.random.default_rng(batch)
    columns = GATES[cell] * units
    weights = {
        "kernel": random.uniform(-0.3, 0.3, (inputs, columns)).astype(np.float32),
        "recurrent_kernel": random.uniform(-0.1, 0.1, (units, columns)).astype(np.float32),
    }
    layer = _native.Recurrence(cell, weights, "tanh", "sigmoid")
    return layer, random.uniform(-1, 1, (batch, steps, inputs)).astype(np.float32)


@pytest.mark.usefixtures("neighbours")
@pytest.mark.parametrize("patience", [0, 20, None])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("cell", GATES)
def test_bits_do_not_depend_on_who_went_on(cell: str, shape: tuple[int, int, int, int], patience: int | None) -> None:
    layer, x = layer_and_input(cell, shape)
    mask = np.random.default_rng(1).random(x.shape[:2]) < 0.8
    _native.set_threads(1)
    wanted = layer.forward(x, None, mask, False, True, False)
    _native.set_patience(patience)
    for threads in (2, 3):
        _native.set_threads(threads)
        for _ in range(5):
            for got, want in zip(layer.forward(x, None, mask, False, True, False), wanted, strict=True):
                np.testing.assert_array_equal(got, want)


@pytest.mark.usefixtures("neighbours")
@pytest.mark.parametrize("patience", [0, 20, None])
@pytest.mark.parametrize("shape", SHAPES[:2], ids=str)  # Few sequences: members divide the units.
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gradients_do_not_depend_on_who_came(cell: str, shape: tuple[int, int, int, int], patience: int | None) -> None:
    """A member that never comes has not begun its units: the others must not have gone on without it."""
    batch, steps, inputs, units = shape
    made = (gw.layers.LSTM if cell == "lstm" else gw.layers.GRU)(units, return_sequences=True)
    model = gw.Sequential([gw.Input((steps, inputs)), made])
    x = np.random.default_rng(batch).uniform(-1, 1, (batch, steps, inputs)).astype(np.float32)
    weights = [jax.numpy.array(variable.value) for variable in model.trainable_variables]
    gradients = jax.jit(jax.grad(lambda weights: (model.stateless_call(weights, [], x)[0] ** 2).mean()))
    _native.set_threads(1)
    wanted = [np.array(each) for each in gradients(weights)]
    _native.set_patience(patience)
    _native.set_threads(2)
    for _ in range(20):
        for got, want in zip(gradients(weights), wanted, strict=True):
            # XLA sums over the batch and the steps, perhaps in another order.
            np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5 * np.abs(want).max())
