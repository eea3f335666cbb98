"""A layer as a config: the arguments that would make it again, and the way back."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from gatewise.arguments import REQUIRED
from gatewise.base import structure
from gatewise.base.typing import Config
from gatewise.layer import signatures
from gatewise.layer.drawing import Drawable

L = TypeVar("L", bound="Configured")


class Configured(Drawable):
    """What is described by its arguments."""

    _constructed_with = cast("Config", MappingProxyType({}))  # Not annotated: it is no argument.
    """What the constructor of a user's own class was given, as far as a config can hold it."""

    if not TYPE_CHECKING:  # Type checkers know constructors by the declared arguments.

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            made = super().__new__(cls)
            if not signatures.takes_declared(cls.__init__):
                found = signatures.given(cls.__init__, args, kwargs)
                vars(made)["_constructed_with"] = {name: value for name, value in found.items() if _is_plain(value)}
            return made

    def _own_config(self) -> Config:
        kept = vars(self)  # A precision that nobody asked for reads as the dtype, and is kept as None.
        return {
            name: argument.serialize(value)
            for name, argument in self._arguments.items()
            if name not in Configured._base_config
            for value in (argument.value_of(self),)
            if argument.written(kept.get(name, value))
        }

    _base_config: ClassVar[tuple[str, ...]] = ("name", "trainable", "dtype")

    def get_config(self) -> Config:
        """The arguments that would make this layer again, as plain values.

        A class with a constructor of its own may override this; where it does not, the config holds the plain values
        that the constructor was given, and other arguments are looked for among the attributes.

        Raises:
            ValueError: an argument of such a class that is not kept as an attribute of that name, or is not plain.
        """
        own = self._own_config()
        if own.get("activity_regularizer", 0) is None and not self._declares("activity_regularizer"):
            del own["activity_regularizer"]
        config = {name: getattr(self, name) for name in self._base_config} | {"dtype": self._dtype_config()} | own
        if type(self).get_config is Configured.get_config and not signatures.takes_declared(type(self).__init__):
            own_names = [name for name in signatures.named(type(self).__init__) if name not in config]
            left_out = signatures.with_defaults(type(self).__init__) - set(self._constructed_with)
            for name in own_names:
                if name not in left_out or hasattr(self, name):
                    config[name] = self._plain_attribute(name)
        return config

    def _plain_attribute(self, name: str) -> Any:
        if name in self._constructed_with:
            return self._constructed_with[name]
        value = getattr(self, name, self)
        if _is_plain(value):
            return value
        raise ValueError(
            f"{self.label} cannot be saved: its argument {name!r} is not kept as an attribute of plain values. "
            f"Define get_config in {type(self).__name__}, and have it return all that the constructor takes."
        )

    def _declares(self, name: str) -> bool:
        return self._arguments[name] is not Configured._arguments[name]

    @classmethod
    def from_config(cls: type[L], config: Config) -> L:
        """Make a layer from what `get_config` gave, or from what any Keras wrote.

        A value that this layer has no argument for is passed over where it says "off" (None or False), as other
        versions' configs are full of such, and is an error otherwise.
        """
        config = cls.modernized(dict(config))
        if signatures.takes_declared(cls.__init__):
            known = cls._arguments
            config = {k: v for k, v in config.items() if k in known or not (v is None or v is False)}
        elif not signatures.takes_any_keyword(cls.__init__):
            named = signatures.named(cls.__init__)
            config = {k: v for k, v in config.items() if k in named or k not in cls._base_config}
        return cls(**config)

    @classmethod
    def modernized(cls, config: Config) -> Config:
        """The config with the words of older and newer Keras versions put into this class's; overridden by layers."""
        config.pop("autocast", None)
        return config

    def __repr__(self) -> str:
        shown = {k: v for k, v in self._own_config().items() if v != self._plain_default(k)}
        parts = [f"{k}={v!r}" for k, v in shown.items()] + [f"name={self.name!r}"]
        return f"{type(self).__name__}({', '.join(parts)})"

    def _plain_default(self, name: str) -> Any:
        argument = self._arguments[name]
        if argument.default is REQUIRED:
            return REQUIRED
        return argument.serialize(argument.parse(argument.default))


def _is_plain(value: Any) -> bool:
    return all(isinstance(leaf, (str, int, float, type(None))) for leaf in structure.flatten(value))
