"""Save the model while it is trained."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import numpy as np

from gatewise.base import release
from gatewise.callbacks.callback import Logs, Mode, overrides_batch_hooks
from gatewise.callbacks.counting import EveryBatches
from gatewise.callbacks.monitoring import Monitoring

_WHOLE: Final = (".keras", ".h5", ".hdf5")
_WEIGHTS: Final = (".weights.h5", ".h5", ".hdf5")


class ModelCheckpoint(Monitoring):
    """Saves the model, or its weights, after each epoch or so many batches. A file appears whole or not at all.

    Args:
        filepath: of the file, which may have places for `epoch` (from 1), `batch` and the logs:
            "{epoch:02d}-{val_loss:.2f}.keras". The whole model goes into ".keras" or ".h5", weights alone into
            ".weights.h5" or ".h5".
        monitor: the number that says which is best.
        verbose: 1 to print what happens.
        save_best_only: save only where the number has improved.
        save_weights_only: the weights alone, by `model.save_weights`; else all, by `model.save`.
        mode: "min" where less is better, "max" where more is, or "auto": what the metric says.
        save_freq: "epoch", or after how many batches.
        initial_value_threshold: what the number must be better than at first.
        period: the old way to say that only every so many epochs are looked at.
        options: accepted for Keras 2's sake.

    Raises:
        ValueError: for a `save_freq` or a kind of file that is not known.
        KeyError: in `fit`, for a place in `filepath` that the logs do not fill.

    >>> ModelCheckpoint("best-{epoch:02d}.keras", save_best_only=True).filepath
    'best-{epoch:02d}.keras'
    """

    only_in_first_process = True

    up_by_name = ("acc", "fmeasure")

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        *,
        period: int = 1,
        options: Any = None,
    ) -> None:
        super().__init__(monitor, mode)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self.best = initial_value_threshold
        self.period = period
        self.epochs_since_last_save = 0
        self._current_epoch = 0
        self._every = EveryBatches(save_freq, "ModelCheckpoint")
        self._check_suffix()

    def _check_suffix(self) -> None:
        known = _WEIGHTS if self.save_weights_only else _WHOLE
        if not self.filepath.endswith(known):
            what = "weights alone" if self.save_weights_only else "a whole model"
            raise ValueError(
                f"ModelCheckpoint: filepath: {self.filepath!r} should end in {' or '.join(known)} for {what}. "
                f"TensorFlow's checkpoints and SavedModel folders are not written."
            )

    def _sounds_like_up(self, name: str) -> bool:
        return "acc" in name or name.startswith("fmeasure")

    def needs_batch_hooks(self, mode: Mode) -> bool:
        """Only where it saves after batches."""
        every = mode == "train" and self._every.batches is not None
        return every or overrides_batch_hooks(self, mode, ModelCheckpoint)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._current_epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        super().on_train_batch_end(batch, logs)
        if self._every.is_due(batch):
            self._save(self._current_epoch, batch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.save_best_only:
            self._goes()
        self.epochs_since_last_save += 1
        if self.save_freq == "epoch" and self.epochs_since_last_save >= self.period:
            self.epochs_since_last_save = 0
            self._save(epoch, None, logs)

    def _save(self, epoch: int, batch: int | None, logs: Logs) -> None:
        path = self._path(epoch, batch, logs)
        if not self._is_wanted(epoch, logs, path):
            return
        if os.path.isdir(path):
            raise IsADirectoryError(f"ModelCheckpoint: filepath: {path!r} is a folder; name a file.")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)

    def _is_wanted(self, epoch: int, logs: Logs, path: str) -> bool:
        if not self.save_best_only:
            self._say(epoch, f"saving model to {path}")
            return True
        value = self._watched(logs)
        if value is None:  # Keras 3 saves what it cannot judge; older releases do not.
            return release.current() == "keras3"
        if np.ndim(value) > 0:
            self._warn(f"{self.monitor!r} is not one number but {value!r}; the model is saved.")
            return True
        was = "None" if self.best is None else f"{self.best:.5f}"
        if not self._improves(value, self.best):
            self._say(epoch, f"{self.monitor} did not improve from {was}")
            return False
        self._say(epoch, f"{self.monitor} improved from {was} to {value:.5f}, saving model to {path}")
        self.best = value
        return True

    def _say(self, epoch: int, text: str) -> None:
        if self.verbose > 0:
            print(f"\nEpoch {epoch + 1}: {text}")

    def _path(self, epoch: int, batch: int | None, logs: Logs) -> str:
        places: dict[str, Any] = {} if batch is None else {"batch": batch + 1}
        try:
            return self.filepath.format(**{**places, "epoch": epoch + 1, **(logs or {})})
        except KeyError as error:
            raise KeyError(
                f"ModelCheckpoint: filepath: {self.filepath!r} has a place for {error}, but there are: "
                f"{', '.join([*places, 'epoch', *(logs or {})])}."
            ) from None
