"""A program that trains and may be killed: `python killed_training.py FOLDER SAVE_FREQ single|double [POINT]`.

The model is NumPy's, but has all that a state is made of: weights, an optimizer's slots, a mean over the epoch, an order
of samples that is drawn anew each epoch, and dropout. POINT says where the process kills itself, as "kill -9" would.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from gatewise import random
from gatewise.base import atomic
from gatewise.callbacks import BackupAndRestore, Callback, CallbackList, state_file

EPOCHS, SAMPLES, BATCH = 4, 20, 4


class Model:
    stop_training = False
    history = None

    def __init__(self):
        random.set_seed(5)
        self.weights = random.generator(None).standard_normal((3, 2)).astype("float32")
        self.momentum = np.zeros_like(self.weights)
        self.seen = np.zeros(2)
        self.dropout = random.SeedGenerator()
        self.order = np.arange(0)
        self.start = (0, 0)
        self.means = []

    def training_state(self):
        return {
            "weights": self.weights,
            "momentum": self.momentum,
            "seen": self.seen,
            "order": self.order,
            "means": np.array(self.means),
            "random": random.stream_state(),
            "dropout": self.dropout.state(),
        }

    def restore_training_state(self, state, epoch, batch):
        self.weights, self.momentum, self.seen = state["weights"], state["momentum"], state["seen"]
        self.order, self.means = state["order"], list(state["means"])
        random.set_stream_state(state["random"])
        self.dropout.set_state(state["dropout"])
        self.start = epoch, batch

    def step(self, x, y):
        x = x * self.dropout.keep(np, x.shape, 0.25, "float32")
        error = x @ self.weights - y
        self.momentum = np.float32(0.9) * self.momentum - np.float32(0.01) * (x.T @ error)
        self.weights = self.weights + self.momentum
        self.seen = self.seen + np.array([(error**2).sum(), len(x)])

    def fit(self, callbacks):
        x = np.random.RandomState(1).standard_normal((SAMPLES, 3)).astype("float32")
        y = x[:, :2] * 2
        callbacks = CallbackList(callbacks, model=self, epochs=EPOCHS)
        callbacks.on_train_begin()
        first, batch_0 = self.start
        for epoch in range(first, EPOCHS):
            callbacks.on_epoch_begin(epoch)
            if epoch != first or not batch_0:
                self.order = random.generator(None).permutation(SAMPLES)
                self.seen = np.zeros(2)
            for batch in range(batch_0 if epoch == first else 0, SAMPLES // BATCH):
                callbacks.on_train_batch_begin(batch)
                taken = self.order[batch * BATCH : (batch + 1) * BATCH]
                self.step(x[taken], y[taken])
                callbacks.on_train_batch_end(batch, {"loss": self.seen[0] / self.seen[1]})
            self.means.append(self.seen[0] / self.seen[1])
            callbacks.on_epoch_end(epoch, {"loss": self.means[-1]})
        callbacks.on_train_end()


def kill():
    os.kill(os.getpid(), 9)


class KillAfter(Callback):
    def __init__(self, epoch, batch):
        super().__init__()
        self.place = int(epoch), int(batch)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.place:
            kill()


def kill_in_write(number, where):
    """Have the write of this number end half way: with some arrays written, all of them, or just before the names."""
    writes = SimpleNamespace(begun=0, arrays=0)
    write_state, write_array, replace = state_file.write_state, np.lib.format.write_array, os.replace

    def counted(*args, **kwargs):
        writes.begun += 1
        writes.arrays = 0
        return write_state(*args, **kwargs)

    def half(file, array, **kwargs):
        writes.arrays += 1
        if where == "arrays" and (writes.begun, writes.arrays) == (int(number), 4):
            kill()
        return write_array(file, array, **kwargs)

    def renamed(source, target):
        if where == "names" and writes.begun == int(number) and ".part" in str(source):
            kill()
        replace(source, target)
        if where == "after" and writes.begun == int(number) and ".part" in str(source):
            kill()

    sys.modules["gatewise.callbacks.backup"].write_state = counted
    np.lib.format.write_array = half
    atomic.os = SimpleNamespace(**{**vars(os), "replace": renamed})


def main(folder, save_freq, double, *point):
    own = []
    if point[:1] == ("batch",):
        own = [KillAfter(*point[1].split("."))]
    elif point:
        kill_in_write(*point[1].split("."))
    model = Model()
    if save_freq != "never":
        every = save_freq if save_freq == "epoch" else int(save_freq)
        own.insert(0, BackupAndRestore(Path(folder, "backup"), every, double_checkpoint=double == "double"))
    model.fit(own)
    np.savez(Path(folder, "end.npz"), weights=model.weights, momentum=model.momentum, means=model.means)


if __name__ == "__main__":
    main(*sys.argv[1:])
