"""Who may come in, how often and with how much; and what goes on behind the clock."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import httpx2
import numpy as np
import pytest
from services import JSON, a_model, client, code_of, push, rows, running, y_of
from starlette.websockets import WebSocketDisconnect

from gatewise.serving.http.settings import Settings


@pytest.fixture(scope="module")
def model():
    return a_model()


def test_a_token_is_asked_for_everywhere_but_on_health_and_the_empty_pages(model):
    with client(model, token="a secret", new="add") as talks:
        for path in ("/streams", "/metrics", "/openapi.json", "/nowhere", "/streams/a"):
            refused = talks.get(path)
            assert code_of(refused, 401) == "no_token"
            assert refused.headers["www-authenticate"] == "Bearer"
        for path in ("/health", "/ready", "/", "/api"):
            assert talks.get(path).status_code == 200
        for wrong in ("Bearer a secre", "Bearer a secret2", "Basic a secret", "Bearer", "Bearer \xff"):
            assert (
                code_of(talks.get("/streams", headers={"authorization": wrong.encode("latin-1")}), 401) == "wrong_token"
            )
        assert code_of(push(talks, "a", [0, 0, 0]), 401) == "no_token"
        with pytest.raises(WebSocketDisconnect), talks.websocket_connect("/streams/a"):
            pass
        right = {"authorization": "bearer a secret"}
        assert talks.get("/streams", headers=right).json()["count"] == 0
        with talks.websocket_connect("/streams/a", headers=right) as opened:
            opened.send_text("[0, 0, 0]")
            assert "y" in opened.receive_json()


def test_a_page_of_another_site_may_not_push_with_its_visitors_rights(model):
    other = {"origin": "https://evil.example"}
    with client(model, new="add") as talks:
        assert code_of(talks.post("/streams/a/reset", headers=other), 403) == "other_origin"
        with pytest.raises(WebSocketDisconnect), talks.websocket_connect("/streams/a", headers=other):
            pass
        own = {"origin": "http://testserver"}
        assert talks.get("/streams", headers=own).status_code == 200
    with client(model, allow_origin="https://panel.example") as talks:
        asked = {
            "origin": "https://panel.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type",
        }
        allowed = talks.options("/push", headers=asked)
        assert allowed.headers["access-control-allow-origin"] == "https://panel.example"
        assert talks.get("/streams", headers={"origin": "https://panel.example"}).status_code == 200
        assert talks.get("/streams", headers=other).status_code == 403


def test_a_client_may_send_so_many_at_once_and_then_so_many_a_second(model):
    with client(model, rate="0.001/s", burst=3, new="add") as talks:
        answers = [push(talks, "a", [0, 0, 0]) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert code_of(answers[-1], 429) == "too_often"
        assert 900 <= int(answers[-1].headers["retry-after"]) <= 1000
        assert talks.get("/health").json()["rows"] == 3


def test_wrong_tokens_count_against_the_rate(model):
    wrong, right = ({"authorization": f"Bearer {token}"} for token in ("guess", "a secret"))
    with client(model, rate="0.001/s", burst=3, token="a secret") as talks:
        answers = [talks.get("/streams", headers=wrong).status_code for _ in range(5)]
        assert answers == [401, 401, 401, 429, 429]
        assert code_of(talks.get("/streams", headers=right), 429) == "too_often"
        assert talks.get("/health", headers=wrong).status_code == 200


def test_messages_above_the_rate_wait(model):
    with client(model, rate="20/s", burst=2, new="add") as talks, talks.websocket_connect("/streams/a") as opened:
        begin = time.monotonic()
        for _ in range(6):
            opened.send_text("[0, 0, 0]")
        for _ in range(6):
            assert "y" in opened.receive_json()
        assert time.monotonic() - begin > 0.2


def test_a_body_is_read_only_as_far_as_it_may_be_long(model):
    with running(model, max_body=1000) as (url, _):

        def endless():
            for _ in range(1000):
                yield b" " * 500

        refused = httpx2.post(f"{url}/push", content=endless(), headers=JSON)
        assert code_of(refused, 413) == "too_large"
        assert refused.json()["error"]["wanted"] == 1000
        assert code_of(httpx2.post(f"{url}/push", content=b" " * 1001, headers=JSON), 413) == "too_large"


def test_a_body_that_does_not_come_in_time_is_not_waited_for(model):
    def dribbling():
        yield b"{"
        time.sleep(1.5)
        yield b"}"

    with running(model, timeout=0.3) as (url, _):
        assert code_of(httpx2.post(f"{url}/push", content=dribbling(), headers=JSON), 408) == "too_slow"


def test_more_than_may_wait_and_longer_than_it_may_are_refused_and_nothing_has_moved(model):
    x = rows(1)[0]

    async def main(url, app):
        free = threading.Event()
        pool = app.state.service.streams.pool
        made = type(pool).push
        slow = lambda *args, **named: (free.wait(10), made(pool, *args, **named))[1]  # noqa: E731
        app.state.service.streams.pool = _Slow(pool, slow)
        async with httpx2.AsyncClient(base_url=url, timeout=20) as talks:
            body = {"x": x.tolist()}
            first = asyncio.create_task(talks.post("/streams/a/push", json=body))
            while not app.state.service.batcher._busy:
                await asyncio.sleep(0.005)
            late = asyncio.create_task(talks.post("/streams/a/push", json=body))
            while not app.state.service.batcher.waiting:
                await asyncio.sleep(0.005)
            full = await talks.post("/streams/a/push", json=body)
            assert code_of(full, 503) == "busy"
            assert "at most 1 may" in full.json()["error"]["message"]
            assert code_of(await late, 503) == "busy"
            free.set()
            assert (await first).status_code == 200
            assert (await talks.get("/health")).json()["rows"] == 1

    with running(model, new="add", max_waiting=1, timeout=1) as (url, app):
        asyncio.run(main(url, app))


class _Slow:
    """A pool whose pushes wait until they may go on."""

    def __init__(self, pool, push):
        self.push = push
        self._pool = pool

    def __getattr__(self, name):
        return getattr(self._pool, name)

    def __len__(self):
        return len(self._pool)

    def __contains__(self, id_):
        return id_ in self._pool


def test_a_flood_of_bad_input_leaves_the_streams_of_others_be(model):
    x = rows(40)
    wanted = model.stream().push_many(x)
    bad = [b"\x00" * 40, b"{" * 500, b'{"x": [1]}', b'{"x": [NaN, 1, 2]}', b'{"x": [0, 1, 2], "new": "error"}']

    async def main(url):
        async with httpx2.AsyncClient(base_url=url, timeout=30) as talks:
            done = asyncio.Event()

            async def flood(number):
                k = number
                while not done.is_set():
                    k += 1
                    answer = await talks.post(f"/streams/bad{number}/push", content=bad[k % len(bad)], headers=JSON)
                    assert 400 <= answer.status_code < 500, answer.text

            floods = [asyncio.create_task(flood(number)) for number in range(8)]
            got = [(await talks.post("/streams/a/push", json={"x": row.tolist()})).json()["y"] for row in x]
            done.set()
            await asyncio.gather(*floods)
            np.testing.assert_allclose(got, wanted, atol=1e-6)
            assert (await talks.get("/streams")).json()["ids"] == ["a"]

    with running(model) as (url, _):
        httpx2.put(f"{url}/streams/a")
        asyncio.run(main(url))


def test_as_many_requests_as_may_be_under_way(model):
    with running(model, max_connections=2) as (url, _):
        host, port = url.removeprefix("http://").split(":")
        open_ = b"POST /push HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"
        with socket.create_connection((host, int(port))) as one, socket.create_connection((host, int(port))) as two:
            one.sendall(open_)
            two.sendall(open_)
            while (refused := httpx2.get(f"{url}/streams")).status_code == 200:
                time.sleep(0.01)
            assert code_of(refused, 503) == "too_many_connections"
            assert refused.headers["retry-after"] == "1"
        while httpx2.get(f"{url}/streams").status_code != 200:
            time.sleep(0.01)


def test_streams_that_nobody_pushes_are_dropped(model):
    with running(model, new="add", idle=2.0) as (url, _), httpx2.Client(base_url=url) as talks:
        for id_ in ("a", "b"):
            push(talks, id_, [0, 0, 0], sequence=1)
        stop = time.monotonic() + 20
        k = 1
        while talks.get("/streams/b").status_code == 200:
            k += 1
            push(talks, "a", [0, 0, 0], sequence=k).raise_for_status()
            assert time.monotonic() < stop
            time.sleep(0.02)
        assert talks.get("/streams/a").json()["sequence"] == k
        again = push(talks, "b", [0, 0, 0], sequence=2)
        assert code_of(again, 409) == "out_of_sequence"  # Its client learns that the state is gone.
        assert "gatewise_expired_total 1.0" in talks.get("/metrics").text


def test_the_least_recently_pushed_makes_room_where_that_is_asked_for(model):
    with client(model, new="add", streams=2, when_full="drop_least_recent") as talks:
        first = y_of(push(talks, "a", [1, 2, 3], sequence=1))
        push(talks, "b", [0, 0, 0])
        push(talks, "a", [0, 0, 0], sequence=2)
        push(talks, "c", [0, 0, 0])
        assert sorted(talks.get("/streams").json()["ids"]) == ["a", "c"]
        push(talks, "c", [0, 0, 0])
        push(talks, "d", [0, 0, 0])
        np.testing.assert_array_equal(y_of(push(talks, "a", [1, 2, 3], sequence=1)), first)  # Anew, from number 1.


def test_numbers_of_streams_that_made_room_are_forgotten(model):
    with client(model, new="add", streams=2, when_full="drop_least_recent") as talks:
        for id_ in range(100):
            push(talks, id_, [1, 2, 3], sequence=1).raise_for_status()
        assert len(talks.app.state.service.streams.numbers) < 60
        assert talks.get("/streams/99").json()["sequence"] == 1


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"max_wait": "soon"}, "max_wait: expected a time such as 250us, 1ms"),
        ({"max_wait": -1}, "max_wait: expected a time"),
        ({"streams": 0}, "streams: expected a whole number from 1 on, got 0"),
        ({"streams": 1.5}, "streams: expected a whole number"),
        ({"max_body": "1 mile"}, "max_body: expected a size such as 64KB"),
        ({"rate": "fast"}, "rate: expected a rate such as 100/s"),
        ({"when_full": "drop_least_recnt"}, "Did you mean 'drop_least_recent'?"),
        ({"snapshot_every": 1}, "there is no file to write"),
        ({"timeout": 0}, "are more than 0"),
        ({"token": ""}, "token: expected text"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_in_words(named, words):
    with pytest.raises(ValueError, match=words.replace("?", r"\?")):
        Settings(**named)
