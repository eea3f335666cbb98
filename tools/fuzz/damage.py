"""What is done to files: bytes, and what the bytes mean.

A way of damage takes a source of random numbers and a file's bytes, and gives other bytes. Which ways there are for a
file is told by what it is: an archive's members and the texts and pickles inside it are damaged as the files that they
are. `damaged` takes a file or a folder; what is inside is changed first, and bytes last, since what is damaged already
cannot be taken apart.
"""

from __future__ import annotations

import io
import json
import pickletools
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TypeAlias

Files: TypeAlias = dict[str, bytes]
"""Files by their names in a folder; one file alone has the name ""."""
Way: TypeAlias = Callable[[random.Random, bytes], bytes]


def damaged(rng: random.Random, seed: Files, extra: tuple[Way, ...] = ()) -> Files:
    """A seed with damage: a way of its format's, of its bytes, or several.

    Args:
        rng: source of random numbers.
        seed: what is damaged.
        extra: ways of the format's, besides those that bytes tell by themselves.
    """
    files = dict(seed)
    inside = rng.choice((0, 1, 1, 1, 2))
    for _ in range(inside):
        name = rng.choice(sorted(files))
        ways = (*ways_inside(name, files[name]), *extra)
        if ways:
            with suppress(Exception):  # A part that is damaged already cannot be damaged in each way.
                files[name] = rng.choice(ways)(rng, files[name])
    for _ in range(rng.choice((0, 0, 1, 2)) if inside else rng.choice((1, 1, 2, 3))):
        name = rng.choice(sorted(files))
        files[name] = rng.choice((change_bytes, change_bytes, change_lengths))(rng, files[name])
    if len(files) > 1 and rng.random() < 0.05:
        del files[rng.choice(sorted(files))]
    return files


def ways_inside(name: str, data: bytes) -> tuple[Way, ...]:
    """The ways in which what a file means can be damaged, told by its first bytes, and by its name where they say
    nothing."""
    if data.startswith(b"PK\x03\x04"):
        return (change_member,)
    if data.startswith(b"\x89HDF"):
        return change_config, change_config, change_names, change_tree
    if data.startswith(b"\x80\x02"):
        return (change_pickle,)
    if data[:1] in (b"{", b"["):
        return (change_json,)
    if name.endswith((".pb", ".onnx")):
        return (change_message,)
    return ()


# -- bytes ------------------------------------------------------------------------------------------------------------


def change_bytes(rng: random.Random, data: bytes) -> bytes:
    """Some bytes are others, or are those of another place; or the end is missing."""
    if not data:
        return data
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        place = rng.randrange(rng.choice((len(changed), min(len(changed), 4000))))
        kind = rng.randrange(5)
        if kind < 3:
            changed[place] = rng.choice((0, 255, changed[place] ^ (1 << rng.randrange(8)), rng.randrange(256)))
        elif kind == 3:
            size, other = rng.choice((8, 64, 512)), rng.randrange(len(changed))
            changed[place : place + size] = changed[other : other + size]
        elif len(changed) > 1:
            del changed[rng.randrange(1, len(changed)) :]
            break
    return bytes(changed)


def change_lengths(rng: random.Random, data: bytes) -> bytes:
    """Something is put in or taken out, or a number is huge."""
    place = rng.randrange(len(data) + 1)
    huge = rng.choice((b"\xff" * 9 + b"\x01", b"\xff\xff\xff\xff\x07", struct.pack("<q", 1 << 40), b"\x80", b"\0" * 16))
    kind = rng.randrange(3)
    if kind == 0:
        return data[:place] + huge + data[place:]
    if kind == 1:
        return data[:place] + huge + data[place + len(huge) :]
    return data[:place] + data[place + rng.choice((1, 4, 100)) :]


# -- JSON -------------------------------------------------------------------------------------------------------------

STRANGE: tuple[Any, ...] = (
    None, True, 0, 1, -1, 2**31, 2**63, 1e400, 0.5, "", "x", "LSTM", [], [0], [[]], {}, {"class_name": "LSTM"},
    {"class_name": 5, "config": {}}, {"class_name": "LSTM", "config": 7}, [None], ["dense", 0, 0], ["dense", -1, 0],
)  # fmt: skip


