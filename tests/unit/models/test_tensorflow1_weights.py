"""TensorFlow 1's cells as layers: what its own `dynamic_rnn` said (`tests/golden/tf1_rnn.json`), and equations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.compat import rnn_cells
from gatewise.models import load_weights_from

L = gw.layers
GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "tf1_rnn.json").read_text())["programs"]
CLOSE: dict[str, Any] = {"rtol": 0, "atol": 1e-6}
INPUTS, H = 4, 3


def waves(shape: tuple[int, ...], shift: float = 0.0) -> np.ndarray:
    """As the golden programs make their weights."""
    return np.asarray(0.6 * np.cos(np.arange(np.prod(shape)) * 0.9 + shift)).reshape(shape).astype("float32")


def arrays_of(cell: str, shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    return {f"net/rnn/{cell}/{name}": waves(shape, place) for place, (name, shape) in enumerate(shapes.items())}


LSTM = {"kernel": (INPUTS + H, 4 * H), "bias": (4 * H,)}
GRU = {
    "gates/kernel": (INPUTS + H, 2 * H),
    "gates/bias": (2 * H,),
    "candidate/kernel": (INPUTS + H, H),
    "candidate/bias": (H,),
}
PEEPHOLES = {f"w_{gate}_diag": (H,) for gate in "fio"}
CASES: dict[str, tuple[Any, dict[str, tuple[int, ...]]]] = {
    "basic_rnn": (lambda **how: L.SimpleRNN(H, **how), {"kernel": (INPUTS + H, H), "bias": (H,)}),
    "basic_lstm": (lambda **how: L.LSTM(H, **how), LSTM),
    "lstm": (lambda **how: L.LSTM(H, **how), LSTM),
    "lstm_peepholes": (lambda **how: L.PeepholeLSTM(H, **how), LSTM | PEEPHOLES),
    "gru": (lambda **how: L.GRU(H, reset_after=False, **how), GRU),
}


def model_of(layer: Any) -> Any:
    return gw.Sequential([gw.Input((5, INPUTS)), layer])


@pytest.mark.parametrize("name", CASES)
def test_a_layer_says_what_the_cell_did(name: str) -> None:
    make, shapes = CASES[name]
    arrays = arrays_of(f"{name}_cell", shapes)
    if name == "lstm_peepholes":  # Its program says forget_bias=0.3, not 1.
        arrays[f"net/rnn/{name}_cell/bias"][2 * H : 3 * H] += 0.3 - 1
    shuffled = {key: arrays[key] for key in sorted(arrays)}  # A checkpoint has them in the order of names.
    model = model_of(make(return_sequences=True, name="layer"))
    load_weights_from(model, shuffled, names={"layer": "net/rnn"}, show=False)
    wanted = GOLDEN[f"{name}/plain"]["found"][0]
    np.testing.assert_allclose(model.predict(waves((3, 5, INPUTS)), verbose=0), wanted, **CLOSE)


@pytest.mark.parametrize("names", ["weights biases", "W b"])
def test_names_before_12_and_names_of_ones_own(names: str) -> None:
    kernel, bias = (f"rnn/lstm/{name}" for name in names.split())
    model = model_of(L.LSTM(H, return_sequences=True, name="layer"))
    load_weights_from(
        model,
        {bias: waves((4 * H,), 1), kernel: waves((INPUTS + H, 4 * H)), f"{kernel}/Adam": np.ones((INPUTS + H, 4 * H))},
        names={"layer": "rnn" if names == "weights biases" else f"{kernel} {bias}"},
        show=False,
    )
    wanted = GOLDEN["basic_lstm/plain"]["found"][0]
    np.testing.assert_allclose(model.predict(waves((3, 5, INPUTS)), verbose=0), wanted, **CLOSE)


def test_a_projection() -> None:
    shapes = {"kernel": (INPUTS + 2, 4 * H), "bias": (4 * H,), "projection/kernel": (H, 2)}
    model = model_of(L.ProjectedLSTM(H, 2, name="layer"))
    load_weights_from(model, arrays_of("lstm_cell", shapes), names={"layer": "net"}, show=False)
    x, cell = waves((3, 5, INPUTS)), rnn_cells.LSTMCell(H, num_proj=2)
    state = cell.zero_state(3)
    cell(x[:, 0], state)
    for place, weight in enumerate(cell.weights):
        weight.assign(waves(tuple(weight.shape), place))
    for t in range(5):
        h, state = cell(x[:, t], state)
    np.testing.assert_allclose(model.predict(x, verbose=0), np.asarray(h), **CLOSE)


def test_the_cell_that_is_compatible_with_cudnn() -> None:
    """r, u = sigma([x, h] W + b);  h' = u h + (1 - u) tanh(x W_x + b_x + r (h W_h + b_h))."""
    shapes: dict[str, tuple[int, ...]] = {"gates/kernel": (INPUTS + H, 2 * H), "gates/bias": (2 * H,)}
    for way, rows in (("input", INPUTS), ("hidden", H)):
        shapes |= {f"candidate/{way}_projection/kernel": (rows, H), f"candidate/{way}_projection/bias": (H,)}
    arrays = arrays_of("cudnn_compatible_gru_cell", shapes)
    model = model_of(L.GRU(H, name="layer"))
    load_weights_from(model, arrays, names={"layer": "net"}, show=False)
    gates, gates_bias, w_x, b_x, w_h, b_h = (array.astype("float64") for array in arrays.values())
    x, h = waves((3, 5, INPUTS)), np.zeros((3, H))
    for t in range(5):
        r, u = np.split(1 / (1 + np.exp(-(np.hstack([x[:, t], h]) @ gates + gates_bias))), 2, axis=1)
        h = u * h + (1 - u) * np.tanh(x[:, t] @ w_x + b_x + r * (h @ w_h + b_h))
    np.testing.assert_allclose(model.predict(x, verbose=0), h, **CLOSE)


def test_both_directions() -> None:
    both = {way: arrays_of("lstm_cell", LSTM) for way in ("fw", "bw")}
    arrays = {f"both/{way}/{name}": array for way, own in both.items() for name, array in own.items()}
    arrays["both/bw/net/rnn/lstm_cell/bias"] = waves((4 * H,), 7)
    model = model_of(L.Bidirectional(L.LSTM(H), name="layer"))
    match = load_weights_from(model, arrays, names={"layer": "both"}, show=False)
    assert not match.left
    forward, backward = model.predict(waves((3, 5, INPUTS)), verbose=0).reshape(3, 2, H).swapaxes(0, 1)
    np.testing.assert_allclose(forward, np.array(GOLDEN["lstm/plain"]["found"][0])[:, -1], **CLOSE)
    assert np.abs(forward - backward).max() > 0.01


def test_cells_of_another_kind_or_size_are_refused() -> None:
    arrays = arrays_of("gru_cell", GRU)
    model = model_of(L.GRU(H, name="layer"))
    with pytest.raises(
        ValueError, match=r"GRU 'layer' has weights of the shapes 4x9 3x9 2x9, but .*gates/kernel \(7, 6\)"
    ):
        load_weights_from(model, arrays, names={"layer": "net"}, show=False)
    model = model_of(L.GRU(5, reset_after=False, name="layer"))
    with pytest.raises(ValueError, match="4x15 5x15 15, but "):
        load_weights_from(model, arrays, names={"layer": "net"}, show=False)
