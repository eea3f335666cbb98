"""What services ask of a pool: names, new streams in a push, outputs in place, idle streams, saves, NaN, weights."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pool_models import BY_LAYERS, MODEL, counter, everything, filled, small
from stream_models import randomised

import gatewise as gw
from gatewise import layers
from gatewise.streaming import StreamPool, UnknownStreamError

BOTH = pytest.mark.parametrize("model", [MODEL, BY_LAYERS], ids=["native", "layers"])
ONE = np.ones((1, 3), "float32")


def rows(*values: float) -> Any:
    return np.array(values, "float32")[:, None]


# -- ids --------------------------------------------------------------------------------------------------------------


def test_numbers_text_and_bytes_are_three_streams() -> None:
    pool = counter().stream_pool()
    pool.add([7, "7", b"7"])
    assert pool.push([7, "7", b"7", "7"], rows(1, 2, 3, 4))[:, 0].tolist() == [1, 2, 3, 6]
    assert pool.push("7", rows(1)[0]).tolist() == [7]
    assert pool.push(["7"], rows(1)).tolist() == [[8]]
    assert pool.ids() == [7, "7", b"7"]
    pool.drop(["7", b"7"])
    assert pool.ids().tolist() == [7]  # type: ignore[union-attr]
    assert "7" not in pool
    assert 7 in pool
    assert ["7"] not in pool


def test_arrays_of_names() -> None:
    pool = counter().stream_pool()
    pool.add(np.array(["a", "né"]))
    pool.add(np.array([b"a", b"\xff"]))
    pool.add(np.array(["b", 5, b"c"], dtype=object))
    assert pool.ids() == ["a", "né", b"a", b"\xff", "b", 5, b"c"]
    assert np.array(["a"])[0] in pool
    assert np.array([b"a"])[0] in pool
    assert pool.push(np.array(["né", "a"]), rows(1, 2)).tolist() == [[1], [2]]
    assert pool.push(np.array("né"), rows(1)[0]).tolist() == [2]


def test_errors_name_the_stream() -> None:
    pool = MODEL.stream_pool(2)
    pool.add("it's\n")
    with pytest.raises(ValueError, match=r"stream 'it\\'s\\x0a' is in the pool already"):
        pool.add(["it's\n"])
    with pytest.raises(UnknownStreamError, match=r"stream b'\\xff' \(at place 1\) is not in the pool"):
        pool.push(["it's\n", b"\xff"], np.ones((2, 3)))
    with pytest.raises(UnknownStreamError, match=r"stream 'é{30}\.\.\.' \(at place 0\)"):
        pool.reset("é" * 200)
    with pytest.raises(ValueError, match=r"new must be 'error' or 'add', got 'adds'\. Did you mean 'add'\?"):
        pool.push(7, ONE, new="adds")
    with pytest.raises(ValueError, match=r"when_full must be 'error' or 'drop_least_recent'"):
        MODEL.stream_pool(2, "drop")
    for seconds in (-1, float("nan"), "1", None):
        with pytest.raises(ValueError, match="seconds must be a number from 0 on"):
            pool.drop_idle(seconds)  # type: ignore[arg-type]
    for count in (-1, 1.0, True):
        with pytest.raises(ValueError, match="count must be an integer from 0 on"):
            pool.drop_least_recent(count)
    for mark in (-1, 1.0, True, 2**64):
        with pytest.raises(ValueError, match=r"changed_since must be what mark\(\) gave"):
            pool.save(changed_since=mark)  # type: ignore[arg-type]


# -- pushes -----------------------------------------------------------------------------------------------------------


@BOTH
def test_a_push_that_fails_adds_nothing(model: Any) -> None:
    pool = model.stream_pool(3)
    pool.add([1, "a"])
    before = pool.save()
    for ids, x in (([1, "b"], np.ones((2, 4))), ([1, "b", "c"], np.ones((3, 3))), (["b", 1.5], np.ones((2, 3)))):
        with pytest.raises((ValueError, TypeError)):
            pool.push(ids, x, new="add")
        assert pool.save() == before
    assert pool.push(["b", "b", "a"], np.ones((3, 3)), new="add").shape == (3, 2)
    assert pool.ids() == [1, "a", "b"]
    words = gw.Sequential([gw.Input((None,)), layers.Embedding(7, 2), layers.GRU(3)]).stream_pool()
    with pytest.raises(ValueError, match="ids must be from 0 to 6"):
        words.push(["new"], [9], new="add")
    assert len(words) == 0


@BOTH
def test_outputs_in_place(model: Any) -> None:
    pool, twin = filled(model), filled(model)
    ids, x = pool.ids()[:5], np.ones((5, 3), "float32")
    out = np.full((5, 2), np.nan, "float32")
    assert pool.push(ids, x, out=out) is out
    np.testing.assert_array_equal(out, twin.push(ids, x))
    one = np.empty(2, "float32")
    assert pool.push(ids[0], x[0], out=one) is one
    np.testing.assert_array_equal(one, twin.push(ids[0], x[0]))
    none = np.empty((0, 2), "float32")
    assert pool.push([], x[:0], out=none) is none
    before = pool.save()
    backing = np.empty((5, 5), "float32")
    for wrong, said in (
        (np.empty((5, 3), "float32"), r"must have the shape \(5, 2\) of float32, got \(5, 3\)"),
        (np.empty((5, 2)), "of float32, got .* of float64"),
        (np.empty((5, 2), ">f4"), "of float32, got .* of >f4"),
        (backing[:, :2], "must be writable and contiguous"),
        ([out], r"structure of the model's outputs, array, got \['array'\]"),
        (out.tolist(), "structure of the model's outputs"),
    ):
        with pytest.raises(ValueError, match=said):
            pool.push(ids, x, out=wrong)
    with pytest.raises(TypeError, match="must be a NumPy array, got str"):
        pool.push(ids, x, out="here")
    read_only = np.empty((5, 2), "float32")
    read_only.flags.writeable = False
    with pytest.raises(ValueError, match="must be writable"):
        pool.push(ids, x, out=read_only)
    shared = np.empty((5, 3), "float32")
    with pytest.raises(ValueError, match="shares memory with the inputs"):
        pool.push(ids, shared, out=shared.reshape(-1)[:10].reshape(5, 2))
    assert pool.save() == before


def test_several_outputs_in_place() -> None:
    x = gw.Input((None, 3), name="x")
    model = randomised(gw.Model(x, {"a": layers.GRU(4, name="g")(x), "b": [layers.Dense(1, name="d")(x)]}))
    pool, twin = model.stream_pool(), model.stream_pool()
    out = {"a": np.empty((2, 4), "float32"), "b": [np.empty((2, 1), "float32")]}
    assert pool.push(["p", 1], np.ones((2, 3)), new="add", out=out) is out
    np.testing.assert_equal(out, twin.push(["p", 1], np.ones((2, 3)), new="add"))
    with pytest.raises(ValueError, match="structure of the model's outputs"):
        pool.push(["p", 1], np.ones((2, 3)), out={"a": out["a"]})


# -- room -------------------------------------------------------------------------------------------------------------


def test_a_pool_grows_as_streams_come() -> None:
    pool = counter().stream_pool()
    assert pool.capacity is None
    assert "of" not in repr(pool).split(",")[1]
    ids = np.random.default_rng(0).permutation(30_000) * 7
    for some in np.array_split(ids, 40):
        pool.push(some, some[:, None], new="add")
        pool.push([f"n{each}" for each in some], some[:, None], new="add")
    sums = pool.push(ids, np.zeros((len(ids), 1)))
    np.testing.assert_array_equal(sums[:, 0], ids)
    named = pool.push([f"n{each}" for each in ids], np.zeros((len(ids), 1)))
    np.testing.assert_array_equal(named, sums)
    pool.capacity = 60_000
    with pytest.raises(
        ValueError, match=r"holds 60000 of at most 60000 streams, and 1 new ones came\. Nothing was added"
    ):
        pool.add("one more")
    with pytest.raises(ValueError, match=r"capacity cannot be 59999: the pool holds 60000 streams\. Drop some first"):
        pool.capacity = 59_999
    pool.capacity = 100_000
    pool.add("one more")
    for wrong in (0, -1, 1.5, True, 2**31):
        with pytest.raises(ValueError, match="capacity must be a positive integer"):
            pool.capacity = wrong  # type: ignore[assignment]


def test_a_full_pool_drops_what_was_not_used_for_longest() -> None:
    pool = counter().stream_pool(1000, when_full="drop_least_recent")
    assert pool.when_full == "drop_least_recent"
    pool.add(range(1000))
    for first in range(0, 5000, 7):  # Seven come, seven go; the first ten stay in use.
        pool.push([*range(10), *range(10_000 + first, 10_007 + first)], np.ones((17, 1)), new="add")
    assert set(pool.ids()) == {*range(10), *range(14_015, 15_005)}
    assert (pool.state(range(10))["sum"]["h"] == 715).all()
    with pytest.raises(ValueError, match=r"holds 1000 of at most 1000 streams, and 1 new ones came"):
        pool.push([-k for k in range(1, 1002)], np.ones((1001, 1)), new="add")
    assert set(pool.ids()) == {*range(10), *range(14_015, 15_005)}


def test_idle_streams() -> None:
    pool = counter().stream_pool()
    pool.add(["old", "older"])
    time.sleep(0.15)
    pool.add(3)
    assert pool.drop_idle(0.1) == ["old", "older"]
    assert pool.drop_idle(1000).tolist() == []  # type: ignore[union-attr]
    assert pool.ids().tolist() == [3]  # type: ignore[union-attr]


NO_MEMORY = """
import resource
import numpy as np, gatewise as gw
model = gw.Sequential([gw.Input((None, 3)), gw.layers.LSTM(64)])
pool = model.stream_pool()
pool.push(["a", 7], np.ones((2, 3)), new="add")
before = pool.save()
ids, x = np.arange(100, 200_100), np.zeros((200_000, 3), "float32")
many = model.stream_pool()
many.add(ids)
data = many.save()
used = int(open("/proc/self/statm").read().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (used + 2**25, used + 2**25))
failed = []
for work in (lambda: pool.add(ids), lambda: pool.push(ids, x, new="add"), lambda: pool.load(data),
             lambda: setattr(pool, "capacity", 10**8), many.copy, many.save):
    try:
        work()
        failed.append("no")
    except MemoryError:
        failed.append("yes")
