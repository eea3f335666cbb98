"""HDF5 files opened as data: names, texts and numbers of this one file, and nothing else.

HDF5 can say much more than Keras ever writes: links into other files, arrays whose bytes lie in other files, arrays
made of other arrays, filters that load plugins, objects of Python. None of that is followed. Sizes are compared with
the size of the file before anything is read, so that a small file cannot ask for a lot of memory.
"""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from gatewise.formats.contents import OfFile, Stored
from gatewise.formats.hdf5 import texts

# The filters that HDF5 and h5py have built in: gzip, shuffle, fletcher32, szip, nbit, scale-offset, lzf.
_FILTERS = frozenset((1, 2, 3, 4, 5, 6, 32000))
# Deflate packs at most 1,032 bytes in one.
_BEST_PACKING = 1100
_SMALL = 1 << 20
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)
_MOST_NAMES = 1 << 16


class Source(OfFile):
    """The file that everything comes from, for messages and limits.

    Args:
        path: of the HDF5 file.
        shown: the file that messages name, where the HDF5 file was unpacked from it.
    """

    def __init__(self, path: Any, shown: Any = None) -> None:
        self.place = os.fspath(path)
        self.path = self.place if shown is None else shown
        self.size = os.path.getsize(path)
        self._checked: set[str] = set()

    def damaged(self, cause: BaseException) -> ValueError:
        """The error for what the HDF5 library could not read."""
        reason = str(cause).splitlines()[0] if str(cause) else type(cause).__name__
        if "truncated" in reason:
            return self.error(f"the file is cut short ({reason}). Copy or download it again.")
        return self.error(f"the file is damaged, or not what Keras writes ({reason}). Copy or download it again.")

    def check_texts(self, attribute: str) -> None:
        """Raise ValueError where the library would not end, or would take all memory, over texts of this name."""
        if attribute in self._checked:
            return
        heaps = bool(self._checked) or texts.heaps_are_whole(self.place, self.size)
        if not heaps or not texts.lengths_are_possible(self.place, self.size, attribute):
            raise self.error(f"the file is damaged (the text of {attribute!r}). Copy or download it again.")
        self._checked.add(attribute)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turn whatever h5py raises over a damaged file into one clear ValueError."""
        try:
            yield
        except Exception as error:
            if self.told(error):
                raise
            raise self.damaged(error) from error


@contextmanager
def opened(path: Any, shown: Any = None) -> Iterator[Group]:
    """The root of an HDF5 file, which messages call `shown` where that is given.

    Raises:
        FileNotFoundError, PermissionError: from the system.
        ValueError: a file that is damaged.
    """
    source = Source(path, shown)
    with source.reading():
        file = _file(source)
        if file.id.get_create_plist().get_sizes() != (8, 8):
            raise source.error("the file is not as Keras writes them: its addresses do not have 8 bytes.")
    try:
        yield Group(source, file, "")
    finally:
        file.close()


def _file(source: Source) -> Any:
    import h5py

    try:
        return h5py.File(source.place, "r")
    except BlockingIOError as error:
        raise source.error("another program has the file open for writing. Close it there first.") from error
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return h5py.File(source.place, "r", locking=False)  # File systems without locks hold models, too.


class Met:
    """The groups and arrays that a walk through a file has come to, by where they lie in it.

    HDF5 lets a thing have many names, below itself too: such a file leads in circles, or into ever the same places.
    Keras gives everything one name.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._names: dict[int, str] = {}

    def add(self, raw: Any, where: str) -> None:
        """Raise ValueError where the walk has been there before, under whatever name."""
        import h5py

        with self._source.reading():
            place = h5py.h5o.get_info(raw.id).addr
        if place in self._names:
            raise self._source.error(
                f"the file is damaged, or not what Keras writes: {where or '/'!r} is {self._names[place] or '/'!r} "
                "under another name, or once more."
            )
        self._names[place] = where


