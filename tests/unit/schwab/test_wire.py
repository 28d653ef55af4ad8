"""Frames: what is malformed, what a fault deeper costs, and fast and slow decode alike (design 4.1)."""

from typing import Any

import pytest

from leadline.schwab.wire import (
    ActivityItem,
    Block,
    BookItem,
    Entry,
    Level,
    LevelOneItem,
    Message,
    Notice,
    OtherItem,
    Response,
    ResponseContent,
    decode,
    decode_fast,
    decode_slow,
)

LEVEL = '{"0":19.99,"1":340,"2":2,"3":[{"0":"arcx","1":200,"2":49980045},{"0":"NSDQ","1":140,"2":49978628}]}'
GOOD_LEVEL = Level(19.99, [Entry("arcx", 200, 49_980_045), Entry("NSDQ", 140, 49_978_628)])


def frame(content: str, service: str = '"NASDAQ_BOOK"') -> bytes:
    return f'{{"data":[{{"service":{service},"timestamp":7,"command":"SUBS","content":{content}}}]}}'.encode()


def book(bids: str = f"[{LEVEL}]", asks: str = "[]", book_ms: str = "1765306382549") -> bytes:
    return frame(f'[{{"1":{book_ms},"2":{bids},"3":{asks},"key":"AMD"}}]')


def decoded(raw: bytes) -> Message:
    message = decode(raw)
    assert message is not None
    return message


def item(raw: bytes) -> Any:
    [block] = decoded(raw).data
    [one] = block.items
    return one


def is_by_fast_path(raw: bytes) -> bool:
    return decode_fast(raw) is not None


def is_same_by_both(raw: bytes) -> bool:
    """Compare by what is shown: to `==` 1, 1.0 and True are equal."""
    fast = decode_fast(raw)
    return fast is None or repr(fast) == repr(decode_slow(raw))


# frames as the feed sends them: all by the fast path


def test_a_book_is_read_with_its_service_levels_and_entries() -> None:
    raw = book()
    assert is_by_fast_path(raw)
    assert decoded(raw) == Message(
        [Block("NASDAQ_BOOK", [BookItem("AMD", 1_765_306_382_549, [GOOD_LEVEL], [])], 7)], [], []
    )


def test_several_symbols_share_a_block_and_several_blocks_a_frame() -> None:
    raw = (
        b'{"data":[{"service":"NYSE_BOOK","content":[{"key":"F","1":1},{"key":"G","1":2}]},'
        b'{"service":"NASDAQ_BOOK","content":[{"key":"H","1":3}]},{"service":"NASDAQ_BOOK","content":[]}]}'
    )
    assert is_by_fast_path(raw)
    read = [(block.service, [(one.key, one.book_ms) for one in block.items]) for block in decoded(raw).data]
    assert read == [("NYSE_BOOK", [("F", 1), ("G", 2)]), ("NASDAQ_BOOK", [("H", 3)]), ("NASDAQ_BOOK", [])]


def test_a_price_that_is_whole_comes_as_an_integer() -> None:
    raw = book('[{"0":221,"3":[{"0":"G","1":100.0}]}]')
    assert is_by_fast_path(raw)
    [level] = item(raw).bids
    assert (type(level.price), level.price) == (int, 221)
    assert type(level.entries[0].size) is float


def test_level_one_carries_only_what_changed() -> None:
    raw = frame('[{"key":"F","3":13.1,"8":1000,"32":"Normal","35":5,"99":[]},{"key":"G"}]', '"LEVELONE_EQUITIES"')
    assert is_by_fast_path(raw)
    [block] = decoded(raw).data
    assert block.items == [LevelOneItem("F", 13.1, 1_000, "Normal", 5), LevelOneItem("G")]


def test_account_activity_keeps_its_text_as_text() -> None:
    raw = frame('[{"seq":3,"key":"K","1":"123","2":"OrderFillCompleted","3":"{\\"a\\":1}"}]', '"ACCT_ACTIVITY"')
    assert is_by_fast_path(raw)
    assert item(raw) == ActivityItem("K", 3, "123", "OrderFillCompleted", '{"a":1}')


def test_a_service_that_was_not_asked_for_is_kept_by_name_and_key() -> None:
    raw = frame('[{"key":"F","1":"x"}]', '"Invalid Service"')
    assert is_by_fast_path(raw)
    assert decoded(raw).data == [Block("Invalid Service", [OtherItem("F")], 7)]


