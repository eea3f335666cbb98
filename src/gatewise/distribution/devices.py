"""The devices that JAX sees, and several processes made one program."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np

from gatewise import random


def jax_or_say_what_to_install() -> Any:
    """JAX, or an error that says how to get it."""
    try:
        import jax
    except ImportError:
        raise ImportError("gatewise.distribution needs JAX: pip install 'gatewise[train]'.") from None
    return jax


def list_devices(device_type: str | None = None) -> list[str]:
    """The devices of all processes, as "cpu:0".

    Args:
        device_type: "cpu", "gpu" or "tpu"; by default the kind that JAX prefers.

    >>> list_devices("cpu")[0]
    'cpu:0'
    """
    jax = jax_or_say_what_to_install()
    kind = None if device_type is None else device_type.lower()
    return [name_of(device) for device in jax.devices(kind)]


def get_device_count(device_type: str | None = None) -> int:
    """How many devices `list_devices` gives."""
    return len(list_devices(device_type))


def name_of(device: Any) -> str:
    """A device of JAX's as "gpu:0"; a name stays as it is."""
    return device if isinstance(device, str) else f"{device.platform}:{device.id}"


def device_called(name: Any) -> Any:
    """JAX's device of this name.

    Raises:
        ValueError: where there is none; the message lists those that there are.
    """
    if not isinstance(name, str):
        return name
    jax = jax_or_say_what_to_install()
    kind, _, number = name.lower().partition(":")
    found = [device for device in jax.devices(kind or None) if str(device.id) == number]
    if not found:
        raise ValueError(f"There is no device {name!r}; there are {list_devices()}.")
    return found[0]


def initialize(
    job_addresses: str | None = None, num_processes: int | None = None, process_id: int | None = None
) -> None:
    """Join the processes of one program, before JAX computes anything; each of them runs the same program.

    The process-wide stream of random numbers becomes that of process 0, so that all make the same first weights.

    Args:
        job_addresses: "host:port" of process 0, or of all, separated by commas; by default the environment's
            `KERAS_DISTRIBUTION_JOB_ADDRESSES`. On clusters that JAX knows, none is needed.
        num_processes: how many there are: `KERAS_DISTRIBUTION_NUM_PROCESSES`.
        process_id: which one this is, from 0: `KERAS_DISTRIBUTION_PROCESS_ID`.

    Source: Keras 3's `keras.distribution.initialize`, over `jax.distributed.initialize`.
    """
    jax = jax_or_say_what_to_install()
    addresses = job_addresses or os.environ.get("KERAS_DISTRIBUTION_JOB_ADDRESSES")
    if addresses and "," in addresses:
        many = addresses.split(",")
        num_processes = num_processes if num_processes is not None else len(many)
        addresses = many[0]
    count = _given_or_set(num_processes, "KERAS_DISTRIBUTION_NUM_PROCESSES")
    place = _given_or_set(process_id, "KERAS_DISTRIBUTION_PROCESS_ID")
    if "cpu" in (getattr(jax.config, "jax_platforms", None) or "cpu"):
        # Processors talk through it; it is JAX's default from 0.5 on.
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(addresses, count, place)
    (state,) = from_first_process([random.stream_state()])
    random.set_stream_state(state)


def _given_or_set(given: int | None, variable: str) -> int | None:
    value = os.environ.get(variable)
    return given if given is not None or value is None else int(value)


def process_count() -> int:
    """How many processes the program has. It wakes no device where the processes were not joined."""
    jax = sys.modules.get("jax")
    joined = getattr(getattr(jax, "distributed", None), "is_initialized", None)
    if jax is None or (joined is not None and not joined()):
        return 1
    return int(jax.process_count())


def is_first_process() -> bool:
    """Whether this one writes the files and shows the progress."""
    if process_count() == 1:
        return True
    import jax

    return bool(jax.process_index() == 0)


def from_first_process(arrays: list[Any]) -> list[np.ndarray]:
    """The arrays as process 0 has them. All processes call it, with the same shapes and dtypes."""
    values = [np.asarray(each) for each in arrays]
    if process_count() == 1:
        return values
    from jax.experimental.multihost_utils import broadcast_one_to_all

    # As bytes: JAX would make 64 bits 32.
    raw = [np.frombuffer(value.tobytes(), "uint8") for value in values]
    got = [np.asarray(each, "uint8") for each in broadcast_one_to_all(raw)]
    return [
        np.frombuffer(each.tobytes(), value.dtype).reshape(value.shape) for each, value in zip(got, values, strict=True)
    ]


def from_every_process(array: np.ndarray) -> np.ndarray:
    """The arrays of all processes, stacked. All processes call it, with the same shape and dtype (of 32 bits)."""
    if process_count() == 1:
        return array[None]
    from jax.experimental.multihost_utils import process_allgather

    return np.asarray(process_allgather(array))
