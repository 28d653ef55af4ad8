"""Tapes as files: what is a frame is given with its time, what is none is named by file and line."""

import json
import os
from pathlib import Path

import pytest

from leadline.core.errors import ExitCode, TapeError
from leadline.schwab.wire import decode
from leadline.tape.lines import RECV_NS_MAX, Received, read_listing, read_tape

T_NS = 1_790_380_503_223_000_000
T_MS = T_NS // 1_000_000

BOOK = b'{"data":[{"service":"NYSE_BOOK","timestamp":%d,"command":"SUBS","content":[{"key":"F","1":5,"2":[],"3":[]}]}]}'
HEARTBEAT = b'{"notify":[{"heartbeat":"1790380503223"}]}'
RESPONSE = (
    b'{"response":[{"service":"ADMIN","requestid":"1","command":"LOGIN","timestamp":7,"content":{"code":0,"msg":""}}]}'
)


def wrapped(frame: bytes, recv_ns: int = T_NS) -> bytes:
    return b'{"recv_ns":%d,"frame":%b}' % (recv_ns, frame)


def frames(path: Path, content: bytes) -> list[tuple[int, bytes]]:
    path.write_bytes(content)
    return [(recv_ns, frame) for recv_ns, frame in read_tape(path)]


def wrong_line(path: Path, content: bytes, number: int) -> str:
    """Read a tape that is broken at a line: what stands before it comes first, then the error that names it."""
    path.write_bytes(content)
    read: list[Received] = []
    with pytest.raises(TapeError) as told:
        read.extend(read_tape(path))
    assert told.value.exit_code is ExitCode.USAGE
    assert told.value.which == f"{path}, line {number}"
    assert told.value.expected
    assert told.value.do
    return str(told.value)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tape.jsonl"


# frames


def test_a_wrapped_frame_comes_with_its_receive_time_and_byte_for_byte(path: Path) -> None:
    spaced = b'{ "data" : [ ] , "x":1.50 }'
    assert frames(path, wrapped(BOOK % 1) + b"\n" + wrapped(spaced, 7) + b"\n") == [(T_NS, BOOK % 1), (7, spaced)]


def test_a_wrapped_line_may_be_written_with_spaces_in_any_order_and_with_more_in_it(path: Path) -> None:
    lines = (
        b' { "recv_ns" : 7 , "frame" : {"data":[]} } \n'
        b'{"frame":{"data":[]},"recv_ns":7}\n'
        b'{"connection":3,"recv_ns":7,"frame":{"data":[]},"more":null}\n'
    )
    assert frames(path, lines) == [(7, b'{"data":[]}')] * 3


def test_a_bare_frame_comes_with_the_time_of_its_envelope(path: Path) -> None:
    assert frames(path, BOOK % T_MS + b"\n") == [(T_NS, BOOK % T_MS)]


def test_a_frame_without_a_time_comes_with_the_time_before_it(path: Path) -> None:
    content = b"\n".join(
        (HEARTBEAT, BOOK % T_MS, HEARTBEAT, RESPONSE, b'{"data":[],"notify":[]}', wrapped(HEARTBEAT, 9))
    )
    assert [recv_ns for recv_ns, _ in frames(path, content)] == [0, T_NS, T_NS, T_NS, T_NS, 9]


def test_frames_come_in_the_order_of_the_lines_with_the_times_as_they_stand(path: Path) -> None:
    times = [5, 3, 3, 9, 0, RECV_NS_MAX]
    assert [t for t, _ in frames(path, b"\n".join(wrapped(HEARTBEAT, t) for t in times))] == times


def test_wrapped_and_bare_lines_may_be_mixed(path: Path) -> None:
    assert len(frames(path, wrapped(BOOK % 1) + b"\n" + BOOK % T_MS + b"\n" + HEARTBEAT + b"\n")) == 3


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\n\n\n", b"\n \t\r\n", b""])
@pytest.mark.parametrize("line", [wrapped(BOOK % T_MS), BOOK % T_MS, wrapped(b'{"data":[NaN]}')])
def test_line_ends_and_blank_lines_change_nothing(path: Path, line: bytes, end: bytes) -> None:
    frame = line[line.index(b'"frame":') + 8 : -1] if b'"frame"' in line else line
    assert frames(path, line + end) == [(T_NS, frame)]
    assert frames(path, b"\n \n" + line + (end or b"\n") + line + end) == [(T_NS, frame)] * 2


