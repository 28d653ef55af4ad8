"""Owns how a frame's text is broken.

Never mends it.
Comes from a frame's bytes, goes to the frame as sent.
"""

from collections.abc import Callable
from typing import Final

from simschwab.core.faults.effect import Broken

_DEPTH: Final = 100_000


def broken(payload: bytes, kind: Broken) -> bytes:
    """Give the bytes of a frame that no strict reader accepts, or that mean nothing."""
    return _WAYS[kind](payload)


def _with(number: bytes) -> Callable[[bytes], bytes]:
    return lambda payload: payload[:-1] + b',"x":' + number + b"}"


_WAYS: Final[dict[Broken, Callable[[bytes], bytes]]] = {
    Broken.NOT_JSON: lambda payload: b"!" + payload,
    Broken.NAN: _with(b"NaN"),
    Broken.HUGE_NUMBER: _with(b"1e400"),
    Broken.CUT: lambda payload: payload[: len(payload) // 2],
    Broken.WRONG_TYPE: lambda _payload: b'{"data":{"content":7}}',
    Broken.NOT_UTF8: _with(b'"\xff\xfe"'),
    Broken.DEEP: lambda _payload: b'{"data":' + b"[" * _DEPTH + b"]" * _DEPTH + b"}",
    Broken.EMPTY: lambda _payload: b"",
}
