"""Weights in several files, with an index: what is written is read, and an index is not trusted."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import gatewise as gw
from gatewise.base import atomic
from gatewise.formats import sharded
from gatewise.models import describe

L = gw.layers
BYTES = 1 / 2**30
"""As a part of a gigabyte."""


def made(seed: int) -> Any:
    model = gw.Sequential([gw.Input((None, 3)), L.Bidirectional(L.LSTM(4), name="both"), L.Dense(2, name="head")])
    model.compile(gw.optimizers.SGD(0.1, momentum=0.9), "mse")
    model.optimizer.build(model.trainable_variables)
    rng = np.random.default_rng(seed)
    for variable in [*model.variables, *model.optimizer.stored_variables]:
        variable.assign(rng.integers(1, 100, variable.shape).astype(variable.dtype))
    return model


def all_arrays(model: Any) -> list[np.ndarray]:
    return [v.numpy() for v in (*model.variables, *model.optimizer.stored_variables)]


def same(one: Any, other: Any) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(all_arrays(one), all_arrays(other), strict=True))


def saved(folder: Path, seed: int = 1) -> Path:
    path = folder / "m.weights.json"
    made(seed).save_weights(path, max_shard_size=500 * BYTES)
    return path


def files(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_weights_and_the_optimizers_state_come_back(tmp_path: Path) -> None:
    path = saved(tmp_path)
    other = made(2)
    other.load_weights(path)
    assert same(other, made(1))
    sizes = []
    for shard in tmp_path.glob("m_*.weights.h5"):
        with h5py.File(shard) as file:
            arrays: list[Any] = []
            file.visititems(lambda _, item, arrays=arrays: arrays.append(getattr(item, "nbytes", 0)))
            sizes.append(sum(arrays))
    assert len(sizes) > 3
    assert max(sizes) <= 500
    index = json.loads(path.read_text())
    assert index["metadata"]["total_size"] == sum(sizes)
    assert isinstance(index["weight_map"]["/layers/bidirectional/forward_layer/cell/vars"], list)


def test_one_file_where_all_fit(tmp_path: Path) -> None:
    made(1).save_weights(tmp_path / "m.weights.json", True, 1)  # By place, as in Keras 3.
    assert files(tmp_path) == ["m.weights.json", "m_00000.weights.h5"]


def test_a_name_of_one_file_becomes_that_of_an_index(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"the index of the weights is '.*m\.weights\.json', as in Keras"):
        made(1).save_weights(tmp_path / "m.weights.h5", max_shard_size=1)
    assert files(tmp_path) == ["m.weights.json", "m_00000.weights.h5"]


def test_it_is_described(tmp_path: Path) -> None:
    found = describe(saved(tmp_path))
    assert (found.format, found.kind, found.optimizer_weights) == ("Keras shards", "weights", True)
    assert [(layer.name, len(layer.weights)) for layer in found.layers] == [("bidirectional", 6), ("dense", 2)]


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"layers/bidirectional/backward_layer/cell/vars/0 has 192 bytes, more than"):
        made(1).save_weights(tmp_path / "m.weights.json", max_shard_size=100 * BYTES)
    with pytest.raises(ValueError, match=r"ends in \.weights\.json"):
        made(1).save_weights(tmp_path / "m.safetensors", max_shard_size=1)
    with pytest.raises(ValueError, match="gigabytes above 0, got 0"):
        made(1).save_weights(tmp_path / "m.weights.json", max_shard_size=0)
    assert files(tmp_path) == []
    saved(tmp_path)
    with pytest.raises(FileExistsError):
        made(1).save_weights(tmp_path / "m.weights.json", overwrite=False, max_shard_size=1)


def test_the_old_files_go_when_the_new_ones_are_there(tmp_path: Path) -> None:
    (tmp_path / "m_x.weights.h5").touch()
    count = len(files(saved(tmp_path).parent))
    for seed in (2, 3):
        path = saved(tmp_path, seed)
        assert len(files(tmp_path)) == count
        other = made(9)
        other.load_weights(path)
        assert same(other, made(seed))


@pytest.mark.parametrize("at", range(1, 8))
def test_whatever_fails_the_old_weights_are_whole(at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path)
    before, left, real = files(tmp_path), at, os.replace

    def replace(*paths: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise OSError(28, "No space left on device")
        real(*paths)

    monkeypatch.setattr(atomic.os, "replace", replace)
    with pytest.raises(OSError, match="No space left"):
        saved(tmp_path, 2)
    assert files(tmp_path) == before
    other = made(9)
    other.load_weights(path)
    assert same(other, made(1))


def damaged(path: Path, change: Any) -> Path:
    index = json.loads(path.read_text())
    change(index)
    path.write_text(json.dumps(index))
    return path


def test_an_index_is_not_trusted(tmp_path: Path) -> None:
    secret = tmp_path / "secret.weights.h5"
    folder = tmp_path / "a"
    folder.mkdir()
    saved(folder)
    (folder / "m_00000.weights.h5").rename(secret)
    (folder / "link.weights.h5").symlink_to(secret)
    place = "/layers/bidirectional/backward_layer/cell/vars"
    for name, words in {
        "../secret.weights.h5": "expected the name of a file",
        str(secret): "expected the name of a file",
        "secret": "expected the name of a file",
        7: "expected the name of a file",
        "link.weights.h5": "there is no file 'link.weights.h5' beside it",
        "m_00000.weights.h5": "there is no file 'm_00000.weights.h5' beside it",
    }.items():
        path = damaged(folder / "m.weights.json", lambda index, name=name: index["weight_map"].update({place: name}))
        model = made(2)
        with pytest.raises(ValueError, match=words) as caught:
            model.load_weights(path)
        assert str(caught.value).startswith(repr(str(path)))
        assert same(model, made(2))


def test_what_is_damaged_is_named(tmp_path: Path) -> None:
    path = saved(tmp_path)
    (tmp_path / "m_00000.weights.h5").write_bytes((tmp_path / "m_00000.weights.h5").read_bytes()[:900])
    with pytest.raises(ValueError, match=r"m\.weights\.json': m_00000\.weights\.h5: the file is cut short"):
        made(2).load_weights(path)
    many = {f"/layers/{k}/vars": f"m_{k}.weights.h5" for k in range(501)}
    damaged(path, lambda index: index.update(weight_map=many))
    with pytest.raises(ValueError, match="names more than 500 files"):
        made(2).load_weights(path)
    damaged(path, lambda index: index.update(weight_map=[1]))
    with pytest.raises(ValueError, match="weight_map must say"):
        made(2).load_weights(path)
    path.write_text('{"weight_map"')
    with pytest.raises(ValueError, match="is not JSON"):
        made(2).load_weights(path)


def test_arrays_that_two_files_have(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.json"
    made(1).save_weights(path, max_shard_size=1)
    (tmp_path / "m_1.weights.h5").write_bytes((tmp_path / "m_00000.weights.h5").read_bytes())
    both = ["m_00000.weights.h5", "m_1.weights.h5"]
    damaged(path, lambda index: index["weight_map"].update({"/layers/dense/vars": both}))
    with pytest.raises(ValueError, match="two files have an array layers/dense/vars/0"):
        made(2).load_weights(path)


def test_other_json_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    for text in (made(1).to_json(), "[]", "{", "{}"):
        path.write_text(text)
        assert not sharded.recognises(str(path))
