"""Meshes of devices, and how arrays lie on them."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

import numpy as np

from gatewise.distribution.devices import device_called, list_devices, name_of


class DeviceMesh:
    """Devices as the cells of a box with named axes.

    Args:
        shape: how many devices along each axis.
        axis_names: a name for each.
        devices: names as `list_devices` gives them, or JAX's devices; by default all.

    Raises:
        ValueError: names or devices of another number than the shape says.

    >>> DeviceMesh((1,), ["batch"], ["cpu:0"])
    DeviceMesh(shape=(1,), axis_names=['batch'])
    """

    def __init__(self, shape: Sequence[int], axis_names: Sequence[str], devices: Any = None) -> None:
        if not shape or not axis_names:
            raise ValueError(f"DeviceMesh: shape and axis_names cannot be empty, got {shape!r} and {axis_names!r}.")
        if len(shape) != len(axis_names):
            raise ValueError(f"DeviceMesh: shape {tuple(shape)} needs {len(shape)} axis_names, got {axis_names!r}.")
        found = np.array(list_devices() if devices is None else devices, dtype=object).ravel()
        if int(np.prod(shape)) != len(found):
            raise ValueError(
                f"DeviceMesh: shape {tuple(shape)} has {int(np.prod(shape))} places, but {len(found)} devices came."
            )
        self.shape = tuple(int(size) for size in shape)
        self.axis_names = list(axis_names)
        self.devices = found.reshape(self.shape)

    def to_jax(self) -> Any:
        """The same as a `jax.sharding.Mesh`."""
        from jax.sharding import Mesh

        cells = np.array([device_called(each) for each in self.devices.ravel()], dtype=object)
        return Mesh(cells.reshape(self.shape), tuple(self.axis_names))

    @property
    def names(self) -> list[str]:
        """The names of all devices."""
        return [name_of(each) for each in self.devices.ravel()]

    def __repr__(self) -> str:
        return f"DeviceMesh(shape={self.shape}, axis_names={self.axis_names})"


class TensorLayout:
    """Along which axis of a mesh each axis of an array is divided.

    Args:
        axes: for each axis of the array a name of the mesh's, or None where it is not divided.
        device_mesh: may be given later.

    Raises:
        ValueError: a name that the mesh has not.
    """

    def __init__(self, axes: Sequence[str | None], device_mesh: DeviceMesh | None = None) -> None:
        self.axes = tuple(axes)
        self._device_mesh = device_mesh
        self._check()

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh, once it is known."""
        return self._device_mesh

    @device_mesh.setter
    def device_mesh(self, mesh: DeviceMesh) -> None:
        if self._device_mesh is not None:
            raise ValueError(f"{self!r} has its mesh already: make a new one.")
        self._device_mesh = mesh
        self._check()

    def _check(self) -> None:
        for name in self.axes:
            if self._device_mesh is not None and name is not None and name not in self._device_mesh.axis_names:
                raise ValueError(
                    f"TensorLayout: {name!r} is no axis of the mesh, which has {self._device_mesh.axis_names}."
                )

    def to_jax(self) -> Any:
        """The same as a `jax.sharding.NamedSharding`."""
        from jax.sharding import NamedSharding, PartitionSpec

        if self._device_mesh is None:
            raise ValueError(f"{self!r} has no mesh yet: TensorLayout(axes, device_mesh).")
        return NamedSharding(self._device_mesh.to_jax(), PartitionSpec(*self.axes))

    def __repr__(self) -> str:
        return f"TensorLayout(axes={self.axes}, device_mesh={self._device_mesh})"


def distribute_tensor(tensor: Any, layout: TensorLayout) -> Any:
    """The array as a JAX array that lies on the mesh as the layout says."""
    import jax

    return jax.device_put(tensor, layout.to_jax())


class LayoutMap(MutableMapping[str, Any]):
    """Layouts by the paths of variables: a path itself, or a regular expression that is found in it.

    Args:
        device_mesh: of the layouts; a tuple of axes becomes a `TensorLayout` on it.

    >>> layouts = LayoutMap(DeviceMesh((1,), ["batch"], ["cpu:0"]))
    >>> layouts["dense.*kernel"] = (None, "batch")
    >>> layouts["dense_1/kernel"].axes, layouts["lstm/kernel"]
    ((None, 'batch'), None)
    """

    def __init__(self, device_mesh: DeviceMesh) -> None:
        self.device_mesh = device_mesh
        self._layouts: dict[str, TensorLayout] = {}

    def __getitem__(self, key: str) -> Any:
        if key in self._layouts:
            return self._layouts[key]
        found = [pattern for pattern in self._layouts if re.search(pattern, key)]
        if len(found) > 1:
            raise ValueError(f"LayoutMap: {key!r} fits several keys: {found}.")
        return self._layouts[found[0]] if found else None

    def __setitem__(self, key: str, layout: Any) -> None:
        if key in self._layouts:
            raise ValueError(f"LayoutMap: {key!r} is there already: delete it first.")
        if isinstance(layout, tuple):
            layout = TensorLayout(layout)
        if not isinstance(layout, TensorLayout):
            raise ValueError(f"LayoutMap: expected a TensorLayout or a tuple of axes for {key!r}, got {layout!r}.")
        if layout.device_mesh is None:
            layout.device_mesh = self.device_mesh
        self._layouts[key] = layout

    def __delitem__(self, key: str) -> None:
        del self._layouts[key]

    def __len__(self) -> int:
        return len(self._layouts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)
