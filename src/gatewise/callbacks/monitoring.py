"""What callbacks that watch one number share: whether more or less of it is better, and whether it has improved."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Any, Final, Literal

from gatewise.base import release
from gatewise.base.words import nearest
from gatewise.callbacks.callback import Callback, Logs

Direction = Literal["up", "down"]

_MODES: Final = ("auto", "min", "max")


class Monitoring(Callback):
    """The base of callbacks that watch one number of the logs.

    With `mode="auto"` Keras 3 asks the metric which way is better, and older releases go by words in its name.

    Args:
        monitor: the name of the number: "val_loss".
        mode: "min" where less is better, "max" where more is, or "auto".
        min_delta: a smaller change than this is no improvement.

    Attributes:
        best: the best value so far, or None.
    """

    up_by_name: tuple[str, ...] = ("acc",)
    """Parts of names of which more is better, in the releases before Keras 3."""

    def __init__(self, monitor: str = "val_loss", mode: str = "auto", min_delta: float = 0.0) -> None:
        super().__init__()
        if mode not in _MODES:
            self._warn(f"mode {mode!r} is unknown (known: {', '.join(_MODES)}); 'auto' is taken.")
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(min_delta)
        self.best: float | None = None
        self._direction: Direction | None = None

    def _watched(self, logs: Logs) -> Any:
        """The number, or None with a warning that says what there is."""
        logs = logs or {}
        value = logs.get(self.monitor)
        if value is None:
            self._warn(
                f"{self.monitor!r} is not in the logs, which have: {', '.join(logs)}.{nearest(self.monitor, logs)}"
            )
        return value

    def _warn(self, text: str) -> None:
        warnings.warn(f"{type(self).__name__}: {text}", stacklevel=4)

    def _improves(self, value: float, reference: float | None) -> bool:
        """Whether a value is better than the reference, by more than `min_delta`."""
        if reference is None:
            # Keras 3 takes the first value whatever it is; older releases begin at infinity, which NaN does not pass.
            if release.current() == "keras3":
                return True
            reference = -math.inf if self._goes() == "up" else math.inf
        if self._goes() == "up":
            return bool(value - self.min_delta > reference)
        return bool(value + self.min_delta < reference)

    @property
    def monitor_op(self) -> Any:
        """`ops.greater` where more is better, `ops.less` where less is; None before that is known."""
        from gatewise import ops

        names: dict[Any, str] = {"up": "greater", "down": "less"}
        return getattr(ops, names[self._direction]) if self._direction else None

    def _goes(self) -> Direction:
        """Which way is better. Asked of the metrics once they are there, in the first epoch."""
        if self._direction is None:
            self._direction = self._found_direction()
        return self._direction

    def _found_direction(self) -> Direction:
        if self.mode != "auto":
            return "up" if self.mode == "max" else "down"
        if release.current() != "keras3":
            return "up" if self._sounds_like_up(self.monitor) else "down"
        found = self._of_the_metric(self.monitor.removeprefix("val_"))
        if found is None:
            raise ValueError(
                f"{type(self).__name__}: it is not known whether more or less of {self.monitor!r} is better. Say "
                f"mode='max' where more is, or mode='min' where less is."
            )
        return found

    def _sounds_like_up(self, name: str) -> bool:
        return any(part in name for part in self.up_by_name)

    def _of_the_metric(self, name: str) -> Direction | None:
        """What a metric says of itself. Of several outputs the names begin with the output's."""
        if name == "loss" or name.endswith("_loss"):
            return "down"
        for metric in _metrics(self.model):
            if name == metric.name or name.endswith(f"_{metric.name}"):
                return getattr(metric, "_direction", None)
        return None


def _metrics(model: Any) -> Iterator[Any]:
    """The metrics of a model, those in groups too."""
    for each in getattr(model, "metrics", None) or ():
        yield each
        yield from getattr(each, "metrics", None) or ()
