"""An optimizer as its arguments: how it is made, which generation of Keras it belongs to, and its config."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar, Final, Literal, TypeAlias, TypeVar

from gatewise.arguments import (
    Argument,
    Declared,
    bind,
    boolean,
    fraction,
    optional,
    optional_number,
    positive,
    refuse_typo,
    text,
)
from gatewise.base import release, versions
from gatewise.base.names import unique_name
from gatewise.base.registry import custom_object_scope
from gatewise.base.typing import Config
from gatewise.optimizers.arguments import LearningRate
from gatewise.optimizers.clipping import CLIPPERS

Generation: TypeAlias = Literal["keras3", "tf2", "legacy"]
"""Whose optimizer one is: that of Keras 3, of TensorFlow 2.11 to 2.15, or of the releases before these."""

D = TypeVar("D", bound="Described")

BASE: Final = (
    "name", "learning_rate", "weight_decay", "clipnorm", "global_clipnorm", "clipvalue", "use_ema", "ema_momentum",
    "ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps",
)  # fmt: skip
"""The arguments that all optimizers have, in the order of a config."""


def _at_least_two(value: Any) -> int:
    if positive(value) < 2:
        raise ValueError(f"expected an integer of at least 2, got {value!r}.")
    return positive(value)


def _means_legacy(given: dict[str, Any]) -> bool:
    """Whether a name means a legacy optimizer: in TensorFlow before 2.11, whose `lr` and `decay` tell it too."""
    now, said = release.current(), given.get("is_legacy_optimizer")
    if now == "keras3" or said is not None:
        return now != "keras3" and bool(said)
    return now == "tf1" or versions.before(2, 11) or not {"lr", "decay"}.isdisjoint(given)


class Described(Declared):
    """What is described by its arguments; see `Optimizer` for what they mean."""

    learning_rate: Argument[Any, Any] = LearningRate()
    weight_decay: Argument[Any, float | None] = Argument(default=None, parse=optional_number)
    clipnorm: Argument[Any, float | None] = Argument(default=None, parse=optional_number)
    clipvalue: Argument[Any, float | None] = Argument(default=None, parse=optional_number)
    global_clipnorm: Argument[Any, float | None] = Argument(default=None, parse=optional_number)
    use_ema: Argument[bool, bool] = Argument(default=False, parse=boolean)
    ema_momentum: Argument[Any, float] = Argument(default=0.99, parse=fraction)
    ema_overwrite_frequency: Argument[Any, int | None] = Argument(default=None, parse=optional(positive))
    loss_scale_factor: Argument[Any, float | None] = Argument(default=None, parse=optional_number)
    gradient_accumulation_steps: Argument[Any, int | None] = Argument(default=None, parse=optional(_at_least_two))
    name: Argument[str | None, str] = Argument(default=None, parse=optional(text))

    generation: Generation = "keras3"
    _of_old: ClassVar[type[Described] | None] = None
    """The class of `gatewise.optimizers.legacy` that stands for this one."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """An optimizer of this class, or the legacy one where that is what the name meant."""
        old = vars(cls).get("_of_old")
        return object.__new__(old if old is not None and _means_legacy(kwargs) else cls)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in vars(self) and name not in self._arguments:
            refuse_typo(self, name)
        super().__setattr__(name, value)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        label = type(self).__name__
        bound = bind(label, self._arguments, args, self._in_words_of_today(kwargs)) | self._fixed
        if self.generation != "legacy":
            self.generation = "keras3" if release.current() == "keras3" else "tf2"
        self.name = bound["name"] or (unique_name(label) if self.generation == "keras3" else label)
        self._start()
        for name, value in bound.items():
            if name != "name":
                setattr(self, name, value)
        clips = [name for name in CLIPPERS if getattr(self, name) is not None]
        if len(clips) > 1 and (self.generation == "keras3" or {"clipnorm", "global_clipnorm"} <= set(clips)):
            raise ValueError(f"{self.label}: expected one of {', '.join(CLIPPERS)} at most, got {' and '.join(clips)}.")

    def _start(self) -> None:
        """Make what the arguments need, between the name and the others."""

    def _in_words_of_today(self, given: dict[str, Any]) -> dict[str, Any]:
        """A constructor's keywords, without those of other releases."""
        given = {name: value for name, value in given.items() if name not in ("jit_compile", "is_legacy_optimizer")}
        if "lr" in given:
            given["learning_rate"] = given.pop("lr")
        if "decay" not in self._arguments and given.pop("decay", None):
            warnings.warn(
                f"{type(self).__name__}: `decay` is ignored, as Keras 3 does: use a schedule, such as "
                f"InverseTimeDecay, as the learning rate, or gatewise.optimizers.legacy.{type(self).__name__}.",
                stacklevel=3,
            )
        return given

    @property
    def label(self) -> str:
        """The class and the name, as errors give them: Adam 'adam'."""
        return f"{type(self).__name__} {vars(self).get('name', '')!r}"

    def get_config(self) -> Config:
        """The arguments that would make this optimizer again, as its generation of Keras writes them.

        >>> from gatewise.optimizers import SGD
        >>> config = SGD(0.5, momentum=0.9).get_config()
        >>> config["learning_rate"], config["momentum"], config["clipnorm"]
        (0.5, 0.9, None)
        """
        config: Config = {name: self._serialized(name) for name in BASE if name in self._arguments}
        if self.generation == "tf2":
            for name in ("loss_scale_factor", "gradient_accumulation_steps"):
                config.pop(name, None)
            config |= {"jit_compile": False, "is_legacy_optimizer": False}
        return config | {name: self._serialized(name) for name in self._arguments if name not in BASE}

    def _serialized(self, name: str) -> Any:
        return self._arguments[name].serialize(getattr(self, "_learning_rate" if name == "learning_rate" else name))

    @classmethod
    def from_config(cls: type[D], config: Config, custom_objects: Any = None) -> D:
        """Make the optimizer that `get_config` described, in this release or an older one."""
        with custom_object_scope(custom_objects or {}):
            return cls(**config)

    def __repr__(self) -> str:
        shown = {name: value for name, value in self.get_config().items() if value not in (None, False)}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"
