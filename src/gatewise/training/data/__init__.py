"""What `fit` and `evaluate` take as data, each kind made into batches (x, y, sample_weight) of NumPy's arrays."""

from __future__ import annotations

from gatewise.training.data.adapt import adapt as adapt
from gatewise.training.data.base import Batch as Batch
from gatewise.training.data.base import Source as Source
from gatewise.training.data.base import unpacked as unpacked
