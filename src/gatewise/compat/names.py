"""Parts of TensorFlow that are no modules here: `tf.nn`, `tf.io`."""

from __future__ import annotations

from typing import Any

from gatewise.base.absent import message
from gatewise.base.words import NOTHING


class Names:
    """A part of TensorFlow, such as `tf.nn`, with the names of it that are here.

    Args:
        address: as programs write it: "tf.nn".
        names: what is here, by name.
    """

    def __init__(self, address: str, names: dict[str, Any]) -> None:
        self._address = address
        vars(self).update(names)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(message(f"{self._address}.{name}", vars(self)), name=name, obj=NOTHING)

    def __repr__(self) -> str:
        return f"<{self._address} of Gatewise>"
