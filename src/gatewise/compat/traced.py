"""What JAX traces, in TensorFlow's words: `x.shape.as_list()` and `x.get_shape()` in a program's own layers and losses.

`fit` and tapes run them on JAX's tracers, whose shape is a plain tuple. Under `gatewise run` it is a `TensorShape`,
which is a tuple, too. JAX is not imported for that: the finder of `gatewise run` sees when it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from gatewise.base.tensor_shape import TensorShape


def jax_spec(path: Sequence[str] | None) -> ModuleSpec | None:
    """Where JAX is, with a loader that afterwards gives its tracers their words; None where it is not."""
    spec = PathFinder.find_spec("jax", path)
    if spec is None or spec.loader is None:
        return spec
    load = spec.loader.exec_module

    def exec_module(module: ModuleType) -> None:
        load(module)
        give_words()

    spec.loader.exec_module = exec_module  # type: ignore[method-assign]
    return spec


def give_words() -> None:
    """Let the shapes of JAX's tracers be `TensorShape`s."""
    from jax.core import Tracer

    words: Any = Tracer
    words.shape = property(_shape)
    words.get_shape = _shape


def _shape(tracer: Any) -> TensorShape:
    return tuple.__new__(TensorShape, tracer.aval.shape)
