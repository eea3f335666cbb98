"""A stream over a WebSocket: rows come, outputs go, in one order."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from gatewise.serving.http import forms
from gatewise.serving.http.asking import in_query, said_beside
from gatewise.serving.http.deadline import Deadline
from gatewise.serving.http.errors import Refused
from gatewise.serving.http.gate import client_of
from gatewise.serving.http.ids import Id, from_url
from gatewise.serving.http.service import Service, log
from gatewise.serving.http.streams import Answer, Push

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
    answers: asyncio.Queue[_Asked | None] = asyncio.Queue(_AHEAD)
    reader = asyncio.create_task(_read(service, socket, id_, beside, answers))
    try:
        await _write(service, socket, answers)
    finally:
        service.metrics.sockets.dec()
        reader.cancel()
        with suppress(asyncio.CancelledError):
            await reader


@dataclass(slots=True)
class _Asked:
    """A message: its form, and either what is wrong with it or its push and the future of the answer."""

    form: str
    error: Refused | None = None
    push: Push | None = None
    single: bool = False
    answer: asyncio.Future[Answer] | None = None


async def _read(
    service: Service, socket: WebSocket, id_: Id, beside: dict[str, Any], answers: asyncio.Queue[_Asked | None]
) -> None:
    """Take messages and have them pushed; what came whole is pushed, where the client has gone too."""
    ahead = _Ahead()
    try:
        while (message := await socket.receive())["type"] != "websocket.disconnect":
            if service.rates is not None:
                while wait := service.rates.wait(client_of(socket.scope), time.monotonic()):
                    await asyncio.sleep(wait)
            text = message.get("text")
            body = message["bytes"] if text is None else text.encode(errors="replace")
            asked = _asked(service, id_, beside, forms.RAW if text is None else forms.JSON, body)
            if asked.answer is not None:
                await ahead.add(asked.answer, len(body))
            await answers.put(asked)
    except Exception:
        log.exception("A WebSocket could not be read.")
    await answers.put(None)


def _asked(service: Service, id_: Id, beside: dict[str, Any], form: str, body: bytes) -> _Asked:
    """A message as a push that is under way."""
    try:
        if form == forms.RAW:
            service.interface.only_output("raw bytes")
        elif body.lstrip()[:1] == b"[":
            body = b'{"x":' + body + b"}"
        if len(body) > service.settings.max_body + 6:
            raise forms.too_large(len(body), service.settings.max_body)
        push, single = service.asking.one(id_, form, body, beside)
        return _Asked(form, None, push, single, service.submit(push))
    except Refused as error:
        return _Asked(form, error)


class _Ahead:
    """The messages of one client that are under way: only so much of them that others have their turn too."""

    def __init__(self) -> None:
        self._answers: deque[tuple[asyncio.Future[Any], int]] = deque()
        self._size = 0

    async def add(self, answer: asyncio.Future[Any], size: int) -> None:
        """Take one more, and wait until no more than `_AHEAD_BYTES` are under way, or this one alone."""
        self._answers.append((answer, size))
        self._size += size
        while self._answers:
            first, length = self._answers[0]
            if not first.done():
                if self._size <= _AHEAD_BYTES or len(self._answers) == 1:
                    return
                await asyncio.wait([first])
            self._answers.popleft()
            self._size -= length


async def _write(service: Service, socket: WebSocket, answers: asyncio.Queue[_Asked | None]) -> None:
    """Send the answers in the order of the messages."""
    while (asked := await answers.get()) is not None:
        form, body = await _answered(service, asked)
        if socket.client_state is not WebSocketState.CONNECTED:
            continue
        try:
            with Deadline(service.settings.timeout):
                await (socket.send_bytes(body) if form == forms.RAW else socket.send_text(body.decode()))
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            with suppress(Exception), Deadline(min(service.settings.timeout, 1.0)):
                await socket.close(_TRY_LATER, "The answers are not read.")
            return


async def _answered(service: Service, asked: _Asked) -> tuple[str, bytes]:
    """A message's answer: its form, and what to send."""
    try:
        if asked.error is not None:
            raise asked.error
        assert asked.push is not None
        assert asked.answer is not None
        answer = await service.answer(asked.answer)
    except Refused as error:
        service.metrics.refuse(error.code)
        return forms.JSON, forms.to_json(error.body())
    outputs = [y[0] for y in answer.outputs] if asked.single else answer.outputs
    return asked.form, forms.written(asked.form, service.interface, outputs, said_beside(asked.push, answer))
