"""The arguments that many layers declare: one line in a layer says the argument, its default and how it is read.

For example `activation: Argument[Any, Activation] = activation("tanh")`.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gatewise import activations, constraints, initializers, regularizers
from gatewise.activations import Activation
from gatewise.arguments.declared import REQUIRED, Argument
from gatewise.arguments.parsers import boolean, fraction, integer, number, one_of, optional, positive
from gatewise.base.release import Release
from gatewise.config import config

KEYWORD_IN_KERAS2: Final[dict[Release, None]] = {"tf1": None, "tf2": None}
"""The `places` of an argument that came with Keras 3."""
_NAMED: Final = "str | Callable[..., Any] | dict[str, Any] | None"
"""What may be given for a thing that has a name: the name, the thing itself, its config, or None."""
NO_ADAPTERS: Final = "Gatewise neither adapts weights (LoRA) nor quantises them; leave the argument out"


def activation(default: Any = None, **options: Any) -> Argument[Any, Activation]:
    """The name of an activation, a callable, or None for linear."""
    return Argument(default=default, parse=activations.get, serialize=activations.serialize, takes=_NAMED, **options)


def initializer(default: str, **options: Any) -> Argument[Any, Any]:
    """The name of an initializer, an object or a callable."""
    return Argument(default=default, parse=initializers.get, serialize=initializers.serialize, takes=_NAMED, **options)


def regularizer(**options: Any) -> Argument[Any, Any]:
    """The name of a regularizer, an object, or None."""
    return Argument(default=None, parse=regularizers.get, serialize=regularizers.serialize, takes=_NAMED, **options)


def constraint(**options: Any) -> Argument[Any, Any]:
    """The name of a constraint, an object, or None."""
    return Argument(default=None, parse=constraints.get, serialize=constraints.serialize, takes=_NAMED, **options)


def flag(default: bool, **options: Any) -> Argument[bool, bool]:
    """True or False."""
    return Argument(default=default, parse=boolean, **options)


def count(default: Any = REQUIRED, **options: Any) -> Argument[int, int]:
    """A positive integer."""
    return Argument(default=default, parse=positive, **options)


def rate(default: Any = REQUIRED, **options: Any) -> Argument[Any, float]:
    """A fraction in [0, 1]."""
    return Argument(default=default, parse=fraction, takes="float", **options)


def real(default: Any = REQUIRED, **options: Any) -> Argument[Any, float]:
    """A number; also the array of one number that some Keras versions write in its place."""
    return Argument(default=default, parse=_plain_number, takes="float", **options)


def seed(**options: Any) -> Argument[Any, int | None]:
    """An integer that makes random numbers repeatable, or None; also Keras 3's config of a seed generator."""
    return Argument(default=None, parse=_seed, takes="int | None", **options)


def absent(reason: str, **options: Any) -> Argument[None, None]:
    """An argument of Keras's for something that Gatewise does not do: None, or an error that gives the reason."""

    def parse(value: Any) -> None:
        if value is not None:
            raise ValueError(f"expected None, got {value!r}: {reason}.")

    return Argument(default=None, parse=parse, in_config=False, **options)


def one_step(default: Any = REQUIRED, **options: Any) -> Argument[Any, int]:
    """A positive integer, alone or as a sequence of one, as one-dimensional layers are given it: 2, (2,) or [2]."""
    return Argument(default=default, parse=_alone, serialize=lambda value: [value], **options)


def padding(*choices: str) -> Argument[str, str]:
    """What happens at the ends of the time axis: "valid", "same", and for convolutions "causal"."""

    def parse(value: Any) -> str:
        return str(one_of(*choices)(value.lower() if isinstance(value, str) else value))

    return Argument(default="valid", parse=parse)


def data_format(**options: Any) -> Argument[Any, str]:
    """Where the features are: "channels_last" (B, T, I), "channels_first" (B, I, T), or None for what `config` says."""
    return Argument(default=None, parse=_data_format, **options)


def _plain_number(value: Any) -> float:
    if isinstance(value, dict):  # {"type": "ndarray", "value": 0.3} and {"class_name": "__numpy__", "config": {...}}
        value = value.get("value", _config_of(value).get("value", value))
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    return number(value)


def _config_of(described: dict[str, Any]) -> dict[str, Any]:
    config = described.get("config")
    return config if isinstance(config, dict) else {}


def _seed(value: Any) -> int | None:
    if isinstance(value, dict):
        value = _config_of(value).get("seed")
    value = getattr(value, "seed", value)
    return None if value is None else integer(value)


def _alone(value: Any) -> int:
    if isinstance(value, (list, tuple)):
        if len(value) != 1:
            raise ValueError(f"expected one positive integer, got {value!r}.")
        value = value[0]
    return positive(value)


def _data_format(value: Any) -> str:
    return config.image_data_format if value is None else str(one_of("channels_last", "channels_first")(value))


def not_negative(value: Any) -> float:
    """A number of at least 0, as `real` reads it."""
    found = _plain_number(value)
    if found < 0:
        raise ValueError(f"expected a number of at least 0, got {value!r}.")
    return found


optional_number = optional(_plain_number)
