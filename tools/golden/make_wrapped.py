"""`wrapped.jsonl.gz` and `wrapped.npz`: cells of all kinds, and a program's own, under RNN, Bidirectional and
TimeDistributed; with masks, states that are given and states that stay, and constants.

The two cells of a program's own stand in `tests/golden/own_cells.py`, written for either side.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

from case import Call, Case, Cases, record, values
from recurrent_cases import mask
from store import Store, write_lines
from systems import SYSTEMS, System

X = values(3, 5, 4, seed=21)
OVER = values(2, 3, 5, 4, seed=22)
CELLS: dict[str, Callable[[Any], Any]] = {
    "lstm": lambda layer: layer("LSTMCell")(3),
    "gru": lambda layer: layer("GRUCell")(3),
    "simple": lambda layer: layer("SimpleRNNCell")(3),
    "stack": lambda layer: [layer("LSTMCell")(3), layer("GRUCell")(2)],
}
STATES = {"lstm": (3, 3), "gru": (3,), "simple": (3,)}


def make(out: Path) -> None:
    store, lines = Store(), []
    for system in SYSTEMS[:2]:  # TensorFlow 1's cells are tf_keras's.
        for family in (both_ways, over_steps, own):
            lines += [record(system, case, store) for case in family(system)]
    write_lines(out / "wrapped.jsonl.gz", lines)
    store.save(out / "wrapped.npz")
    print(len(lines), "cases of wrapped cells")


def both_ways(system: System) -> Cases:
    L = system.layer
    whole = {"return_sequences": True, "return_state": True}

    def bidirectional(cell: str, merge: str | None = "concat", **options: Any) -> Callable[[], Any]:
        return lambda: L("Bidirectional")(L("RNN")(CELLS[cell](L), **options), merge_mode=merge)

    for cell in CELLS:
        flat = whole if cell != "stack" else {"return_sequences": True}  # tf_keras fails with states of stacks.
        yield Case.once(f"both_{cell}", bidirectional(cell), X)
        if cell != "stack" or not system.is_keras3:
            yield Case.once(f"both_{cell}_whole", bidirectional(cell, **flat), X)
        yield Case.once(f"both_{cell}_mask", bidirectional(cell, return_sequences=True), X, mask=mask("middle"))
        yield Case.once(f"both_{cell}_mask_left", bidirectional(cell, merge="ave"), X, mask=mask("left"))
        yield Case.once(f"both_{cell}_apart", bidirectional(cell, merge=None, return_sequences=True), X)
    for cell, sizes in STATES.items():
        states = [values(3, size, seed=60 + k) for k, size in enumerate((*sizes, *sizes))]
        yield Case.once(f"both_{cell}_state", bidirectional(cell, **whole), X, initial_state=states)
        calls = [Call(values(3, 5, 4, seed=k)) for k in (1, 2)]
        yield Case(f"both_{cell}_stateful", bidirectional(cell, stateful=True, return_sequences=True), calls)
        yield Case.once(f"both_{cell}_mul", bidirectional(cell, merge="mul"), X)


def over_steps(system: System) -> Cases:
    L = system.layer

    def distributed(inner: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: L("TimeDistributed")(inner())

    for cell in CELLS:
        yield Case.once(f"over_{cell}", distributed(lambda c=cell: L("RNN")(CELLS[c](L), return_sequences=True)), OVER)
    for kind in ("LSTM", "GRU", "SimpleRNN"):
        yield Case.once(f"over_both_{kind}", distributed(lambda k=kind: L("Bidirectional")(L(k)(3))), OVER)


def own(system: System) -> Cases:
    cells = own_cells(system)

    def rnn(cell: str, **options: Any) -> Callable[[], Any]:
        return lambda: system.layer("RNN")(getattr(cells, cell)(3), **options)

    whole = {"return_sequences": True, "return_state": True}
    yield Case.once("own_counting", rnn("Counting"), X)
    yield Case.once("own_counting_whole", rnn("Counting", **whole), X)
    yield Case.once("own_counting_mask", rnn("Counting", **whole), X, mask=mask("middle"))
    yield Case.once("own_counting_backwards", rnn("Counting", go_backwards=True), X)
    states = [values(3, 3, seed=71), values(3, 1, seed=72)]
    yield Case.once("own_counting_state", rnn("Counting", **whole), X, initial_state=states)
    yield Case("own_counting_stateful", rnn("Counting", stateful=True), [Call(X), Call(X), Call(reset=True), Call(X)])
    yield Case.once("own_both", lambda: system.layer("Bidirectional")(rnn("Counting", return_sequences=True)()), X)
    if not system.is_keras3:  # Keras 3 took constants away.
        constants = [values(3, 2, seed=73)]
        yield Case.once("own_constants", rnn("WithConstants", return_sequences=True), X, constants=constants)
        yield Case.once("own_constants_mask", rnn("WithConstants"), X, constants=constants, mask=mask("left"))


def own_cells(system: System) -> Any:
    """The cells of `own_cells.py`, as classes of this system."""
    path = Path(__file__).parents[2] / "tests" / "golden" / "own_cells.py"
    spec = importlib.util.spec_from_file_location("own_cells", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.cells(system.keras)
