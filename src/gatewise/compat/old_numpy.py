"""Names that NumPy has taken away, for programs of a TensorFlow that came before that.

A program of 2019 says `np.int` and `np.string_`, and the NumPy that its TensorFlow was made for had them. Gatewise runs
on NumPy 2. So `gatewise run --tf 1.14`, and the same without `--tf` where the program's own files agree on such a
version, gives `numpy` those names back, for this process: each as the thing that it always was another name of. A name
that NumPy has, as `np.bool` and `np.long` of NumPy 2, stays NumPy's. Without a version nothing changes.

The lists are those of NumPy's release notes (1.24 and 2.0), less what was more than another name.
"""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np

REMOVED: Final[dict[tuple[int, int], dict[str, Any]]] = {
    (2, 12): {"int": int, "float": float, "complex": complex, "object": object, "str": str, "unicode": str},
    (2, 18): {
        "string_": np.bytes_, "unicode_": np.str_, "float_": np.float64, "complex_": np.complex128,
        "singlecomplex": np.complex64, "cfloat": np.complex128, "longfloat": np.longdouble,
        "longcomplex": np.clongdouble, "Inf": np.inf, "Infinity": np.inf, "infty": np.inf, "PINF": np.inf,
        "NINF": -np.inf, "NaN": np.nan, "PZERO": 0.0, "NZERO": -0.0, "alltrue": np.all, "sometrue": np.any,
        "cumproduct": np.cumprod, "product": np.prod, "round_": np.round, "mat": np.asmatrix,
    },
}  # fmt: skip
"""By the first TensorFlow whose NumPy lacked them: 2.12 came with NumPy 1.24's rules, 2.18 with NumPy 2's."""


def restore(tensorflow: str) -> None:
    """Give `numpy` the names that it had under a TensorFlow.

    Args:
        tensorflow: its version: "1.14.0".
    """
    numbers = re.findall(r"\d+", tensorflow)
    version = int(numbers[0]), int(numbers[1])
    for first_without, names in REMOVED.items():
        if version < first_without:
            for name, meaning in names.items():
                if name not in vars(np):
                    setattr(np, name, meaning)
