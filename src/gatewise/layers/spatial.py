"""Layers over one, two or three spatial axes: one class for all ranks, and thin subclasses that say which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from gatewise.arguments import REQUIRED, Argument, integer, optional, positive
from gatewise.base.arrays import namespace
from gatewise.base.typing import Array, Config, Shape
from gatewise.base.windows import Sizes
from gatewise.layer import Layer
from gatewise.layer.input_spec import InputSpec


class PerAxis(Argument[Any, Any]):
    """An argument with a value for each spatial axis.

    Args:
        parser: the parser for a rank.
        **options: as for `Argument`.
    """

    def __init__(self, parser: Callable[[int], Callable[[Any], Any]], **options: Any) -> None:
        super().__init__(parse=parser(1), **options)
        self._parser = parser

    def of_rank(self, rank: int) -> PerAxis:
        """The same argument for that many axes."""
        made: PerAxis = object.__new__(type(self))
        vars(made).update(vars(self))
        made.parse = self._parser(rank)
        return made


def sizes(default: Any = REQUIRED, parse: Callable[[Any], int] = positive, **options: Any) -> PerAxis:
    """A positive integer for all axes, or one for each."""
    return PerAxis(lambda rank: _of_each_axis(rank, parse), default=default, **options)


def optional_sizes(parse: Callable[[Any], int] = positive, **options: Any) -> PerAxis:
    """The same, or None."""
    return PerAxis(lambda rank: optional(_of_each_axis(rank, parse)), default=None, **options)


def natural(value: Any) -> int:
    """An integer of at least 0."""
    number = integer(value)
    if number < 0:
        raise ValueError(f"expected an integer of at least 0, got {value!r}.")
    return number


def _of_each_axis(rank: int, parse: Callable[[Any], int]) -> Callable[[Any], Sizes]:
    def parsed(value: Any) -> Sizes:
        if not isinstance(value, (list, tuple)):
            return (parse(value),) * rank
        if len(value) != rank:
            wanted = "one positive integer" if rank == 1 else f"a positive integer, or {rank} of them"
            raise ValueError(f"expected {wanted}, got {value!r}.")
        return tuple(map(parse, value))

    return parsed


class Spatial(Layer):
    """The base: x is (B, *N, I), or (B, I, *N) with `data_format="channels_first"`, where N are `rank` axes.

    A subclass with a rank, `class Conv2D(Conv, rank=2)`, has every `PerAxis` argument for that many axes.
    """

    rank: ClassVar[int]
    casts_integers = True
    plain_call = True

    def __init_subclass__(cls, rank: int | None = None, **kwargs: Any) -> None:
        if rank is not None:
            cls.rank = rank
            cls.input_spec = InputSpec(ndim=rank + 2)
            cls.has_time_axis = rank == 1
            cls._fit_arguments(rank)
        super().__init_subclass__(**kwargs)

    @classmethod
    def _fit_arguments(cls, rank: int) -> None:
        for base in cls.__mro__:
            for name, argument in list(vars(base).items()):
                if isinstance(argument, PerAxis) and getattr(cls, name) is argument:
                    setattr(cls, name, argument.of_rank(rank))

    @property
    def _channels(self) -> int:
        """The axis of the features."""
        return 1 if getattr(self, "data_format", None) == "channels_first" else -1

    def _with_channels_last(self, x: Array) -> Array:
        return x if self._channels == -1 else namespace(x).moveaxis(x, 1, -1)

    def _as_declared(self, y: Array) -> Array:
        """The way back from `_with_channels_last`."""
        return y if self._channels == -1 else namespace(y).moveaxis(y, -1, 1)

    def _axes_of(self, shape: Shape) -> Shape:
        """The spatial sizes of a shape."""
        return tuple(shape[1:-1] if self._channels == -1 else shape[2:])

    def _shape_with(self, shape: Shape, axes: Shape, features: int | None) -> Shape:
        """The shape of a batch like `shape`'s with these spatial sizes and features."""
        return (shape[0], *axes, features) if self._channels == -1 else (shape[0], features, *axes)

    def _features_of(self, shape: Shape) -> int:
        """How many features inputs of the shape have.

        Raises:
            ValueError: where that is open.
        """
        features = shape[self._channels]
        if features is None:
            raise ValueError(f"{self.label}: the number of features must be known to make the kernel, got {shape}.")
        return features

    @classmethod
    def modernized(cls, config: Config) -> Config:
        """Keras 1's words in today's; what a Keras writes for every convolution, but this layer has not, is left out.

        >>> from gatewise import layers
        >>> layers.Conv2D.from_config({"nb_filter": 4, "nb_row": 3, "nb_col": 2, "border_mode": "same"}).kernel_size
        (3, 2)
        """
        config = super().modernized(config)
        for words in _KERNEL_SIZES:
            if words[0] in config and "kernel_size" in cls._arguments:
                config["kernel_size"] = [config.pop(word) for word in words if word in config]
        for old, new in _OLD_WORDS.items():
            if old in config and old not in cls._arguments and new in cls._arguments:
                value = config.pop(old)
                config.setdefault(new, _DATA_FORMATS.get(value, value) if old == "dim_ordering" else value)
        left_out = {"output_shape"} | ({"groups"} if config.get("groups") == 1 else set())
        return {key: value for key, value in config.items() if key in cls._arguments or key not in left_out}


_KERNEL_SIZES: Final = (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3"))
_OLD_WORDS: Final = {
    "nb_filter": "filters",
    "filter_length": "kernel_size",
    "subsample_length": "strides",
    "subsample": "strides",
    "stride": "strides",
    "border_mode": "padding",
    "atrous_rate": "dilation_rate",
    "dim_ordering": "data_format",
    "pool_length": "pool_size",
    "length": "size",
    "bias": "use_bias",
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
}
_DATA_FORMATS: Final = {"tf": "channels_last", "th": "channels_first", "default": None}
