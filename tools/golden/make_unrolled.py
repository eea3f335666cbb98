"""`unrolled.json`: tf_keras's Bidirectional over a mask, unrolled, in each order of time."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
from recurrent_cases import mask
from systems import SYSTEMS, System

KINDS = ("SimpleRNN", "LSTM")


def make(out: Path) -> None:
    (system,) = [each for each in SYSTEMS if each.name == "tf_keras"]
    cases = list(map(json.dumps, _cases(system)))
    (out / "unrolled.json").write_text("\n".join(["[", ",\n".join(cases), "]", ""]))
    print(len(cases), "cases")


def _cases(system: System) -> list[dict[str, Any]]:
    x = np.cos(np.arange(30) * 0.9).reshape(3, 5, 2).astype("float32")
    found = []
    for which, back, sequences, kind in itertools.product(("left", "middle"), (False, True), (False, True), KINDS):
        options = {"unroll": True, "go_backwards": back, "return_sequences": sequences}
        layer = system.layer("Bidirectional")(system.layer(kind)(1, **options))
        layer(x)
        layer.set_weights([_weight(w.shape, place) for place, w in enumerate(layer.get_weights())])
        outputs = np.round(np.asarray(layer(x, mask=mask(which))), 6).tolist()
        case = {"source": system.name, "kind": kind, "mask": mask(which).astype(int).tolist(), "options": options}
        found.append({**case, "outputs": outputs})
    return found


def _weight(shape: tuple[int, ...], place: int) -> Any:
    """Fixed numbers; the test makes the same."""
    return (np.sin(np.arange(int(np.prod(shape))) * 0.7 + 1.3 * place) * 0.6).reshape(shape)
