"""What can be asked of a service: one table, of which the routes and the OpenAPI description are made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gatewise.serving.http import asking, forms, metrics, openapi
from gatewise.serving.http.deadline import Deadline
from gatewise.serving.http.errors import Refused
from gatewise.serving.http.ids import from_json, from_url, to_json
from gatewise.serving.http.service import Service

SEQUENCE: Final = "gatewise-sequence"
REPEATED: Final = "gatewise-repeated"
_MOST_LISTED: Final = 1000


@dataclass(frozen=True)
class Endpoint:
    """One thing that can be asked.

    Attributes:
        method, path: of HTTP.
        handler: which answers.
        summary, words: what it does.
        takes, gives: names of forms in `openapi`, or None.
        status: of an answer without error.
        errors: of others.
        query: names of parameters in `openapi`.
        always: whether it answers before the start and after the end too.
    """

    method: str
    path: str
    handler: Callable[[Service, Request], Awaitable[Response]]
    summary: str
    words: str
    takes: str | None = None
    gives: str | None = None
    status: int = 200
    errors: tuple[int, ...] = ()
    query: tuple[str, ...] = ()
    always: bool = False


# -- pushes -----------------------------------------------------------------------------------------------------------


async def _push_one(service: Service, request: Request) -> Response:
    id_ = from_url(request.path_params["id"])
    form, given = _forms(service, request)
    body = await read_body(service, request)
    beside = asking.in_query(request.query_params)
    push, single = await _off_loop(len(body), partial(service.asking.one, id_, form, body, beside))
    answer = await service.push(push)
    outputs = [y[0] for y in answer.outputs] if single else answer.outputs
    said = asking.said_beside(push, answer)
    headers = {f"gatewise-{name}": str(value).lower() for name, value in said.items()}
    return Response(forms.written(given, service.interface, outputs, said), headers=headers, media_type=given)


async def _push_many(service: Service, request: Request) -> Response:
    form, given = _forms(service, request)
    body = await read_body(service, request)
    beside = asking.in_query(request.query_params)
    push = await _off_loop(len(body), partial(service.asking.many, form, body, beside))
    answer = await service.push(push)
    said = {"repeated": [to_json(id_) for id_ in answer.repeated]} if push.parts else {}
    headers = {REPEATED: str(len(answer.repeated))} if push.parts else {}
    size = sum(y.nbytes for y in answer.outputs)
    made = await _off_loop(size, partial(forms.written, given, service.interface, answer.outputs, said))
    return Response(made, headers=headers, media_type=given)


def _forms(service: Service, request: Request) -> tuple[str, str]:
    """The forms of a request and of its answer: known before anything moves."""
    form = forms.of_request(_header(request, b"content-type"))
    return form, forms.of_answer(_header(request, b"accept"), form, service.interface)


def _header(request: Request, wanted: bytes) -> str | None:
    """A header as it came; Starlette's own look-up decodes them all."""
    return next((value.decode("latin-1") for name, value in request.scope["headers"] if name == wanted), None)


# -- streams ----------------------------------------------------------------------------------------------------------


async def _list_streams(service: Service, request: Request) -> Response:
    query = request.query_params
    start = asking.whole_number(query, "start")
    limit = min(asking.whole_number(query, "limit", 100), _MOST_LISTED)
    page = partial(service.streams.page, start, limit, broken=asking.switch(query, "broken"))
    (count, ids), recent = await asyncio.gather(service.in_turn(page), service.in_turn(service.streams.recently))
    interface = service.interface
    return _json(
        {
            "count": count,
            "capacity": service.settings.streams,
            "start": start,
            "ids": [to_json(id_) for id_ in ids],
            "recent": [
                {
                    "id": to_json(id_),
                    "at": seen["at"],
                    "x": {port.name: x.tolist() for port, x in zip(interface.inputs, seen["x"], strict=True)},
                    "y": {port.name: y.tolist() for port, y in zip(interface.outputs, seen["y"], strict=True)},
                }
                for id_, seen in recent
            ],
        }
    )


async def _get_stream(service: Service, request: Request) -> Response:
    id_ = from_url(request.path_params["id"])

    def look() -> dict[str, Any]:
        service.streams.check(id_)
        return {"id": to_json(id_), "sequence": service.streams.numbers.at(id_)}

    return _json(await service.in_turn(look))


async def _put_stream(service: Service, request: Request) -> Response:
    id_ = from_url(request.path_params["id"])
    added = await service.in_turn(partial(service.streams.add, id_), moves=True)
    return _json({"id": to_json(id_), "new": added}, 201 if added else 200)


