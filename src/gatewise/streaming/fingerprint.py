"""What the states of a model mean, in 32 bytes, and its weights in as many: saved states are checked against them."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

import numpy as np

from gatewise.base.typing import Array
from gatewise.layer import Layer
from gatewise.streaming.rules import Rule
from gatewise.streaming.values import Value


def fingerprint(dtype: Any, inputs: list[Value], calls: list[Rule]) -> bytes:
    """32 bytes, equal for models whose states mean the same: by layers, their arguments and sizes, not by names."""
    order = {value: k for k, value in enumerate(inputs)}
    called = []
    for call in calls:
        wired = [order[value] for value in call.inputs]
        for value in call.outputs:
            order[value] = len(order)
        called.append([type(call.layer).__name__, wired, _essence(_config(call.layer))])
    slots = [slot.shape for call in calls for slot in call.slots]
    said = [str(dtype), [[value.shape, value.timed] for value in inputs], called, slots]
    return hashlib.blake2b(json.dumps(said, sort_keys=True, default=str).encode(), digest_size=32).digest()


def weights_fingerprint(arrays: list[Array]) -> bytes:
    """32 bytes, equal for models of the same layers whose weights are the same numbers, whatever their names."""
    digest = hashlib.blake2b(digest_size=32)
    for array in arrays:
        plain = np.asarray(array)
        digest.update(json.dumps([plain.dtype.name, plain.shape]).encode())
        little = plain.astype(plain.dtype.newbyteorder("<"), order="C", copy=False)
        digest.update(little.tobytes())
    return digest.digest()


def _config(layer: Layer) -> Any:
    """The layer's config; a function of the user's own, which a config cannot hold, by its name."""
    try:
        return layer.get_config()
    except (TypeError, ValueError):
        own = {name: getattr(layer, name) for name in layer._arguments}
        return {name: getattr(value, "__qualname__", value) for name, value in own.items()}


_IDLE: Final = (
    *("initializer", "regularizer", "constraint", "name", "trainable", "seed", "dropout", "unroll", "implementation"),
    *("precision", "build_config"),
)
"""How the names of arguments end that do not change what a state means.

Saved states are checked against bytes that this list shapes, so that what stands on it stays. It goes by names because
a config holds others, of layers inside and of functions, whose classes are not at hand.
"""


def _essence(config: Any) -> Any:
    """A layer's config without what does not change what its state means."""
    if isinstance(config, dict):
        return {k: _essence(v) for k, v in config.items() if not str(k).endswith(_IDLE) and "shape" not in str(k)}
    if isinstance(config, (list, tuple)):
        return [_essence(part) for part in config]
    return config
