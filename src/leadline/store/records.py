"""Owns how a record lies in a file of the store's own: its length, its checksum, and MessagePack.

Never trusts a byte: what is no whole record is a torn one, or damage, and the records behind it count.
Comes from the intent journal and the spill; goes to their files and back.
"""

import struct
import zlib
from typing import NamedTuple

RECORD_BYTES_MAX = 64 * 1024
HEAD = struct.Struct("<II")
"""Length and CRC-32 of the payload, little-endian."""


class Gap(NamedTuple):
    """Bytes that belong to no record: damage between two records, or what a kill left behind the last one."""

    offset: int
    size_bytes: int
    is_tail: bool


class Found(NamedTuple):
    """The payloads of all whole records, where the last one ends, and what lies between and behind them."""

    payloads: list[memoryview]
    end: int
    gaps: list[Gap]


def record_of(payload: bytes) -> bytes:
    """Give a payload with its head, to be written with one write."""
    return HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def find_records(content: bytes, begin: int) -> Found:
    """Find every whole record from `begin` on; zeros at the end are room, not a gap."""
    view = memoryview(content)
    used_bytes = len(content.rstrip(b"\0"))
    payloads: list[memoryview] = []
    gaps: list[Gap] = []
    offset = end = begin
    while offset < used_bytes:
        payload = _record_at(view, offset)
        if payload is None:
            offset += 1
            continue
        if offset > end:
            gaps.append(Gap(end, offset - end, is_tail=False))
        payloads.append(payload)
        offset = end = offset + HEAD.size + len(payload)
    if end < used_bytes:
        gaps.append(Gap(end, used_bytes - end, is_tail=True))
    return Found(payloads, end, gaps)


def _record_at(content: memoryview, offset: int) -> memoryview | None:
    """Give the payload of the record that begins here; None if none does."""
    if offset + HEAD.size > len(content):
        return None
    length, checksum = HEAD.unpack_from(content, offset)
    payload = content[offset + HEAD.size : offset + HEAD.size + length]
    if not 0 < length == len(payload) <= RECORD_BYTES_MAX or zlib.crc32(payload) != checksum:
        return None
    return payload
