"""The frame alone: starlette and uvicorn, an answer of four bytes and no model; the most that a service in it can do.

`python -m benchmarks.workers.service_frame PORT`.
"""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect


async def push(request: Request) -> Response:
    await request.body()
    return Response(b"\0\0\0\0", media_type="application/octet-stream")


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    try:
        while True:
            await socket.receive_bytes()
            await socket.send_bytes(b"\0\0\0\0")
    except WebSocketDisconnect:
        return


async def ready(_: Request) -> Response:
    return Response(b"ready")


if __name__ == "__main__":
    routes = [
        Route("/streams/{id}/push", push, methods=["POST"]),
        WebSocketRoute("/streams/{id}", talk),
        Route("/ready", ready),
    ]
    uvicorn.run(
        Starlette(routes=routes), port=int(sys.argv[1]), log_level="warning", backlog=4096, ws_per_message_deflate=False
    )
