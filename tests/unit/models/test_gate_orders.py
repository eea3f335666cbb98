"""Weights as older layers stored them: cuDNN, Keras 1, Theano."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from keras_files import X, same, with_random_weights, write

import gatewise as gw
from gatewise.models import load_model

L = gw.layers


def transposed_gates(kernel: np.ndarray, gates: int) -> np.ndarray:
    """A kernel (I, gH) as cuDNN keeps it: each gate's numbers in the order of its transpose."""
    rows, columns = kernel.shape
    parts = np.split(kernel, gates, axis=1)
    return np.hstack([part.T.reshape(rows, columns // gates) for part in parts])


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize("wrapped", [False, True], ids=["alone", "bidirectional"])
def test_cudnn_layers(tmp_path: Path, kind: str, wrapped: bool) -> None:
    rnn = getattr(L, kind)(3, name="rnn")
    layer = L.Bidirectional(rnn, name="rnn") if wrapped else rnn
    model = with_random_weights(gw.Sequential([gw.Input((5, 4)), layer]))
    weights, arrays, gates = layer.get_weights(), [], {"LSTM": 4, "GRU": 3}[kind]
    for kernel, recurrent_kernel, bias in (weights[k : k + 3] for k in range(0, len(weights), 3)):
        both = bias.reshape(-1) if kind == "GRU" else np.concatenate([bias - 7, np.full_like(bias, 7)])
        arrays += [transposed_gates(kernel, gates), transposed_gates(recurrent_kernel, gates), both]
    config = json.loads(model.to_json())
    entry = config["config"]["layers"][1]
    entry = entry["config"]["layer"] if wrapped else entry
    entry["class_name"] = f"CuDNN{kind}"
    kept = ("name", "trainable", "units", "return_sequences", "go_backwards", "stateful")
    entry["config"] = {key: entry["config"][key] for key in kept}
    path = write(tmp_path / "m.h5", model, config=config, version="2.2.4", arrays={"rnn": arrays})
    np.testing.assert_allclose(load_model(path).predict(X), model.predict(X), atol=2e-6)  # 7 costs three bits of bias


@pytest.mark.parametrize(("kind", "order"), [("LSTM", (0, 2, 1, 3)), ("GRU", (0, 1, 2))])
def test_gates_of_keras_1(tmp_path: Path, kind: str, order: tuple[int, ...]) -> None:
    options = {"reset_after": False} if kind == "GRU" else {}
    layer = getattr(L, kind)(3, name="rnn", **options)
    model = with_random_weights(gw.Sequential([gw.Input((5, 4)), layer]))
    split = [np.split(weight, len(order), axis=-1) for weight in layer.get_weights()]
    path = write(
        tmp_path / "w.h5", model, config=None, version=None,
        arrays={"rnn": [weight[gate] for gate in order for weight in split]},
    )  # fmt: skip
    fresh = gw.models.clone_model(model)
    fresh.load_weights(path)
    same(fresh, model)


def test_kernels_trained_on_theano_run_backwards(tmp_path: Path) -> None:
    model = with_random_weights(gw.Sequential([gw.Input((5, 4)), L.Conv1D(2, 3, name="conv")]))
    kernel, bias = model.get_weights()
    path = write(tmp_path / "m.h5", model, backend="theano", arrays={"conv": [kernel[::-1], bias]})
    same(load_model(path), model)


@pytest.mark.parametrize("rows_first", [False, True])
def test_kernels_of_keras_1(tmp_path: Path, rows_first: bool) -> None:
    """Over time (K, 1, I, F), and with Theano's axes (F, I, K, 1); over two axes (F, I, K, K')."""
    time = with_random_weights(gw.Sequential([gw.Input((5, 4)), L.Conv1D(2, 3, name="conv")]))
    kernel, bias = time.get_weights()
    old = kernel[:, None] if rows_first else kernel.transpose(2, 1, 0)[..., None]
    arrays = {"conv": [old, bias]}
    same(load_model(write(tmp_path / "time.h5", time, arrays=arrays)), time)
    rows = with_random_weights(gw.Sequential([gw.Input((5, 4)), L.Reshape((5, 4, 1)), L.Conv2D(2, (3, 2), name="conv"),
                                              L.Flatten()]))  # fmt: skip
    kernel, bias = rows.get_weights()
    arrays = {"conv": [kernel if rows_first else kernel.transpose(3, 2, 0, 1), bias]}
    same(load_model(write(tmp_path / "rows.h5", rows, arrays=arrays)), rows)


@pytest.mark.parametrize(("here", "there"), [(False, True), (True, False)])
def test_reset_after_is_not_converted(tmp_path: Path, here: bool, there: bool) -> None:
    made = [gw.Sequential([gw.Input((5, 4)), L.GRU(3, reset_after=flag)]) for flag in (here, there)]
    path = write(tmp_path / "w.h5", made[1], config=None)
    with pytest.raises(ValueError, match=f"reset_after={there}: make the layer with that"):
        made[0].load_weights(path)
