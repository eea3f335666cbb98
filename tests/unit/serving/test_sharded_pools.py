"""Pools over shards that die, come and go: every stream stands where a single stream would stand."""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest
from shards_in_process import Memory, Processes

import gatewise as gw
from gatewise.serving.cluster.lanes import PartlyDoneError
from gatewise.serving.cluster.on_ray import _keep_model
from gatewise.serving.cluster.saves import Chain, Save, Saver
from gatewise.serving.cluster.shard import CHANGE, Act, BusyError, Shard, StaleError
from gatewise.serving.cluster.sharded import ShardedPool
from gatewise.streaming import UnknownStreamError

IDS = [*range(12), "pump", "a", "b", b"a", b"\xff\x00", "7"]
FEATURES = 3


@pytest.fixture(scope="module")
def model():
    gw.utils.set_random_seed(0)
    return gw.Sequential([gw.Input((None, FEATURES)), gw.layers.GRU(5, return_sequences=True), gw.layers.Dense(2)])


class Singles:
    """What single streams say."""

    def __init__(self, model):
        self.model, self.streams = model, {}

    def push(self, ids, x):
        made = []
        for id_, row in zip(ids, x, strict=True):
            if id_ not in self.streams:
                self.streams[id_] = self.model.stream()
            made.append(self.streams[id_].push(row))
        return np.array(made).reshape(len(made), 2)


def rows(rng, count):
    return rng.normal(size=(count, FEATURES)).astype("float32")


def check_all(pool, singles):
    """All streams that there should be, and no others, and each where its single stream is."""
    assert sorted(map(repr, pool.ids())) == sorted(map(repr, singles.streams))
    ids = list(singles.streams)
    x = np.ones((len(ids), FEATURES), "float32")
    np.testing.assert_array_equal(pool.push(ids, x), singles.push(ids, x))


@pytest.mark.parametrize("seed", range(4))
def test_random_operations_and_deaths(model, seed):
    """Shards that die before or after any call, also in the midst of moves; with saves now and then."""
    chance, rng = random.Random(seed), np.random.default_rng(seed)
    storage = Memory()

    def die(shard, method):
        return chance.choice(["before", "after"]) if chance.random() < 0.04 else None

    engine = Processes(model, storage, 0.0, die)
    pool, singles = ShardedPool(engine, storage, 3), Singles(model)
    for _ in range(60):
        what = chance.random()
        if what < 0.7:
            ids = chance.choices(IDS, k=chance.randrange(6))
            x = rows(rng, len(ids))
            np.testing.assert_array_equal(pool.push(ids, x, new="add"), singles.push(ids, x))
        elif what < 0.78 and singles.streams:
            id_ = chance.choice(list(singles.streams))
            pool.drop(id_)
            del singles.streams[id_]
        elif what < 0.84 and singles.streams:
            id_ = chance.choice(list(singles.streams))
            pool.reset([id_])
            singles.streams[id_].reset()
        elif what < 0.9:
            pool.save()
        elif what < 0.95 and len(pool.shards) < 5:
            pool.add_shard()
        elif len(pool.shards) > 1:
            pool.remove_shard(chance.choice(pool.shards))
        for shard in engine.living.values():
            shard.save_if_due()
    assert engine.lives > 6
    check_all(pool, singles)
    pool.close()
    assert CHANGE not in storage.kept
    again = ShardedPool(Processes(model, storage), storage)
    assert again.shards == pool.shards
    check_all(again, singles)


def test_two_clients_while_shards_come_and_go(model):
    """Both push their own streams from their own threads; neither loses or doubles a step."""
    storage = Memory()
    engine = Processes(model, storage)
    pools = [ShardedPool(engine, storage, 2) for _ in range(2)]
    truths = [Singles(model) for _ in pools]
    errors = []

    def client(pool, truth, ids, seed):
        rng = np.random.default_rng(seed)
        try:
            for _ in range(40):
                x = rows(rng, len(ids))
                np.testing.assert_array_equal(pool.push(ids, x, new="add"), truth.push(ids, x))
        except BaseException as error:
            errors.append(error)

    parts = [IDS[:9], IDS[9:]]
    threads = [
        threading.Thread(target=client, args=(*args, k))
        for k, args in enumerate(zip(pools, truths, parts, strict=True))
    ]
    for thread in threads:
        thread.start()
    for _ in range(3):
        pools[0].remove_shard(pools[0].add_shard())
        pools[0].add_shard("more")
        pools[0].remove_shard("more")
    for thread in threads:
        thread.join()
    assert not errors, errors[0]
    assert pools[0].shards == ("0", "1")
    both = Singles(model)
    both.streams = truths[0].streams | truths[1].streams
    check_all(pools[1], both)