async def _drop_stream(service: Service, request: Request) -> Response:
    await service.in_turn(partial(service.streams.drop, from_url(request.path_params["id"])), moves=True)
    return Response(status_code=204)


async def _reset_stream(service: Service, request: Request) -> Response:
    await service.in_turn(partial(service.streams.reset, from_url(request.path_params["id"])), moves=True)
    return Response(status_code=204)


async def _get_state(service: Service, request: Request) -> Response:
    id_ = from_url(request.path_params["id"])

    def save() -> tuple[bytes, int]:
        return service.streams.save([id_]), service.streams.numbers.at(id_)

    data, number = await service.in_turn(save)
    return Response(data, headers={SEQUENCE: str(number)}, media_type=forms.RAW)


async def _put_state(service: Service, request: Request) -> Response:
    id_ = from_url(request.path_params["id"])
    number = asking.whole_number(request.query_params, "sequence")
    _only_raw(request)
    body = await read_body(service, request)
    weights = service.settings.other_weights
    await service.in_turn(partial(service.streams.load_as, id_, body, number, other_weights=weights), moves=True)
    return Response(status_code=204)


async def _save_many(service: Service, request: Request) -> Response:
    form = forms.of_request(_header(request, b"content-type"))
    found = forms.from_json(await read_body(service, request)) if form == forms.JSON else {}
    if set(found) != {"ids"} or not isinstance(found["ids"], list):
        raise Refused(422, "no_ids", "The body has to be an object with a list of ids.", wanted={"ids": ["a", 42]})
    ids = list(dict.fromkeys(from_json(id_) for id_ in found["ids"]))
    return Response(await service.in_turn(partial(service.streams.save, ids)), media_type=forms.RAW)


async def _load_many(service: Service, request: Request) -> Response:
    _only_raw(request)
    body = await read_body(service, request)
    weights = service.settings.other_weights
    ids = await service.in_turn(partial(service.streams.load, body, other_weights=weights), moves=True)
    return _json({"ids": [to_json(id_) for id_ in ids]})


def _only_raw(request: Request) -> None:
    if forms.of_request(_header(request, b"content-type")) != forms.RAW:
        raise Refused(415, "unknown_form", "A state is bytes.", wanted=[forms.RAW])


# -- the model and the service ----------------------------------------------------------------------------------------


async def _predict(service: Service, request: Request) -> Response:
    form, given = _forms(service, request)
    body = await read_body(service, request)
    return Response(await run_in_threadpool(_predicted, service, form, given, body), media_type=given)


def _predicted(service: Service, form: str, given: str, body: bytes) -> bytes:
    interface = service.interface
    arrays = service.asking.whole(form, body)
    try:
        outputs = service.model.predict(interface.as_model_takes(arrays), verbose=0)
    except (ValueError, TypeError) as error:
        raise Refused(422, "refused_by_model", str(error)) from None
    return forms.written(given, interface, interface.listed(outputs), {})


async def _take_snapshot(service: Service, _: Request) -> Response:
    return _json(await service.snapshot())


async def _health(service: Service, _: Request) -> Response:
    return _json(service.health())


async def _ready(service: Service, _: Request) -> Response:
    return _json(service.health(), 200 if service.ready else 503)


async def _prometheus(service: Service, _: Request) -> Response:
    return Response(service.metrics.text(), headers={"content-type": metrics.CONTENT_TYPE})


async def _description(service: Service, request: Request) -> Response:
    return _json(openapi.described(service.interface, service.settings, ENDPOINTS))


def _json(value: Any, status: int = 200) -> Response:
    return Response(forms.to_json(value), status, media_type=forms.JSON)


# -- bodies -----------------------------------------------------------------------------------------------------------

_LONG: Final = 256 << 10
"""Bytes from which on a body is read by a thread beside the loop, which others need: some milliseconds of JSON."""


async def _off_loop(size: int, work: Callable[[], Any]) -> Any:
    return await run_in_threadpool(work) if size > _LONG else work()


