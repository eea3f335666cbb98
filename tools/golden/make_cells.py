"""`cells.jsonl.gz`, `cells.npz` and `cells/*`: RNN of cells and stacks, ConvLSTM, and files of models with them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from case import Call, Case, Cases, fixed_weights, record, values
from recurrent_cases import mask
from store import Store, write_lines
from systems import SYSTEMS, System

X = values(3, 5, 4, seed=3)
OF_CONV = {"ConvLSTM1D": (7, 2), "ConvLSTM2D": (5, 6, 2), "ConvLSTM3D": (4, 3, 4, 2)}
KINDS = ("LSTMCell", "GRUCell", "SimpleRNNCell")


def make(out: Path) -> None:
    folder = out / "cells"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    store, lines = Store(), []
    for system in SYSTEMS[:2]:  # TensorFlow 1's cells are tf_keras's.
        for family in (single, stacks, convolutional, wrapped):
            lines += [record(system, case, store) for case in family(system)]
        lines += files(system, folder, store)
    write_lines(out / "cells.jsonl.gz", lines)
    store.save(out / "cells.npz")
    print(len(lines), "cases of cells")


def rnn(system: System, name: str, cell: Callable[[], Any], calls: list[Call] | None = None, **options: Any) -> Case:
    return Case(name, lambda: system.layer("RNN")(cell(), **options), calls or [Call(X)])


def single(system: System) -> Cases:
    L = system.layer
    for kind in KINDS:
        states = [values(3, 3, seed=50 + k) for k in range(2 if kind == "LSTMCell" else 1)]
        both = {"return_sequences": True, "return_state": True}

        def cell(kind: str = kind, **options: Any) -> Any:
            return L(kind)(3, **options)

        yield rnn(system, f"{kind}", cell)
        yield rnn(system, f"{kind}_both", cell, **both)
        yield rnn(system, f"{kind}_backwards", cell, go_backwards=True, **both)
        yield rnn(system, f"{kind}_unroll", cell, unroll=True, **both)
        yield rnn(system, f"{kind}_state", cell, [Call(X, {"initial_state": states})], **both)
        yield rnn(system, f"{kind}_float64", lambda c=cell: c(dtype="float64"), [Call(X.astype("f8"))], dtype="float64")
        yield rnn(system, f"{kind}_no_bias", lambda c=cell: c(use_bias=False, activation="relu"), return_sequences=True)
        for name in ("right", "left", "middle", "full"):
            masked = [Call(values(3, 5, 4, seed=9), {"mask": mask(name)})]
            yield rnn(system, f"{kind}_mask_{name}", cell, masked, **both)
            yield rnn(system, f"{kind}_mask_{name}_backwards", cell, masked, go_backwards=True)
        three = [Call(values(3, 5, 4, seed=k)) for k in range(2)] + [Call(reset=True), Call(X)]
        yield rnn(system, f"{kind}_stateful", cell, three, stateful=True)
        if kind == "GRUCell":
            yield rnn(system, "GRUCell_before", lambda c=cell: c(reset_after=False), **both)
        if not system.is_keras3:
            swapped = [Call(np.ascontiguousarray(X.swapaxes(0, 1)))]
            yield rnn(system, f"{kind}_time_major", cell, swapped, time_major=True, **both)


def stacks(system: System) -> Cases:
    L = system.layer

    def mixed() -> Any:
        return [L("LSTMCell")(3), L("GRUCell")(2), L("SimpleRNNCell")(4), L("LSTMCell")(2)]

    def pair() -> Any:
        return L("StackedRNNCells")([L("LSTMCell")(3), L("LSTMCell")(2)])

    both = {"return_sequences": True, "return_state": True}
    states = [[values(3, 3, seed=1), values(3, 3, seed=2)], [values(3, 2, seed=3), values(3, 2, seed=4)]]
    yield rnn(system, "stack", mixed)
    yield rnn(system, "stack_sequences", mixed, return_sequences=True)
    yield rnn(system, "stack_backwards", mixed, go_backwards=True, return_sequences=True)
    yield rnn(system, "pair_both", pair, **both)
    yield rnn(system, "stack_both", mixed, **both)
    yield rnn(system, "pair_state", pair, [Call(X, {"initial_state": states})], **both)
    for name in ("left", "middle", "full"):
        masked = [Call(X, {"mask": mask(name)})]
        yield rnn(system, f"pair_mask_{name}", pair, masked, **both)
        yield rnn(system, f"stack_mask_{name}", mixed, masked, return_sequences=True)
        yield rnn(system, f"pair_mask_{name}_backwards", pair, masked, go_backwards=True, **both)
    three = [Call(values(3, 5, 4, seed=k)) for k in range(2)] + [Call(reset=True), Call(X)]
    if not system.is_keras3:  # Keras 3.15 cannot reset nested states.
        yield rnn(system, "pair_stateful", pair, three, stateful=True)


def convolutional(system: System) -> Cases:
    for kind, shape in OF_CONV.items():
        x = values(3, 5, *shape, seed=6)
        rank = len(shape) - 1

        def layer(kind: str = kind, **options: Any) -> Callable[[], Any]:
            return lambda: system.layer(kind)(3, **options)

        both = {"return_sequences": True, "return_state": True}
        even = {"kernel_size": 2, "padding": "same"}
        yield Case.once(f"{kind}_valid", layer(kernel_size=2), x)
        yield Case.once(f"{kind}_same", layer(kernel_size=3, padding="same", **both), x)
        yield Case.once(f"{kind}_even", layer(**even, **both), x)
        yield Case.once(f"{kind}_strides", layer(**even, strides=2, return_sequences=True), x)
        yield Case.once(f"{kind}_strides_valid", layer(kernel_size=2, strides=2), x)
        yield Case.once(f"{kind}_dilation", layer(kernel_size=2, dilation_rate=2), x)
        yield Case.once(f"{kind}_backwards", layer(**even, go_backwards=True, **both), x)
        yield Case.once(f"{kind}_relu", layer(**even, activation="relu", recurrent_activation="hard_sigmoid"), x)
        yield Case.once(f"{kind}_no_bias", layer(**even, use_bias=False, unit_forget_bias=False), x)
        yield Case.once(f"{kind}_mask", layer(**even, **both), x, mask=mask("middle"))
        states = [values(3, *shape[:-1], 3, seed=k) for k in (7, 8)]
        yield Case.once(f"{kind}_state", layer(**even, **both), x, initial_state=states)
        three = [Call(values(3, 5, *shape, seed=k)) for k in range(2)] + [Call(reset=True), Call(x)]
        if system.is_keras3:
            yield Case(f"{kind}_stateful", layer(**even, stateful=True), three)
        if rank == 2:
            yield Case.once(f"{kind}_sizes", layer(kernel_size=(3, 2), strides=(1, 2), padding="same"), x)


def wrapped(system: System) -> Cases:
    L = system.layer

    def of(cell: str, **options: Any) -> Any:
        return L("RNN")(L(cell)(3), **options)

    yield Case.once("bidirectional_cell", lambda: L("Bidirectional")(of("LSTMCell", return_sequences=True)), X)
    yield Case.once("bidirectional_sum", lambda: L("Bidirectional")(of("GRUCell"), merge_mode="sum"), X)
    yield Case.once("time_distributed_cell", lambda: L("TimeDistributed")(of("GRUCell")), values(2, 3, 5, 4, seed=2))
    conv = values(2, 5, 5, 6, 2, seed=4)
    kept = {"padding": "same", "return_sequences": True}
    yield Case.once("bidirectional_conv", lambda: L("Bidirectional")(L("ConvLSTM2D")(3, 3, **kept)), conv)


# -- files ------------------------------------------------------------------------------------------------------------


def models(system: System) -> Iterator[tuple[str, Callable[[], Any], Any]]:
    L, K = system.layer, system.keras

    def of_cell() -> Any:
        layers = [K.Input((5, 4)), L("RNN")(L("LSTMCell")(3), return_sequences=True), L("RNN")(L("GRUCell")(2))]
        return K.Sequential([*layers, L("Dense")(1)])

    def of_stack() -> Any:
        stack = [L("LSTMCell")(3), L("GRUCell")(2), L("LSTMCell")(3)]
        x = K.Input((5, 4), name="x")
        y = L("RNN")(stack, return_sequences=True)(L("Masking")()(x))
        z = L("Bidirectional")(L("RNN")(L("SimpleRNNCell")(2)))(y)
        return K.Model(x, L("Dense")(2)(z))

    def convolution() -> Any:
        first = L("ConvLSTM2D")(3, 3, padding="same", return_sequences=True)
        layers = [K.Input((5, 4, 5, 2)), first, L("ConvLSTM2D")(2, 2), L("Flatten")(), L("Dense")(1)]
        return K.Sequential(layers)

    yield "of_cell", of_cell, X
    yield "of_stack", of_stack, X
    yield "convolution", convolution, values(2, 5, 4, 5, 2, seed=5)


def files(system: System, folder: Path, store: Store) -> Iterator[dict[str, Any]]:
    for name, build, inputs in models(system):
        for ending in ("keras", "h5"):
            system.keras.backend.clear_session()
            model = build()
            model.set_weights(fixed_weights(model))
            path = folder / f"{system.name}_{name}.{ending}"
            model.save(path)
            outputs = model(inputs, training=False)
            yield {
                "id": f"{system.name}/file_{name}_{ending}",
                "kind": "file",
                "file": path.name,
                "source": system.name,
                "inputs": store.put_all(inputs),
                "outputs": store.put_all(tf.nest.map_structure(np.asarray, outputs)),
            }
