"""A model from its layers to a stream, on the native engine: what a newly installed wheel must do."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

import gatewise as gw

x = np.random.default_rng(0).normal(size=(4, 20, 8)).astype("float32")
model = gw.Sequential([gw.Input((None, 8)), gw.layers.LSTM(16, return_sequences=True), gw.layers.GRU(4)])
y = model.predict(x, verbose=0)
stream = model.stream(batch_size=4)
last = [stream.push(x[:, t]) for t in range(20)][-1]
assert stream.native
assert np.abs(last - y).max() < 1e-5, (last, y)
pool = model.stream_pool(10)
pool.add([1, 2])
pool.push([1, 2, 1], x[0, :3])
with tempfile.TemporaryDirectory() as folder:
    model.save(Path(folder, "model.h5"))
    assert (gw.keras.models.load_model(Path(folder, "model.h5")).predict(x, verbose=0) == y).all()
print(f"Gatewise {gw.__version__} runs on the native engine")
