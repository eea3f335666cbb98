"""What a training was like, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gatewise.callbacks.callback import Callback, Logs


class History(Callback):
    """The numbers of all epochs. `fit` has one by itself, and gives it back.

    Attributes:
        history: for each name ("loss", "val_loss", the metrics) the list of its values, an epoch each.
        epoch: the numbers of the epochs, from 0.

    >>> history = History()
    >>> history.on_train_begin()
    >>> history.on_epoch_end(0, {"loss": 0.5}); history.on_epoch_end(1, {"loss": 0.25})
    >>> history.history, history.epoch
    ({'loss': [0.5, 0.25]}, [0, 1])
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Logs = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        if self.model is not None:
            self.model.history = self

    def _repr_html_(self) -> str:
        from gatewise.callbacks.curves import as_html

        return as_html(self.history, self.epoch)

    def plot(self, names: str | Sequence[str] | None = None, axes: Any = None) -> list[Any]:
        """Draw the curves: a picture for each name, its validation's curve in the same one.

        Args:
            names: what to draw: "loss", or a list. By default all; validation's curves always come along.
            axes: of matplotlib, to draw into: as many as there are names. By default they are made, in a new figure.

        Returns:
            The axes. A notebook shows them by itself, `matplotlib.pyplot.show()` elsewhere; `axes[0].figure.savefig`
            writes a file.

        Raises:
            ImportError: without matplotlib: `pip install gatewise[plot]`.
            ValueError: for names that the history does not have.
        """
        chosen = self._chosen(names)
        if axes is None:
            axes = _new_axes(len(chosen))
        into = [axes] if hasattr(axes, "plot") else list(axes)
        if len(into) != len(chosen):
            raise ValueError(f"History.plot: expected axes for {chosen}, one for each, got {len(into)}.")
        for each, name in zip(into, chosen, strict=True):
            self._draw(each, name)
        return into

    def _chosen(self, names: str | Sequence[str] | None) -> list[str]:
        if names is None:
            chosen = [name for name in self.history if name.removeprefix("val_") not in {*self.history} - {name}]
        else:
            chosen = [names] if isinstance(names, str) else list(names)
        unknown = [name for name in chosen if name not in self.history]
        if unknown or not chosen:
            what = f"has no {unknown}" if unknown else "is empty"
            raise ValueError(f"History.plot: the history {what}. It has: {list(self.history)}.")
        return chosen

    def _draw(self, ax: Any, name: str) -> None:
        for label, key in (("training", name), ("validation", f"val_{name}")):
            values = self.history.get(key)
            if values is not None:
                ax.plot(self._epochs_of(values), values, label=label, marker="o" if len(values) == 1 else None)
        ax.set(xlabel="epoch", title=name)
        ax.xaxis.get_major_locator().set_params(integer=True)
        if f"val_{name}" in self.history:
            ax.legend()

    def _epochs_of(self, values: list[Any]) -> list[int]:
        """At which epochs, from 1, the values stand. With `validation_freq` there are fewer of them than epochs."""
        count = max(len(self.epoch), *(len(each) for each in self.history.values()))
        every = max(1, count // len(values))
        return [every * (place + 1) for place in range(len(values))]


def _new_axes(count: int) -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("History.plot draws with matplotlib. Install it: pip install gatewise[plot]") from error
    _, axes = plt.subplots(1, count, squeeze=False, figsize=(5.0 * count, 3.5), layout="constrained")
    return axes[0]
