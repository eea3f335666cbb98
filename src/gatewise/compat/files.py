"""`tf.io.gfile`: files and folders of this machine, and `tf.train.Checkpoint`: variables in a file of ours."""

from __future__ import annotations

import glob as globbing
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from gatewise.base.atomic import replacing
from gatewise.base.tensors import as_tensor
from gatewise.base.variable import Variable, commit


def _path(path: Any) -> str:
    """A path as text; paths of other machines are refused."""
    found = os.fspath(path)
    found = found.decode() if isinstance(found, bytes) else found
    if "://" in found and not found.startswith("file://"):
        raise ValueError(f"Gatewise reads files of this machine, and {found!r} is elsewhere.")
    return found.removeprefix("file://")


def open_file(name: Any, mode: str = "r") -> IO[Any]:
    """The file, opened; `tf.io.gfile.GFile`."""
    return open(_path(name), mode, encoding=None if "b" in mode else "utf-8")


def exists(path: Any) -> bool:
    """Whether there is such a file or folder."""
    return os.path.exists(_path(path))


def isdir(path: Any) -> bool:
    """Whether it is a folder."""
    return os.path.isdir(_path(path))


def listdir(path: Any) -> list[str]:
    """The names in a folder."""
    return os.listdir(_path(path))


def glob(pattern: Any) -> list[str]:
    """The paths that a pattern, or several, fits."""
    patterns = pattern if isinstance(pattern, (list, tuple)) else [pattern]
    return sorted(found for each in patterns for found in globbing.glob(_path(each)))


def makedirs(path: Any) -> None:
    """Make a folder and those above it."""
    os.makedirs(_path(path), exist_ok=True)


def remove(path: Any) -> None:
    """Remove a file."""
    os.remove(_path(path))


def rmtree(path: Any) -> None:
    """Remove a folder with all in it."""
    shutil.rmtree(_path(path))


def copy(src: Any, dst: Any, overwrite: bool = False) -> None:
    """Copy a file."""
    if not overwrite and os.path.exists(_path(dst)):
        raise ValueError(f"The file {_path(dst)!r} is there already: pass overwrite=True.")
    shutil.copyfile(_path(src), _path(dst))


def rename(src: Any, dst: Any, overwrite: bool = False) -> None:
    """Give a file another name."""
    if not overwrite and os.path.exists(_path(dst)):
        raise ValueError(f"The file {_path(dst)!r} is there already: pass overwrite=True.")
    os.replace(_path(src), _path(dst))


def walk(top: Any) -> Iterator[tuple[str, list[str], list[str]]]:
    """The folders below a folder, each with the folders and files in it."""
    return os.walk(_path(top))


GFILE = {
    "GFile": open_file, "Open": open_file, "exists": exists, "isdir": isdir, "listdir": listdir, "glob": glob,
    "makedirs": makedirs, "mkdir": makedirs, "remove": remove, "rmtree": rmtree, "copy": copy, "rename": rename,
    "walk": walk,
}  # fmt: skip
"""By their names below `tf.io.gfile`."""


def read_file(filename: Any) -> Any:
    """A file's bytes as a tensor of text."""
    made = np.empty((), object)
    made[()] = Path(_path(_plain_name(filename))).read_bytes()
    return as_tensor(made)


def write_file(filename: Any, contents: Any) -> None:
    """Write bytes to a file."""
    text = contents.numpy() if hasattr(contents, "numpy") else contents
    Path(_path(_plain_name(filename))).write_bytes(text.encode() if isinstance(text, str) else text)


def _plain_name(filename: Any) -> Any:
    return filename.numpy() if hasattr(filename, "numpy") else filename


# --- Checkpoints ------------------------------------------------------------------------------------------------

SUFFIX = ".npz"


class Restored:
    """What `restore` gives: TensorFlow's questions about it, which are answered when it is made."""

    def assert_consumed(self) -> Restored:
        """Accepted: every array of the file was used."""
        return self

    assert_existing_objects_matched = expect_partial = assert_nontrivial_match = assert_consumed


