"""Checkpoints and SavedModels of the real TensorFlow, read without it: made by `tools/golden/make_checkpoints.py`, those
of TensorFlow 2.1 and 2.3 by `make_old_saved_models.py`.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_data import HERE
from hypothesis import given, settings
from hypothesis import strategies as st

import gatewise as gw
from gatewise.base.release import meaning
from gatewise.formats import ByName, open_contents
from gatewise.models import describe, load_model, load_weights_from

FILES = HERE / "of_tensorflow"
WANTED = np.load(HERE / "tensorflow.npz")
L = gw.layers
CLOSE: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-6}  # As for files of Keras: float32 over four layers.


def sequential() -> Any:
    both = L.Bidirectional(L.LSTM(3, return_sequences=True))
    rest = [both, L.TimeDistributed(L.Dense(2)), L.BatchNormalization(), L.GRU(3), L.Dense(1)]
    with meaning("tf2"):
        return gw.Sequential([gw.Input((5,)), L.Embedding(9, 4), *rest])


def functional() -> Any:
    with meaning("tf2"):
        start = gw.Input((None, 3))
        y, h, _ = L.LSTM(4, return_sequences=True, return_state=True, name="encoder")(start)
        inner = gw.Sequential([L.Dense(5), L.RNN([L.LSTMCell(2), L.GRUCell(3)])], name="inner")
        return gw.Model(start, L.Dense(1)(L.Concatenate()([inner(y), h])))


@pytest.mark.parametrize(("name", "x"), [("sequential", "ids"), ("functional", "x")])
def test_whole_models(name: str, x: str) -> None:
    model = load_model(FILES / name)
    np.testing.assert_allclose(model.predict(WANTED[x], verbose=0), WANTED[name], **CLOSE)
    assert (model.optimizer is not None) == (name == "sequential")
    found = describe(FILES / name)
    assert (found.format, found.kind, found.keras_version) == ("TensorFlow SavedModel", "model", "2.21.0")
    assert found.parameters == model.count_params()


@pytest.mark.parametrize("path", ["sequential", "checkpoint", "checkpoint/weights", "checkpoint/weights.index"])
def test_weights_into_a_model_made_in_code(path: str) -> None:
    model = sequential()
    model.load_weights(FILES / path)
    np.testing.assert_allclose(model.predict(WANTED["ids"], verbose=0), WANTED["sequential"], **CLOSE)


@pytest.mark.parametrize("path", ["functional", "plain"])
def test_weights_where_models_and_cells_stand_inside(path: str) -> None:
    model = functional()
    model.load_weights(FILES / path)
    np.testing.assert_allclose(model.predict(WANTED["x"], verbose=0), WANTED["functional"], **CLOSE)


def test_a_model_without_a_config_says_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"weights alone.*model\.load_weights with"):
        load_model(FILES / "plain")
    assert describe(FILES / "plain").kind == "weights"
    with pytest.raises(ValueError, match=r"weights alone.*load_weights_from\(model, path\)"):
        load_model(FILES / "program")


@pytest.mark.parametrize("release", ["21", "23"])
@pytest.mark.parametrize(("name", "x"), [("sequential", "ids"), ("functional", "x")])
def test_whole_models_whose_config_stands_in_the_program(release: str, name: str, x: str) -> None:
    folder, wanted = HERE / f"of_tensorflow{release}", np.load(HERE / f"tensorflow{release}.npz")
    model = load_model(folder / name)
    np.testing.assert_allclose(model.predict(wanted[x], verbose=0), wanted[name], **CLOSE)
    assert (model.optimizer is not None) == (name == "sequential")
    found = describe(folder / name)
    assert (found.kind, found.keras_version) == ("model", {"21": "2.3.0-tf", "23": "2.4.0"}[release])
    assert found.parameters == model.count_params()


class Own(gw.Model):
    """As `make_old_saved_models.py` has it."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = L.LSTM(3), L.Dense(2)

    def call(self, x: Any) -> Any:
        return self.head(self.rnn(x))


@pytest.mark.parametrize("release", ["21", "23"])
def test_a_class_of_a_programs_own_has_weights_alone(release: str) -> None:
    path, wanted = HERE / f"of_tensorflow{release}" / "own", np.load(HERE / f"tensorflow{release}.npz")
    with pytest.raises(ValueError, match="weights alone"):
        load_model(path)
    model = Own()
    model(wanted["x"])
    model.load_weights(path)
    np.testing.assert_allclose(model.predict(wanted["x"], verbose=0), wanted["own"], **CLOSE)


def small() -> Any:
    return gw.Sequential([gw.Input((4, 3)), L.LSTM(4, name="rnn"), L.Dense(2, name="head")])


SMALL = {
    "module2": {"rnn": "rnn", "head": "head"},
    "module3": {"rnn": "rnn/cell", "head": "head"},
    "variables": {"rnn": "kernel recurrent bias", "head": "out"},
    "program": {"rnn": "rnn/lstm_cell", "head": "out"},
}


@pytest.mark.parametrize("name", SMALL)
def test_what_is_no_model_of_keras_2_by_the_names_of_its_parts(name: str) -> None:
    model = small()
    match = load_weights_from(model, FILES / name, names=SMALL[name], show=False)
    assert not match.left
    np.testing.assert_allclose(model.predict(WANTED["x"], verbose=0), WANTED[name], **CLOSE)


