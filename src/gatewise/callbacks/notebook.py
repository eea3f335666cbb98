"""Progress in notebooks: a bar that the browser draws, without widgets."""

from __future__ import annotations

import sys
from html import escape
from typing import Any


def in_notebook() -> bool:
    """Whether this process is a kernel whose outputs a notebook shows."""
    interactive = sys.modules.get("IPython")
    shell = None if interactive is None else interactive.get_ipython()
    return shell is not None and getattr(shell, "kernel", None) is not None


class NotebookBar:
    """One output of a cell, which is written anew with each change and emptied at the end.

    Args:
        what: the words before the bar.
        target: how many steps there will be, or None.
    """

    def __init__(self, what: str, target: int | None) -> None:
        self._what = what
        self._target = target
        self._output: Any = None

    def show(self, steps: int, words: list[str]) -> None:
        """Show so many steps, and the words behind the bar."""
        most = "" if self._target is None else f' value="{steps}" max="{self._target}"'
        of = str(steps) if self._target is None else f"{steps}/{self._target}"
        text = " - ".join([of, *words])
        html = f"<div>{escape(self._what)} <progress{most}></progress> {escape(text)}</div>"
        self._write({"text/html": html, "text/plain": f"{self._what} - {text}"})

    def stop(self) -> None:
        """Take the bar away."""
        if self._output is not None:
            self._write({"text/html": "", "text/plain": ""})

    def _write(self, forms: dict[str, str]) -> None:
        from IPython.display import display

        if self._output is None:
            self._output = display(forms, raw=True, display_id=True)
        else:
            self._output.update(forms, raw=True)
