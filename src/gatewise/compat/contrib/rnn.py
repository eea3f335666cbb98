"""`tf.contrib.rnn` of TensorFlow 1."""

from __future__ import annotations

from typing import Any

from gatewise.base.absent import absent as _absent_from
from gatewise.compat.rnn import RUNNERS
from gatewise.compat.rnn_cells import CELLS

_absent = _absent_from(__name__, "tf.contrib.rnn")

__all__ = [*CELLS, *RUNNERS]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    found = {**CELLS, **RUNNERS}
    return found[name] if name in found else _absent(name)
