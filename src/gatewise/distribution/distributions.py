"""How models are spread over devices: `DataParallel`, and the one that holds for the process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from gatewise.config import config
from gatewise.distribution.devices import list_devices, process_count
from gatewise.distribution.layouts import DeviceMesh, TensorLayout

_current: Distribution | None = None


class Distribution:
    """What all have: a mesh, and the axis of it along which batches are divided."""

    def __init__(self, device_mesh: DeviceMesh, batch_dim_name: str, auto_shard_dataset: bool = True) -> None:
        self.device_mesh = device_mesh
        self.batch_dim_name = batch_dim_name
        self.auto_shard_dataset = auto_shard_dataset

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Inside the block it is the one that holds."""
        before = distribution()
        set_distribution(self)
        try:
            yield
        finally:
            set_distribution(before)

    def get_data_layout(self, data_shape: Sequence[Any]) -> TensorLayout:
        """How a batch of this shape lies on the mesh."""
        return TensorLayout([self.batch_dim_name, *(None for _ in data_shape[1:])], self.device_mesh)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """How a variable lies on the mesh."""
        return TensorLayout([None for _ in variable.shape], self.device_mesh)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """How the output of a layer is to lie: None leaves it to XLA."""
        return None

    def distribute_dataset(self, dataset: Any) -> Any:
        """The data as it is: `fit` divides each batch."""
        return dataset


class DataParallel(Distribution):
    """Each device takes a part of each batch; variables are the same on all.

    Args:
        device_mesh: with one axis; or
        devices: their names; by default all that JAX sees, those of other processes too.
        auto_shard_dataset: with several processes: True where each gives the same data, of which it then takes its
            part; False where each gives a share of its own. Then a batch is as large as all of theirs together, and all
            must have as many batches.

    Raises:
        ValueError: both were given, or a mesh of more axes.

    Source: Keras 3's `DataParallel`.

    >>> DataParallel(devices=["cpu:0"])
    <DataParallel device_mesh=DeviceMesh(shape=(1,), axis_names=['batch'])>
    """

    def __init__(
        self, device_mesh: DeviceMesh | None = None, devices: Any = None, auto_shard_dataset: bool = True
    ) -> None:
        if device_mesh is not None and devices is not None:
            raise ValueError("DataParallel: give device_mesh or devices, not both.")
        if device_mesh is None:
            found = list_devices() if devices is None else list(devices)
            device_mesh = DeviceMesh((len(found),), ["batch"], found)
        if len(device_mesh.shape) != 1:
            raise ValueError(f"DataParallel: expected a mesh with one axis, got {device_mesh!r}.")
        super().__init__(device_mesh, device_mesh.axis_names[0], auto_shard_dataset)

    def __repr__(self) -> str:
        return f"<DataParallel device_mesh={self.device_mesh!r}>"


class ModelParallel(Distribution):
    """Refused: weights divided among devices are not supported. Recurrent ones fit one device: use `DataParallel`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _refuse()


def _refuse() -> NoReturn:
    raise NotImplementedError(
        "ModelParallel: weights divided among devices are not supported; recurrent models fit one device. "
        "DataParallel divides the batches."
    )


def set_distribution(value: Distribution | None) -> None:
    """Say how models are spread from now on; None for one device again.

    `fit`, `evaluate`, `predict` and their sisters then run on JAX.

    Raises:
        TypeError: for what is no distribution.
    """
    global _current
    if value is not None and not isinstance(value, Distribution):
        raise TypeError(f"set_distribution: expected a DataParallel or None, got {value!r}.")
    _current = value
    config.spread = is_spread()


def distribution() -> Distribution | None:
    """The distribution that holds, or None.

    >>> distribution() is None
    True
    """
    return _current


def is_spread() -> bool:
    """Whether there is more than one device to spread over."""
    return _current is not None and (_current.device_mesh.devices.size > 1 or process_count() > 1)
