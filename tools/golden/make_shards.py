"""`shards/`: weights of Keras 3 in several files; config, outputs and optimizer in `shards.npz`."""

from __future__ import annotations

import shutil
from pathlib import Path

import keras
import numpy as np
from case import fixed_weights
from make_files import X

MOST_BYTES = 300
"""Of one file: so few that the weights of one layer, and the optimizer's state, are spread over several."""


def make(out: Path) -> None:
    folder = out / "shards"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    keras.backend.clear_session()
    L = keras.layers
    model = keras.Sequential([L.Input((5, 4)), L.Bidirectional(L.LSTM(3)), L.BatchNormalization(), L.Dense(2)])
    model.set_weights(fixed_weights(model))
    model.compile(keras.optimizers.Adam(0.02), "mse")
    model.fit(X, np.ones((3, 2), np.float32), epochs=3, verbose=0)
    model.save_weights(folder / "keras3.weights.json", max_shard_size=MOST_BYTES / 1024**3)
    arrays = {f"optimizer/{k}": np.asarray(variable) for k, variable in enumerate(model.optimizer.variables)}
    outputs = np.asarray(model(X, training=False))
    np.savez(folder / "shards.npz", config=np.array(model.to_json().encode()), inputs=X, outputs=outputs, **arrays)
    print(len(list(folder.iterdir())), "files,", sum(f.stat().st_size for f in folder.iterdir()), "bytes")
