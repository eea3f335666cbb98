"""Random models through files: the same bits of weights, the same config, the same bits of outputs."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from test_model_forms import chains

import gatewise as gw
from gatewise.base.release import meaning


@given(chains(), st.sampled_from([".keras", ".h5", ".safetensors"]), st.sampled_from(["keras3", "tf2"]), st.booleans())
@settings(max_examples=90)
def test_whole_models(chain: tuple[list[Any], np.ndarray], ending: str, release: Any, nest: bool) -> None:
    model, x = gw.Sequential(chain[0]), chain[1]
    if nest:
        start = gw.Input(x.shape[1:], dtype=str(model.input.dtype))
        model = gw.Model(start, model(start))
    with tempfile.TemporaryDirectory() as folder, meaning(release):
        path = Path(folder, "model" + ending)
        model.save(path)
        again = gw.models.load_model(path)
        again_saved = Path(folder, "again" + ending)
        again.save(again_saved)
        same_config(gw.models.load_model(again_saved), again)
    same_weights(again, model)
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    if release == "keras3":
        same_config(again, model)


@given(chains(), st.sampled_from([".weights.h5", ".h5", ".safetensors"]))
@settings(max_examples=45)
def test_weights_alone(chain: tuple[list[Any], np.ndarray], ending: str) -> None:
    model, x = gw.Sequential(chain[0]), chain[1]
    again = gw.models.clone_model(model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model" + ending)
        model.save_weights(path)
        again.load_weights(path)
    same_weights(again, model)
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


def same_weights(one: Any, other: Any) -> None:
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def same_config(one: Any, other: Any) -> None:
    assert json.loads(json.dumps(one.get_config())) == json.loads(json.dumps(other.get_config()))