print(*failed, pool.save() == before, pool.push(["a"], np.ones((1, 3))).shape, len(many))
"""


def test_without_memory_nothing_changes() -> None:
    done = subprocess.run([sys.executable, "-c", NO_MEMORY], capture_output=True, text=True, check=True, timeout=600)
    assert done.stdout == "yes yes yes yes yes yes True (1, 64) 200000\n"


# -- saves ------------------------------------------------------------------------------------------------------------


@BOTH
def test_streams_move_between_pools(model: Any) -> None:
    pool, other = model.stream_pool(), model.stream_pool(5)
    pool.push(["a", b"b", 3, 4], np.random.default_rng(0).normal(size=(4, 3)), new="add")
    other.push(["a", 9], np.ones((2, 3)), new="add")
    assert other.load(pool.save(["a", 4, "a"])) == ["a", 4]
    assert other.ids() == ["a", 9, 4]
    np.testing.assert_equal(other.state(["a", 4]), pool.state(["a", 4]))
    assert other.load(bytearray(pool.save([3]))).tolist() == [3]  # type: ignore[union-attr]
    before = other.save()
    pool.add(5)
    with pytest.raises(ValueError, match=r"holds 4 of at most 5 streams, and 2 new ones came\. Nothing was added"):
        other.load(pool.save([b"b", 5, 3]))
    with pytest.raises(UnknownStreamError, match=r"stream 'c' \(at place 1\)"):
        pool.save(["a", "c"])
    with pytest.raises(TypeError, match="expected bytes, got str"):
        other.load("text")  # type: ignore[arg-type]
    assert other.save() == before


def test_changes_since_a_mark(tmp_path: Path) -> None:
    pool = counter().stream_pool()
    pool.push(["a", "b", "c", 1], np.ones((4, 1)), new="add")
    base, mark = pool.save(), pool.mark()
    assert len(pool.save(changed_since=mark)) == 80 + 16 + 4
    pool.push("a", rows(1)[0])
    pool.drop(["b", 1])
    pool.add(1)
    pool.snapshot(tmp_path / "changes", changed_since=mark)
    changes = (tmp_path / "changes").read_bytes()
    assert changes == pool.save(changed_since=mark)
    other = counter().stream_pool()
    other.load(base)
    assert other.load(changes) == ["a", 1]
    assert sorted(map(str, other.ids())) == ["1", "a", "c"]
    np.testing.assert_array_equal(other.state(["a", "c", 1])["sum"]["h"][:, 0], [2, 1, 0])
    assert other.load(pool.save(["a", "c"], changed_since=mark)) == ["a"]
    with pytest.raises(ValueError, match=r"is the changes of a StreamPool \(changed_since\), not a saved StreamPool"):
        other.restore(tmp_path / "changes")
    for _ in range(64):
        pool.mark()
    with pytest.raises(
        ValueError, match=rf"changed_since={mark} is no mark of this pool, or one that it has forgotten"
    ):
        pool.save(changed_since=mark)
    with pytest.raises(ValueError, match="is no mark of this pool"):
        other.save(changed_since=pool.mark())


def test_other_weights_are_refused(tmp_path: Path) -> None:
    model = small()
    pool, stream = model.stream_pool(), model.stream()
    pool.push("a", ONE[0], new="add")
    stream.push(ONE[0])
    saved, state = pool.save(), stream.save()
    pool.snapshot(tmp_path / "s")
    twin = small()  # The same numbers under other names are the same weights.
    twin.stream_pool().load(saved)
    randomised(model, seed=9)
    other, another = model.stream_pool(), model.stream()
    for work in (lambda: other.load(saved), lambda: other.restore(tmp_path / "s"), lambda: another.restore(state)):
        with pytest.raises(ValueError, match=r"is of a model with other weights.*pass other_weights=True"):
            work()
    assert len(other) == 0
    assert other.load(saved, other_weights=True) == ["a"]
    other.restore(tmp_path / "s", other_weights=True)
    another.restore(state, other_weights=True)
    assert another.save()[80:-4] == state[80:-4]
    pool.load(saved)  # The pool keeps its weights until
    pool.update()
    with pytest.raises(ValueError, match="other weights"):
        pool.load(saved)


@pytest.mark.parametrize("kind", ["whole", "changes"])
def test_damaged_bytes_take_no_effect(kind: str) -> None:
    pool = MODEL.stream_pool()
    pool.add(["a", 1, b"c"])
    mark = pool.mark()
    pool.drop(1)
    pool.push(["a", "né"], np.ones((2, 3)), new="add")
    data = pool.save() if kind == "whole" else pool.save(changed_since=mark)
    other = filled(count=5)
    before = other.save()
    rng = np.random.default_rng(0)
    cases = [data[:length] for length in range(len(data))] + [data + b"\0"]
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(rng.integers(8))
        cases.append(bytes(damaged))
    for case in cases:
        with pytest.raises(ValueError, match=r"The saved pool"):
            other.load(case)
    assert other.save() == before


def test_a_snapshot_is_of_one_moment_while_pushes_go_on(tmp_path: Path) -> None:
    pool = counter().stream_pool()
    ids = np.arange(15_000)
    pool.add(ids)
    stop, steps = threading.Event(), [0]

    def work() -> None:
        ones = np.ones((len(ids), 1), "float32")
        while not stop.is_set():
            pool.push(ids, ones)
            steps[0] += 1
            pool.add("it comes")
            pool.drop("it comes")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(8):
            begun = steps[0]
            pool.snapshot(tmp_path / "s")
            other = counter().stream_pool()
            other.restore(tmp_path / "s")
            sums = other.state(ids)["sum"]["h"]
            assert (sums == sums[0]).all()
            assert sums[0] >= begun
    finally:
        stop.set()
        thread.join()


# -- NaN --------------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # NumPy's, where the layers compute.
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_broken_stream_breaks_no_other(model: Any, bad: float) -> None:
    model = small("relu") if model is MODEL else small(lambda x: np.maximum(x, 0))
    pool, twin = model.stream_pool(), model.stream_pool()
    ids = ["a", 1, b"b", 2]
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    for each in (pool, twin):
        each.push(ids, x, new="add")
    wrong = x.copy()
    wrong[1, 0] = bad
    y, right = pool.push(ids, wrong), twin.push(ids, x)
    np.testing.assert_array_equal(y[[0, 2, 3]], right[[0, 2, 3]])
    if np.isnan(bad):
        assert np.isnan(y[1]).all()
        assert np.isnan(pool.push(1, x[1])).all()  # and stays NaN, whatever comes.
    found = pool.broken()
    assert found.tolist() == [1]  # type: ignore[union-attr]
    pool.reset(found)
    assert len(pool.broken()) == 0
    np.testing.assert_array_equal(pool.push([1], x[:1]), model.stream_pool().push([1], x[:1], new="add"))
    np.testing.assert_array_equal(pool.push(["a"], x[:1]), twin.push(["a"], x[:1]))


def test_broken_streams_among_many() -> None:
    pool = counter().stream_pool()
    ids = np.arange(200_000)
    x = np.zeros((len(ids), 1), "float32")
    x[::777] = np.nan
    x[5] = -np.inf
    pool.push(ids, x, new="add")
    pool.push(["named"], rows(np.nan), new="add")
    assert pool.broken() == [*sorted([*range(0, 200_000, 777), 5]), "named"]
    pool.reset(pool.broken())
    assert len(pool.broken()) == 0


# -- processes and threads --------------------------------------------------------------------------------------------

FORK = """
import os, threading
import numpy as np, gatewise as gw
model = gw.Sequential([gw.Input((None, 8)), gw.layers.LSTM(32)])
pool = model.stream_pool()
pool.add(np.arange(5000))
pool.add([f"n{k}" for k in range(100)])
stop = False
def save():
    while not stop:
        pool.save()
        pool.copy()
        pool.broken()
