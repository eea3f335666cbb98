"""The equations of the LSTM and the GRU with layer normalisation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from gatewise.base.arrays import namespace
from gatewise.base.typing import Array
from gatewise.engine.cells.cell import ALL, Cell, Parts, State, split
from gatewise.engine.cells.gru import GRU
from gatewise.engine.cells.lstm import LSTM


def normalised(x: Array, epsilon: float) -> Array:
    """LN without a gain: x less its mean over the last axis, in units of its standard deviation there."""
    xp = namespace(x)
    deviation = x - xp.mean(x, axis=-1, keepdims=True)
    return deviation / xp.sqrt(xp.mean(deviation * deviation, axis=-1, keepdims=True) + epsilon)


class LayerNormLSTM(Cell):
    """J. L. Ba, J. R. Kiros and G. E. Hinton, Layer Normalization (2016), arXiv 1607.06450, equations 20 to 22. Their
    biases beta_1 and beta_2, which only add to b, are part of it.
    """

    name, gates, states = "layer_norm_lstm", "ifco", ("h", "c")
    weights: ClassVar[Mapping[str, str]] = {
        **Cell.weights,
        "kernel_gain": "(gH,)",
        "recurrent_gain": "(gH,)",
        "state_gain": "(H,)",
        "state_bias": "(H,)",
    }
    settings = ("epsilon",)
    gate_names, candidate = LSTM.gate_names, LSTM.candidate
    carry = "f"

    @staticmethod
    def of_input(product: Array, weights: Mapping[str, Array], settings: Mapping[str, float]) -> Array:
        return normalised(product, settings["epsilon"]) * weights["kernel_gain"]

    @staticmethod
    def step(z: Array, state: State, parts: Parts) -> State:
        project, _, phi, sigma = parts
        h, c = state
        epsilon, own = parts.settings["epsilon"], parts.weights
        product = normalised(project(ALL, h), epsilon) * own["recurrent_gain"]
        z_i, z_f, z_c, z_o = split(z + product, 4)
        i, f, candidate, o = sigma(z_i), sigma(z_f), phi(z_c), sigma(z_o)
        parts.keep(i=i, f=f, c=candidate, o=o)
        c = f * c + i * candidate
        return o * phi(normalised(c, epsilon) * own["state_gain"] + own["state_bias"]), c


class LayerNormGRU(Cell):
    """The same paper, equations 25 to 28: the two gates are normalised together, and the candidate by itself. Their
    biases of the candidate, one inside the reset gate's product, are the two rows of the bias here.
    """

    name, gates = "layer_norm_gru", "zrh"
    weights: ClassVar[Mapping[str, str]] = {
        **Cell.weights,
        "bias": "(2, gH)",
        "kernel_gain": "(gH,)",
        "recurrent_gain": "(gH,)",
    }
    settings = ("epsilon",)
    gate_names, candidate = GRU.gate_names, GRU.candidate
    carry = "z"

    @staticmethod
    def of_input(product: Array, weights: Mapping[str, Array], settings: Mapping[str, float]) -> Array:
        xp, epsilon, units = namespace(product), settings["epsilon"], product.shape[-1] // 3
        gates, candidate = product[..., : 2 * units], product[..., 2 * units :]
        parts = [normalised(gates, epsilon), normalised(candidate, epsilon)]
        return xp.concat(parts, axis=-1) * weights["kernel_gain"]

    @staticmethod
    def step(z: Array, state: State, parts: Parts) -> State:
        project, recurrent_bias, phi, sigma = parts
        (h,) = state
        own = {**parts.weights, "kernel_gain": parts.weights["recurrent_gain"]}
        product = LayerNormGRU.of_input(project(ALL, h), own, parts.settings)
        if recurrent_bias is not None:
            product = product + recurrent_bias
        (x_z, x_r, x_h), (h_z, h_r, h_h) = split(z, 3), split(product, 3)
        update, reset = sigma(x_z + h_z), sigma(x_r + h_r)
        candidate = phi(x_h + reset * h_h)
        parts.keep(z=update, r=reset, h=candidate)
        return (update * h + (1 - update) * candidate,)
