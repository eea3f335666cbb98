"""The forms in which arrays travel: JSON, raw numbers, NumPy's files; of what comes nothing is trusted."""

from __future__ import annotations

import io
import json
import zipfile
from tokenize import TokenError
from typing import Any, Final

import numpy as np

from gatewise.base.typing import Array
from gatewise.formats import zips
from gatewise.serving.http.errors import Refused
from gatewise.serving.http.interface import Interface

JSON: Final = "application/json"
RAW: Final = "application/octet-stream"
NPY: Final = "application/x-npy"
NPZ: Final = "application/x-npz"
FORMS: Final = (JSON, RAW, NPY, NPZ)


def of_request(content_type: str | None) -> str:
    """The form of a body.

    Raises:
        Refused: for any other; a page of another site can send text/plain without being asked whether it may.
    """
    kind = content_type if content_type in FORMS else (content_type or "").partition(";")[0].strip().lower()
    if kind in FORMS:
        return kind
    raise Refused(
        415,
        "unknown_form",
        "The header Content-Type has to say in which form the body is.",
        got=kind or "no Content-Type",
        wanted=list(FORMS),
    )


def of_answer(accept: str | None, asked: str, interface: Interface) -> str:
    """The form of an answer: what the client accepts, or that in which it asked.

    Raises:
        Refused: where there is no such form, or outputs that it cannot tell apart.
    """
    if accept is None or accept == "*/*":
        accept = asked
    kinds = [each.partition(";")[0].strip().lower() for each in accept.split(",")]
    found = next((kind for kind in kinds if kind in FORMS), None)
    if found is None:
        if not any(kind in ("*/*", "application/*", "") for kind in kinds):
            raise Refused(406, "unknown_form", "An answer has another form.", got=kinds, wanted=list(FORMS))
        found = asked
    if found in (RAW, NPY):
        interface.only_output("one array")
    return found


# -- reading ----------------------------------------------------------------------------------------------------------


def from_json(data: bytes) -> dict[str, Any]:
    """An object of JSON.

    Raises:
        Refused: anything else.
    """
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Refused(
            400, "bad_json", "The body is not JSON.", got=str(error)[:200], wanted='an object such as {"x": [...]}'
        ) from None
    if not isinstance(found, dict):
        raise Refused(400, "bad_json", "The body has to be an object.", got=type(found).__name__, wanted='{"x": [...]}')
    return found


def from_npy(data: bytes) -> Array:
    """An array of numbers or text in NumPy's format.

    Args:
        data: the bytes.

    Raises:
        Refused: bytes that are damaged, or hold Python objects.
    """
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
        body = memoryview(data)[file.tell() :]
        count = 1
        for size in shape:
            count *= size
        if dtype.kind not in "biufU" or count * dtype.itemsize != len(body):
            raise ValueError(f"shape {shape} and dtype {dtype} do not go with {len(body)} bytes of numbers")
        array = np.frombuffer(body, dtype, count) if count else np.empty(0, dtype)
        return array.reshape(shape, order="F" if fortran else "C")
    except (ValueError, SyntaxError, TokenError, TypeError, RecursionError, EOFError, MemoryError) as error:
        raise Refused(
            400,
            "bad_npy",
            "The body is not an array in NumPy's format.",
            got=str(error)[:200],
            hint="numpy.save makes it.",
        ) from None


def from_npz(data: bytes, limit: int) -> dict[str, Array]:
    """Arrays by name from NumPy's archive.

    Args:
        data: the bytes.
        limit: the most bytes that they may hold when they are unpacked.

    Raises:
        Refused: bytes that are damaged, hold something else, or too much.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if (total := sum(entry.file_size for entry in entries)) > limit:
                raise too_large(total, limit)
            zips.check(archive)
            return {entry.filename.removesuffix(".npy"): from_npy(zips.read(archive, entry)) for entry in entries}
    except (*zips.DAMAGED, ValueError) as error:
        raise Refused(
            400, "bad_npz", "The body is not an archive of arrays.", got=str(error)[:200], hint="numpy.savez makes it."
        ) from None


def too_large(size: int | None, limit: int) -> Refused:
    """What is said of a body that is too large."""
    return Refused(
        413,
        "too_large",
        f"A body may have {limit} bytes at most.",
        got=size,
        wanted=limit,
        hint="Send fewer rows at a time, or start the service with a larger --max-body.",
        headers={"connection": "close"},
    )


# -- writing ----------------------------------------------------------------------------------------------------------


def written(form: str, interface: Interface, outputs: list[Array], beside: dict[str, Any]) -> bytes:
    """Outputs in a form.

    Args:
        form: one of `FORMS`.
        interface: whose outputs they are.
        outputs: arrays.
        beside: what stands beside them, which only JSON can say.
    """
    if form == JSON:
        return to_json({"y": interface.to_json(outputs), **beside})
    if form == RAW:
        return bytes(outputs[0].astype("<f4", copy=False).tobytes())
    file = io.BytesIO()
    if form == NPY:
        np.lib.format.write_array(file, np.ascontiguousarray(outputs[0]), allow_pickle=False)
    else:
        np.savez(file, **{port.name: y for port, y in zip(interface.outputs, outputs, strict=True)})
    return bytes(file.getvalue())


def to_json(value: Any) -> bytes:
    """JSON; NaN and infinities, for which it has no words, are null."""
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:
        return json.dumps(_without_nan(value), separators=(",", ":")).encode()


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nan(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
