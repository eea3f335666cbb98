"""The public names that Kerases have had, module by module, and where those of older modules are now.

The names stand in `keras_names.txt`, which `tools/names/make.py` makes from Keras's own wheels.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_suffix(".txt")

OURS: Final = "gatewise.keras"
"""Where Keras's modules are."""

MOVED: Final[dict[str, str]] = {
    "engine": "",
    "engine.base_layer": "layers",
    "engine.base_layer_v1": "layers",
    "engine.functional": "models",
    "engine.input_layer": "layers",
    "engine.input_spec": "layers",
    "engine.keras_tensor": "",
    "engine.network": "models",
    "engine.node": "layers",
    "engine.saving": "models",
    "engine.sequential": "models",
    "engine.topology": "layers",
    "engine.training": "models",
    "engine.training_v1": "models",
    "backend_config": "config",
    "callbacks_v1": "callbacks",
    "layers.legacy_rnn.rnn_cell_impl": "layers",
    "legacy": "",
    "legacy.layers": "layers",
    "legacy.models": "models",
    "objectives": "losses",
    "optimizer_v1": "optimizers.legacy",
    "optimizer_v2": "optimizers",
    "optimizer_v2.adadelta": "optimizers.legacy",
    "optimizer_v2.adagrad": "optimizers.legacy",
    "optimizer_v2.adam": "optimizers.legacy",
    "optimizer_v2.adamax": "optimizers.legacy",
    "optimizer_v2.ftrl": "optimizers.legacy",
    "optimizer_v2.gradient_descent": "optimizers.legacy",
    "optimizer_v2.learning_rate_schedule": "optimizers.schedules",
    "optimizer_v2.nadam": "optimizers.legacy",
    "optimizer_v2.optimizer_v2": "optimizers.legacy",
    "optimizer_v2.rmsprop": "optimizers.legacy",
    "optimizers.learning_rate_schedule": "optimizers.schedules",
    "saving.legacy.save": "models",
    "saving.model_config": "models",
    "saving.save": "models",
}
"""Modules of older Kerases whose names have gone elsewhere than to the module above them."""

ALONE: Final = ("preprocessing.image", "preprocessing.image_dataset", "datasets", "applications")
"""Modules whose names are not those of the module above them, and which are absent where we do not have them."""


@cache
def modules() -> dict[str, frozenset[str]]:
    """The modules below `keras`, the topmost as "", and their public names.

    >>> "LSTM" in modules()["layers.recurrent"]
    True
    """
    lines = (line.partition(":") for line in FILE.read_text().splitlines() if not line.startswith("#"))
    return {module: frozenset(names.split()) for module, _, names in lines}


@cache
def home(module: str) -> str | None:
    """Where the names of a module of Keras are now: a module of ours, as its address below `keras`.

    None for one whose names Gatewise does not have, or that no Keras had.

    >>> home("layers"), home("layers.recurrent"), home("optimizer_v2.adam"), home("applications.vgg16")
    ('layers', 'layers', 'optimizers.legacy', None)
    """
    if module in MOVED:
        return MOVED[module]
    if _exists(module):
        return module
    above = module.rpartition(".")[0]
    if not above or module not in modules() or module.startswith(ALONE):
        return None
    return home(above)


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(f"{OURS}.{module}" if module else OURS) is not None
    except ModuleNotFoundError:  # What is above it is no package.
        return False


@cache
def places(place: str) -> tuple[str, ...]:
    """The modules that Kerases have had whose names would now be in `place`, that one first.

    >>> places("optimizers.schedules")[:2]
    ('optimizers.schedules', 'optimizer_v2.learning_rate_schedule')
    """
    return tuple(sorted((module for module in modules() if home(module) == place), key=lambda each: each != place))


def module_in(place: str, name: str) -> str | None:
    """The module of a Keras that programs reach as the attribute `name` of a module of ours.

    >>> module_in("utils", "np_utils"), module_in("", "applications"), module_in("layers", "LSTM")
    ('utils.np_utils', 'applications', None)
    """
    above = [place, *(module for module, now in MOVED.items() if now == place)]
    found = (f"{module}.{name}".lstrip(".") for module in above)
    return next((each for each in found if each in modules()), None)


def is_name(place: str, name: str) -> bool:
    """Whether a Keras has had `name` in `place`, or in an older module whose names would be there now.

    >>> is_name("layers", "Highway"), is_name("layers", "LTSM")
    (True, False)
    """
    return any(name in modules().get(module, ()) for module in places(place) or (place,))