@pytest.mark.parametrize("name", ["module2", "module3", "variables"])
def test_what_is_no_model_of_keras_2_in_order(name: str) -> None:
    model = small()
    load_weights_from(model, FILES / name, show=False)
    np.testing.assert_allclose(model.predict(WANTED["x"], verbose=0), WANTED[name], **CLOSE)


def test_a_model_of_keras_3_with_its_objects() -> None:
    both = L.Bidirectional(L.GRU(3, return_sequences=True))
    model = gw.Sequential([gw.Input((4, 3)), both, L.BatchNormalization(), L.Dense(2)])
    load_weights_from(model, FILES / "saved3", show=False)
    np.testing.assert_allclose(model.predict(WANTED["x"], verbose=0), WANTED["saved3"], **CLOSE)


def test_objects_that_are_no_model_of_keras_2_are_named() -> None:
    with pytest.raises(
        ValueError, match=r"nothing at 'layer_with_weights-0/cell'.*it holds rnn, head\..*load_weights_from"
    ):
        small().load_weights(FILES / "module3")
    with pytest.raises(ValueError, match=r"names of their own \(out/bias, .*load_weights_from"):
        small().load_weights(FILES / "program")
    with pytest.raises(ValueError, match=r"'out/bias' \(2,\) would become 'kernel'.*names="):
        load_weights_from(small(), FILES / "program", show=False)
    with pytest.raises(ValueError, match=r"no 'rnn/gru_cell'; there are .*rnn/lstm_cell/kernel"):
        load_weights_from(small(), FILES / "program", names={"rnn": "rnn/gru_cell"}, show=False)


def test_what_keras3_exports() -> None:
    model = gw.Sequential([gw.Input((4, 3)), L.LSTM(4), L.Dense(2)])
    load_weights_from(model, FILES / "exported", show=False)
    np.testing.assert_allclose(model.predict(WANTED["x"], verbose=0), WANTED["exported"], **CLOSE)


def test_names_of_tensorflow1_and_a_variable_in_parts() -> None:
    with open_contents(FILES / "tf1") as contents:
        assert isinstance(contents.weights, ByName)
        found = {array.name: array.read() for array in contents.weights.arrays}
    np.testing.assert_array_equal(found["rnn/lstm_cell/kernel"], WANTED["tf1/kernel"])
    for name in ("float64", "float16", "bfloat16", "int32", "int64", "uint8"):
        assert found[f"rnn/lstm_cell/{name}" if f"rnn/lstm_cell/{name}" in found else name].tolist() == [0, 1, 2]
    assert found["bool"].tolist() == [False, True, True]
    assert "text" not in found


def test_another_model_is_refused_by_the_layer() -> None:
    with meaning("tf2"):
        model = gw.Sequential([gw.Input((5,)), L.Embedding(9, 4), L.Bidirectional(L.LSTM(4)), L.Dense(1)])
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"checkpoint.*has the shape \(4, 16\).*layer_with_weights-1/backward_layer"):
        model.load_weights(FILES / "checkpoint")
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_latest_is_looked_for_in_the_folder_alone(tmp_path: Path) -> None:
    shutil.copytree(FILES / "checkpoint", tmp_path / "a")
    (tmp_path / "a" / "checkpoint").write_text('model_checkpoint_path: "/somewhere/else/weights"\n')
    sequential().load_weights(tmp_path / "a")
    (tmp_path / "a" / "checkpoint").write_text('model_checkpoint_path: "../b/other"\n')
    with pytest.raises(ValueError, match="a directory"):
        sequential().load_weights(tmp_path / "a")


def test_a_part_that_is_missing_is_named(tmp_path: Path) -> None:
    shutil.copytree(FILES / "checkpoint", tmp_path / "a")
    (tmp_path / "a" / "weights.data-00000-of-00001").unlink()
    with pytest.raises(ValueError, match=r"no file 'weights\.data-00000-of-00001'"):
        sequential().load_weights(tmp_path / "a")


@given(
    st.sampled_from(["sequential", "checkpoint", "tf1", "../of_tensorflow23/functional"]),
    st.integers(0, 2**32),
    st.sampled_from(["index", "metadata", "short"]),
)
@settings(max_examples=150)
def test_damaged_files_are_read_or_refused(name: str, seed: int, how: str) -> None:
    import tempfile

    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "model")
        shutil.copytree(FILES / name, folder)
        kind = "*.pb" if how == "metadata" else "*.index" if how == "index" else "*.data*"
        for path in folder.rglob(kind):
            data = bytearray(path.read_bytes())
            if how == "short":
                del data[int(rng.integers(len(data))) :]
            elif data:
                for place in rng.integers(0, len(data), int(rng.integers(1, 5))):
                    data[place] = rng.choice([0, 255, data[place] ^ 1 << int(rng.integers(8))])
            path.write_bytes(data)
        try:
            with open_contents(folder) as contents:
                for layer in contents.needed_weights().listed():
                    assert all(array.read().shape == array.shape for array in layer.arrays)
            describe(folder)
        except ValueError as error:
            assert str(folder) in str(error)  # noqa: PT017
