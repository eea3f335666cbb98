"""Arrays by letter, by long name, or as attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from gatewise.base.words import nearest


class Named(Mapping[str, np.ndarray]):
    """A mapping of letters to arrays, which takes long names too.

    Args:
        what: one of them, in words: "gate".
        arrays: by letter, in order.
        words: long names by letter.

    >>> gates = Named("gate", {"f": np.zeros(3)}, {"f": "forget gate"})
    >>> list(gates), gates["f"] is gates["forget gate"], gates
    (['f'], True, {'f' (forget gate): (3,)})
    """

    def __init__(self, what: str, arrays: Mapping[str, np.ndarray], words: Mapping[str, str]) -> None:
        self._what = what
        self._arrays = dict(arrays)
        self.words = {letter: words.get(letter, letter) for letter in self._arrays}
        """The long names by letter; the letter itself where there is none."""

    def __getitem__(self, name: str) -> np.ndarray:
        if name in self._arrays:
            return self._arrays[name]
        plain = str(name).replace("_", " ")
        for letter, words in self.words.items():
            if words == plain:
                return self._arrays[letter]
        known = ", ".join(f"{letter!r} ({words})" for letter, words in self.words.items()) or "none"
        hint = nearest(plain, [*self._arrays, *self.words.values()])
        raise KeyError(f"No {self._what} {name!r}.{hint} There is: {known}.")

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        each = (f"{letter!r} ({self.words[letter]}): {array.shape}" for letter, array in self._arrays.items())
        return f"{{{', '.join(each)}}}"
