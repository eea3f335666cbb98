"""Published packages run their main function unchanged, without TensorFlow: `make packages` (network, minutes).

Each is installed without its dependencies, beside those that it needs and that install on this Python; no TensorFlow
and no Keras is among them. What they should print comes from tf_keras 2.21 with the package's own code: all of it but
russtress's text and mhcnuggets' numbers after the first, which are what Gatewise said, kept so that a change is seen.
The LSTMs of chars2vec and mhcnuggets have the gates of Keras 2.2 there, whose weights are of that time.

medaka and rnnmorph are older than this Python and NumPy 2: `gatewise run --tf 2.2` gives back what NumPy has taken away
(`np.string_`, `np.int`), and the programs here give back what Python has (`collections.Iterator`, `inspect.getargspec`,
which pymorphy2 asks for). The packages themselves are as they were published.
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
    of_python: str = ""
    """The version of Python that the package's wheels are for, where they are for none of today's."""


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
    Package(
        "phonet==0.3.7",
        ("pandas", "scipy", "matplotlib", "python_speech_features", "tqdm", "scikit-learn"),
        """
        import os
        import matplotlib
        import numpy as np
        import phonet
        matplotlib.use("Agg")
        np.random.seed(0)
        audio = os.path.join(os.path.dirname(phonet.__file__), "audios", "pataka.wav")
        found = phonet.Phonet(["stop", "nasal"]).get_phon_wav(audio, "", False)
        print("".join(found.phoneme[40:60]), found.stop[40:60:5].tolist(), found.nasal[40:60:5].tolist())
        """,
        "xxxkkkkkkkkkaaaaaapp [0.16827250, 0.93517411, 0.96721441, 0.01137726] "
        "[0.28178638, 0.03116813, 0.01557022, 0.03723840]",
    ),
    Package(
        "seeker==1.0.3",
        ("setuptools<80",),
        """
        import random
        from seeker import SeekerFasta
        random.seed(1)
        bases = ["".join(random.choice("ACGT") for _ in range(2300)), "ATGC" * 500 + "A" * 300]
        with open("two.fa", "w") as file:
            print(">one", bases[0], ">two", bases[1], sep="\\n", file=file)
        for kind in ("python", "matlab", "prophage"):
            found = SeekerFasta("two.fa", LSTM_type=kind)
            said = " ".join(said.rpartition("\\t")[0] for said in found.phage_or_bacteria())
            print(said, *(f"{score:.5f}" for scores in found.scores.values() for score in scores), end="; ")
        """,
        "one\tPhage two\tBacteria 0.94217 0.75337 0.56580 0.21977 0.21977 0.05255; "
        "one\tPhage two\tBacteria 0.77441 0.65766 0.70465 0.04830 0.04830 0.11597; "
        "one\tPhage two\tBacteria 0.85963 0.78687 0.71670 0.02913 0.02913 0.02873; ",
    ),
    Package(
        "pose2sim==0.9.4",
        ("toml", "c3d", "opencv-python-headless", "matplotlib", "PyQt5", "scipy"),
        """
        import os
        import numpy as np
        from Pose2Sim.MarkerAugmenter import utils
        from Pose2Sim.markerAugmentation import augmentTRC
        names = {*utils.getOpenPoseMarkers_lowerExtremity2()[0], *utils.getMarkers_upperExtremity_noPelvis2()[0]}
        t = np.arange(30)[:, None] / 60
        rest = np.random.default_rng(0).uniform(0, 1.7, 3 * len(names))
        places = rest + 0.05 * np.sin(t * np.arange(3 * len(names)))
        os.mkdir("pose-3d")
        with open("pose-3d/walk.trc", "w") as file:
            utils.numpy2TRC(file, places, sorted(names), fc=60.0)
        person = {"project_dir": ".", "participant_height": 1.7, "participant_mass": 70.0}
        lowest = augmentTRC({"project": person, "markerAugmentation": {"make_c3d": False}})
        print(lowest, *open("pose-3d/walk_LSTM.trc").read().splitlines()[-1].split("\\t")[-9:])
        """,
        "0.12216506 1.1767913 0.8511838 1.0901961 1.1721064 0.6227422 1.4325733 1.1965480 0.6067246 1.4695791",
    ),
    Package(
        "medaka==1.1.3",
        (
            "pysam",
            "mappy",
            "biopython",
            "edlib",
            "intervaltree",
            "parasail",
            "requests",
            "ont-fast5-api",
            "pyspoa",
            "cffi",
            "h5py",
            "setuptools<80",
        ),
        """
        import collections.abc
        import random
        import sys
        import h5py
        import pysam
        collections.Iterator = collections.abc.Iterator
        from medaka.medaka import main
        random.seed(2)
        draft = "".join(random.choice("ACGT") for _ in range(600))
        header = {"HD": {"VN": "1.0", "SO": "coordinate"}, "SQ": [{"LN": 600, "SN": "draft"}]}
        with pysam.AlignmentFile("reads.bam", "wb", header=header) as file:
            for k in range(12):
                read = pysam.AlignedSegment(file.header)
                read.query_name, read.flag, read.reference_id, read.reference_start = f"read{k}", 16 * (k % 2), 0, 0
                read.query_sequence = "".join(random.choice("ACGT") if random.random() < 0.08 else c for c in draft)
                read.mapping_quality, read.cigarstring = 60, "600M"
                read.query_qualities = pysam.qualitystring_to_array("I" * 600)
                file.write(read)
        pysam.index("reads.bam")
        sys.argv = "medaka consensus reads.bam found.hdf --model r941_min_high_g360".split()
        sys.argv += "--chunk_len 200 --chunk_ovlp 50 --batch_size 2".split()
        main()
        found = []
        with h5py.File("found.hdf") as file:
            file.visititems(lambda name, item: found.append(item[:]) if name.endswith("label_probs") else None)
        least = sorted(found[1].max(axis=1).argsort()[:3])
        print(*least, *(part.shape for part in found), *(f"{chance:.5f}" for chance in found[1][least].ravel()))
        """,
        "93 137 138 (200, 5) (200, 5) (200, 5) (200, 5) 0.00063 0.00022 0.00021 0.01704 0.98190 "
        "0.00342 0.00221 0.02020 0.00024 0.97393 0.00038 0.95060 0.04760 0.00106 0.00036",
        ("--tf", "2.2"),
        "3.8",
    ),
    Package(
        "rnnmorph==0.4.1",
        (
            "pymorphy2",
            "pymorphy2-dicts-ru",
            "russian-tagsets==0.6",
            "jsonpickle",
            "nltk",
            "tqdm",
            "scikit-learn",
            "setuptools<80",
        ),
        """
        import inspect
        if not hasattr(inspect, "getargspec"):
            inspect.getargspec = lambda function: inspect.getfullargspec(function)[:4]
        from rnnmorph.predictor import RNNMorphPredictor
        found = RNNMorphPredictor(language="ru").predict(["Мама", "мыла", "раму", "на", "кухне"])
        print([f"{form.word} {form.pos} {form.tag} {form.score:.5f}" for form in found])
        """,
        "['Мама NOUN Case=Nom|Gender=Fem|Number=Sing 0.99970', "
        "'мыла VERB Gender=Fem|Mood=Ind|Number=Sing|Tense=Past|VerbForm=Fin|Voice=Act 0.97460', "
        "'раму NOUN Case=Acc|Gender=Fem|Number=Sing 0.54001', 'на ADP _ 1.00000', "
        "'кухне NOUN Case=Loc|Gender=Fem|Number=Sing 0.99830']",
        ("--tf", "2.2"),
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
        of_python = ["--python-version", package.of_python, "--only-binary=:all:"] if package.of_python else []
        subprocess.run([*command, *of_python, "--no-deps", package.name], check=True)
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
