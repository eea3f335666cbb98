"""Arrays and lists of numbers out of pickles, without unpickling: see `base/pickles.py`.

The data sets that Keras keeps as `.npz` hold arrays of lists, which NumPy pickles. Three names stand for an array and a
dtype; a pickle that wants anything else is refused.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gatewise.base.pickles import Machine

_ARRAY: Final = "an empty array"
_DTYPE: Final = "a dtype"
_BYTES: Final = "bytes of text"
_NAMES: Final = {
    **{f"{home}.multiarray _reconstruct": _ARRAY for home in ("numpy.core", "numpy._core")},
    "numpy ndarray": "the class of arrays",
    "numpy dtype": _DTYPE,
    "_codecs encode": _BYTES,
}
_KINDS: Final = "biufO"


def read(pickle: bytes, latin: bool = False) -> Any:
    """What a pickle of arrays, lists, dicts, numbers and text holds.

    Args:
        pickle: its bytes.
        latin: whether text that Python 2 wrote is text in Latin-1; else it is bytes.

    Raises:
        ValueError: for anything else in it, or a pickle that is damaged.

    >>> import pickle
    >>> read(pickle.dumps([[1, 2], [3]], protocol=2))
    [[1, 2], [3]]
    """
    return _Arrays(latin).read(pickle)


class _Array:
    """An array in the making: `BUILD` gives it its shape, dtype and contents."""

    value: Any = None


class _Dtype:
    """A dtype in the making."""

    def __init__(self, code: str) -> None:
        self.value = np.dtype(code)
        if self.value.kind not in _KINDS:
            raise ValueError(f"it holds numbers of the dtype {code!r}.")


class _Arrays(Machine):
    """A pickle in which names stand for arrays and dtypes."""

    def named(self, name: str) -> Any:
        if name not in _NAMES:
            raise ValueError(f"it wants {name.replace(' ', '.')}, which is no array of numbers.")
        return ("name", _NAMES[name])

    def called(self, what: Any, args: Any) -> Any:
        if what == ("name", _ARRAY):
            return _Array()
        if what == ("name", _DTYPE):
            return _Dtype(_text(args[0]))
        if what == ("name", _BYTES) and args[1] == "latin1":
            return args[0].encode("latin-1")
        raise ValueError("it calls something that makes no array.")

    def filled(self, target: Any, state: Any) -> None:
        if isinstance(target, _Dtype):
            order = _text(state[1])
            target.value = target.value if order == "|" else target.value.newbyteorder(">" if order == ">" else "<")
        elif isinstance(target, _Array):
            target.value = self._array(*state[-4:])
        else:
            raise ValueError("it changes something that is no array.")

    def finished(self, value: Any) -> Any:
        return value.value if isinstance(value, (_Array, _Dtype)) else value

    def _array(self, shape: Any, dtype: Any, fortran: Any, contents: Any) -> np.ndarray:
        if not isinstance(dtype, _Dtype):
            raise ValueError("it has an array without a dtype.")
        count = int(np.prod(shape, dtype=object))
        if dtype.value.kind != "O":
            flat = np.frombuffer(contents.encode("latin-1") if isinstance(contents, str) else contents, dtype.value)
        elif isinstance(contents, list):
            flat = np.empty(len(contents), object)
            for place, value in enumerate(contents):  # At once, lists of one length would be taken for a table.
                flat[place] = self.finished(value)
        else:
            raise ValueError("it fills an array with something that is no list.")
        if count < 0 or flat.size != count:
            raise ValueError(f"an array in it should have the shape {shape}, but has {flat.size} items.")
        return flat.reshape(shape, order="F" if fortran else "C")


def _text(value: Any) -> Any:
    return value.decode("ascii") if isinstance(value, bytes) else value