def push():
    x = np.ones((5000, 8), "float32")
    while not stop:
        pool.push(np.arange(5000), x)
threads = [threading.Thread(target=work) for work in (save, push)]
for thread in threads:
    thread.start()
for _ in range(4):
    child = os.fork()
    if child == 0:
        (part,) = pool.state(np.arange(5000)).values()
        same = all((a == a[:1]).all() for a in part.values())
        other = model.stream_pool()
        other.load(pool.save())
        os._exit(0 if same and len(other) == 5100 else 3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
stop = True
for thread in threads:
    thread.join()
"""


def test_a_fork_beside_a_save() -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORK], check=True, timeout=600)


def test_all_calls_from_many_threads() -> None:
    pool: StreamPool = counter().stream_pool(500, "drop_least_recent")
    failures: list[BaseException] = []

    def work(k: int) -> None:
        own = [f"{k}/{n}" for n in range(20)]
        try:
            for turn in range(12):
                pool.push(own, np.ones((20, 1)), new="add")
                pool.push(np.arange(100) + 1000 * turn, np.ones((100, 1)), new="add")
                data, mark = pool.save(), pool.mark()
                pool.load(pool.save(changed_since=mark))
                pool.drop_least_recent(3)
                pool.broken()
                counter().stream_pool().load(data)
                assert len(pool.copy()) <= 500
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    before = everything(counter().stream_pool())
    assert before[0] == []
    assert len(pool) <= 500
