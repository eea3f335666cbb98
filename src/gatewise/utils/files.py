"""Files of data where Keras keeps them, and archives taken apart. Nothing is ever downloaded."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import unquote, urlsplit

_HASHES: Final = {32: "md5", 64: "sha256"}


def get_file(
    fname: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """The path of a file in Keras's cache, or of the folder that an archive was taken apart into.

    Gatewise downloads nothing: the file has to be there, put by Keras or by hand.

    Args:
        fname: its name in the cache; by default the end of `origin`.
        origin: where it comes from: a URL, which is only named in the error, or a file's path or "file:" URL, which is
            copied into the cache.
        untar, extract: take the archive apart.
        md5_hash, file_hash: what the file's hash must be.
        cache_subdir, cache_dir: the folder is `cache_dir/cache_subdir`; by default ~/.keras/datasets ($KERAS_HOME).
        hash_algorithm: "md5", "sha256" or "auto", which goes by the hash's length.
        archive_format: "tar", "zip", "auto" or a list; None for none.
        force_download: accepted; the file that is there is taken.

    Raises:
        FileNotFoundError: where it is not there: says where to put it.
        ValueError: for a file with another hash, or an archive with a member outside its folder.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.csv").write_text("1,2")
    ...     Path(get_file("b.csv", os.path.join(folder, "a.csv"), cache_dir=folder)).read_text()
    '1,2'
    """
    name = _name(fname, origin)
    home = cache_dir or os.environ.get("KERAS_HOME") or "~/.keras"
    folder = Path(os.path.expanduser(home), cache_subdir)
    taken_apart = extract or untar
    file, apart = _places(folder, name, bool(fname)) if taken_apart else (folder / name, folder)
    if not file.exists():
        source = _local(origin)
        if source is None:
            if taken_apart and apart.is_dir() and any(apart.iterdir()):
                return str(apart)  # Its contents are what is wanted.
            raise FileNotFoundError(
                f"{file} is not there, and Gatewise downloads nothing. Get it{f' from {origin}' if origin else ''} and "
                f"put it there."
            )
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, file)
    wanted = file_hash or md5_hash
    algorithm = "md5" if file_hash is None and md5_hash else hash_algorithm
    if wanted is not None and not validate_file(file, wanted, algorithm):
        raise ValueError(
            f"{file} is damaged or another file: its hash is not {wanted}. Delete it, and put the right one there."
        )
    if not taken_apart:
        return str(file)
    extract_archive(file, apart, "tar" if untar else archive_format)
    return str(apart)


def _name(fname: Any, origin: str | None) -> str:
    name = os.fspath(fname) if fname else os.path.basename(unquote(urlsplit(origin or "").path))
    if not name or name in (".", "..") or os.path.basename(name) != name:
        raise ValueError(
            f"get_file: expected the name of a file, got fname={fname!r} and origin={origin!r}. A folder is said by "
            "cache_dir and cache_subdir."
        )
    return name


def _places(folder: Path, name: str, given: bool) -> tuple[Path, Path]:
    """Where an archive is and where its contents go, in Keras 3's words."""
    if given and "." in name:
        return folder / name, folder / f"{name.partition('.')[0]}_extracted"
    return folder / f"{name}_archive", folder / name


def _local(origin: str | None) -> Path | None:
    """The file that `origin` says, if it is one of this machine."""
    if not origin:
        return None
    parts = urlsplit(origin)
    path = Path(unquote(parts.path)) if parts.scheme == "file" else Path(origin)
    return path if path.is_file() else None


def validate_file(fpath: Any, file_hash: str, algorithm: str = "auto", chunk_size: int = 65535) -> bool:
    """Whether a file has this hash."""
    name = _HASHES.get(len(str(file_hash)), "sha256") if algorithm == "auto" else algorithm
    if name not in _HASHES.values():
        raise ValueError(f"hash_algorithm must be 'md5', 'sha256' or 'auto', got {algorithm!r}.")
    digest = hashlib.new(name, usedforsecurity=False)
    with open(fpath, "rb") as file:
        while chunk := file.read(chunk_size):
            digest.update(chunk)
    return digest.hexdigest() == str(file_hash).lower()


# --- Archives ---------------------------------------------------------------------------------------------------


def extract_archive(file: Any, folder: Any, archive_format: Any = "auto") -> None:
    """Take an archive apart into a folder, which appears when all is done.

    Links and devices in it are left out, as no data needs them.

    Raises:
        ValueError: a file that is none, or a member that would lie outside the folder; nothing is written then.
    """
    formats = ("tar", "zip") if archive_format == "auto" else archive_format
    formats = (formats,) if isinstance(formats, str) else tuple(formats or ())
    for name in formats:
        if name not in _OPEN:
            raise ValueError(f"archive_format must be 'tar', 'zip', 'auto' or None, got {name!r}.")
        is_one, members = _OPEN[name]
        if is_one(file):
            with ExitStack() as stack:
                _write(Path(folder), list(members(file, stack)), file)
            return
    raise ValueError(f"{file} is not an archive ({', '.join(formats) or 'no archive_format is given'}).")


Member = tuple[str, Callable[[], IO[bytes] | None]]


def _of_tar(file: Any, stack: ExitStack) -> Iterator[Member]:
    archive = stack.enter_context(tarfile.TarFile.open(file))
    for member in archive:
        if member.isreg():
            yield member.name, lambda member=member: archive.extractfile(member)  # type: ignore[misc]


def _of_zip(file: Any, stack: ExitStack) -> Iterator[Member]:
    archive = stack.enter_context(zipfile.ZipFile(file))
    for member in archive.infolist():
        if not member.is_dir():
            yield member.filename, lambda member=member: archive.open(member)  # type: ignore[misc]


_OPEN: Final[dict[str, tuple[Callable[[Any], bool], Callable[[Any, ExitStack], Iterator[Member]]]]] = {
    "tar": (tarfile.is_tarfile, _of_tar),
    "zip": (zipfile.is_zipfile, _of_zip),
}


def _write(folder: Path, members: list[Member], archive: Any) -> None:
    for name, _ in members:
        parts = Path(name.replace("\\", "/")).parts
        if not parts or os.path.isabs(name) or ".." in parts or ":" in parts[0] or parts[0].startswith("/"):
            raise ValueError(f"{archive}: its member {name!r} would lie outside the folder {folder}.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as place:
        for name, read in members:
            target = Path(place, *Path(name.replace("\\", "/")).parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            source = read()
            if source is not None:
                with source, open(target, "wb") as file:
                    shutil.copyfileobj(source, file)
        shutil.copytree(place, folder, dirs_exist_ok=True)
