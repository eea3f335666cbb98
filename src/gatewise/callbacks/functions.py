"""Callbacks of a few lines: functions as callbacks, and an end where the loss is no number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from gatewise.base.words import nearest
from gatewise.callbacks.callback import Callback, Logs


class LambdaCallback(Callback):
    """Functions as a callback.

    Args:
        on_epoch_begin: called with `(epoch, logs)`, as are those of `on_epoch_end`; those around batches with
            `(batch, logs)`, those around the whole with `(logs)`.
        hooks: functions by the name of any hook of `Callback`; what has another name becomes an attribute.

    Raises:
        TypeError: for a name that begins with "on_" and is no hook's.

    >>> LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs)).on_epoch_end(0, {"loss": 0.5})
    0 {'loss': 0.5}
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **hooks: Callable[..., Any] | None,
    ) -> None:
        super().__init__()
        hooks |= {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        known = [name for name in vars(Callback) if name.startswith(("on_", "set_"))]
        for name, function in hooks.items():
            if name not in known and name.startswith("on_"):
                raise TypeError(f"LambdaCallback: there is no hook {name!r}.{nearest(name, known)}")
            if function is not None:
                setattr(self, name, function)


class TerminateOnNaN(Callback):
    """Ends training after a batch whose loss is NaN or infinite.

    Args:
        raise_error: raise a RuntimeError instead, which also keeps the other callbacks from ending in order.
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"The loss of batch {batch} is {loss}: training ends.")
        print(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