def change_json(rng: random.Random, data: bytes) -> bytes:
    """One value anywhere inside is another, is missing, or is there twice."""
    config = json.loads(data)
    _change_value(rng, config)
    return json.dumps(config).encode()


def _change_value(rng: random.Random, config: Any) -> None:
    places = list(_places(config))
    if not places:
        return
    holder, key = rng.choice(places)
    kind = rng.randrange(4)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, list):
        holder.append(holder[key])
    elif kind == 2:
        other_holder, other_key = rng.choice(places)
        holder[key] = json.loads(json.dumps(other_holder[other_key]))
    else:
        holder[key] = rng.choice(STRANGE)


def _places(part: Any) -> Iterator[tuple[Any, Any]]:
    keys: Any = range(len(part)) if isinstance(part, list) else list(part) if isinstance(part, dict) else ()
    for key in keys:
        yield part, key
        yield from _places(part[key])


def change_header(rng: random.Random, data: bytes) -> bytes:
    """A safetensors file with another header; a text inside it that is JSON is changed as such."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    texts = header.get("__metadata__", {})
    inner = [name for name, text in texts.items() if text[:1] == "{"]
    if inner and rng.random() < 0.5:
        name = rng.choice(inner)
        texts[name] = change_json(rng, texts[name].encode()).decode()
    else:
        _change_value(rng, header)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


# -- archives ---------------------------------------------------------------------------------------------------------


def change_member(rng: random.Random, data: bytes) -> bytes:
    """An archive with one of its members damaged, lost, there twice or under another name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    place = rng.randrange(len(members))
    name, content = members[place]
    kind = rng.randrange(8)
    if kind == 0:
        del members[place]
    elif kind == 1:
        members.append(members[place])
    elif kind == 2:
        members[place] = (rng.choice(("../x", "/x", "config.json", "data.pkl", name + "/")), content)
    else:
        ways = ways_inside(name, content) * 2 or (change_bytes, change_lengths)
        members[place] = (name, rng.choice((*ways, change_bytes))(rng, content))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for each, content in members:
            archive.writestr(each, content)
    return file.getvalue()


# -- HDF5 -------------------------------------------------------------------------------------------------------------


def _of_hdf5(change: Callable[[random.Random, Any], None]) -> Way:
    """A change to an open file, as one of its bytes."""

    def changed(rng: random.Random, data: bytes) -> bytes:
        import h5py

        whole = io.BytesIO(data)
        with h5py.File(whole, "r+") as file, suppress(OSError, ValueError, RuntimeError, KeyError):
            change(rng, file)  # A name that is there, an attribute too long: nothing happens.
        return whole.getvalue()

    return changed


@_of_hdf5
def change_config(rng: random.Random, file: Any) -> None:
    """Something in the texts that are JSON."""
    name = rng.choice(("model_config", "model_config", "training_config"))
    if name in file.attrs:
        text = file.attrs[name]
        file.attrs[name] = change_json(rng, text if isinstance(text, bytes) else text.encode()).decode()


@_of_hdf5
def change_names(rng: random.Random, file: Any) -> None:
    """A list of layers or of weights is longer, shorter or in another order."""
    import numpy as np

    holders: list[Any] = [file]
    file.visititems(lambda _, item: holders.append(item))
    named = [(h, n) for h in holders for n in ("layer_names", "weight_names") if n in h.attrs]
    if not named:
        return
    holder, name = rng.choice(named)
    names = [each if isinstance(each, bytes) else str(each).encode() for each in np.ravel(holder.attrs[name])]
    kind = rng.randrange(4)
    if kind == 0:
        names.append(rng.choice([*names, b"x", b"..", b"/", b"."]))
    elif kind == 1:
        names = names[:-1]
    elif kind == 2:
        rng.shuffle(names)
    else:
        names *= 50
    holder.attrs[name] = np.array(names) if names else np.zeros(0)


