"""Programs that were written for TensorFlow and Keras: their names, their versions, and the way to run them unchanged.

- `absent.py`: what is said about a name that Gatewise does not have
- `versions.py`: which TensorFlow and Keras a program is told that it has
- `addresses.py`: which public module is which of ours, and the finder that serves them
- `functions/`: the functions of `tf`, by what they do, on arrays and on symbolic tensors
- `tape.py`: `tf.GradientTape`; `variables.py`: what a program changes; `files.py`: files and checkpoints
- `names.py`, `old.py` < `tensorflow.py`: the names of `tf` beside `tf.keras`; `v1.py`: `tf.compat.v1`
- `rnn_cells.py` < `rnn.py`: TensorFlow 1's cells, and what runs them; `contrib/`: `tf.contrib`
- `inner.py`: `tensorflow.python.*`, TensorFlow's inside
- `old_numpy.py`: names that NumPy has taken away
- `run.py`: `gatewise run`
- `pinned.py`: which TensorFlow a program was written for
- `stand_ins/`: files that processes find which a running program starts
"""

from __future__ import annotations

import importlib
from typing import Any

from gatewise.base.absent import absent as _absent_from

_absent = _absent_from(__name__, "tf.compat")


def __getattr__(name: str) -> Any:
    if name == "v1":
        return importlib.import_module("gatewise.compat.v1")
    if name == "v2":
        return importlib.import_module("gatewise.compat.tensorflow")
    return _absent(name)