async def read_body(service: Service, request: Request) -> bytes:
    """A request's body, within the limits of size and time.

    Raises:
        Refused: it is too large, or did not come in time.
    """
    limit, patience = service.settings.max_body, service.settings.timeout
    said = _header(request, b"content-length") or ""
    if said.isdigit() and int(said) > limit:
        raise forms.too_large(int(said), limit)
    chunks: list[bytes] = []
    size = 0
    try:
        with Deadline(patience):
            while True:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                chunks.append(message.get("body", b""))
                size += len(chunks[-1])
                if size > limit:
                    raise forms.too_large(None, limit)
                if not message.get("more_body", False):
                    return b"".join(chunks) if len(chunks) > 1 else chunks[0]
    except TimeoutError:
        raise Refused(
            408, "too_slow", f"The body did not come within {patience:g} s.", headers={"connection": "close"}
        ) from None


ENDPOINTS: Final = (
    Endpoint(
        "POST", "/predict", _predict, "Predict",
        "The model's output for whole sequences; no stream moves.",
        takes="predict", gives="predicted", errors=(400, 406, 413, 415, 422),
    ),
    Endpoint(
        "POST", "/push", _push_many, "Push many streams",
        "Advance streams by a row each. A stream that stands there several times takes the rows in their order; the "
        "outputs come in the order of the rows. All of them move, or after an error none.",
        takes="push_many", gives="pushed_many", errors=(400, 404, 406, 409, 413, 415, 422, 503), query=("new",),
    ),
    Endpoint(
        "GET", "/streams", _list_streams, "List streams",
        "How many there are, a page of their ids, and those that were pushed last. Of 10,000 streams or more the ids "
        "may be a second old. With broken=true only streams whose states hold NaN or infinity are counted and listed.",
        gives="streams", errors=(422,), query=("start", "limit", "broken"),
    ),
    Endpoint(
        "GET", "/streams/{id}", _get_stream, "Look at a stream",
        "Whether it is there, and the number of its last numbered push. A WebSocket at the same path pushes.",
        gives="stream", errors=(404, 422),
    ),
    Endpoint(
        "PUT", "/streams/{id}", _put_stream, "Begin a stream",
        "From zeros. Where it is there already it stays as it is.",
        gives="added", errors=(422, 503),
    ),
    Endpoint(
        "DELETE", "/streams/{id}", _drop_stream, "End a stream", "Its state is gone.", status=204, errors=(404, 422)
    ),
    Endpoint(
        "POST", "/streams/{id}/push", _push_one, "Push a stream",
        "Advance a stream by one step, or by several in their order. With a number, 1 for the first push of a stream, "
        "the last push may be sent again where its answer was lost: it is answered as before and moves nothing.",
        takes="push", gives="pushed", errors=(400, 404, 406, 409, 413, 415, 422, 503), query=("new", "sequence"),
    ),
    Endpoint(
        "POST", "/streams/{id}/reset", _reset_stream, "Reset a stream",
        "It begins anew from zeros, and from number 0.", status=204, errors=(404, 422),
    ),
    Endpoint(
        "GET", "/streams/{id}/state", _get_state, "Save a stream",
        "Its state as bytes, which PUT takes here or in another service of the same model. The header "
        "Gatewise-Sequence has the number of its last numbered push.",
        gives="state", errors=(404, 422),
    ),
    Endpoint(
        "PUT", "/streams/{id}/state", _put_state, "Restore a stream",
        "From the bytes of one stream, whatever its id was; it begins where it is not there.",
        takes="state", status=204, errors=(413, 415, 422, 503), query=("sequence",),
    ),
    Endpoint(
        "POST", "/save", _save_many, "Save streams",
        "The states of many streams as bytes, which /load and StreamPool.load take.",
        takes="ids", gives="state", errors=(400, 404, 413, 415, 422),
    ),
    Endpoint(
        "POST", "/load", _load_many, "Load streams",
        "Take the streams that /save or StreamPool.save gave, under their own ids.",
        takes="state", gives="loaded", errors=(413, 415, 422, 503),
    ),
    Endpoint(
        "POST", "/snapshot", _take_snapshot, "Write the snapshot",
        "It is answered when the file is on the disk; every push that was answered before is in it.",
        gives="snapshot", errors=(409,),
    ),
    Endpoint("GET", "/health", _health, "How the service is", "200 as long as it lives.", gives="health", always=True),
    Endpoint(
        "GET", "/ready", _ready, "Whether it takes pushes", "503 while it stops.",
        gives="health", errors=(503,), always=True,
    ),
    Endpoint("GET", "/metrics", _prometheus, "Metrics", "For Prometheus.", gives="metrics", always=True),
    Endpoint("GET", "/openapi.json", _description, "This description", "OpenAPI 3.1.", gives="openapi", always=True),
)  # fmt: skip
