"""The table that summary prints."""

from __future__ import annotations

import numpy as np
import pytest

import gatewise as gw
from gatewise.layers import LSTM, Dense, Embedding
from gatewise.models.summary import byte_text


def lines(model: gw.Model, **options: object) -> list[str]:
    found: list[str] = []
    model.summary(print_fn=found.append, **options)  # type: ignore[arg-type]
    return found


def test_layers_shapes_parameters_and_totals(capsys: pytest.CaptureFixture[str]) -> None:
    model = gw.Sequential(
        [LSTM(6, input_shape=(5, 3), return_sequences=True, name="encoder"), Dense(1000)], name="chain"
    )
    text = "\n".join(lines(model))
    assert 'Model: "chain"' in text
    for words in ("encoder (LSTM)", "(None, 5, 6)", "240", "(None, 5, 1000)", "7,000"):
        assert words in text
    assert "Total parameters: 7,240 (28.28 KiB)" in text
    assert "Trainable: 7,240" in text
    assert "Not trainable: 0 (0 B)" in text
    model.summary()
    assert capsys.readouterr().out.split() == text.split()


def test_frozen_nested_and_unbuilt() -> None:
    inner = gw.Sequential([Embedding(9, 4, name="table"), LSTM(2, name="deep")], name="inner")
    model = gw.Sequential([gw.Input((5,)), inner, Dense(3)])
    inner.trainable = False
    assert not any("deep" in line for line in lines(model))
    text = "\n".join(lines(model, expand_nested=True, show_trainable=True))
    assert "deep (LSTM)" in text
    assert "Not trainable: 92" in text
    assert "no" in text
    waiting = "\n".join(lines(gw.Sequential([LSTM(2)])))
    assert "not built" in waiting
    assert "is not built" in waiting


def test_the_width() -> None:
    model = gw.Sequential([LSTM(6, input_shape=(5, 3), name="a" * 60)])
    assert max(map(len, lines(model, line_length=60))) <= 60
    assert "a" * 20 in "\n".join(lines(model, line_length=60))


def test_a_model_of_states() -> None:
    model = gw.Model(x := gw.Input((5, 3)), LSTM(6, return_state=True)(x))
    assert "(None, 6), (None, 6), (None, 6)" in "\n".join(lines(model, line_length=120))
    assert model.predict(np.zeros((1, 5, 3)))[2].shape == (1, 6)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (3 << 20, "3.00 MiB"), (5 << 40, "5120.00 GiB")],
)
def test_bytes(count: int, text: str) -> None:
    assert byte_text(count) == text
