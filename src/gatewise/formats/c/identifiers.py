"""Names as C takes them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_KEYWORDS: Final = frozenset({
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern",
    "float", "for", "goto", "if", "inline", "int", "long", "register", "restrict", "return", "short", "signed",
    "sizeof", "static", "struct", "switch", "typedef", "union", "unsigned", "void", "volatile", "while",
    "asm", "bool", "catch", "class", "delete", "explicit", "export", "false", "friend", "mutable", "namespace", "new",
    "operator", "private", "protected", "public", "template", "this", "throw", "true", "try", "typename", "using",
    "virtual", "main",
})  # fmt: skip
"""C's, and those of C++, which may include the header."""


def identifier(text: str) -> str:
    """A text made a C identifier: ASCII letters, digits and underscores, begun with a letter.

    >>> identifier("my-model 2"), identifier("2nd"), identifier("double"), identifier("größe")
    ('my_model_2', 'm_2nd', 'double_', 'gr_e')
    """
    name = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")
    if not name or name[0].isdigit():
        name = f"m_{name}".rstrip("_")
    return f"{name}_" if name in _KEYWORDS else name


class Names:
    """Identifiers that are told apart, in capitals too.

    >>> names = Names({"step"})
    >>> names.own("dense"), names.own("Dense"), names.own("step")
    ('dense', 'Dense_2', 'step_2')
    """

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = {name.lower() for name in taken}

    def own(self, wanted: str) -> str:
        """An identifier like `wanted` that nothing else has."""
        base = name = identifier(wanted)
        count = 1
        while name.lower() in self._taken:
            count += 1
            name = f"{base}_{count}"
        self._taken.add(name.lower())
        return name
