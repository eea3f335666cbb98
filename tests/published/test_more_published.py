"""Published models of other kinds than HDF5: each loads, and says what its own runtime says.

The runtimes' outputs are in tests/golden/more_published.npz (tools/golden/make_more_published.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import golden_data
import more_packages
import numpy as np
import pytest

import gatewise as gw
from gatewise.models import OnnxModel, TensorFlowGraph, load_model, load_weights_from

L = gw.layers
SEQUENCES: dict[str, Any] = {"return_sequences": True, "recurrent_initializer": "zeros"}
"""Orthogonal matrices take seconds, and the files' values take their place."""


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(golden_data.HERE / "more_published.npz") as arrays:
        return dict(arrays)


def agree(found: Any, name: str, golden: dict[str, np.ndarray], tolerance: float = 1e-5) -> None:
    outputs = found if isinstance(found, list) else [found]
    wanted = [golden[f"{name}:{place}"] for place in range(len(outputs))]
    assert f"{name}:{len(outputs)}" not in golden
    for one, other in zip(outputs, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


@pytest.mark.network
@pytest.mark.parametrize(
    "name",
    [
        f"{package.replace('==', '-')}/{file}"
        for package in ("medaka==1.11.3", "sleepecg==0.5.9")
        for file in more_packages.PACKAGES[package][0]
    ],
)
def test_whole_models_in_archives(name: str, files: dict[str, Path], golden: dict[str, np.ndarray]) -> None:
    model = load_model(files[name], compile=False)
    agree(model.predict(more_packages.input_of(name), verbose=0), name, golden)


class SqueezeLayer(L.Layer):
    """Crema's own layer."""

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, x: Any) -> Any:
        return gw.ops.squeeze(x, self.axis)


@pytest.mark.network
def test_crema(files: dict[str, Path], golden: dict[str, np.ndarray]) -> None:
    name = "crema-0.2.0/model.h5"
    with pytest.raises(ValueError, match="'SqueezeLayer', which Gatewise does not have"):
        load_model(files[name], compile=False)
    model = load_model(files[name], compile=False, custom_objects={"SqueezeLayer": SqueezeLayer})
    agree(model.predict(more_packages.input_of(name), verbose=0), name, golden)


def resemblyzer() -> Any:
    x = gw.Input((None, 40))
    y = L.LSTM(256, **SEQUENCES)(x)
    y = L.LSTM(256, recurrent_initializer="zeros")(L.LSTM(256, **SEQUENCES)(y))
    return gw.Model(x, L.UnitNormalization()(L.Dense(256, activation="relu")(y)))


def g2p() -> Any:
    stack = [L.Embedding(29, 256, name="letters"), L.GRU(256, **SEQUENCES, name="encoder")]
    return gw.Sequential([gw.Input((None,), dtype="int32"), *stack])


@pytest.mark.network
def test_resemblyzer(files: dict[str, Path], golden: dict[str, np.ndarray]) -> None:
    name = "resemblyzer-0.1.4/pretrained.pt"
    model = resemblyzer()
    load_weights_from(model, files[name], show=False)
    agree(model.predict(more_packages.input_of(name), verbose=0), name, golden)


@pytest.mark.network
def test_g2p(files: dict[str, Path], golden: dict[str, np.ndarray]) -> None:
    name = "g2p-en-2.1.0/checkpoint20.npz"
    model = g2p()
    with np.load(files[name]) as arrays:
        names = {"letters.weight": "emb", "encoder.weight_ih": "w_ih", "encoder.weight_hh": "w_hh"}
        names |= {"encoder.bias_ih": "b_ih", "encoder.bias_hh": "b_hh"}
        load_weights_from(model, {ours: arrays[f"enc_{theirs}"] for ours, theirs in names.items()}, show=False)
    agree(model.predict(more_packages.input_of(name), verbose=0), name, golden)


SILERO = [f"silero-vad-6.2.3/{name}.onnx" for name in ("silero_vad", "silero_vad_16k_op15", "silero_vad_openvino_16k")]


def heard(model: OnnxModel) -> list[np.ndarray]:
    """What a model says of each piece of the audio, and the last state."""
    state, said = np.zeros((2, 1, 128), "float32"), []
    rate = {"sr": 16000} if any(value.name == "sr" for value in model.inputs) else {}
    for window in more_packages.windows():
        y, state = model.run({"input": window, "state": state, **rate}).values()
        said.append(y.item())
    return [np.array(said), state]


@pytest.mark.network
@pytest.mark.parametrize("name", SILERO)
def test_silero(name: str, files: dict[str, Path], golden: dict[str, np.ndarray]) -> None:
    model = load_model(files[name])
    assert isinstance(model, OnnxModel)
    said, state = heard(model)
    wanted = golden[f"{name}:0"]
    assert wanted.max() > 0.5 > 0.1 > wanted.min()  # It hears speech, and pauses.
    np.testing.assert_allclose(said, wanted, rtol=0, atol=1e-5)
    np.testing.assert_allclose(state, golden[f"{name}:1"], rtol=1e-5, atol=1e-5)


