"""Programs that the tests of distribution run in processes of their own: each prints its numbers as one line of JSON.

python distribution_programs.py one_and_many | shares ADDRESS COUNT PLACE OWN
"""

from __future__ import annotations

import json
import sys

import numpy as np

import gatewise as gw

RNG = np.random.default_rng(0)
X = RNG.standard_normal((22, 4, 3)).astype("float32")
X[:5, 2:] = 0  # Masked steps.
Y = RNG.standard_normal((22, 1)).astype("float32")
WEIGHTS = RNG.uniform(0.5, 2, 22).astype("float32")


def model(normalised: bool = False):
    gw.keras.utils.set_random_seed(3)
    layers = [
        gw.Input((4, 3)),
        gw.layers.Masking(),
        gw.layers.LSTM(3, return_sequences=True, kernel_regularizer="l2"),
        gw.layers.Dropout(0.3),
        gw.layers.GRU(2),
        *([gw.layers.BatchNormalization()] if normalised else []),
        gw.layers.Dense(1),
    ]
    made = gw.Sequential(layers)
    made.compile(gw.optimizers.SGD(0.1), "mse", metrics=["mae"], weighted_metrics=["mse"])
    return made


def numbers(normalised: bool, batch_size: int):
    """All that a program sees of a training: logs, `train_on_batch`, `evaluate`, `predict` and the weights."""
    made = model(normalised)
    history = made.fit(
        X, Y, batch_size=batch_size, sample_weight=WEIGHTS, validation_data=(X[:9], Y[:9]), verbose=0
    ).history  # fmt: skip
    return {
        "history": history,
        "train_on_batch": made.train_on_batch(X[:8], Y[:8]),
        "evaluate": made.evaluate(X[:11], Y[:11], verbose=0),
        "predict": made.predict(X[:11], verbose=0).tolist(),
        "weights": [weight.tolist() for weight in made.get_weights()],
    }


def one_and_many():
    """Each case on one device, and on all of them: 22 rows in batches of 8, 8 and 6, and in some that never divide."""
    found = []
    for normalised, batch_size in ((True, 8), (False, 6)):
        with_one = numbers(normalised, batch_size)
        with gw.distribution.DataParallel().scope():
            found.append([with_one, numbers(normalised, batch_size)])
    return {"devices": gw.distribution.list_devices(), "cases": found}


def shares(address: str, count: str, place: str, own: str):
    """One of several processes: all give the same data, or each a share of its own."""
    gw.distribution.initialize(address, int(count), int(place))
    gw.distribution.set_distribution(gw.distribution.DataParallel(auto_shard_dataset=own == "same"))
    made = model()
    mine = slice(None) if own == "same" else slice(int(place) * 4, int(place) * 4 + 4)
    size = 8 if own == "same" else 4
    history = made.fit(X[:8][mine], Y[:8][mine], batch_size=size, epochs=2, shuffle=False, verbose=0).history
    return {
        "history": history,
        "evaluate": made.evaluate(X[:8][mine], Y[:8][mine], verbose=0, batch_size=size),
        "predict": made.predict(X[:8][mine], verbose=0).tolist(),
        "weights": [weight.tolist() for weight in made.get_weights()],
    }


def alone():
    """What `shares` is to give."""
    made = model()
    history = made.fit(X[:8], Y[:8], batch_size=8, epochs=2, shuffle=False, verbose=0).history
    return {
        "history": history,
        "evaluate": made.evaluate(X[:8], Y[:8], verbose=0),
        "predict": made.predict(X[:8], verbose=0).tolist(),
        "weights": [weight.tolist() for weight in made.get_weights()],
    }


if __name__ == "__main__":
    program, *arguments = sys.argv[1:]
    print(json.dumps({"one_and_many": one_and_many, "shares": shares}[program](*arguments)))
