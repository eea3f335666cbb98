"""Safetensors: our own files as the format's own library reads them, its files here, and files that are damaged."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_files import X, same, small

import gatewise as gw
from gatewise.formats import ByName, open_contents
from gatewise.formats.safetensors import DTYPES, write_arrays
from gatewise.models import describe, load_model

ARRAYS = {
    "lstm.weight_ih_l0": np.arange(24, dtype="float32").reshape(8, 3),
    "lstm.bias": np.arange(8, dtype="float64"),
    "half": np.array([[1.5]], "float16"),
    "brain": np.array([1.0, -2.5], ml_dtypes.bfloat16),
    "yes": np.array([True, False]),
    "none": np.zeros((0, 3), "float32"),
    "scalar": np.array(2.0, "float32"),
    **{f"{word}": np.array([1, 2], DTYPES[word]) for word in ("U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64")},
}


def test_the_own_library_reads_a_model_of_ours(tmp_path: Path) -> None:
    model = small()
    model.save(tmp_path / "m.safetensors")
    found = safetensors.numpy.load_file(tmp_path / "m.safetensors")
    assert sorted(found) == [
        *(f"layers/dense/vars/{n}" for n in range(2)),
        *(f"layers/lstm/cell/vars/{n}" for n in range(3)),
    ]
    np.testing.assert_array_equal(found["layers/lstm/cell/vars/0"], model.get_weights()[0])
    same(load_model(tmp_path / "m.safetensors"), model)


def test_arrays_of_every_dtype_there_and_back(tmp_path: Path) -> None:
    write_arrays(tmp_path / "ours", {}, ARRAYS)
    theirs = safetensors.numpy.load_file(tmp_path / "ours")
    safetensors.numpy.save_file(ARRAYS, tmp_path / "theirs", {"format": "pt"})
    for path in ("ours", "theirs"):
        with open_contents(tmp_path / path) as contents:
            assert isinstance(contents.weights, ByName)
            read = {array.name: array.read() for array in contents.weights.arrays}
        assert read.keys() == theirs.keys() == ARRAYS.keys()
        for name, array in ARRAYS.items():
            wanted = array.astype("float32") if name == "brain" else array
            assert read[name].dtype == wanted.dtype
            np.testing.assert_array_equal(read[name], wanted)
            np.testing.assert_array_equal(theirs[name], array)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_small_and_large_dtypes_keep_every_bit(dtype: str, tmp_path: Path) -> None:
    model = gw.Sequential([gw.Input((5, 4)), gw.layers.LSTM(3, dtype=dtype)])
    model.save(tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    for one, other in zip(again.weights, model.weights, strict=True):
        assert one.dtype == other.dtype == dtype
        np.testing.assert_array_equal(np.asarray(one.numpy()), np.asarray(other.numpy()))


def test_training_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    model = small()
    model.compile("adam", "mse")
    y = np.zeros((len(X), 2))
    model.fit(X, y, epochs=2, verbose=0, shuffle=False)
    model.save(tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    losses = []
    for each in (model, again):
        each.layers[1].rate = 0.0  # Masks would be the process's next ones, and so others.
        losses.append(each.fit(X, y, epochs=2, verbose=0, shuffle=False).history["loss"])
    assert losses[0] == losses[1]
    for one, other in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_alone(tmp_path: Path) -> None:
    model, other = small(), gw.models.clone_model(small())
    model.save_weights(tmp_path / "w.safetensors")
    other.load_weights(tmp_path / "w.safetensors")
    np.testing.assert_array_equal(other.predict(X), model.predict(X))
    assert describe(tmp_path / "w.safetensors").kind == "weights"
    with pytest.raises(ValueError, match="weights alone"):
        load_model(tmp_path / "w.safetensors")


def test_described(tmp_path: Path) -> None:
    small().save(tmp_path / "m.safetensors")
    found = describe(tmp_path / "m.safetensors")
    assert (found.format, found.kind, found.parameters) == ("safetensors", "model", small().count_params())
    assert [(layer.name, len(layer.weights)) for layer in found.layers[1:]] == [("rnn", 3), ("drop", 0), ("head", 2)]
    write_arrays(tmp_path / "a.safetensors", {}, ARRAYS)
    assert describe(tmp_path / "a.safetensors").layers[0].name == "lstm"


def test_arrays_of_others_are_no_model(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a.safetensors", {}, ARRAYS)
    with pytest.raises(ValueError, match="weights alone"):
        load_model(tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=r"lstm\.weight_ih_l0"):
        small().load_weights(tmp_path / "a.safetensors")


# -- damage ---------------------------------------------------------------------------------------------------------


def with_header(change: Callable[[dict[str, Any]], Any]) -> Callable[[bytes], bytes]:
    """Bytes of a file whose header was changed."""

    def changed(data: bytes) -> bytes:
        (length,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8 : 8 + length])
        change(header)
        text = json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + data[8 + length :]

    return changed


FIRST = "layers/dense/vars/0"
DAMAGE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "cut short": (lambda data: data[:-4], "damaged or cut short"),
    "a long header": (lambda data: struct.pack("<Q", 1 << 40) + data[8:], "is"),
    "no JSON": (lambda data: data[:9] + b"oops" + data[13:], "not JSON"),
    "nesting": (lambda data: struct.pack("<Q", 200_005) + b'{"a":' + b"[" * 200_000, "not JSON|damaged"),
    "a dtype": (with_header(lambda h: h[FIRST].update(dtype="F8")), "dtype 'F8'"),
    "no dtype": (with_header(lambda h: h[FIRST].pop("dtype")), "dtype None"),
    "a negative size": (with_header(lambda h: h[FIRST].update(shape=[-3, 2])), "damaged"),
    "a size of text": (with_header(lambda h: h[FIRST].update(shape=["3", 2])), "damaged"),
    "a huge shape": (with_header(lambda h: h[FIRST].update(shape=[1 << 62, 1 << 62])), "does not fit"),
    "another shape": (with_header(lambda h: h[FIRST].update(shape=[2, 2])), "does not fit"),
    "beyond the end": (with_header(lambda h: h[FIRST].update(data_offsets=[10**6, 10**6 + 24])), "does not fit"),
    "no entry": (with_header(lambda h: h.update({FIRST: 3})), "dtype None"),
    "metadata": (with_header(lambda h: h.update(__metadata__={"a": 1})), "must hold texts"),
    "a config": (with_header(lambda h: h["__metadata__"].update({"gatewise.config": "[]"})), "JSON object"),
    "no class": (with_header(lambda h: h["__metadata__"].update({"gatewise.config": "{}"})), "class_name"),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_files_are_refused_by_name(how: str, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    small().save(path)
    change, words = DAMAGE[how]
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ValueError, match=words) as caught:
        load_model(path)
    assert str(path) in str(caught.value)


@given(st.binary(max_size=200), st.integers(0, 100), st.booleans())
@settings(max_examples=200)
def test_any_bytes_are_read_or_refused(noise: bytes, place: int, keep: bool) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "m.safetensors")
        write_arrays(path, {"a": "b"}, {"x": np.zeros(3, "float32")})
        data = path.read_bytes()
        path.write_bytes(data[:place] + noise + (data[place:] if keep else b""))
        try:
            with open_contents(path) as contents:
                for layer in contents.needed_weights().listed():
                    assert all(array.read().shape == array.shape for array in layer.arrays)
        except ValueError as error:
            assert str(path) in str(error)  # noqa: PT017
