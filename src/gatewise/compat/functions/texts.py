"""`tf.strings`: text as arrays of `bytes` in UTF-8, as TensorFlow has it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np

from gatewise.base.dtypes import as_dtype
from gatewise.base.ragged import RaggedTensor
from gatewise.base.typing import Array
from gatewise.compat.functions.calling import array, axes, offered, plainly


def _text(x: Any, what: str) -> Array:
    found = x if isinstance(x, RaggedTensor) else array(x)
    if found.dtype.kind != "O":
        raise TypeError(f"tf.strings.{what} is for text, but {found.dtype.name} came.")
    return found


def _each(function: Callable[[bytes], Any], x: Any, what: str, dtype: Any = object) -> Any:
    """A function of each text, in the same shape; rows of unequal lengths stay such."""
    found = _text(x, what)
    if isinstance(found, RaggedTensor):
        return found.with_flat_values(_each(function, found.flat_values, what, dtype))
    made = np.empty(found.shape, dtype)
    for place in np.ndindex(found.shape):
        made[place] = function(found[place])
    return made


@offered("strings.lower")
def lower(input: Any, encoding: str = "") -> Array:
    """Small letters: those of ASCII, and with encoding "utf-8" all."""
    if encoding:
        return _each(lambda text: text.decode().lower().encode(), input, "lower")
    return _each(lambda text: text.lower(), input, "lower")


@offered("strings.upper")
def upper(input: Any, encoding: str = "") -> Array:
    """Large letters."""
    if encoding:
        return _each(lambda text: text.decode().upper().encode(), input, "upper")
    return _each(lambda text: text.upper(), input, "upper")


@offered("strings.strip")
def strip(input: Any) -> Array:
    """Without white space at both ends."""
    return _each(lambda text: text.strip(b" \t\n\v\f\r"), input, "strip")


@offered("strings.length")
def length(input: Any, unit: str = "BYTE") -> Array:
    """How many bytes, or with unit "UTF8_CHAR" how many characters."""
    count = {"BYTE": len, "UTF8_CHAR": lambda text: len(text.decode(errors="replace"))}[unit]
    return _each(count, input, "length", "int32")


@offered("strings.regex_replace")
def regex_replace(input: Any, pattern: Any, rewrite: Any, replace_global: bool = True) -> Array:
    r"""What a regular expression finds, replaced; `\1` in the new text is the first group, `\0` all that was found."""
    expression = re.compile(_of_re2(_str(pattern)))
    new = re.sub(r"\\(\d)", r"\\g<\1>", _str(rewrite))
    count = 0 if replace_global else 1
    return _each(lambda text: expression.sub(new, text.decode(), count=count).encode(), input, "regex_replace")


@offered("strings.regex_full_match")
def regex_full_match(input: Any, pattern: Any) -> Array:
    """Whether a regular expression matches all of a text."""
    expression = re.compile(_of_re2(_str(pattern)))
    return _each(lambda text: expression.fullmatch(text.decode()) is not None, input, "regex_full_match", bool)


_CLASSES = {"punct": r"!-/:-@\[-`{-~", "alpha": "a-zA-Z", "digit": "0-9", "space": r"\s", "alnum": "a-zA-Z0-9"}


def _of_re2(pattern: str) -> str:
    """An expression of RE2, which TensorFlow uses, in Python's words: named classes such as [:punct:]."""
    for name, members in _CLASSES.items():
        pattern = pattern.replace(f"[:{name}:]", members)
    return re.sub(r"\\p\{(\w+)\}|\\p(\w)", lambda found: _category(found[1] or found[2]), pattern)


def _category(name: str) -> str:
    """The characters of a category of Unicode, as the inside of a class."""
    return (
        "[" + "".join(re.escape(chr(n)) for n in range(0x3000) if unicodedata.category(chr(n)).startswith(name)) + "]"
    )


def _str(text: Any) -> str:
    found = array(text).item() if not isinstance(text, (str, bytes)) else text
    return found.decode() if isinstance(found, bytes) else found


