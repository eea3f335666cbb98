"""Pipelines of data: `Dataset`, by the names and the rules of `tf.data`, on NumPy's arrays. See docs/data.md.

- `elements.py`: the structure of an element, its leaves, and what is done to many of them at once
- `spec.py`: `TensorSpec`
- `stages.py`: where elements come from, and stages that change their order or number alone
- `changing.py`: stages that change the elements
- `dataset.py`: `Dataset`, which puts stages together
"""

from __future__ import annotations

import importlib
from typing import Any, Final

from gatewise.base.absent import absent
from gatewise.data.dataset import AUTOTUNE as AUTOTUNE
from gatewise.data.dataset import Dataset as Dataset
from gatewise.data.dataset import Options as Options
from gatewise.data.spec import TensorSpec as TensorSpec
from gatewise.data.stages import INFINITE as INFINITE_CARDINALITY
from gatewise.data.stages import UNKNOWN as UNKNOWN_CARDINALITY

__all__ = ["AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY", "Dataset", "Options", "TensorSpec"]

_SUBMODULE: Final = "experimental"
_absent = absent(__name__, "tf.data")


def __getattr__(name: str) -> Any:
    if name == _SUBMODULE:
        return importlib.import_module("gatewise.data.experimental")
    return _absent(name)
