"""Blocks: any file is read without an exception, what is whole comes back, and no changed byte goes unseen."""

import io
from pathlib import Path
from zlib import crc32

import msgspec
import pytest
import zstandard

from leadline.tape.blocks import Block, Damage, is_segment, scan
from leadline.tape.records import End, Event, Frame, Gap, Header, Record, decode
from support.taping import START_NS, header, records_on, write

BATCHES: list[list[Record]] = [
    [Frame(START_NS, 1, b'{"data":[]}'), Event(START_NS + 1, "lost", "the connection broke")],
    [Frame(START_NS + 2, 2, b"\x00\xff no JSON"), Gap(START_NS + 3, START_NS + 9, 4, 999, 1, "disk")],
    [Frame(START_NS + 10, 3, b"")],
]
WHOLE = [record for batch in BATCHES for record in batch]


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    [path] = write(tmp_path / "tape", BATCHES).iterdir()
    return path.read_bytes()


def found_in(content: bytes) -> tuple[list[Block], list[Damage]]:
    found = list(scan(io.BytesIO(content)))
    return [one for one in found if isinstance(one, Block)], [one for one in found if isinstance(one, Damage)]


def test_a_segment_holds_its_header_what_was_put_and_its_end(tmp_path: Path) -> None:
    records = records_on(write(tmp_path / "tape", BATCHES))
    assert isinstance(records[0], Header)
    assert records[1:-1] == WHOLE
    assert records[-1] == End("closed")


def test_blocks_and_damage_cover_the_file_without_a_hole(content: bytes) -> None:
    blocks, damage = found_in(content)
    assert damage == []
    assert blocks[0].offset == 0
    assert [block.offset + block.size for block in blocks] == [*(block.offset for block in blocks[1:]), len(content)]
    assert [block.first_frame for block in blocks] == [0, 0, 1, 6, 7]


def test_any_zstd_reader_unpacks_a_segment(content: bytes) -> None:
    reader = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content), read_across_frames=True)
    raw = reader.read()
    assert sum(block.raw_size for block in found_in(content)[0]) == len(raw)
    assert isinstance(decode(raw[: found_in(content)[0][0].raw_size])[0], Header)


def test_cut_at_every_byte_the_whole_blocks_before_it_are_read_and_the_rest_is_a_torn_end(content: bytes) -> None:
    whole, _ = found_in(content)
    ends = [block.offset + block.size for block in whole]
    for length in range(len(content)):
        blocks, damage = found_in(content[:length])
        kept = sum(end <= length for end in ends)
        assert blocks == whole[:kept]
        left = length - (ends[kept - 1] if kept else 0)
        assert [(one.size, one.is_torn) for one in damage] == ([(left, True)] if left else [])


def test_every_changed_byte_is_seen_named_and_costs_one_block(content: bytes) -> None:
    whole, _ = found_in(content)
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 0x40
        blocks, damage = found_in(bytes(changed))
        hit = next(block for block in whole if block.offset <= place < block.offset + block.size)
        assert [(one.offset, one.size, one.is_torn) for one in damage] == [(hit.offset, hit.size, False)]
        assert blocks == [block for block in whole if block is not hit]


def test_bytes_between_blocks_are_damage_and_what_follows_is_found(content: bytes) -> None:
    whole, _ = found_in(content)
    place = whole[2].offset
    junk = content[:50] + bytes(2 * 1024 * 1024) + content[:20]
    blocks, [damage] = found_in(content[:place] + junk + content[place:])
    assert (damage.offset, damage.size, damage.is_torn) == (place, len(junk), False)
    assert [block.records for block in blocks] == [block.records for block in whole]


@pytest.mark.parametrize("junk", [b"", b"\x00" * 4096, b"{}\n" * 1000, b"\x5c\x2a\x4d\x18 \x00\x00\x00LLT1" * 9])
def test_a_file_that_is_no_segment_has_no_block(junk: bytes) -> None:
    assert found_in(junk)[0] == []


def test_a_size_that_lies_is_not_believed(content: bytes) -> None:
    """A payload whose checksum is right but that unpacks to another size: made by hand, not by a fault of a disk."""
    bomb = zstandard.ZstdCompressor().compress(bytes(1024))
    head = content[:12] + len(bomb).to_bytes(4, "little") + (77).to_bytes(4, "little") + bytes(12)
    head += crc32(bomb).to_bytes(4, "little")
    head += crc32(head).to_bytes(4, "little")
    blocks, [damage] = found_in(head + bomb)
    assert blocks == []
    assert "does not unpack" in damage.why


def test_a_segment_is_known_by_its_first_bytes(content: bytes) -> None:
    assert is_segment(content[:16])
    assert not is_segment(b'{"recv_ns":1}')
    assert not is_segment(b"")


def test_a_field_that_a_later_version_adds_does_not_keep_this_one_from_reading() -> None:
    longer = msgspec.msgpack.encode([[1, 5, 6, b"x", "new"], [*msgspec.to_builtins(header()), "new"]])
    assert decode(longer) == [Frame(5, 6, b"x"), header()]
