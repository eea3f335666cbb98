"""Numbered pushes: how far each stream has come by its client's own count, and what it was told last."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import numpy as np

from gatewise.base.typing import Array
from gatewise.serving.http.errors import Refused
from gatewise.serving.http.ids import Id, from_json, in_words, to_json

MOST: Final = 2**63 - 1


class Last(NamedTuple):
    """The last numbered push of a stream.

    Attributes:
        number: its number; the next has one more.
        digest: of the rows that came.
        outputs: what was answered, an array (T, ...) for each of the model's outputs.
    """

    number: int
    digest: int
    outputs: list[Array]


class Numbers:
    """The last numbered push of each stream that has any.

    A stream begins at 0, and its pushes are numbered 1, 2, 3 and so on. The next number moves it; the last one again is
    answered as before, and moves nothing, so that a client who did not hear the answer may ask again; any other is
    refused, with the one that is wanted.
    """

    def __init__(self) -> None:
        self._last: dict[Id, Last] = {}

    def __len__(self) -> int:
        return len(self._last)

    def at(self, id_: Id) -> int:
        """The number of a stream's last numbered push; 0 where it has none."""
        last = self._last.get(id_)
        return 0 if last is None else last.number

    def repeated(self, id_: Id, number: int, digest: int, pending: int | None = None) -> Last | None:
        """What was answered, for the last number again; None where the number is the next.

        Args:
            id_: the stream.
            number, digest: of the push that came.
            pending: the number of a push of this stream that will be made before.

        Raises:
            Refused: any other number, or the last one with other rows.
        """
        last = self._last.get(id_)
        at = pending if pending is not None else last.number if last else 0
        if number == at + 1:
            return None
        if last is None or number != last.number or pending is not None:
            again = f", or {at} again" if at else ""
            raise Refused(
                409,
                "out_of_sequence",
                f"Stream {in_words(id_)} stands at push {at}, and push {number} came.",
                got=number,
                wanted=at + 1,
                hint=f"Send push {at + 1}{again}. Where the service began anew from a snapshot, send again what came "
                f"after push {at}.",
            )
        if digest != last.digest:
            raise Refused(
                409,
                "other_rows",
                f"Push {number} of stream {in_words(id_)} was made already, with other rows.",
                got=number,
                wanted=at + 1,
                hint="Do two clients push this stream? One number stands for one push.",
            )
        return last

    def put(self, id_: Id, last: Last) -> None:
        """Keep what a push was answered."""
        self._last[id_] = last

    def forget(self, ids: Iterable[Id]) -> None:
        """Let streams begin at 0 again."""
        for id_ in ids:
            self._last.pop(id_, None)

    def set(self, id_: Id, number: int) -> None:
        """Say where a stream stands that came from elsewhere; its last answer did not come with it."""
        if number:
            self._last[id_] = Last(number, -1, [])
        else:
            self._last.pop(id_, None)

    def keep(self, alive: Any) -> None:
        """Forget the streams that are not in `alive`."""
        self.forget([id_ for id_ in self._last if id_ not in alive])

    # -- as bytes -----------------------------------------------------------------------------------------------------

    def save(self, ids: Iterable[Id]) -> bytes:
        """The last pushes of some streams, as JSON; outputs are float32, little-endian, in base64."""
        return json.dumps(
            [
                {
                    "id": to_json(id_),
                    "sequence": last.number,
                    "digest": last.digest,
                    "outputs": [
                        {"shape": y.shape, "float32": base64.b64encode(y.astype("<f4").tobytes()).decode()}
                        for y in last.outputs
                    ],
                }
                for id_ in ids
                if (last := self._last.get(id_)) is not None
            ]
        ).encode()

    def load(self, data: bytes) -> None:
        """Take what `save` gave, beside what there is."""
        for found in json.loads(data):
            outputs = [
                np.frombuffer(base64.b64decode(y["float32"]), "<f4").astype(np.float32).reshape(y["shape"])
                for y in found["outputs"]
            ]
            self._last[from_json(found["id"])] = Last(found["sequence"], found["digest"], outputs)
