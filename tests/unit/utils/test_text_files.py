"""`text_dataset_from_directory`: what it gives, which files are for training, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gatewise as gw

read = gw.keras.utils.text_dataset_from_directory


@pytest.fixture
def films(tmp_path: Path) -> Path:
    for kind, count in (("pos", 6), ("neg", 5)):
        (tmp_path / kind).mkdir()
        for k in range(count):
            (tmp_path / kind / f"{k}.txt").write_text(f"{kind}{k} words")
    (tmp_path / "neg" / "notes.md").write_text("no text file")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def seen(dataset: Any) -> list[tuple[str, Any]]:
    pairs = [pair for texts, labels in dataset for pair in zip(texts.tolist(), labels.tolist(), strict=True)]
    return sorted((text.decode(), label) for text, label in pairs)


def test_the_split_is_kerass(films: Path) -> None:
    """Keras 3.15 on TensorFlow said these, for this seed."""
    given = {"validation_split": 0.3, "seed": 7, "max_length": 4, "batch_size": 4, "verbose": False}
    training, validation = (read(films, subset=subset, **given) for subset in ("training", "validation"))
    assert [name for name, _ in seen(training)] == ["neg0", "neg1", "neg2", "neg3", "pos0", "pos2", "pos3", "pos5"]
    assert seen(validation) == [("neg4", 0), ("pos1", 1), ("pos4", 1)]
    both = read(films, subset="both", **given)
    assert [seen(part) for part in both] == [seen(training), seen(validation)]
    assert training.class_names == ["neg", "pos"]


@pytest.mark.parametrize(
    ("mode", "first"),
    [("int", [0, 0]), ("binary", [[0.0], [0.0]]), ("categorical", [[1.0, 0.0], [1.0, 0.0]])],
)
def test_labels(films: Path, mode: str, first: Any) -> None:
    texts, labels = next(iter(read(films, label_mode=mode, batch_size=2, shuffle=False)))
    assert texts.tolist() == [b"neg0 words", b"neg1 words"]
    assert labels.tolist() == first
    assert labels.dtype.name == ("int32" if mode == "int" else "float32")


def test_texts_alone_and_labels_of_ones_own(films: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [text.item() for text in read(films, labels=None, batch_size=None, shuffle=False)][-1] == b"pos5 words"
    assert capsys.readouterr().out == "Found 11 files.\n"
    own = read(films, labels=list(range(11)), shuffle=False, verbose=False)
    assert [label for _, label in seen(own)] == list(range(11))
    assert read(films, class_names=["pos", "neg"], verbose=False).class_names == ["pos", "neg"]


def test_each_iteration_mixes_anew(films: Path) -> None:
    dataset = read(films, batch_size=None, seed=3, verbose=False)
    first, second = ([text.item() for text, _ in dataset] for _ in range(2))
    assert first != second
    assert sorted(first) == sorted(second)


def test_it_goes_into_fit(films: Path) -> None:
    dataset = read(films, label_mode="binary", batch_size=4, seed=1, verbose=False)
    words = gw.layers.TextVectorization(20, output_sequence_length=3)
    words.adapt(dataset.map(lambda texts, _: texts))
    model = gw.Sequential([gw.layers.Embedding(20, 4), gw.layers.LSTM(4), gw.layers.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy")
    history = model.fit(dataset.map(lambda texts, labels: (words(texts), labels)), epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"][0])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"label_mode": "float"}, "label_mode must be one of"),
        ({"labels": "names"}, "labels must be 'inferred'"),
        ({"labels": None, "class_names": ["pos"]}, "goes with labels='inferred'"),
        ({"class_names": ["good"]}, "among the folders"),
        ({"labels": [1, 2]}, "2 for 11 files"),
        ({"validation_split": 0.2}, "go together"),
        ({"subset": "training"}, "go together"),
        ({"validation_split": 2, "subset": "both"}, "between 0 and 1"),
        ({"validation_split": 0.2, "subset": "both"}, "give a seed"),
        ({"validation_split": 0.01, "subset": "validation", "seed": 1}, "left without files"),
        ({"subset": "test"}, "subset must be one of"),
        ({"class_names": ["pos"], "label_mode": "binary"}, "is for two classes"),
        ({"format": "grain"}, "format must be 'tf'"),
    ],
)
def test_refusals(films: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read(films, **given)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No text files found"):
        read(tmp_path)
