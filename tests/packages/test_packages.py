"""Published packages run their main function unchanged, without TensorFlow: `make packages` (network, minutes).

Each is installed without its dependencies, beside those that it needs and that install on this Python; no TensorFlow
and no Keras is among them. What chars2vec should print, and the first number of mhcnuggets, come from tf_keras with the
package's own code, its LSTMs with the gates of Keras 2.2 where the weights are of that time; the other texts are what
Gatewise said, kept so that a change is seen.

Not here: rnnmorph 0.4.1 needs a NumPy that has `np.int`, and pymorphy2 a Python that has `inspect.getargspec`; both are
older than what Gatewise runs on.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
HOME = Path(os.environ.get("GATEWISE_PACKAGES") or ROOT / "build" / "packages")


class Package(NamedTuple):
    """A package, what it needs beside itself, and a program that calls it."""

    name: str
    beside: tuple[str, ...]
    program: str
    output: str
    options: tuple[str, ...] = ()


PACKAGES = (
    Package(
        "chars2vec==0.1.7",
        (),
        """
        import chars2vec
        vectors = chars2vec.load_model("eng_50").vectorize_words(["Natural", "Language", "Understanding"])
        print(vectors[:, :3].tolist())
        """,
        "[[0.299724, -0.418046, -0.583709], [0.273989, -0.083577, -0.600910], [-0.687062, -0.744734, -0.988486]]",
        ("--tf", "1.14"),
    ),
    Package(
        "russtress==0.1.4",
        (),
        """
        from russtress import Accent
        print(Accent().put_stress("Проставь, пожалуйста, ударения в этом тексте"))
        """,
        "Проста'вь, пожа'луйста, ударе'ния в э'том те'ксте",
    ),
    Package(
        "mhcnuggets==2.4.1",
        ("pandas", "scipy", "scikit-learn"),
        """
        from mhcnuggets.src.predict import predict
        with open("peptides.txt", "w") as file:
            print("AAAAAKAAA", "LLFGYPVYV", "GILGFVFTL", "SIINFEKL", sep="\\n", file=file)
        predict(class_="I", peptides_path="peptides.txt", mhc="HLA-A02:01", output="found.csv")
        print(" ".join(open("found.csv").read().split()))
        """,
        "peptide,ic50 AAAAAKAAA,5562.49 LLFGYPVYV,514.92 GILGFVFTL,559.35 SIINFEKL,5621.16",
        ("--tf", "1.14"),
    ),
)

NUMBER = re.compile(r"-?\d+\.\d+")


@pytest.fixture(params=PACKAGES, ids=lambda package: package.name)
def package(request: pytest.FixtureRequest) -> Package:
    return request.param


def installed(package: Package) -> Path:
    """The folder with the package and what it needs, made once; it appears only when all are there."""
    folder = HOME / package.name
    if not folder.exists():
        partial = folder.with_suffix(".partial")
        command = [sys.executable, "-m", "pip", "install", "-q", "--target", str(partial)]
        subprocess.run([*command, "--no-deps", package.name], check=True)
        if package.beside:
            subprocess.run([*command, *package.beside], check=True)
        partial.rename(folder)
    return folder


def test_a_package_says_what_it_said(package: Package, tmp_path: Path) -> None:
    folder = installed(package)
    assert not any((folder / name).exists() for name in ("tensorflow", "keras", "tf_keras"))
    lines = package.program.strip().splitlines()
    (tmp_path / "program.py").write_text("\n".join(line.removeprefix("        ") for line in lines))
    paths = os.pathsep.join([str(ROOT / "src"), str(folder)])
    done = subprocess.run(
        [sys.executable, "-m", "gatewise", "run", *package.options, "program.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = done.stdout.splitlines()[-1]
    assert NUMBER.sub("#", found) == NUMBER.sub("#", package.output)
    numbers = [np.array([float(number) for number in NUMBER.findall(text)]) for text in (found, package.output)]
    np.testing.assert_allclose(*numbers, rtol=1e-4, atol=1e-5)  # The second decimal of mhcnuggets' rounded figures.
