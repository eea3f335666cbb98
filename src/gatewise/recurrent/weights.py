"""The weights of a recurrent layer or of a cell, which the equation declares, and the op that they make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from gatewise import activations
from gatewise.base.typing import Array
from gatewise.base.variable import Variable
from gatewise.engine import letters
from gatewise.engine.op import Op
from gatewise.random import SeedGenerator
from gatewise.recurrent.arguments import CellArguments
from gatewise.recurrent.precision import rounds_products, unfit


class CellWeights(CellArguments):
    """What has an equation, weights for it, and the op of both: a cell, and a layer that runs one over time."""

    _equation: ClassVar[Any]
    """A `Cell` of the engine; a property where an argument chooses it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._seeds = SeedGenerator(self.seed)

    def _make_weights(self, features: int) -> None:
        for name, shape in self._weight_shapes(features).items():
            setattr(self, name, None if name == "bias" and not self.use_bias else self._make_weight(name, shape))

    def _sizes(self) -> dict[str, int]:
        """What the letters of the cell's shapes stand for, but for I."""
        own = {letter: vars(self)[argument] for letter, argument in self._equation.sizes.items()}
        return {"H": self.units, "g": len(self._equation.gates), **own}

    @property
    def state_widths(self) -> tuple[int, ...]:
        """The last axis of each state; that of the first is the output's."""
        sizes = self._sizes()
        return tuple(sizes[letter] for letter in self._equation.width_letters())

    def _weight_shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        """The shapes of the weights by name, for I = `features`."""
        sizes = {"I": features, **self._sizes()}
        return {name: letters.shape(each, sizes) for name, each in self._equation.weights.items()}

    def _make_weight(self, name: str, shape: tuple[int, ...]) -> Variable:
        words = "recurrent" if name in ("recurrent_kernel", "recurrent_weight") else name
        return self._add_declared(name, shape, words=words, initializer=self._bias_start if name == "bias" else None)

    def _bias_start(self, shape: tuple[int, ...], dtype: str = "float32") -> np.ndarray:
        return np.asarray(self.bias_initializer(shape, dtype=dtype))

    def current_op(self, xp: Any = np, *, training: bool = False) -> Op:
        """The cell with today's weights; for NumPy the same object as long as nothing changes, so that packing serves.

        Training computes in the layer's dtype: the precision is of inference.
        """
        bfloat16 = not training and rounds_products(self)
        if xp is not np:
            return self._made(xp, bfloat16)
        use = "bfloat16 op" if bfloat16 else "op"
        return self._cache.get(use, self._op_stamp, lambda: self._made(np, bfloat16))

    def _op_stamp(self) -> tuple[int, ...]:
        return (vars(self)["_edited"], *(variable.stamp for variable in self._variables))

    def _made(self, xp: Any, bfloat16: bool) -> Op:
        phi, sigma = activations.known_name(self.activation), activations.known_name(self._sigma)
        plain = None if phi is None or sigma is None else (phi, sigma)
        held = {name: getattr(self, name) for name in self._equation.weights}
        weights = {name: xp.asarray(weight.value) for name, weight in held.items() if weight is not None}
        op = Op(
            self._equation,
            self._as_cell_has(weights),
            self.activation,
            self._sigma,
            plain,
            settings={name: vars(self)[name] for name in self._equation.settings},
            bfloat16=bfloat16,
        )
        if bfloat16 and op.kernel.dtype != np.float32:  # The dtype was set after the precision.
            raise unfit(self.label, str(op.kernel.dtype), "bfloat16")
        return op

    def _as_cell_has(self, weights: dict[str, Array]) -> dict[str, Array]:
        """The weights in the cell's layout; overridden where the layer keeps them in another."""
        return weights

    @property
    def _sigma(self) -> Callable[[Array], Array]:
        """The activation of the gates; SimpleRNN has none and its cell never calls it."""
        return getattr(self, "recurrent_activation", activations.linear)
