"""`saved/*` and `saved.json`, `saved.npz`: `.keras` and `.weights.h5` files of Keras 3 and tf_keras, with outputs.

Models that were compiled have made three steps; the optimizer's arrays stand beside.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
from case import fixed_weights
from make_files import X, _example, builders
from store import Store
from systems import SYSTEMS, System

STEPS = 3
WEIGHTS_TOO = ("built", "nested_norm", "bidirectional", "adam")


def make(out: Path) -> None:
    folder = out / "saved"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    store = Store()
    lines = [line for system in SYSTEMS[:2] for line in _files(system, folder, store)]
    lines.append(_own_class(folder, store))
    (out / "saved.json").write_text("[\n" + ",\n".join(map(json.dumps, lines)) + "\n]\n")
    store.save(out / "saved.npz")
    print(len(lines), "files,", sum(f.stat().st_size for f in folder.iterdir()), "bytes")


def _files(system: System, folder: Path, store: Store) -> list[dict[str, Any]]:
    lines = []
    names = ["built", "functional", "nested_norm", "bidirectional", "stateful", "shared", "convolution", "frozen"]
    built = {name: build for name, build in builders(system).items() if name in names}
    K = system.keras
    optimizers = {
        "adam": lambda: K.optimizers.Adam(0.02, amsgrad=True),
        "sgd": lambda: K.optimizers.SGD(0.1, momentum=0.9),
        "rmsprop": lambda: K.optimizers.RMSprop(K.optimizers.schedules.ExponentialDecay(0.01, 10, 0.5)),
    }
    for name, build in [*built.items(), *((name, _trained(system, make)) for name, make in optimizers.items())]:
        K.backend.clear_session()
        model, inputs = build()
        if name in built:
            model.set_weights(fixed_weights(model))
        example = _example(model, inputs, store)
        if name == "stateful":
            system.reset(model)
        optimizer = []
        if name in optimizers:
            optimizer = [store.put_all(np.asarray(variable)) for variable in model.optimizer.variables]
        for ending in (".keras", ".weights.h5") if name in WEIGHTS_TOO else (".keras",):
            path = folder / f"{system.name}_{name}{ending}"
            model.save(path) if ending == ".keras" else model.save_weights(path)
            line = {"file": path.name, "source": system.name, **example, "optimizer": optimizer}
            lines.append(line if ending == ".keras" else {**line, "config": system.config(model)})
    return lines


def _trained(system: System, optimizer: Any) -> Any:
    def build() -> Any:
        K, L = system.keras, system.layer
        layers = [L("LSTM")(3, return_sequences=True), L("BatchNormalization")(), L("LSTM")(2), L("Dense")(1)]
        model = K.Sequential([K.Input((5, 4)), *layers])
        model.set_weights(fixed_weights(model))
        model.compile(optimizer(), "mse", metrics=["mae"])
        model.fit(X, np.ones((3, 1), np.float32), epochs=STEPS, verbose=0)
        return model, X

    return build


@keras.saving.register_keras_serializable("golden")
class Reader(keras.Model):  # type: ignore[misc]
    """A user's own model, whose layers stand among its attributes, in a list, and under private names."""

    def __init__(self, units: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.above = keras.layers.Dense(4, activation="tanh")
        self.reader = keras.layers.GRU(units)
        self._last = keras.layers.Dense(2)
        self.more = [keras.layers.Dense(3), keras.layers.Dense(2)]

    def call(self, x: Any) -> Any:
        y = self._last(self.reader(self.above(x)))
        for layer in self.more:
            y = layer(y)
        return y

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def _own_class(folder: Path, store: Store) -> dict[str, Any]:
    keras.backend.clear_session()
    model = Reader(2)
    model(X)
    model.set_weights(fixed_weights(model))
    model.save(folder / "keras3_own.keras")
    return {"file": "keras3_own.keras", "source": "keras3", **_example(model, X, store), "optimizer": []}
