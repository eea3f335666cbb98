"""`fits.json`: the histories that Keras 3 and tf_keras give for the cases of `tests/golden/fit_cases.py`."""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import tf_keras
from make_optimizers import numbers, write

GOLDEN = Path(__file__).parents[2] / "tests" / "golden"


def make(out: Path) -> None:
    sys.path.append(str(GOLDEN))
    from fit_cases import CASES, history

    fits = []
    for system, library in (("keras3", keras), ("tf2", tf_keras)):
        for name in CASES:
            library.backend.clear_session()
            found = history(library, name)
            fits.append({"generation": system, "case": name, **{k: numbers(v) for k, v in found.items()}})
    write(out / "fits.json", fits)
    print(len(fits), "fits")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else GOLDEN)
