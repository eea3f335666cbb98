"""The ASGI application: the routes, what each takes and gives, and the life around them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from gatewise.serving.http import gate, pages, sockets
from gatewise.serving.http.endpoints import ENDPOINTS, Endpoint
from gatewise.serving.http.errors import Refused
from gatewise.serving.http.forms import JSON, to_json
from gatewise.serving.http.service import Service, log
from gatewise.serving.http.settings import Settings

try:
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.middleware import Middleware
    from starlette.middleware.cors import CORSMiddleware
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import Response
    from starlette.routing import Route, WebSocketRoute
except ModuleNotFoundError as error:
    raise ImportError(f"A service needs {error.name}: pip install 'gatewise[serve]'.") from None

_NEVER_CACHED: Final = {"cache-control": "no-store"}


def app(model: Any, settings: Settings | None = None, **named: Any) -> Starlette:
    """A service of a model, as an ASGI application: for uvicorn and its like, or to mount in another.

    Args:
        model: a causal model, with weights; its `predict` is served, and its streams by id.
        settings: how; or by name, each as in `Settings`.

    A server that knows the lifespan protocol starts and stops it. Mounted in another application, which passes no
    lifespan on, it starts with the first request; `await app.state.service.stop()` then ends it with a snapshot.

    Raises:
        ValueError: a model that cannot stream, or a setting that cannot be.
        ImportError: where starlette or prometheus-client is missing; it says what to install.

    >>> import gatewise as gw
    >>> from gatewise import serving
    >>> model = gw.Sequential([gw.Input((None, 8)), gw.layers.LSTM(32, return_sequences=True), gw.layers.Dense(1)])
    >>> application = serving.app(model, streams=1000, max_wait="1ms")
    >>> application.state.service.interface.inputs[0].shape
    (8,)
    """
    if settings is not None and named:
        raise TypeError(f"Give either settings or {', '.join(named)} by name, not both.")
    settings = settings or Settings(**named)
    service = Service(model, settings)
    middleware = [Middleware(gate.Gate, settings=settings, rates=service.rates, refused=service.metrics.refuse)]
    if settings.allow_origin is not None:
        cors = {"allow_origins": [settings.allow_origin], "allow_methods": ["*"], "allow_headers": ["*"]}
        middleware.insert(0, Middleware(CORSMiddleware, **cors))
    made = Starlette(
        routes=[
            *(Route(each.path, _answering(service, each), methods=[each.method]) for each in _busiest_first()),
            *(Route(path, partial(_page, page), methods=["GET"]) for path, page in pages.PAGES.items()),
            WebSocketRoute("/streams/{id}", partial(sockets.talk, service)),
        ],
        middleware=middleware,
        exception_handlers={HTTPException: _unknown, Exception: _broken},
        lifespan=partial(_life, service),
    )
    made.state.service = service
    return made


def _busiest_first() -> list[Endpoint]:
    """Routes are tried one after the other: those that push come first."""
    return sorted(ENDPOINTS, key=lambda each: (not each.path.endswith("/push"), "{id}" not in each.path))


@asynccontextmanager
async def _life(service: Service, _: Starlette) -> AsyncIterator[None]:
    await service.start()
    try:
        yield
    finally:
        await service.stop()


def _answering(service: Service, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint as Starlette has it: counted, timed, and with its errors as JSON."""

    async def answer(request: Request) -> Response:
        begin = time.perf_counter()
        try:
            if not service.ready and not endpoint.always:
                await service.start()
            answer = await endpoint.handler(service, request)
        except Refused as error:
            service.metrics.refuse(error.code)
            answer = Response(to_json(error.body()), error.status, error.headers, JSON)
        except ClientDisconnect:
            answer = Response(status_code=499)  # Nobody reads it; nothing had begun.
        service.metrics.answered(endpoint.path, endpoint.method, answer.status_code, time.perf_counter() - begin)
        return answer

    return answer


async def _page(page: pages.Page, _: Request) -> Response:
    return Response(page.body, headers={**page.headers, **_NEVER_CACHED})


async def _unknown(request: Request, error: Exception) -> Response:
    """A path or a method that is not there."""
    assert isinstance(error, HTTPException)
    paths = sorted({f"{each.method} {each.path}" for each in ENDPOINTS})
    found = Refused(
        error.status_code,
        "unknown_path" if error.status_code == 404 else "unknown_method",
        "There is nothing at this path." if error.status_code == 404 else "The path takes other methods.",
        got=f"{request.method} {request.url.path}"[:200],
        wanted=paths,
        hint="GET /openapi.json says what each takes; /api shows it.",
    )
    return Response(to_json(found.body()), found.status, error.headers, JSON)


async def _broken(request: Request, error: Exception) -> Response:
    """A mistake of ours."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    found = Refused(500, "broken", f"The service failed: {type(error).__name__}.", hint="Its log says more.")
    return Response(to_json(found.body()), 500, media_type=JSON)
