"""Pushes over HTTP: what a stream answers, in every form; what is refused, and that nothing has moved then."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from services import JSON, NPY, NPZ, RAW, a_model, client, code_of, push, rows, y_of

import gatewise as gw


@pytest.fixture(scope="module")
def model():
    return a_model()


@pytest.fixture
def talks(model):
    with client(model, new="add", max_body="64KB", streams=50) as found:
        yield found


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def test_every_form_answers_what_a_stream_says(model, talks):
    x, stream = rows(9), model.stream()
    wanted = stream.push_many(x)
    one = y_of(push(talks, "a", x[0]))
    assert one.shape == (2,)
    raw = talks.post("/streams/a/push", content=x[1].tobytes(), headers=RAW)
    assert raw.headers["content-type"] == "application/octet-stream"
    as_npy = talks.post("/streams/a/push", content=npy(x[2]), headers=NPY)
    as_npz = talks.post("/streams/a/push", content=npz(anything=x[3:5]), headers=NPZ)
    asked = talks.post("/streams/a/push", content=x[5:7].tobytes(), headers={**RAW, "accept": "application/json"})
    big_endian = talks.post("/streams/a/push", content=npy(np.asfortranarray(x[7:9].astype(">f8"))), headers=NPY)
    got = [
        one[None],
        np.frombuffer(raw.content, "<f4").reshape(1, 2),
        np.load(io.BytesIO(as_npy.content))[None],
        np.load(io.BytesIO(as_npz.content))["score"],
        y_of(asked),
        np.load(io.BytesIO(big_endian.content)),
    ]
    np.testing.assert_allclose(np.concatenate(got), wanted, atol=1e-6)


def test_many_streams_at_once_answer_in_the_order_of_the_rows(model, talks):
    x, ids = rows(6), ["b", 7, "b", "c", 7, "b"]
    single = {id_: model.stream() for id_ in set(ids)}
    wanted = [single[id_].push(row) for id_, row in zip(ids, x, strict=True)]
    got = y_of(talks.post("/push", json={"ids": ids, "x": x.tolist()}))
    np.testing.assert_allclose(got, wanted, atol=1e-6)
    wanted = [single[id_].push(row) for id_, row in zip(ids, x, strict=True)]
    as_npz = talks.post("/push", content=npz(ids=np.array(list(map(str, ids))), x=x), headers=NPZ)
    np.testing.assert_allclose(np.load(io.BytesIO(as_npz.content))["score"], wanted, atol=1e-6)
    wanted = [single[7].push(row) for row in x[:2]]
    raw = talks.post("/push", content=np.array([7, 7], "<i8").tobytes() + x[:2].tobytes(), headers=RAW)
    np.testing.assert_allclose(np.frombuffer(raw.content, "<f4").reshape(2, 2), wanted, atol=1e-6)
    assert talks.get("/streams").json()["count"] == 3


def test_a_number_and_its_text_are_one_stream_and_other_texts_are_others(talks):
    x = rows(4)
    talks.post("/push", json={"ids": [42, "42"], "x": x[:2].tolist()})
    push(talks, "42", x[2])
    push(talks, "042", x[3])
    push(talks, "%C3%BC%2Fa b", x[3])
    assert talks.get("/streams").json()["ids"] == [42, "042", "ü/a b"]
    assert talks.get("/streams/%C3%BC%2Fa%20b").json()["id"] == "ü/a b"


def test_a_stream_begins_is_reset_and_ends(talks):
    x = rows(3)
    assert code_of(push(talks, "a", x[0], new="error"), 404) == "unknown_stream"
    assert code_of(talks.get("/streams/a"), 404) == "unknown_stream"
    assert talks.put("/streams/a").status_code == 201
    first = y_of(push(talks, "a", x[0], new="error"))
    assert talks.put("/streams/a").json() == {"id": "a", "new": False}  # And it is as it was:
    second = y_of(push(talks, "a", x[0]))
    assert not np.array_equal(first, second)
    assert talks.post("/streams/a/reset").status_code == 204
    np.testing.assert_array_equal(y_of(push(talks, "a", x[0])), first)
    assert talks.delete("/streams/a").status_code == 204
    assert code_of(talks.delete("/streams/a"), 404) == "unknown_stream"
    assert code_of(talks.post("/streams/a/reset"), 404) == "unknown_stream"
    np.testing.assert_array_equal(y_of(push(talks, "a", x[0])), first)


# -- numbered pushes --------------------------------------------------------------------------------------------------


def test_a_numbered_push_moves_once_however_often_it_comes(model, talks):
    x, stream = rows(6), model.stream()
    wanted = stream.push_many(x)
    answer = push(talks, "a", x[0], sequence=1)
    assert answer.json()["repeated"] is False
    again = push(talks, "a", x[0], sequence=1)
    assert again.json() == {**answer.json(), "repeated": True}
    assert again.headers["gatewise-repeated"] == "true"
    np.testing.assert_allclose(y_of(push(talks, "a", x[1:3], sequence=2)), wanted[1:3], atol=1e-6)
    raw = talks.post("/streams/a/push?sequence=3", content=x[3].tobytes(), headers=RAW)
    assert (raw.headers["gatewise-sequence"], raw.headers["gatewise-repeated"]) == ("3", "false")
    np.testing.assert_allclose(np.frombuffer(raw.content, "<f4"), wanted[3], atol=1e-6)
    for number, code in ((5, "out_of_sequence"), (2, "out_of_sequence"), (3, "other_rows")):
        refused = push(talks, "a", x[5], sequence=number)
        assert code_of(refused, 409) == code
        assert refused.json()["error"]["wanted"] == 4
    assert talks.get("/streams/a").json() == {"id": "a", "sequence": 3}
    np.testing.assert_allclose(y_of(push(talks, "a", x[4], sequence=4)), wanted[4], atol=1e-6)
    assert code_of(push(talks, "new", x[0], sequence=2), 409) == "out_of_sequence"  # The service lost it, or never had.
    talks.post("/streams/a/reset")
    np.testing.assert_allclose(y_of(push(talks, "a", x[0], sequence=1)), wanted[0], atol=1e-6)


def test_of_numbered_pushes_of_many_only_those_move_that_had_not(model, talks):
    x, single = rows(5), {id_: model.stream() for id_ in "abc"}
    wanted = [single[id_].push(row) for id_, row in zip("abc", x, strict=False)]
    push(talks, "b", x[1], sequence=1)
    answer = talks.post("/push", json={"ids": list("abc"), "x": x[:3].tolist(), "sequence": [1, 1, 1]})
    assert answer.json()["repeated"] == ["b"]
    np.testing.assert_allclose(y_of(answer), wanted, atol=1e-6)
    again = talks.post("/push", json={"ids": list("abc"), "x": x[:3].tolist(), "sequence": [1, 1, 1]})
    assert again.json()["repeated"] == ["a", "b", "c"]
    np.testing.assert_array_equal(y_of(again), y_of(answer))
    body = {"ids": list("ab"), "x": x[3:].tolist()}
    assert code_of(talks.post("/push", json={**body, "sequence": [2, 3]}), 409) == "out_of_sequence"
    assert code_of(talks.post("/push", json={**body, "ids": ["a", "a"], "sequence": [2, 3]}), 422) == "twice"
    assert talks.get("/streams/a").json()["sequence"] == 1
    wanted = [single[id_].push(row) for id_, row in zip("ab", x[3:], strict=True)]
    np.testing.assert_allclose(y_of(talks.post("/push", json={**body, "sequence": [2, 2]})), wanted, atol=1e-6)


# -- what is refused --------------------------------------------------------------------------------------------------

GOOD = [0.0, 1.0, 2.0]
BAD = {
    "shape": ({"x": [1.0, 2.0]}, 422, "wrong_shape"),
    "three axes": ({"x": [[GOOD]]}, 422, "wrong_shape"),
    "ragged": ({"x": [GOOD, [1.0]]}, 422, "no_numbers"),
    "text": ({"x": ["1", "2", "3"]}, 422, "no_numbers"),
    "null": ({"x": [None, 1, 2]}, 422, "no_numbers"),
    "truth": ({"x": [True, False, True]}, 422, "no_numbers"),
    "huge": ({"x": [10**400, 1, 2]}, 422, "no_numbers"),
    "beyond float32": ({"x": [1e39, 1, 2]}, 422, "not_finite"),
    "none": ({"x": np.zeros((0, 3)).tolist()}, 422, "wrong_shape"),
    "object": ({"x": {"y": GOOD}}, 422, "wrong_inputs"),
    "no x": ({"y": GOOD}, 422, "unknown_field"),
    "new": ({"x": GOOD, "new": "maybe"}, 422, "bad_new"),
    "sequence": ({"x": GOOD, "sequence": 0}, 422, "bad_sequence"),
    "sequence of text": ({"x": GOOD, "sequence": "1"}, 422, "bad_sequence"),
    "list": ([GOOD], 400, "bad_json"),
}
BAD_BYTES = {
    "no JSON": (b"{", JSON, 400, "bad_json"),
    "deep": (b"[" * 30_000, JSON, 400, "bad_json"),
    "NaN": (b'{"x": [NaN, 1, 2]}', JSON, 422, "not_finite"),
    "latin-1": (b'{"x": "\xff"}', JSON, 400, "bad_json"),
    "raw of another size": (b"12345", RAW, 422, "wrong_size"),
    "no raw": (b"", RAW, 422, "wrong_size"),
    "raw NaN": (np.full(3, np.nan, "f4").tobytes(), RAW, 422, "not_finite"),
    "pickle": (npy(np.array([{}], object)), NPY, 400, "bad_npy"),
    "npy cut short": (npy(np.zeros(3))[:-1], NPY, 400, "bad_npy"),
    "npy that claims much": (npy(np.zeros(3)).replace(b"(3,)", b"(9999999999,)"), NPY, 400, "bad_npy"),
    "npy of nothing": (b"", NPY, 400, "bad_npy"),
    "zip cut short": (npz(x=np.zeros(3))[:-9], NPZ, 400, "bad_npz"),
    "a form for a page of another site": (b'{"x": [0, 1, 2]}', {"content-type": "text/plain"}, 415, "unknown_form"),
    "another answer": (b'{"x": [0, 1, 2]}', {**JSON, "accept": "text/html"}, 406, "unknown_form"),
    "too large": (b" " * 70_000, JSON, 413, "too_large"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_row_is_refused_in_words(talks, name):
    body, status, code = BAD[name]
    answer = talks.post("/streams/a/push", json=body)
    assert code_of(answer, status) == code
    assert len(answer.json()["error"]["message"]) > 20
    assert talks.get("/streams").json()["count"] == 0


@pytest.mark.parametrize("name", BAD_BYTES)
def test_bytes_that_are_no_row_are_refused_in_words(talks, name):
    body, headers, status, code = BAD_BYTES[name]
    assert code_of(talks.post("/streams/a/push", content=body, headers=headers), status) == code
    assert talks.get("/streams").json()["count"] == 0


def test_an_archive_that_unpacks_to_too_much_is_refused(talks):
    file = io.BytesIO()
    np.savez_compressed(file, x=np.zeros((100_000, 3), "float32"))
    assert len(file.getvalue()) < 64 << 10
    assert code_of(talks.post("/streams/a/push", content=file.getvalue(), headers=NPZ), 413) == "too_large"


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_that_holds_more_than_it_says_takes_no_memory_for_it(talks, method):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("x.npy", bytes(40 << 20))
    body = file.getvalue().replace(struct.pack("<I", 40 << 20), struct.pack("<I", 1000))
    assert len(body) < 64 << 10
    tracemalloc.start()
    assert code_of(talks.post("/streams/a/push", content=body, headers=NPZ), 400) == "bad_npz"
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 8 << 20


@pytest.mark.parametrize(
    "ids", [None, "ab", [["a"]], [1.5], [""], ["a" * 257], ["\ud800"], [True], [2**63], [{"base64": "?"}]]
)
def test_what_is_no_id_is_refused_in_words(talks, ids):
    answer = talks.post("/push", content=_json({"ids": ids, "x": [GOOD] * (2 if ids == "ab" else 1)}), headers=JSON)
    assert code_of(answer, 422) in ("bad_id", "no_ids")


def _json(value):
    import json

    return json.dumps(value)


def test_a_push_of_many_is_made_for_all_or_none(talks):
    x = rows(3)
    before = y_of(push(talks, "a", x[0]))
    assert code_of(talks.post("/push", json={"ids": ["a", "z"], "x": x[:2].tolist(), "new": "error"}), 404)
    assert code_of(talks.post("/push", json={"ids": ["a"], "x": x[:2].tolist()}), 422) == "wrong_shape"
    talks.post("/streams/a/reset")
    np.testing.assert_array_equal(y_of(push(talks, "a", x[0])), before)
    assert talks.get("/streams").json()["count"] == 1


def test_more_streams_than_may_live_are_refused(model, talks):
    x = np.zeros((51, 3)).tolist()
    assert code_of(talks.post("/push", json={"ids": list(range(51)), "x": x}), 503) == "too_many_streams"
    assert talks.post("/push", json={"ids": list(range(50)), "x": x[:50]}).status_code == 200
    assert code_of(talks.put("/streams/more"), 503) == "too_many_streams"
    assert push(talks, 3, GOOD).status_code == 200


def test_a_path_or_method_that_is_not_there_says_what_is(talks):
    answer = talks.get("/stream")
    assert code_of(answer, 404) == "unknown_path"
    assert "GET /streams" in answer.json()["error"]["wanted"]
    answer = talks.delete("/push")
    assert code_of(answer, 405) == "unknown_method"
    assert "POST" in answer.headers["allow"]


def test_nan_is_taken_where_it_is_allowed_and_answered_as_null():
    with client(a_model(), new="add", allow_nan=True) as talks:
        answer = talks.post("/streams/a/push", content=b'{"x": [NaN, Infinity, 2]}', headers=JSON)
        assert answer.json() == {"y": [None, None]}
        raw = talks.post("/streams/a/push", content=np.zeros(3, "f4").tobytes(), headers=RAW)
        assert np.isnan(np.frombuffer(raw.content, "<f4")).all()  # The state keeps it.


# -- other models -----------------------------------------------------------------------------------------------------


def test_inputs_and_outputs_by_name():
    a, b = gw.Input((None, 3), name="a"), gw.Input((None,), dtype="int32", name="word")
    joined = gw.layers.Concatenate()([a, gw.layers.Embedding(10, 2)(b)])
    h = gw.layers.GRU(4, return_sequences=True)(joined)
    model = gw.Model([a, b], [gw.layers.Dense(1, name="up")(h), gw.layers.Dense(2, name="down")(h)])
    x, words, stream = rows(4), np.array([1, 9, 0, 3]), model.stream()
    up, down = stream.push_many([x, words])
    with client(model, new="add") as talks:
        answer = talks.post("/streams/s/push", json={"x": {"a": x[0].tolist(), "word": 1}}).json()["y"]
        np.testing.assert_allclose(answer["up"], up[0], atol=1e-6)
        np.testing.assert_allclose(answer["down"], down[0], atol=1e-6)
        for word, code in ((1.5, "no_integers"), (10, "refused_by_model")):
            bad = talks.post("/streams/s/push", json={"x": {"a": x[0].tolist(), "word": word}})
            assert code_of(bad, 422) == code
        body = npz(a=x[1:], word=words[1:])
        got = np.load(io.BytesIO(talks.post("/streams/s/push", content=body, headers=NPZ).content))
        np.testing.assert_allclose(got["down"], down[1:], atol=1e-6)
        assert code_of(talks.post("/streams/s/push", content=b"1234", headers=RAW), 406) == "several_outputs"
        accept = {**RAW, "accept": "application/json"}
        assert code_of(talks.post("/streams/s/push", content=b"1234", headers=accept), 415) == "several_inputs"
        got = talks.post("/predict", json={"x": {"a": [x.tolist()], "word": [words.tolist()]}}).json()["y"]
        np.testing.assert_allclose(got["up"], up[None], atol=1e-6)


def test_predict_takes_whole_sequences_and_moves_nothing(model, talks):
    x = rows(10).reshape(2, 5, 3)
    wanted = model.predict(x, verbose=0)
    np.testing.assert_allclose(y_of(talks.post("/predict", json={"x": x.tolist()})), wanted, atol=1e-6)
    got = talks.post("/predict", content=npy(x), headers={**NPY, "accept": "application/octet-stream"})
    np.testing.assert_allclose(np.frombuffer(got.content, "<f4").reshape(2, 5, 2), wanted, atol=1e-6)
    wrong = talks.post("/predict", json={"x": x[0].tolist()})
    assert code_of(wrong, 422) == "wrong_shape"
    assert wrong.json()["error"]["wanted"] == "(batch, steps, 3)"
    assert code_of(talks.post("/predict", content=x.tobytes(), headers=RAW), 415) == "unknown_form"
    assert talks.get("/streams").json()["count"] == 0


def test_a_model_that_cannot_stream_is_refused_by_name():
    from gatewise import serving

    model = gw.Sequential([gw.Input((None, 3)), gw.layers.Bidirectional(gw.layers.LSTM(2), name="both")])
    with pytest.raises(ValueError, match="Bidirectional 'both' reads the sequence backwards too"):
        serving.app(model)
