"""What a client is told when it is refused: what came, what was wanted, and the way out; always as JSON."""

from __future__ import annotations

from typing import Any


class Refused(Exception):  # noqa: N818 - it is an answer.
    """A request that is answered with an error; nothing has moved then.

    Args:
        status: of HTTP.
        code: a word for programs.
        message: a sentence for people.
        got, wanted: what came and what should have; anything that JSON can say.
        hint: the way out.
        headers: of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        got: Any = None,
        wanted: Any = None,
        hint: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers or {}
        said = {"code": code, "message": message, "got": got, "wanted": wanted, "hint": hint}
        self.said = {name: value for name, value in said.items() if value is not None}

    def body(self) -> dict[str, Any]:
        """What is sent."""
        return {"error": self.said}