def test_the_other_client_finds_a_shard_that_came_back(model):
    """A client that never saw the death repeats its acts all the same."""
    storage = Memory()
    engine = Processes(model, storage)
    pool, singles = ShardedPool(engine, storage, 1), Singles(model)
    x = rows(np.random.default_rng(0), 3)
    singles.push([1, 2, 3], x)
    pool.push([1, 2, 3], x, new="add")
    engine.kill("0")
    engine.start("0")
    check_all(pool, singles)


def test_what_no_save_holds_is_gone_with_the_client(model):
    storage = Memory()
    engine = Processes(model, storage)
    pool, singles = ShardedPool(engine, storage, 2), Singles(model)
    x = rows(np.random.default_rng(0), 4)
    singles.push([1, 2, 3, 4], x)
    pool.push([1, 2, 3, 4], x, new="add")
    pool.save()
    pool.push([1, 2, 3, 4], x + 1)
    for shard in pool.shards:
        engine.kill(shard)
    check_all(ShardedPool(engine, storage), singles)


def test_a_storage_that_fails_now_and_then(model):
    storage = Memory()
    engine = Processes(model, storage)
    pool, singles = ShardedPool(engine, storage, 1), Singles(model)
    rng = np.random.default_rng(1)
    for round_ in range(6):
        x = rows(rng, 5)
        np.testing.assert_array_equal(pool.push(IDS[:5], x, new="add"), singles.push(IDS[:5], x))
        storage.fails = round_ % 2
        if storage.fails:
            with pytest.raises(OSError, match="No space left"):
                pool.save()
        else:
            pool.save()
    engine.kill("0")
    check_all(pool, singles)


def test_acts_kept_for_a_shard_are_bounded(model, monkeypatch):
    monkeypatch.setattr("gatewise.serving.cluster.sharded._MOST_KEPT", 5)
    storage = Memory()
    engine = Processes(model, storage)
    pool, singles = ShardedPool(engine, storage, 1), Singles(model)
    for _ in range(17):
        singles.push(["a"], np.ones((1, FEATURES), "float32"))
        pool.push("a", np.ones(FEATURES, "float32"), new="add")
        assert len(pool._lanes["0"].kept) <= 5
    engine.kill("0")
    check_all(pool, singles)


def test_calls_look_like_the_pools(model):
    storage = Memory()
    pool, alone = ShardedPool(Processes(model, storage), storage, 3), model.stream_pool(100)
    x = rows(np.random.default_rng(2), 4)
    for each in (pool, alone):
        each.add([1, 2, 3])
    for ids, part in ((2, x[0]), ([2], x[:1]), ([3, 1, 3, 2], x), (np.array([1, 3]), x[:2])):
        got, wanted = pool.push(ids, part), alone.push(ids, part)
        assert got.shape == wanted.shape
        np.testing.assert_array_equal(got, wanted)
    out = np.empty((2, 2), "float32")
    assert pool.push([1, 2], x[:2].tolist(), out=out) is out
    np.testing.assert_array_equal(out, alone.push([1, 2], x[:2]))
    assert pool.push([], x[:0]).shape == (0, 2)
    assert (len(pool), 2 in pool, 9 in pool, sorted(pool.ids())) == (3, True, False, [1, 2, 3])
    assert repr(pool) == "<ShardedPool of 3 shards>"


def test_errors_say_what_was_done(model):
    storage = Memory()
    pool = ShardedPool(Processes(model, storage), storage, 3)
    x = np.ones((12, FEATURES), "float32")
    pool.push(range(11), x[:11], new="add")
    with pytest.raises(UnknownStreamError):
        pool.push("nobody", x[0])
    with pytest.raises(PartlyDoneError, match=r"push: carried out for \d+ of 12 rows") as raised:
        pool.push(range(12), x)
    there = pool._placing.of(list(range(12)))
    assert raised.value.rows.tolist() == (there != there[11]).tolist()
    with pytest.raises(ValueError, match="a row for each of 2 ids"):
        pool.push([1, 2], x[:3])
    one = Memory()
    alone = ShardedPool(Processes(model, one), one)
    with pytest.raises(ValueError, match="is the last shard"):
        alone.remove_shard("0")


