"""Ids as they travel.

A pool tells 42 from "42". A URL cannot, so in a service a whole number and the same number as text are one stream, the
integer: 42, "42" and /streams/42. Any other text is a string.
"""

from __future__ import annotations

import base64
import re
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from gatewise.serving.http.errors import Refused

Id: TypeAlias = "int | str | bytes"

LONGEST: Final = 256
"""The most bytes of an id in UTF-8."""
_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]{0,18}")


def from_text(text: str) -> Id:
    """The id that a text stands for.

    >>> from_text("42"), from_text("042"), from_text("pump 7"), from_text("9" * 19)
    (42, '042', 'pump 7', '9999999999999999999')
    """
    if _INTEGER.fullmatch(text) and -(2**63) <= int(text) < 2**63:
        return int(text)
    try:
        long = len(text.encode())
    except UnicodeEncodeError:
        long = 0  # Half of a surrogate pair, which JSON can write and UTF-8 cannot.
    if not 1 <= long <= LONGEST:
        raise Refused(
            422,
            "bad_id",
            f"An id is text of 1 to {LONGEST} bytes in UTF-8, or an integer of 64 bits.",
            got=text[:64].encode(errors="replace").decode(),
            hint="Give the stream a shorter name.",
        )
    return text


def from_url(text: str) -> Id:
    """The id that a segment of a URL stands for, in which %2F is a slash of the id.

    >>> from_url("42"), from_url("plant%2Fpump%207")
    (42, 'plant/pump 7')
    """
    try:
        return from_text(unquote(text, errors="strict"))
    except UnicodeDecodeError:
        raise Refused(422, "bad_id", "An id in a URL is UTF-8, percent-encoded.", got=text[:64]) from None


def from_json(value: Any) -> Id:
    """The id that a value of JSON stands for; {"base64": "..."} is one of bytes, which only Python programs make."""
    if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63:
        return value
    if isinstance(value, str):
        return from_text(value)
    if isinstance(value, dict) and set(value) == {"base64"} and isinstance(value["base64"], str):
        try:
            return base64.b64decode(value["base64"], validate=True)
        except ValueError:
            pass
    raise Refused(
        422, "bad_id", "An id is text, or an integer of 64 bits.", got=repr(value)[:64], wanted='"pump-7" or 42'
    )


def to_json(id_: Id) -> Any:
    """What `from_json` takes."""
    return {"base64": base64.b64encode(id_).decode()} if isinstance(id_, bytes) else id_


def in_words(id_: Id) -> str:
    """An id as errors show it."""
    return repr(id_)
