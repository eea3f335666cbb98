"""The OpenAPI description: valid, of the model's own shapes, and true of what the service answers; the pages; metrics."""

from __future__ import annotations

import re

import jsonschema
import numpy as np
import pytest
from openapi_spec_validator import validate
from services import RAW, a_model, client, push, rows

import gatewise as gw


def two_inputs():
    a, word = gw.Input((None, 3), name="a"), gw.Input((None,), dtype="int32", name="word")
    h = gw.layers.GRU(4)(gw.layers.Concatenate()([a, gw.layers.Embedding(10, 2)(word)]))
    return gw.Model([a, word], [gw.layers.Dense(1, name="up")(h), gw.layers.Dense(2, name="down")(h)])


@pytest.mark.parametrize("model", [a_model, two_inputs])
@pytest.mark.parametrize("settings", [{}, {"token": "t", "rate": 1000}])
def test_the_description_is_valid_openapi(model, settings):
    with client(model(), **settings) as talks:
        said = talks.get("/openapi.json", headers={"authorization": "Bearer t"}).json()
    validate(said)
    operations = [each["operationId"] for path in said["paths"].values() for each in path.values()]
    assert len(operations) == len(set(operations)) == 17
    assert ("401" in said["paths"]["/push"]["post"]["responses"]) == bool(settings)


def test_it_knows_the_models_shapes():
    with client(a_model()) as talks:
        paths = talks.get("/openapi.json").json()["paths"]
    x = paths["/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]["x"]
    row = {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3}
    assert x == {"type": "array", "items": {"type": "array", "items": row}}
    with client(two_inputs()) as talks:
        paths = talks.get("/openapi.json").json()["paths"]
    content = paths["/push"]["post"]["requestBody"]["content"]
    assert set(content) == {"application/json", "application/x-npz"}
    x = content["application/json"]["schema"]["properties"]["x"]["properties"]
    assert x == {"a": {"type": "array", "items": row}, "word": {"type": "array", "items": {"type": "integer"}}}


def test_what_the_service_answers_is_what_the_description_says():
    x = rows(2).tolist()
    asked = [
        ("post", "/predict", {"json": {"x": [x]}}),
        ("post", "/predict", {"json": {"x": x}}),
        ("post", "/push", {"json": {"ids": ["a", 7], "x": x, "sequence": [1, 1]}}),
        ("post", "/push", {"json": {"ids": ["b"], "x": x[:1], "new": "error"}}),
        ("post", "/streams/{id}/push", {"json": {"x": x[0], "sequence": 2}}),
        ("post", "/streams/{id}/push", {"json": {"x": x, "sequence": 9}}),
        ("post", "/streams/{id}/push", {"content": b"{", "headers": {"content-type": "application/json"}}),
        ("post", "/streams/{id}/push", {"content": b"{", "headers": {"content-type": "text/plain"}}),
        ("get", "/streams", {}),
        ("get", "/streams/{id}", {}),
        ("put", "/streams/{id}", {}),
        ("get", "/streams/{id}/state", {}),
        ("put", "/streams/{id}/state", {"content": b"?", "headers": RAW}),
        ("post", "/save", {"json": {"ids": ["a"]}}),
        ("post", "/load", {"content": b"?", "headers": RAW}),
        ("post", "/snapshot", {}),
        ("post", "/streams/{id}/reset", {}),
        ("delete", "/streams/{id}", {}),
        ("delete", "/streams/{id}", {}),
        ("get", "/health", {}),
        ("get", "/ready", {}),
        ("get", "/metrics", {}),
        ("get", "/openapi.json", {}),
    ]
    with client(a_model(), new="add") as talks:
        said = talks.get("/openapi.json").json()
        for method, path, named in asked:
            answer = getattr(talks, method)(path.replace("{id}", "a"), **named)
            described = said["paths"][path][method]["responses"][str(answer.status_code)]
            if "content" not in described:
                assert answer.content == b""
                continue
            kind = answer.headers["content-type"].partition(";")[0]
            schema = described["content"][kind].get("schema", {})
            if kind == "application/json":
                jsonschema.validate(answer.json(), {**schema, "components": said["components"]})


@pytest.mark.parametrize("path", ["/", "/api"])
def test_the_pages_are_whole_and_ask_nobody_else(path):
    with client(a_model()) as talks:
        page = talks.get(path)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert '<html lang="en">' in page.text
    assert "<title>" in page.text
    assert not re.search(r"https?://|//cdn|@import|<iframe|onclick=|style=", page.text)
    assert len(re.findall("<script>", page.text)) == len(re.findall("<style>", page.text)) == 1
    assert page.headers["content-security-policy"].count("'sha256-") == 2
    for control in re.findall(r"<(?:input|select|textarea)\b[^>]*>", page.text):
        name = re.search(r'id="([^"]+)"', control)
        assert name is not None
        assert f'for="{name[1]}"' in page.text  # Each has a label.


def test_metrics_count_what_happened():
    with client(a_model(), new="add") as talks:
        push(talks, "a", np.zeros((3, 3)), sequence=1)
        push(talks, "a", np.zeros((3, 3)), sequence=1)
        push(talks, "a", [1.0])
        text = talks.get("/metrics").text
    assert "gatewise_rows_total 3.0" in text
    assert "gatewise_repeated_total 1.0" in text
    assert "gatewise_streams 1.0" in text
    assert 'gatewise_requests_total{method="POST",route="/streams/{id}/push",status="200"} 2.0' in text
    assert 'gatewise_refused_total{code="wrong_shape"} 1.0' in text
    assert 'gatewise_batch_rows_bucket{le="4.0"} 2.0' in text
