"""What `fit`, `evaluate` and `predict` call while they work, under Keras's names.

A callback reaches the model by `self.model`, through its public methods alone; so this room knows no model.

>>> class UntilGood(Callback):
...     def on_epoch_end(self, epoch, logs=None):
...         self.model.stop_training = logs["loss"] < 0.1
"""

from __future__ import annotations

from gatewise.base.absent import answer_for
from gatewise.callbacks.averages import SwapEMAWeights
from gatewise.callbacks.backup import BackupAndRestore, Resumable
from gatewise.callbacks.base import Callback, CallbackList, History
from gatewise.callbacks.checkpoint import ModelCheckpoint
from gatewise.callbacks.early_stopping import EarlyStopping
from gatewise.callbacks.functions import LambdaCallback, TerminateOnNaN
from gatewise.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from gatewise.callbacks.loggers import CSVLogger, RemoteMonitor
from gatewise.callbacks.logs import LazyLogs
from gatewise.callbacks.progress import ProgbarLogger
from gatewise.callbacks.tensorboard import TensorBoard

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LazyLogs",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "Resumable",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]

answer_for(__name__, "gatewise.callbacks")
