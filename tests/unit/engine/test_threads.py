"""How many threads the engine takes, who may say so, and what they do when there is nothing to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import threadpoolctl

import gatewise as gw
from gatewise.engine import _native, limits

VARIABLES = ("GATEWISE_NUM_THREADS", "OMP_NUM_THREADS")


def run(code: str, *arguments: str, **environment: str) -> Any:
    """What a fresh interpreter prints last, as JSON. Of the variables for threads it has those given only."""
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(autouse=True)
def restore_threads() -> Iterator[None]:
    yield
    gw.config.threads = 0


# --- what says how many


AUTOMATIC = "import gatewise, json; print(json.dumps(gatewise.config.threads))"


def test_variables_of_the_environment() -> None:
    usable = run(AUTOMATIC)
    assert 1 <= usable <= len(os.sched_getaffinity(0))
    assert run(AUTOMATIC, OMP_NUM_THREADS="1") == 1
    assert run(AUTOMATIC, OMP_NUM_THREADS="1,4") == 1
    assert run(AUTOMATIC, OMP_NUM_THREADS="1000") == usable, "OMP_NUM_THREADS only lowers the number"
    assert run(AUTOMATIC, GATEWISE_NUM_THREADS="7", OMP_NUM_THREADS="1") == 7
    for nothing in ("", "0", "-3", "many", "2x"):
        assert run(AUTOMATIC, GATEWISE_NUM_THREADS=nothing) == usable
        assert run(AUTOMATIC, GATEWISE_NUM_THREADS=nothing, OMP_NUM_THREADS="1") == 1


# --- threadpoolctl


def test_threadpoolctl_lists_the_engine() -> None:
    gw.config.threads = 3
    (found,) = [each for each in threadpoolctl.threadpool_info() if each["internal_api"] == "gatewise"]
    assert found["user_api"] == "gatewise"
    assert found["num_threads"] == 3
    assert found["version"] == gw.__version__
    assert found["filepath"] == os.path.realpath(_native.__file__)


def test_a_limit_of_threadpoolctl_holds_until_it_is_left() -> None:
    gw.config.threads = 5
    with threadpoolctl.threadpool_limits(2):
        assert gw.config.threads == 2
        with threadpoolctl.threadpool_limits({"gatewise": 1}):
            assert gw.config.threads == 1
        assert gw.config.threads == 2
        with threadpoolctl.threadpool_limits(1, user_api="openmp"):
            assert gw.config.threads == 2
        with threadpoolctl.threadpool_limits(64):
            assert gw.config.threads == 5, "a limit never raises the number"
    assert gw.config.threads == 5
    other = threading.Thread(target=setattr, args=(gw.config, "threads", 6))
    other.start()
    other.join()
    assert gw.config.threads == 6, "what was limited once is free again"


def test_the_setting_lifts_a_limit() -> None:
    threadpoolctl.threadpool_limits(1)
    gw.config.threads = 4
    assert gw.config.threads == 4


def test_a_limit_binds_the_thread_that_sets_it() -> None:
    """Two threads whose limits overlap: none sees the other's, and none is left behind."""
    gw.config.threads = 4
    entered, checked = threading.Barrier(2, timeout=600), threading.Barrier(2, timeout=600)
    seen: dict[str, list[int]] = {}

    def first() -> None:
        with threadpoolctl.threadpool_limits(1):
            entered.wait()
            seen["first"] = [gw.config.threads]
            checked.wait()
        seen["first"].append(gw.config.threads)

    def second() -> None:
        entered.wait()
        seen["second"] = [gw.config.threads]
        with threadpoolctl.threadpool_limits(2):
            seen["second"].append(gw.config.threads)
            checked.wait()
        seen["second"].append(gw.config.threads)

    threads = [threading.Thread(target=each) for each in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"first": [1, 4], "second": [4, 2, 4]}
    assert gw.config.threads == 4


# A model worth several threads, one that is not, and how many threads the process has.
MODELS = """
import json, os, signal, sys, threading, time
import numpy as np, psutil
import gatewise as gw
process = psutil.Process()
count = process.num_threads
large = gw.Sequential([gw.Input((None, 64)), gw.layers.LSTM(256, recurrent_initializer="glorot_uniform")])
small = gw.Sequential([gw.Input((None, 8)), gw.layers.LSTM(32)])
x, x_small = np.ones((4, 30, 64), "float32"), np.ones((1, 1, 8), "float32")
def answer(*found): print(json.dumps(found))
def idle_seconds():
    time.sleep(0.1)
    before = process.cpu_times()
    time.sleep(0.5)
    after = process.cpu_times()
    return after.user + after.system - before.user - before.system
"""

