"""A program as Keras's users write them, run on what JAX sees: its numbers as one line of JSON.

It knows of no device. `benchmarks.gpu` runs it twice, on a CPU and on the GPU, and compares.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np

import gatewise as tf

keras = tf.keras


def main() -> None:
    keras.utils.set_random_seed(7)
    rng = np.random.default_rng(7)
    x = rng.standard_normal((256, 20, 6)).astype("float32")
    y = (x[:, :, 0].mean(axis=1) > 0).astype("float32")
    model = keras.Sequential(
        [
            keras.layers.Input(shape=(20, 6)),
            keras.layers.Masking(),
            keras.layers.Bidirectional(keras.layers.LSTM(16, return_sequences=True)),
            keras.layers.Dropout(0.2),
            keras.layers.GRU(12),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=32, epochs=3, validation_split=0.25, shuffle=False, verbose=0).history
    loss, accuracy = model.evaluate(x, y, verbose=0)
    predicted = model.predict(x, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        again = keras.models.load_model(path).predict(x, verbose=0)
    assert np.array_equal(again, predicted), "a loaded model predicts something else"
    import jax

    numbers = {**history, "evaluate": [loss, accuracy], "predict": predicted[:8, 0].astype(float).tolist()}
    print(json.dumps({"device": jax.devices()[0].device_kind, "numbers": numbers}))


if __name__ == "__main__":
    main()
