"""The base of callbacks: what `fit`, `evaluate` and `predict` call, and when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

Logs: TypeAlias = Mapping[str, Any] | None
Mode: TypeAlias = Literal["train", "test", "predict"]

MODES: Final[tuple[Mode, ...]] = ("train", "test", "predict")
BATCH_HOOKS: Final[dict[Mode, tuple[str, ...]]] = {
    "train": ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
    "predict": ("on_predict_batch_begin", "on_predict_batch_end"),
}
"""The hooks around a batch, by what the model is doing."""


class Callback:
    """The base: a subclass overrides the hooks that it needs.

    `fit` calls the hooks of training, and around validation those of testing; `evaluate` those of testing; `predict`
    those of predicting. `self.model` is the model and `self.params` a dict with `verbose`, `epochs` and `steps`
    (None where unknown). Setting `self.model.stop_training = True` ends `fit` after the batch or epoch.

    `logs` holds numbers by name: "loss" and the metrics, and at the end of an epoch "val_loss" and so on. They are
    means over the epoch so far. A callback may add to the `logs` of `on_epoch_end`: callbacks after it, the history
    among them, see that.

    >>> class Shout(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print("Epoch", epoch, "has a loss of", logs["loss"])
    >>> Shout().on_epoch_end(0, {"loss": 0.5})
    Epoch 0 has a loss of 0.5
    """

    # On the class, because subclasses forget to call `super().__init__()`.
    params: Any = None
    _model: Any = None
    only_in_first_process = False
    """Whether, of several processes that train together, only the first calls the hooks: where they write files."""

    def __init__(self) -> None:
        self.params = None
        self._model = None

    @property
    def model(self) -> Any:
        """The model that is trained, evaluated or asked."""
        return self._model

    @model.setter
    def model(self, model: Any) -> None:
        self._model = model

    def set_params(self, params: Any) -> None:
        """Take `verbose`, `epochs` and `steps`, in a dict."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Take the model, before any other hook."""
        self._model = model

    def needs_batch_hooks(self, mode: Mode) -> bool:
        """Whether the hooks around each batch must be called.

        Where no callback needs them, many batches may run at once, and `on_*_batch_end` is called with the number of
        the last one. A subclass needs them if it overrides one of them; it may know better, and say so here.
        """
        return overrides_batch_hooks(self, mode)

    # -- training ---------------------------------------------------------------------------------------------------

    def on_train_begin(self, logs: Logs = None) -> None:
        """`fit` begins."""

    def on_train_end(self, logs: Logs = None) -> None:
        """`fit` ends; `logs` are those of the last epoch. Not called where an error ends it."""

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """An epoch begins, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """An epoch ends, after its validation."""

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """A batch begins, counted from 0 in each epoch."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """A batch ends."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """The old name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """The old name of `on_train_batch_end`."""

    # -- testing: `evaluate`, and validation in `fit` ---------------------------------------------------------------

    def on_test_begin(self, logs: Logs = None) -> None:
        """`evaluate` or a validation begins."""

    def on_test_end(self, logs: Logs = None) -> None:
        """`evaluate` or a validation ends."""

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """A batch of `evaluate` or a validation begins."""

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """A batch of `evaluate` or a validation ends."""

    # -- predicting -------------------------------------------------------------------------------------------------

    def on_predict_begin(self, logs: Logs = None) -> None:
        """`predict` begins."""

    def on_predict_end(self, logs: Logs = None) -> None:
        """`predict` ends."""

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """A batch of `predict` begins."""

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """A batch of `predict` ends; `logs["outputs"]` are its outputs."""


def overrides_batch_hooks(callback: Callback, mode: Mode, base: type[Callback] = Callback) -> bool:
    """Whether a callback has hooks around batches of its own: from a subclass of `base`, or as attributes.

    >>> overrides_batch_hooks(Callback(), "train")
    False
    """
    found = ((getattr(callback, hook), getattr(base, hook)) for hook in BATCH_HOOKS[mode])
    return any(getattr(own, "__func__", own) is not common for own, common in found)
