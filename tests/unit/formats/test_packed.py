"""Models inside archives: a zip file with one model, a tar file with a SavedModel; and what is refused."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

import gatewise as gw
from gatewise.formats import packed
from gatewise.models import describe, load_model

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "m.keras"
    gw.Sequential([gw.Input((None, 3)), gw.layers.LSTM(2)]).save(path)
    return path


def packed_as(path: Path, saved: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("notes.txt", "hello")
        for name in names:
            archive.write(saved, name)
    return path


@pytest.mark.parametrize("name", ["m.keras", "deep/er/m.keras", "../m.keras"])
def test_one_model_in_a_zip_file(name: str, saved: Path, tmp_path: Path) -> None:
    path = packed_as(tmp_path / "m.zip", saved, name)
    x = np.ones((1, 4, 3), "float32")
    np.testing.assert_array_equal(load_model(path).predict(x, verbose=0), load_model(saved).predict(x, verbose=0))
    assert describe(path).path == str(path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["m.zip"]


def test_two_models_are_refused(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds 2 models: a\.keras, b\.keras. Unpack it"):
        load_model(packed_as(tmp_path / "m.zip", saved, "a.keras", "b.keras"))


def test_an_error_names_the_archive(tmp_path: Path) -> None:
    (tmp_path / "broken").write_bytes(b"PK\x03\x04 and no more")
    path = packed_as(tmp_path / "m.zip", tmp_path / "broken", "m.keras")
    with pytest.raises(ValueError, match="archive is damaged") as caught:
        load_model(path)
    assert str(caught.value).startswith(repr(str(path)))


def in_tar(path: Path, folder: Path, above: str = "model", mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        archive.add(folder, above)
        note = tarfile.TarInfo(f"{above}/meta.pkl")
        note.size = 4
        archive.addfile(note, io.BytesIO(b"evil"))
    return path


@pytest.mark.parametrize(("above", "mode"), [("model", "w:gz"), (".", "w"), ("/a/b", "w:bz2")])
def test_a_saved_model_in_a_tar_file(above: str, mode: str, tmp_path: Path) -> None:
    folder = GOLDEN / "of_tensorflow" / "sequential"
    path = in_tar(tmp_path / "m.tar.gz", folder, above, mode)
    if mode == "w:bz2":
        assert not packed.recognises(path)
        return
    for one, other in zip(load_model(path).get_weights(), load_model(folder).get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_links_in_a_tar_file_lead_nowhere(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    path = tmp_path / "m.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(GOLDEN / "of_tensorflow" / "sequential" / "saved_model.pb", "m/saved_model.pb")
        for name in ("m/variables/variables.index", "m/variables/variables.data-00000-of-00001"):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, str(secret)
            archive.addfile(link)
    with pytest.raises(ValueError, match=r"m\.tar"):
        load_model(path)


def test_a_member_cannot_be_larger_than_possible(tmp_path: Path) -> None:
    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m.keras", bytes(200 << 20))
    with pytest.raises(ValueError, match="more than can be in this archive"):
        load_model(path)
