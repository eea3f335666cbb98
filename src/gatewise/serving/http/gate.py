"""Who may come in, and how often: the first thing that a request meets."""

from __future__ import annotations

import hmac
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import quote

from gatewise.serving.http.errors import Refused
from gatewise.serving.http.forms import to_json
from gatewise.serving.http.settings import Settings

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN: Final = frozenset({"/", "/api", "/health", "/ready"})
"""What needs no token: pages without data, and what a load balancer asks."""
_CLIENTS: Final = 65_536
"""So many clients' rates are remembered; the one that was silent for longest is forgotten first."""


class Rates:
    """A bucket of tokens for each client: `rate` a second flow in, up to `burst`; a request takes one.

    >>> rates = Rates(2.0, 2)
    >>> [rates.wait("a", now) for now in (0.0, 0.0, 0.0, 0.5)]
    [0.0, 0.0, 0.5, 0.0]
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str, now: float) -> float:
        """0 where a request may be made now, which takes a token; else how long until it may."""
        tokens, then = self._buckets.pop(client, (self._burst, now))
        tokens = min(self._burst, tokens + (now - then) * self._rate)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self._rate
        self._buckets[client] = (tokens - 1 if not wait else tokens, now)
        if len(self._buckets) > _CLIENTS:
            self._buckets.popitem(last=False)
        return wait


class Gate:
    """An ASGI application around another, which lets through what may come in.

    Args:
        app: the other.
        settings: the token, the rate, the most connections.
        rates: of the clients, where they are limited.
        refused: is told the word of each refusal.
    """

    def __init__(self, app: App, settings: Settings, rates: Rates | None, refused: Callable[[str], None]) -> None:
        self._app = app
        self._settings = settings
        self._rates = rates
        self._refused = refused
        self._token = settings.token.encode() if settings.token else None
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope)
        except Refused as error:
            self._refused(error.code)
            await refuse(error, scope, receive, send)
            return
        # Routes see the path as it came: %2F belongs to an id, and / does not.
        came = scope.get("raw_path") or quote(scope["path"]).encode()
        self._inside += 1
        try:
            await self._app({**scope, "path": came.partition(b"?")[0].decode("latin-1")}, receive, send)
        finally:
            self._inside -= 1

    def _check(self, scope: Scope) -> None:
        headers = {name: value for name, value in scope["headers"] if name in _LOOKED_AT}
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if self._inside >= self._settings.max_connections:
            raise Refused(
                503,
                "too_many_connections",
                f"{self._inside} requests are under way, as many as may be at once.",
                hint="Try again in a moment, or start the service with a larger --max-connections.",
                headers={"retry-after": "1"},
            )
        if self._rates is not None and path not in OPEN:
            self._check_rate(self._rates, scope)  # Before the token: who guesses tokens is counted.
        if self._token is not None and path not in OPEN:
            self._check_token(headers.get(b"authorization", b""))
        self._check_origin(headers)

    def _check_rate(self, rates: Rates, scope: Scope) -> None:
        wait = rates.wait(client_of(scope), time.monotonic())
        if wait:
            raise Refused(
                429,
                "too_often",
                f"A client may send {self._settings.rate:g} requests a second.",
                hint=f"Wait {wait:.3g} s; one request or message can carry many rows.",
                headers={"retry-after": str(math.ceil(wait))},
            )

    def _check_token(self, came: bytes) -> None:
        assert self._token is not None
        scheme, _, token = came.partition(b" ")
        if scheme.lower() != b"bearer" or not hmac.compare_digest(token.strip(), self._token):
            raise Refused(
                401,
                "no_token" if not came else "wrong_token",
                "The request carries no token." if not came else "The request carries another token.",
                wanted="Authorization: Bearer TOKEN",
                headers={"www-authenticate": "Bearer"},
            )

    def _check_origin(self, headers: dict[bytes, bytes]) -> None:
        """A browser says from which site a page came; another's must not push streams with its visitors' rights."""
        origin = headers.get(b"origin")
        if origin is None:
            return
        _, _, host = origin.partition(b"://")
        if host != headers.get(b"host") and origin.decode("latin-1") != self._settings.allow_origin:
            raise Refused(
                403,
                "other_origin",
                "A page of another site may not use this service.",
                got=origin.decode("latin-1"),
                wanted=headers.get(b"host", b"").decode("latin-1"),
                hint="Start the service with --allow-origin to let it.",
            )


_LOOKED_AT: Final = frozenset({b"authorization", b"origin", b"host"})


def rates_of(settings: Settings) -> Rates | None:
    """The rates that the settings ask for; one for all that one service answers."""
    return Rates(settings.rate, settings.burst or math.ceil(settings.rate)) if settings.rate else None


def client_of(scope: Scope) -> str:
    """Whose rate a request counts against: the address that it came from."""
    client = scope.get("client")
    return str(client[0]) if client else ""


async def refuse(error: Refused, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with an error."""
    body = to_json(error.body())
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(name.encode(), value.encode()) for name, value in error.headers.items()]
    kind = "http" if scope["type"] == "http" else "websocket.http"
    if kind != "http" and kind + ".response" not in scope.get("extensions", {}):
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": error.said["message"][:120]})
        return
    if kind != "http":
        await receive()
    await send({"type": f"{kind}.response.start", "status": error.status, "headers": headers})
    await send({"type": f"{kind}.response.body", "body": body})