def test_responses_and_notices_are_read() -> None:
    raw = (
        b'{"response":[{"service":"ADMIN","command":"LOGIN","requestid":"1","SchwabClientCorrelId":"..","timestamp":1,'
        b'"content":{"code":0,"msg":"ok"}},{"requestid":2,"content":{"code":3}}],'
        b'"notify":[{"heartbeat":"1668715930582"},{"heartbeat":5},{"service":"ADMIN","content":{"code":30,"msg":"x"}}]}'
    )
    assert is_by_fast_path(raw)
    assert decoded(raw) == Message(
        [],
        [Response("1", ResponseContent(0, "ok"), "ADMIN", "LOGIN"), Response(2, ResponseContent(3))],
        [Notice("1668715930582"), Notice(5), Notice(None, "ADMIN", ResponseContent(30, "x"))],
    )


@pytest.mark.parametrize(
    "raw",
    [
        book(),
        frame('[{"key":"F","3":13.1,"8":1000,"32":"Normal","35":5,"delayed":true}]', '"LEVELONE_EQUITIES"'),
        frame('[{"seq":3,"key":"K","1":"123","2":"OrderAccepted","3":"{}"}]', '"ACCT_ACTIVITY"'),
        frame('[{"key":"F"}]', '"OTHER"'),
        b'{"response":[{"requestid":"1","service":"A","command":"B","content":{"code":0,"msg":"ok"}}]}',
        b'{"notify":[{"heartbeat":"1"},{"service":"A","content":{"code":30,"msg":"x"}}]}',
    ],
)
def test_the_slow_decode_reads_each_field_where_the_fast_one_does(raw: bytes) -> None:
    assert repr(decode_slow(raw)) == repr(decode_fast(raw)) != "None"


def test_the_order_of_keys_and_white_space_mean_nothing() -> None:
    raw = b' \r\n\t{ "data" : [ { "content" : [ { "key" : "F" , "1" : 1 } ] , "service" : "NYSE_BOOK" } ] } \n'
    assert is_by_fast_path(raw)
    assert decoded(raw).data == [Block("NYSE_BOOK", [BookItem("F", 1)])]


# malformed: not standard JSON


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"nothing",
        b"{",
        b'{"data":[]',
        b'{"data":[]}}',
        b'{"data":[]} {"data":[]}',
        b'{"data":[],}',
        b"{'data':[]}",
        b'{"data":[]} // end',
        b'\x00{"data":[]}',
        b'{"data":[]}\x00',
        b'\x0b{"data":[]}',
        book()[:-1],
        book()[:100],
    ],
)
def test_what_is_not_json_is_malformed(raw: bytes) -> None:
    assert decode(raw) is None


TOKENS_THAT_ARE_NOT_JSON = [
    "NaN",
    "Infinity",
    "-Infinity",
    "nan",
    "-NaN",
    "01",
    "-01",
    "00",
    "1.",
    ".5",
    "-",
    "+1",
    "1e",
    "1e+",
    "0x10",
    "1_000",
    "True",
    "None",
    "tru",
    "nulll",
    "undefined",
    "[1,]",
    '{"a":1,}',
    "{1:2}",
    "'x'",
    '"\n"',
    '"\x01"',
    '"\x00"',
    '"\\q"',
    '"\\u12"',
    '"\\u00zz"',
    '"\\"',
]


@pytest.mark.parametrize("token", TOKENS_THAT_ARE_NOT_JSON)
def test_a_token_that_is_not_standard_json_makes_the_frame_malformed_wherever_it_stands(token: str) -> None:
    """In a field that is read, in one that is skipped, and beside the data."""
    read = [
        book(book_ms=token),
        book(f'[{{"0":{token},"3":[]}}]'),
        book(f'[{{"0":1,"3":[{{"0":"A","1":{token}}}]}}]'),
        book(f'[{{"0":1,"3":[{{"0":"A","1":1,"2":{token}}}]}}]'),
        frame(f'[{{"key":"F","3":{token}}}]', '"LEVELONE_EQUITIES"'),
        frame(f'[{{"key":{token}}}]'),
    ]
    skipped = [
        book(f'[{{"0":1,"1":{token},"3":[]}}]'),
        book(f'[{{"0":1,"3":[{{"0":"A","1":1,"9":{token}}}]}}]'),
        frame(f'[{{"key":"F","9":{token}}}]'),
        frame(f'[{{"key":"F","9":{token}}}]', '"LEVELONE_EQUITIES"'),
        frame(f'[{{"key":"F","9":[{{"x":{token}}}]}}]', '"OTHER"'),
    ]
    beside = [f'{{"data":[],"x":{token}}}'.encode(), f'{{"notify":[{{"heartbeat":"1","x":{token}}}]}}'.encode()]
    for raw in read + skipped + beside:
        assert decode(raw) is None, raw


