"""threadpoolctl knows the engine: it lists it and limits its threads.

threadpoolctl looks through the shared libraries of the process for those that its controllers know. Ours is registered
once both sides are there, whichever comes first: importing threadpoolctl only for this would take longer than loading
the engine.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

NAME = "threadpoolctl"


def watch() -> None:
    """Register with threadpoolctl: now if it is imported, else when it will be."""
    watcher = _Watcher()
    sys.meta_path.insert(0, watcher)
    if sys.modules.get(NAME) is not None:
        watcher.found(importlib.import_module(NAME))  # this waits where another thread is still importing it


def register(threadpoolctl: ModuleType) -> None:
    """Tell threadpoolctl of the engine; releases before 3.2, which take no others' controllers, stay as they are."""
    if not hasattr(threadpoolctl, "register"):
        return

    class GatewiseController(threadpoolctl.LibController):  # type: ignore[name-defined, misc]
        """The engine's library, by the two functions that it exports. A limit binds the thread that sets it."""

        user_api = internal_api = "gatewise"
        filename_prefixes = ("_native.",)
        check_symbols = ("gatewise_get_num_threads", "gatewise_set_num_threads")

        def get_num_threads(self) -> Any:
            return self.dynlib.gatewise_get_num_threads()

        def set_num_threads(self, num_threads: int) -> None:
            self.dynlib.gatewise_set_num_threads(num_threads)

        def get_version(self) -> str:
            from gatewise.base.version import __version__

            return __version__

    threadpoolctl.register(GatewiseController)


class _Watcher:
    """Finds no module itself: follows the import of threadpoolctl, whoever finds it, and registers the engine then."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != NAME:
            return None
        others = [finder for finder in sys.meta_path if finder is not self and hasattr(finder, "find_spec")]
        found = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None and not isinstance(spec.loader, type):
            self._follow(spec.loader)
        return spec

    def _follow(self, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            self.found(module)

        loader.exec_module = exec_module

    def found(self, module: ModuleType) -> None:
        """Threadpoolctl is there: nothing is left to watch for."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
            register(module)
