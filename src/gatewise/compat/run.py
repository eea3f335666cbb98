"""`gatewise run`: a program that says `import tensorflow as tf` or `import keras`, unchanged.

The program runs in this process as `python program.py` would run it: it is `__main__`, its arguments are `sys.argv`,
its folder is first on the path, and an error in it shows its own lines alone. Processes that it starts find Gatewise
under the same names, through `stand_ins/` on the path: those of `multiprocessing`, and through `PYTHONPATH` those of
`subprocess`, where they run a Python that has Gatewise.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import io
import os
import signal
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import Any, Final, NoReturn

from gatewise.base import tensors, versions
from gatewise.compat import addresses, notebooks, old_numpy, pinned

_OURS: Final = str(Path(__file__).parents[1]) + os.sep
_PLACES: Final = ("stdlib", "platstdlib", "purelib", "platlib")
_LIBRARIES: Final = ("<", *{sysconfig.get_path(name) + os.sep for name in _PLACES})
"""Where the files of libraries are, and how code is called that is in no file."""
_shows_all = False
STAND_INS: Final = str(Path(__file__).with_name("stand_ins"))


class CannotRunError(Exception):
    """The program could not be started; the message says why."""


def show_all() -> None:
    """Let an error that ends the program show where in Gatewise it came from."""
    global _shows_all
    _shows_all = True


def prepare(version: str | None, near: str | None = None) -> None:
    """Let TensorFlow's and Keras's names mean Gatewise, in this process.

    Args:
        version: of the TensorFlow that they should be like, or None for the one that the program's own files agree on,
            or else the newest.
        near: the folder of the program.

    Raises:
        ValueError: something that is not a version of TensorFlow.
    """
    if version is None and near is not None and (found := pinned.agreed(Path(near))) is not None:
        version = found.version
        print(f"gatewise run: as under TensorFlow {version}, for {found.why}. --tf says otherwise.", file=sys.stderr)
    versions.use(versions.NEWEST if version is None else version)
    old_numpy.restore(versions.tensorflow())
    tensors.give_to_programs()
    addresses.install()


def stand_in(name: str) -> None:
    """Let a file in `stand_ins/`, which a process that the program started imports, become the module of ours."""
    prepare(os.environ.get(versions.ENVIRONMENT))
    importlib.import_module(name)


def script(path: str, args: list[str]) -> NoReturn:
    """Run the program in the file `path`, and exit as it does.

    Raises:
        CannotRunError: there is no such file, or it is not Python.
    """
    try:
        with io.open_code(os.path.abspath(path)) as file:
            source = file.read()
    except OSError as error:
        raise CannotRunError(f"Cannot read the program {path!r}: {error.strerror}.") from None
    sys.argv = [path, *args]
    _set_path(os.path.dirname(os.path.realpath(path)))
    whole = os.path.abspath(path)
    main = _main(__file__=whole, __cached__=None, __loader__=SourceFileLoader("__main__", whole))
    if path.endswith(".ipynb"):
        try:
            cells = notebooks.code_of(source.decode(), whole)
        except ValueError as error:
            raise CannotRunError(str(error)) from None
        _run(main, cells)
    _run(main, (compile(source, whole, "exec", dont_inherit=True) for _ in (None,)))


def module(name: str, args: list[str]) -> NoReturn:
    """Run the module `name`, or the `__main__` of the package `name`, as `python -m` does.

    Raises:
        CannotRunError: there is no such module.
    """
    sys.argv = ["-m", *args]
    _set_path(os.getcwd())
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{name}.__main__")
    except ModuleNotFoundError:
        spec = None
    get_code = getattr(spec and spec.loader, "get_code", None)
    if spec is None or get_code is None:
        raise CannotRunError(f"There is no module {name!r} to run, or it is a package without __main__.")
    sys.argv[0] = spec.origin or name
    known = {"__file__": spec.origin, "__cached__": spec.cached, "__loader__": spec.loader}
    main = _main(__spec__=spec, __package__=spec.parent, **known)
    _run(main, (get_code(spec.name) for _ in (None,)))


def _main(**names: Any) -> ModuleType:
    """A new `__main__`, with what Python gives it and `names`."""
    main = ModuleType("__main__")
    vars(main)["__builtins__"] = builtins
    if "__annotations__" in vars(sys.modules["__main__"]):  # Python before 3.14 makes it at once.
        vars(main)["__annotations__"] = {}
    vars(main).update(names)
    return main


def _set_path(folder: str) -> None:
    """Put the program's folder where this program's own was, as Python does unless it was told to be safe (-P).

    Python processes that the program starts by any means find the stand-ins through the environment.
    """
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = STAND_INS if not inherited else os.pathsep.join((STAND_INS, inherited))
    if getattr(sys.flags, "safe_path", False):
        sys.path.insert(0, STAND_INS)
    else:
        sys.path[0:1] = [folder, STAND_INS]


def _run(main: ModuleType, code: Iterator[CodeType]) -> NoReturn:
    """Run the parts of a program, each of which is compiled when its turn comes."""
    sys.modules["__main__"] = main
    try:
        for part in code:
            exec(part, vars(main))
    except SystemExit:
        raise
    except BaseException as error:
        _report(error)
    sys.exit(0)


def _report(error: BaseException) -> NoReturn:
    """Show the program's traceback, without the frames that led to it, and exit as Python does."""
    if not _shows_all:
        for each in _chain(error):
            each.__traceback__ = None if _in_its_text(each) else of_program(each.__traceback__)
    if sys.excepthook is sys.__excepthook__:
        traceback.print_exception(error)  # It finds the lines of notebooks too.
    else:
        sys.excepthook(type(error), error, error.__traceback__)
    if isinstance(error, KeyboardInterrupt) and os.name == "posix":
        sys.stdout.flush()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    sys.exit(1)


def _in_its_text(error: BaseException) -> bool:
    """Whether Python could not compile the program itself: the error then says its line, and no frame led there."""
    paths = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)]
    return isinstance(error, SyntaxError) and all(path.startswith(_OURS) for path in paths)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those that it came from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def of_program(whole: TracebackType | None) -> TracebackType | None:
    """The traceback without Gatewise's frames, and without those of libraries that Gatewise called.

    What the program wrote itself stays, also where Gatewise called it; of an error in nothing of the program's, all.
    """
    kept, below = [], False
    frame = whole
    while frame is not None:
        path = frame.tb_frame.f_code.co_filename
        below = path.startswith(_OURS) or (below and path.startswith(_LIBRARIES))
        if not below:
            kept.append(frame)
        frame = frame.tb_next
    for one, after in zip(kept, [*kept[1:], None], strict=False):
        one.tb_next = after
    return kept[0] if kept else whole