@offered("strings.split")
def split(input: Any, sep: Any = None, maxsplit: int = -1) -> Any:
    """Each text's parts between separators, by default white space; rows of unequal lengths as a ragged tensor."""
    between = _str(sep).encode() if sep is not None and _str(sep) else None
    return _parts(lambda text: text.split(between, maxsplit), input, "split")


@offered("strings.unicode_split")
def unicode_split(input: Any, input_encoding: str = "UTF-8", errors: str = "replace") -> Any:
    """Each text's characters; rows of unequal lengths as a ragged tensor."""
    return _parts(lambda text: [c.encode() for c in text.decode(input_encoding, errors)], input, "unicode_split")


@offered("strings.bytes_split")
def bytes_split(input: Any) -> Any:
    """Each text's bytes."""
    return _parts(lambda text: [bytes([each]) for each in text], input, "bytes_split")


def _parts(cut: Callable[[bytes], list[bytes]], input: Any, what: str) -> Any:
    found = _text(input, what)
    if isinstance(found, RaggedTensor) or found.ndim > 1:
        raise ValueError(f"tf.strings.{what} takes one text or a row of them here: reshape to (N,) first.")
    if not found.ndim:
        return _row(cut(found[()]))
    rows = [cut(text) for text in found]
    return RaggedTensor(_row([part for row in rows for part in row]), [len(row) for row in rows])


def _row(parts: list[bytes]) -> Array:
    made = np.empty(len(parts), object)
    made[:] = parts
    return made


@offered("strings.join")
def join(inputs: Any, separator: str = "") -> Array:
    """Texts of several arrays, place by place, with a separator between."""
    parts: Any = np.broadcast_arrays(*[_text(each, "join") for each in inputs])
    made = np.empty(parts[0].shape, object)
    for place in np.ndindex(made.shape):
        made[place] = _str(separator).encode().join(each[place] for each in parts)
    return made


@offered("strings.reduce_join")
def reduce_join(inputs: Any, axis: Any = None, keepdims: bool = False, separator: str = "") -> Any:
    """Texts along an axis, by default all, with a separator between."""
    found, between = _text(inputs, "reduce_join"), _str(separator).encode()
    if isinstance(found, RaggedTensor):
        return _row([between.join(row) for row in found.rows()])
    over = tuple(range(found.ndim)) if axis is None else axes(axis)
    over = tuple(each % found.ndim for each in (over if isinstance(over, tuple) else (over,))) if found.ndim else ()
    kept = [each for each in range(found.ndim) if each not in over]
    flat = np.transpose(found, [*kept, *over]).reshape([*(found.shape[each] for each in kept), -1])
    made = np.empty(flat.shape[:-1], object)
    for place in np.ndindex(made.shape):
        made[place] = between.join(flat[place])
    return made.reshape([1 if n in over else size for n, size in enumerate(found.shape)]) if keepdims else made


@offered("strings.substr")
def substr(input: Any, pos: Any, len: Any, unit: str = "BYTE") -> Array:
    """A part of each text: where it begins, and how long it is."""
    first, count = int(plainly(pos)), int(plainly(len))
    if unit == "UTF8_CHAR":
        return _each(lambda text: text.decode()[first:][:count].encode(), input, "substr")
    return _each(lambda text: text[first:][:count], input, "substr")


@offered("strings.to_number")
def to_number(input: Any, out_type: Any = "float32") -> Array:
    """The numbers that texts say."""
    wanted = as_dtype(out_type)
    return _each(int if wanted.is_integer else float, input, "to_number", wanted.dtype)


@offered("strings.as_string")
def as_string(input: Any) -> Array:
    """Numbers as text: whole ones as they are, others with six digits after the point."""
    found = array(input)
    if found.dtype.kind == "b":
        words = [b"true" if each else b"false" for each in found.ravel()]
    else:
        words = [(f"{each:f}" if found.dtype.kind == "f" else str(each)).encode() for each in found.ravel().tolist()]
    return _row(words).reshape(found.shape)
