"""Small programs on layers give what they gave with Keras 3 and tf_keras."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import layer_programs
import numpy as np
import pytest

from gatewise import keras
from gatewise.base import release

with gzip.open(Path(__file__).parent / "programs.jsonl.gz", "rt") as _file:
    WANTED = {line["id"]: line["found"] for line in map(json.loads, _file)}
TOLERANCE = 2e-6
"""Numbers below 4, sums of at most 12 products, a square root and an exponential: some 16 roundings of 1.2e-7."""


@pytest.mark.parametrize("name", [name for name in WANTED if name != "keras3/file"])
def test_what_the_real_systems_gave(name: str) -> None:
    of, _, program = name.partition("/")
    with release.meaning(release.checked(of)):
        found = layer_programs.said((layer_programs.PROGRAMS | layer_programs.NEW)[program](keras))
    assert_same(found, WANTED[name])


def test_there_is_a_result_of_every_program() -> None:
    every = {f"tf2/{name}" for name in layer_programs.PROGRAMS}
    every |= {f"keras3/{name}" for name in layer_programs.PROGRAMS | layer_programs.NEW}
    assert WANTED.keys() == every | {"keras3/file"}


def test_vocabularies_in_a_file_of_keras_and_in_ours(tmp_path: Path) -> None:
    model = keras.models.load_model(Path(__file__).parent / "files" / layer_programs.VOCABULARIES)
    model.save(tmp_path / "ours.keras")
    model.save(tmp_path / "folder", zipped=False)
    model.save(tmp_path / "ours.h5")
    for each in (model, *map(keras.models.load_model, sorted(tmp_path.iterdir()))):
        assert_same([layer_programs.said(part) for part in each(layer_programs.texts(np.array))], WANTED["keras3/file"])


def assert_same(found: Any, wanted: Any) -> None:
    if isinstance(wanted, dict):
        assert (found["dtype"], found["shape"]) == (wanted["dtype"], wanted["shape"])
        if wanted["dtype"] == "text":
            assert found["values"] == wanted["values"]
        else:
            np.testing.assert_allclose(found["values"], wanted["values"], rtol=0, atol=TOLERANCE)
    elif isinstance(wanted, list):
        assert isinstance(found, list)
        assert len(found) == len(wanted)
        for pair in zip(found, wanted, strict=True):
            assert_same(*pair)
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, abs=TOLERANCE)
    else:
        assert found == wanted
