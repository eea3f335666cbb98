"""Layers called on symbolic tensors: the call is recorded, and the shapes of its outputs are found without data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from gatewise.base import structure
from gatewise.base.arrays import numpy_dtype, shape_of, shapes_of
from gatewise.base.variable import Scope, reading
from gatewise.base.words import NOTHING, nearest
from gatewise.layer import signatures, symbolic
from gatewise.layer.calls import calling
from gatewise.layer.computing import Computing


class Drawable(Computing):
    """What can be called on symbolic tensors, and says the shapes of its outputs."""

    def _connect(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The outputs of a call on symbolic tensors, which is recorded after the checks that need no data."""
        inputs = args[0] if args else kwargs[self._call_takes().positional[0]]
        given = [leaf for leaf in structure.flatten(inputs) if leaf is not None]
        stray = [leaf for leaf in given if not isinstance(leaf, symbolic.SymbolicTensor)]
        if stray and not all(_is_arraylike(leaf) for leaf in stray):
            raise TypeError(f"{self.label}: expected symbolic tensors or arrays as inputs, got {stray[0]!r}.")
        shapes = shapes_of(inputs)
        self._check_given(inputs, shapes)
        self._check_keywords(kwargs)
        self._build_for(shapes, kwargs)
        node = self._node(inputs, self._output_shapes(shapes, args, kwargs), args, kwargs)
        self._inbound_nodes.append(node)
        return node.outputs

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbolic tensors of the shapes and dtypes that a call on such ones gives; the call is not recorded."""
        inputs = args[0] if args else kwargs[self._call_takes().positional[0]]
        shapes = shapes_of(inputs)
        self._build_for(shapes, kwargs)
        return self._node(inputs, self._shapes_of_call(shapes, args, kwargs), args, kwargs).outputs

    def _node(self, inputs: Any, outputs: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> symbolic.Node:
        """The node of a call, with its outputs, for their shapes."""
        node = symbolic.Node(cast(Any, self), args, kwargs)
        node.set_outputs(outputs, self._output_dtype(inputs))
        return node

    def _check_keywords(self, kwargs: dict[str, Any]) -> None:
        """Raise TypeError for an argument that `call` does not take, now and not when data comes."""
        takes = self._call_takes()
        strange = [name for name in kwargs if name not in takes.accepted and name not in _ALWAYS_TAKEN]
        if strange and not takes.any_keyword:
            known = [name for name in takes.accepted if name != "self"]
            raise TypeError(f"{self.label}: its call has no argument {strange[0]!r}.{nearest(strange[0], known)}")

    def _only_call(self) -> symbolic.Node:
        """The one call that was recorded of a self.

        Raises:
            AttributeError: where there were none, or several.
        """
        if len(self._inbound_nodes) != 1:
            raise AttributeError(
                f"{self.label} was called on symbolic tensors {len(self._inbound_nodes)} times: "
                "`input` and `output` need exactly one call.",
                name="input",
                obj=NOTHING,
            )
        return self._inbound_nodes[0]

    def _output_shapes(self, shapes: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if type(self).compute_output_spec is not Drawable.compute_output_spec:  # A program's, in Keras 3's style.
            return structure.map_structure(shape_of, self.compute_output_spec(*args, **kwargs))
        return self._shapes_of_call(shapes, args, kwargs)

    def _shapes_of_call(self, shapes: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if type(self).compute_output_shape is not Drawable.compute_output_shape:
            named = signatures.shapes_taken(type(self).compute_output_shape, kwargs)
            return self.compute_output_shape(shapes, **named)
        return shapes_by_example(self._tried, args, kwargs)

    def _output_dtype(self, inputs: Any) -> str:
        if self.keeps_dtype and (leaves := [leaf for leaf in structure.flatten(inputs) if leaf is not None]):
            kept: str = getattr(leaves[0].dtype, "name", leaves[0].dtype)
            return kept if self._mixed is None or kept[0] not in "bf" or kept == "bool" else self.compute_dtype
        return self.compute_dtype

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The output's shape (or structure of shapes) for an input's; both with the batch axis."""
        if type(self).call is Computing.call:
            self.call(None)  # It says what is missing.
        return shapes_by_example(self._tried, (example_of(input_shape, self.dtype),), {})

    def _tried(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The outputs at inference, after which every variable is as it was."""
        with calling(training=False), reading(Scope()) as scope:
            try:
                return self._compute(args, kwargs)
            finally:
                scope.undo()

    @property
    def input(self) -> Any:
        """The symbolic tensors that the layer was called on, where it was called once."""
        return self._only_call().args[0]

    @property
    def output(self) -> Any:
        """The symbolic tensors that the layer gave, where it was called once."""
        return self._only_call().outputs

    @property
    def output_shape(self) -> Any:
        """The shape of `output`, with the layer's arguments as they are now."""
        node = self._only_call()
        shapes = structure.map_structure(shape_of, node.args[0] if node.args else next(iter(node.kwargs.values())))
        return self._output_shapes(shapes, node.args, node.kwargs)


_ALWAYS_TAKEN = frozenset(("mask", "training"))
"""What every layer may be called with, whether its `call` takes it or not."""


def shapes_by_example(run: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The shapes of what `run` gives for symbolic tensors, found by running it on zeros, twice, with other sizes for
    the unknown axes.

    A size that differs between the two runs is unknown. This serves layers that do not define `compute_output_shape`.
    """

    def shapes(size: int) -> Any:
        def example(leaf: Any) -> Any:
            if not isinstance(leaf, symbolic.SymbolicTensor):
                return leaf
            return np.zeros([size if n is None else n for n in leaf.shape], dtype=numpy_dtype(leaf.dtype))

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
