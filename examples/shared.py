"""What the examples that train share: arguments, a bar of progress, pictures, and what the real Keras reached."""

import argparse
import atexit
import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.progress import track

DATA = Path(__file__).resolve().parent / "data"
PICTURES = Path(__file__).resolve().parents[1] / "build" / "demo"


def arguments(about, **more):
    """What the program was started with: `pictures`, a folder, and `quick`; `more` are flags with numbers."""
    parser = argparse.ArgumentParser(description=about)
    for name, (value, words) in more.items():
        parser.add_argument(f"--{name}", type=int, default=value, help=words)
    parser.add_argument("pictures", nargs="?", type=Path, default=PICTURES, help="the folder for the picture")
    parser.add_argument("--quick", action="store_true", help="train for a moment only, to see that all works")
    return parser.parse_args()


def compile_once():
    """Let what JAX compiles for one model serve the next of the same shape. It must come before the first `fit`."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", folder.name)
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")


def is_terminal():
    """Whether somebody watches; a log gets the results alone."""
    return Console().is_terminal


def progress(rounds: Iterable, words: str):
    """The rounds one by one, with a bar on a terminal that goes when they are done."""
    return track(rounds, words, transient=True, disable=not is_terminal())


def figure(width, height):
    """An empty figure of so many inches; None without matplotlib, having said so."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        print("No picture: it needs matplotlib. pip install 'gatewise[plot]'")
        return None
    return Figure(figsize=(width, height), layout="constrained")


def save(drawn, folder, name):
    """Save a figure as `name` in the folder, and say where."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn.savefig(folder / name, dpi=110)
    print(f"Picture: {folder / name}")


def plain(axes):
    """Take away the lines that say nothing."""
    axes.spines[["top", "right"]].set_visible(False)


def keras_reached(example):
    """What Keras reached with the same model, budget and data (`tools/examples/with_keras.py`)."""
    return json.loads((DATA / "keras.json").read_text())[example]
