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
- `run.py`: `gatewise run`; `notebooks.py`: notebooks in the place of programs
- `pinned.py`: which TensorFlow a program was written for
- `stand_ins/`: files that processes find which a running program starts
"""

from __future__ import annotations

import importlib
from typing import Any

from gatewise.base.absent import absent as _absent_from


def install(version: str | None = None) -> None:
    """Let `import tensorflow`, `import keras` and `import tf_keras` mean Gatewise in the rest of this process.

    For notebooks and for tests, where no `gatewise run` starts the program: call it before the first such import, in a
    notebook's first cell or in `conftest.py`. In a notebook `%load_ext gatewise.compat` does the same.

    Args:
        version: of the TensorFlow that they should be like, such as "2.15"; by default the newest.

    Raises:
        ValueError: something that is not a version of TensorFlow.
    """
    from gatewise.compat.run import prepare

    prepare(version)


def load_ipython_extension(_: Any) -> None:
    """`%load_ext gatewise.compat`: `install()`."""
    install()


_absent = _absent_from(__name__, "tf.compat")


def __getattr__(name: str) -> Any:
    if name == "v1":
        return importlib.import_module("gatewise.compat.v1")
    if name == "v2":
        return importlib.import_module("gatewise.compat.tensorflow")
    return _absent(name)
