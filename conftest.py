"""The snippets of README.md and docs/ run as tests, each file in order, in a folder of its own with an old model.

They build on each other: with several processes, one has to run a whole file (`--dist loadfile`, as `make test` says).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

ROOT = Path(__file__).parent

# How long an example takes depends on what else the machine does: no test fails for it.
hypothesis.settings.register_profile("gatewise", deadline=None)
hypothesis.settings.load_profile("gatewise")

os.environ["MPLBACKEND"] = "Agg"  # Pictures are drawn, not shown.


def start(namespace: dict[str, Any]) -> None:
    """What a reader of the snippets has at hand: `classifier_2017.h5`, and an input `x` for it."""
    folder = tempfile.TemporaryDirectory()
    shutil.copy(ROOT / "tests" / "golden" / "files" / "keras_2.0_built.h5", Path(folder.name) / "classifier_2017.h5")
    namespace["folder"] = folder
    os.chdir(folder.name)
    namespace["x"] = np.zeros((2, 5), "int32")


def end(namespace: dict[str, Any]) -> None:
    """Back to where the tests run. Only the folder that `start` made is removed."""
    os.chdir(ROOT)
    namespace["folder"].cleanup()


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), SkipParser()],
    patterns=["README.md", "docs/*.md"],
    setup=start,
    teardown=end,
).pytest()
