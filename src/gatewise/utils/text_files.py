"""Texts in folders, as a dataset."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from gatewise.data import Dataset

LABEL_MODES: Final = ("int", "categorical", "binary", None)
SUBSETS: Final = ("training", "validation", "both", None)


def text_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """The texts in a folder's `.txt` files, and the folders that they are in as their classes.

    Args:
        directory: with a folder for each class, `directory/class/name.txt`.
        labels: "inferred", from the folders; a list with a number for each file, in the order of their names; or None.
        label_mode: "int" (int32), "categorical" (vectors), "binary" (float32, (B, 1)) or None, texts alone.
        class_names: the folders to take, in the order of their numbers; by default all, by name.
        batch_size: B; None for texts one by one.
        max_length: of a text in bytes; what is beyond is left out.
        shuffle: whether files come in another order in each iteration.
        seed: of the orders. Which files are for training is drawn as Keras draws it.
        validation_split: the share for validation, between 0 and 1.
        subset: "training", "validation", or "both", a pair of datasets; with `validation_split`.
        follow_links: whether folders are entered that are links.
        format: "tf", a `Dataset`; there is no other.
        verbose: say how many files there are.

    Returns:
        A `Dataset` of (texts (B,), labels), with `class_names`; of texts without labels. Texts are `bytes`.

    Raises:
        ValueError: arguments that do not fit each other or the folder.

    Source: Keras's function of the same name.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for kind in ("bad", "good"):
    ...         os.mkdir(f"{folder}/{kind}")
    ...         _ = Path(folder, kind, "one.txt").write_text(f"a {kind} film")
    ...     films = text_dataset_from_directory(folder, batch_size=2, shuffle=False)
    ...     [(texts.tolist(), labels.tolist()) for texts, labels in films], films.class_names
    Found 2 files belonging to 2 classes.
    ([([b'a bad film', b'a good film'], [0, 1])], ['bad', 'good'])
    """
    _check(labels, label_mode, class_names, format)
    _check_split(validation_split, subset, shuffle, seed)
    labels = None if label_mode is None else labels
    seed = int(np.random.randint(10**6)) if seed is None else seed
    found = _found(Path(directory), labels, class_names, follow_links)
    if label_mode == "binary" and len(found.classes or ()) != 2:
        raise ValueError(f"label_mode='binary' is for two classes; {directory} has {found.classes}.")
    if verbose:
        of_classes = "" if found.classes is None else f" belonging to {len(found.classes)} classes"
        print(f"Found {len(found.paths)} files{of_classes}.")
    if shuffle:
        found = found.mixed(seed)
    parts = found.parts(validation_split, subset, verbose)
    made = [part.dataset(label_mode, batch_size, max_length, seed if shuffle else None) for part in parts]
    return made if subset == "both" else made[0]


class _Texts(NamedTuple):
    """Files, with a number for each, and the classes that these are of."""

    paths: list[str]
    labels: list[int] | None
    classes: list[str] | None

    def mixed(self, seed: int) -> _Texts:
        """In an order that the seed decides; for one seed the one that Keras takes."""
        order = list(range(len(self.paths)))
        np.random.RandomState(seed).shuffle(order)
        return self._at(order)

    def _at(self, places: Sequence[int]) -> _Texts:
        labels = None if self.labels is None else [self.labels[k] for k in places]
        return _Texts([self.paths[k] for k in places], labels, self.classes)

    def parts(self, validation_split: float | None, subset: str | None, verbose: bool) -> list[_Texts]:
        """What is asked for: all, the first files for training, or the last ones for validation."""
        count = len(self.paths)
        last = int((validation_split or 0) * count)
        places = {"training": range(count - last), "validation": range(count - last, count)}
        wanted = list(places) if subset == "both" else [subset] if subset else []
        for name in wanted:
            if verbose:
                print(f"Using {len(places[name])} files for {name}.")
            if not places[name]:
                raise ValueError(f"{name} is left without files: {count} files, validation_split={validation_split}.")
        if not count:
            raise ValueError("No text files found: they end in .txt, each in the folder of its class.")
        return [self._at(places[name]) for name in wanted] or [self]

    def dataset(self, mode: str | None, batch_size: int | None, max_length: int | None, seed: int | None) -> Dataset:
        """The texts, read when their turn comes, with labels as `mode` says."""
        targets = None if self.labels is None else _in_mode(self.labels, mode, len(self.classes or ()))

        def element(place: Any) -> Any:
            text = Path(self.paths[int(place)]).read_bytes()[:max_length]
            return text if targets is None else (text, targets[int(place)])

        places = Dataset.from_tensor_slices(np.arange(len(self.paths)))
        if seed is not None:
            places = places.shuffle(8 * batch_size if batch_size else 1024, seed)
        made = places.map(element)
        made = made if batch_size is None else made.batch(batch_size)
        made.class_names = self.classes
        return made


def _in_mode(labels: list[int], mode: str | None, classes: int) -> Any:
    if mode == "categorical":
        return np.eye(classes, dtype="float32")[labels]
    return np.array(labels, "float32")[:, None] if mode == "binary" else np.array(labels, "int32")


def _found(directory: Path, labels: Any, class_names: Sequence[str] | None, follow_links: bool) -> _Texts:
    if isinstance(labels, str):
        folders = sorted(each.name for each in directory.iterdir() if each.is_dir() and not each.name.startswith("."))
        if class_names is not None and not set(class_names) <= set(folders):
            raise ValueError(f"class_names must be among the folders {folders} of {directory}, got {class_names}.")
        classes = folders if class_names is None else list(class_names)
        by_class = [list(_texts_in(directory / folder, follow_links)) for folder in classes]
        numbers = [number for number, paths in enumerate(by_class) for _ in paths]
        return _Texts([path for paths in by_class for path in paths], numbers, classes)
    paths = list(_texts_in(directory, follow_links))
    if labels is None:
        return _Texts(paths, None, None)
    if len(labels) != len(paths):
        raise ValueError(f"`labels` must have one for each file: {len(labels)} for {len(paths)} files in {directory}.")
    return _Texts(paths, list(labels), [str(label) for label in sorted(set(labels))])


def _texts_in(folder: Path, follow_links: bool) -> Iterator[str]:
    """The text files anywhere below a folder, by name."""
    for place, _, names in sorted(os.walk(folder, followlinks=follow_links)):
        yield from (os.path.join(place, name) for name in sorted(names) if name.lower().endswith(".txt"))


def _check(labels: Any, label_mode: str | None, class_names: Any, format: str) -> None:
    if label_mode not in LABEL_MODES:
        raise ValueError(f"label_mode must be one of {LABEL_MODES}, got {label_mode!r}.")
    if isinstance(labels, str) and labels != "inferred":
        raise ValueError(f"labels must be 'inferred', None, or a list with one for each file, got {labels!r}.")
    if class_names is not None and labels != "inferred":
        raise ValueError("class_names says which folders are classes: it goes with labels='inferred'.")
    if format != "tf":
        raise ValueError(f"text_dataset_from_directory: format must be 'tf', got {format!r}.")


def _check_split(validation_split: float | None, subset: str | None, shuffle: bool, seed: int | None) -> None:
    if subset not in SUBSETS:
        raise ValueError(f"subset must be one of {SUBSETS}, got {subset!r}.")
    if validation_split and not 0 < validation_split < 1:
        raise ValueError(f"validation_split must be between 0 and 1, got {validation_split}.")
    if bool(validation_split) != bool(subset):
        raise ValueError("`validation_split` and `subset` go together: give both, or none.")
    if validation_split and shuffle and seed is None:
        raise ValueError("With validation_split and shuffle, give a seed, so that no file is in both subsets.")
