"""Owns the blocks of a segment: what makes each one readable alone, and how damage is found and named.

Never trusts a length that no checksum covers, and never raises for what a file holds: damage is a value.
Comes from records as bytes; goes to and from segment files.

A block is a zstd skippable frame of 40 bytes with lengths and checksums, then one zstd frame: a segment is a zstd
stream, which any zstd tool unpacks.
"""

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO
from zlib import crc32

import msgspec
import zstandard

from leadline.tape.records import Record, decode

RAW_BYTES_MAX = 512 * 1024 * 1024
"""A block that says it holds more is not believed: the recorder writes about 256 kB, or one drain of the socket."""

LEVEL = 3
"""zstd's own default: on recorded books level 9 saves a sixth of the bytes and takes three times as long."""

_HEAD = struct.Struct("<II4sIIIQII")
_SKIPPABLE = 0x184D2A5C
_TAG = b"LLT1"
_PREFIX = struct.pack("<II4s", _SKIPPABLE, _HEAD.size - 8, _TAG)
_SEARCH_BYTES = 1024 * 1024


class Block(msgspec.Struct, frozen=True):
    """A whole block: where it stands, the number of its first frame, its records."""

    offset: int
    size: int
    raw_size: int
    first_frame: int
    records: list[Record]


class Damage(msgspec.Struct, frozen=True):
    """Bytes that are no block; torn is an end that was being written when the process was killed."""

    offset: int
    size: int
    why: str
    is_torn: bool


def pack(raw: bytes, records: int, first_frame: int, compressor: zstandard.ZstdCompressor) -> bytes:
    """Make a block of encoded records."""
    payload = compressor.compress(raw)
    head = _PREFIX + struct.pack("<IIIQI", len(payload), len(raw), records, first_frame, crc32(payload))
    return head + struct.pack("<I", crc32(head)) + payload


def scan(file: BinaryIO) -> Iterator[Block | Damage]:
    """Give the blocks of a file from its start, and what stands between them; bytes appended meanwhile are left out."""
    end = file.seek(0, os.SEEK_END)
    decompressor = zstandard.ZstdDecompressor()
    offset = 0
    while offset < end:
        found = _block_at(file, offset, end, decompressor)
        if isinstance(found, Damage):
            resumed = _next_block(file, offset + 1, end, decompressor)
            found = Damage(offset, resumed - offset, found.why, found.is_torn and resumed == end)
        yield found
        offset += found.size


def is_segment(start: bytes) -> bool:
    """Tell a segment by its first bytes."""
    return start.startswith(_PREFIX)


def _block_at(file: BinaryIO, offset: int, end: int, decompressor: zstandard.ZstdDecompressor) -> Block | Damage:
    file.seek(offset)
    head = file.read(min(_HEAD.size, end - offset))
    if len(head) < _HEAD.size:
        return Damage(offset, end - offset, "cut off within a block's head", is_torn=True)
    *_, size, raw_size, count, first_frame, payload_crc, head_crc = _HEAD.unpack(head)
    if not head.startswith(_PREFIX) or crc32(head[:-4]) != head_crc:
        return Damage(offset, end - offset, "no block begins here, or its head is damaged", is_torn=False)
    if size > end - offset - _HEAD.size:
        return Damage(offset, end - offset, "cut off within a block", is_torn=True)
    payload = file.read(size)
    try:
        records = _unpack(payload, payload_crc, raw_size, count, decompressor)
    except (zstandard.ZstdError, ValueError) as error:
        return Damage(offset, end - offset, str(error), is_torn=False)
    return Block(offset, _HEAD.size + size, raw_size, first_frame, records)


def _unpack(
    payload: bytes, checksum: int, raw_size: int, count: int, decompressor: zstandard.ZstdDecompressor
) -> list[Record]:
    if crc32(payload) != checksum:
        raise ValueError("the checksum does not match")
    if raw_size > RAW_BYTES_MAX or zstandard.frame_content_size(payload) != raw_size:
        raise ValueError("it does not unpack to the size that it says")
    records = decode(decompressor.decompress(payload))
    if len(records) != count:
        raise ValueError("it does not hold as many records as it says")
    return records


def _next_block(file: BinaryIO, start: int, end: int, decompressor: zstandard.ZstdDecompressor) -> int:
    """Find where the next whole block begins; the end of the file if there is none."""
    while start < end:
        file.seek(start)
        chunk = file.read(min(_SEARCH_BYTES, end - start))
        place = chunk.find(_PREFIX)
        while place >= 0:
            if isinstance(_block_at(file, start + place, end, decompressor), Block):
                return start + place
            place = chunk.find(_PREFIX, place + 1)
        # A prefix may lie across two chunks.
        start += max(len(chunk) - len(_PREFIX) + 1, 1)
    return end
