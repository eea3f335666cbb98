"""A model that listens: step by step, its state kept, saved and brought back; and a thousand of them at once."""

import tempfile
from pathlib import Path

import numpy as np

import gatewise as gw

STEPS, FEATURES, UNITS = 50, 8, 32

model = gw.Sequential(
    [
        gw.Input((None, FEATURES)),
        gw.layers.LSTM(UNITS, return_sequences=True),
        gw.layers.Dense(1, activation="sigmoid"),
    ]
)
x = np.random.default_rng(0).normal(size=(STEPS, FEATURES)).astype("float32")

# One sequence, as it comes. Each push is one step.
stream = model.stream()
scores = np.array([stream.push(x_t) for x_t in x])
whole = model.predict(x[None])[0]
print("steps", len(scores), "equal to predict", bool(np.allclose(scores, whole, atol=1e-6)))

# Stop in the middle, save, and go on elsewhere: the same bits.
stream.reset()
first = stream.push_many(x[:20])
saved = stream.save()
later = model.stream()
later.restore(saved)
rest = later.push_many(x[20:])
print("saved bytes", len(saved), "the same bits", bool((np.concatenate([first, rest]) == scores).all()))
print("the state", {part: array.shape for part, array in later.state["lstm"].items()})

# A thousand callers, each with an id. Whoever has spoken moves on; the others wait.
pool = model.stream_pool(capacity=1000)
pool.add(range(1000))
speaking = np.array([7, 42, 999])
for t in range(STEPS):
    heard = pool.push(speaking, np.stack([x[t]] * 3))
print("live", len(pool), "of", pool.capacity, "the last score", bool((heard == scores[-1]).all()))

# All of them in one file, which is whole whenever the machine stops.
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "callers"
    pool.snapshot(path)
    tomorrow = model.stream_pool(capacity=2000)
    tomorrow.restore(path)
    print("restored", len(tomorrow), "bytes a stream", path.stat().st_size // len(tomorrow))

# A model that would have to know the future says so.
backwards = gw.Sequential([gw.Input((None, FEATURES)), gw.layers.Bidirectional(gw.layers.LSTM(4), name="both_ways")])
try:
    backwards.stream()
except ValueError as error:
    print(error)
