"""What a service can be told: each setting once, from which the command line's options are made too."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from gatewise.base.words import nearest

_SECONDS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES: Final = {"": 1, "b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30}
_NUMBER: Final = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([a-zA-Z]*)\s*")


def seconds(value: Any) -> float:
    """A time: a number of seconds, or text with a unit.

    >>> seconds("1ms"), seconds("2h"), seconds(0.5)
    (0.001, 7200.0, 0.5)
    """
    return _measured(value, _SECONDS, "a time such as 250us, 1ms, 30s, 5m, 1h or 2d")


def size(value: Any) -> int:
    """A number of bytes, or text with a unit; 1 KB is 1,024 bytes.

    >>> size("16MB"), size(100)
    (16777216, 100)
    """
    return int(_measured(value, _BYTES, "a size such as 64KB, 16MB or 1GB"))


def rate(value: Any) -> float:
    """So many a second.

    >>> rate("100/s"), rate("60/m"), rate(5)
    (100.0, 1.0, 5.0)
    """
    if isinstance(value, str) and "/" in value:
        count, _, unit = value.partition("/")
        return _measured(count, {"": 1.0}, "a rate such as 100/s") / seconds(f"1{unit.strip()}")
    return _measured(value, {"": 1.0}, "a rate such as 100/s or 600/m")


def count(value: Any) -> int:
    """A whole number, from 1 on.

    >>> count("10_000")
    10000
    """
    try:
        number = int(value)
        whole = number == float(value) and number >= 1
    except (TypeError, ValueError, OverflowError):
        whole = False
    if not whole or isinstance(value, bool):
        raise ValueError(f"expected a whole number from 1 on, got {value!r}")
    return number


def _measured(value: Any, units: dict[str, Any], wanted: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf"):
        return float(value)
    found = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    unit = found[2].lower() if found else ""
    if found is None or unit not in units:
        raise ValueError(f"expected {wanted}, got {value!r}")
    return float(found[1]) * float(units[unit])


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"expected text, got {value!r}")
    return value


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"expected True or False, got {value!r}")
    return value


def one_of(*words: str) -> Callable[[Any], str]:
    """A parser for one of some words."""

    def parse(value: Any) -> str:
        if value not in words:
            raise ValueError(f"expected {' or '.join(map(repr, words))}, got {value!r}.{nearest(str(value), words)}")
        return str(value)

    parse.__name__ = f"[{'|'.join(words)}]"
    return parse


_METAVARS: Final = {"seconds": "TIME", "size": "SIZE", "rate": "RATE", "count": "N", "_text": "TEXT"}
"""How help calls what a parser takes."""


def _setting(default: Any, parse: Callable[[Any], Any], words: str, shown: str = "") -> Any:
    metavar = _METAVARS.get(parse.__name__, parse.__name__)
    return dataclasses.field(
        default=default, metadata={"parse": parse, "words": words, "shown": shown, "metavar": metavar}
    )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a service behaves. Times are seconds or text with a unit, sizes bytes or text with a unit.

    Every field is an argument of `gatewise.serving.app` and an option of `gatewise serve`.

    >>> Settings(max_wait="1ms", max_body="1MB").max_wait
    0.001
    """

    streams: int = _setting(1_000_000, count, "How many streams may live at once.", "1000000")
    when_full: str = _setting(
        "error",
        one_of("error", "drop_least_recent"),
        "What a new stream meets when there are as many: an error, or the place of the least recently pushed.",
    )
    new: str = _setting(
        "error", one_of("error", "add"), "What a push to an unknown stream does, where it does not say: ?new=add."
    )
    idle: float | None = _setting(None, seconds, "Drop streams that nobody has pushed for so long, such as 1h.")
    allow_nan: bool = _setting(False, _switch, "Take NaN and infinities, which a state may keep for ever.")

    max_wait: float = _setting(0.0, seconds, "How long a push waits for others to be made with, such as 1ms.", "0")
    max_batch: int = _setting(1024, count, "How many rows are pushed together at most.")
    max_waiting: int = _setting(100_000, count, "How many rows may wait for their turn; more are refused (503).")

    max_body: int = _setting(16 << 20, size, "How large a request or a message may be.", "16MB")
    max_connections: int = _setting(10_000, count, "How many connections there may be at once.")
    rate: float | None = _setting(None, rate, "How many requests or messages a client may send, such as 100/s.")
    burst: int | None = _setting(None, count, "How many of them it may send at once; by default a second's.")
    timeout: float = _setting(30.0, seconds, "How long a request may take to arrive, and to wait for its turn.", "30s")

    token: str | None = _setting(None, _text, "The bearer token that requests must carry.")
    allow_origin: str | None = _setting(
        None, _text, "A page of this origin may use the service from a browser, such as https://panel.example."
    )

    snapshot: str | None = _setting(None, _text, "The file of all streams: read at the start, written at the end.")
    snapshot_every: float | None = _setting(None, seconds, "Write it so often, too, such as 60s.")
    other_weights: bool = _setting(False, _switch, "Take states that were made with other weights.")

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is None and field.default is None:
                continue
            try:
                object.__setattr__(self, field.name, field.metadata["parse"](value))
            except ValueError as error:
                raise ValueError(f"{field.name}: {error}") from None
        if self.snapshot_every is not None and self.snapshot is None:
            raise ValueError("snapshot_every: there is no file to write; say snapshot=FILE too.")
        if self.snapshot_every == 0 or self.timeout == 0 or self.idle == 0 or self.rate == 0:
            raise ValueError("snapshot_every, timeout, idle and rate are more than 0; leave out what is not wanted.")
