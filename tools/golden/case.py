"""What a golden case is, and how one is recorded from a real system."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf
from store import Store
from systems import System


@dataclass
class Call:
    """One call of a model or layer, or (`reset`) one `reset_states` before the next."""

    inputs: Any = None
    kwargs: dict[str, Any] = field(default_factory=dict)
    reset: bool = False


@dataclass
class Case:
    """A named way to build a model or a layer, and the calls to make on it."""

    name: str
    build: Callable[[], Any]
    calls: list[Call]

    @classmethod
    def once(cls, name: str, build: Callable[[], Any], inputs: Any, **kwargs: Any) -> Case:
        return cls(name, build, [Call(inputs, kwargs)])


Cases = Iterator[Case]


def values(*shape: int, seed: int = 0, scale: float = 1.0) -> Any:
    """Fixed "random" float32 values in (-scale, scale), the same for the same shape and seed everywhere."""
    digest = hashlib.sha256(repr((shape, seed)).encode()).digest()
    generator = np.random.Generator(np.random.PCG64(int.from_bytes(digest[:8], "little")))
    return (generator.uniform(-scale, scale, shape)).astype(np.float32)


def ids(*shape: int, high: int, seed: int = 0) -> Any:
    """Fixed token ids from 1 to high - 1, int32."""
    return (1 + (values(*shape, seed=seed) + 1) / 2 * (high - 1)).astype(np.int32).clip(1, high - 1)


def record(system: System, case: Case, store: Store) -> dict[str, Any]:
    """Build, set fixed weights, make the calls, and keep everything that came out."""
    system.keras.backend.clear_session()
    thing = case.build()
    if not thing.built:
        first = next(call for call in case.calls if not call.reset)
        thing(first.inputs, **{key: _tensors(value) for key, value in first.kwargs.items()})
        if getattr(thing, "stateful", False):
            system.reset(thing)
    weights = fixed_weights(thing)
    thing.set_weights(weights)
    line = {
        "id": f"{system.name}/{case.name}",
        "kind": "model" if system.is_model(thing) else "layer",
        "config": system.config(thing),
        "weights": store.put_all(weights),
        "calls": [_made(system, thing, call, store) for call in case.calls],
    }
    shaped = isinstance(getattr(thing, "output_shape", None), (tuple, list))
    if line["kind"] == "model" and shaped and not isinstance(line["calls"][0].get("outputs"), dict):
        line["output_shape"] = thing.output_shape
    return line


def fixed_weights(thing: Any) -> list[Any]:
    """Values for every weight by its place and shape; what must be positive (a variance) is."""
    out = []
    for place, (variable, old) in enumerate(zip(thing.weights, thing.get_weights(), strict=True)):
        new = values(*old.shape, seed=1000 + place, scale=0.5).astype(old.dtype)
        out.append(np.abs(new) + np.asarray(0.3, old.dtype) if "variance" in variable.name else new)
    return out


def _made(system: System, thing: Any, call: Call, store: Store) -> dict[str, Any]:
    if call.reset:
        system.reset(thing, **call.kwargs)
        return {"reset": store.put_all(call.kwargs)}
    outputs = thing(call.inputs, **{key: _tensors(value) for key, value in call.kwargs.items()})
    made: dict[str, Any] = {"inputs": store.put_all(call.inputs)}
    if call.kwargs:
        made["kwargs"] = store.put_all(call.kwargs)
    made["outputs"] = store.put_all(_arrays(outputs))
    return made


def _tensors(value: Any) -> Any:
    """tf_keras takes an `initial_state` as tensors only."""
    if isinstance(value, list):
        return [_tensors(item) for item in value]
    return tf.constant(value) if isinstance(value, np.ndarray) else value


def _arrays(outputs: Any) -> Any:
    if isinstance(outputs, dict):
        return {key: _arrays(value) for key, value in outputs.items()}
    if isinstance(outputs, (list, tuple)):
        return [_arrays(value) for value in outputs]
    return np.asarray(outputs)
