"""TensorFlow 1's cells, and what runs them over time, against what the real `tf.compat.v1` computed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gatewise.compat import v1

DATA = json.loads((Path(__file__).parent / "tf1_rnn.json").read_text())


@pytest.mark.parametrize("name", DATA["programs"])
def test_a_program_computes_what_it_computes_in_tensorflow(name: str) -> None:
    space: dict[str, Any] = {"tf": v1, "np": np}
    exec(DATA["before"], space)
    same(eval(DATA["programs"][name]["line"], space), DATA["programs"][name]["found"])


def same(found: Any, wanted: Any) -> None:
    """The same structure; numbers to what five steps of float32 leave."""
    if isinstance(found, (list, tuple)):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            same(one, other)
    else:
        np.testing.assert_allclose(np.asarray(found), wanted, rtol=0, atol=1e-6)
        assert np.shape(found) == np.shape(wanted)
