"""Masks that are made inside TimeDistributed, and masks that come to it: what Keras 3.15 and tf_keras 2.21 said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.base.release import meaning

L = gw.layers
IDS = np.array([[[1, 2, 0, 0], [3, 4, 1, 0], [0, 0, 0, 0]], [[2, 0, 0, 0], [1, 1, 4, 3], [3, 2, 0, 0]]])
X = np.cos(np.arange(48) * 0.9).reshape(2, 3, 4, 2).astype("float32")
X[:, :, 2:] = 0
X[1, 2] = 0


def embedding() -> Any:
    return L.Embedding(5, 2, mask_zero=True)


def said(layers: list[Any], x: Any) -> Any:
    """What a model says whose weights are fixed numbers."""
    model = gw.Sequential([gw.Input(x.shape[1:]), *layers])
    sizes = [(w.size, w.shape) for w in model.get_weights()]
    model.set_weights([np.sin(np.arange(n) * 0.7 + 1.3 * i).reshape(s) * 0.6 for i, (n, s) in enumerate(sizes)])
    return model.predict(x)


EACH = L.TimeDistributed
CASES: dict[str, tuple[Any, Any, Any]] = {
    # The layers, the input, and what Keras 3 said.
    "masking": (
        lambda: [EACH(L.Masking(0.0)), EACH(L.LSTM(3)), L.GRU(2)],
        X,
        [[0.369933, 0.110375], [0.371077, 0.107187]],
    ),
    "embedding": (
        lambda: [EACH(embedding()), EACH(L.LSTM(3)), L.GRU(2)],
        IDS,
        [[-0.199216, -0.328967], [-0.195763, -0.324736]],
    ),
    "sequences": (
        lambda: [EACH(L.Masking(0.0)), EACH(L.LSTM(3, return_sequences=True)), EACH(L.GRU(2))],
        X,
        [
            [[0.408276, 0.143053], [0.403492, 0.154468], [0.396494, 0.155486]],
            [[0.393679, 0.143855], [0.399175, 0.127434], [0.40154, 0.142748]],
        ],
    ),
    "a mask that comes": (
        lambda: [embedding(), EACH(L.LSTM(3))],
        IDS,
        [
            [[0.122064, 0.083244, 0.023379], [0.169088, 0.095111, 0.003324], [0.0, 0.0, 0.0]],
            [[0.066894, 0.036752, -0.004498], [0.124516, 0.078497, -0.039419], [0.103549, 0.047558, -0.035354]],
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_as_keras_3(name: str) -> None:
    layers, x, wanted = CASES[name]
    np.testing.assert_allclose(said(layers(), x), wanted, atol=2e-6)  # They were written down with six digits.


@pytest.mark.parametrize("release", ["tf1", "tf2"])
def test_before_a_mask_made_inside_went_on(release: Any) -> None:
    """There `TimeDistributed(Embedding)` masks as `Embedding` does."""
    with meaning(release):
        inside = said([EACH(embedding()), EACH(L.LSTM(3, recurrent_activation="sigmoid")), L.Dense(2)], IDS)
        outside = said([embedding(), EACH(L.LSTM(3, recurrent_activation="sigmoid")), L.Dense(2)], IDS)
    np.testing.assert_array_equal(inside, outside)


@pytest.mark.parametrize("release", ["tf2", "keras3"])
def test_the_release_is_kept_in_configs(release: Any) -> None:
    with meaning(release):
        model = gw.Sequential([gw.Input(IDS.shape[1:]), EACH(embedding()), EACH(L.LSTM(3))])
    again = gw.models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(IDS), model.predict(IDS))


@pytest.mark.parametrize("release", ["tf1", "tf2", "keras3"])
@pytest.mark.parametrize("shape", [(6, 4), (8, 3), (4, 5), (6, 4, 3), (24,)])
def test_a_mask_of_another_shape(release: Any, shape: tuple[int, ...]) -> None:
    with meaning(release):
        layer = L.TimeDistributed(L.LSTM(3), name="each")
    with pytest.raises(ValueError, match=r"'each': the mask must have the shape \(batch, time, ...\) = \(4, 6, ...\)"):
        layer(np.ones((4, 6, 3, 2)), mask=np.ones(shape, bool))


@pytest.mark.parametrize("mask", [(4, 6), (4, 6, 3)])
def test_masks_that_fit(mask: tuple[int, ...]) -> None:
    assert L.TimeDistributed(L.LSTM(3))(np.ones((4, 6, 3, 2)), mask=np.ones(mask, bool)).shape == (4, 6, 3)
