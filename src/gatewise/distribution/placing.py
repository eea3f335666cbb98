"""Where arrays go while a distribution holds: batches divided along an axis of the mesh, all else on every device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gatewise.distribution.devices import from_every_process, process_count
from gatewise.distribution.distributions import distribution, is_spread
from gatewise.engine.over_devices import Division


@dataclass(frozen=True)
class Placing:
    """A mesh of JAX's, its axis for batches, and whether each process gives a share of its own."""

    mesh: Any
    axis: str
    own_shares: bool

    @property
    def parts(self) -> int:
        """Into how many parts the rows of a process are divided."""
        devices = int(self.mesh.shape[self.axis])
        return devices // process_count() if self.own_shares else devices

    @property
    def division(self) -> Division:
        """As the engine wants it."""
        return Division(self.mesh, self.axis)

    @property
    def everywhere(self) -> Any:
        """The sharding of what all devices have."""
        from jax.sharding import NamedSharding, PartitionSpec

        return NamedSharding(self.mesh, PartitionSpec())

    def on_all(self, value: Any) -> Any:
        """A copy of an array on every device."""
        import jax

        value = np.array(value)
        return jax.make_array_from_callback(value.shape, self.everywhere, lambda place: value[place])

    def rows(self, tree: Any, axis: int) -> Any:
        """The arrays with this axis, which holds a batch's rows, divided; on all devices where it does not divide.

        Raises:
            ValueError: shares of processes that do not divide: they cannot be everywhere.
        """
        import jax

        return jax.tree.map(lambda leaf: self._placed(np.asarray(leaf), axis), tree)

    def _placed(self, leaf: np.ndarray, axis: int) -> Any:
        import jax
        from jax.sharding import NamedSharding, PartitionSpec

        if leaf.shape[axis] % self.parts:
            if self.own_shares:
                raise ValueError(
                    f"A batch of {leaf.shape[axis]} samples does not divide among the {self.parts} devices of this "
                    "process, and this model cannot be given rows that do not count. Choose another batch_size."
                )
            return self.on_all(leaf)
        sharding = NamedSharding(self.mesh, PartitionSpec(*(None,) * axis, self.axis))
        if self.own_shares:
            return jax.make_array_from_process_local_data(sharding, leaf)
        return jax.make_array_from_callback(leaf.shape, sharding, lambda place: leaf[place])

    def real_counts(self, real: np.ndarray) -> np.ndarray:
        """How many rows are real, (S,): of each process (S, processes) where they give shares of their own."""
        return from_every_process(real).T if self.own_shares else real


def filled_up(tree: Any, axis: int, parts: int) -> Any:
    """The arrays with copies of the last row at the end, so that this axis divides."""
    import jax

    def filled(leaf: Any) -> Any:
        missing = -leaf.shape[axis] % parts
        last = np.take(leaf, [-1], axis=axis)
        return np.concatenate([leaf, np.repeat(last, missing, axis=axis)], axis=axis) if missing else leaf

    return jax.tree.map(filled, tree)


def placing_now() -> Placing | None:
    """Where arrays go now; None where everything is on one device."""
    if not is_spread():
        return None
    found = distribution()
    assert found is not None
    own = not found.auto_shard_dataset and process_count() > 1
    return Placing(found.device_mesh.to_jax(), found.batch_dim_name, own)
