"""`masks.jsonl.gz` and `masks.npz`: which steps a mask leaves out, and how far it travels.

Two families. The recurrent layers, through the whole product of the arguments that have to do with masks. And each
wrapper and layer that a mask may come to, with a GRU behind it that shows whether the mask went on, and which.
A case that the system itself refuses is not kept: there is nothing to follow.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from case import Call, Case, Cases, ids, record, values
from model_cases import stack, tokens
from recurrent_cases import BATCH, FEATURES, TIME, mask
from store import Store, write_lines
from systems import SYSTEMS, System

UNITS = 2
PARTS_OF_TIME = 4  # The inner time axis of sequences of sequences.


def make(out: Path) -> None:
    store, lines, refused = Store(), [], []
    for system in (each for each in SYSTEMS if each.name != "tf1"):  # Whose masks are tf_keras's.
        for case in (*traversals(system), *travels(system), *sequences_of_sequences(system)):
            try:
                lines.append(record(system, case, store))
            except Exception as error:  # Whatever a real system says: its refusals are listed.
                refused.append(f"{system.name}/{case.name}: {type(error).__name__} {str(error)[:90]!r}")
    write_lines(out / "masks.jsonl.gz", lines)
    store.save(out / "masks.npz")
    print(*refused, sep="\n")
    print(len(lines), "cases,", len(refused), "refused by the systems themselves")


def traversals(system: System) -> Cases:
    """unroll x mask x go_backwards x return_sequences x zero_output_for_mask, alone and inside Bidirectional."""
    L = system.layer
    x = values(BATCH, TIME, FEATURES)
    flags = ("unroll", "go_backwards", "return_sequences", "zero_output_for_mask")
    for kind in ("LSTM", "GRU", "SimpleRNN"):
        for which, chosen in itertools.product((None, "left", "middle"), itertools.product((False, True), repeat=4)):
            options = dict(zip(flags, chosen, strict=True))
            name = "_".join([kind, f"mask={which}", *(flag for flag, on in options.items() if on)])
            kwargs = {"mask": mask(which)} if which else {}
            if kind == "SimpleRNN" or not (system.is_keras3 and options["zero_output_for_mask"]):
                yield Case(name, _alone(L, kind, {"return_state": True, **options}), [Call(x, kwargs)])
            if which and not options["zero_output_for_mask"]:  # There it is what Bidirectional says.
                del options["zero_output_for_mask"]
                yield Case(f"Bidirectional_{name}", _both_ways(L, kind, options), [Call(x, kwargs)])


def _alone(find: Callable[[str], Any], kind: str, options: dict[str, Any]) -> Callable[[], Any]:
    return lambda: find(kind)(UNITS, **options)


def _both_ways(find: Callable[[str], Any], kind: str, options: dict[str, Any]) -> Callable[[], Any]:
    return lambda: find("Bidirectional")(find(kind)(UNITS, **options))


def travels(system: System) -> Cases:
    """A mask, a layer, and a GRU behind it."""
    L = system.layer
    for name, layer in passed(system):
        yield Case.once(
            f"through_{name}",
            stack(system, (TIME,), lambda: L("Embedding")(7, 4, mask_zero=True), layer, lambda: L("GRU")(UNITS)),
            tokens("middle"),
        )
    for name in ("Flatten", "GlobalAveragePooling1D", "GlobalMaxPooling1D"):
        yield Case.once(
            f"to_{name}",
            stack(system, (TIME,), lambda: L("Embedding")(7, 4, mask_zero=True), lambda n=name: L(n)()),
            tokens("middle"),
        )


def passed(system: System) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Layers that give a sequence for a sequence of as many steps."""
    L = system.layer
    arguments: dict[str, tuple[Any, ...]] = {
        "Dense": (3,), "Activation": ("tanh",), "Dropout": (0.5,), "SpatialDropout1D": (0.5,), "GaussianNoise": (0.1,),
        "GaussianDropout": (0.1,), "AlphaDropout": (0.1,), "BatchNormalization": (), "LayerNormalization": (),
        "UnitNormalization": (), "LeakyReLU": (), "ELU": (), "ReLU": (), "PReLU": (), "Softmax": (),
        "ActivityRegularization": (), "Reshape": ((TIME, 4),), "Masking": (), "Rescaling": (2.0,), "Identity": (),
        "MaxPooling1D": (1,), "AveragePooling1D": (1,), "UpSampling1D": (1,), "ZeroPadding1D": (0,), "Cropping1D": (0,),
    }  # fmt: skip
    for name, args in arguments.items():
        if system.has(name):
            yield name, lambda n=name, a=args: L(n)(*a)
    yield "Permute", lambda: system.keras.Sequential([L("Permute")((2, 1)), L("Permute")((2, 1))])
    yield "Conv1D", lambda: L("Conv1D")(3, 2, padding="causal")
    for kind in ("LSTM", "GRU", "SimpleRNN"):
        yield kind, lambda k=kind: L(k)(3, return_sequences=True)
        yield f"{kind}_backwards", lambda k=kind: L(k)(3, return_sequences=True, go_backwards=True)
    yield "Bidirectional", lambda: L("Bidirectional")(L("LSTM")(3, return_sequences=True))
    yield "TimeDistributed_Dense", lambda: L("TimeDistributed")(L("Dense")(3))
    yield "Sequential", lambda: system.keras.Sequential([L("Dense")(3), L("Dropout")(0.5)])
    yield "Sequential_Conv1D", lambda: system.keras.Sequential([L("Conv1D")(3, 1), L("Dense")(3)])


