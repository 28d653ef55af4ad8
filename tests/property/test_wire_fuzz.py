"""Wherever the fast decode answers, the slow one answers alike; and no bytes stop either (design 4.1)."""

import re
from collections import Counter
from random import Random

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from leadline.schwab.wire import decode, decode_fast, decode_slow
from property.tapes import JUNK, Node, Pairs, places, render

QUIET = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)

BOOK = (
    b'{"data":[{"service":"NASDAQ_BOOK","timestamp":1765306382737,"command":"SUBS","content":[{"1":1765306382549,'
    b'"2":[{"0":221.38,"1":640,"2":2,"3":[{"0":"iexg","1":200,"2":49980045},{"0":"NSDQ","1":140.0,"2":49978628}]}],'
    b'"3":[{"0":222,"1":1,"2":1,"3":[{"0":"g","1":100}]},{"0":1e2,"3":null}],"key":"AMD"},{"key":"F"}]}]}'
)
LEVEL_ONE = (
    b'{"data":[{"service":"LEVELONE_EQUITIES","timestamp":1,"content":[{"key":"F","delayed":false,"3":13.1,"8":123456,'
    b'"32":"Normal","35":1765306382549,"44":-0.5,"99":[1,{"x":null}]},{"key":"G","8":0}]}]}'
)
ACTIVITY = (
    b'{"data":[{"service":"ACCT_ACTIVITY","timestamp":1,"command":"SUBS","content":[{"seq":3,"key":"K","1":"123",'
    b'"2":"OrderFillCompleted","3":"{\\"SchwabOrderID\\":\\"1\\",\\"a\\":[1,2.5e-3]}"}]}]}'
)
ADMIN = (
    b'{"response":[{"service":"ADMIN","command":"LOGIN","requestid":"1","SchwabClientCorrelId":"c","timestamp":16,'
    b'"content":{"code":0,"msg":"server=s;status=PN"}},{"requestid":2,"content":{"code":3}}],'
    b'"notify":[{"heartbeat":"1668715930582"},{"service":"ADMIN","content":{"code":30,"msg":"Stop"}}],"x":{"y":[0.1]}}'
)
OTHER = b'{"data":[{"service":"Invalid Service","content":[{"key":"F","1":[{"0":"x"}]}]},{"service":"","content":[]}]}'
FRAMES = (BOOK, LEVEL_ONE, ACTIVITY, ADMIN, OTHER)

WORDS = (
    rb'" \ { } [ ] , : 0 9 . - + e E / \u0041 \u0000 \ud800 \udc00 \ud83d\ude00 \uD83D \n \/ \x41 \u12 \U0041 \b '
    rb"-0.0 0e0 0E+0 1e+3 1E-3 1e 1e+ 0.10 -01 1_0 0x1 nan inf -NaN tru True nul 1.7976931348623157e308 1e309 "
    rb"0.1000000000000000055511151231257827 5e-324 2.4703282292062327e-324 123456789012345678.9 9007199254740993.0 "
    rb'"1": "2":[] "3":1 "key":"F" "key":null "service":"NYSE_BOOK" "content":[] "timestamp":1.5 "data":[]'
)
CONTROLS = b"\x00 \x01 \x1f \x7f \xff \xc3\xa9 \xed\xa0\x80 \xef\xbb\xbf \xe2\x80\xa8 \t \n \r \x0b \x0c \xc2\xa0"
TOKENS = [
    *(word.encode() for word in JUNK if len(word) < 50),
    *WORDS.split(b" "),
    *CONTROLS.split(b" "),
    b" ",
    b"/* */",
    b"9" * 90,
    b"1." + b"3" * 90,
]
WORD = re.compile(rb'"(?:[^"\\]|\\.)*"|[-+.0-9eE]+|[a-z]+')


def edited(raw: bytes, die: Random) -> bytes:
    """Change a few bytes or words of a frame."""
    for _ in range(die.choice([1, 1, 1, 2, 4])):
        at = die.randrange(len(raw) + 1)
        deed = die.randrange(7)
        if deed == 0 and raw:
            at = min(at, len(raw) - 1)
            raw = raw[:at] + bytes([raw[at] ^ (1 << die.randrange(8))]) + raw[at + 1 :]
        elif deed == 1:
            raw = raw[:at] + raw[at + die.choice([1, 1, 1, 2, 9]) :]
        elif deed == 2:
            raw = raw[:at] + die.choice(TOKENS) + raw[at:]
        elif deed == 3:
            raw = raw[:at] + bytes([die.randrange(256)]) + raw[at:]
        elif deed == 4:
            end = at + die.choice([1, 2, 5, 20])
            raw = raw[:end] + raw[at:end] + raw[end:]
        else:
            words = list(WORD.finditer(raw))
            if words:
                start, end = die.choice(words).span()
                inside = die.choice([start, start, min(start + 1, end)])
                raw = raw[:inside] + die.choice(TOKENS) + raw[end if inside == start else inside :]
    return raw


