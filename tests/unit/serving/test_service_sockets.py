"""Streams over WebSockets: messages and answers, errors that leave the stream be, readers that do not read."""

from __future__ import annotations

import asyncio
import json
import socket
import time

import httpx2
import numpy as np
import pytest
from services import a_model, client, push, rows, running, y_of
from starlette.websockets import WebSocketDisconnect
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


@pytest.fixture(scope="module")
def model():
    return a_model()


def test_messages_are_json_or_bytes_and_each_is_answered_in_its_form(model):
    x, wanted = rows(5), model.stream().push_many(rows(5))
    with client(model, new="add") as talks, talks.websocket_connect("/streams/a") as opened:
        opened.send_text(json.dumps(x[0].tolist()))
        np.testing.assert_allclose(opened.receive_json()["y"], wanted[0], atol=1e-6)
        opened.send_text(json.dumps({"x": x[1:3].tolist(), "sequence": 1}))
        answer = opened.receive_json()
        np.testing.assert_allclose(answer["y"], wanted[1:3], atol=1e-6)
        assert (answer["sequence"], answer["repeated"]) == (1, False)
        opened.send_text(json.dumps({"x": x[1:3].tolist(), "sequence": 1}))
        assert opened.receive_json()["repeated"] is True
        opened.send_bytes(x[3:].tobytes())
        np.testing.assert_allclose(np.frombuffer(opened.receive_bytes(), "<f4").reshape(2, 2), wanted[3:], atol=1e-6)


def test_after_an_error_the_stream_has_not_moved_and_the_connection_goes_on(model):
    x, wanted = rows(2), model.stream().push_many(rows(2))
    bad = ["[1]", "{", '{"x": [NaN, 0, 0]}', '{"x": [0, 0, 0], "sequence": 7}', "\ud800", "[" * 10_000, '"x"', "7"]
    with client(model, new="add") as talks, talks.websocket_connect("/streams/a") as opened:
        opened.send_bytes(x[0].tobytes())
        for text in bad:
            opened.send_text(text.encode(errors="replace").decode())
        opened.send_bytes(b"123")
        opened.send_bytes(x[1].tobytes())
        np.testing.assert_allclose(np.frombuffer(opened.receive_bytes(), "<f4"), wanted[0], atol=1e-6)
        for _ in [*bad, b"123"]:
            assert set(opened.receive_json()["error"]) >= {"code", "message"}
        np.testing.assert_allclose(np.frombuffer(opened.receive_bytes(), "<f4"), wanted[1], atol=1e-6)


def test_an_unknown_stream_is_an_error_and_then_begins(model):
    with client(model) as talks, talks.websocket_connect("/streams/a") as opened:
        opened.send_text("[0, 0, 0]")
        assert opened.receive_json()["error"]["code"] == "unknown_stream"
        opened.send_text('{"x": [0, 0, 0], "new": "add"}')
        assert len(opened.receive_json()["y"]) == 2
        assert push(talks, "a", [0, 0, 0]).status_code == 200  # HTTP and WebSocket reach the same stream.


def test_a_bad_id_or_rule_refuses_the_connection(model):
    with client(model) as talks:
        for path in (f"/streams/{'a' * 300}", "/streams/a?new=perhaps", "/streams/%FF"):
            with pytest.raises(WebSocketDisconnect) as refused, talks.websocket_connect(path):
                pass
            assert refused.value.code == 1008


def test_what_came_whole_is_pushed_although_the_client_has_gone(model):
    x = rows(20)

    async def main(url):
        opened = await connect(f"{url}/streams/a?new=add", compression=None)
        for row in x:
            await opened.send(row.tobytes())
        await opened.recv()
        await _aborted(opened)  # A broken client: no close, the answers unread.

    with running(model) as (url, app):
        asyncio.run(main(url.replace("http", "ws")))
        while app.state.service.metrics.sockets._value.get():
            time.sleep(0.01)
        got = httpx2.post(f"{url}/streams/a/push", json={"x": x[0].tolist()})
        stream = model.stream()
        stream.push_many(x[: app.state.service.streams.moved - 1])
        np.testing.assert_allclose(y_of(got), stream.push(x[0]), atol=1e-6)


def test_who_does_not_read_is_not_read_either_and_others_go_on(model):
    """A slow reader costs so many answers under way and the buffers of its socket, however much it sends."""
    message = np.zeros((20_000, 3), "float32").tobytes()

    async def main(url, app):
        slow = await connect(f"{url}/streams/slow?new=add", compression=None, max_queue=1, sock=_small(url))
        try:
            with pytest.raises(asyncio.TimeoutError):
                await _sent_for_ever(slow, message, 0.5)
            assert app.state.service.streams.moved < 200 * 20_000
            async with connect(f"{url}/streams/quick?new=add", compression=None) as quick:
                await quick.send(np.zeros(3, "float32").tobytes())
                assert len(await quick.recv()) == 8
        finally:
            await _aborted(slow)

    with running(model, timeout=60) as (url, app):
        asyncio.run(main(url.replace("http", "ws"), app))


async def _sent_for_ever(connection, message, patience):
    while True:
        await asyncio.wait_for(connection.send(message), patience)


async def _aborted(connection):
    connection.transport.abort()
    await connection.wait_closed()


def _small(url):
    """A connection of which the system keeps little that is not read."""
    host, port = url.removeprefix("ws://").split(":")
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    found.connect((host, int(port)))
    return found


def test_a_connection_whose_answers_stay_unread_is_closed_in_the_end(model):
    message = np.zeros((20_000, 3), "float32").tobytes()

    async def main(url, app):
        slow = await connect(f"{url}/streams/slow?new=add", compression=None, max_queue=1, sock=_small(url))
        with pytest.raises(ConnectionClosed):
            await _sent_for_ever(slow, message, 60)
        await _aborted(slow)
        while app.state.service.metrics.sockets._value.get():
            await asyncio.sleep(0.01)

    with running(model, timeout=0.3) as (url, app):
        asyncio.run(main(url.replace("http", "ws"), app))
