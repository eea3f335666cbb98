"""What `inspect`, `help` and editors are told of constructors: it is what the constructors take."""

from __future__ import annotations

import inspect
import pydoc
import runpy
from pathlib import Path
from typing import Any

import pytest

import gatewise as gw
from gatewise.arguments import Declared, text_of
from gatewise.base import release

ROOT = Path(__file__).parents[3]
PUBLIC = [
    getattr(module, name)
    for module in (gw.layers, gw.optimizers, gw.models)
    for name in dir(module)
    if inspect.isclass(getattr(module, name)) and issubclass(getattr(module, name), Declared)
]


def names(cls: Any) -> list[str]:
    return list(inspect.signature(cls).parameters)


def test_an_lstm_is_described_in_kerass_order() -> None:
    """The order is that of Keras 3.15's LSTM."""
    parameters = inspect.signature(gw.layers.LSTM).parameters
    places = [name for name, each in parameters.items() if each.kind is each.POSITIONAL_OR_KEYWORD]
    assert places == [
        "units", "activation", "recurrent_activation", "use_bias", "kernel_initializer", "recurrent_initializer",
        "bias_initializer", "unit_forget_bias", "kernel_regularizer", "recurrent_regularizer", "bias_regularizer",
        "activity_regularizer", "kernel_constraint", "recurrent_constraint", "bias_constraint", "dropout",
        "recurrent_dropout", "seed", "return_sequences", "return_state", "go_backwards", "stateful", "unroll",
        "use_cudnn",
    ]  # fmt: skip
    assert parameters["units"].default is inspect.Parameter.empty
    assert (parameters["use_bias"].default, parameters["use_bias"].annotation) == (True, "bool")
    assert parameters["activation"].annotation == "str | Callable[..., Any] | dict[str, Any] | None"
    assert {"name", "dtype", "weights", "time_major", "precision"} <= set(parameters) - set(places)


def test_it_is_that_of_the_release_in_force() -> None:
    with release.meaning("tf1"):
        assert inspect.signature(gw.layers.LSTM).parameters["recurrent_activation"].default == "hard_sigmoid"
        assert inspect.signature(gw.layers.LSTM).parameters["seed"].kind is inspect.Parameter.KEYWORD_ONLY
    assert names(gw.optimizers.AdamW)[:3] == ["learning_rate", "weight_decay", "beta_1"]


def test_a_constructor_of_ones_own_keeps_its_signature() -> None:
    class Own(gw.layers.LSTM):
        def __init__(self, size: int, **kwargs: Any) -> None:
            super().__init__(size, **kwargs)

    class Plain(gw.layers.LSTM):
        pass

    assert names(Own) == ["size", "kwargs"]
    assert names(Plain) == names(gw.layers.LSTM)
    assert names(gw.layers.Lambda)[:4] == ["function", "output_shape", "mask", "arguments"]
    assert names(gw.Model)[:3] == ["inputs", "outputs", "name"]
    assert names(gw.layers.LSTM(3))[:2] == ["inputs", "initial_state"]


@pytest.mark.parametrize("cls", PUBLIC, ids=lambda cls: cls.__name__)
def test_whatever_it_lists_is_taken_and_described(cls: Any) -> None:
    undescribed = [name for name in names(cls) if text_of(cls, name) is None]
    assert not undescribed


def test_the_descriptors_say_what_they_are_for() -> None:
    assert gw.layers.LSTM.return_sequences.__doc__ == "give all outputs (B, T, H) rather than the last."
    assert "LSTM(units: 'int', activation" in pydoc.render_doc(gw.layers.LSTM, renderer=pydoc.plaintext)


def test_the_stubs_are_those_that_the_script_makes() -> None:
    made = runpy.run_path(str(ROOT / "tools" / "typing" / "stubs.py"))["made"]()
    assert len(made) == 3
    for path, text in made.items():
        assert path.read_text() == text, f"{path.name}: run tools/typing/stubs.py"
