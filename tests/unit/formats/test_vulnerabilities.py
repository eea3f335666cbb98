"""Files after known vulnerabilities of model loaders (docs/files.md): here a file is data, and nothing of it runs."""

from __future__ import annotations

import base64
import json
import marshal
import pickle
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import gatewise as gw
from gatewise.formats import open_contents
from gatewise.formats.onnx import writing
from gatewise.layer.serialization import deserialize_layer
from gatewise.models import load_model, load_weights_from

TOUCH = "import pathlib; pathlib.Path({!r}).write_text('it ran')"


def archive(path: Path, layer: dict[str, Any]) -> Path:
    """A `.keras` file whose one layer has this config."""
    layers = [{"class_name": "InputLayer", "config": {"batch_shape": [None, 3], "name": "in"}}, layer]
    config = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": layers}}
    weights = path.with_suffix(".h5")
    with h5py.File(weights, "w") as file:
        file.create_group("layers")
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("metadata.json", json.dumps({"keras_version": "3.8.0"}))
        made.writestr("config.json", json.dumps(config))
        made.write(weights, "model.weights.h5")
    weights.unlink()
    return path


def whole_h5(path: Path, layer: dict[str, Any]) -> Path:
    """An HDF5 file of Keras 2 whose one layer has this config."""
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}
    with h5py.File(path, "w") as file:
        file.attrs.update(model_config=json.dumps(config), keras_version="2.11.0", backend="tensorflow")
        file.create_group("model_weights").attrs["layer_names"] = [layer["config"]["name"]]
        file["model_weights"].create_group(layer["config"]["name"]).attrs["weight_names"] = np.zeros(0)
    return path


def evil_lambda(mark: Path) -> dict[str, Any]:
    """A Lambda layer with code inside, as Keras 3 writes one."""
    code = compile(TOUCH.format(str(mark)), "<evil>", "exec")
    packed = base64.b64encode(marshal.dumps(code)).decode()
    function = {"class_name": "__lambda__", "config": {"code": packed, "defaults": None, "closure": None}}
    return {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "l", "function": function}}


def old_lambda(mark: Path) -> dict[str, Any]:
    """The same as Keras 2 writes it."""
    code = compile(TOUCH.format(str(mark)), "<evil>", "exec")
    packed = [base64.b64encode(marshal.dumps(code)).decode(), None, None]
    own = {"name": "l", "batch_input_shape": [None, 3], "function": packed, "function_type": "lambda"}
    return {"class_name": "Lambda", "config": own}


def any_module(mark: Path) -> dict[str, Any]:
    """A class of any module, with arguments: CVE-2025-1550."""
    return {"module": "os", "class_name": "system", "config": {"command": f"touch {mark}"}, "registered_name": None}


def any_function(mark: Path) -> dict[str, Any]:
    """A Lambda whose function is one of any module: CVE-2025-8747 and -1550."""
    function = {"module": "builtins", "class_name": "function", "config": "exec", "registered_name": "exec"}
    own = {"name": "l", "function": function, "arguments": {"globals": {}}}
    return {"module": "keras.layers", "class_name": "Lambda", "config": own}


def fetched(mark: Path) -> dict[str, Any]:
    """A function of Keras's own that writes files: `get_file`, of CVE-2025-8747."""
    config = {"fname": str(mark), "origin": "file:///etc/hostname"}
    return {"module": "keras.utils", "class_name": "get_file", "config": config, "registered_name": "get_file"}


def unlocked(mark: Path) -> dict[str, Any]:
    """A config that turns the safe mode off before a Lambda comes: CVE-2025-9906."""
    switch = {"module": "keras.config", "class_name": "enable_unsafe_deserialization", "config": {}}
    inner = {"name": "inner", "layers": [switch, evil_lambda(mark)]}
    return {"module": "keras", "class_name": "Sequential", "config": inner}


def pickled_module(mark: Path) -> dict[str, Any]:
    """A module of PyTorch as a pickle in text: CVE-2025-49655, and CVE-2026-12484."""
    packed = base64.b64encode(pickle.dumps(Evil(mark))).decode()
    own = {"name": "t", "module": {"class_name": "__bytes__", "config": {"value": packed}}}
    return {"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": own}


