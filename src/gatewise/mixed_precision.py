"""Mixed precision, under tf_keras's names: see `gatewise.dtype_policies`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Final

from gatewise.base.absent import answer_for
from gatewise.dtype_policies import (
    DTypePolicy,
    Policy,
    dtype_policy,
    global_policy,
    set_dtype_policy,
    set_global_policy,
)
from gatewise.optimizers import LossScaleOptimizer

experimental: Final = SimpleNamespace(
    Policy=Policy, global_policy=global_policy, set_policy=set_global_policy, LossScaleOptimizer=LossScaleOptimizer
)
"""Where TensorFlow 2.1 to 2.10 had them."""

__all__ = [
    "DTypePolicy",
    "LossScaleOptimizer",
    "Policy",
    "dtype_policy",
    "experimental",
    "global_policy",
    "set_dtype_policy",
    "set_global_policy",
]

answer_for(__name__, "gatewise.mixed_precision")
