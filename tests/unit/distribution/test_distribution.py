"""Training over devices and processes gives what one device gives.

The sums of a batch are made in another order there. A sum of n float32 numbers in two orders differs by at most
2 n u of the sum of their sizes, u = 2^-24; n is at most 22 x 4 samples and steps here, so 1.1e-5 of numbers of size 1.
Three steps of gradient descent carry such differences on with factors near 1.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import distribution_programs
import numpy as np
import pytest

import gatewise as gw
from gatewise.base import structure

PROGRAMS = Path(distribution_programs.__file__)
TOLERANCE = 2e-5
SECONDS = 600  # Far more than it takes: tests run on busy machines.


def started(*arguments: str, devices: int = 1) -> subprocess.Popen[str]:
    variables = {**os.environ, "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}", "JAX_PLATFORMS": "cpu"}
    variables["PYTHONPATH"] = str(Path(gw.__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, str(PROGRAMS), *arguments],
        env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def said(process: subprocess.Popen[str]):
    try:
        out, errors = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    assert process.returncode == 0, errors[-3000:]
    return json.loads(out.splitlines()[-1])


def assert_same(got, want):
    got, want = structure.flatten(got), structure.flatten(want)
    assert len(got) == len(want) > 10
    np.testing.assert_allclose(np.array(got), np.array(want), rtol=0, atol=TOLERANCE)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_eight_devices_give_what_one_gives():
    # Batches that divide and batches that do not, with weights, masks, dropout; batch normalisation over all devices.
    found = said(started("one_and_many", devices=8))
    assert found["devices"] == [f"cpu:{number}" for number in range(8)]
    for one, many in found["cases"]:
        assert_same(many, one)


@pytest.fixture(scope="module")
def alone():
    return distribution_programs.alone()


@pytest.mark.parametrize("data", ["same", "own"])
def test_two_processes_give_what_one_gives(data, alone):
    address = f"127.0.0.1:{free_port()}"
    both = [started("shares", address, "2", str(place), data, devices=2) for place in range(2)]
    first, second = map(said, both)
    predicted = {"same": lambda: first["predict"], "own": lambda: first["predict"] + second["predict"]}[data]()
    for got in (first, second):
        assert_same({**got, "predict": predicted}, alone)


def test_meshes_say_what_does_not_fit():
    mesh = gw.distribution.DeviceMesh
    with pytest.raises(ValueError, match=r"2 axis_names"):
        mesh((1, 1), ["batch"], ["cpu:0"])
    with pytest.raises(ValueError, match=r"has 2 places, but 1 devices came"):
        mesh((2,), ["batch"], ["cpu:0"])
    with pytest.raises(ValueError, match="no axis of the mesh"):
        gw.distribution.TensorLayout(["model"], mesh((1,), ["batch"], ["cpu:0"]))
    with pytest.raises(NotImplementedError, match="DataParallel"):
        gw.distribution.ModelParallel(layout_map=None)
    with pytest.raises(TypeError, match="expected a DataParallel"):
        gw.distribution.set_distribution("all")


def test_layouts_are_found_by_their_patterns():
    layouts = gw.distribution.LayoutMap(gw.distribution.DeviceMesh((1,), ["batch"], ["cpu:0"]))
    layouts["dense.*kernel"] = (None, "batch")
    layouts["kernel$"] = (None, None)
    assert layouts["lstm/kernel"].axes == (None, None)
    assert layouts["lstm/bias"] is None
    with pytest.raises(ValueError, match="fits several keys"):
        layouts["dense/kernel"]
    with pytest.raises(ValueError, match="is there already"):
        layouts["kernel$"] = (None,)


def test_one_device_changes_nothing():
    with gw.distribution.DataParallel(devices=["cpu:0"]).scope():
        assert not gw.config.spread
        assert gw.distribution.distribution() is not None
    assert gw.distribution.distribution() is None
    assert gw.keras.distribution.DataParallel is gw.distribution.DataParallel
