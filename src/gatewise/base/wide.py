"""JAX in 64 bits, for as long as a float64 model computes and no longer."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np


def wide_enough(variables: Iterable[Any]) -> AbstractContextManager[Any]:
    """A context in which JAX keeps float64 as it is, where one of the variables has it; else one that does nothing.

    JAX makes 64 bits 32 unless told otherwise. Told for the whole process, a program's own arrays would change too.
    """
    if not any(variable.dtype == np.float64 for variable in variables):
        return nullcontext()
    import jax

    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)  # type: ignore[no-any-return]
    from jax.experimental import enable_x64  # Its place before JAX 0.8.

    return enable_x64()  # type: ignore[no-any-return]
