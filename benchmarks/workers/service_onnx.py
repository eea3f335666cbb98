"""A service of an ONNX graph whose states are inputs and outputs, in the frame that ours has: starlette and uvicorn.

`python -m benchmarks.workers.service_onnx MODEL PORT`. The states lie in a dict by the stream's id, and a push is one
`session.run`, in the handler itself: handing it to a thread would cost more than it takes.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect


class Streams:
    """The states of all streams, by id."""

    def __init__(self, path: str) -> None:
        import onnxruntime as runtime

        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # More cost such a small graph time.
        self._session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._x, *self._names = [value.name for value in self._session.get_inputs()]
        self._zeros = [np.zeros((1, value.shape[1]), np.float32) for value in self._session.get_inputs()[1:]]
        self._states: dict[str, Any] = {}

    def push(self, id_: str, body: bytes) -> bytes:
        state = self._states.get(id_, self._zeros)
        x = np.frombuffer(body, np.float32).reshape(1, 1, -1)
        y, *self._states[id_] = self._session.run(None, {self._x: x, **dict(zip(self._names, state, strict=True))})
        return bytes(y.tobytes())


def main() -> None:
    streams = Streams(sys.argv[1])

    async def push(request: Request) -> Response:
        body = await request.body()
        return Response(streams.push(request.path_params["id"], body), media_type="application/octet-stream")

    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        try:
            while True:
                await socket.send_bytes(streams.push(socket.path_params["id"], await socket.receive_bytes()))
        except WebSocketDisconnect:
            return

    async def ready(_: Request) -> Response:
        return Response(b"ready")

    routes = [
        Route("/streams/{id}/push", push, methods=["POST"]),
        WebSocketRoute("/streams/{id}", talk),
        Route("/ready", ready),
    ]
    uvicorn.run(
        Starlette(routes=routes), port=int(sys.argv[2]), log_level="warning", backlog=4096, ws_per_message_deflate=False
    )


if __name__ == "__main__":
    main()
