"""A service in a process of its own, under uvicorn: what `gatewise serve` runs."""

from __future__ import annotations

import signal
import time
from typing import Any, Final

from gatewise.serving.http.application import app
from gatewise.serving.http.settings import Settings

try:
    import uvicorn
except ModuleNotFoundError as error:
    raise ImportError(f"A service needs {error.name}: pip install 'gatewise[serve]'.") from None

_LOOKS: Final = 10
"""Every so many of the server's ticks, which are of a tenth of a second, silent connections are looked for."""


class Server(uvicorn.Server):  # type: ignore[misc]
    """A server that lets go of connections which only take the places of others.

    Those are closed on which no request comes, or whose end the other side does not take.

    Args:
        config: of uvicorn.
        patience: for how long they may, in seconds.
    """

    def __init__(self, config: uvicorn.Config, patience: float) -> None:
        super().__init__(config)
        self._patience = patience
        self._silent: dict[Any, float] = {}

    async def on_tick(self, counter: int) -> bool:
        if counter % _LOOKS == 0:
            self._close_silent(time.monotonic())
        return bool(await super().on_tick(counter))

    def _close_silent(self, now: float) -> None:
        silent = [each for each in self.server_state.connections if _is_silent(each)]
        self._silent = {each: self._silent.get(each, now) for each in silent}
        for connection, since in self._silent.items():
            if now - since > self._patience:
                connection.transport.abort()


def _is_silent(connection: Any) -> bool:
    """Whether a connection has no request under way, or is closing; open WebSockets are looked after by their pings."""
    if connection.transport is not None and connection.transport.is_closing():
        return True
    if getattr(connection, "close_timer", None) is not None:  # A WebSocket that waits for the other side's last word.
        return True
    return hasattr(connection, "cycle") and (connection.cycle is None or bool(connection.cycle.response_complete))


def serve(
    model: Any,
    settings: Settings,
    *,
    host: str,
    port: int,
    grace: float,
    log_level: str,
    certificate: str | None = None,
    key: str | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; then finish what was begun, for `grace` seconds at most, and write the snapshot.

    Raises:
        ValueError, OSError: where the service cannot begin.
    """
    service = app(model, settings)
    config = uvicorn.Config(
        service,
        host=host,
        port=port,
        log_level=log_level,
        access_log=log_level in ("debug", "trace"),
        limit_concurrency=settings.max_connections + 1,
        ws_max_size=settings.max_body,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=max(1, round(grace)),
        timeout_keep_alive=max(1, round(settings.timeout)),
        server_header=False,
        lifespan="on",
        backlog=4096,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _done)
    Server(config, settings.timeout).run()


def _done(*_: object) -> None:
    """What is left to do for a signal that uvicorn has obeyed, and then raises again: the end was in order."""
