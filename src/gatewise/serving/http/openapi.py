"""The OpenAPI description of a service, made of its endpoints and of the model's own shapes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from gatewise.base.version import __version__
from gatewise.serving.http import forms
from gatewise.serving.http.ids import LONGEST
from gatewise.serving.http.interface import Interface, Port, words_of
from gatewise.serving.http.settings import Settings

if TYPE_CHECKING:
    from gatewise.serving.http.endpoints import Endpoint

_ERROR: Final = {"$ref": "#/components/schemas/Error"}
_ID: Final = {"$ref": "#/components/schemas/Id"}
_ANY: Final[dict[str, Any]] = {}
_BYTES: Final = {forms.RAW: _ANY}


def described(interface: Interface, settings: Settings, endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The description, as OpenAPI 3.1 has it."""
    paths: dict[str, dict[str, Any]] = {}
    bodies = _bodies(interface)
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, bodies, settings)
    described: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": interface.label,
            "version": __version__,
            "summary": "A model and its streams, served by Gatewise.",
            "description": _words(interface, settings),
        },
        "paths": paths,
        "components": {"schemas": _schemas()},
    }
    if settings.token is not None:
        described["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        described["security"] = [{"token": []}]
    return described


def _words(interface: Interface, settings: Settings) -> str:
    taken = "; ".join(f"{port.name} {words_of(port.shape)}" for port in interface.inputs)
    given = "; ".join(f"{port.name} {words_of(port.shape)}" for port in interface.outputs)
    return (
        f"One step takes {taken}, and gives {given}. Up to {settings.streams} streams live at once. An error is an "
        "object `error` with a `code` for programs and a `message` for people; after an error nothing has moved."
    )


def _operation(endpoint: Endpoint, bodies: dict[str, dict[str, Any]], settings: Settings) -> dict[str, Any]:
    errors = sorted({*endpoint.errors, *_everywhere(endpoint, settings)})
    answer: dict[str, Any] = {"description": endpoint.words}
    if endpoint.gives:
        answer["content"] = bodies[endpoint.gives]
    described: dict[str, Any] = {
        "summary": endpoint.summary,
        "description": endpoint.words,
        "operationId": f"{endpoint.method.lower()}{re.sub(r'[^a-z]+', '_', endpoint.path)}".rstrip("_"),
        "parameters": [*_in_path(endpoint.path), *(_QUERY[name] for name in endpoint.query)],
        "responses": {str(endpoint.status): answer},
    }
    for status in errors:
        content = answer["content"] if endpoint.always else {forms.JSON: {"schema": _ERROR}}
        described["responses"][str(status)] = {"description": HTTPStatus(status).phrase, "content": content}
    if endpoint.gives == "added":
        described["responses"]["201"] = {"description": "It began.", "content": bodies["added"]}
    if endpoint.takes:
        described["requestBody"] = {"required": True, "content": bodies[endpoint.takes]}
    return described


def _everywhere(endpoint: Endpoint, settings: Settings) -> Iterable[int]:
    if endpoint.path in ("/health", "/ready"):
        return
    if settings.token is not None:
        yield 401
    if settings.rate is not None:
        yield 429


def _in_path(path: str) -> list[dict[str, Any]]:
    if "{id}" not in path:
        return []
    return [{"name": "id", "in": "path", "required": True, "description": "Of the stream.", "schema": _ID}]


_QUERY: Final[dict[str, dict[str, Any]]] = {
    name: {"name": name, "in": "query", "description": words, "schema": schema}
    for name, words, schema in (
        ("new", "What an unknown id does.", {"enum": ["error", "add"]}),
        ("sequence", "The number of a push, from 1 on; of a state, how many pushes it has had.",
         {"type": "integer", "minimum": 0}),
        ("start", "How many ids to leave out.", {"type": "integer", "minimum": 0}),
        ("limit", "How many ids at most.", {"type": "integer", "minimum": 0, "maximum": 1000}),
        ("broken", "Only streams whose states hold NaN or infinity.", {"type": "boolean"}),
    )
}  # fmt: skip


# -- schemas ----------------------------------------------------------------------------------------------------------


def _array(sizes: Sequence[int | None], number: dict[str, Any]) -> dict[str, Any]:
    """Nested lists of a shape, None for any size."""
    schema = number
    for size in reversed(sizes):
        fixed = {} if size is None else {"minItems": size, "maxItems": size}
        schema = {"type": "array", "items": schema, **fixed}
    return schema


def _number(port: Port) -> dict[str, Any]:
    return {"type": "integer"} if port.integers else {"type": "number"}


def _each(ports: Sequence[Port], schemas: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The schema of one port, or an object of several by name."""
    if len(ports) == 1:
        return schemas[0]
    named = {port.name: schema for port, schema in zip(ports, schemas, strict=True)}
    return _object(named, list(named))


def _object(properties: dict[str, Any], required: Sequence[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def _steps(ports: Sequence[Port], front: Sequence[int | None], number: Any = _number) -> dict[str, Any]:
    return _each(ports, [_array((*front, *port.shape), number(port)) for port in ports])


def _may_be_null(_: Port) -> dict[str, Any]:
    return {"type": ["number", "null"], "description": "null stands for NaN and infinities."}


def _bodies(interface: Interface) -> dict[str, dict[str, Any]]:
    """What endpoints take and give, by the names that they call it."""
    ins, outs = interface.inputs, interface.outputs
    one_or_more = {"anyOf": [_steps(ins, ()), _steps(ins, (None,))]}
    y_one_or_more = {"anyOf": [_steps(outs, (), _may_be_null), _steps(outs, (None,), _may_be_null)]}
    new, number = {"enum": ["error", "add"]}, {"type": "integer", "minimum": 1}
    ids = {"type": "array", "items": _ID}
    raw, npy, npz = ({form: _ANY} for form in (forms.RAW, forms.NPY, forms.NPZ))
    if len(ins) > 1:
        raw, npy = {}, {}
    one_out = {forms.RAW: _ANY, forms.NPY: _ANY} if len(outs) == 1 else {}

    def json(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {forms.JSON: {"schema": schema}, **more}

    whole_in = _each(ins, [_array(port.whole, _number(port)) for port in ins])
    whole_out = _each(outs, [_array(port.whole, _may_be_null(port)) for port in outs])
    push = _object({"x": one_or_more, "new": new, "sequence": number}, ["x"])
    push_many = _object(
        {"ids": ids, "x": _steps(ins, (None,)), "new": new, "sequence": {"type": "array", "items": number}},
        ["ids", "x"],
    )
    pushed = _object({"y": y_one_or_more, "sequence": number, "repeated": {"type": "boolean"}}, ["y"])
    count = {"type": "integer", "minimum": 0}
    return {
        "predict": {**json(_object({"x": whole_in}, ["x"])), **npy, **npz},
        "predicted": {**json(_object({"y": whole_out}, ["y"])), **one_out, **npz},
        "push": {**json(push), **raw, **npy, **npz},
        "pushed": {**json(pushed), **one_out, **npz},
        "push_many": {**json(push_many), **raw, **npz},
        "pushed_many": {
            **json(_object({"y": _steps(outs, (None,), _may_be_null), "repeated": ids}, ["y"])), **one_out, **npz
        },
        "streams": json(
            _object(
                {"count": count, "capacity": count, "start": count, "ids": ids, "recent": {"type": "array"}},
                ["count", "capacity", "start", "ids", "recent"],
            )
        ),
        "stream": json(_object({"id": _ID, "sequence": count}, ["id", "sequence"])),
        "added": json(_object({"id": _ID, "new": {"type": "boolean"}}, ["id", "new"])),
        "ids": json(_object({"ids": ids}, ["ids"])),
        "loaded": json(_object({"ids": ids}, ["ids"])),
        "state": _BYTES,
        "snapshot": json(
            _object(
                {"file": {"type": "string"}, "streams": count, "bytes": count, "seconds": {"type": "number"}},
                ["file", "streams", "bytes", "seconds"],
            )
        ),
        "health": json(
            _object(
                {
                    "status": {"enum": ["starting", "ok", "stopped"]}, "ready": {"type": "boolean"}, "streams": count,
                    "rows": count, "waiting": count, "seconds": {"type": "number"}, "trouble": {"type": "string"},
                },
                ["status", "ready", "streams", "rows", "waiting", "seconds"],
            )
        ),
        "metrics": {"text/plain": {"schema": {"type": "string"}}},
        "openapi": json({"type": "object"}),
    }  # fmt: skip


def _schemas() -> dict[str, Any]:
    return {
        "Id": {
            "description": "A stream's name. A whole number and the same number as text are one stream.",
            "anyOf": [
                {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
                {"type": "string", "minLength": 1, "maxLength": LONGEST},
            ],
        },
        "Error": _object(
            {
                "error": _object(
                    {
                        "code": {"type": "string", "description": "For programs."},
                        "message": {"type": "string", "description": "For people."},
                        "got": {"description": "What came."},
                        "wanted": {"description": "What should have come."},
                        "hint": {"type": "string", "description": "The way out."},
                    },
                    ["code", "message"],
                )
            },
            ["error"],
        ),
    }