def test_a_call_that_gives_up_waiting_says_what_was_done(model, monkeypatch):
    monkeypatch.setattr("gatewise.serving.cluster.sharded._PATIENCE", 0.0)
    storage = Memory()
    engine = Processes(model, storage)
    pool = ShardedPool(engine, storage, 2)
    x = np.ones((12, FEATURES), "float32")
    engine.living["1"].freeze("somebody")
    with pytest.raises(PartlyDoneError, match=r"carried out for \d+ of 12 rows.* have been moving") as raised:
        pool.push(range(12), x, new="add")
    assert isinstance(raised.value.__cause__, BusyError)
    there = pool._placing.of(list(range(12)))
    assert raised.value.rows.tolist() == (there == there[np.flatnonzero(raised.value.rows)[0]]).tolist()
    with pytest.raises(BusyError):
        pool.push(np.flatnonzero(~raised.value.rows), x[:1].repeat((~raised.value.rows).sum(), 0), new="add")


def test_clients_that_leave_are_forgotten(model):
    storage = Memory()
    engine = Processes(model, storage)
    pool, singles = ShardedPool(engine, storage, 2), Singles(model)
    x = rows(np.random.default_rng(0), len(IDS))
    for _ in range(3):
        np.testing.assert_array_equal(pool.push(IDS, x, new="add"), singles.push(IDS, x))
        pool.leave()
        assert not any(shard._clients for shard in engine.living.values())
    pool.remove_shard(pool.add_shard())
    check_all(pool, singles)
    pool.close()
    again = Processes(model, storage)
    check_all(ShardedPool(again, storage), singles)
    assert [len(shard._clients) for shard in again.living.values()] == [1, 1]  # The one that checks.


def test_a_client_that_was_idle_for_long_still_acts_once(model, monkeypatch):
    """Its last reply is forgotten, and no act is lost or doubled, whether a save holds it or not."""
    monkeypatch.setattr("gatewise.serving.cluster.shard._IDLE", -1.0)  # All are idle for long at every save.
    storage = Memory()
    engine = Processes(model, storage)
    pool, singles = ShardedPool(engine, storage, 1), Singles(model)
    x = rows(np.random.default_rng(0), 3)
    for saved in (True, False, True):
        np.testing.assert_array_equal(pool.push([1, 2, 3], x, new="add"), singles.push([1, 2, 3], x))
        if saved:
            engine.living["0"].save()
            assert [client.outputs for client in engine.living["0"]._clients.values()] == [None]
        engine.kill("0")
    check_all(pool, singles)


def test_a_save_holds_what_a_shard_lost_that_came_back_unseen(model):
    storage = Memory()
    engine = Processes(model, storage)
    pool, singles = ShardedPool(engine, storage, 1), Singles(model)
    x = rows(np.random.default_rng(0), 3)
    singles.push([1, 2, 3], x)
    pool.push([1, 2, 3], x, new="add")
    for _ in range(2):
        engine.kill("0")
        engine.start("0")
        pool.save()
    check_all(ShardedPool(engine, storage), singles)


def owed_by(model, *acts):
    """A pool of two shards, its engine, and acts that it owes."""
    storage = Memory()
    engine = Processes(model, storage)
    pool = ShardedPool(engine, storage, 2)
    pool._owed.extend(Act("c", 1, 0, *act) for act in acts)
    return pool, engine


def test_an_owed_act_that_is_refused_is_dropped_and_said(model, caplog):
    pool, _ = owed_by(model, ("add", [*range(12)]), ("add", [3, *range(20, 32)]), ("add", ["later"]))
    shard_of_3, *others = pool._placing.of([3, *range(20, 32)])
    pool.add(["new"])
    assert not pool._owed
    wanted = {*range(12), "later", "new"} | {k for k, at in zip(range(20, 32), others, strict=True) if at != shard_of_3}
    assert set(pool.ids()) == wanted
    (said,) = caplog.messages
    assert said.startswith("A add had been carried out and was lost")


def test_an_owed_act_that_meets_another_error_stays_owed(model):
    """Only the rows that were carried out are not owed any more."""
    pool, engine = owed_by(model, ("add", [*range(12)]))
    broken = engine.living["1"].pool
    engine.living["1"].pool = None  # Whatever it is asked: an AttributeError.
    for _ in range(2):
        with pytest.raises(AttributeError):
            pool.add(["new"])
    assert 0 < len(pool._owed[0].ids) < 12
    engine.living["1"].pool = broken
    pool.add(["new"])
    assert set(pool.ids()) == {*range(12), "new"}


def test_a_kept_act_that_is_refused_when_it_is_repeated_holds_up_no_other(model, caplog):
    storage = Memory()
    engine = Processes(model, storage)
    pool, other = ShardedPool(engine, storage, 1), ShardedPool(engine, storage)
    pool.add([1])
    engine.kill("0")
    other.add([1])  # It was first this time.
    for id_ in (2, 3):
        pool.add([id_])
    assert sorted(pool.ids()) == [1, 2, 3]
    assert len(caplog.messages) == 1


