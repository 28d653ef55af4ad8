"""The streamer's conversation, without a socket: what is sent when, and what each answer leads to (API facts 1)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.core.market import Service
from leadline.schwab.codes import CODES
from leadline.schwab.protocol import (
    Covered,
    Degraded,
    Denied,
    Event,
    Evicted,
    Failed,
    Phase,
    Streamer,
    Streaming,
)
from leadline.schwab.requests import Subscriptions
from leadline.schwab.rest import StreamerInfo
from leadline.schwab.wire import ACTIVITY, LEVEL_ONE, Block, Message, Notice, OtherItem, Response, ResponseContent

INFO = StreamerInfo("wss://x/ws", "customer", "correl", "N9", "APIAPP")
BOTH = Subscriptions({Service.NASDAQ_BOOK: ["AMD", "SOFI"], Service.NYSE_BOOK: ["F"]}, ["AMD", "F", "SOFI"])
LIMIT_TEXT = "You've reached the maximum number of symbols allowed.  (LEVELONE_OPTIONS=3000, DISCARDED=1363)"


def asked(raw: bytes) -> dict[str, Any]:
    [request] = json.loads(raw)["requests"]
    assert isinstance(request, dict)
    return request


def name(request: dict[str, Any]) -> str:
    return f"{request['command']} {request['service']}"


def response(request_id: object, code: int = 0, msg: str = "SUCCESS") -> Message:
    assert isinstance(request_id, (str, int))
    return Message([], [Response(request_id, ResponseContent(code, msg))], [])


def notice(code: int, msg: str = "") -> Message:
    return Message([], [], [Notice(None, "ADMIN", ResponseContent(code, msg))])


class Talk:
    """A conversation as the server sees it: `open` is the request that has no answer yet."""

    def __init__(self, subscriptions: Subscriptions = BOTH) -> None:
        self.streamer = Streamer(INFO, subscriptions)
        self.sent = [asked(self.streamer.login("token"))]
        self.events: list[Event] = []

    def hear(self, message: Message) -> list[Event]:
        requests, events = self.streamer.receive(message)
        assert len(requests) <= 1, "requests go one at a time"
        self.sent += [asked(raw) for raw in requests]
        self.events += events
        return events

    def answer(self, code: int = 0, msg: str = "SUCCESS") -> list[Event]:
        return self.hear(response(self.sent[-1]["requestid"], code, msg))

    def until(self, wanted: str) -> "Talk":
        """Answer with success until the request of this name is open."""
        while name(self.sent[-1]) != wanted:
            assert self.streamer.phase in {Phase.LOGIN, Phase.SUBSCRIBING}, f"{wanted} was never asked"
            self.answer()
        return self


# --- what is sent


def test_the_login_is_the_one_of_the_guide() -> None:
    assert Talk().sent == [
        {
            "requestid": "0",
            "service": "ADMIN",
            "command": "LOGIN",
            "SchwabClientCustomerId": "customer",
            "SchwabClientCorrelId": "correl",
            "parameters": {
                "Authorization": "token",
                "SchwabClientChannel": "N9",
                "SchwabClientFunctionId": "APIAPP",
            },
        }
    ]


def test_nothing_is_asked_for_before_the_login_is_answered_with_success() -> None:
    talk = Talk()
    talk.hear(Message([], [], [Notice("1668715930582")]))
    talk.hear(response("7"))
    assert len(talk.sent) == 1
    talk.answer()
    assert len(talk.sent) == 2


def test_everything_is_asked_for_one_after_the_other() -> None:
    talk = Talk()
    while talk.streamer.phase is not Phase.STREAMING:
        talk.answer()
    assert [(name(request), request["parameters"].get("keys")) for request in talk.sent] == [
        ("LOGIN ADMIN", None),
        ("SUBS ACCT_ACTIVITY", "leadline"),
        ("SUBS NASDAQ_BOOK", "AMD,SOFI"),
        ("SUBS NYSE_BOOK", "F"),
        ("SUBS LEVELONE_EQUITIES", "AMD,F,SOFI"),
    ]
    assert [request["parameters"]["fields"] for request in talk.sent[1:4]] == ["0,1,2,3"] * 3
    level_one = talk.sent[4]["parameters"]["fields"].split(",")
    assert level_one == sorted(level_one, key=int)
    assert {"0", "3", "8", "32", "35"} <= set(level_one)
    assert len({request["requestid"] for request in talk.sent}) == 5
    assert talk.events == [Streaming()]


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (200, [200]), (201, [200, 1]), (500, [200, 200, 100])])
def test_more_than_200_symbols_go_on_with_add_because_subs_replaces(count: int, sizes: list[int]) -> None:
    symbols = [f"S{number}" for number in range(count)]
    talk = Talk(Subscriptions({Service.NYSE_BOOK: symbols}, symbols))
    while talk.streamer.phase is not Phase.STREAMING:
        talk.answer()
    for service in ("NYSE_BOOK", "LEVELONE_EQUITIES"):
        requests = [request for request in talk.sent if request["service"] == service]
        assert [request["command"] for request in requests] == ["SUBS"] + ["ADD"] * (len(sizes) - 1)
        chunks = [request["parameters"]["keys"].split(",") for request in requests]
        assert [len(chunk) for chunk in chunks] == sizes
        assert [symbol for chunk in chunks for symbol in chunk] == symbols
    activity = [request["command"] for request in talk.sent if request["service"] == "ACCT_ACTIVITY"]
    assert activity == ["SUBS"]  # ADD is refused there


def test_a_service_without_symbols_is_not_asked_for() -> None:
    talk = Talk(Subscriptions({Service.NYSE_BOOK: ["F"], Service.NASDAQ_BOOK: []}, ["F"]))
    while talk.streamer.phase is not Phase.STREAMING:
        talk.answer()
    assert "NASDAQ_BOOK" not in {request["service"] for request in talk.sent}


def test_it_says_what_it_waits_for() -> None:
    talk = Talk()
    assert talk.streamer.waits_for == "LOGIN ADMIN"
    talk.until("SUBS NYSE_BOOK")
    assert talk.streamer.waits_for == "SUBS NYSE_BOOK"
    while talk.streamer.phase is not Phase.STREAMING:
        talk.answer()
    assert talk.streamer.waits_for is None


# --- what an answer leads to


@pytest.mark.parametrize("code", [0, 26, 27, 28, 29])
def test_every_code_of_success_is_one(code: int) -> None:
    talk = Talk()
    while talk.streamer.phase is not Phase.STREAMING:
        assert talk.answer(code) in ([], [Streaming()])


@pytest.mark.parametrize(
    ("code", "kind"), [(3, Denied), (12, Evicted), *((code, Failed) for code in (9, 11, 19, 20, 21, 22, 30, 99))]
)
def test_a_login_that_is_not_let_in_ends_the_conversation(code: int, kind: type[Event]) -> None:
    talk = Talk()
    [event] = talk.answer(code, "why")
    assert type(event) is kind
    assert not isinstance(event, (Streaming, Covered))
    assert event.text.endswith(f"code {code}: why")
    assert talk.streamer.phase is Phase.ENDED
    assert len(talk.sent) == 1


@pytest.mark.parametrize("code", [9, 21, 22, 23, 24, 25, 99])
def test_a_refused_book_request_means_connect_again(code: int) -> None:
    talk = Talk().until("SUBS NASDAQ_BOOK")
    [event] = talk.answer(code, "SUBS command failed")
    assert event == Failed(f"SUBS NASDAQ_BOOK: code {code}: SUBS command failed")
    assert talk.streamer.phase is Phase.ENDED


@pytest.mark.parametrize("code", [9, 11, 21, 22, 23, 24, 25, 99])
@pytest.mark.parametrize("request_name", ["SUBS ACCT_ACTIVITY", "SUBS LEVELONE_EQUITIES"])
def test_without_a_help_it_goes_on_and_says_so(request_name: str, code: int) -> None:
    talk = Talk().until(request_name)
    events = talk.answer(code, "no")
    assert events[0] == Degraded(f"{request_name}: code {code}: no")
    while talk.streamer.phase is not Phase.STREAMING:
        talk.answer()
    assert name(talk.sent[-1]) == "SUBS LEVELONE_EQUITIES"


@pytest.mark.parametrize("code", [3, 20])
@pytest.mark.parametrize("request_name", ["SUBS ACCT_ACTIVITY", "SUBS NYSE_BOOK", "SUBS LEVELONE_EQUITIES"])
def test_a_connection_that_the_server_does_not_know_means_connect_again(request_name: str, code: int) -> None:
    [event] = Talk().until(request_name).answer(code, "no stream connection")
    assert isinstance(event, Failed)


def test_one_book_service_of_two_may_be_down() -> None:
    text = "Service not available or temporary down."
    talk = Talk().until("SUBS NASDAQ_BOOK")
    assert talk.answer(11, text) == [Degraded(f"SUBS NASDAQ_BOOK: code 11: {text}")]
    talk.until("SUBS LEVELONE_EQUITIES")
    assert talk.answer() == [Streaming()]


def test_without_any_book_service_it_connects_again() -> None:
    talk = Talk().until("SUBS NASDAQ_BOOK")
    talk.answer(11, "down")
    [event] = talk.until("SUBS NYSE_BOOK").answer(11, "down")
    assert isinstance(event, Failed)


def test_a_symbol_limit_says_how_many_are_not_served_and_goes_on() -> None:
    talk = Talk().until("SUBS NASDAQ_BOOK")
    [event] = talk.answer(19, LIMIT_TEXT)
    assert isinstance(event, Degraded)
    assert event.text.startswith("SUBS NASDAQ_BOOK: 1363 symbols are not served (code 19: You've reached")
    assert name(talk.sent[-1]) == "SUBS NYSE_BOOK"
    assert event.text.endswith("; probably AMD, SOFI")
    [event] = talk.answer(19, "other words")
    assert isinstance(event, Degraded)
    assert "an unknown number of symbols is not served" in event.text
    assert talk.answer() == [Streaming()]


@pytest.mark.parametrize(("code", "kind"), [(12, Evicted), (30, Failed), (0, Degraded), (77, Degraded)])
@pytest.mark.parametrize("moment", ["LOGIN ADMIN", "SUBS NYSE_BOOK", "streaming"])
def test_a_notice_is_heard_at_any_moment(moment: str, code: int, kind: type[Event]) -> None:
    talk = Talk()
    if moment == "streaming":
        while talk.streamer.phase is not Phase.STREAMING:
            talk.answer()
    else:
        talk.until(moment)
    [event] = talk.hear(notice(code, "Stop streaming due to empty subscription"))
    assert type(event) is kind
    assert (talk.streamer.phase is Phase.ENDED) is (kind is not Degraded)
    assert event == kind(f"code {code}: Stop streaming due to empty subscription")


@pytest.mark.parametrize(("code", "kind"), [(12, Evicted), (30, Failed)])
def test_an_eviction_or_a_stop_counts_under_any_request_id(code: int, kind: type[Event]) -> None:
    for talk in (Talk(), Talk().until("SUBS NYSE_BOOK")):
        [event] = talk.hear(response("0815", code, "bye"))
        assert type(event) is kind


def test_heartbeats_and_empty_frames_say_nothing() -> None:
    talk = Talk()
    assert talk.hear(Message([], [], [Notice("1668715930582"), Notice(1668715930582)])) == []
    assert talk.hear(Message([], [], [])) == []


def test_a_request_id_that_comes_back_as_a_number_is_the_same() -> None:
    talk = Talk()
    talk.hear(response(int(talk.sent[0]["requestid"])))
    assert name(talk.sent[-1]) == "SUBS ACCT_ACTIVITY"


def test_several_answers_in_one_frame_move_on_by_the_open_one_only() -> None:
    talk = Talk()
    answers = [Response(str(number), ResponseContent(0)) for number in range(5)]
    requests, events = talk.streamer.receive(Message([], answers, []))
    # What is answered before it was asked cannot have been asked by us; in order, each frees the next.
    assert [name(asked(raw)) for raw in requests] == [
        "SUBS ACCT_ACTIVITY",
        "SUBS NASDAQ_BOOK",
        "SUBS NYSE_BOOK",
        "SUBS LEVELONE_EQUITIES",
    ]
    assert events == [Streaming()]


SOME_CODES = st.sampled_from([0, 3, 9, 11, 12, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 99])


@given(
    st.lists(
        st.one_of(
            st.just("answer"),
            st.integers(0, 12).map(str),  # any request id, mostly foreign or already answered
            st.sampled_from(["", "x", "heartbeat", "data"]),
        ),
        max_size=60,
    ),
    st.integers(0, 450),
)
def test_foreign_and_repeated_answers_change_nothing(story: list[str], count: int) -> None:
    """Whatever comes in between (1,068 foreign answers in 4 days, facts 1.3), the same requests go out in order."""
    symbols = [f"S{number}" for number in range(count)]
    subscriptions = Subscriptions({Service.NYSE_BOOK: symbols, Service.NASDAQ_BOOK: ["AMD"]}, symbols)
    plain, talk = Talk(subscriptions), Talk(subscriptions)
    while plain.streamer.phase is not Phase.STREAMING:
        plain.answer()
    for step in story:
        before = len(talk.sent)
        if step == "answer":
            if talk.streamer.waits_for is not None:
                talk.answer()
                assert len(talk.sent) <= before + 1
        elif step in {"heartbeat", "data"}:
            talk.hear(Message([], [], [Notice("1")] if step == "heartbeat" else []))
            assert len(talk.sent) == before
        elif step != talk.sent[-1]["requestid"]:
            talk.hear(response(step, 22, "for another request"))
            assert len(talk.sent) == before
    while talk.streamer.phase is not Phase.STREAMING:
        talk.answer()
    assert talk.sent == plain.sent
    assert talk.events == [Streaming()]


@given(st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 9)), SOME_CODES, st.booleans()), max_size=40))
def test_after_its_end_the_conversation_sends_nothing_more(story: list[tuple[int | None, int, bool]]) -> None:
    talk = Talk()
    for request_id, code, is_notice in story:
        was_ended, sent = talk.streamer.phase is Phase.ENDED, len(talk.sent)
        number = talk.sent[-1]["requestid"] if request_id is None else str(request_id)
        talk.hear(notice(code) if is_notice else response(number, code))
        if was_ended:
            assert len(talk.sent) == sent
            assert talk.streamer.phase is Phase.ENDED
    assert talk.events.count(Streaming()) <= 1


# --- answers in any order


@given(st.integers(2, 5), st.integers(1, 900), st.randoms(use_true_random=False))
def test_answers_are_matched_by_id_in_any_order(at_once: int, count: int, die: Any) -> None:
    """Were several requests open at once, every order of the answers would lead to the same end."""
    symbols = [f"S{number}" for number in range(count)]
    subscriptions = Subscriptions({Service.NYSE_BOOK: symbols, Service.NASDAQ_BOOK: ["AMD"]}, symbols)
    streamer = Streamer(INFO, subscriptions, at_once=at_once)
    unanswered = [asked(streamer.login("token"))]
    seen, events = [], []
    while unanswered:
        request = unanswered.pop(die.randrange(len(unanswered)))
        seen.append((name(request), request["parameters"].get("keys")))
        requests, more = streamer.receive(response(request["requestid"]))
        unanswered += [asked(raw) for raw in requests]
        events += more
        assert len(unanswered) <= at_once
    plain = Talk(subscriptions)
    while plain.streamer.phase is not Phase.STREAMING:
        plain.answer()
    assert sorted(map(str, seen)) == sorted(str((name(r), r["parameters"].get("keys"))) for r in plain.sent)
    assert events == [Streaming()]


def test_of_two_open_requests_the_answer_tells_which_failed() -> None:
    streamer = Streamer(INFO, BOTH, at_once=2)
    requests, _ = streamer.receive(response(asked(streamer.login("token"))["requestid"]))
    activity, book = map(asked, requests)
    _, events = streamer.receive(response(book["requestid"], 22, "no"))
    assert events == [Failed("SUBS NASDAQ_BOOK: code 22: no")]
    assert name(activity) == "SUBS ACCT_ACTIVITY"


# --- confirmation by first data


def data(service: str, *keys: str) -> Message:
    return Message([Block(service, [OtherItem(key) for key in keys])], [], [])


def streaming() -> Talk:
    talk = Talk()
    while talk.streamer.phase is not Phase.STREAMING:
        talk.answer()
    return talk


ALL_DATA = [
    (ACTIVITY, "leadline"),
    ("NASDAQ_BOOK", "AMD"),
    ("NASDAQ_BOOK", "SOFI"),
    ("NYSE_BOOK", "F"),
    (LEVEL_ONE, "AMD"),
    (LEVEL_ONE, "F"),
    (LEVEL_ONE, "SOFI"),
]


@given(st.permutations(ALL_DATA), st.integers(0, 7))
def test_it_is_covered_by_the_first_data_of_the_last_part(order: list[tuple[str, str]], before: int) -> None:
    """Whatever comes first, and also where data overtakes the answer to its request."""
    talk = Talk()
    for service, key in order[:before]:
        assert talk.hear(data(service, key)) == []
    while talk.streamer.phase is not Phase.STREAMING:
        talk.answer()
    for service, key in order[before:]:
        assert Covered() not in talk.events
        assert talk.streamer.coverage.share < 1
        talk.hear(data(service, key))
    assert talk.events == [Streaming(), Covered()]
    assert talk.streamer.coverage.share == 1
    talk.hear(data("NYSE_BOOK", "F"))
    assert talk.events == [Streaming(), Covered()]


def test_an_answer_of_success_is_no_coverage_and_what_lacks_is_named() -> None:
    talk = streaming()
    assert talk.streamer.coverage.share == 0
    talk.hear(data("NASDAQ_BOOK", "SOFI", "F"))  # F is not asked for on this service
    talk.hear(data(LEVEL_ONE, "AMD", "F", "SOFI"))
    talk.hear(data(ACTIVITY, "leadline"))
    assert talk.streamer.coverage.lacking == {"NASDAQ_BOOK": ["AMD"], "NYSE_BOOK": ["F"]}
    assert talk.streamer.coverage.share == pytest.approx(5 / 7)


def test_what_has_fallen_silent_is_asked_for_again_by_add_and_one_at_a_time() -> None:
    talk = streaming()
    requests = talk.streamer.ask_again({"NYSE_BOOK": ["F"], LEVEL_ONE: ["F", "AMD"]})
    [first] = map(asked, requests)
    assert (name(first), first["parameters"]["keys"]) == ("ADD NYSE_BOOK", "F")
    assert talk.streamer.waits_for == "ADD NYSE_BOOK"
    talk.sent.append(first)
    talk.answer()
    second = talk.sent[-1]
    assert (name(second), second["parameters"]["keys"]) == ("ADD LEVELONE_EQUITIES", "F,AMD")
    assert talk.answer() == []
    assert talk.streamer.waits_for is None


def test_nothing_is_asked_again_before_it_streams_or_after_its_end() -> None:
    talk = Talk()
    assert talk.streamer.ask_again({"NYSE_BOOK": ["F"]}) == []
    talk.answer(30, "bye")
    assert talk.streamer.ask_again({"NYSE_BOOK": ["F"]}) == []


def test_symbols_beyond_the_limit_are_counted_by_service() -> None:
    talk = Talk().until("SUBS NASDAQ_BOOK")
    talk.answer(19, "(NASDAQ_BOOK=1, DISCARDED=1)")
    assert talk.streamer.excess == {"NASDAQ_BOOK": 1}


def test_every_code_of_the_guide_has_a_name_and_a_reaction_everywhere() -> None:
    assert sorted(CODES) == [0, 3, 9, 11, 12, *range(19, 31)]
    for code in CODES.values():
        assert len(code.reactions) == 5
        assert code.name.isupper()
        assert "|" not in code.meaning
