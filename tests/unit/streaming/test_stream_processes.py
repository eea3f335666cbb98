"""Streams in processes of their own: after a fork, on each instruction set, at exit, in the example."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FORK = """
import os, sys, threading
import numpy as np, gatewise as gw
from gatewise import layers
model = gw.Sequential([gw.Input((None, 8)), layers.LSTM({units}, activation={activation!r})])
stream, pool = model.stream(64), model.stream_pool(5000)
pool.add(range(5000))
x, rows = np.ones((64, 8), "float32"), np.ones((5000, 8), "float32")
stop = False
def work():
    while not stop:
        stream.push(x)
        pool.push(np.arange(5000), rows)
        pool.ids()
thread = threading.Thread(target=work)
thread.start()
for _ in range({forks}):
    child = os.fork()
    if child == 0:
        h = pool.state(np.arange(5000))
        (part,) = h.values()
        # All streams took the same steps, so a push that was cut in two would show.
        same = all((a == a[:1]).all() for a in part.values())
        stream.push(x)
        pool.push([1, 2], rows[:2])
        os._exit(0 if same else 3)
    status = os.waitpid(child, 0)[1]
    assert os.waitstatus_to_exitcode(status) == 0, status
stop = True
thread.join()
"""


@pytest.mark.parametrize(("units", "activation", "forks"), [(64, "tanh", 30), (4, "silu", 5)])
def test_a_fork_sees_whole_steps(units: int, activation: str, forks: int) -> None:
    code = FORK.format(units=units, activation=activation, forks=forks)
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=600)


ISA = """
import sys, numpy as np, gatewise as gw
from gatewise import layers
from gatewise.engine import _native
rng = np.random.default_rng(0)
model = gw.Sequential([gw.Input((None, 5)), layers.Conv1D(21, 3, padding="causal", activation="tanh"),
                       layers.LSTM(19, return_sequences=True), layers.Dense(37, activation="sigmoid"), layers.GRU(3)])
model.set_weights([rng.normal(0, .4, w.shape) for w in model.weights])
assert _native.isa() == sys.argv[1]
stream = model.stream(7)
assert stream.native
x = rng.normal(size=(7, 11, 5)).astype("float32")
one = np.stack([stream.push(x[:, t]) for t in range(11)], 1)
assert (model.stream(7).push_many(x) == one).all()
np.testing.assert_allclose(one[:, -1], model.predict(x), atol=1e-6)
pool = model.stream_pool(7)
pool.add(range(7))
assert all((pool.push(range(7), x[:, t]) == one[:, t]).all() for t in range(11))
"""


def test_every_instruction_set() -> None:
    from gatewise.engine import _native

    for name in _native.isas():
        subprocess.run(
            [sys.executable, "-c", ISA, name], check=True, timeout=600, env={**os.environ, "GATEWISE_ISA": name}
        )


def test_nothing_is_left_over_at_exit() -> None:
    code = (
        "import numpy as np, gatewise as gw\n"
        "m = gw.Sequential([gw.Input((None, 5)), gw.layers.LSTM(3)])\n"
        "s = m.stream(); s.push(np.ones(5)); p = m.stream_pool(3); p.add(1); p.push(1, np.ones(5))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=600)
    assert done.stderr == ""


def test_the_example() -> None:
    program = Path(__file__).parents[3] / "examples" / "stream.py"
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=True, timeout=600)
    *lines, refusal = done.stdout.splitlines()
    assert lines == [
        "steps 50 equal to predict True",
        "saved bytes 348 the same bits True",
        "the state {'h': (1, 32), 'c': (1, 32)}",
        "live 1000 of 1000 the last score True",
        "restored 1000 bytes a stream 265",
    ]
    assert "cannot stream: Bidirectional 'both_ways' reads the sequence backwards" in refusal
    assert done.stderr == ""
