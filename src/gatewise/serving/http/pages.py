"""The pages for people: each one file of ours, with nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib import resources
from typing import Final, NamedTuple


class Page(NamedTuple):
    """A page and the headers that go with it."""

    body: bytes
    headers: dict[str, str]


def _page(name: str) -> Page:
    body = resources.files(__package__).joinpath("page", name).read_bytes()
    # A browser runs the one script and the one style of the file, and asks nobody but this service for anything.
    policy = (
        f"default-src 'none'; script-src {_hashes(body, b'script')}; style-src {_hashes(body, b'style')}; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return Page(
        body,
        {
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": policy,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
        },
    )


def _hashes(body: bytes, tag: bytes) -> str:
    found = re.findall(b"<" + tag + b">(.*?)</" + tag + b">", body, re.DOTALL)
    return " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(each).digest()).decode()}'" for each in found)


PAGES: Final = {"/": _page("streams.html"), "/api": _page("api.html")}
