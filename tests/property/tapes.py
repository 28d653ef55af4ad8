"""Adversarial tapes: frames in raw text with the times at which they came, made to sit on the rule's boundaries.

Hypothesis draws the plan of a tape (settings, and phases that lean one way at one pace); a die seeded by it draws the
books within, so that a tape of eighty books costs few draws. Nothing here knows what the outcomes should be.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import TypeVar

from hypothesis import strategies as st

from property.slow_rule import Received, Settings, milliseconds_of_the_day

T = TypeVar("T")

MS, S = 1_000_000, 1_000_000_000
STARTS = ("2026-03-06T14:45:00", "2026-03-07T04:59:40", "2026-03-08T06:59:50", "2026-11-01T05:59:50")
"""A Friday morning, an hour before midnight UTC-5, and the two nights in which New York changes its clocks."""

LISTINGS: tuple[dict[str, str], ...] = (
    {"F": "NASDAQ_BOOK", "G": "NYSE_BOOK"},
    {},
    {"F": "NYSE_BOOK"},
    {"G": "NYSE_BOOK", "": "NASDAQ_BOOK"},
)
HOMES = {"F": "NASDAQ_BOOK", "G": "NYSE_BOOK", "": "NASDAQ_BOOK"}
OTHER = {"NASDAQ_BOOK": "NYSE_BOOK", "NYSE_BOOK": "NASDAQ_BOOK"}
VENUES = ("arcx", "nsdq", "memx", "iexg", "edgx", "batx", "ss", "g")
BIDS = tuple(map(Decimal, ("19.99", "20", "221", "0.0001", "0.9999", "999999.99", "8.2999", "0.07")))
CENT, TICK = Decimal("0.01"), Decimal("0.0001")

JUNK_WORDS = (
    "null true false 0 1 -1 -0 1.0 100.0 100.5 1e2 1e400 -1e400 1e-400 NaN Infinity -Infinity 01 1. 10.00005 19.99 1e9 "
    "19.990000000000002 221.01000000000002 0.30000000000000004 "
    "1000000000 1000000001 1000000 1000000.0001 9223372036854775808 18446744073709551617 [] {} [[]] [{}] [null] "
    '"" "1" "x" "arcx" "\\ud800" "\\u00e9" "\xe9" "\\ud83d\\ude00" {"3":[]} {"0":1} {"3":[{}]} {"0":"A","1":1}'
)
JUNK = [*JUNK_WORDS.split(), "1" + "0" * 500, "9" * 5_000, '"\x01"', '"\\q"']
"""JSON values, and a few that are none, to stand where they should not."""


@dataclass
class Pairs:
    """A JSON object as written: a key may come twice."""

    pairs: list[tuple[str, "Node"]]


Node = str | list["Node"] | Pairs
"""A JSON value: raw text, an array or an object."""


@dataclass(frozen=True)
class Phase:
    """A run of books of one kind: how many, how far apart, how old, and how often something odd happens."""

    kind: str
    count: int
    step_ns: int
    lag_ms: int
    oddity: float
    symbols: str


@dataclass(frozen=True)
class Tape:
    settings: Settings
    received: tuple[Received, ...]


def mostly(usual: T, *others: T) -> st.SearchStrategy[T]:
    """Draw what the rule lives on, and each of the others now and then."""
    return st.sampled_from([usual] * (3 * len(others)) + list(others))


some_settings = st.builds(
    Settings,
    max_range_cents=mostly(Fraction(1), Fraction(1, 2), Fraction(2), Fraction(99, 100)),
    max_quote_age_sec=mostly(None, Fraction(0), Fraction(5), Fraction(1, 10)),
    min_bid_heavy=mostly(4, 1, 3, 5),
    min_ask_heavy=mostly(4, 1, 2, 5),
    min_venue_margin=mostly(2, 0, 1, 3),
    min_imbalance_ratio=mostly(Fraction(2), Fraction(1), Fraction("1.5"), Fraction("2.0001"), Fraction("1.1")),
    max_book_age_sec=st.sampled_from([Fraction(10), Fraction(10), Fraction(1), Fraction(1), Fraction(30)]),
    max_imbalance_gap_sec=mostly(Fraction(3), Fraction(1), Fraction("0.5")),
    min_imbalance_duration_sec=st.sampled_from([Fraction(10), Fraction(0), Fraction(3), Fraction("2.5")]),
    alert_throttle_sec=st.sampled_from([Fraction(60), Fraction(0), Fraction(5), Fraction(12)]),
    listing=mostly(*LISTINGS),
)

some_phases = st.lists(
    st.builds(
        Phase,
        kind=st.sampled_from(["bid", "bid", "bid", "ask", "ask", "ask", "few", "margin", "ratio", "mixed", "wide"]),
        count=st.integers(1, 30),
        step_ns=mostly(S, 3 * S, 3 * S, 2 * S, 3 * S + 1, 3 * S - 1, S // 2, 10 * S, 1, 0),
        lag_ms=mostly(50, 0, 9_999, 10_000, 10_001, 1_000, -2_000, -1_999, -2_001),
        oddity=st.sampled_from([0.0, 0.0, 0.05, 0.3, 1.0]),
        symbols=st.sampled_from(["F", "F", "F", "G", "FG"]),
    ),
    min_size=1,
    max_size=6,
)


@st.composite
def tapes(draw: st.DrawFn) -> Tape:
    """Draw settings and a tape that is made for them."""
    settings = draw(some_settings)
    phases = draw(some_phases)
    start = datetime.fromisoformat(draw(st.sampled_from(STARTS))).replace(tzinfo=UTC)
    writer = Writer(settings, Random(draw(st.integers(0, 2**32 - 1))), int(start.timestamp()) * S)
    return Tape(settings, tuple(received for phase in phases for received in writer.phase(phase)))


class Writer:
    """Write the frames of phases, one clock for all."""

    def __init__(self, settings: Settings, die: Random, now_ns: int) -> None:
        self.settings = settings
        self.die = die
        self.now_ns = now_ns
        self.bid = die.choice(BIDS)
        self.book_ms = now_ns // MS

    def phase(self, phase: Phase) -> Iterator[Received]:
        for _ in range(phase.count):
            self.now_ns += phase.step_ns
            if self.die.random() < phase.oddity:
                yield from self.die.choice(ODDITIES)(self, phase)
            else:
                yield self.plain(phase)

    def plain(self, phase: Phase) -> Received:
        return self.frame([self.block(symbol, self.book(phase, symbol)) for symbol in phase.symbols])

    def frame(self, blocks: list[Node]) -> Received:
        return Received(self.now_ns, render(Pairs([("data", blocks)])).encode("utf-8", "surrogatepass"))

    def block(self, symbol: str, book: Node, service: str = "") -> Node:
        pairs: list[tuple[str, Node]] = [("service", f'"{service or HOMES[symbol]}"'), ("content", [book])]
        return Pairs(pairs if self.die.random() < 0.9 else pairs[::-1])

    # a book

    def book(self, phase: Phase, symbol: str, book_ms: str | None = None) -> Pairs:
        self.book_ms = self.now_ns // MS - phase.lag_ms
        bids, asks = self.sides(phase.kind)
        told = str(self.book_ms) if book_ms is None else book_ms
        return Pairs([("key", f'"{symbol}"'), ("1", told), ("2", bids), ("3", asks)])

    def sides(self, kind: str) -> tuple[Node, Node]:
        die, bid = self.die, self.bid
        ask = bid + CENT
        venues = die.sample(VENUES, len(VENUES))
        if kind == "mixed":
            return self.mixed(-1), self.mixed(1)
        if kind == "wide":
            ask += die.choice([TICK, CENT])
        heavy, light, count, against = die.choice(
            {
                "few": [(200, 100, 3, 0), (200, 100, 1, 1), (900, 100, 4, 3)],
                "margin": [(900, 100, 4, 3), (100, 99, 4, 4), (300, 300, 4, 4), (300, 1, 5, 3)],
                "ratio": [(199, 100, 4, 0), (200, 101, 4, 0), (3, 2, 5, 0), (999_999_999, 500_000_000, 4, 0)],
            }.get(kind, [(200, 100, 4, 0), (300, 100, 5, 1), (10**9, 5 * 10**8, 4, 0), (100, 1, 6, 2), (500, 1, 8, 0)])
        )
        heavies = [(venue, heavy) for venue in venues[:count]] + [(v, 1) for v in venues[count : count + against]]
        lights = [(venue, light) for venue in venues[:count]] + [(v, 2) for v in venues[count : count + against]]
        if kind == "ask" or (kind not in {"bid", "ask"} and die.random() < 0.5):
            heavies, lights = lights, heavies
        return [self.level(bid, heavies)], [self.level(ask, lights)]

    def mixed(self, way: int) -> Node:
        """A few levels in any order, a venue maybe at several, a crossed or locked touch maybe."""
        die = self.die
        best = self.bid if way < 0 else self.bid + CENT
        offsets = die.choice([(0, 1), (0, 1, 2), (0, 0), (-1, 0), (0,), ()]) if die.random() < 0.6 else (0,)
        levels: list[Node] = []
        for offset in offsets:
            price = best + way * offset * die.choice([CENT, TICK])
            names = die.sample(VENUES, die.randint(1, len(VENUES)))
            if die.random() < 0.2:
                names += names[:2]
            levels.append(self.level(price, [(venue, die.choice([1, 99, 100, 100, 101, 200, 300])) for venue in names]))
        die.shuffle(levels)
        return levels

    def level(self, price: Decimal, quotes: list[tuple[str, int]]) -> Node:
        entries: list[Node] = [
            Pairs([("0", self.venue(venue)), ("1", self.number(Decimal(size))), ("2", self.entry_time())])
            for venue, size in quotes
        ]
        return Pairs([("0", self.number(price)), ("1", "1"), ("3", entries)])

    def venue(self, venue: str) -> str:
        case = self.die.random()
        if venue == "ss" and case < 0.2:
            return '"\xdf"'  # in upper case it is SS as well
        return f'"{venue if case < 0.5 else venue.upper() if case < 0.9 else venue.title()}"'

    def number(self, value: Decimal) -> str:
        """Write one value in one of the ways of JSON."""
        way = self.die.random()
        if way < 0.8:
            return str(value) if value >= TICK else f"{value:f}"
        if way < 0.87:
            return f"{value:.4f}"
        if way < 0.94:
            return f"{value:e}"
        return f"{value:f}" + ("0000000000000000000001" if "." in f"{value:f}" else ".00000000000000000000001")

    def entry_time(self) -> str:
        die, limit = self.die, self.settings.max_quote_age_sec
        day_ms = milliseconds_of_the_day(self.book_ms)
        if limit is None:
            return "5"
        if die.random() < 0.8:
            return str(day_ms)
        age_ms = int(limit * 1_000)
        return die.choice([str(day_ms - age_ms), str(day_ms - age_ms - 1), str(day_ms + 1), "null", f"{day_ms}.0", "1"])


# oddities: what happens instead of a plain frame


def told(text: Callable[[Writer], str]) -> Callable[[Writer, Phase], Iterator[Received]]:
    """A book with another BOOK_TIME."""

    def odd(writer: Writer, phase: Phase) -> Iterator[Received]:
        symbol = phase.symbols[0]
        yield writer.frame([writer.block(symbol, writer.book(phase, symbol, text(writer)))])

    return odd


def nudged(writer: Writer, phase: Phase) -> Iterator[Received]:
    """A book a nanosecond early or late; the clock itself goes on as it was."""
    plain = writer.plain(phase)
    yield Received(plain.t_ns + writer.die.choice([-1, 1]), plain.frame)


def paused(writer: Writer, phase: Phase) -> Iterator[Received]:
    writer.now_ns += writer.die.choice([2 * S, 3 * S, 9 * S, 10 * S, 57 * S, 60 * S, 3_600 * S])
    yield writer.plain(phase)


def twice(writer: Writer, phase: Phase) -> Iterator[Received]:
    plain = writer.plain(phase)
    yield from (plain, plain)


def elsewhere(writer: Writer, phase: Phase) -> Iterator[Received]:
    """A symbol on the other service, in a frame with its own or before it."""
    symbol = writer.die.choice(["F", "G", ""])
    other = writer.block(symbol, writer.book(phase, symbol), OTHER[HOMES[symbol]])
    own = writer.block(symbol, writer.book(phase, symbol))
    yield writer.frame(writer.die.choice([[other], [other, own], [own, other], [own, own]]))


def lost(writer: Writer, phase: Phase) -> Iterator[Received]:
    yield Received(writer.now_ns, None)
    if writer.die.random() < 0.5:
        yield writer.plain(phase)


def unequal(writer: Writer, phase: Phase) -> Iterator[Received]:
    """A sick book of another kind in the middle of a phase."""
    kinds = ["mixed", "mixed", "bid", "ask", "wide", "few", "ratio", "margin"]
    odd = Phase(writer.die.choice(kinds), 1, 0, phase.lag_ms, 0, phase.symbols)
    yield writer.plain(odd)


def one_sided(writer: Writer, phase: Phase) -> Iterator[Received]:
    symbol = phase.symbols[0]
    book = writer.book(phase, symbol)
    place = writer.die.choice([2, 3])
    empty = writer.die.choice(["[]", "null", "{}", '"x"', "[null]", '[{"0":20,"3":[]}]', '[{"0":20,"3":[{"0":"A"}]}]'])
    book.pairs[place] = (book.pairs[place][0], empty)
    if writer.die.random() < 0.3:
        del book.pairs[place]
    yield writer.frame([writer.block(symbol, book)])


def crossed(writer: Writer, phase: Phase) -> Iterator[Received]:
    """One venue that bids what another asks, or more, beside a book that is sound."""
    symbol = phase.symbols[0]
    book = writer.book(phase, symbol)
    name, bids = book.pairs[2]
    assert isinstance(bids, list)
    late = writer.level(writer.bid + CENT + writer.die.choice([Decimal(0), TICK, -TICK]), [("late", 1)])
    book.pairs[2] = (name, [*bids, late])
    yield writer.frame([writer.block(symbol, book)])


def limit_old(writer: Writer) -> str:
    """A BOOK_TIME that is exactly as old as is allowed, or a little older."""
    limit_ms = int(writer.settings.max_book_age_sec * 1_000)
    return str(writer.now_ns // MS - limit_ms - writer.die.choice([-1, 0, 1, 100]))


def broken(writer: Writer, phase: Phase) -> Iterator[Received]:
    """Junk in the place of anything: a field, an entry, a level, a side, a block, the frame."""
    die = writer.die
    tree: Node = Pairs([("data", [writer.block(symbol, writer.book(phase, symbol)) for symbol in phase.symbols])])
    for _ in range(die.choice([1, 1, 1, 3])):
        container, place = die.choice(list(places(tree)) or [(["1"], 0)])
        deed = die.random()
        if isinstance(container, Pairs):
            name, old = container.pairs[place]
            if deed < 0.6:
                container.pairs[place] = (name, die.choice(JUNK))
            elif deed < 0.75:
                del container.pairs[place]
            else:
                container.pairs.insert(die.choice([0, place, place + 1]), (name, die.choice([*JUNK, render(old)])))
        elif deed < 0.8:
            container[place] = die.choice(JUNK)
        else:
            container.insert(place, die.choice(JUNK))
    yield Received(writer.now_ns, render(tree).encode("utf-8", "surrogatepass"))


def garbled(writer: Writer, phase: Phase) -> Iterator[Received]:
    """Bytes that are no JSON, or no UTF-8, or JSON of another shape."""
    plain = writer.plain(phase).frame or b""
    die = writer.die
    cut = die.randrange(len(plain))
    frames = [
        plain[:cut],
        plain[:cut] + die.choice([b"\xff", b"\x00", b"\\", b'"', b"}", b"9", b"\xc3\xa9", b" "]) + plain[cut:],
        plain[:cut] + plain[cut + 1 :],
        b"\xef\xbb\xbf" + plain,
        plain + b"\n",
        plain + plain,
        b'{"notify":[{"heartbeat":"1"}]}',
        b'{"data":[],"x":NaN}',
        b'{"data":{}}',
        b"[]",
        b"",
        b"[" * 100_000,
    ]
    yield Received(writer.now_ns, die.choice(frames))


def level_one(writer: Writer, phase: Phase) -> Iterator[Received]:
    """Level one beside a book: it is no snapshot, but without a key it spoils the frame."""
    symbol = phase.symbols[0]
    key = writer.die.choice(['"key":"F",', '"key":"F",', ""])
    beside = f'{{"service":"LEVELONE_EQUITIES","content":[{{{key}"3":19.99}}]}}'
    yield writer.frame([beside, writer.block(symbol, writer.book(phase, symbol))])


ODDITIES: list[Callable[[Writer, Phase], Iterator[Received]]] = [
    told(lambda writer: "null"),
    told(lambda writer: f"{writer.book_ms}.0"),
    told(lambda writer: writer.die.choice(JUNK)),
    told(lambda writer: str(writer.book_ms - writer.die.choice([1, 1_000, 60_000]))),
    told(lambda writer: str(writer.now_ns // MS + writer.die.choice([1_999, 2_000, 2_001, 60_000]))),
    told(lambda writer: str(writer.now_ns // MS - writer.die.choice([999, 1_000, 1_001, 9_999, 10_000, 10_001]))),
    told(limit_old),
    told(limit_old),
    nudged,
    nudged,
    nudged,
    crossed,
    paused,
    twice,
    elsewhere,
    lost,
    unequal,
    unequal,
    one_sided,
    broken,
    broken,
    broken,
    garbled,
    level_one,
]


def places(node: Node) -> Iterator[tuple[Pairs | list[Node], int]]:
    """Every place in a tree that can hold something else."""
    children: list[Node] = []
    if isinstance(node, Pairs):
        children = [child for _, child in node.pairs]
    elif isinstance(node, list):
        children = node
    for place, child in enumerate(children):
        assert not isinstance(node, str)
        yield node, place
        yield from places(child)


def render(node: Node) -> str:
    if isinstance(node, str):
        return node
    if isinstance(node, Pairs):
        return "{" + ",".join(f'"{name}":{render(child)}' for name, child in node.pairs) + "}"
    return "[" + ",".join(map(render, node)) + "]"
