"""A layer called while a tape is open (`tf.GradientTape`): compiled by JAX once for each way to call it.

The call's pure function is what the tape keeps, to differentiate later. Random numbers come from a key, which is among
its arguments, so that the derivative is of the very call that was made.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from gatewise.base import masks, recording, structure
from gatewise.base.arrays import is_array
from gatewise.base.tensors import as_tensor, plain
from gatewise.base.variable import Scope, Variable, current_scope, reading
from gatewise.base.wide import wide_enough
from gatewise.layer.calls import inside_a_call
from gatewise.layer.penalties import collecting
from gatewise.random import generator

if TYPE_CHECKING:
    from gatewise.layer.layer import Layer


def to_be_recorded(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a program calls the layer with a tape open that wants to know of it; builds the layer to find out."""
    if not recording.tapes() or inside_a_call() or current_scope() is not None:
        return False
    if not layer.built or any(not each.built for each in layer._walk()):
        with recording.paused():
            layer._tried(args, dict(kwargs))  # A trial builds it, and changes nothing else.
    return bool(recording.wanting((layer.trainable_variables, args), kwargs))


def recorded_call(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The layer's outputs, of which the open tapes are told."""
    import jax

    leaves = [_array(leaf) for leaf in structure.flatten((args, kwargs))]
    changing = [leaf for leaf in leaves if _is_traced(leaf)]
    fixed = tuple(_Traced if _is_traced(leaf) else leaf for leaf in leaves)
    name: Hashable = ("recorded", _keys((args, kwargs)), tuple(map(_hashable, fixed)))
    call = layer._cache.get(name, lambda: layer._stamp(weights=False), Pure, layer, (args, kwargs), fixed)
    others = layer.non_trainable_variables
    before = [np.asarray(variable.value) for variable in others]
    key = jax.random.key(int(generator(None).integers(2**31))) if kwargs.get("training") else None
    with wide_enough(layer.variables):
        trainable = [variable.value for variable in layer.trainable_variables]
        made = call.compiled(trainable, before, key, [plain(leaf) for leaf in changing])
    outputs, own_masks, penalties, after = made
    outputs = structure.map_structure(lambda leaf: as_tensor(np.asarray(leaf)), outputs)
    for leaf, mask in zip(structure.flatten(outputs), own_masks, strict=True):
        masks.attach(leaf, None if mask is None else np.asarray(mask))
    penalties = [as_tensor(np.asarray(each)) for each in penalties]
    vars(layer)["_penalties_on_tape"] = penalties
    for variable, value in zip(others, after, strict=True):
        if value is not None:
            variable.assign(np.asarray(value))
    inputs = (layer.trainable_variables, before, key, changing)
    recording.record(call, inputs, {}, (outputs, penalties))
    return outputs


class Pure:
    """A way to call a layer, as a function of arrays: its weights, its state, a key and the arrays given.

    Args:
        layer: not kept alive: it keeps this.
        tree: the call's args and kwargs.
        fixed: its leaves, with a mark in the place of arrays.
    """

    def __init__(self, layer: Layer, tree: Any, fixed: tuple[Any, ...]) -> None:
        import jax

        self._layer = ref(layer)
        self._tree = structure.map_structure(lambda _: None, tree)
        self._fixed = fixed
        self.compiled = jax.jit(self._all)

    def __call__(self, trainable: Any, others: Any, key: Any, changing: Any) -> Any:
        """The outputs, each with its mask, and what layers add to the loss."""
        outputs, _, penalties, _ = self._all(trainable, others, key, changing)
        return outputs, penalties

    def _all(self, trainable: Any, others: Any, key: Any, changing: Any) -> Any:
        layer = self._layer()
        assert layer is not None
        arrays = iter(changing)
        leaves = [next(arrays) if leaf is _Traced else leaf for leaf in self._fixed]
        args, kwargs = structure.rebuild(self._tree, iter(leaves))
        pairs: list[tuple[Variable, Any]] = [
            *zip(layer.trainable_variables, trainable, strict=True),
            *zip(layer.non_trainable_variables, others, strict=True),
        ]
        scope = Scope(pairs, key, pure=True)
        with recording.paused(), reading(scope), collecting() as kept:
            outputs = layer(*args, **kwargs)
        written = {id(variable) for variable, _ in scope.written()}
        after = [scope.read(v) if id(v) in written else None for v in layer.non_trainable_variables]
        return outputs, [masks.of(leaf) for leaf in structure.flatten(outputs)], kept.losses, after


class _Traced:
    """Stands in the place of an array."""


def _is_traced(leaf: Any) -> bool:
    return is_array(leaf) or isinstance(leaf, Variable)


def _array(leaf: Any) -> Any:
    """Arrays of other libraries, and lists of numbers, stay as they are: the layer makes arrays of them."""
    return leaf if not isinstance(leaf, np.generic) else np.asarray(leaf)


def _hashable(leaf: Any) -> Hashable:
    try:
        hash(leaf)
    except TypeError:
        return id(leaf)
    return type(leaf), leaf


def _keys(tree: Any) -> Hashable:
    """What tells two structures apart, the leaves left out."""
    if isinstance(tree, dict):
        return tuple((key, _keys(part)) for key, part in tree.items())
    if isinstance(tree, (list, tuple)):
        return (type(tree).__name__, *map(_keys, tree))
    return None
