"""Write examples/data/keras.json: what the real Keras reaches with the models, the budget and the data of the examples.

    KERAS_BACKEND=tensorflow python tools/examples/with_keras.py classify
    KERAS_BACKEND=jax python tools/examples/with_keras.py generate

The first runs where `make golden` does, in `.peers/tf`. The second has an Embedding. Its gradient Keras 3 on TensorFlow
gives as slices, one for each time that an id occurs, and Adam there sums the squares of the slices, where the square of
their sum is meant: embeddings move faster than the learning rate says. On JAX they do not.

The examples import `gatewise as keras`; here that is Keras itself, so that models and budgets stand in the examples
alone. Keras takes no list of unequal sequences: it gets them padded at the end, and a Masking layer first.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import keras
import numpy as np

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TARGET = EXAMPLES / "data" / "keras.json"
SYSTEM = f"{keras.__version__} on {keras.backend.backend()}"

sys.path.insert(0, str(EXAMPLES))
sys.modules["gatewise"] = keras

import classify as classify_example  # noqa: E402
import generate as generate_example  # noqa: E402


def classify():
    """The accuracy on the test set for each seed."""
    (x, speakers), (x_test, speakers_test) = classify_example.utterances()
    x, x_test = (keras.utils.pad_sequences(each, dtype="float32", padding="post") for each in (x, x_test))
    accuracy = []
    for seed in classify_example.SEEDS:
        keras.utils.set_random_seed(seed)
        model = classify_example.build(keras.layers.Masking())
        model.fit(x, speakers, batch_size=classify_example.BATCH, epochs=classify_example.EPOCHS, verbose=0)
        heard = model.predict(x_test, verbose=0).argmax(1)
        accuracy.append(round(float(np.mean(heard == speakers_test)), 6))
        print("classify", seed, accuracy[-1], flush=True)
    return {"keras": SYSTEM, "epochs": classify_example.EPOCHS, "accuracy": accuracy}


def generate():
    """The loss on the held-out tenth, and which text it was."""
    text = generate_example.python_help()
    characters, (x, y), held_out = generate_example.read(text)
    keras.utils.set_random_seed(0)
    model = generate_example.build(len(characters))
    model.fit(x, y, batch_size=generate_example.BATCH, epochs=generate_example.EPOCHS, verbose=2)
    loss = model.evaluate(*held_out, verbose=0)
    return {
        "keras": SYSTEM,
        "epochs": generate_example.EPOCHS,
        "text": generate_example.fingerprint(text),
        "loss": round(float(loss), 4),
    }


PARTS = {"classify": classify, "generate": generate}


def main(names: list[str]) -> None:
    found = json.loads(TARGET.read_text()) if TARGET.exists() else {}
    for name in names or PARTS:
        found[name] = PARTS[name]()
        TARGET.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
