"""Models in service: `gatewise serve model.h5`, and the same as an ASGI application for programs that have a server.

That needs `pip install gatewise[serve]`, which is imported with the first use of a name here. Streams on many machines
are `gatewise.serving.cluster`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from gatewise.serving.http.application import app as app
    from gatewise.serving.http.settings import Settings as Settings

_HOMES: Final = {
    "app": "gatewise.serving.http.application",
    "Settings": "gatewise.serving.http.settings",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