def sequences_of_sequences(system: System) -> Cases:
    """Masks that come to TimeDistributed, and masks that are made inside it."""
    L, K = system.layer, system.keras
    words = ids(BATCH, TIME, PARTS_OF_TIME, high=7) * word_mask().astype(np.int32)
    x = values(BATCH, TIME, PARTS_OF_TIME, 3) * word_mask()[..., None]

    def each(make: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: L("TimeDistributed")(make())

    makers = {
        "Masking": (L("Masking"), x),
        "Embedding": (lambda: L("Embedding")(7, 3, mask_zero=True), words),
        "TimeDistributed_Masking": (each(L("Masking")), x),
        "Sequential_Masking": (lambda: K.Sequential([L("Masking")()]), x),
        "Sequential_Embedding": (lambda: K.Sequential([L("Embedding")(7, 3, mask_zero=True)]), words),
    }
    users = {
        "LSTM": lambda: L("LSTM")(3),
        "LSTM_sequences_GRU": lambda: L("LSTM")(3, return_sequences=True),
        "Bidirectional": lambda: L("Bidirectional")(L("GRU")(3)),
        "Dense_LSTM": lambda: L("Dense")(3),
        "Sequential_LSTM": lambda: K.Sequential([L("Dense")(3), L("LSTM")(3)]),
        "GlobalAveragePooling1D": L("GlobalAveragePooling1D"),
        "Flatten": L("Flatten"),
    }
    shape: dict[int, tuple[int, ...]] = {3: (TIME, PARTS_OF_TIME), 4: (TIME, PARTS_OF_TIME, 3)}
    for (maker, (start, data)), inside, (user, use) in itertools.product(makers.items(), (False, True), users.items()):
        if maker == "TimeDistributed_Masking" and not inside:
            continue
        first = each(start) if inside else start
        last = [each(lambda: L("GRU")(3))] if user in ("LSTM_sequences_GRU", "Dense_LSTM") else []
        yield Case.once(
            f"{'each_' if inside else ''}{maker}_each_{user}",
            stack(system, shape[data.ndim], first, each(use), *last, lambda: L("GRU")(2)),
            data,
        )
    sentence = {
        "Masking_LSTM": [L("Masking"), lambda: L("LSTM")(3)],
        "Masking_all": [L("Masking"), lambda: L("LSTM")(3, return_sequences=True)],
    }
    for name, layers in sentence.items():
        inner = lambda these=layers: K.Sequential([K.Input((PARTS_OF_TIME, 3)), *(make() for make in these)])  # noqa: E731
        last = [each(lambda: L("GRU")(3))] if name.endswith("all") else []
        yield Case.once(f"each_model_{name}", stack(system, shape[4], each(inner), *last, lambda: L("GRU")(2)), x)
    sequence = values(BATCH, TIME, FEATURES) * mask("middle")[..., None]
    for name, use in {"Dense": lambda: L("Dense")(3), "RepeatVector": lambda: L("RepeatVector")(2)}.items():
        last = [each(L("Flatten"))] if name == "RepeatVector" else []
        yield Case.once(
            f"Masking_each_{name}",
            stack(system, (TIME, FEATURES), L("Masking"), each(use), *last, lambda: L("GRU")(2)),
            sequence,
        )
    for name, shaped in {"whole": word_mask(), "steps": word_mask().any(-1)}.items():
        yield Case.once(f"each_LSTM_given_{name}", each(lambda: L("LSTM")(3)), x, mask=shaped)
        yield Case.once(f"each_Dense_given_{name}", each(lambda: L("Dense")(3)), x, mask=shaped)


def word_mask() -> Any:
    """(B, T, T'): sentences of unequal lengths, documents of unequal numbers of sentences."""
    lengths = np.array([[4, 2, 1, 3, 0], [2, 3, 0, 0, 0], [1, 4, 4, 0, 2]])
    return np.arange(PARTS_OF_TIME) < lengths[..., None]
