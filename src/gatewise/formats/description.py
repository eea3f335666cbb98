"""What a model file holds, in words and numbers: what `gatewise info` prints."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class WeightDescription:
    """One stored array."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class LayerDescription:
    """One layer: as the model's config names it and the weights that are stored for it.

    Attributes:
        class_name: None where the file holds weights alone.
        output_shape: a shape or a nested structure of shapes; None where the file does not say enough.
    """

    name: str
    class_name: str | None
    output_shape: Any
    weights: tuple[WeightDescription, ...]

    @property
    def parameters(self) -> int:
        """How many numbers its weights hold."""
        return sum(weight.size for weight in self.weights)


@dataclass(frozen=True)
class Description:
    """A model file.

    Attributes:
        path: of the file.
        format: "HDF5" or "Keras archive".
        kind: "model" for a whole model, "weights" for weights alone.
        keras_version, backend: what wrote it, as the file says: "2.2.4-tf", "tensorflow"; None where it does not.
        class_name, name: of the model: "Sequential", "sequential_1"; None for weights alone.
        layers: in the file's order.
        training_config, optimizer_weights: whether the file has them.
        problem: why the model cannot be made of the file as it stands (a class that is the author's own, say), or None.
    """

    path: str
    format: str
    kind: str
    keras_version: str | None
    backend: str | None
    class_name: str | None
    name: str | None
    layers: tuple[LayerDescription, ...]
    training_config: bool
    optimizer_weights: bool
    problem: str | None = None

    @property
    def parameters(self) -> int:
        """How many numbers all weights hold."""
        return sum(layer.parameters for layer in self.layers)