def test_an_empty_file_has_no_frames(path: Path) -> None:
    assert frames(path, b"") == []
    assert frames(path, b"\n\n  \n") == []


def test_a_long_tape_is_read_a_line_at_a_time(path: Path) -> None:
    tape = read_tape(path) if path.write_bytes((wrapped(BOOK % 1) + b"\n") * 50_000 + b"broken\n") else None
    assert tape is not None
    assert next(tape).recv_ns == T_NS
    tape.close()  # type: ignore[attr-defined]


# frames that the rule must judge

STRANGE = {
    "NaN": b'{"data":[{"service":"NYSE_BOOK","timestamp":1,"content":[{"key":"F","1":NaN}]}]}',
    "Infinity": b'{"data":[{"service":"NYSE_BOOK","timestamp":1,"content":[{"key":"F","1":-Infinity}]}]}',
    "1e400": b'{"data":[{"service":"NYSE_BOOK","timestamp":1,"content":[{"key":"F","1":5,"2":[{"0":1e400,"3":[]}]}]}]}',
    "deep": b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b',"timestamp":1}',
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "bad UTF-8": b'{"data":[{"service":"NYSE_BOOK","timestamp":1,"content":[{"key":"F\xff","1":5}]}]}',
    "cut": b'{"data":[{"service":"NYSE_BOOK","timestamp":1,"content":[{"key":"F',
    "no JSON": b"hello",
    "nothing": b"",
    "two": b"{}{}",
    "half a pair": rb'{"data":[{"service":"NYSE_BOOK","timestamp":1,"content":[{"key":"\ud800"}]}]}',
    "a list": b"[1,2]",
    "a number": b"5",
    "null": b"null",
    "a text": b'"data"',
    "long integer": b'{"data":[{"service":"NYSE_BOOK","timestamp":1,"content":[{"key":"F","1":'
    + b"9" * 5_000
    + b"}]}]}",
    "braces in a text": b'{"data":[{"service":"NYSE_BOOK","timestamp":1,"content":[{"key":"}]}","1":NaN}]}]}',
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_frame_inside_a_wrapped_line_is_handed_on_and_the_tape_goes_on(path: Path, name: str) -> None:
    content = b"".join(wrapped(frame, 7 + n) + b"\n" for n, frame in enumerate((BOOK % 1, STRANGE[name], BOOK % 2)))
    assert frames(path, content) == [(7, BOOK % 1), (8, STRANGE[name]), (9, BOOK % 2)]


@pytest.mark.parametrize("name", ["NaN", "Infinity", "1e400", "deep", "bad UTF-8", "half a pair", "long integer"])
def test_a_strange_bare_frame_that_is_whole_and_has_a_time_is_handed_on(path: Path, name: str) -> None:
    frame = STRANGE[name].replace(b'"timestamp":1', b'"timestamp":%d' % T_MS)
    assert frames(path, frame + b"\n" + frame) == [(T_NS, frame)] * 2


def test_what_the_wire_makes_of_them_is_malformed_or_partly_kept() -> None:
    """These are strange in the way in which the tests above need them."""
    assert {name for name, frame in STRANGE.items() if decode(frame) is not None} == {"1e400", "long integer"}


# lines that are none


@pytest.mark.parametrize("line", [wrapped(BOOK % T_MS), BOOK % T_MS, HEARTBEAT])
def test_a_last_line_that_was_cut_off_at_any_byte_is_an_error(path: Path, line: bytes) -> None:
    for cut in range(1, len(line)):
        if line[:cut].strip():
            wrong_line(path, BOOK % 1 + b"\n" + line[:cut], 2)


def test_a_last_line_that_was_cut_off_within_a_text_of_braces_is_an_error(path: Path) -> None:
    wrong_line(path, b'{"recv_ns":7,"frame":{"key":"}}', 1)
    wrong_line(path, b'{"data":[{"timestamp":7,"key":"}]}', 1)


def test_a_line_that_was_cut_off_in_the_middle_of_a_tape_is_named(path: Path) -> None:
    text = wrong_line(path, wrapped(BOOK % 1) + b"\n\n" + wrapped(BOOK % 2)[:100] + b"\n" + wrapped(BOOK % 3), 3)
    assert "was cut off" in text
    assert "cut the tape before this line" in text


@pytest.mark.parametrize(
    "line",
    [
        b"hello",
        b"{}",
        b"[]",
        b"5",
        b"null",
        b'"data"',
        b"{",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"ts":5,"msg":{"data":[]}}',
        b'{"recv_ns":5}',
        b'{"frame":{"data":[]}}',
        b'{"recv_ns":"5","frame":{"data":[]}}',
        b'{"recv_ns":5.5,"frame":{"data":[]}}',
        b'{"recv_ns":-5,"frame":{"data":[]}}',
        b'{"recv_ns":true,"frame":{"data":[]}}',
        b'{"recv_ns":null,"frame":{"data":[]}}',
        b'{"recv_ns":%d,"frame":{"data":[]}}' % (RECV_NS_MAX + 1),
        b'{"recv_ns":%d,"frame":{"data":[NaN]}}' % (RECV_NS_MAX + 1),
        b'{"data":null}',
        b'{"data":5}',
        b'{"data":[{"service":"NYSE_BOOK","content":[]}]}',
        b'{"data":[{"timestamp":"5"}]}',
        b'{"data":[{"timestamp":5.0}]}',
        b'{"data":[{"timestamp":-5}]}',
        b'{"data":[{"timestamp":%d}]}' % (RECV_NS_MAX // 1_000_000 + 1),
        b'{"data":[{"timestamp":1e3}]}',
        b'{"data":[{"timestamp":NaN}]}',
        b'{"data":[{"text":"\\"timestamp\\":5,"}]}',
    ],
)
def test_a_line_that_is_no_frame_with_a_time_is_named(path: Path, line: bytes) -> None:
    wrong_line(path, HEARTBEAT + b"\n" + line + b"\n" + HEARTBEAT + b"\n", 2)


def test_a_file_of_another_kind_is_an_error_at_its_first_line(path: Path) -> None:
    wrong_line(path, json.dumps([{"a": 1}], indent=2).encode(), 1)
    wrong_line(path, os.urandom(1_000).replace(b"\n", b"") + b"\n", 1)


@pytest.mark.parametrize(
    ("place", "why"), [("none.jsonl", "No such file"), (".", "Is a directory"), ("t/x", "Not a dir")]
)
def test_a_file_that_cannot_be_opened_is_named_before_the_first_frame_is_asked_for(
    tmp_path: Path, place: str, why: str
) -> None:
    (tmp_path / "t").write_text("")
    with pytest.raises(TapeError, match=rf"the tape cannot be read \({why}.*do: correct the path") as told:
        read_tape(tmp_path / place)
    assert told.value.which == str(tmp_path / place)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="NOT TESTED: no file here opens but cannot be read")
