"""How far the work is: a bar on terminals and in notebooks, a line an epoch in files."""

from __future__ import annotations

import time
from typing import Any, Final

from gatewise.callbacks.callback import Callback, Logs, Mode
from gatewise.callbacks.notebook import NotebookBar, in_notebook
from gatewise.config import config

_SECONDS_BETWEEN_UPDATES: Final = 0.1
_SECONDS_BEFORE_A_BAR: Final = 0.3
"""Work that is done before is not worth a bar."""


class ProgbarLogger(Callback):
    """Shows the progress of `fit`, `evaluate` and `predict`. They add one by themselves where `verbose` is not 0.

    With `verbose="auto"` or 1, a terminal or a notebook shows a bar with the loss, the metrics and the time left, and
    keeps a line for each epoch that is done. Elsewhere, and with 2, there are the lines alone:

        Epoch 3/10 - 1s - 12ms/step - loss: 0.1234 - val_loss: 0.2345

    Args:
        count_mode, stateful_metrics: accepted for Keras 2's sake.
    """

    def __init__(self, count_mode: str = "steps", stateful_metrics: Any = None) -> None:
        super().__init__()
        if count_mode not in ("steps", "samples"):
            raise ValueError(f"ProgbarLogger: count_mode: expected 'steps' or 'samples', got {count_mode!r}.")
        self.verbose: Any = "auto"
        self.epochs = 1
        self.target: int | None = None
        self.seen = 0
        self._in_fit = False
        self._clock = Clock()
        self._bar: Bar | None = None

    def set_params(self, params: Any) -> None:
        super().set_params(params)
        params = params or {}
        self.verbose = params.get("verbose", "auto")
        self.epochs = params.get("epochs") or 1
        self.target = params.get("steps")

    def needs_batch_hooks(self, mode: Mode) -> bool:
        """No: it shows whatever batches it is told of."""
        return False

    # -- hooks ------------------------------------------------------------------------------------------------------

    def on_train_begin(self, logs: Logs = None) -> None:
        self._in_fit = True  # Validation inside is silent.

    def on_train_end(self, logs: Logs = None) -> None:
        self._close()
        self._in_fit = False

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._open(f"Epoch {epoch + 1}/{self.epochs}")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._finish(f"Epoch {epoch + 1}/{self.epochs}", logs)

    def on_test_begin(self, logs: Logs = None) -> None:
        if not self._in_fit:
            self._open("Evaluate")

    def on_test_end(self, logs: Logs = None) -> None:
        if not self._in_fit:
            self._finish("Evaluate", logs)

    def on_predict_begin(self, logs: Logs = None) -> None:
        self._open("Predict")

    def on_predict_end(self, logs: Logs = None) -> None:
        self._finish("Predict", None, line=self.verbose == 2)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._update(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        if not self._in_fit:
            self._update(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._update(batch, None)

    # -- what is shown ----------------------------------------------------------------------------------------------

    def _open(self, what: str) -> None:
        self._close()  # An error may have ended the work before.
        self.seen = 0
        self._clock = Clock()
        self._bar = Bar(what, self.target) if self.verbose in ("auto", 1) and shows_bars() else None

    def _update(self, batch: int, logs: Logs) -> None:
        self.seen = batch + 1
        self._clock.seen(self.seen)
        if self._bar is not None and self._bar.is_due():
            self._bar.show(self.seen, numbers(logs))

    def _finish(self, what: str, logs: Logs, line: bool = True) -> None:
        self._close()
        if self.verbose and line:
            steps = self.seen or self.target or 0
            print(" - ".join([what, *self._clock.words(steps), *numbers(logs)]), flush=True)
        if self.target is None:  # Known from now on.
            self.target = self.seen or None

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class Clock:
    """The time of an epoch, and of a step in it.

    The first step compiles, so that the time of a step is the mean of the others, where there are others.
    """

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._first: tuple[int, float] | None = None

    def seen(self, steps: int) -> None:
        """So many steps are done."""
        if self._first is None:
            self._first = steps, time.monotonic()

    def words(self, steps: int) -> list[str]:
        """The seconds in all, and those of a step if there were any: ["3s", "12ms/step"]."""
        now = time.monotonic()
        words = [f"{now - self._start:.0f}s"]
        if steps:
            done, since = self._first if self._first is not None and self._first[0] < steps else (0, self._start)
            words.append(f"{duration((now - since) / (steps - done))}/step")
        return words


def duration(seconds: float) -> str:
    """A short time in words.

    >>> duration(2.2), duration(0.0123), duration(0.00005)
    ('2s', '12ms', '50us')
    """
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"


def numbers(logs: Logs) -> list[str]:
    """The logs in words, with Keras's digits.

    >>> numbers({"loss": 0.5, "lr": 0.0001})
    ['loss: 0.5000', 'lr: 1.0000e-04']
    """
    return [f"{name}: {number(value)}" for name, value in (logs or {}).items()]


def number(value: Any) -> str:
    """One number in words; of an array its mean, as Keras shows it."""
    try:
        value = float(value.mean()) if hasattr(value, "mean") else float(value)
    except (TypeError, ValueError):
        return str(value)
    return f"{value:.4f}" if abs(value) > 1e-3 else f"{value:.4e}"


def shows_bars() -> bool:
    """Whether standard output is a terminal, or a notebook that can draw, and the program lets it."""
    if not config.bars:
        return False
    if in_notebook():
        return True
    from rich.console import Console

    console = Console()
    return console.is_terminal and not console.is_dumb_terminal


class Bar:
    """A bar that goes when it is closed.

    Args:
        what: the words before it.
        target: how many steps there will be, or None.
    """

    def __init__(self, what: str, target: int | None) -> None:
        self._what = what
        self._target = target
        self._progress: Any = None
        self._task: Any = None
        self._due = time.monotonic() + _SECONDS_BEFORE_A_BAR

    def is_due(self) -> bool:
        """Whether it is time to show something new."""
        return time.monotonic() >= self._due

    def show(self, steps: int, words: list[str]) -> None:
        """Show so many steps, and the words behind the bar."""
        if self._progress is None:
            self._start()
        if isinstance(self._progress, NotebookBar):
            self._progress.show(steps, words)
        else:
            self._progress.update(self._task, completed=steps, words=" - ".join(words))
            self._progress.refresh()
        self._due = time.monotonic() + _SECONDS_BETWEEN_UPDATES

    def _start(self) -> None:
        if in_notebook():
            self._progress = NotebookBar(self._what, self._target)
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[words]}", markup=False),
            transient=True,
            auto_refresh=False,
        )
        self._task = self._progress.add_task(self._what, total=self._target, words="")
        self._progress.start()

    def close(self) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