def tree_of(raw: bytes) -> Node:
    """Read one of the frames above as a tree that can be written again."""
    words = re.findall(rb'"(?:[^"\\]|\\.)*"|[-+.0-9eE]+|[a-z]+|[][{}:,]', raw)
    node, rest = branch([word.decode() for word in words])
    assert not rest
    return node


def branch(words: list[str]) -> tuple[Node, list[str]]:
    first, rest = words[0], words[1:]
    if first == "{":
        pairs: list[tuple[str, Node]] = []
        while rest[0] != "}":
            name, rest = rest[0].strip('"'), rest[2:]
            child, rest = branch(rest)
            pairs.append((name, child))
            rest = rest[1:] if rest[0] == "," else rest
        return Pairs(pairs), rest[1:]
    if first == "[":
        nodes: list[Node] = []
        while rest[0] != "]":
            child, rest = branch(rest)
            nodes.append(child)
            rest = rest[1:] if rest[0] == "," else rest
        return nodes, rest[1:]
    return first, rest


SOME_NAMES = "0 1 2 3 8 35 key data service content code requestid heartbeat \\u0032 \\u006bey \\ud800 x\\ny"
NAMES = [*SOME_NAMES.split(), ""]


def regrown(raw: bytes, die: Random) -> bytes:
    """Put junk, another branch or a second key of the same name into a frame's tree."""
    tree = tree_of(raw)
    for _ in range(die.choice([1, 1, 2, 3])):
        spots = list(places(tree))
        if not spots:
            break
        container, place = die.choice(spots)
        donor, branch_of = die.choice(spots)
        new: Node = die.choice(JUNK)
        if die.random() < 0.3:
            taken = donor.pairs[branch_of][1] if isinstance(donor, Pairs) else donor[branch_of]
            new = render(taken)
        if isinstance(container, Pairs):
            name = container.pairs[place][0] if die.random() < 0.7 else die.choice(NAMES)
            if die.random() < 0.5:
                container.pairs[place] = (name, new)
            else:
                container.pairs.insert(die.choice([place, place + 1]), (name, new))
        elif die.random() < 0.7:
            container[place] = new
        else:
            container.insert(place, new)
    return render(tree).encode("utf-8", "surrogatepass")


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    raw = draw(st.sampled_from(FRAMES))
    die = Random(draw(st.integers(0, 2**64)))
    way = draw(st.sampled_from([(edited,), (edited,), (regrown,), (regrown,), (regrown, edited)]))
    for change in way:
        raw = change(raw, die)
    return raw


def shown(raw: bytes) -> tuple[str, str]:
    """Show both answers: to `==` 1, 1.0 and True are equal."""
    return repr(decode_fast(raw)), repr(decode_slow(raw))


def test_the_frames_before_any_change_are_read_by_the_fast_decode_and_alike() -> None:
    for raw in FRAMES:
        fast, slow = shown(raw)
        assert fast == slow != "None"
        assert render(tree_of(raw)).encode() == raw


@settings(QUIET, max_examples=6_000)
@given(frames())
def test_wherever_the_fast_decode_answers_the_slow_one_answers_alike(raw: bytes) -> None:
    fast = decode_fast(raw)
    if fast is not None:
        assert repr(fast) == repr(decode_slow(raw))


@settings(QUIET, max_examples=2_000)
@given(frames() | st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"[" * 100_000)
def test_no_bytes_stop_the_decode(raw: bytes) -> None:
    decode(raw)


def test_the_changed_frames_reach_the_fast_decode_the_slow_one_and_none() -> None:
    seen: Counter[str] = Counter()

    @settings(QUIET, max_examples=300)
    @given(frames())
    def tell(raw: bytes) -> None:
        fast, slow = shown(raw)
        seen["fast" if fast != "None" else "slow" if slow != "None" else "none"] += 1

    tell()
    assert min(seen["fast"], seen["slow"], seen["none"]) >= 10, seen
