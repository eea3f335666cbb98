"""Two cells of a program's own, as classes of whichever Keras they are made for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


def cells(keras: Any) -> SimpleNamespace:
    """The cells, registered under the package "golden"."""
    register = getattr(keras, "saving", keras.utils).register_keras_serializable("golden")

    class Own(keras.layers.Layer):
        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units

        def build(self, input_shape: Any) -> None:
            size = (input_shape[0] if isinstance(input_shape, list) else input_shape)[-1]
            self.kernel = self.add_weight(shape=(size, self.units), initializer="ones", name="kernel")
            self.inner = self.add_weight(shape=(self.units, self.units), initializer="ones", name="inner")
            self.built = True

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "units": self.units}

    @register
    class Counting(Own):
        """Sums what comes, and counts the steps in a second state."""

        @property
        def state_size(self) -> list[int]:
            return [self.units, 1]

        @property
        def output_size(self) -> int:
            return self.units

        def call(self, inputs: Any, states: Any) -> Any:
            total, steps = states
            total = inputs @ self.kernel + 0.5 * (total @ self.inner)
            return total / (1.0 + steps * steps), [total, steps + 1.0]

    @register
    class WithConstants(Own):
        """Adds the sum of a constant to each step."""

        @property
        def state_size(self) -> int:
            return self.units

        def call(self, inputs: Any, states: Any, constants: Any = None) -> Any:
            total = inputs @ self.kernel + 0.5 * (states[0] @ self.inner)
            return total + constants[0][:, :1] * 0.25, [total]

    return SimpleNamespace(Counting=Counting, WithConstants=WithConstants)