@pytest.mark.parametrize("raw", [b"[]", b"null", b"true", b"1", b'"data"', b"[[]]", b'[{"data":[]}]'])
def test_a_frame_that_is_no_object_is_malformed(raw: bytes) -> None:
    assert decode(raw) is None


BAD_UTF8 = [b"\xff", b"\xc3", b"\xc3(", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xc0\x80", b"\x80", b"\xe2\x82"]


@pytest.mark.parametrize("bad", BAD_UTF8)
def test_invalid_utf8_is_malformed_also_inside_what_is_skipped(bad: bytes) -> None:
    for raw in (
        book().replace(b"arcx", bad),
        book().replace(b"AMD", bad),
        book().replace(b"SUBS", bad),
        book().replace(b'"command"', b'"' + bad + b'"'),
        b'{"data":[],"' + bad + b'":1}',
        b'{"data":[],"x":["' + bad + b'"]}',
        b'{"data":[{"service":"OTHER","content":[{"key":"A","x":"' + bad + b'"}]}]}',
        bad + book(),
        book() + bad,
    ):
        assert decode(raw) is None, raw


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "utf-7"])
def test_a_byte_order_mark_or_another_encoding_is_malformed(encoding: str) -> None:
    raw = book().decode().encode(encoding)
    if raw != book():
        assert decode(raw) is None


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_a_hundred_thousand_levels_of_nesting_are_malformed_and_stop_nothing(opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    deep = opening * 100_000 + ("1" if opening != "[" else "") + closing * 100_000
    for text in (deep, f'{{"data":{deep}}}', f'{{"data":[],"x":{deep}}}', opening * 100_000):
        assert decode(text.encode()) is None
    for raw in (
        book(f"[{deep}]"),
        frame(f'[{{"key":"F","8":{deep}}}]', '"LEVELONE_EQUITIES"'),
        frame(f'[{{"key":"F","99":{deep}}}]', '"LEVELONE_EQUITIES"'),
        f'{{"notify":[{{"heartbeat":{deep}}}]}}'.encode(),
    ):
        assert decode(raw) is None


@pytest.mark.parametrize("depth", [1, 10, 50])
def test_modest_nesting_in_what_is_skipped_is_no_fault(depth: int) -> None:
    raw = frame(f'[{{"key":"F","1":5,"9":{"[" * depth}{"]" * depth}}}]')
    assert item(raw) == BookItem("F", 5)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_at_every_depth_away_from_the_interpreters_own_limit_both_answer_alike(opening: str, closing: str) -> None:
    core = "1" if closing == "}" else ""
    for depth in (*range(1, 500, 7), 2_000, 20_000):
        raw = f'{{"data":[],"x":{opening * depth}{core}{closing * depth}}}'.encode()
        assert is_same_by_both(raw), depth


# malformed: data[].content[] that are not objects with a text key


@pytest.mark.parametrize("data", ["null", "{}", "1", '"x"', "[1]", "[null]", "[[]]", '["x"]', "[{}]"])
def test_data_that_is_no_list_of_blocks_with_content_is_malformed(data: str) -> None:
    assert decode(f'{{"data":{data}}}'.encode()) is None


@pytest.mark.parametrize("content", ["null", "{}", "1", '"x"', "[1]", "[null]", "[[]]", '["F"]', '[{"key":"F"},null]'])
@pytest.mark.parametrize("service", ['"NASDAQ_BOOK"', '"NYSE_BOOK"', '"LEVELONE_EQUITIES"', '"ACCT_ACTIVITY"', '"X"'])
def test_content_that_is_no_list_of_objects_is_malformed(content: str, service: str) -> None:
    assert decode(frame(content, service)) is None


@pytest.mark.parametrize("key", ["", '"key":null', '"key":1', '"key":true', '"key":["F"]', '"key":{}', '"Key":"F"'])
@pytest.mark.parametrize("service", ['"NASDAQ_BOOK"', '"NYSE_BOOK"', '"LEVELONE_EQUITIES"', '"ACCT_ACTIVITY"', '"X"'])
def test_content_without_a_text_key_is_malformed(key: str, service: str) -> None:
    assert decode(frame(f"[{{{key}}}]", service)) is None
    assert decode(frame(f'[{{"key":"F"}},{{{key}}}]', service)) is None


@pytest.mark.parametrize("half", ["\\ud800", "\\udc00", "\\udc00\\ud800", "\\ud83dX", "F\\uDBFF"])
def test_half_a_surrogate_pair_is_no_text_key(half: str) -> None:
    assert decode(frame(f'[{{"key":"{half}"}}]')) is None


def test_one_bad_block_makes_the_whole_frame_malformed() -> None:
    good = '{"service":"NYSE_BOOK","content":[{"key":"F","1":1}]}'
    assert decode(f'{{"data":[{good},{{"service":"NYSE_BOOK","content":[{{}}]}}]}}'.encode()) is None
    assert decode(f'{{"data":[{good},{good}]}}'.encode()) is not None


def test_an_empty_key_is_text() -> None:
    assert item(frame('[{"key":"","1":1}]')) == BookItem("", 1)


# faults deeper cost only themselves


@pytest.mark.parametrize("bad", ["null", "1", "true", '"x"', "{}", "1e400"])
def test_a_side_that_is_no_list_is_empty_and_the_other_stays(bad: str) -> None:
    assert item(book(bad, f"[{LEVEL}]")) == BookItem("AMD", 1_765_306_382_549, [], [GOOD_LEVEL])
    assert item(book(f"[{LEVEL}]", bad)) == BookItem("AMD", 1_765_306_382_549, [GOOD_LEVEL], [])


def test_a_missing_side_is_empty() -> None:
    assert item(frame('[{"key":"F","1":1}]')) == BookItem("F", 1, [], [])
    assert item(frame(f'[{{"key":"F","1":1,"2":[{LEVEL}]}}]')) == BookItem("F", 1, [GOOD_LEVEL], [])
    assert item(frame(f'[{{"key":"F","1":1,"3":[{LEVEL}]}}]')) == BookItem("F", 1, [], [GOOD_LEVEL])


@pytest.mark.parametrize("bad", ["null", "1", "true", '"x"', "[]", "1e400", f"[{LEVEL}]"])
def test_a_level_that_is_no_object_is_none_and_the_others_stay(bad: str) -> None:
    assert item(book(f"[{LEVEL},{bad},{LEVEL}]")).bids == [GOOD_LEVEL, None, GOOD_LEVEL]


@pytest.mark.parametrize("bad", ["null", "1", "true", '"x"', "{}"])
def test_entries_that_are_no_list_are_none_and_the_other_levels_stay(bad: str) -> None:
    assert item(book(f'[{{"0":20,"3":{bad}}},{LEVEL}]')).bids == [Level(20, None), GOOD_LEVEL]
    assert item(book(f'[{{"0":20}},{LEVEL}]')).bids == [Level(20, None), GOOD_LEVEL]


@pytest.mark.parametrize("bad", ["null", "1", "true", '"x"', "[]"])
def test_an_entry_that_is_no_object_has_no_venue_and_the_others_stay(bad: str) -> None:
    [level] = item(book(f'[{{"0":20,"3":[{{"0":"A","1":1}},{bad},{{"0":"B","1":2}}]}}]')).bids
    assert [entry.venue for entry in level.entries] == ["A", None, "B"]


@pytest.mark.parametrize(
    ("token", "value"),
    [
        ("null", None),
        ("true", True),
        ('"1"', "1"),
        ("[]", []),
        ("{}", {}),
        ("100.0", 100.0),
        ("100.5", 100.5),
        ("10.00005", 10.00005),
        ("1e400", float("inf")),
        ("-1e400", float("-inf")),
        ("9223372036854775808", 2**63),
        ("18446744073709551617", 2**64 + 1),
        ("-0", 0),
        ("1E2", 100.0),
    ],
)
def test_a_price_or_size_of_any_type_reaches_the_cleaning_as_it_is(token: str, value: object) -> None:
    [level] = item(book(f'[{{"0":{token},"3":[{{"0":"A","1":1}}]}}]')).bids
    assert (type(level.price), level.price) == (type(value), value)
    [level] = item(book(f'[{{"0":1,"3":[{{"0":"A","1":{token}}}]}}]')).bids
    assert (type(level.entries[0].size), level.entries[0].size) == (type(value), value)


@pytest.mark.parametrize("digits", [300, 401, 500, 4_301, 20_000])
def test_an_integer_of_any_length_is_an_integer_beyond_every_limit(digits: int) -> None:
    token = "1" + "0" * (digits - 1)
    for sign in ("", "-"):
        book_ms = item(book(book_ms=sign + token)).book_ms
        assert type(book_ms) is int
        assert abs(book_ms) > 10**200
        assert (book_ms < 0) is (sign == "-")
        [level] = item(book(f'[{{"0":{sign}{token},"3":[{{"0":"A","1":{sign}{token}}}]}}]')).bids
        assert type(level.price) is int
        assert abs(level.price) > 10**200


@pytest.mark.parametrize("digits", [399, 400, 401, 500, 4_299, 4_300, 4_301])
def test_long_integers_are_the_same_on_the_fast_and_the_slow_path(digits: int) -> None:
    for token in ("1" * digits, "-" + "1" * digits):
        for raw in (book(book_ms=token), frame(f'[{{"key":"F","8":{token}}}]', '"LEVELONE_EQUITIES"')):
            assert is_same_by_both(raw), digits


@pytest.mark.parametrize(
    "token", ["1.0", "1e3", "1E3", "1765306382549.0", "-0.0", "true", "false", "null", '"1"', "[]"]
)
def test_a_book_time_that_is_no_json_integer_is_none(token: str) -> None:
    assert item(book(book_ms=token)).book_ms is None


def test_a_missing_book_time_is_none() -> None:
    assert item(frame('[{"key":"F"}]')).book_ms is None


@pytest.mark.parametrize(("token", "value"), [("0", 0), ("-0", 0), ("-5", -5), ("9223372036854775808", 2**63)])
def test_a_book_time_that_is_a_json_integer_is_kept_whatever_it_says(token: str, value: int) -> None:
    assert item(book(book_ms=token)).book_ms == value


@pytest.mark.parametrize("token", ["null", "1", "true", "[]", "{}", '"\\ud800"', '"\\udfff"'])
def test_a_venue_that_is_no_text_is_none(token: str) -> None:
    [level] = item(book(f'[{{"0":1,"3":[{{"0":{token},"1":1}},{{"1":2}}]}}]')).bids
    assert [entry.venue for entry in level.entries] == [None, None]


@pytest.mark.parametrize(
    ("token", "venue"),
    [
        ('""', ""),
        ('"\\u0041"', "A"),
        ('"\\ud83d\\ude00"', "😀"),
        ('"é"', "é"),
        ('"a\\"b\\\\"', 'a"b\\'),
        ('"\x7f"', "\x7f"),
    ],
)
def test_a_venue_is_text_with_its_escapes_undone(token: str, venue: str) -> None:
    [level] = item(book(f'[{{"0":1,"3":[{{"0":{token},"1":1}}]}}]')).bids
    assert level.entries[0].venue == venue


def test_of_a_key_that_comes_twice_the_last_counts() -> None:
    raw = b'{"data":[1],"data":[{"service":"X","service":"NYSE_BOOK","content":1,"content":[{"key":"F","1":1,"1":2}]}]}'
    assert decoded(raw).data == [Block("NYSE_BOOK", [BookItem("F", 2)])]
    twice = book('[{"0":1,"0":2,"3":[],"3":[{"0":"A","0":"B","1":1,"1":9}]}]')
    assert is_by_fast_path(twice)
    assert item(twice).bids == [Level(2, [Entry("B", 9)])]
    assert item(frame('[{"key":1,"key":"F"}]')) == BookItem("F")
    assert decode(frame('[{"key":"F","key":1}]')) is None


@pytest.mark.parametrize("service", ["null", "1", "true", "[]", "{}", '"\\ud800"', '""'])
def test_a_service_that_is_no_text_is_nobodys(service: str) -> None:
    [block] = decoded(frame('[{"key":"F","1":1}]', service)).data
    assert (block.service, block.items) == ("", [OtherItem("F")])


@pytest.mark.parametrize("service", ['"nasdaq_book"', '"NASDAQ_BOOK "', '"OPTIONS_BOOK"'])
def test_only_the_two_book_services_by_their_exact_names_are_books(service: str) -> None:
    assert item(frame('[{"key":"F","1":1}]', service)) == OtherItem("F")


@pytest.mark.parametrize("timestamp", ["null", "true", "1.5", '"7"', "[]"])
def test_a_timestamp_that_is_no_integer_is_none_and_the_book_stays(timestamp: str) -> None:
    raw = book().replace(b'"timestamp":7', f'"timestamp":{timestamp}'.encode())
    [block] = decoded(raw).data
    assert block.timestamp_ms is None
    assert block.items == [BookItem("AMD", 1_765_306_382_549, [GOOD_LEVEL], [])]


# responses and notices


@pytest.mark.parametrize(
    "bad", ["1", "null", "[]", "{}", '{"requestid":"1"}', '{"requestid":"1","content":{"code":"0"}}']
)
def test_a_response_that_cannot_be_read_costs_only_itself(bad: str) -> None:
    raw = f'{{"response":[{bad},{{"requestid":"2","content":{{"code":0}}}}]}}'.encode()
    assert decoded(raw).responses == [Response("2", ResponseContent(0))]


@pytest.mark.parametrize("name", ["response", "notify"])
@pytest.mark.parametrize("bad", ["null", "1", '"x"', "{}"])
def test_responses_that_are_no_list_cost_nothing_else(name: str, bad: str) -> None:
    raw = f'{{"{name}":{bad},"data":[{{"service":"NYSE_BOOK","content":[{{"key":"F"}}]}}]}}'.encode()
    assert decoded(raw) == Message([Block("NYSE_BOOK", [BookItem("F")])], [], [])


@pytest.mark.parametrize("name", ["response", "notify"])
@pytest.mark.parametrize(
    "element",
    [
        '{"\\ud800":1,"requestid":"1","content":{"code":0}}',
        '{"requestid":"1","content":{"code":0,"\\udc00":1}}',
        '{"requestid":"1","content":{"code":"\\ud800"}}',
        '{"heartbeat":"1","\\ud800":1}',
    ],
)
def test_half_a_surrogate_pair_does_not_stop_the_stream(name: str, element: str) -> None:
    raw = f'{{"{name}":[{element}],"data":[]}}'.encode()
    assert decoded(raw).data == []


def test_a_frame_without_anything_is_a_message_without_anything() -> None:
    assert decoded(b"{}") == Message([], [], []) == decoded(b'{"unknown":[1,2]}')


# texts go to logs, rows and pages: half a surrogate pair cannot be written there

HALF = "\\ud800"


@pytest.mark.parametrize(
    "raw",
    [
        f'{{"notify":[{{"heartbeat":"{HALF}"}}]}}',
        f'{{"notify":[{{"service":"{HALF}","content":{{"code":30}}}}]}}',
        f'{{"notify":[{{"content":{{"code":30,"msg":"{HALF}"}}}}]}}',
        f'{{"response":[{{"requestid":"1","content":{{"code":3,"msg":"{HALF}"}}}}]}}',
        f'{{"response":[{{"requestid":"{HALF}","content":{{"code":3}}}}]}}',
        frame(f'[{{"key":"K","2":"{HALF}"}}]', '"ACCT_ACTIVITY"').decode(),
        frame(f'[{{"key":"K","3":"{HALF}"}}]', '"ACCT_ACTIVITY"').decode(),
        frame(f'[{{"key":"F","32":"{HALF}"}}]', '"LEVELONE_EQUITIES"').decode(),
        frame(f'[{{"key":"F","1":1,"9":"{HALF}"}}]').decode(),
    ],
)
def test_no_text_that_cannot_be_written_comes_in(raw: str) -> None:
    message = decode(raw.encode())
    assert message is None or "\\ud800" not in repr(message)
