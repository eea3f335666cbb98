"""What a client asked for: bodies and queries made into pushes."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from gatewise.base.typing import Array
from gatewise.serving.http import forms
from gatewise.serving.http.errors import Refused
from gatewise.serving.http.ids import Id, from_json
from gatewise.serving.http.interface import Interface
from gatewise.serving.http.numbers import MOST
from gatewise.serving.http.settings import Settings
from gatewise.serving.http.streams import Answer, Part, Push

_ONE: Final = ("x", "new", "sequence")
_MANY: Final = ("ids", "x", "new", "sequence")


class Asking:
    """Makes bodies into what a model and its streams take.

    Args:
        interface: the model's.
        settings: of the service.
    """

    def __init__(self, interface: Interface, settings: Settings) -> None:
        self._interface = interface
        self._settings = settings

    def whole(self, form: str, body: bytes) -> list[Array]:
        """The inputs of `predict`."""
        if form == forms.RAW:
            wanted = [each for each in forms.FORMS if each != form]
            raise Refused(415, "unknown_form", "Raw bytes cannot say how long sequences are.", wanted=wanted)
        return self._interface.whole(self._x(form, body, ("x",))[0])

    def one(self, id_: Id, form: str, body: bytes, beside: Mapping[str, Any]) -> tuple[Push, bool]:
        """A push of one stream, and whether it is one step without an axis of rows.

        Args:
            id_: the stream.
            form, body: what came.
            beside: what was said elsewhere than in the body.
        """
        x, asked = self._x(form, body, _ONE)
        asked = {**beside, **asked}
        inputs, single = self._interface.rows(x)
        count = len(inputs[0])
        push = Push([id_] * count, inputs, self.new(asked))
        if (number := asked.get("sequence")) is not None:
            push.parts = [Part(id_, 0, count, _number(number), _digest(inputs))]
        return push, single and form != forms.RAW

    def many(self, form: str, body: bytes, beside: Mapping[str, Any]) -> Push:
        """A push of many streams."""
        ids: Any
        if form == forms.RAW:
            ids, x, asked = *self._raw_ids(body), dict(beside)
        elif form == forms.NPZ:
            arrays = forms.from_npz(body, self._settings.max_body)
            asked = {**beside, **{name: arrays.pop(name).tolist() for name in ("ids", "sequence") if name in arrays}}
            ids, x = asked.get("ids"), self._named(arrays)
        elif form == forms.JSON:
            x, found = self._x(form, body, _MANY)
            asked = {**beside, **found}
            ids = asked.get("ids")
        else:
            wanted = [each for each in forms.FORMS if each != form]
            raise Refused(415, "unknown_form", "One array cannot say the ids too.", wanted=wanted)
        if not isinstance(ids, list):
            raise Refused(422, "no_ids", "`ids` has to be a list, with an id for each row.", got=type(ids).__name__)
        known = [from_json(id_) for id_ in ids]
        inputs, _ = self._interface.rows(x, len(known))
        push = Push(known, inputs, self.new(asked))
        if asked.get("sequence") is not None:
            push.parts = _parts(push, asked["sequence"])
        return push

    def new(self, asked: Mapping[str, Any]) -> str:
        """What an unknown id does."""
        new = asked.get("new", self._settings.new)
        if new not in ("error", "add"):
            raise Refused(
                422, "bad_new", "`new` says what an unknown id does.", got=repr(new)[:64], wanted=["error", "add"]
            )
        return str(new)

    def _x(self, form: str, body: bytes, known: Sequence[str]) -> tuple[Any, dict[str, Any]]:
        """The rows in a body, and what stands beside them, which only JSON can say."""
        if form == forms.RAW:
            return self._only(self._interface.from_bytes(body)), {}
        if form == forms.NPY:
            return self._only(forms.from_npy(body)), {}
        if form == forms.NPZ:
            return self._named(forms.from_npz(body, self._settings.max_body)), {}
        asked = forms.from_json(body)
        if unknown := sorted(set(asked) - set(known)):
            raise Refused(
                422, "unknown_field", "The object has fields that mean nothing here.", got=unknown, wanted=list(known)
            )
        if "x" not in asked:
            raise Refused(422, "no_x", "The object needs `x`, the rows.", got=sorted(asked), wanted=list(known))
        return asked["x"], asked

    def _raw_ids(self, body: bytes) -> tuple[list[Id], Any]:
        """Raw pushes of many: the ids, then the rows."""
        port = self._interface.only_input()
        size = np.dtype("<i8").itemsize + port.row_bytes
        if not body or len(body) % size:
            raise Refused(
                422,
                "wrong_size",
                f"Raw pushes are n ids of int64, then n rows of {port.row_bytes} bytes.",
                got=len(body),
                wanted=f"a multiple of {size}",
            )
        count = len(body) // size
        rows = body[count * np.dtype("<i8").itemsize :]
        return np.frombuffer(body, "<i8", count).tolist(), self._only(self._interface.from_bytes(rows))

    def _only(self, array: Array) -> dict[str, Array]:
        return {self._interface.only_input().name: array}

    def _named(self, arrays: dict[str, Array]) -> dict[str, Array]:
        """An archive's arrays by input; of a model with one input it may have any name."""
        if len(arrays) == 1 and len(self._interface.inputs) == 1:
            return self._only(next(iter(arrays.values())))
        return arrays


def said_beside(push: Push, answer: Answer) -> dict[str, Any]:
    """What is said beside the outputs of a numbered push of one stream."""
    if not push.parts:
        return {}
    return {"sequence": push.parts[0].number, "repeated": bool(answer.repeated)}


def in_query(query: Mapping[str, str]) -> dict[str, Any]:
    """What a query says of a push; the forms of bytes have no other place for it."""
    if not query:
        return {}
    found: dict[str, Any] = {name: query[name] for name in ("new",) if name in query}
    if "sequence" in query:
        found["sequence"] = whole_number(query, "sequence")
    return found


def whole_number(query: Mapping[str, str], name: str, default: int = 0) -> int:
    """A number in a query."""
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Refused(422, "bad_query", f"{name} has to be a whole number.", got=text[:64])
    return int(text)


def switch(query: Mapping[str, str], name: str) -> bool:
    """A yes or no in a query; no where it is left out."""
    text = query.get(name, "false")
    if text not in ("true", "false"):
        raise Refused(422, "bad_query", f"{name} has to be true or false.", got=text[:64], wanted=["true", "false"])
    return text == "true"


def _parts(push: Push, numbers: Any) -> list[Part]:
    if not isinstance(numbers, list) or len(numbers) != len(push.ids):
        raise Refused(422, "bad_sequence", "`sequence` has to be a list, with a number for each row.")
    if len(set(push.ids)) != len(push.ids):
        raise Refused(
            422,
            "twice",
            "In a numbered push a stream stands once.",
            hint="Several rows of one stream are one push: POST /streams/{id}/push.",
        )
    return [
        Part(id_, row, row + 1, _number(number), _digest([x[row : row + 1] for x in push.inputs]))
        for row, (id_, number) in enumerate(zip(push.ids, numbers, strict=True))
    ]


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST:
        raise Refused(422, "bad_sequence", "A push's number is an integer from 1 on.", got=repr(value)[:64], wanted=1)
    return value


def _digest(inputs: list[Array]) -> int:
    """A number that stands for rows: of other rows it is another, but for one in four thousand million."""
    found = len(inputs[0])
    for x in inputs:
        found = zlib.crc32(np.ascontiguousarray(x).data, found)
    return found