LIMITED = """
if sys.argv[1] == "before": import threadpoolctl
small.predict(x_small)
absent = "threadpoolctl" not in sys.modules
import importlib.util, inspect
importlib.util.find_spec("threadpoolctl")
import threadpoolctl
assert inspect.getsource(threadpoolctl.register)
before = count()
with threadpoolctl.threadpool_limits(1):
    large.predict(x)
    limited = count() - before
large.predict(x)
watching = [each for each in sys.meta_path if type(each).__module__ == "gatewise.engine.limits"]
answer(absent, limited, count() - before, len(watching))
"""


@pytest.mark.parametrize("imported", ["before", "after"])
def test_threadpoolctl_may_be_imported_before_or_after_the_engine(imported: str) -> None:
    absent, limited, free, watching = run(MODELS + LIMITED, imported, GATEWISE_NUM_THREADS="3")
    assert absent == (imported == "after"), "the engine itself imports no threadpoolctl"
    assert limited == 0
    assert free == 2
    assert watching == 0


def test_a_threadpoolctl_that_takes_no_controllers_is_left_alone() -> None:
    limits.register(type(sys)("threadpoolctl"))


def test_a_missing_threadpoolctl_is_missing() -> None:
    code = """
import sys, json
sys.path = [place for place in sys.path if "site-packages" not in place]
import gatewise.engine.limits
try:
    import threadpoolctl
except ModuleNotFoundError as error:
    print(json.dumps(error.name))
"""
    assert run("import gatewise.engine\n" + code) == "threadpoolctl"


# --- how many threads there are, and what they do


def test_a_small_call_starts_no_thread_and_a_large_one_as_many_as_it_may() -> None:
    code = """
before = count()
for _ in range(50): small.predict(x_small)
after_small = count() - before
for _ in range(3): large.predict(x)
answer(after_small, count() - before)
"""
    assert run(MODELS + code, GATEWISE_NUM_THREADS="3") == [0, 2]
    assert run(MODELS + code, GATEWISE_NUM_THREADS="1") == [0, 0]


def test_many_callers_at_once_add_no_engine_threads() -> None:
    code = """
CALLERS = 64
wanted = large.predict(x)
before = count()  # with the engine's two
start, wrong, most = threading.Barrier(CALLERS + 1), [], 0
def call():
    start.wait()
    for _ in range(5):
        if not np.array_equal(large.predict(x), wanted): wrong.append(1)
callers = [threading.Thread(target=call) for _ in range(CALLERS)]
for each in callers: each.start()
all_there = count() - before
start.wait()
while any(each.is_alive() for each in callers):
    most = max(most, count() - before)
    time.sleep(0.001)
for _ in range(1000):  # a thread of Python's is not alive a moment before the system has ended it
    if count() > before: time.sleep(0.01)
answer(all_there, most, len(wrong), count() - before, idle_seconds())
"""
    all_there, most, wrong, left, used = run(MODELS + code, GATEWISE_NUM_THREADS="3")
    assert all_there == 64
    assert most <= 64
    assert wrong == 0
    assert left == 0
    assert used < 0.1


# Idle threads that spun would use 1 s of processor time in half a second, on two processors; sleeping ones use none, and
# the clock of processor time counts in 0.01 s.
def test_idle_threads_sleep() -> None:
    code = """
for _ in range(3): large.predict(x)
answer(idle_seconds())
"""
    (used,) = run(MODELS + code, GATEWISE_NUM_THREADS="3")
    assert used < 0.1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_has_threads_of_its_own_when_it_needs_them() -> None:
    code = """
wanted = large.predict(x)
read, write = os.pipe()
if os.fork() == 0:
    signal.alarm(60)  # a child that hangs ends
    process = psutil.Process()
    count = process.num_threads
    before = count()
    small.predict(x_small)
    after_small = count() - before
    same = np.array_equal(large.predict(x), wanted)
    found = [after_small, same, count() - before, idle_seconds()]
    os.write(write, json.dumps(found).encode())
    os._exit(0)
os.close(write)
found = json.loads(os.read(read, 1000))
os.wait()
answer(*found, np.array_equal(large.predict(x), wanted))
"""
    after_small, same, after_large, used, still_same = run(MODELS + code, GATEWISE_NUM_THREADS="3")
    assert after_small == 0
    assert same
    assert after_large == 2
    assert used < 0.1
    assert still_same
