"""Go on after an interruption, as if there had been none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from gatewise.base.atomic import remove_leftovers
from gatewise.callbacks.callback import Callback, Logs, Mode, overrides_batch_hooks
from gatewise.callbacks.counting import EveryBatches
from gatewise.callbacks.state_file import read_state, write_state
from gatewise.distribution.devices import is_first_process

_LATEST: Final = "training_state.npz"
_PREVIOUS: Final = "training_state.previous.npz"


class Resumable(Protocol):
    """What `BackupAndRestore` asks of a model.

    The state is all that the steps to come depend on: the weights and the other variables of layers, those of the
    optimizer, the metrics' and the loss's means in the middle of an epoch, and the random numbers: the process-wide
    stream (`random.stream_state`), each layer's generator (`SeedGenerator.state`), the key that JAX's are made of, and
    the order of samples in the epoch that runs.
    """

    def training_state(self) -> Mapping[str, Any]:
        """The state, as arrays by name. Called after a batch or an epoch."""
        ...

    def restore_training_state(self, state: Mapping[str, np.ndarray], epoch: int, batch: int) -> None:
        """Take a state back, and let `fit` go on with this batch of this epoch, both from 0.

        Called in `on_train_begin`, before the first epoch of `fit`. All names and shapes are compared before anything
        changes.

        Raises:
            ValueError: for a state of another model: which name or shape differs.
        """
        ...


class BackupAndRestore(Callback):
    """Saves the state of training, and when the same program is started again goes on from there.

    The weights at the end are those of a run without interruption, bit for bit, if the program is the same and the
    machine computes the same. The file appears whole or not at all, whenever the program is killed.

    Args:
        backup_dir: a folder for this training alone.
        save_freq: "epoch", or after how many batches.
        double_checkpoint: keep the state before the last one too, for disks that damage files.
        delete_checkpoint: delete the state when training has come to its end.
        save_before_preemption: accepted as False; give a `save_freq`.

    Raises:
        ValueError: for a `save_freq` that is not known; in `fit`, for a state of another model, or a damaged file.
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
        *,
        save_before_preemption: bool = False,
    ) -> None:
        super().__init__()
        if not backup_dir or not os.fspath(backup_dir):
            raise ValueError(f"BackupAndRestore: backup_dir: expected the path of a folder, got {backup_dir!r}.")
        if save_before_preemption:
            raise ValueError("BackupAndRestore: save_before_preemption is not supported: give save_freq, in batches.")
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._every = EveryBatches(save_freq, "BackupAndRestore")
        self._latest = Path(self.backup_dir, _LATEST)
        self._previous = Path(self.backup_dir, _PREVIOUS)
        self._epoch = 0

    def needs_batch_hooks(self, mode: Mode) -> bool:
        """Only where it saves after batches."""
        every = mode == "train" and self._every.batches is not None
        return every or overrides_batch_hooks(self, mode, BackupAndRestore)

    def on_train_begin(self, logs: Logs = None) -> None:
        if not hasattr(self.model, "restore_training_state"):
            raise TypeError(
                f"BackupAndRestore: {type(self.model).__name__} has no training_state and restore_training_state, "
                f"which say what to save."
            )
        if is_first_process():
            remove_leftovers(self._latest)
        self._every = EveryBatches(self.save_freq, "BackupAndRestore")
        found = self._found()
        if found is not None:
            state, (epoch, batch) = found
            self.model.restore_training_state(state, epoch=epoch, batch=batch)
            self._epoch = epoch
            self._every.go_on_with(batch)

    def _found(self) -> tuple[dict[str, np.ndarray], list[int]] | None:
        """The last state that can be read, if there is one."""
        kept = [path for path in (self._latest, self._previous) if path.exists()]
        for path in kept:
            try:
                return read_state(path, "epoch", "batch")
            except (ValueError, OSError) as error:
                if path == kept[-1]:
                    raise ValueError(
                        f"BackupAndRestore cannot go on from what it saved: {error} To train from the beginning, "
                        f"delete {self.backup_dir!r}."
                    ) from error
        return None

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        super().on_train_batch_end(batch, logs)
        if self._every.is_due(batch):
            self._save(self._epoch, batch + 1)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch + 1, 0)

    def _save(self, epoch: int, batch: int) -> None:
        """Save that this batch of this epoch is the next; of several processes the first one does."""
        if not is_first_process():
            return
        os.makedirs(self.backup_dir, exist_ok=True)
        if self.double_checkpoint and self._latest.exists():
            os.replace(self._latest, self._previous)
        write_state(self._latest, self.model.training_state(), epoch=epoch, batch=batch)

    def on_train_end(self, logs: Logs = None) -> None:
        if is_first_process() and self.delete_checkpoint and os.path.isdir(self.backup_dir):
            for path in (self._latest, self._previous):
                path.unlink(missing_ok=True)
            if not os.listdir(self.backup_dir):  # Others' files in it stay.
                shutil.rmtree(self.backup_dir)
