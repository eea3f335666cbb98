"""Clients that push as fast as a service answers: `python -m benchmarks.workers.load PORT WAY CONNECTIONS SECONDS`.

Each connection has a stream of its own and one push under way. The bytes of HTTP and of WebSocket frames are written
out here: a library for clients would take the machine from the service. Prints JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import numpy as np
import uvloop

_ROW = np.linspace(-1, 1, 8, dtype=np.float32).tobytes()
_WARM_UP = 1.0


class Client(asyncio.Protocol):
    """One connection. Times of answers go to `times` while `measuring` is set."""

    times: list[float] = []  # noqa: RUF012 - of all of them.
    answers = 0
    measuring = False
    stopped = False

    def __init__(self, way: str, number: int) -> None:
        path = f"/streams/{number}/push" if way == "http" else f"/streams/{number}"
        if way == "http":
            head = f"POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/octet-stream\r\n"
            self._first = self._push = f"{head}content-length: {len(_ROW)}\r\n\r\n".encode() + _ROW
        else:
            head = f"GET {path} HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
            key = "sec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nsec-websocket-version: 13\r\n\r\n"
            self._first = (head + key).encode()
            self._push = bytes([0x82, 0x80 | len(_ROW), 0, 0, 0, 0]) + _ROW  # Masked with zeros.
        self._http = way == "http"
        self._opening = not self._http
        self._came = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send(self._first)

    def _send(self, data: bytes) -> None:
        self._at = time.perf_counter()
        self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        self._came += data
        if self._opening:
            head, end, _ = self._came.partition(b"\r\n\r\n")
            if not end:
                return
            assert b" 101 " in head, head
            self._opening = False
        elif not self._whole():
            return
        else:
            Client.answers += 1
            if Client.measuring:
                Client.times.append(time.perf_counter() - self._at)
        self._came = b""
        if not Client.stopped:
            self._send(self._push)

    def _whole(self) -> bool:
        if not self._http:
            assert self._came[0] == 0x82, self._came
            return len(self._came) >= 2 + self._came[1]
        head, end, body = self._came.partition(b"\r\n\r\n")
        if not end:
            return False
        assert b" 200 " in head[:20], self._came
        return len(body) >= int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])


async def main(port: int, way: str, connections: int, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    for number in range(connections):
        await loop.create_connection(lambda number=number: Client(way, number), "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.sleep(_WARM_UP)
    Client.measuring = True
    begin = time.perf_counter()
    await asyncio.sleep(seconds)
    while not Client.times:  # A busy machine.
        await asyncio.sleep(0.1)
    Client.measuring = False
    took = time.perf_counter() - begin
    Client.stopped = True
    await asyncio.sleep(0.2)
    times = 1000 * np.array(Client.times)
    p50, p99 = np.percentile(times, [50, 99])
    rate = len(times) / took
    print(json.dumps({"pushes_per_second": rate, "p50_ms": p50, "p99_ms": p99, "answers": Client.answers}))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