class Group:
    """A group: its attributes, and what lies in it.

    Args:
        source: the file.
        raw: the group of h5py.
        where: its path, for messages; "" for the root.
    """

    def __init__(self, source: Source, raw: Any, where: str) -> None:
        self.source = source
        self.raw = raw
        self.where = where

    # -- attributes -------------------------------------------------------------------------------------------------

    def has(self, attribute: str) -> bool:
        """Whether there is an attribute of that name."""
        with self.source.reading():
            return attribute in self.raw.attrs

    def text(self, attribute: str) -> str | None:
        """An attribute that is one text, or None where there is none."""
        if not self.has(attribute):
            return None
        with self.source.reading():
            value = self._attribute(attribute)
            if isinstance(value, np.ndarray):
                if value.size != 1:
                    raise self._wrong(attribute, f"one text, but holds {value.size}")
                value = value.ravel()[0]
            return self._text(attribute, value)

    def names(self, attribute: str) -> list[str]:
        """An attribute that is a list of texts; Keras splits one above 64 KB into `name0`, `name1`, and so on."""
        with self.source.reading():
            if attribute in self.raw.attrs:
                return self._list(attribute)
            found: list[str] = []
            part = 0
            while f"{attribute}{part}" in self.raw.attrs:
                found += self._list(f"{attribute}{part}")
                part += 1
            return found

    def has_names(self, attribute: str) -> bool:
        """Whether there is such a list, whole or in parts."""
        return self.has(attribute) or self.has(f"{attribute}0")

    def _list(self, attribute: str) -> list[str]:
        value = self._attribute(attribute)
        items = [value] if not isinstance(value, np.ndarray) else value.ravel().tolist()
        return [self._text(attribute, item) for item in items]

    def _attribute(self, attribute: str) -> Any:
        """The value of an attribute whose type and size have been checked first."""
        import h5py

        held = self.raw.attrs.get_id(attribute)
        space = held.get_space()
        count = space.get_simple_extent_npoints()
        if space.get_simple_extent_type() == h5py.h5s.NULL or count == 0:
            return np.empty(0, object)
        kind = held.get_type()
        if kind.get_class() != h5py.h5t.STRING:
            raise self._wrong(attribute, "text, but holds something else")
        if count > _MOST_NAMES or held.get_storage_size() > self.source.size:
            raise self._wrong(attribute, f"text, but claims {count} of them, more than the file has room for")
        if kind.is_variable_str():
            self.source.check_texts(attribute)
        return self.raw.attrs[attribute]

    def _text(self, attribute: str, value: Any) -> str:
        if isinstance(value, bytes):
            return value.decode("utf-8")
        if not isinstance(value, str):
            raise self._wrong(attribute, f"text, but holds {type(value).__name__}")
        value.encode("utf-8")  # h5py hides broken text as surrogates; they fail here rather than when printed.
        return value

    def _wrong(self, attribute: str, what: str) -> ValueError:
        return self.source.error(f"the attribute {attribute!r} of {self.where or '/'!r} must hold {what}.")

    # -- what lies inside -------------------------------------------------------------------------------------------

    def holds(self, name: str) -> bool:
        """Whether something of that name lies directly in the group."""
        with self.source.reading():
            return name in self.raw.id

    def inside(self) -> list[str]:
        """The names of what lies directly in the group."""
        with self.source.reading():
            return [name.decode("utf-8") for name in self.raw.id]

    def leads_to_group(self, name: str) -> bool:
        """Whether what lies there is a group."""
        import h5py

        with self.source.reading():
            return isinstance(self._follow(name), h5py.Group)

    def group(self, path: str, met: Met | None = None) -> Group:
        """A group below this one.

        Raises:
            ValueError: where there is none, a link leads elsewhere, or `met` has it already.
        """
        import h5py

        with self.source.reading():
            found = self._follow(path)
            if not isinstance(found, h5py.Group):
                raise self.source.error(f"expected a group at {self._at(path)!r}, found an array.")
            if met is not None:
                met.add(found, self._at(path))
            return Group(self.source, found, self._at(path))

    def stored(self, path: str, met: Met | None = None) -> Stored:
        """An array below this group, checked but not read.

        Raises:
            ValueError: where there is none, it is not plain numbers in this file, or `met` has it already.
        """
        import h5py

        with self.source.reading():
            found = self._follow(path)
            if not isinstance(found, h5py.Dataset):
                raise self.source.error(f"expected an array at {self._at(path)!r}, found a group.")
            self._check(found, self._at(path))
            if met is not None:
                met.add(found, self._at(path))
            return Stored(path, tuple(found.shape), found.dtype.name, lambda: self._read(found))

    def _read(self, dataset: Any) -> np.ndarray:
        with self.source.reading():
            return np.asarray(dataset[...])

    def _follow(self, path: str) -> Any:
        """Walk down one name at a time, along hard links only: those cannot leave the file."""
        import h5py

        here = self.raw
        for name in path.split("/"):
            if name in ("", "."):
                continue
            if not isinstance(here, h5py.Group) or name.encode() not in here.id:
                raise self.source.error(f"{self._at(path)!r} is missing: the file is not complete.")
            if here.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
                raise self.source.error(
                    f"{self._at(path)!r} is a link to another place or file. Keras writes none, and none is followed."
                )
            here = here[name]
        return here

    def _at(self, path: str) -> str:
        return f"{self.where}/{path}"

    def _check(self, dataset: Any, where: str) -> None:
        """Raise ValueError unless the array is plain numbers, all of them in this file."""
        import h5py

        plan = dataset.id.get_create_plist()
        layout = plan.get_layout()
        if layout == h5py.h5d.VIRTUAL or plan.get_external_count():
            raise self.source.error(f"the numbers of {where!r} lie in other files. A model file is read alone.")
        if dataset.shape is None or dataset.dtype.kind not in "fiub":
            raise self.source.error(f"{where!r} must hold numbers, but holds {dataset.dtype}.")
        filters = [plan.get_filter(k)[0] for k in range(plan.get_nfilters())]
        if strange := set(filters) - _FILTERS:
            raise self.source.error(f"{where!r} is packed with the HDF5 filter {min(strange)}, which needs a plugin.")
        self._check_sizes(dataset, where, packed=bool(filters))

    def _check_sizes(self, dataset: Any, where: str, packed: bool) -> None:
        wanted = math.prod(dataset.shape) * dataset.dtype.itemsize
        held = dataset.id.get_storage_size()
        room = held * _BEST_PACKING + _SMALL if packed else held
        chunk = math.prod(dataset.chunks or ()) * dataset.dtype.itemsize
        if held > self.source.size or wanted > room or chunk > 16 * wanted + _SMALL:
            raise self.source.error(
                f"{where!r} claims the shape {tuple(dataset.shape)}, {wanted} bytes, but the file holds {held} bytes "
                "of it: the file is damaged or cut short. Copy or download it again."
            )
