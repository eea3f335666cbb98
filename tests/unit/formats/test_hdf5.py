"""HDF5 files: what the reader takes, what it refuses and how, and that a file is only data."""

from __future__ import annotations

import gc
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from keras_files import KERNEL, X, edited, nested, same, small, write, write_vars

import gatewise as gw
from gatewise.models import describe, load_model

L = gw.layers


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("text", [str.encode, str], ids=["bytes", "str"])
def test_texts_in_every_form(tmp_path: Path, text: Any, split: bool) -> None:
    model = small()
    same(load_model(write(tmp_path / "m.h5", model, text=text, split=split)), model)


@pytest.mark.parametrize("kind", [str, Path, lambda path: str(path).encode()])
def test_paths_in_every_form(tmp_path: Path, kind: Any) -> None:
    model = small()
    same(load_model(kind(write(tmp_path / "any name, no ending", model))), model)


def test_block_before_the_signature(tmp_path: Path) -> None:
    model, path = small(), tmp_path / "m.h5"
    write(tmp_path / "plain.h5", model, text=str)
    with h5py.File(path, "w", userblock_size=1024) as file, h5py.File(tmp_path / "plain.h5") as plain:
        file.attrs.update(plain.attrs)
        plain.copy("model_weights", file)
    same(load_model(path), model)


def test_newest_hdf5_layout(tmp_path: Path) -> None:
    model, path = small(), tmp_path / "m.h5"
    write(tmp_path / "plain.h5", model, text=str)
    with h5py.File(path, "w", libver="latest") as file, h5py.File(tmp_path / "plain.h5") as plain:
        file.attrs.update(plain.attrs)
        plain.copy("model_weights", file)
    same(load_model(path), model)


def test_open_elsewhere(tmp_path: Path) -> None:
    model = small()
    path = write(tmp_path / "m.h5", model)
    with h5py.File(path, "r"):
        same(load_model(path), model)
    writer = "import h5py, sys; file = h5py.File(sys.argv[1], 'a'); print('open', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", writer, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(ValueError, match=r"another program has the file open for writing"):
            load_model(path)
        other.communicate(b"\n")
    same(load_model(path), model)


def test_packed_arrays(tmp_path: Path) -> None:
    model = small()
    path = write(tmp_path / "m.h5", model)

    def pack(file: h5py.File) -> None:
        values = file["model_weights/rnn/rnn/kernel"][...]
        del file["model_weights/rnn/rnn/kernel"]
        file.create_dataset("model_weights/rnn/rnn/kernel", data=values, compression="gzip", shuffle=True)

    same(load_model(edited(path, pack)), model)


def test_circles_end(tmp_path: Path) -> None:
    def circle(file: h5py.File) -> None:
        file["layers/dense/again"] = file["layers"]

    path = edited(write_vars(tmp_path / "m.weights.h5", nested()), circle)
    with pytest.raises(ValueError, match="under another name, or once more"):
        describe(path)


def test_links_are_not_followed(tmp_path: Path) -> None:
    good = write(tmp_path / "good.h5", small())
    links = {
        "elsewhere": h5py.ExternalLink(str(good), f"/{KERNEL}"),
        "within": h5py.SoftLink("/model_weights/rnn/rnn/kernel"),
    }
    for name, link in links.items():

        def change(file: h5py.File, link: Any = link) -> None:
            del file[KERNEL]
            file[KERNEL] = link

        path = edited(write(tmp_path / f"{name}.h5", small()), change)
        with pytest.raises(ValueError, match=r"is a link to another place or file"):
            load_model(path)


def test_linked_group(tmp_path: Path) -> None:
    good = write(tmp_path / "good.h5", small())

    def change(file: h5py.File) -> None:
        del file["model_weights"]
        file["model_weights"] = h5py.ExternalLink(str(good), "/model_weights")

    with pytest.raises(ValueError, match=r"is a link"):
        load_model(edited(write(tmp_path / "m.h5", small()), change))


