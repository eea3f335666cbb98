"""What a reader gives of a file: a config, arrays that are read when asked, and what the file says of its writer.

Nothing here knows a model or a layer. `models/loading.py` makes a model of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

from gatewise.base.typing import Config


@dataclass(frozen=True)
class Stored:
    """An array in a file, or made of some: known by its shape; `read` gives its booleans, integers or floats."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], np.ndarray]


@dataclass(frozen=True)
class StoredLayer:
    """A layer in a file: its name there and its arrays."""

    name: str
    arrays: tuple[Stored, ...]


@dataclass(frozen=True)
class ByLayer:
    """Arrays that are matched by the names of layers, and within a layer by their order: all trainable ones first.

    Attributes:
        layers: every layer of the file in its order, those without arrays too.
        own: what a model of the user's own class holds outside its layers; None where the file has no such place.
    """

    layers: tuple[StoredLayer, ...]
    own: tuple[Stored, ...] | None = None

    def listed(self) -> Iterable[StoredLayer]:
        """The layers, for a description."""
        return self.layers


@dataclass(frozen=True)
class ByPlace:
    """Arrays without names, found by where their layer stands in the model: "layers/dense_1/vars".

    Attributes:
        at: the arrays at a place, in order; none where there is no such place.
        listed: the layers directly in the model, with all arrays below each, for a description.
    """

    at: Callable[[str], Iterable[Stored]]
    listed: Callable[[], Iterable[StoredLayer]]


@dataclass(frozen=True)
class ByName:
    """Arrays with names of some other library's, in the file's order."""

    arrays: tuple[Stored, ...]

    def listed(self) -> Iterable[StoredLayer]:
        """The arrays with the same beginning of their names, up to the last dot or stroke, for a description."""
        groups: dict[str, list[Stored]] = {}
        for array in self.arrays:
            groups.setdefault(re.split(r"[./](?!.*[./])", array.name)[0], []).append(array)
        return tuple(StoredLayer(name, tuple(arrays)) for name, arrays in groups.items())


@dataclass(frozen=True)
class ByAttribute:
    """Arrays found by the names under which objects hold them: "layer_with_weights-0", "cell", "kernel".

    Attributes:
        at: the array to which names lead from the model; None where they lead nowhere.
        listed: what the model holds directly, with all arrays below each, for a description.
    """

    at: Callable[[tuple[str, ...]], Stored | None]
    listed: Callable[[], Iterable[StoredLayer]]


Weights: TypeAlias = ByLayer | ByPlace | ByName | ByAttribute


class OfFile:
    """What comes from a file, and says so in its errors."""

    path: Any

    def error(self, message: str) -> ValueError:
        """An error about this file."""
        return ValueError(f"{self.path!r}: {message}")

    def told(self, error: BaseException) -> bool:
        """Whether an error is one of this file's already."""
        return isinstance(error, ValueError) and str(error).startswith(f"{self.path!r}: ")


@dataclass(frozen=True)
class Contents(OfFile):
    """What a file holds. Arrays can be read as long as the file is open.

    A part that is damaged is no reason not to use the others, so its error is kept until somebody needs the part.

    Attributes:
        path: of the file.
        format: its name, as `gatewise info` shows it: "HDF5".
        config: of the model, as Keras writes one; None in a file of weights alone.
        weights: the arrays, with how they are matched to a model's.
        keras_version, backend: what wrote the file, as it says: "2.2.4-tf", "tensorflow"; None where it does not.
        meaning: the Keras version whose meaning the config's names have, where that is not `keras_version`.
        training_config, optimizer_weights: whether there are any.
        compile_config: the arguments of `compile`, in the form of Keras 3's `.keras` files; None where there are none.
        optimizer: the optimizer's state, in its order.
        asset: what the file keeps beside the weights for a layer, by place and name, such as
            "layers/string_lookup/vocabulary.txt"; None where there is none.
        program: what the file computes, where it says that itself instead of a config: an ONNX graph.
        config_error, weights_error, training_error: why there is no such part in a file that should have it.
    """

    path: Any
    format: str
    config: Config | None = None
    weights: Weights | None = None
    keras_version: str | None = None
    backend: str | None = None
    meaning: str | None = None
    training_config: bool = False
    optimizer_weights: bool = False
    compile_config: Config | None = None
    optimizer: tuple[Stored, ...] = ()
    asset: Callable[[str], bytes | None] = lambda name: None
    program: Any = None
    config_error: ValueError | None = None
    weights_error: ValueError | None = None
    training_error: ValueError | None = None

    def needed_config(self) -> Config:
        """The config.

        Raises:
            ValueError: where there is none.
        """
        if self.config_error is not None:
            raise self.config_error
        if self.config is None:
            named = isinstance(self.weights, ByName)
            way = "gatewise.models.load_weights_from(model, path)" if named else "model.load_weights with this file"
            raise self.error(
                f"the file holds weights alone, without a model. Build the model in code, then call {way}."
            )
        return self.config

    def needed_weights(self) -> Weights:
        """The weights.

        Raises:
            ValueError: where there are none.
        """
        if self.weights_error is not None:
            raise self.weights_error
        if self.weights is None:
            raise self.error("the file holds no weights.")
        return self.weights


class Reader(Protocol):
    """What a format is: a module, or an object, with these two functions."""

    def recognises(self, path: Any) -> bool:
        """Whether what lies there is of this format, going by its first bytes; False where nothing does.

        Args:
            path: a text or bytes; of a file or directory, or of nothing.
        """

    def open_contents(self, path: Any) -> AbstractContextManager[Contents]:
        """What the file holds, for as long as the context lasts.

        Names, shapes and sizes have been checked: an array's `read` takes no more memory than its shape says.

        Raises:
            ValueError: a file that is damaged; the message begins with its path.
        """
