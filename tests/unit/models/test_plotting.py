"""Pictures of models."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gatewise as gw
from gatewise.models.plotting import plot_model

L = gw.layers


def encoder_and_decoder() -> Any:
    x, y = gw.Input((None, 3), name="x"), gw.Input((None, 2), name="y")
    _, h, c = L.LSTM(4, return_state=True, name="encoder")(x)
    decoded = L.LSTM(4, return_sequences=True, name="decoder")(y, initial_state=[h, c])
    return gw.Model([x, y], [L.Dense(3, activation="softmax", name="<head>")(decoded), L.Add()([h, c])])


def of_kind(svg: str, kind: str) -> list[Any]:
    return [each for each in ElementTree.fromstring(svg).iter() if each.tag.endswith(kind)]


def test_a_box_for_each_call_and_a_line_for_each_tensor() -> None:
    drawing = plot_model(encoder_and_decoder(), None, show_shapes=True, show_layer_names=True, show_dtype=True)
    boxes = of_kind(drawing.svg, "}rect")
    assert len(boxes) == 6
    assert len(of_kind(drawing.svg, "}path")) == 5
    texts = [each.text for each in of_kind(drawing.svg, "}text")]
    assert {"encoder (LSTM)", "<head> (Dense)", "(None, None, 4)", "float32"} <= set(texts)
    # No box covers another, and all lie in the picture.
    root = ElementTree.fromstring(drawing.svg)
    places = [[float(box.get(key)) for key in ("x", "y", "width", "height")] for box in boxes]
    for n, (x, y, w, h) in enumerate(places):
        assert x >= 0
        assert x + w <= float(root.get("width") or 0)
        assert y + h <= float(root.get("height") or 0)
        for other in places[:n]:
            assert x + w <= other[0] or other[0] + other[2] <= x or y + h <= other[1] or other[1] + other[3] <= y


def test_files_by_their_endings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("PATH", "")  # No Graphviz.
    model = encoder_and_decoder()
    model.plot(tmp_path / "m.svg")
    model.plot(tmp_path / "m.dot", show_layer_activations=True)
    assert (tmp_path / "m.svg").read_text() == model.plot()._repr_svg_()
    assert '[label="Dense\\nsoftmax"]' in (tmp_path / "m.dot").read_text()
    assert (tmp_path / "m.dot").read_text().count("->") == 5
    gw.keras.utils.plot_model(model, to_file=str(tmp_path / "model.png"))
    assert "model.svg" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.dot", "m.svg", "model.svg"]


def test_a_sequential_and_a_model_inside() -> None:
    inner = gw.Sequential([gw.Input((5, 3)), L.LSTM(2)], name="inner")
    model = gw.Sequential([gw.Input((5, 3)), inner, L.Dense(1)])
    assert [each.text for each in of_kind(model.plot().svg, "}text")] == ["InputLayer", "Sequential", "Dense"]


def test_what_cannot_be_seen_is_refused() -> None:
    class Own(gw.Model):
        def call(self, inputs: Any) -> Any:
            return inputs

    own = Own()
    own(np.zeros((1, 2)))
    for model in (own, gw.Sequential([L.Dense(2)])):
        with pytest.raises(ValueError, match="cannot be drawn"):
            model.plot()