class Checkpoint:
    """Variables of models, optimizers and modules, kept in a file.

    Args:
        root: a thing whose attributes are meant as well, or None.
        things: models, layers, optimizers, metrics, modules or variables, by name.

    The file is NumPy's (`.npz`), Gatewise's own: it does not read TensorFlow's checkpoints, nor do those read it.
    """

    def __init__(self, root: Any = None, **things: Any) -> None:
        from gatewise.compat.variables import Variable as TensorFlowVariable

        vars(self).update(things)
        self._things = {**({} if root is None else {"root": root}), **things}
        self.save_counter = TensorFlowVariable(np.int64(0), trainable=False, name="save_counter")

    def _variables(self) -> dict[str, Variable]:
        found: dict[str, Variable] = {"save_counter": self.save_counter}
        for name, thing in self._things.items():
            inside = [thing] if isinstance(thing, Variable) else getattr(thing, "variables", None)
            if inside is None:
                raise TypeError(f"Checkpoint: {name}={thing!r} has no variables that could be kept.")
            found |= {f"{name}/{place}": each for place, each in enumerate(inside)}
        return found

    def write(self, file_prefix: Any, options: Any = None) -> str:
        """Write the file `<file_prefix>.npz`, and give the prefix."""
        prefix = _path(file_prefix)
        os.makedirs(os.path.dirname(prefix) or ".", exist_ok=True)
        with replacing(prefix + SUFFIX) as temporary, open(temporary, "wb") as file:
            np.savez(file, **{name: np.asarray(each) for name, each in self._variables().items()})  # type: ignore[arg-type]
        return prefix

    def save(self, file_prefix: Any, options: Any = None) -> str:
        """`write` under a name with a number, which counts on."""
        self.save_counter.assign_add(1)
        prefix = self.write(f"{_path(file_prefix)}-{int(self.save_counter)}")
        with replacing(Path(os.path.dirname(prefix) or ".", "checkpoint")) as temporary:
            temporary.write_text(os.path.basename(prefix) + "\n")
        return prefix

    def restore(self, save_path: Any, options: Any = None) -> Restored:
        """Give all variables the values in a file; None does nothing.

        Raises:
            ValueError: a file with other variables; nothing changes.
        """
        if save_path is None:
            return Restored()
        path = _path(save_path) + SUFFIX
        if not os.path.exists(path):
            raise ValueError(
                f"There is no checkpoint {path!r}. (Gatewise keeps checkpoints in files of its own, and does not read "
                "TensorFlow's: save weights there with `model.save_weights('x.h5')`.)"
            )
        for thing in self._things.values():
            self._build_optimizer(thing)
        wanted = self._variables()
        with np.load(path) as kept:
            if set(kept.files) != set(wanted) or any(kept[n].shape != tuple(v.shape) for n, v in wanted.items()):
                raise ValueError(
                    f"{path}: the checkpoint holds other variables than these things have: {len(kept.files)}, and "
                    f"{len(wanted)} were wanted, with these shapes. Build the models first, by a call on data."
                )
            commit([(variable, kept[name]) for name, variable in wanted.items()])
        return Restored()

    read = restore

    def _build_optimizer(self, thing: Any) -> None:
        """An optimizer that has no state yet gets that of the trainable variables of what stands beside it."""
        from gatewise.optimizers import Optimizer

        if isinstance(thing, Optimizer) and not thing.built:
            beside = [each for each in self._things.values() if not isinstance(each, (Optimizer, Variable))]
            thing.build([v for each in beside for v in getattr(each, "trainable_variables", ())])


class CheckpointManager:
    """Keeps the last checkpoints in a folder.

    Args:
        checkpoint: what is saved.
        directory: the folder.
        max_to_keep: how many stay; None for all.
        checkpoint_name: how their names begin.
    """

    def __init__(
        self, checkpoint: Checkpoint, directory: Any, max_to_keep: int | None, checkpoint_name: str = "ckpt", **_: Any
    ) -> None:
        self.checkpoint = checkpoint
        self.directory = _path(directory)
        self._most = max_to_keep
        self._prefix = os.path.join(self.directory, checkpoint_name)

    @property
    def checkpoints(self) -> list[str]:
        """The checkpoints, the oldest first."""
        found = globbing.glob(globbing.escape(self._prefix) + "-*" + SUFFIX)
        return sorted((each.removesuffix(SUFFIX) for each in found), key=lambda each: int(each.rpartition("-")[2]))

    @property
    def latest_checkpoint(self) -> str | None:
        """The newest one, or None."""
        return next(reversed(self.checkpoints), None)

    def save(self, checkpoint_number: int | None = None, **_: Any) -> str:
        """Save one more, and remove what is too many."""
        if checkpoint_number is not None:
            self.checkpoint.save_counter.assign(checkpoint_number - 1)
        made = self.checkpoint.save(self._prefix)
        if self._most is not None:
            for old in self.checkpoints[: -self._most]:
                os.remove(old + SUFFIX)
        return made

    def restore_or_initialize(self) -> str | None:
        """Restore the newest one, where there is one."""
        self.checkpoint.restore(self.latest_checkpoint)
        return self.latest_checkpoint


def latest_checkpoint(checkpoint_dir: Any, latest_filename: Any = None) -> str | None:
    """The newest checkpoint in a folder, or None."""
    note = Path(_path(checkpoint_dir), latest_filename or "checkpoint")
    return os.path.join(_path(checkpoint_dir), note.read_text().strip()) if note.exists() else None
