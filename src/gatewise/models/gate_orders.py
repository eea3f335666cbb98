"""Weights as older layers stored them, turned into those of today's layers.

    CuDNNLSTM, CuDNNGRU (Keras 2.0.9 to 2.15)   cuDNN's own layout: transposed kernels and two biases for each gate
    LSTM and GRU of Keras 1                     an array for each gate
    convolutions trained on Theano              kernels that run backwards
    convolutions of Keras 1                     kernels (F, I, *K), or (K, 1, I, F) over time

All shapes are known before anything is read: a conversion gives a `Stored` that reads and converts when asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gatewise.formats import Stored
from gatewise.layer import Layer
from gatewise.layers.convolution import Conv
from gatewise.layers.transposed import ConvTranspose
from gatewise.recurrent import GRU, LSTM
from gatewise.recurrent.cudnn import CuDNN, from_cudnn, to_cudnn

# In Keras 1 each gate had its kernel, recurrent kernel and bias, in these orders: LSTM i, c, f, o; GRU z, r, h.
_GATES_OF_KERAS_1: dict[type[Layer], tuple[int, ...]] = {LSTM: (0, 2, 1, 3), GRU: (0, 1, 2)}


def merged_gates(layer: Layer, stored: tuple[Stored, ...]) -> tuple[Stored, ...]:
    """Keras 1's arrays, three a gate, joined into kernel, recurrent kernel and bias."""
    order = next((order for kind, order in _GATES_OF_KERAS_1.items() if isinstance(layer, kind)), ())
    if not order or len(stored) != 3 * len(order) or any(not part.shape for part in stored):
        return stored
    return tuple(_joined([stored[3 * gate + k] for gate in order]) for k in range(3))


def _joined(parts: list[Stored]) -> Stored:
    shape = (*parts[0].shape[:-1], sum(part.shape[-1] for part in parts))
    return replace(parts[0], shape=shape, read=lambda: np.concatenate([part.read() for part in parts], axis=-1))


def converted(layer: Layer, stored: list[Stored], backend: str | None) -> list[Stored]:
    """The arrays of one layer (not of one that holds others) in today's layout."""
    if isinstance(layer, CuDNN) and len(stored) == 3:
        return _to_cudnn(layer, stored)
    if isinstance(layer, (LSTM, GRU)) and len(stored) == 3:
        return _from_cudnn(layer, stored)
    if isinstance(layer, (Conv, ConvTranspose)) and stored:
        return [_of_convolution(layer, stored[0], backend), *stored[1:]]
    return stored


def _of_convolution(layer: Conv | ConvTranspose, kernel: Stored, backend: str | None) -> Stored:
    """A convolution's kernel as (*K, I, F), or of a transpose's (*K, F, I)."""
    rank, size = layer.rank, layer.kernel_size
    if rank == 1 and len(kernel.shape) == 4:  # Keras 1 convolved over a second axis of size 1.
        if kernel.shape[:2] == (*size, 1):
            kernel = _mapped(kernel, (*size, *kernel.shape[2:]), lambda array: array[:, 0])
        elif kernel.shape[2:] == (*size, 1):
            kernel = _mapped(kernel, kernel.shape[:3], lambda array: array[..., 0])
    shape = kernel.shape
    if len(shape) != rank + 2:
        return kernel
    if shape[:rank] != size and shape[2:] == size:
        kernel = _mapped(kernel, (*size, shape[1], shape[0]), lambda array: np.moveaxis(array, (0, 1), (-1, -2)))
    if backend == "theano":
        return _mapped(kernel, kernel.shape, lambda array: np.flip(array, tuple(range(rank))))
    return kernel


def _from_cudnn(layer: LSTM | GRU, stored: list[Stored]) -> list[Stored]:
    """The arrays of cuDNN's layout in ours; those of another shape as they are."""
    kernel, recurrent_kernel, bias = stored
    gates = len(layer._equation.gates)
    width = gates * layer.units
    if bias.shape != (2 * width,) or (isinstance(layer, GRU) and not layer.reset_after):
        return stored
    if not _are_kernels(layer, kernel, recurrent_kernel):
        return stored
    if isinstance(layer, GRU):
        bias = _mapped(bias, (2, width), lambda both: both.reshape(2, width))
    else:
        bias = _mapped(bias, (width,), lambda both: both[:width] + both[width:])
    kernels = [_mapped(part, part.shape, lambda array: from_cudnn(array, gates)) for part in (kernel, recurrent_kernel)]
    return [*kernels, bias]


def _to_cudnn(layer: CuDNN, stored: list[Stored]) -> list[Stored]:
    """The arrays of LSTM, or of GRU with `reset_after`, in cuDNN's layout; those of another shape as they are."""
    kernel, recurrent_kernel, bias = stored
    gates = len(layer._equation.gates)
    width = gates * layer.units
    both = (2, width) if isinstance(layer, GRU) else (width,)
    if bias.shape != both or not _are_kernels(layer, kernel, recurrent_kernel):
        return stored
    if isinstance(layer, GRU):
        bias = _mapped(bias, (2 * width,), lambda rows: rows.reshape(2 * width))
    else:
        bias = _mapped(bias, (2 * width,), lambda whole: np.tile(whole / 2, 2))  # Halves, and so exactly the same sum.
    kernels = [_mapped(part, part.shape, lambda array: to_cudnn(array, gates)) for part in (kernel, recurrent_kernel)]
    return [*kernels, bias]


def _are_kernels(layer: LSTM | GRU | CuDNN, kernel: Stored, recurrent_kernel: Stored) -> bool:
    width = len(layer._equation.gates) * layer.units
    return kernel.shape[1:] == (width,) and recurrent_kernel.shape == (layer.units, width)


def _mapped(stored: Stored, shape: tuple[int, ...], function: Callable[[np.ndarray], np.ndarray]) -> Stored:
    return replace(stored, shape=shape, read=lambda: function(stored.read()))


def advice(layer: Layer, wanted: tuple[int, ...], found: tuple[int, ...]) -> str:
    """What a wrong shape says about how the layer was made, as a sentence, or nothing."""
    if isinstance(layer, GRU):
        width = 3 * layer.units
        if wanted == (width,) and found in ((2, width), (2 * width,)):
            return " The file's GRU has reset_after=True: make the layer with that."
        if wanted == (2, width) and found == (width,):
            return " The file's GRU has reset_after=False: make the layer with that."
    return ""
