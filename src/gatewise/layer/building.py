"""How a layer is built: the shape of its input, and the weights that it makes for it, once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar, cast

from gatewise import arguments, regularizers
from gatewise.arguments import Argument, optional, positive
from gatewise.base import structure
from gatewise.base.typing import Config, Shape
from gatewise.layer.calls import making_weights
from gatewise.layer.facts import Facts
from gatewise.layer.signatures import named
from gatewise.layer.weights import Weighted

building = threading.RLock()
"""Held while weights are made or a model is drawn, as two threads may call a new model at once."""


def _batch_shape(value: Any) -> Shape | None:
    if value is None or (isinstance(value, (list, tuple)) and value and isinstance(value[0], (list, tuple))):
        return None  # Keras wrote a list of shapes for layers with several inputs; nothing reads it.
    return arguments.shape(value)


def _whole(build: Callable[..., None]) -> Callable[..., None]:
    """A class's `build`, after which the layer is built and has the weights that its constructor was given."""

    @wraps(build)
    def build_whole(self: Buildable, *args: Any, **kwargs: Any) -> None:
        if vars(self).get("_in_build"):  # From a subclass's build.
            build(self, *args, **kwargs)
            return
        with building:
            vars(self)["_in_build"] = True
            before = len(self._variables)
            try:
                with making_weights():
                    build(self, *args, **kwargs)
                vars(self)["built"] = True
                vars(self)["_built_from_start"] = False
                vars(self)["_build_shapes"] = dict(zip(named(build), args, strict=False)) | kwargs
                self._changed()
                if self._first_weights is not None:
                    self.set_weights(self._first_weights)
                    self._first_weights = None
            except BaseException:
                del self._variables[before:]  # The next try must not add to them.
                vars(self)["built"] = False
                raise
            finally:
                del vars(self)["_in_build"]

    return build_whole


class Buildable(Facts, Weighted):
    """What makes its weights when the shape of its input is known."""

    activity_regularizer: Argument[Any, Any] = Argument(
        default=None, parse=regularizers.get, serialize=regularizers.serialize, kw_only=True
    )
    input_shape: Argument[Any, Any] = Argument(
        default=None,
        parse=optional(arguments.shape),
        kw_only=True,
        in_config=False,
        otherwise="drawn_input_shape",
    )
    batch_input_shape: Argument[Any, Any] = Argument(default=None, parse=_batch_shape, kw_only=True, in_config=False)
    batch_shape: Argument[Any, Any] = Argument(default=None, parse=_batch_shape, kw_only=True, in_config=False)
    batch_size: Argument[int | None, int | None] = Argument(
        default=None, parse=optional(positive), kw_only=True, in_config=False
    )
    input_dim: Argument[Any, Any] = Argument(default=None, parse=optional(positive), kw_only=True, in_config=False)
    input_length: Argument[Any, Any] = Argument(default=None, parse=optional(positive), kw_only=True, in_config=False)

    _build_is_whole: ClassVar[bool] = True
    """Whether the layer is built when `build` returns; a model may still wait for a shape."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls._build_is_whole and "build" in vars(cls):
            cls.build = _whole(cls.build)  # type: ignore[method-assign]

    @property
    def built_for(self) -> Config | None:
        """The shape, or the shapes by name, that the layer was built for, as Keras 3's files keep them; or None."""
        shapes: Config = vars(self).get("_build_shapes", {})
        given = {name: shape for name, shape in shapes.items() if shape is not None}
        if not given:
            return None
        return {"shapes_dict": given} if len(given) > 1 else {"input_shape": next(iter(given.values()))}

    @property
    def drawn_input_shape(self) -> Any:
        """The shape, or the shapes, of the symbolic tensors that the layer was called on, where it was called once."""
        nodes = vars(self).get("_inbound_nodes", ())
        if len(nodes) != 1 or not nodes[0].args:
            return None
        return structure.map_structure(lambda tensor: tuple(getattr(tensor, "shape", ())), nodes[0].args[0])

    @property
    def declared_input_shape(self) -> Shape | None:
        """The input's shape with the batch axis, from whichever arguments gave it, or None."""
        if self.batch_input_shape is not None or self.batch_shape is not None:
            return self.batch_input_shape if self.batch_input_shape is not None else self.batch_shape  # type: ignore[no-any-return]
        if vars(self).get("input_shape") is not None:
            return (self.batch_size, *vars(self)["input_shape"])
        return self._shape_in_old_words()

    def _shape_in_old_words(self) -> Shape | None:
        # The constructor's argument, and not what a subclass may keep under the same name.
        if self._given_input_dim is None:
            return None
        length = () if not self.has_time_axis else (self.input_length,)
        return (self.batch_size, *length, arguments.positive(self._given_input_dim))

    def build(self, input_shape: Any) -> None:
        """Make the weights, for inputs of `input_shape`; overridden by layers that have any."""

    _built_from_start = cast(Any, False)  # Not annotated: it is no argument.
    """Whether the layer counts as built because it makes no weights of its own, and knows no input's shape yet."""

    def _build_once(self, *shapes: Any, **named: Any) -> None:
        if not self.built or self._built_from_start:
            with building:
                if not self.built or self._built_from_start:
                    self.build(*shapes, **named)

    def _check(self, shapes: Any) -> None:
        """Raise ValueError where the inputs' shapes do not fit `input_spec`."""
        if self.input_spec is None:
            return
        given = structure.flatten(shapes, leaf=structure.is_shape)
        specs = structure.flatten(self.input_spec)
        if len(specs) > 1 and len(given) != len(specs):
            raise ValueError(f"{self.label}: expected {len(specs)} inputs, got {len(given)}.")
        for shape, spec in zip(given, specs, strict=False):
            if spec is not None and shape is not None and (complaint := spec.complaint(tuple(shape))):
                raise ValueError(f"{self.label}: {complaint}.")


def builds_nothing(layer: type[Buildable]) -> bool:
    """Whether a class of layers makes no weights of its own when it learns the shape of its input."""
    return layer.build is Buildable.build


Buildable.build = _whole(Buildable.build)  # type: ignore[method-assign]
