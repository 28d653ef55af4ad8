"""Records in a file: every whole one is found, whatever was cut or damaged around it."""

import zlib

from hypothesis import given
from hypothesis import strategies as st

from leadline.store.records import HEAD, RECORD_BYTES_MAX, find_records, record_of

PAYLOADS = st.lists(st.binary(min_size=1, max_size=60), max_size=8)


def payloads(content: bytes, begin: int = 0) -> list[bytes]:
    return [bytes(payload) for payload in find_records(content, begin).payloads]


def test_a_record_is_its_length_its_checksum_and_its_payload() -> None:
    assert record_of(b"abc") == b"\x03\x00\x00\x00" + zlib.crc32(b"abc").to_bytes(4, "little") + b"abc"


@given(PAYLOADS, st.integers(0, 9), st.integers(0, 99))
def test_what_was_written_is_found_in_order_behind_any_beginning_and_before_any_room(
    written: list[bytes], begin: int, room: int
) -> None:
    content = b"x" * begin + b"".join(map(record_of, written))
    found = find_records(content + bytes(room), begin)
    assert [bytes(payload) for payload in found.payloads] == written
    assert found.end == len(content)
    assert found.gaps == []


@given(PAYLOADS.filter(len), st.data())
def test_a_file_that_was_cut_gives_all_records_before_the_cut(written: list[bytes], data: st.DataObject) -> None:
    content = b"".join(map(record_of, written))
    cut = data.draw(st.integers(0, len(content) - 1))
    whole = [w for i, w in enumerate(written) if sum(HEAD.size + len(v) for v in written[: i + 1]) <= cut]
    found = find_records(content[:cut], 0)
    assert [bytes(payload) for payload in found.payloads] == whole
    torn = content[found.end : cut].rstrip(b"\0")
    assert [(gap.offset, gap.size_bytes, gap.is_tail) for gap in found.gaps] == (
        [(found.end, len(torn), True)] if torn else []
    )


def test_damage_between_two_records_costs_one_and_is_told() -> None:
    first, second, third = map(record_of, (b"one", b"two", b"three"))
    content = first + second[:-1] + b"!" + third
    found = find_records(content, 0)
    assert [bytes(payload) for payload in found.payloads] == [b"one", b"three"]
    assert [tuple(gap) for gap in found.gaps] == [(len(first), len(second), False)]


def test_a_length_beyond_any_record_is_damage() -> None:
    huge = b"z" * (RECORD_BYTES_MAX + 1)
    assert payloads(record_of(huge)) == []
    assert payloads(record_of(huge[:-1])) == [huge[:-1]]
