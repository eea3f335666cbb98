"""The programs in `examples/`, as they are and as programs for TensorFlow that `gatewise run` runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gatewise

EXAMPLES = Path(__file__).parents[2] / "examples"

# NumPy prints the shortest decimal that is nearer to the float32 number than to its neighbours, of 8 digits at most. So a
# print is off by half the spacing of float32 below 1, 2**-25, and half the 8th digit; two prints, in two formats, by twice.
AS_PRINTED = 2 * (2**-25 + 0.5e-8)

# How each program is started, and what it prints as tf.__version__.
WAYS = {
    "python": ([], gatewise.__version__),
    "run": (["-m", "gatewise", "run"], "2.21.0"),
    "run --tf 1.14": (["-m", "gatewise", "run", "--tf", "1.14"], "1.14.0"),
    "run --tf 2.15.1": (["-m", "gatewise", "run", "--tf", "2.15.1"], "2.15.1"),
}


def output_of(name, way, folder):
    """What the example prints; for all ways but plain Python, its one import says TensorFlow."""
    source = (EXAMPLES / name).read_text()
    assert source.count("import gatewise as tf\n") == 1
    assert source.count("gatewise") == 1
    arguments, _ = WAYS[way]
    if arguments:
        program = folder / name
        program.write_text(source.replace("import gatewise as tf\n", "import tensorflow as tf\n"))
    else:
        program = EXAMPLES / name
    done = subprocess.run(
        [sys.executable, *arguments, str(program)], capture_output=True, text=True, timeout=600, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def printed(text):
    """Pairs of a label and the arrays printed under it, whose shapes stand in the label's line."""
    found = []
    for label, block in re.findall(r"^([a-z][^(\n]*(?:\(.*\).*)?)\n((?:[\[ ].*\n)*)", text, re.MULTILINE):
        shapes = [tuple(int(size) for size in shape.split(", ")) for shape in re.findall(r"\(([\d, ]+)\)", label)]
        numbers = [float(number) for number in re.findall(r"-?\d+\.\d*(?:e[-+]\d+)?", block)]
        arrays = []
        for shape in shapes if block else []:
            size = int(np.prod(shape))
            arrays.append(np.array(numbers[:size]).reshape(shape))
            del numbers[:size]
        assert not numbers
        found.append((re.sub(r" \(.*", "", label), arrays))
    return found


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["lstm.py", "gru.py"])
def test_outputs_in_all_combinations(name, way, tmp_path):
    (version, _), *blocks = printed(output_of(name, way, tmp_path))
    assert version == f"version {WAYS[way][1]}"
    last_c = ", last c" if name == "lstm.py" else ""
    labels = ["last h", f"all h, last h{last_c}", f"output, last h{last_c}", "all h", "last h"]
    assert [label for label, _ in blocks] == labels
    states = 2 if last_c else 1
    assert [[array.shape for array in arrays] for _, arrays in blocks] == [
        [(1, 6)],
        [(1, 5, 6), *[(1, 6)] * states],
        [(1, 6), *[(1, 6)] * states],
        [(1, 5, 6)],
        [(1, 6)],
    ]
    sequence, last, *cell = blocks[1][1]
    np.testing.assert_allclose(sequence[:, -1], last, rtol=0, atol=AS_PRINTED)
    output, last, *_ = blocks[2][1]
    np.testing.assert_allclose(output, last, rtol=0, atol=AS_PRINTED)
    for _, arrays in blocks:
        for array in arrays:
            assert np.all(np.isfinite(array))
            assert np.std(array) > 0
    for array in cell:
        assert np.any(np.abs(array - sequence[:, -1]) > 1e-3)


@pytest.mark.parametrize("way", WAYS)
def test_every_argument_written_out(way, tmp_path):
    text = output_of("lstm_arguments.py", way, tmp_path)
    summary, output = text.split("input (1, 10, 2) float64\n")
    # 4 gates of 3 units, each with 2 inputs, 3 states and a bias.
    assert re.search(r"lstm \(LSTM\).*\(None, 10, 3\).* 72 ", summary)
    assert "72 (288 B)" in summary
    ((label, (found,)),) = printed(output)
    assert (label, found.shape) == ("output", (1, 10, 3))
    assert "float32" in output.splitlines()[0]
    assert np.all(np.abs(found) < 1)
    assert np.std(found) > 0
