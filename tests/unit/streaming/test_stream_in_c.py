"""What streams natively is exported to C and says there what the stream says; what does not is refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from c_programs import SANITIZERS, CModel, as_c, self_test
from stream_models import BY_LAYERS, NATIVE, B, T, leaves

# Sums of at most some forty products of about 1, each rounded by 2**-24 of a sum of a few units and in another order
# than the engine's: square root of 40 times 2**-24 times 3 is 1e-6; what has no bound, relative to its size.
EXACT = {"atol": 2e-6, "rtol": 2e-6}


@pytest.mark.parametrize("name", NATIVE)
def test_c_gives_what_the_stream_gives(name: str, tmp_path: Path) -> None:
    make, given = NATIVE[name]
    model = make()
    program = CModel(model, tmp_path)
    stream = model.stream(B)
    timed = [x.ndim > 2 or x.dtype.kind == "i" for x in leaves(given)]
    if name == "no time":
        given = given[:, 0]
        timed = [False]
    steps = T if any(timed) else 1
    wanted = leaves(stream.push_many(given))
    for b in range(B):
        program.reset()
        inputs = [as_c(x[b]) for x in leaves(given)]
        whole = program.run(inputs, steps)
        for mine, theirs in zip(whole, wanted, strict=True):
            np.testing.assert_allclose(mine, theirs[b].reshape(mine.shape), **EXACT)
        program.reset()
        by_step = [
            program.step([x[t : t + 1] if own else x for x, own in zip(inputs, timed, strict=True)])
            for t in range(steps)
        ]
        for mine, parts in zip(whole, zip(*by_step, strict=True), strict=True):
            np.testing.assert_array_equal(mine, np.stack(parts))


@pytest.mark.parametrize("weights", ["float32", "int8"])
@pytest.mark.parametrize("name", NATIVE)
def test_the_self_test_is_right_under_sanitizers(name: str, weights: str, tmp_path: Path) -> None:
    NATIVE[name][0]().export(tmp_path / "model.c", weights=weights, show=False)
    assert self_test(tmp_path / "model.c", *SANITIZERS).startswith("model: right, largest difference ")


@pytest.mark.parametrize("name", BY_LAYERS)
def test_what_streams_by_the_layers_own_code_is_refused_by_name(name: str, tmp_path: Path) -> None:
    model = BY_LAYERS[name][0]()
    with pytest.raises(
        ValueError, match=r"cannot be exported to C(, which has no operation for this: \w+ '|: it computes in float64)"
    ):
        model.export(tmp_path / "model.c", show=False)
    assert not list(tmp_path.iterdir())
