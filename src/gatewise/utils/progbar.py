"""A bar for loops of a program's own, as Keras's `Progbar`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from gatewise.callbacks.progress import Bar, Clock, numbers, shows_bars

Values: TypeAlias = "Iterable[tuple[str, Any]] | None"


class Progbar:
    """Shows how far a loop is: a bar on terminals and in notebooks, and a line at its end.

    Args:
        target: how many steps there will be, or None.
        width, interval: accepted, as in Keras; the bar fits itself to the terminal and to its speed.
        verbose: 1 for a bar, 2 for the line alone, 0 for nothing.
        stateful_metrics: names of values that are shown as they come; of others the mean over the steps is shown.
        stateless_metrics, unit_name: accepted, as in Keras.

    >>> bar = Progbar(2, verbose=0)
    >>> bar.add(1, [("loss", 0.5)]); bar.add(1, [("loss", 0.25)])
    >>> bar.values
    {'loss': 0.375}
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        self.target = target
        self.verbose = verbose
        self.stateful_metrics = set(stateful_metrics or ())
        self.seen = 0
        self._sums: dict[str, tuple[float, int]] = {}
        self._clock = Clock()
        self._bar = Bar("", target) if verbose == 1 and shows_bars() else None
        self._done = False

    @property
    def values(self) -> dict[str, float]:
        """The values as they are shown."""
        return {name: total / count for name, (total, count) in self._sums.items()}

    def update(
        self, current: int, values: Iterable[tuple[str, Any]] | None = None, finalize: bool | None = None
    ) -> None:
        """`current` steps are done.

        Args:
            current: the number of steps done.
            values: names and numbers of the steps since the last call.
            finalize: whether it was the last; by default whether `target` is reached.
        """
        steps = max(current - self.seen, 1)
        for name, value in values or ():
            total, count = self._sums.get(name, (0.0, 0))
            known = name in self.stateful_metrics
            self._sums[name] = (float(value), 1) if known else (total + float(value) * steps, count + steps)
        self.seen = current
        self._clock.seen(current)
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        if finalize:
            self._finish()
        elif self._bar is not None and self._bar.is_due():
            self._bar.show(current, numbers(self.values))

    def add(self, n: int, values: Values = None) -> None:
        """`n` more steps are done."""
        self.update(self.seen + n, values)

    def _finish(self) -> None:
        if self._bar is not None:
            self._bar.close()
        if self.verbose and not self._done:
            of = self.seen if self.target is None else self.target
            words = [f"{self.seen}/{of}", *self._clock.words(self.seen), *numbers(self.values)]
            print(" - ".join(words), flush=True)
        self._done = True