def test_a_file_that_cannot_be_read_is_named() -> None:
    with pytest.raises(TapeError, match=r"/proc/self/mem: the tape cannot be read \(Input/output error"):
        list(read_tape(Path("/proc/self/mem")))


# listings


def test_a_listing_gives_letters_by_symbol_in_upper_case(path: Path) -> None:
    path.write_text('{"TSLA": "Q", "f": "N", "T": "n"}')
    assert read_listing(path) == {"TSLA": "Q", "F": "N", "T": "n"}
    path.write_text("{}")
    assert read_listing(path) == {}


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"[]", b"null", b"\xff", b"[" * 100_000),
        *(b'{"F": 5}', b'{"F": null}', b'{"F": "NASDAQ"}', b'{"F": ""}', b'{"F": "N"', b'{"F": "N"}}', b'{"F": NaN}'),
        b'{"F": {"exchange": "N"}}',
    ],
)
def test_a_listing_that_is_none_is_named(path: Path, content: bytes) -> None:
    """A name in place of the letter would put a Nasdaq symbol on the other book, and judge nothing."""
    path.write_bytes(content)
    with pytest.raises(TapeError, match=r"the listing cannot be read .*expected a JSON object from symbol") as told:
        read_listing(path)
    assert told.value.which == str(path)


def test_a_listing_that_is_not_there_is_named(tmp_path: Path) -> None:
    for place in (tmp_path / "none.json", tmp_path):
        with pytest.raises(TapeError, match="the listing cannot be read"):
            read_listing(place)
