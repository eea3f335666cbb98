"""Callbacks together: the list that a trainer talks to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gatewise.callbacks.callback import MODES, Callback, Logs, Mode
from gatewise.callbacks.history import History
from gatewise.callbacks.logs import LazyLogs
from gatewise.callbacks.progress import ProgbarLogger
from gatewise.distribution.devices import is_first_process

__all__ = ["Callback", "CallbackList", "History"]


class CallbackList(Callback):
    """Several callbacks as one: each hook calls theirs, in their order.

    Args:
        callbacks: the callbacks; lists inside are taken apart.
        add_history: add a `History`, if there is none.
        add_progbar: add a `ProgbarLogger`, if there is none.
        model: for `set_model` of each.
        params: for `set_params` of each: `verbose`, `epochs`, `steps`.

    Raises:
        TypeError: for what is not a callback.

    >>> def loud(epoch, logs):
    ...     print(epoch, logs)
    >>> from gatewise.callbacks import LambdaCallback
    >>> CallbackList([LambdaCallback(on_epoch_end=loud)], epochs=1).on_epoch_end(0, {"loss": 0.5})
    0 {'loss': 0.5}
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        super().__init__()
        self.callbacks: list[Any] = [_checked(each) for each in _flat(callbacks)]
        if add_history and self.history is None:
            self.callbacks.append(History())
        if add_progbar and not any(isinstance(each, ProgbarLogger) for each in self.callbacks):
            self.callbacks.append(ProgbarLogger())
        self.set_model(model)
        self.set_params(params)

    @property
    def history(self) -> History | None:
        """The last `History` among them."""
        return next((each for each in reversed(self.callbacks) if isinstance(each, History)), None)

    @property
    def needs_batches(self) -> bool:
        """Whether any callback needs the hooks around each batch; where not, many batches may run at once."""
        return any(self.needs_batch_hooks(mode) for mode in MODES)

    def needs_batch_hooks(self, mode: Mode) -> bool:
        """The same for training, testing or predicting alone."""
        return any(_needs(each, mode) for each in self.callbacks)

    def append(self, callback: Any) -> None:
        """Add a callback."""
        self.callbacks.append(_checked(callback))

    def __iter__(self) -> Iterator[Any]:
        return iter(self.callbacks)

    def set_params(self, params: Any) -> None:
        super().set_params(params)
        if params:
            for callback in self.callbacks:
                callback.set_params(params)

    def set_model(self, model: Any) -> None:
        if model is None:
            return
        super().set_model(model)
        if self.history is not None:
            model.history = self.history
        for callback in self.callbacks:
            callback.set_model(model)

    def _call(self, hook: str, *args: Any) -> None:
        """Call a hook of all. They share one dict of logs, so that what one adds the next ones see."""
        *place, logs = args
        shared = logs if isinstance(logs, LazyLogs) else LazyLogs(logs)
        first = is_first_process()
        for callback in self.callbacks:
            if first or not getattr(callback, "only_in_first_process", False):
                getattr(callback, hook)(*place, shared)


def _passed_on(hook: str) -> Any:
    """The method of a list that calls this hook of its callbacks."""
    if hook.endswith(("epoch_begin", "epoch_end", "batch_begin", "batch_end")):

        def with_place(self: CallbackList, place: int, logs: Logs = None) -> None:
            self._call(hook, place, logs)

        return with_place

    def without(self: CallbackList, logs: Logs = None) -> None:
        self._call(hook, logs)

    return without


for _hook in [name for name in vars(Callback) if name.startswith("on_")]:
    setattr(CallbackList, _hook, _passed_on(_hook))


def _flat(callbacks: Any) -> Iterator[Any]:
    if callbacks is None:
        return
    if isinstance(callbacks, (list, tuple, CallbackList)):
        for each in callbacks:
            yield from _flat(each)
    else:
        yield callbacks


def _checked(callback: Any) -> Any:
    if isinstance(callback, type):
        raise TypeError(
            f"callbacks: the class {callback.__name__} came; give an object, as in {callback.__name__}(...)."
        )
    missing = [name for name in vars(Callback) if name.startswith(("on_", "set_")) and not hasattr(callback, name)]
    if missing:
        raise TypeError(
            f"callbacks: {callback!r} is not a callback: it has no {missing[0]}. "
            f"Subclass gatewise.callbacks.Callback, or use LambdaCallback(on_epoch_end=...) for a function."
        )
    return callback


def _needs(callback: Any, mode: Mode) -> bool:
    asked = getattr(callback, "needs_batch_hooks", None)
    return True if asked is None else bool(asked(mode))
