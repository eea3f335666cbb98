"""States as bytes, snapshots, and what a service knows after it began again."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import types
import zipfile

import numpy as np
import pytest
from services import RAW, a_model, client, code_of, push, rows, y_of

from gatewise import serving
from gatewise.serving.http import snapshots, streams
from gatewise.serving.http.service import Service
from gatewise.serving.http.settings import Settings


@pytest.fixture(scope="module")
def model():
    return a_model()


def test_a_state_moves_from_one_service_to_another_and_to_a_pool(model):
    x = rows(4)
    with client(model, new="add") as one, client(model) as other:
        push(one, "a", x[:3], sequence=1)
        saved = one.get("/streams/a/state")
        assert saved.headers["gatewise-sequence"] == "1"
        assert other.put("/streams/b/state?sequence=1", content=saved.content, headers=RAW).status_code == 204
        wanted = y_of(push(one, "a", x[3], sequence=2))
        assert code_of(push(other, "b", x[3], sequence=1), 409) == "other_rows"  # The answer did not travel.
        np.testing.assert_array_equal(y_of(push(other, "b", x[3], sequence=2)), wanted)
        pool = model.stream_pool()
        pool.load(saved.content)
        np.testing.assert_array_equal(pool.push("a", x[3]), wanted)


def test_many_streams_move_under_their_own_ids(model):
    x = rows(4)
    with client(model, new="add") as one, client(model) as other:
        one.post("/push", json={"ids": ["a", 7, "c"], "x": x[:3].tolist()})
        saved = one.post("/save", json={"ids": ["a", 7, "a"]})
        assert sorted(map(str, other.post("/load", content=saved.content, headers=RAW).json()["ids"])) == ["7", "a"]
        for id_ in ("a", 7):
            np.testing.assert_array_equal(y_of(push(other, id_, x[3])), y_of(push(one, id_, x[3])))
        assert code_of(one.post("/save", json={"ids": ["z"]}), 404) == "unknown_stream"
        assert code_of(one.post("/save", json={"id": "a"}), 422) == "no_ids"


@pytest.mark.parametrize("when_full", ["error", "drop_least_recent"])
def test_streams_that_have_no_place_are_not_called_bad_bytes(model, when_full):
    with client(model, new="add") as one, client(model, streams=2, when_full=when_full, new="add") as small:
        one.post("/push", json={"ids": [1, 2, 3], "x": rows(3).tolist()})
        push(small, 3, rows(1)[0])
        saved = one.post("/save", json={"ids": [1, 2, 3]}).content
        refused = small.post("/load", content=saved, headers=RAW)
        assert code_of(refused, 503) == "too_many_streams"
        assert "--streams" in refused.json()["error"]["hint"]
        assert (refused.json()["error"]["got"], refused.json()["error"]["wanted"]) == (3, 2)
        assert small.get("/streams").json()["ids"] == [3]
        assert code_of(small.post("/load", content=saved[:-1], headers=RAW), 422) == "bad_state"


@pytest.mark.parametrize("when_full", ["error", "drop_least_recent"])
def test_a_snapshot_of_more_streams_than_may_live_says_so(model, tmp_path, when_full):
    file = str(tmp_path / "streams.gw")
    with client(model, new="add", snapshot=file) as talks:
        talks.post("/push", json={"ids": [1, 2, 3], "x": rows(3).tolist()})
    small = {"snapshot": file, "streams": 2, "when_full": when_full}
    with pytest.raises(ValueError, match=r"holds 3 streams.* takes 2.*--streams 3"), client(model, **small):
        pass


def test_a_snapshot_that_fails_half_way_leaves_nothing_of_it(model, tmp_path, monkeypatch):
    monkeypatch.setattr(snapshots, "PIECE_BYTES", 1)  # A piece a stream.
    file = tmp_path / "streams.gw"
    with client(model, new="add", snapshot=str(file)) as talks:
        for id_ in ("a", "b"):
            push(talks, id_, rows(1)[0], sequence=1)
    whole = file.read_bytes()
    second = whole.rindex(b"GWPOOL") + 200
    file.write_bytes(whole[:second] + bytes([whole[second] ^ 1]) + whole[second + 1 :])

    async def twice():
        service = Service(model, Settings(snapshot=str(file)))
        with pytest.raises(ValueError, match="cannot be taken"):
            await service.start()
        assert len(service.streams.pool) == len(service.streams.numbers) == 0
        file.write_bytes(whole)
        await service.start()
        assert len(service.streams.pool) == len(service.streams.numbers) == 2
        await service.stop()

    asyncio.run(twice())


def test_bytes_that_are_no_state_of_this_model_change_nothing(model):
    x = rows(2)
    with client(model, new="add") as talks, client(a_model(seed=1), new="add") as stranger:
        before = y_of(push(talks, "a", x[0]))
        saved = talks.get("/streams/a/state").content
        push(stranger, "a", x[0])
        foreign = stranger.get("/streams/a/state").content
        talks.post("/streams/a/reset")
        for bad in (saved[:-1], saved[:40] + b"?" + saved[41:], b"", b"something", foreign):
            assert code_of(talks.put("/streams/a/state", content=bad, headers=RAW), 422) == "bad_state"
            assert code_of(talks.post("/load", content=bad, headers=RAW), 422) == "bad_state"
        push(talks, "b", x[0])
        two = talks.post("/save", json={"ids": ["a", "b"]}).content
        assert code_of(talks.put("/streams/a/state", content=two, headers=RAW), 422) == "several_streams"
        np.testing.assert_array_equal(y_of(push(talks, "a", x[0])), before)
    with client(model, other_weights=True) as lenient:
        assert lenient.put("/streams/a/state", content=foreign, headers=RAW).status_code == 204


def test_a_service_goes_on_from_its_snapshot_with_numbers_and_last_answers(model, tmp_path):
    file = str(tmp_path / "streams.gw")
    x, single = rows(40), {id_: model.stream() for id_ in ("a", 7, "ü")}
    with client(model, new="add", snapshot=file) as talks:
        for id_, stream in single.items():
            np.testing.assert_allclose(y_of(push(talks, id_, x[:3], sequence=1)), stream.push_many(x[:3]), atol=1e-6)
        last = push(talks, "a", x[3], sequence=2).json()
        single["a"].push(x[3])
        push(talks, 7, x[3])
        single[7].push(x[3])
    with client(model, snapshot=file) as talks:
        assert talks.get("/health").json()["streams"] == 3
        assert push(talks, "a", x[3], sequence=2).json() == {**last, "repeated": True}
        for id_, number in (("a", 3), (7, 2), ("ü", 2)):
            got = y_of(push(talks, id_, x[4:], sequence=number))
            np.testing.assert_allclose(got, single[id_].push_many(x[4:]), atol=1e-6)


def test_a_snapshot_has_all_that_was_answered_before_and_is_of_many_pieces(model, tmp_path, monkeypatch):
    monkeypatch.setattr(snapshots, "PIECE_BYTES", 10 * 2 * 5 * 4)  # Ten streams.
    file = tmp_path / "streams.gw"
    with client(model, new="add", snapshot=str(file)) as talks:
        talks.post("/push", json={"ids": list(range(95)), "x": rows(95).tolist()})
        said = talks.post("/snapshot").json()
        assert said["streams"] == 95
        assert said["bytes"] == file.stat().st_size
        kept = file.read_bytes()
        metrics = talks.get("/metrics").text
        assert 'gatewise_snapshots_total{result="written"} 1.0' in metrics
        assert "gatewise_snapshot_streams 95.0" in metrics
        talks.delete("/streams/3")
        with zipfile.ZipFile(file) as archive:
            assert archive.testzip() is None
            about = json.loads(archive.read("gatewise.json"))
            assert about == {"what": "streams of gatewise serve", "version": 1, "pieces": 10, "streams": 95}
            pool = model.stream_pool()
            assert len(pool.load(archive.read("streams/000000"))) == 10
    with client(model, snapshot=str(file)) as talks:
        assert talks.get("/health").json()["streams"] == 94
    file.write_bytes(kept)
    with client(model, snapshot=str(file)) as talks:
        assert talks.get("/health").json()["streams"] == 95


def test_a_snapshot_that_cannot_be_written_is_said_and_the_one_before_stays(model, tmp_path):
    folder = tmp_path / "there"
    folder.mkdir()
    with client(model, new="add", snapshot=str(folder / "s.gw")) as talks:
        push(talks, "a", [0, 0, 0])
        os.rename(folder, tmp_path / "gone")
        assert talks.post("/snapshot").status_code == 500
        assert "could not be written" in talks.get("/health").json()["trouble"]
        assert 'gatewise_snapshots_total{result="failed"} 1.0' in talks.get("/metrics").text
        os.rename(tmp_path / "gone", folder)
        assert talks.post("/snapshot").json()["streams"] == 1
        assert "trouble" not in talks.get("/health").json()


def test_a_snapshot_that_nobody_waits_for_any_more_does_not_replace_a_later_one(model, tmp_path, monkeypatch):
    begun, go_on, order = threading.Event(), threading.Event(), []

    def write(*_):
        order.append("begin")
        begun.set()
        go_on.wait(10)
        order.append("end")
        return 0, 0

    async def cancelled_and_again():
        service = Service(model, Settings(snapshot=str(tmp_path / "s.gw")))
        await service.start()
        first = asyncio.create_task(service.snapshot())
        await asyncio.to_thread(begun.wait, 10)
        first.cancel()
        asyncio.get_running_loop().call_later(0.1, go_on.set)
        await service.stop()
        with pytest.raises(asyncio.CancelledError):
            await first

    monkeypatch.setattr(snapshots, "write", write)
    asyncio.run(cancelled_and_again())
    assert order == ["begin", "end", "begin", "end"]


def test_streams_whose_states_hold_nan_are_listed_until_they_are_reset(model):
    with client(model, new="add", allow_nan=True) as talks:
        push(talks, "whole", [1, 2, 3])
        for id_ in ("a", 7):
            nan = np.full(3, np.nan, "<f4").tobytes()
            assert talks.post(f"/streams/{id_}/push", content=nan, headers=RAW).status_code == 200
        said = talks.get("/streams?broken=true").json()
        assert (said["count"], set(said["ids"])) == (2, {"a", 7})
        page = talks.get("/streams?broken=true&start=1&limit=5").json()
        assert (page["count"], page["ids"]) == (2, said["ids"][1:])
        talks.post("/streams/a/reset")
        assert talks.get("/streams?broken=true").json()["ids"] == [7]
        assert talks.get("/streams?broken=false").json()["count"] == 3
        assert code_of(talks.get("/streams?broken=yes"), 422) == "bad_query"


def test_the_ids_of_many_streams_are_listed_once_in_a_while(model, monkeypatch):
    clock = types.SimpleNamespace(monotonic=lambda: clock.now, now=5.0)
    monkeypatch.setattr(streams, "time", clock)
    monkeypatch.setattr(streams, "_MANY", 3)
    pool = model.stream_pool()
    live = streams.Streams(pool, None, 10, bounded=True)
    for id_ in (1, 2, 3, 4):
        live.add(id_)
        assert live.page(0, 10) == (id_, [1, 2, 3][:id_])  # The three are many, and are kept.
    clock.now += 1.5
    assert live.page(2, 1) == (4, [3])
    assert live.page(0, 10) == (4, [1, 2, 3, 4])
    assert live.page(0, 0) == (4, [])
    live.drop(4)
    live.drop(3)
    assert live.page(0, 10) == (2, [1, 2])  # Few again, and always new.


def test_without_a_file_there_is_no_snapshot(model):
    with client(model) as talks:
        assert code_of(talks.post("/snapshot"), 409) == "no_snapshot_file"


def test_what_is_no_whole_snapshot_of_this_model_stops_the_start_in_words(model, tmp_path):
    file = tmp_path / "streams.gw"
    with client(model, new="add", snapshot=str(file)) as talks:
        push(talks, "a", [1, 2, 3], sequence=1)
    whole = file.read_bytes()
    middle = whole.index(b"GWPOOL") + 200
    damaged = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    for bad in (whole[: len(whole) // 2], damaged, b"", b"PK", _zip(b"{}"), _zip(b'{"what": 3}')):
        file.write_bytes(bad)
        with pytest.raises(ValueError, match=r"cannot be taken: .*move it away"), client(model, snapshot=str(file)):
            pass
        assert file.read_bytes() == bad
    file.write_bytes(whole)
    with pytest.raises(ValueError, match="weights"), client(a_model(seed=1), snapshot=str(file)):
        pass
    with client(a_model(seed=1), snapshot=str(file), other_weights=True) as talks:
        assert talks.get("/health").json()["streams"] == 1


def _zip(about):
    import io

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("gatewise.json", about)
    return file.getvalue()


def test_two_services_do_not_share_a_snapshot(model, tmp_path):
    file = str(tmp_path / "streams.gw")
    with (
        client(model, snapshot=file),
        pytest.raises(ValueError, match="Another service has the snapshot"),
        client(model, snapshot=file),
    ):
        pass
    with client(model, snapshot=file) as talks:  # And it is free again.
        assert talks.get("/ready").status_code == 200


def test_the_lock_of_a_snapshot_that_was_taken_away_meanwhile_is_taken_anew(tmp_path, monkeypatch):
    file, lock = str(tmp_path / "s.gw"), snapshots.fcntl.flock

    def slow(*wanted):
        monkeypatch.setattr(snapshots.fcntl, "flock", lock)
        os.unlink(tmp_path / ".s.gw.lock")  # Whoever had it ends just now.
        lock(*wanted)

    monkeypatch.setattr(snapshots.fcntl, "flock", slow)
    held = snapshots.Hold(file)
    with pytest.raises(ValueError, match="Another service has the snapshot"):
        snapshots.Hold(file)
    held.release()


def test_mounted_in_another_application_it_starts_with_the_first_request(model, tmp_path):
    from starlette.applications import Starlette
    from starlette.routing import Mount
    from starlette.testclient import TestClient

    file = str(tmp_path / "streams.gw")
    mounted = serving.app(model, new="add", snapshot=file)
    outer = Starlette(routes=[Mount("/lstm", app=mounted)])
    with TestClient(outer) as talks:
        assert len(talks.post("/lstm/streams/a%2Fb/push", json={"x": [0, 0, 0]}).json()["y"]) == 2
        assert talks.get("/lstm/streams").json()["ids"] == ["a/b"]
        assert talks.get("/lstm/").status_code == 200
        talks.portal.call(mounted.state.service.stop)
        assert code_of(talks.post("/lstm/streams/a/push", json={"x": [0, 0, 0]}), 503) == "stopping"
    with client(model, snapshot=file) as talks:
        assert talks.get("/streams").json()["ids"] == ["a/b"]
