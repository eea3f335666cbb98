"""What a layer keeps track of: its name, the layers and weights among its attributes, and when any of them changed."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from gatewise.arguments import Argument, Declared, optional, refuse_typo, text, truth
from gatewise.base.cache import Cache
from gatewise.base.changes import changes
from gatewise.base.variable import Variable
from gatewise.config import config as settings
from gatewise.dtype_policies import MIXED, DTypePolicy, mixed_name, serialize
from gatewise.layer.calls import inside_a_call

if TYPE_CHECKING:
    from gatewise.layer.layer import Layer
    from gatewise.layer.symbolic import Node


def dtype_name(value: Any) -> str:
    """The name of the weights' dtype: of a dtype's name, a NumPy dtype, a dtype policy or its config."""
    if value is None:
        value = settings.policy or settings.floatx
    if isinstance(value, dict):
        value = value.get("config", {}).get("name", value)
    name = value if isinstance(value, str) else getattr(value, "name", None)
    if name in MIXED:
        return "float32"
    if name in ("string", "object"):
        return "string"
    try:
        return str(np.dtype(name if name is not None else value).name)
    except TypeError:
        if name == "bfloat16":
            return "bfloat16"
        raise ValueError(f"expected the name of a dtype such as 'float32', got {value!r}.") from None


class Tracked(Declared):
    """What has a name, and layers and weights among its attributes."""

    name: Argument[str | None, str] = Argument(default=None, parse=optional(text), kw_only=True)
    trainable: Argument[bool, bool] = Argument(default=True, parse=truth, kw_only=True)
    dtype: Argument[Any, str] = Argument(default=None, parse=dtype_name, kw_only=True)

    _unsearched: ClassVar[frozenset[str]] = frozenset()
    """The attributes that are not searched for layers and weights."""

    def _start(self) -> None:
        """Make what tracking needs, before any other attribute; again is harmless."""
        if "_variables" in vars(self):
            return
        self._variables: list[Variable] = []
        self._states: list[Variable] = []
        self._tracked_layers: list[Layer] = []
        self._containers: list[Any] = []
        self._inbound_nodes: list[Node] = []
        self._first_weights: Any = None
        self._given_input_dim: Any = None
        self._cache = Cache()
        self.built = vars(self).get("built", False)

    _mixed = cast("str | None", None)  # Not annotated: it is no argument.
    """The name of the layer's policy, where it is a mixed one."""

    @property
    def dtype_policy(self) -> DTypePolicy:
        """In which dtype weights are kept, and outputs given; set it, or `dtype`, before the layer is built."""
        return DTypePolicy(self._mixed or self.dtype)

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        self.dtype = value

    @property
    def compute_dtype(self) -> str:
        """The dtype of the outputs."""
        return self.dtype if self._mixed is None else MIXED[self._mixed]

    @property
    def variable_dtype(self) -> str:
        """The dtype of the weights: `dtype`."""
        return self.dtype

    def _dtype_config(self) -> Any:
        """What a config says: a dtype's name, or a mixed policy as Keras 3 writes it."""
        return self.dtype if self._mixed is None else serialize(self.dtype_policy)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in vars(self) and name not in self._arguments:
            refuse_typo(self, name)
        super().__setattr__(name, value)
        if name == "dtype":
            vars(self)["_mixed"] = mixed_name(value)
        if name not in self._unsearched:
            kept = vars(self).get(name, value)  # What an argument keeps may differ from what it was given.
            if "_containers" in vars(self):
                self._track(self._containers)  # What came into them in the meantime stands before this one.
            found = self._track(kept)
            if isinstance(kept, (list, dict)) and (found or not kept):
                self._start()
                self._containers.append(kept)  # Looked into again later: a program may append to it.
            if not inside_a_call():  # A call may keep what it likes: nothing is prepared from that.
                self._changed()
        elif name == "trainable":
            for layer in vars(self).get("_tracked_layers", ()):
                layer.trainable = value

    def _track(self, value: Any) -> bool:
        """Remember the layers and variables among an attribute's value, so that their weights are this layer's.

        Returns:
            Whether there were any.
        """
        if isinstance(value, (Tracked, Variable)):
            self._start()
            kept: list[Any] = self._tracked_layers if isinstance(value, Tracked) else self._variables
            if not any(value is other for other in kept):
                kept.append(value)
            return True
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
        found = False
        for part in parts:
            found = self._track(part) or found
        return found

    @property
    def _sublayers(self) -> list[Layer]:
        """The layers directly inside this one, in the order in which they became attributes."""
        if self._containers:
            self._track(self._containers)
        return self._tracked_layers

    @property
    def path(self) -> str:
        """The name, with which the paths of the weights begin."""
        return self.name

    @property
    def label(self) -> str:
        """The class and the name, as errors give them: LSTM 'encoder'."""
        return f"{type(self).__name__} {self.name!r}"

    def _walk(self) -> Iterator[Layer]:
        """This layer and all layers inside it, each once."""
        seen: set[int] = set()
        stack: list[Any] = [self]
        while stack:
            layer = stack.pop()
            if id(layer) not in seen:
                seen.add(id(layer))
                yield layer
                stack.extend(reversed(layer._sublayers))

    # -- changes ------------------------------------------------------------------------------------------------------

    def _changed(self) -> None:
        """Note that an attribute, an argument or the drawing of this layer is another now."""
        vars(self)["_edited"] = changes.next()

    def _stamp(self, *, weights: bool = True) -> Hashable:
        """The numbers of the last changes of this layer and of all inside it; without their weights' where so asked."""
        numbers: list[int] = []
        for layer in self._walk():
            numbers.append(vars(layer).get("_edited", 0))
            if weights:
                numbers += [variable.stamp for variable in layer._variables]
        return tuple(numbers)

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _cache=Cache())
        self._changed()  # A copy is another thing, and another process counts for itself.
