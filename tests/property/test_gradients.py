"""jax.grad through the recurrent layers against central differences, in float64.

With steps of e = 1e-5 a central difference has an error of e^2 |f'''| / 6 (about 1e-11 here, as all derivatives of the
losses are of order 1) and of u |f| / e = 1e-11 from rounding; the losses sum some tens of numbers: 1e-8 is far above both,
and far below a wrong gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gatewise as gw

MASK = np.array([[0, 1, 1, 0, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]], bool)
KINDS: dict[str, Any] = {
    "LSTM": gw.layers.LSTM,
    "GRU": lambda n, **options: gw.layers.GRU(n, reset_after=False, **options),
    "GRU_after": gw.layers.GRU,
    "SimpleRNN": gw.layers.SimpleRNN,
}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_match_finite_differences(kind: str, masked: bool) -> None:
    import jax

    draw = np.random.default_rng(0)
    with jax.enable_x64(True):
        layer = KINDS[kind](4, return_sequences=True, dtype="float64")
        layer.build((None, 5, 2))
        x = draw.uniform(-1, 1, (3, 5, 2))
        weights = [draw.uniform(-0.5, 0.5, w.shape) for w in layer.weights]
        mask = MASK if masked else None

        @jax.jit
        def loss(weights: Any, x: Any) -> Any:
            outputs, _ = layer.stateless_call(weights, [], x, mask=mask)
            return (outputs**2).sum()

        values = [*weights, x]
        found = jax.jit(jax.grad(lambda values: loss(values[:-1], values[-1])))(values)
        for place, value in enumerate(values):
            for _ in range(4):
                at = tuple(draw.integers(n) for n in value.shape)
                moved = [value.copy(), value.copy()]
                moved[0][at] += 1e-5
                moved[1][at] -= 1e-5
                up, down = (loss(*split(values, place, m)) for m in moved)
                wanted = (up - down) / 2e-5
                assert np.isfinite(found[place]).all()
                np.testing.assert_allclose(found[place][at], wanted, rtol=0, atol=1e-8)
        if masked:
            hidden = np.where(MASK[..., None], 0, found[-1])
            np.testing.assert_array_equal(hidden, 0)  # A masked step has no say.


def split(values: list[Any], place: int, changed: Any) -> tuple[list[Any], Any]:
    every = [*values[:place], changed, *values[place + 1 :]]
    return every[:-1], every[-1]


def test_gradients_of_a_whole_model_with_an_embedding_and_its_mask() -> None:
    import jax

    model = gw.Sequential(
        [gw.layers.Embedding(7, 3, mask_zero=True), gw.layers.GRU(4), gw.layers.Dense(2, activation="softmax")]
    )
    model.build((None, 5))
    ids = np.array([[1, 2, 3, 0, 0], [4, 0, 0, 0, 0]])

    def loss(weights: Any) -> Any:
        return (model.stateless_call(weights, [], ids)[0] ** 2).sum()

    weights = model.get_weights()
    gradients = jax.grad(loss)(weights)
    assert all(np.isfinite(g).all() for g in gradients)
    assert all(np.abs(g).max() > 0 for g in gradients)
    np.testing.assert_array_equal(np.abs(gradients[0]).sum(axis=1)[[0, 5, 6]], 0)  # Ids that did not count.
