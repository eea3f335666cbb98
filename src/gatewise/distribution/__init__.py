"""Training and inference over many devices and machines, under Keras 3's names: data parallel.

    gw.distribution.initialize()                                  # on several machines only
    gw.distribution.set_distribution(gw.distribution.DataParallel())
    model.fit(x, y)                                               # each device takes a part of each batch

Batches are divided among the devices, weights are the same on all. XLA's partitioner divides the compiled step, and so
everything means what it means on one device: losses, metrics, regularizers, dropout's random numbers, and the
statistics of batch normalisation, which are those of the whole batch.
"""

from __future__ import annotations

from gatewise.base.absent import answer_for
from gatewise.distribution.devices import get_device_count, initialize, list_devices
from gatewise.distribution.distributions import (
    DataParallel,
    Distribution,
    ModelParallel,
    distribution,
    set_distribution,
)
from gatewise.distribution.layouts import DeviceMesh, LayoutMap, TensorLayout, distribute_tensor

__all__ = [
    "DataParallel",
    "DeviceMesh",
    "Distribution",
    "LayoutMap",
    "ModelParallel",
    "TensorLayout",
    "distribute_tensor",
    "distribution",
    "get_device_count",
    "initialize",
    "list_devices",
    "set_distribution",
]

answer_for(__name__, "gatewise.distribution")
