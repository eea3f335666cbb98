"""A slip in a name: of a module's names, a setting, an argument set as an attribute. Each error says the nearest name,
and Python adds none of its own."""

from __future__ import annotations

import importlib
import traceback
from typing import Any

import pytest

import gatewise as gw

MODULES = [*(name for name in gw.__all__ if name[0].islower() and name != "config"), "keras.layers", "keras.utils"]


def words(act: Any) -> str:
    """The last line of the traceback, as a user sees it."""
    with pytest.raises(AttributeError) as found:
        act()
    return "".join(traceback.format_exception_only(found.value)).strip()


@pytest.mark.parametrize(
    ("act", "line"),
    [
        (lambda: gw.Sequental, "Gatewise has no `gatewise.Sequental`. Did you mean 'Sequential'?"),
        (lambda: gw.layers.LTSM, "Gatewise has no `gatewise.layers.LTSM`. Did you mean 'LSTM'?"),
        (lambda: gw.keras.layers.LTSM, "Gatewise has no `tf.keras.layers.LTSM`. Did you mean 'LSTM'?"),
        (lambda: gw.optimizers.Adma, "Gatewise has no `gatewise.optimizers.Adma`. Did you mean 'Adam'?"),
        (lambda: gw.constantt, "Gatewise has no `tf.constantt`. Did you mean 'constant'?"),
        (lambda: gw.layers.Activatoin, "Gatewise has no `gatewise.layers.Activatoin`. Did you mean 'Activation'?"),
        (lambda: gw.layers.Attraction, "Gatewise has no `gatewise.layers.Attraction`."),
        (lambda: setattr(gw.config, "thread", 3), "config has no setting 'thread'. Did you mean 'threads'?"),
    ],
)
def test_a_name_that_is_not_there(act: Any, line: str) -> None:
    assert words(act) == f"AttributeError: {line}"


def test_import_says_the_same() -> None:
    with pytest.raises(ImportError, match=r"Did you mean 'Sequential'\?$"):
        from gatewise import Sequental  # noqa: F401


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("return_sequence", "return_sequences"),
        ("activaton", "activation"),
        ("dropuot", "dropout"),
        ("trainble", "trainable"),
        ("recurent_dropout", "recurrent_dropout"),
    ],
)
def test_an_argument_set_under_a_mistyped_name(name: str, meant: str) -> None:
    layer = gw.layers.LSTM(3, name="encoder")
    line = f"AttributeError: LSTM 'encoder' has no argument {name!r}. Did you mean {meant!r}?"
    assert words(lambda: setattr(layer, name, True)) == line
    assert not hasattr(layer, name)


def test_models_and_optimizers_too() -> None:
    model = gw.Sequential([gw.layers.LSTM(3)], name="model")
    assert "Did you mean 'precision'?" in words(lambda: setattr(model, "precission", "bfloat16"))
    assert "Did you mean 'stop_training'?" in words(lambda: setattr(model, "stop_trainning", True))
    assert "Did you mean 'learning_rate'?" in words(lambda: setattr(gw.optimizers.Adam(), "learning_rat", 0.1))


def test_what_programs_set_for_themselves_stays_theirs() -> None:
    class Own(gw.layers.LSTM):
        def __init__(self, units: int) -> None:
            super().__init__(units)
            self.return_sequence = "mine"

    assert Own(3).return_sequence == "mine"
    model: Any = gw.Sequential([gw.layers.LSTM(3)])
    for name in ("history_of_mine", "names", "input_shapes", "outputs_", "batch_sizes", "classes", "step", "_trainble"):
        setattr(model, name, 3)
    layer: Any = gw.layers.LSTM(3)
    for name in ("kernels", "activations", "unit", "dropouts", "cells"):
        setattr(layer, name, 3)
        assert getattr(layer, name) == 3


@pytest.mark.parametrize("name", MODULES)
def test_modules_list_public_names(name: str) -> None:
    module = importlib.import_module(f"gatewise.{name}")
    listed = dir(module)
    assert listed
    assert not [each for each in listed if each.startswith("_") or each in ("annotations", "Any", "np")]
    assert all(hasattr(module, each) for each in listed)


def test_the_package_lists_what_it_promises() -> None:
    assert dir(gw) == sorted(gw.__all__)
