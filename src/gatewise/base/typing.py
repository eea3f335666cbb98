"""The names that signatures across Gatewise share."""

from __future__ import annotations

from typing import Any, TypeAlias

Array: TypeAlias = Any
"""A NumPy or a JAX array; the layers are written against what the array API standard gives both."""

Shape: TypeAlias = tuple[int | None, ...]
"""A shape with the batch axis in front; None is a size that is known only when data comes."""

Config: TypeAlias = dict[str, Any]
"""What `get_config` returns: names and plain values that JSON can hold."""
