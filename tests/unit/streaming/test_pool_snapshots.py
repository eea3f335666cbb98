"""Snapshots of pools: whole whenever the process dies, and refused where they are not."""

from __future__ import annotations

import os
import random
import signal
import stat
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pool_models import BY_LAYERS, MODEL, counter, everything, filled

from gatewise.streaming import StreamPool


@pytest.mark.parametrize("model", [MODEL, BY_LAYERS], ids=["native", "layers"])
@pytest.mark.parametrize("count", [0, 1, 50])
def test_a_snapshot_brings_everything_back(model: Any, count: int, tmp_path: Path) -> None:
    pool, path = filled(model, count), tmp_path / "streams"
    pool.snapshot(path)
    other = filled(model, 7, capacity=50)
    other.restore(path)
    np.testing.assert_equal(everything(other), everything(pool))
    assert other.capacity == 50
    if count > 1:
        pool.drop(pool.ids()[::2])
        pool.snapshot(str(path))
        other.restore(str(path))
        np.testing.assert_equal(everything(other), everything(pool))
    x = np.ones((len(pool), 3))
    np.testing.assert_array_equal(other.push(sorted(other.ids()), x), pool.push(sorted(pool.ids()), x))
    assert os.listdir(tmp_path) == ["streams"]


def test_a_large_snapshot(tmp_path: Path) -> None:
    pool = counter().stream_pool(100_000)
    ids = np.arange(100_000) * 7
    pool.add(ids)
    pool.push(ids, ids[:, None] % 1000)
    pool.drop(ids[::3])
    pool.snapshot(tmp_path / "s")
    other = counter().stream_pool(70_000)
    other.restore(tmp_path / "s")
    left = np.setdiff1d(ids, ids[::3])
    np.testing.assert_array_equal(np.sort(other.ids()), left)
    np.testing.assert_array_equal(other.state(left)["sum"]["h"][:, 0], left % 1000)


def test_the_format_is_what_the_docs_say(tmp_path: Path) -> None:
    pool = filled(count=4)
    pool.snapshot(tmp_path / "s")
    data = (tmp_path / "s").read_bytes()
    assert data[:8] == b"GWPOOL\r\n"
    version, record = struct.unpack_from("<II", data, 8)
    assert (version, record) == (2, 40)
    assert struct.unpack_from("<QQII", data, 80) == (4, 0, 4, 36)
    ids = np.frombuffer(data, np.dtype([("kind", "u1"), ("number", "<i8")]), 4, 104)
    assert (ids["kind"] == 0).all()
    states = np.frombuffer(data, "<f4", 40, 104 + 36).reshape(4, 10)
    assert set(ids["number"]) == set(pool.ids())
    np.testing.assert_array_equal(states[:, :5], pool.state(ids["number"])["it"]["h"])
    assert struct.unpack("<I", data[-4:])[0] == zlib.crc32(data[:-4])
    assert len(data) == 104 + 4 * (9 + 40) + 4
    assert pool.save() == data


def test_names_in_the_format() -> None:
    pool = MODEL.stream_pool(10)
    pool.add(["né", b"\xff", -2])
    data = pool.save()
    assert struct.unpack_from("<QQII", data, 80) == (3, 0, 3, 6 + 4 + 9)
    assert data[104:123] == b"\1\3\0n\xc3\xa9" + b"\2\1\0\xff" + b"\0" + struct.pack("<q", -2)
    assert len(data) == 123 + 3 * 40 + 4


def test_snapshots_of_the_first_version_are_still_taken(tmp_path: Path) -> None:
    """Which knew no names and nothing of the weights."""
    pool = filled(count=20)
    ids = pool.ids()
    state = pool.state(ids)["it"]
    records = np.concatenate([state["h"], state["c"]], axis=1)
    old = pool.save()
    body = old[:8] + struct.pack("<II", 1, 40) + old[16:48] + struct.pack("<Q", 20) + ids.tobytes() + records.tobytes()
    (tmp_path / "s").write_bytes(body + struct.pack("<I", zlib.crc32(body)))
    other, loaded = filled(count=7), filled(count=1)
    other.restore(tmp_path / "s")
    np.testing.assert_equal(everything(other), everything(pool))
    loaded.drop(loaded.ids())
    np.testing.assert_array_equal(loaded.load((tmp_path / "s").read_bytes()), ids)
    np.testing.assert_equal(everything(loaded), everything(pool))
    stream = MODEL.stream()
    stream.push(np.ones(3))
    saved = stream.save()
    first = saved[:8] + struct.pack("<II", 1, 40) + saved[16:48] + saved[80:-4]
    fresh = MODEL.stream()
    fresh.restore(first + struct.pack("<I", zlib.crc32(first)))
    assert fresh.save() == saved


