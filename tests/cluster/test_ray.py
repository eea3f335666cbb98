"""Pools on a local Ray of several processes, some of them killed: `make test-cluster`."""

from __future__ import annotations

import os
import random
import signal
import threading
import time

import numpy as np
import psutil
import pytest
import ray

import gatewise as gw
from gatewise.serving.cluster import PartlyDoneError, Predictor, ray_pool

FEATURES = 4
IDS = [*range(40), "pump", "7", b"7"]


pytestmark = pytest.mark.usefixtures("local_ray")


@pytest.fixture(scope="module")
def model():
    gw.utils.set_random_seed(1)
    return gw.Sequential([gw.Input((None, FEATURES)), gw.layers.LSTM(6, return_sequences=True), gw.layers.Dense(2)])


def actors():
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if child.name().startswith("ray::_Host") and child.status() != psutil.STATUS_ZOMBIE
    ]


def kill_one(chance):
    chosen = chance.choice(sorted(actors(), key=lambda process: process.pid))
    os.kill(chosen.pid, signal.SIGKILL)


def some_rows(rng, count):
    return rng.normal(size=(count, FEATURES)).astype("float32")


def check_all(pool, alone):
    assert sorted(map(repr, pool.ids())) == sorted(map(repr, alone.ids()))
    x = np.ones((len(IDS), FEATURES), "float32")
    np.testing.assert_array_equal(pool.push(IDS, x, new="add"), alone.push(IDS, x, new="add"))


def test_deaths_and_moves_while_pushes_go_on(model, tmp_path):
    """Every push gives the bits of a pool in this process, though actors are killed and shards come and go."""
    pool, alone = ray_pool(model, tmp_path, shards=2, name="moves", save_every=0.3, cpus=0.5), model.stream_pool()
    rng, chance = np.random.default_rng(0), random.Random(0)
    errors = []

    def change():
        try:
            for _ in range(2):
                name = pool.add_shard()
                time.sleep(0.3)
                pool.remove_shard(name)
        except BaseException as error:
            errors.append(error)

    changes = threading.Thread(target=change)
    changes.start()
    rounds = 0
    while changes.is_alive() or rounds < 60:
        ids = chance.choices(IDS, k=20)
        x = some_rows(rng, 20)
        np.testing.assert_array_equal(pool.push(ids, x, new="add"), alone.push(ids, x, new="add"))
        rounds += 1
        if rounds in (20, 40):
            kill_one(chance)
    changes.join()
    assert not errors, errors[0]
    assert pool.shards == ("0", "1")
    check_all(pool, alone)
    pool.close()
    until = time.monotonic() + 60
    while actors():  # Ray ends them in its own time.
        assert time.monotonic() < until
        time.sleep(0.2)
    again = ray_pool(model, tmp_path, name="moves")
    assert again.shards == ("0", "1")
    check_all(again, alone)
    again.close()


def test_what_is_lost_when_shard_and_client_die_together(model, tmp_path):
    """All up to the last save is there, and nothing of what came after."""
    pool, alone = ray_pool(model, tmp_path, name="lost", save_every=1e6, cpus=0.5), model.stream_pool()
    x = some_rows(np.random.default_rng(1), len(IDS))
    for _ in range(3):
        pool.push(IDS, x, new="add")
        alone.push(IDS, x, new="add")
    pool.save()
    pool.push(IDS, x + 1)
    kill_one(random.Random(0))
    other = ray_pool(model, tmp_path, name="lost")  # A client that does not know what the first has pushed since.
    del pool
    check_all(other, alone)
    other.close()


def test_many_clients_push_together(model, tmp_path):
    """Tasks in other processes push through clients of their own; each has its streams."""
    pool, alone = ray_pool(model, tmp_path, shards=2, name="many", cpus=0.5), model.stream_pool()

    @ray.remote(num_cpus=0.5)
    def pushes(pool, first, seed):
        rng = np.random.default_rng(seed)
        ids = list(range(first, first + 5))
        for _ in range(20):
            outputs = pool.push(ids, rng.normal(size=(5, FEATURES)).astype("float32"), new="add")
        return outputs

    said = ray.get([pushes.remote(pool, 100 * k, k) for k in range(4)])
    for k, outputs in enumerate(said):
        rng = np.random.default_rng(k)
        ids = list(range(100 * k, 100 * k + 5))
        for _ in range(20):
            wanted = alone.push(ids, some_rows(rng, 5), new="add")
        np.testing.assert_array_equal(outputs, wanted)
    assert len(pool) == 20
    with pytest.raises(PartlyDoneError, match="carried out for"):
        pool.push([*alone.ids(), "nobody"], some_rows(np.random.default_rng(0), 21))
    pool.close()


def test_the_storage_of_another_model_is_refused(model, tmp_path):
    pool = ray_pool(model, tmp_path, name="mine", cpus=0.5)
    pool.close()
    other = gw.models.clone_model(model)
    with pytest.raises(ValueError, match="holds the pool of a model with other weights"):
        ray_pool(other, tmp_path, name="mine")


def test_predictor_over_a_data_set(model, tmp_path):
    x = some_rows(np.random.default_rng(2), 64 * 7).reshape(64, 7, FEATURES)
    data = ray.data.from_numpy(x).rename_columns({"data": "x"})
    path = tmp_path / "model.keras"
    model.save(path)
    wanted = model.predict(x, verbose=0)
    ways = (
        data.map_batches(Predictor(model), batch_size=20),
        data.map_batches(
            Predictor, fn_constructor_args=[path], batch_size=20, compute=ray.data.ActorPoolStrategy(size=2)
        ),
    )
    for way in ways:
        rows = way.take_all()
        order = {row["x"].tobytes(): row["y"] for row in rows}
        made = np.stack([order[sample.tobytes()] for sample in x])
        # Batches of other sizes may take other kernels: rounding apart, of sums of at most 4 + 6 terms below 1.
        np.testing.assert_allclose(made, wanted, rtol=0, atol=1e-6)