def other_program(mark: Path) -> dict[str, Any]:
    """A layer that is a SavedModel elsewhere: CVE-2026-1462."""
    return {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"name": "t", "filepath": str(mark.parent)}}


def words_elsewhere(kind: str) -> Callable[[Path], dict[str, Any]]:
    """A layer whose vocabulary is another file on the machine, or an address: CVE-2025-12058."""

    def config(mark: Path) -> dict[str, Any]:
        secret = mark.with_name("secret.txt")
        secret.write_text("1\n2\n")
        return {"module": "keras.layers", "class_name": kind, "config": {"name": "w", "vocabulary": str(secret)}}

    return config


CASES: dict[str, tuple[Callable[[Path, dict[str, Any]], Path], Callable[[Path], dict[str, Any]], str]] = {
    "CVE-2024-3660": (archive, evil_lambda, "m.keras"),
    "CVE-2024-3660, HDF5": (whole_h5, old_lambda, "m.h5"),
    "CVE-2025-1550": (archive, any_module, "m.keras"),
    "CVE-2025-8747": (archive, fetched, "m.keras"),
    "CVE-2025-8747, a function": (archive, any_function, "m.keras"),
    "CVE-2025-9905": (whole_h5, old_lambda, "m.hdf5"),
    "CVE-2025-9906": (archive, unlocked, "m.keras"),
    "CVE-2025-49655, CVE-2026-12484": (archive, pickled_module, "m.keras"),
    "CVE-2026-1462": (archive, other_program, "m.keras"),
    **{
        f"CVE-2025-12058, {kind}, {file}": (write, words_elsewhere(kind), file)
        for kind in ("StringLookup", "IntegerLookup", "TextVectorization")
        for write, file in ((archive, "m.keras"), (whole_h5, "m.h5"))
    },
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("safe_mode", [True, False])
def test_nothing_runs(name: str, safe_mode: bool, tmp_path: Path) -> None:
    write, config, file = CASES[name]
    mark = tmp_path / "mark"
    path = write(tmp_path / file, config(mark))
    with pytest.raises(ValueError, match="cannot be made of its config"):
        load_model(path, safe_mode=safe_mode)
    assert not mark.exists()


@pytest.mark.parametrize("config", [evil_lambda, old_lambda, pickled_module, words_elsewhere("StringLookup")])
def test_configs_of_layers_alone_run_nothing(config: Callable[[Path], dict[str, Any]], tmp_path: Path) -> None:
    """CVE-2026-12481, and as above: `deserialize` and `from_config`, which no file and no safe mode stand around."""
    mark = tmp_path / "mark"
    made = config(mark)
    with pytest.raises(ValueError):  # noqa: PT011 (each says something else)
        deserialize_layer(made)
    if hasattr(gw.layers, made["class_name"]):
        with pytest.raises(ValueError):  # noqa: PT011
            getattr(gw.layers, made["class_name"]).from_config(made["config"])
    assert not mark.exists()


def external_storage(group: h5py.Group, secret: Path) -> None:
    """CVE-2026-1669: an array whose bytes are those of another file on the machine."""
    secret.write_bytes(np.ones(6, "float32").tobytes())
    group.create_dataset("0", (3, 2), "float32", external=[(str(secret), 0, 24)])


def external_link(group: h5py.Group, secret: Path) -> None:
    """CVE-2026-9335: a name for an array in another file."""
    with h5py.File(secret, "w") as file:
        file["w"] = np.ones((3, 2), "float32")
    group["0"] = h5py.ExternalLink(str(secret), "/w")


def soft_link(group: h5py.Group, secret: Path) -> None:
    """The same by two steps."""
    external_link(group, secret)
    group.move("0", "other")
    group["0"] = h5py.SoftLink(f"{group.name}/other")


def virtual_dataset(group: h5py.Group, secret: Path) -> None:
    """CVE-2026-12480: an array put together of those in another file."""
    external_link(group, secret)
    del group["0"]
    layout = h5py.VirtualLayout((3, 2), "float32")
    layout[...] = h5py.VirtualSource(str(secret), "w", (3, 2))
    group.create_virtual_dataset("0", layout)


def large_shape(group: h5py.Group, secret: Path) -> None:
    """CVE-2026-0897 and CVE-2026-12570: a small file that asks for all memory."""
    group.create_dataset("0", (1 << 30, 1 << 10), "float32", chunks=(1024, 1024), compression="gzip")


@pytest.mark.parametrize("name", ["m.weights.h5", "m.keras", "m.weights.json"])
@pytest.mark.parametrize("put", [external_storage, external_link, soft_link, virtual_dataset, large_shape])
def test_hdf5_gives_what_is_in_the_file(put: Callable[[h5py.Group, Path], None], name: str, tmp_path: Path) -> None:
    weights = tmp_path / "m.weights.h5"
    with h5py.File(weights, "w") as file:
        group = file.create_group("layers/dense/vars")
        put(group, tmp_path / "secret")
        group["1"] = np.zeros(2, "float32")
    path = tmp_path / name
    if name == "m.weights.json":
        path.write_text(json.dumps({"metadata": {}, "weight_map": {"/layers/dense/vars": weights.name}}))
    elif name == "m.keras":
        with zipfile.ZipFile(path, "w") as made:
            made.writestr("metadata.json", json.dumps({"keras_version": "3.8.0"}))
            made.writestr("config.json", json.dumps({"class_name": "Sequential", "config": {}}))
            made.write(weights, "model.weights.h5")
    model = gw.Sequential([gw.Input((3,)), gw.layers.Dense(2, name="head")])
    before = model.get_weights()[0]
    with pytest.raises(ValueError, match=r"layers/dense/vars|kernel"):
        model.load_weights(path)
    np.testing.assert_array_equal(model.get_weights()[0], before)


def test_names_of_layers_are_no_paths(tmp_path: Path) -> None:
    """CVE-2026-12479: a layer called "../x", which a later save would take for the place of a file."""
    path, folder = tmp_path / "m.keras", tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    evil = {"name": "../../../evil", "units": 2}
    archive(path, {"module": "keras.layers", "class_name": "Dense", "config": evil})
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["layers/dense/vars/0"], file["layers/dense/vars/1"] = np.ones((3, 2)), np.ones(2)
    with zipfile.ZipFile(path, "a") as made, pytest.warns(UserWarning, match="Duplicate name"):
        made.write(tmp_path / "w.h5", "model.weights.h5")
    config = json.loads(zipfile.ZipFile(path).read("config.json"))
    model = gw.models.model_from_json(json.dumps(config))
    there = sorted(tmp_path.iterdir())
    for save in (
        lambda: model.save(folder / "m.keras"),
        lambda: model.save(folder / "m", zipped=False),
        lambda: model.save(folder / "m.safetensors"),
        lambda: model.save_weights(folder / "m.weights.json", max_shard_size=1),
        lambda: model.export(folder / "m.onnx"),
        lambda: model.export(folder / "torch.safetensors"),
        lambda: model.export(folder / "m.c", show=False),
    ):
        save()
    with suppress(ValueError):  # This layout has the names of layers in the file, where ".." leads nowhere.
        model.save(folder / "m.h5")
    assert sorted(tmp_path.iterdir()) == there
    assert [each.name for each in folder.parent.iterdir()] == ["b"]


class Evil:
    """What runs when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return exec, (TOUCH.format(str(self.mark)),)


def test_pickles_of_pytorch_do_not_run(tmp_path: Path) -> None:
    """CVE-2025-32434: `torch.load`, even with weights_only."""
    mark, path = tmp_path / "mark", tmp_path / "m.pt"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("m/data.pkl", pickle.dumps({"w": Evil(mark)}, protocol=2))
    model = gw.Sequential([gw.Input((3,)), gw.layers.Dense(2)])
    with pytest.raises(ValueError):  # noqa: PT011 (there are no tensors in it)
        load_weights_from(model, path, show=False)
    assert not mark.exists()


@pytest.mark.parametrize("ending", [".npz", ".keras", ".pt"])
@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_entries_that_unpack_without_a_bound_are_refused(tmp_path: Path, ending: str, method: int) -> None:
    path = tmp_path / f"m{ending}"
    with zipfile.ZipFile(path, "w", method) as made:
        for name in ("x.npy", "config.json", "metadata.json", "model.weights.h5", "m/data.pkl"):
            made.writestr(name, bytes(1 << 10))
    model = gw.Sequential([gw.Input((3,)), gw.layers.Dense(2)])
    with pytest.raises(ValueError, match=f"packed by method {method}"):
        load_weights_from(model, path, show=False)


def torch_file(path: Path, data: bytes, storage: bytes = b"") -> Path:
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("m/data.pkl", data)
        made.writestr("m/data/0", storage)
    return path


def test_instructions_of_pickles_and_sizes_of_storages_are_checked(tmp_path: Path) -> None:
    """CVE-2026-24747: items set in what is no dict, and a tensor of more numbers than its storage has."""
    name = b"ctorch._utils\n_rebuild_tensor_v2\n"
    words = [b"X" + len(word).to_bytes(4, "little") + word for word in (b"storage", b"0", b"cpu")]
    storage = b"((%bctorch\nFloatStorage\n%b%bK\x64tQK\x00K\x64\x85K\x01\x85\x89tR" % tuple(words)
    cases = {
        "items in a number": b"\x80\x02K\x01(K\x00K\x02u.",
        "an item in a tuple": b"\x80\x02K\x01\x85K\x00K\x02s.",
        "an item in a list": b"\x80\x02]K\x00K\x02s.",
        "a storage that is too small": b"\x80\x02}X\x01\0\0\0w" + name + storage + b"s.",
    }
    model = gw.Sequential([gw.Input((3,)), gw.layers.Dense(2)])
    for case, data in cases.items():
        path = torch_file(tmp_path / "m.pt", data, bytes(8))
        with pytest.raises(ValueError, match=r"m\.pt") as caught:
            load_weights_from(model, path, show=False)
        assert ("lies outside its storage" in str(caught.value)) == ("storage" in case)


def onnx_file(tensor: bytes) -> bytes:
    graph = writing._bytes(7, writing._bytes(5, tensor))
    return writing._number(1, 8) + graph + writing._bytes(8, writing._number(2, 17))


@pytest.mark.parametrize("location", ["../secret", "link", "{folder}/secret"])
def test_arrays_of_onnx_lie_beside_the_file(location: str, tmp_path: Path) -> None:
    """CVE-2022-25882, CVE-2024-27318 and CVE-2026-27489: `external_data` that leads elsewhere, by a link too."""
    folder = tmp_path / "a"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(8))
    (folder / "link").symlink_to(tmp_path / "secret")
    place = location.format(folder=tmp_path)
    tensor = writing._number(1, 2) + writing._number(2, 1) + writing._text(8, "w") + writing._number(14, 1)
    tensor += writing._bytes(13, writing._text(1, "location") + writing._text(2, place))
    path = folder / "m.onnx"
    path.write_bytes(onnx_file(tensor))
    with pytest.raises(ValueError, match="no file in the model's folder"):
        load_model(path)


def test_facts_of_external_data_are_not_attributes(tmp_path: Path) -> None:
    """CVE-2026-34445: keys of `external_data` that a reader would set on an object of its own."""
    (tmp_path / "w").write_bytes(np.array([1, 2], "<f4").tobytes())
    pairs = {"location": "w", "length": "8", "__class__": "x", "read": "y", "checksum": "z" * 1000}
    entries = [writing._bytes(13, writing._text(1, key) + writing._text(2, value)) for key, value in pairs.items()]
    tensor = writing._number(1, 2) + writing._number(2, 1) + writing._text(8, "w") + writing._number(14, 1)
    path = tmp_path / "m.onnx"
    path.write_bytes(onnx_file(b"".join([tensor, *entries])))
    with open_contents(path) as contents:
        (layer,) = contents.needed_weights().listed()
        assert [array.read().tolist() for array in layer.arrays] == [[1, 2]]


def test_pickles_in_numpy_archives_do_not_run(tmp_path: Path) -> None:
    mark, path = tmp_path / "mark", tmp_path / "m.npz"
    np.savez(path, w=np.array([Evil(mark)], object))
    model = gw.Sequential([gw.Input((3,)), gw.layers.Dense(2)])
    with pytest.raises(ValueError, match="damaged, or no numbers"):
        load_weights_from(model, path, show=False)
    assert not mark.exists()