def test_a_damaged_snapshot_changes_nothing(tmp_path: Path) -> None:
    pool, path = filled(count=3), tmp_path / "s"
    pool.snapshot(path)
    data = path.read_bytes()
    other = filled(count=20)
    before = everything(other)
    bad = tmp_path / "bad"
    rng = random.Random(0)
    cases = [data[:length] for length in range(len(data))]
    cases += [data + b"\0", b"", b"PK\3\4" * 100]
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 1 << rng.randrange(8)
        cases.append(bytes(damaged))
    swapped = bytearray(data)  # The same id twice, with a checksum that fits.
    swapped[113:122] = swapped[104:113]
    cases.append(bytes(swapped[:-4]) + struct.pack("<I", zlib.crc32(bytes(swapped[:-4]))))
    for case in cases:
        bad.write_bytes(case)
        with pytest.raises(ValueError, match=r"The snapshot '.*bad'"):
            other.restore(bad)
    np.testing.assert_equal(everything(other), before)
    other.restore(path)
    np.testing.assert_equal(everything(other), everything(pool))


def test_a_snapshot_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s"
    filled().snapshot(path)
    with pytest.raises(ValueError, match="is of another model"):
        counter().stream_pool(100).restore(path)
    with pytest.raises(ValueError, match=r"holds 50 streams, and this pool at most 49\. Nothing was changed"):
        MODEL.stream_pool(49).restore(path)
    path.write_bytes(MODEL.stream().save())
    with pytest.raises(ValueError, match="is a saved Stream, not a saved StreamPool"):
        filled().restore(path)
    with pytest.raises(FileNotFoundError):
        filled().restore(tmp_path / "none")
    with pytest.raises(IsADirectoryError):
        filled().restore(tmp_path)


def test_a_snapshot_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    pool, path = filled(), tmp_path / "s"
    pool.snapshot(path)
    before = path.read_bytes()
    with pytest.raises(OSError, match="No such file"):
        pool.snapshot(tmp_path / "none" / "s")
    code = (
        "import resource, signal, sys\n"
        "import numpy as np, gatewise as gw\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "pool = gw.Sequential([gw.Input((None, 3)), gw.layers.LSTM(5)]).stream_pool(9999)\n"
        "pool.add(range(9999))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n    pool.snapshot(sys.argv[1])\nexcept OSError as error:\n    print(error.strerror)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True, timeout=600
    )
    assert done.stdout == "File too large\n"
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["s"]


def test_a_snapshot_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    filled().snapshot(tmp_path / "s")
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_two_processes_write_one_snapshot(tmp_path: Path) -> None:
    pools = [filled(count=n) for n in (10, 20, 30)]
    path = tmp_path / "s"

    def work(pool: StreamPool) -> None:
        for _ in range(20):
            pool.snapshot(path)

    threads = [threading.Thread(target=work, args=(pool,)) for pool in pools]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fresh = MODEL.stream_pool(60)
    fresh.restore(path)
    assert len(fresh) in (10, 20, 30)
    assert os.listdir(tmp_path) == ["s"]


KILLED = """
import sys, numpy as np, gatewise as gw
from gatewise import layers
model = gw.Sequential([gw.Input((None, 1)), layers.SimpleRNN(1, activation="linear", use_bias=False, name="sum")])
model.set_weights([np.ones((1, 1)), np.ones((1, 1))])
ids = np.arange(60_000)
pool = model.stream_pool(len(ids))
pool.add(ids)
ones = np.ones((len(ids), 1), "float32")
while True:
    pool.push(ids, ones)
    pool.snapshot(sys.argv[1])
    print("x", flush=True)
"""


def test_a_killed_process_leaves_a_whole_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "s"
    rng = random.Random(7)
    pool = counter().stream_pool(60_000)
    seen = set()
    for _ in range(12):
        child = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(rng.random() * 0.05)
        child.send_signal(signal.SIGKILL)
        child.wait(timeout=600)
        child.stdout.close()
        pool.restore(path)
        sums = pool.state(range(60_000))["sum"]["h"]
        assert (sums == sums[0]).all()
        assert sums[0] >= 1
        seen.add(float(sums[0, 0]))
    assert len(os.listdir(tmp_path)) <= 2  # What a killed process left is cleared away by the next snapshot.
    pool.snapshot(path)
    assert os.listdir(tmp_path) == ["s"]
    assert len(seen) > 1