def test_numbers_in_other_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(24))

    def external(file: h5py.File) -> None:
        del file[KERNEL]
        file.create_dataset(KERNEL, shape=(3, 2), dtype="f4", external=[(str(secret), 0, 24)])

    def virtual(file: h5py.File) -> None:
        del file[KERNEL]
        layout = h5py.VirtualLayout((3, 2), "f4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "good.h5"), KERNEL, (3, 2))
        file.create_virtual_dataset(KERNEL, layout)

    write(tmp_path / "good.h5", small())
    for change in (external, virtual):
        path = edited(write(tmp_path / "m.h5", small()), change)
        with pytest.raises(ValueError, match=r"lie in other files"):
            load_model(path)


@pytest.mark.parametrize(
    "value",
    [np.array([b"x"] * 6).reshape(3, 2), np.zeros((3, 2), "c8"), np.zeros((3, 2), [("a", "f4")]), h5py.Empty("f4")],
    ids=["text", "complex", "compound", "nothing"],
)
def test_what_is_not_numbers(tmp_path: Path, value: Any) -> None:
    def change(file: h5py.File) -> None:
        del file[KERNEL]
        file[KERNEL] = value

    with pytest.raises(ValueError, match=r"must hold numbers"):
        load_model(edited(write(tmp_path / "m.h5", small()), change))


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        del file[KERNEL]
        data = file.create_dataset(KERNEL, shape=(3, 2), dtype=h5py.special_dtype(vlen=np.uint8))
        data[0, 0] = np.frombuffer(pickle.dumps({}), np.uint8)

    with pytest.raises(ValueError, match=r"must hold numbers"):
        load_model(edited(write(tmp_path / "m.h5", small()), change))


def test_filters_that_need_a_plugin(tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        del file[KERNEL]
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((3, 2))
        plan.set_filter(32099, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((3, 2))
        h5py.h5d.create(file["model_weights/head/head"].id, b"kernel", h5py.h5t.NATIVE_FLOAT, space, plan)

    with pytest.raises(ValueError, match=r"filter 32099, which needs a plugin"):
        load_model(edited(write(tmp_path / "m.h5", small()), change))


def test_arrays_that_the_file_has_no_room_for(tmp_path: Path) -> None:
    side = 10**6

    def never_written(file: h5py.File) -> None:
        del file[KERNEL]
        file.create_dataset(KERNEL, shape=(side, side), dtype="f4")

    def packed(file: h5py.File) -> None:
        del file[KERNEL]
        file.create_dataset(KERNEL, shape=(side, side), dtype="f4", chunks=(1000, 1000), compression="gzip")

    def large_chunk(file: h5py.File) -> None:
        del file[KERNEL]
        file.create_dataset(KERNEL, (3, 2), "f4", chunks=(10**4, 10**4), maxshape=(None, None), compression="gzip")

    config = json.loads(small().to_json())
    for change in (never_written, packed, large_chunk):
        path = edited(write(tmp_path / "m.h5", small(), config=config), change)
        with pytest.raises(ValueError, match=r"claims the shape"):
            load_model(path)


def test_groups_in_a_circle(tmp_path: Path) -> None:
    def circle(file: h5py.File) -> None:
        head = file["model_weights/head/head"]
        head["head"] = head
        file["model_weights/head"].attrs["weight_names"] = [b"head/" * 2000 + b"kernel", b"head/bias"]

    model = small()
    same(load_model(edited(write(tmp_path / "m.h5", model), circle)), model)


def test_many_claimed_names(tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        kind = h5py.h5t.C_S1.copy()
        kind.set_size(1)
        del file["model_weights"].attrs["layer_names"]
        space = h5py.h5s.create_simple((60000,))
        h5py.h5a.create(file["model_weights"].id, b"layer_names", kind, space)

    with pytest.raises(ValueError, match=r"m\.h5'"):
        load_model(edited(write(tmp_path / "m.h5", small()), change))


def test_files_are_closed(tmp_path: Path) -> None:
    path = write(tmp_path / "m.h5", small())
    model = load_model(path)
    with pytest.raises(ValueError, match=r"weights"):
        gw.Sequential([gw.Input((5, 4)), L.Dense(1)]).load_weights(path)
    gc.collect()
    with h5py.File(path, "w"):
        pass  # Windows, and HDF5 itself, refuse this while a reader has the file.
    assert model.predict(X).shape == (3, 2)