def test_a_change_of_two_clients_at_once_is_refused(model):
    storage = Memory()
    engine = Processes(model, storage)
    pool, other = ShardedPool(engine, storage, 2), ShardedPool(engine, storage)
    pool.push([1], np.ones((1, FEATURES), "float32"), new="add")
    other._announce()
    with pytest.raises(BusyError):
        pool.add_shard()
    assert pool.shards == ("0", "1")


def test_a_frozen_shard_whose_mover_died_goes_on(model):
    storage = Memory()
    engine = Processes(model, storage)
    pool = ShardedPool(engine, storage, 1)
    pool.push([1], np.ones((1, FEATURES), "float32"), new="add")
    shard = engine.living["0"]
    shard.freeze("somebody")
    with pytest.raises(StaleError):
        shard.act(Act("c", 1, 0, "add", [5]))
    shard._frozen_until = 0.0
    pool.add([6])  # It waits, until the move that will not end is given up.
    assert sorted(pool.ids()) == [1, 6]


def test_pushes_that_wait_together_go_as_one(model):
    storage = Memory()
    ShardedPool(Processes(model, storage), storage, 1)
    shard, singles = Shard(model, "0", storage), Singles(model)
    calls = []
    push = shard.pool.push
    shard.pool.push = lambda ids, x, new: calls.append(len(ids)) or push(ids, x, new=new)
    x = rows(np.random.default_rng(3), 6)
    acts = [
        Act("a", 1, 0, "push", [1, 2], x[:2], "add"),
        Act("b", 1, 0, "push", [1], x[2:3], "add"),
        Act("c", 1, 0, "push", ["unknown"], x[3:4], "error"),
        Act("a", 2, 0, "push", [1], x[4:5], "error"),
        Act("b", 1, 0, "push", [1], x[2:3], "add"),
        Act("d", 1, 7, "push", [1], x[5:6], "add"),
    ]
    replies = shard.act_together(acts)
    assert calls[0] == 3
    np.testing.assert_array_equal(replies[0].outputs, singles.push([1, 2], x[:2]))
    np.testing.assert_array_equal(replies[1].outputs, singles.push([1], x[2:3]))
    assert "unknown" in str(replies[2])
    np.testing.assert_array_equal(replies[3].outputs, singles.push([1], x[4:5]))
    np.testing.assert_array_equal(replies[4].outputs, replies[1].outputs)  # Repeated: the same reply, no step.
    assert isinstance(replies[5], StaleError)
    shard.close()


def test_what_an_old_chain_left_is_no_part_of_a_new_one():
    storage = Memory()
    for _ in range(2):  # The second of a shard of the same name, which came when the first had gone.
        chain = Chain(storage, "s")
        for save in (Save(True, b"a"), Save(False, b"b")):
            chain.write(save)
        left = storage.get("s-1")
        chain.clear()
        storage.put("s-1", left)  # As where the process dies before it has cleared all.
    chain.write(Save(True, b"c"))
    storage.put("s-1", left)
    assert Chain(storage, "s").read() == [b"c"]


def test_a_model_of_other_layers_is_refused_though_its_weights_are_the_same(model):
    def of(activation):
        layers = [gw.Input((None, 2)), gw.layers.SimpleRNN(3, activation, return_sequences=True)]
        made = gw.Sequential(layers)
        made.set_weights([np.full(weights.shape, 0.5, "float32") for weights in made.get_weights()])
        return made

    storage = Memory()
    for _ in range(2):
        _keep_model(of("tanh"), storage)
    with pytest.raises(ValueError, match="model with other layers"):
        _keep_model(of("relu"), storage)
    with pytest.raises(ValueError, match="model with other weights"):
        _keep_model(model, storage)


def test_saves_that_are_damaged_are_refused(model):
    pool = model.stream_pool(10)
    saver = Saver(pool)
    pool.push([1, 2], np.ones((2, FEATURES), "float32"), new="add")
    whole = saver.save({"n": 1}).data
    pool.push([1], np.ones((1, FEATURES), "float32"))
    part = saver.save({"n": 2})
    assert not part.whole
    assert len(part.data) < len(whole)
    fresh = model.stream_pool(10)
    note, _ = Saver(fresh).load([whole, part.data])
    assert note == {"n": 2}
    with pytest.raises(ValueError, match="out of order"):
        Saver(model.stream_pool(10)).load([part.data])
    for damaged in (b"", whole[:20], whole[:30] + b"\x00" + whole[31:], b"X" + whole[1:]):
        with pytest.raises(ValueError, match=r"a shard saved|what a shard"):
            Saver(model.stream_pool(10)).load([damaged])
