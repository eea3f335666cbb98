"""A stream over a WebSocket: rows come, outputs go, in one order."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from gatewise.serving.http import forms
from gatewise.serving.http.asking import in_query, said_beside
from gatewise.serving.http.errors import Refused
from gatewise.serving.http.gate import client_of
from gatewise.serving.http.ids import Id, from_url
from gatewise.serving.http.service import Service, log

_AHEAD: Final = 64
"""So many messages of one client may be under way; who does not read the answers is then not read either."""
_AHEAD_BYTES: Final = 256 << 10
"""And so much of them."""
_TRY_LATER: Final = 1013
_POLICY: Final = 1008


async def talk(service: Service, socket: WebSocket) -> None:
    """Serve one connection until it ends.

    A message of text is JSON: the object that `POST /streams/{id}/push` takes, or its rows alone. A message of bytes is
    raw rows. Each is answered in its form, an error always with JSON; after an error the stream has not moved, and the
    connection goes on.
    """
    try:
        id_ = from_url(socket.path_params["id"])
        beside = {"new": service.asking.new(in_query(socket.query_params))}
        if not service.ready:
            await service.start()
    except Refused as error:
        service.metrics.refuse(error.code)
        await socket.close(_POLICY, str(error)[:120])
        return
    await socket.accept()
    service.metrics.sockets.inc()
    answers: asyncio.Queue[asyncio.Task[tuple[str, bytes]] | None] = asyncio.Queue(_AHEAD)
    reader = asyncio.create_task(_read(service, socket, id_, beside, answers))
    try:
        await _write(socket, answers, service.settings.timeout)
    finally:
        service.metrics.sockets.dec()
        reader.cancel()
        with suppress(asyncio.CancelledError):
            await reader


async def _read(
    service: Service,
    socket: WebSocket,
    id_: Id,
    beside: dict[str, Any],
    answers: asyncio.Queue[asyncio.Task[tuple[str, bytes]] | None],
) -> None:
    """Take messages, and let each be answered in its turn; what came whole is pushed, where the client has gone too."""
    ahead = _Ahead()
    try:
        while (message := await socket.receive())["type"] != "websocket.disconnect":
            if service.rates is not None:
                while wait := service.rates.wait(client_of(socket.scope), time.monotonic()):
                    await asyncio.sleep(wait)
            task = asyncio.create_task(_answer(service, id_, beside, message))
            await ahead.add(task, len(message.get("bytes") or message.get("text") or ""))
            await answers.put(task)
    except Exception:
        log.exception("A WebSocket could not be read.")
    await answers.put(None)


class _Ahead:
    """The messages of one client that are under way: only so much of them that others have their turn too."""

    def __init__(self) -> None:
        self._tasks: deque[tuple[asyncio.Task[Any], int]] = deque()
        self._size = 0

    async def add(self, task: asyncio.Task[Any], size: int) -> None:
        """Take one more, and wait until no more than `_AHEAD_BYTES` are under way, or this one alone."""
        self._tasks.append((task, size))
        self._size += size
        while self._tasks[0][0].done() or (self._size > _AHEAD_BYTES and len(self._tasks) > 1):
            first, length = self._tasks.popleft()
            self._size -= length
            await asyncio.wait([first])
            if not self._tasks:
                return


async def _answer(service: Service, id_: Id, beside: dict[str, Any], message: Any) -> tuple[str, bytes]:
    """A message's answer: "text" or "bytes", and what to send."""
    text = message.get("text")
    form = forms.RAW if text is None else forms.JSON
    try:
        body = message["bytes"] if text is None else text.encode(errors="replace")
        if form == forms.RAW:
            service.interface.only_output("raw bytes")
        elif body.lstrip()[:1] == b"[":
            body = b'{"x":' + body + b"}"
        if len(body) > service.settings.max_body + 6:
            raise forms.too_large(len(body), service.settings.max_body)
        push, single = service.asking.one(id_, form, body, beside)
        answer = await service.push(push)
        outputs = [y[0] for y in answer.outputs] if single else answer.outputs
        return form, forms.written(form, service.interface, outputs, said_beside(push, answer))
    except Refused as error:
        service.metrics.refuse(error.code)
        return forms.JSON, forms.to_json(error.body())


async def _write(
    socket: WebSocket, answers: asyncio.Queue[asyncio.Task[tuple[str, bytes]] | None], patience: float
) -> None:
    """Send the answers in the order of the messages."""
    while (task := await answers.get()) is not None:
        form, body = await task
        if socket.client_state is not WebSocketState.CONNECTED:
            continue
        send = socket.send_bytes(body) if form == forms.RAW else socket.send_text(body.decode())
        try:
            await asyncio.wait_for(send, patience)
        except (asyncio.TimeoutError, WebSocketDisconnect, RuntimeError):
            with suppress(Exception):
                await asyncio.wait_for(socket.close(_TRY_LATER, "The answers are not read."), min(patience, 1.0))
            return
