"""Hashes of text that are the same on every machine and day, as TensorFlow makes them.

>>> fingerprint(b"Gatewise") % 1000, keyed(b"Gatewise", (1, 2)) % 1000
(892, 811)
"""

from __future__ import annotations

from typing import Final

_K0: Final = 0xC3A5C85C97CB3127
_K1: Final = 0xB492B66FBE98F273
_K2: Final = 0x9AE16A3B2F90404F
_CROSS: Final = 0xC6A4A7935BD1E995
_ALL: Final = (1 << 64) - 1


def fingerprint(text: bytes) -> int:
    """FarmHash's Fingerprint64 of some bytes, from 0 to 2**64 - 1. Source: https://github.com/google/farmhash."""
    size = len(text)
    if size <= 16:
        return _short(text)
    if size <= 32:
        return _mixed(*_halves(text, 0, size, _word(text, 0) * _K1), _K2 + 2 * size)
    return _middle(text) if size <= 64 else _long(text)


def crossed(first: int, second: int) -> int:
    """One fingerprint of two, in their order."""
    mixed = (first ^ _CROSS ^ _shifted(second * _CROSS & _ALL) * _CROSS) * _CROSS & _ALL
    return _shifted(_shifted(mixed) * _CROSS & _ALL)


def keyed(text: bytes, key: tuple[int, int]) -> int:
    """SipHash-2-4 of some bytes under a secret key. Source: Aumasson and Bernstein, SipHash (2012)."""
    low, high = (part & _ALL for part in key)
    v = [
        low ^ 0x736F6D6570736575,
        high ^ 0x646F72616E646F6D,
        low ^ 0x6C7967656E657261,
        high ^ 0x7465646279746573,
    ]
    whole = len(text) - len(text) % 8
    words = [_word(text, place) for place in range(0, whole, 8)]
    words.append(int.from_bytes(text[whole:], "little") | (len(text) & 0xFF) << 56)
    for word in words:
        v[3] ^= word
        _rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xFF
    _rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _rounds(v: list[int], count: int) -> None:
    """SipHash's rounds, in place."""
    for _ in range(count):
        for a, b, turn, c, d, other in ((0, 1, 13, 2, 3, 16), (2, 1, 17, 0, 3, 21)):
            v[a] = (v[a] + v[b]) & _ALL
            v[b] = _turned(v[b], turn) ^ v[a]
            v[a] = _turned(v[a], 32)
            v[c] = (v[c] + v[d]) & _ALL
            v[d] = _turned(v[d], other) ^ v[c]


def _word(text: bytes, place: int, size: int = 8) -> int:
    return int.from_bytes(text[place : place + size], "little")


def _turned(value: int, bits: int, right: bool = False) -> int:
    """A 64-bit number with its bits turned to the left, or to the right."""
    value &= _ALL
    bits = 64 - bits if right else bits
    return (value << bits | value >> (64 - bits)) & _ALL


def _right(value: int, bits: int) -> int:
    return _turned(value, bits, right=True)


def _shifted(value: int) -> int:
    value &= _ALL
    return value ^ value >> 47


def _mixed(u: int, v: int, factor: int) -> int:
    """Two 64-bit numbers into one."""
    a = _shifted((u ^ v) * factor)
    return _shifted((v ^ a) * factor) * factor & _ALL


def _short(text: bytes) -> int:
    """Of at most 16 bytes."""
    size = len(text)
    factor = _K2 + 2 * size
    if size >= 8:
        a, b = _word(text, 0) + _K2, _word(text, size - 8)
        return _mixed(_right(b, 37) * factor + a & _ALL, (_right(a, 25) + b) * factor & _ALL, factor)
    if size >= 4:
        return _mixed(size + (_word(text, 0, 4) << 3), _word(text, size - 4, 4), factor)
    if size:
        y, z = text[0] + (text[size >> 1] << 8), size + (text[-1] << 2)
        return _shifted(y * _K2 & _ALL ^ z * _K0 & _ALL) * _K2 & _ALL
    return _K2


def _halves(text: bytes, start: int, size: int, a: int) -> tuple[int, int]:
    """The two numbers that 32 bytes at the ends of the text make, with the first of them as `a`."""
    a &= _ALL
    b = _word(text, start + 8)
    c = _word(text, size - 8) * (_K2 + 2 * size) & _ALL
    d = _word(text, size - 16) * _K2
    return _right(a + b, 43) + _right(c, 30) + d & _ALL, a + _right(b + _K2, 18) + c & _ALL


def _middle(text: bytes) -> int:
    """Of 33 to 64 bytes."""
    size = len(text)
    factor = _K2 + 2 * size
    a = _word(text, 0) * _K2 & _ALL
    y, other = _halves(text, 0, size, a)
    z = _mixed(y, other, factor)
    e, f = _word(text, 16) * factor & _ALL, _word(text, 24)
    g, h = (y + _word(text, size - 32)) * factor & _ALL, (z + _word(text, size - 24)) * factor
    return _mixed(_right(e + f, 43) + _right(g, 30) + h & _ALL, e + _right(f + a, 18) + g & _ALL, factor)


def _weak(text: bytes, place: int, a: int, b: int) -> tuple[int, int]:
    """32 bytes and two numbers into two numbers."""
    w, x, y, z = (_word(text, place + 8 * k) for k in range(4))
    a += w
    b = _right(b + a + z, 21)
    c = a
    a += x + y
    return a + z & _ALL, b + _right(a, 44) + c & _ALL


def _long(text: bytes) -> int:
    """Of more than 64 bytes: 64 at a time, and the last 64 once more."""
    size, rest = len(text), (len(text) - 1) & 63
    end = size - 1 - rest
    x, y = 81, 81 * _K1 + 113 & _ALL
    z = _shifted(y * _K2 + 113) * _K2 & _ALL
    v, w = (0, 0), (0, 0)
    x = x * _K2 + _word(text, 0)
    for place in (*range(0, end, 64), end + rest - 63):
        last = place == end + rest - 63
        factor, nine = (_K1 + ((z & 0xFF) << 1), 9) if last else (_K1, 1)
        if last:
            w0 = w[0] + rest
            v = (v[0] + w0, v[1])
            w = (w0 + v[0], w[1])
        x = _right(x + y + v[0] + _word(text, place + 8), 37) * factor
        y = _right(y + v[1] + _word(text, place + 48), 42) * factor
        x = x & _ALL ^ w[1] * nine & _ALL
        y = y + v[0] * nine + _word(text, place + 40) & _ALL
        z = _right(z + w[0], 33) * factor & _ALL
        v = _weak(text, place, v[1] * factor, x + w[0])
        w = _weak(text, place + 32, z + w[1], y + _word(text, place + 16))
        z, x = x, z
    return _mixed(
        _mixed(v[0], w[0], factor) + _shifted(y) * _K0 + z & _ALL, _mixed(v[1], w[1], factor) + x & _ALL, factor
    )