@_of_hdf5
def change_tree(rng: random.Random, file: Any) -> None:
    """A group or array is lost, moved, there under a second name, linked to, or of another kind."""
    import h5py

    items: list[str] = []
    file.visit(items.append)
    if not items:
        return
    one, other = rng.choice(items), rng.choice(items)
    groups = [name for name in items if isinstance(file[name], h5py.Group)] or ["/"]
    kind = rng.randrange(6)
    if kind == 0:
        del file[one]
    elif kind == 1:  # A second name, which may lead in a circle.
        file[f"{rng.choice(groups)}/again{rng.randrange(99)}"] = file[one]
    elif kind == 2:
        file[f"{rng.choice(groups)}/soft{rng.randrange(99)}"] = h5py.SoftLink("/" + other)
    elif kind == 3:
        file[f"{rng.choice(groups)}/out{rng.randrange(99)}"] = h5py.ExternalLink("other.h5", "/" + other)
    elif kind == 4 and isinstance(file[one], h5py.Dataset):
        del file[one]
        file[one] = rng.choice((0, [1, 2], "text", [[0.5]] * 3, [b"x"]))
    else:
        file.move(one, f"moved{rng.randrange(99)}")


# -- other languages of files -----------------------------------------------------------------------------------------


def change_pickle(rng: random.Random, data: bytes) -> bytes:
    """An instruction of a pickle is lost, there twice, or another's."""
    places = [0]
    with suppress(ValueError):  # Where several stand in a file, those after the first stay.
        places = [place for _, _, place in pickletools.genops(data) if place is not None]
    ends = [*places[1:], len(data)]
    one, other = rng.randrange(len(places)), rng.randrange(len(places))
    taken = data[places[one] : ends[one]]
    put = rng.choice((b"", taken * 2, data[places[other] : ends[other]], b"0", b"R", b"b", b"}", b"t", b"K\xff"))
    return data[: places[one]] + put + data[ends[one] :]


_FIXED = {1: 8, 5: 4}
"""The kinds of fields of Protocol Buffers that have a fixed number of bytes."""


def change_message(rng: random.Random, data: bytes) -> bytes:
    """A field of Protocol Buffers' is lost, there twice, another's, huge, or changed within."""
    parts = list(_fields(data))
    if not parts:
        return data
    place = rng.randrange(len(parts))
    head, body, is_message = parts[place]
    kind = rng.randrange(4 if rng.random() < 0.3 else 8)
    if kind == 0:
        del parts[place]
    elif kind == 1:
        parts.insert(rng.randrange(len(parts) + 1), parts[place])
    elif kind == 2:
        parts[place] = (head, rng.choice(parts)[1], is_message)
    elif not is_message:
        parts[place] = (head, rng.choice((b"\0", b"\xff" * 9 + b"\x01", b"\x80\x80\x80\x80\x10", b"\x01")), False)
    else:
        changed = rng.choice((change_message, change_message, change_message, change_bytes))(rng, body)
        parts[place] = (head, changed, True)
    return b"".join(head + (_number(len(body)) + body if nested else body) for head, body, nested in parts)


def _fields(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """The fields of a message: its key, its bytes, and whether its length stands between; none where it is none."""
    place, found = 0, []
    while place < len(data):
        start, key = place, 0
        key, place = _read_number(data, place)
        head = data[start:place]
        if key & 7 == 2:
            length, place = _read_number(data, place)
            found.append((head, data[place : place + length], True))
            place += length
        elif key & 7 == 0:
            start = place
            _, place = _read_number(data, place)
            found.append((head, data[start:place], False))
        elif key & 7 in _FIXED:
            found.append((head, data[place : place + _FIXED[key & 7]], False))
            place += _FIXED[key & 7]
        else:
            return
    if place == len(data):
        yield from found


def _read_number(data: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while place < len(data) and shift < 70:
        number |= (data[place] & 127) << shift
        shift, place = shift + 7, place + 1
        if data[place - 1] < 128:
            break
    return number, place


def _number(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def change_sealed(rng: random.Random, data: bytes) -> bytes:
    """Bytes before a checksum of four bytes, which then is that of the new ones."""
    body = rng.choice((change_bytes, change_lengths))(rng, data[:-4])
    return body + struct.pack("<I", zlib.crc32(body))