@pytest.mark.network
def test_dksplit(files: dict[str, Path], golden: dict[str, np.ndarray]) -> None:
    """Numbers of 8 bits, where a rounding differs, differ by a step; three levels carry that on."""
    name = "dksplit-1.0.2/dksplit-int8.onnx"
    agree(load_model(files[name]).predict(more_packages.input_of(name)), name, golden, 1e-2)
    assert np.ptp(golden[f"{name}:0"]) > 1


CHECKPOINTS = [f"{name}/model.ckpt.index" for name in ("chicksexer-0.2.2", "address-net-1.0")]


class Chicksexer(gw.Model):
    """Letters to words to a name: ids (N, W, C), lengths of words (N * W,), of names (N,)."""

    def __init__(self) -> None:
        super().__init__()
        how = {**SEQUENCES, "zero_output_for_mask": True}
        self.letters = L.Embedding(137, 32, name="letters")
        self.chars = L.Bidirectional(L.LSTM(256, **how), name="chars")
        self.words = L.Bidirectional(L.LSTM(128, **how), name="words")
        self.attention = L.EinsumDense("nwu,u->nw", (None,), name="attention")  # Its bias moves all words alike.
        self.head = L.Dense(1, activation="sigmoid", name="head")

    def call(self, inputs: Any) -> Any:
        ids, lengths, names = (np.asarray(each) for each in inputs)
        count, words, letters = ids.shape
        y = self.chars(self.letters(ids.reshape(-1, letters)), mask=np.arange(letters) < lengths[:, None])
        mean = gw.ops.sum(y, 1) / np.maximum(lengths, 1)[:, None].astype("float32")
        y = self.words(gw.ops.reshape(mean, (count, words, -1)), mask=np.arange(words) < names[:, None])
        share = gw.ops.softmax(self.attention(y))
        return self.head(gw.ops.sum(y * share[..., None], 1))[:, 0]


@pytest.mark.network
def test_chicksexer(files: dict[str, Path], golden: dict[str, np.ndarray]) -> None:
    """An LSTMCell of TensorFlow before 1.2, both ways, twice."""
    model, inputs = Chicksexer(), more_packages.input_of(CHECKPOINTS[0])
    model(inputs)
    names = {"letters": "embedding_layer/embeddings", "head": "softmax_layer/weight softmax_layer/bias"}
    names |= {layer: f"{layer.removesuffix('s')}_rnn_layer/bidirectional_rnn" for layer in ("chars", "words")}
    names["attention"] = "word_rnn_layer/word_pooling_layer/weight_attention"
    load_weights_from(model, files[CHECKPOINTS[0]], names=names, show=False)
    agree(np.asarray(model(inputs)), CHECKPOINTS[0], golden)


def address_net() -> Any:
    """Three levels forwards and three backwards, which meet behind the last."""
    x = gw.Input((None,), dtype="int32")
    forward = L.Embedding(74, 8, name="letters")(x)
    backward = gw.ops.flip(forward, 1)
    for level in range(3):
        forward = L.GRU(128, **SEQUENCES, name=f"fw_{level}")(forward)
        backward = L.GRU(128, **SEQUENCES, name=f"bw_{level}")(backward)
    both = L.Concatenate()([forward, gw.ops.flip(backward, 1)])
    return gw.Model(x, L.Softmax()(L.Dense(22, activation="elu", name="head")(both)))


@pytest.mark.network
def test_address_net(files: dict[str, Path], golden: dict[str, np.ndarray]) -> None:
    """CudnnCompatibleGRUCell."""
    model = address_net()
    names = {"letters": "embeddings", "head": "dense"}
    for way in ("fw", "bw"):
        names |= {f"{way}_{level}": f"bidirectional_rnn/{way}/multi_rnn_cell/cell_{level}" for level in range(3)}
    load_weights_from(model, files[CHECKPOINTS[1]], names=names, show=False)
    agree(model.predict(more_packages.input_of(CHECKPOINTS[1]), verbose=0), CHECKPOINTS[1], golden)


@pytest.mark.network
def test_cutkum(files: dict[str, Path], golden: dict[str, np.ndarray]) -> None:
    """A frozen graph, with lengths, a state that is given, dropout between cells, and a second loop."""
    name = "cutkum-2.4/frozen_model.pb"
    model = load_model(files[name])
    assert isinstance(model, TensorFlowGraph)
    assert model.cells == {"rnn/while/while_context": [f"GRU of {units} units" for units in (512, 256, 128)]}
    agree(model.run(more_packages.input_of(name))["probs"], name, golden)


def test_every_file_has_its_numbers(golden: dict[str, np.ndarray]) -> None:
    wanted = [f"{p.replace('==', '-')}/{Path(f).name}" for p, (ends, _) in more_packages.PACKAGES.items() for f in ends]
    assert {name.rpartition(":")[0] for name in golden} == {name for name in wanted if ".data-" not in name}
