"""`tf.keras.backend`: the functions that layers of 2016 to 2020 are written in, and the settings of the process.

They take NumPy's arrays, JAX's (in a layer's call under `fit`) and symbolic tensors, and are `gatewise.ops` in other
words. Keras 3 keeps the settings alone. All but the settings load when first used.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any, Final

from gatewise.base.absent import absent, public
from gatewise.keras.backend import settings

_FAMILIES: Final = ("arrays", "neural", "running", "chance")
_SETTINGS: Final = {name: vars(settings)[name] for name in public(vars(settings), settings.__name__)}


@cache
def _names() -> dict[str, Any]:
    """All that is here, by name."""
    from gatewise import ops
    from gatewise.base.names import name_scope
    from gatewise.ops.dtypes import result_type

    # Not by `from ... import`, which would ask this module's own `__getattr__` first.
    families = [importlib.import_module(f"{__name__}.{family}") for family in _FAMILIES]
    found = {name: getattr(ops, name) for name in families[0].SAME.split()}
    for family in families:
        found |= {name: vars(family)[name] for name in public(vars(family), family.__name__)}
    return found | _SETTINGS | {"result_type": result_type, "name_scope": name_scope}


_absent = absent(__name__, "tf.keras.backend")


def __getattr__(name: str) -> Any:
    if name in _SETTINGS:
        return _SETTINGS[name]
    if name == "__all__":
        return [*_names()]
    if name.startswith("__"):
        return _absent(name)
    globals().update(_names())
    return globals()[name] if name in _names() else _absent(name)


def __dir__() -> list[str]:
    return [*_names()]
