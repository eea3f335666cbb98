"""`tf.contrib` of TensorFlow 1, of which the recurrent part is here."""

from __future__ import annotations

import importlib
from typing import Any

from gatewise.base.absent import absent as _absent_from

_absent = _absent_from(__name__, "tf.contrib")


def __getattr__(name: str) -> Any:
    return importlib.import_module(f"{__name__}.rnn") if name == "rnn" else _absent(name)
