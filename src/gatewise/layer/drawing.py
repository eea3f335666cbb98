"""Layers called on symbolic tensors: the call is recorded, and the shapes of its outputs are found without data."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gatewise.base import structure
from gatewise.base.arrays import shape_of
from gatewise.layer import symbolic

if TYPE_CHECKING:
    from gatewise.layer.layer import Layer


def connect(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The outputs of a call on symbolic tensors, which is recorded after the checks that need no data."""
    inputs = args[0] if args else kwargs[layer._call_takes().positional[0]]
    stray = [leaf for leaf in structure.flatten(inputs) if not isinstance(leaf, symbolic.SymbolicTensor)]
    if stray and not all(_is_arraylike(leaf) for leaf in stray):
        raise TypeError(f"{layer.label}: expected symbolic tensors or arrays as inputs, got {stray[0]!r}.")
    shapes = structure.map_structure(shape_of, inputs)
    layer._check(shapes)
    layer._build_once(shapes)
    node = symbolic.Node(layer, args, kwargs)
    node.set_outputs(layer._output_shapes(shapes, args, kwargs), layer._output_dtype(inputs))
    layer._inbound_nodes.append(node)
    return node.outputs


def only_call(layer: Layer) -> symbolic.Node:
    """The one call that was recorded of a layer.

    Raises:
        AttributeError: where there were none, or several.
    """
    if len(layer._inbound_nodes) != 1:
        raise AttributeError(
            f"{layer.label} was called on symbolic tensors {len(layer._inbound_nodes)} times: "
            "`input` and `output` need exactly one call."
        )
    return layer._inbound_nodes[0]


def shapes_by_example(run: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The shapes of what `run` gives for symbolic tensors, found by running it on zeros, twice, with other sizes for
    the unknown axes.

    A size that differs between the two runs is unknown. This serves layers that do not define `compute_output_shape`.
    """

    def shapes(size: int) -> Any:
        def example(leaf: Any) -> Any:
            if not isinstance(leaf, symbolic.SymbolicTensor):
                return leaf
            return np.zeros([size if n is None else n for n in leaf.shape], dtype=leaf.dtype)

        return structure.map_structure(shape_of, run(*structure.map_structure(example, (args, dict(kwargs)))))

    small, large = shapes(2), shapes(3)
    sizes = zip(
        structure.flatten(small, leaf=structure.is_shape),
        structure.flatten(large, leaf=structure.is_shape),
        strict=True,
    )
    merged = [tuple(a if a == b else None for a, b in zip(*pair, strict=True)) for pair in sizes]
    return structure.rebuild(small, iter(merged), leaf=structure.is_shape)


def example_of(shape: Any, dtype: str) -> Any:
    """Symbolic tensors, of no model, for a structure of shapes."""
    return structure.map_structure(
        lambda each: symbolic.SymbolicTensor(tuple(each), dtype, "example"), shape, leaf=structure.is_shape
    )


def _is_arraylike(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")
