"""The examples that train: each runs to its end in its quick form, its figure is sane, and its picture is there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def output_of(name, folder):
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), str(folder), "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    return done.stdout


def number(pattern, text):
    return float(re.search(pattern, text)[1])


def test_forecast(tmp_path):
    text = output_of("forecast", tmp_path)
    errors = {
        name: (float(one), float(cycle))
        for name, one, cycle in re.findall(r"^(\w[\w ]*?) +(\d+\.\d) +(\d+\.\d)$", text, re.MULTILINE)
    }
    assert set(errors) == {"naive", "seasonal naive", "autoregression", "LSTM"}
    # The order that is known for these years, and the errors of its least squares.
    assert "order 9" in text
    assert errors["autoregression"] == (16.7, 30.4)
    assert errors["LSTM"][0] < errors["naive"][0]
    assert errors["LSTM"][1] < errors["naive"][1]


def test_classify(tmp_path):
    # A share of one in nine is chance; Keras reaches 0.9 and more in the whole budget.
    assert number(r"Accuracy, mean of 1 seeds: (\d+\.\d+)%", output_of("classify", tmp_path)) > 70


def test_generate(tmp_path):
    text = output_of("generate", tmp_path)
    known = number(r"Knowing nothing: (\d\.\d+)", text)
    # The frequencies of characters alone are worth about 1.4 nats here.
    assert number(r"held out: (\d\.\d+) nats", text) < known - 1
    assert len(text.split("\n\n")[1]) > 50


def test_sensor(tmp_path):
    text = output_of("sensor", tmp_path)
    assert number(r"Right at (\d+\.\d)%", text) > 75
    assert re.findall(r"same bits: (\w+)", text) == ["True", "True"]
    assert number(r"as at once, to (\S+)", text) < 1e-5


def test_plant(tmp_path):
    text = output_of("plant", tmp_path)
    assert "4,000 sensors in this process" in text
    # Alarms are set to come for 1 in 10,000 healthy sensors: of 4,000 nearly none, beside about 40 that go wrong.
    assert number(r"precision (\d+\.\d)%", text) > 80
    assert number(r"drift +(\d+\.\d)% found", text) > 80


@pytest.mark.parametrize("name", ["classify", "generate"])
def test_keras_had_the_same_budget(name):
    said = json.loads((EXAMPLES / "data" / "keras.json").read_text())[name]
    source = (EXAMPLES / f"{name}.py").read_text()
    assert number(r"(?m)^.*\bEPOCHS = .*\b(\d+)$", source) == said["epochs"]


def test_without_matplotlib_a_line_says_so(monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    import shared

    assert shared.figure(4, 3) is None
    assert "pip install 'gatewise[plot]'" in capsys.readouterr().out
