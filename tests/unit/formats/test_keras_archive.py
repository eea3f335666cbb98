"""`.keras` files that are damaged, or traps: refused by name, and nothing outside is touched."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from keras_files import same, small

from gatewise.formats import open_contents
from gatewise.models import describe, load_model

Entries = dict[str, bytes]


def entries(path: Path) -> Entries:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(tmp_path: Path, change: Callable[[Entries], Any], packing: int = zipfile.ZIP_STORED) -> Path:
    path = tmp_path / "m.keras"
    small().save(path)
    held = entries(path)
    change(held)
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, data in held.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("place", [512, 1024, 2048])
def test_an_archive_is_not_taken_for_the_hdf5_that_stands_in_it(place: int, tmp_path: Path) -> None:
    """The signature of HDF5 counts at these places of a file too."""
    path = tmp_path / "m.keras"
    small().save(path)
    held = entries(path)
    filling = place - 30 - len("a") - 30 - len("model.weights.h5")  # Two local headers of a zip, and the names.
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {"a": bytes(filling), "model.weights.h5": held.pop("model.weights.h5"), **held}.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    assert path.read_bytes()[place : place + 4] == b"\x89HDF"
    with open_contents(path) as contents:
        assert contents.format == "Keras archive"


def test_what_an_archive_holds(tmp_path: Path) -> None:
    small().save(tmp_path / "m.keras")
    with open_contents(tmp_path / "m.keras") as contents:
        assert contents.format == "Keras archive"
        assert contents.keras_version == "3.15.1"
        assert not contents.training_config
    found = describe(tmp_path / "m.keras")
    assert (found.kind, found.class_name, found.parameters) == ("model", "Sequential", small().count_params())
    assert not {file.name for file in tmp_path.iterdir()} - {"m.keras"}


def test_packed_entries(tmp_path: Path) -> None:
    same(load_model(rewritten(tmp_path, lambda held: None, zipfile.ZIP_DEFLATED)), small())


def test_strange_entries_are_left_alone(tmp_path: Path) -> None:
    path = rewritten(tmp_path, lambda held: held.update({"../out.txt": b"x", "assets/run.py": b"raise SystemExit"}))
    same(load_model(path), small())
    assert [file.name for file in tmp_path.iterdir()] == ["m.keras"]
    assert not (tmp_path.parent / "out.txt").exists()


def _deep(held: Entries) -> None:
    held["config.json"] = b"[" * 100_000


def _linked(held: Entries) -> None:
    buffer = io.BytesIO(held["model.weights.h5"])
    with h5py.File(buffer, "r+") as file:
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = h5py.ExternalLink("/etc/passwd", "x")
    held["model.weights.h5"] = buffer.getvalue()


DAMAGES: dict[str, tuple[Callable[[Entries], Any], str]] = {
    "no config": (lambda held: held.pop("config.json"), "weights alone, without a model"),
    "no metadata": (lambda held: held.pop("metadata.json"), r"0 entries 'metadata\.json'"),
    "no weights": (lambda held: held.pop("model.weights.h5"), r"0 entries 'model\.weights\.h5'"),
    "config cut short": (lambda held: held.update({"config.json": held["config.json"][:50]}), "not JSON.*damaged"),
    "a config in too many brackets": (_deep, "not JSON"),
    "config of nothing": (lambda held: held.update({"config.json": b"{}"}), "class_name"),
    "metadata a list": (lambda held: held.update({"metadata.json": b"[]"}), "must hold a JSON object"),
    "no version": (
        lambda held: held.update({"metadata.json": b'{"keras_version": 3}'}),
        "keras_version as text, got 3",
    ),
    "weights of nothing": (lambda held: held.update({"model.weights.h5": b"no HDF5"}), "damaged"),
    "weights cut short": (
        lambda held: held.update({"model.weights.h5": held["model.weights.h5"][:5000]}),
        "cut short|damaged",
    ),
    "weights elsewhere": (_linked, "link to another place"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged(tmp_path: Path, damage: str) -> None:
    change, words = DAMAGES[damage]
    path = rewritten(tmp_path, change)
    with pytest.raises(ValueError, match=rf"(?s)m\.keras'.*({words})"):
        load_model(path)


def test_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    small().save(path)
    whole = path.read_bytes()
    for size in (5, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"m\.keras'.*(cut short|damaged)"):
            load_model(path)


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_more_than_an_honest_entry(tmp_path: Path, name: str) -> None:
    """Zeros, packed a thousand times: refused before they are unpacked."""
    path = rewritten(tmp_path, lambda held: held.update({name: bytes(1 << 26)}), zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match=rf"{name} claims {1 << 26} bytes"):
        load_model(path)


def test_two_configs(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    small().save(path)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("config.json", json.dumps({"class_name": "Sequential", "config": []}))
    with pytest.raises(ValueError, match=r"2 entries 'config\.json'"):
        load_model(path)


def test_flipped_bytes(tmp_path: Path) -> None:
    """Wherever a byte is another one: the file loads the same, or is refused as damaged."""
    path, rng = tmp_path / "m.keras", np.random.default_rng(0)
    small().save(path)
    whole = path.read_bytes()
    refused = 0
    for place in rng.integers(0, len(whole), 60):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        model, words = loaded_or_refused(path)
        if model is None:
            assert "m.keras'" in words
            refused += 1
        else:
            same(model, small())
    assert refused > 20


def loaded_or_refused(path: Path) -> tuple[Any, str]:
    try:
        return load_model(path), ""
    except ValueError as error:
        return None, str(error)
