"""`fit` in a program that may be killed: `python killed_fit.py FOLDER SAVE_FREQ [POINT]`; see `killed_training.py`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from killed_training import KillAfter, kill_in_write

import gatewise as gw
from gatewise.callbacks import BackupAndRestore
from gatewise.random import set_seed

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((22, 5, 3)).astype("float32"), RNG.standard_normal((22, 1)).astype("float32")
EPOCHS, BATCH = 2, 4


def made():
    set_seed(3)
    lstm = gw.layers.LSTM(4, dropout=0.2, recurrent_dropout=0.1)
    model = gw.Sequential([gw.Input((5, 3)), lstm, gw.layers.Dropout(0.3, seed=1), gw.layers.Dense(1)])
    model.compile(gw.optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model


def main(folder, save_freq, *point):
    callbacks = []
    if save_freq != "never":
        every = save_freq if save_freq == "epoch" else int(save_freq)
        callbacks.append(BackupAndRestore(Path(folder, "backup"), every))
    if point[:1] == ("batch",):
        callbacks.append(KillAfter(*point[1].split(".")))
    elif point:
        kill_in_write(*point[1].split("."))
    model = made()
    options = {"batch_size": BATCH, "epochs": EPOCHS, "shuffle": True, "validation_data": (X, Y), "verbose": 0}
    history = model.fit(X, Y, callbacks=callbacks, **options).history
    last = [history[name][-1] for name in sorted(history)]
    np.savez(Path(folder, "end.npz"), *model.get_weights(), *(v.numpy() for v in model.optimizer.variables), last=last)


if __name__ == "__main__":
    main(*sys.argv[1:])
