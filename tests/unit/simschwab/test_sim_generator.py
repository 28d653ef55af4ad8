"""The generated feed behaves like the recorded one; every claim is checked on what is sent."""

from collections import defaultdict
from functools import cache
from itertools import pairwise

import msgspec
import pytest

from simschwab.core.book import Level
from simschwab.core.dice import dice
from simschwab.core.generator import GeneratedMarket, SymbolMarket
from simschwab.core.listing import DEFAULT_SYMBOLS, Service, parse_symbols
from simschwab.core.market import BookItem, Burst
from simschwab.core.phases import ONE_SIDED_S, Phase, Phases
from simschwab.core.times import NS_PER_MS, NS_PER_S, new_york_ms_of_day
from simschwab.virtual import START_NS

SECONDS = 200
LISTINGS = parse_symbols(DEFAULT_SYMBOLS)
UPPER_ON_NASDAQ = {"NSDQ", "G"}


def play(seed: int, symbols: str = DEFAULT_SYMBOLS, flushes: int = SECONDS) -> list[tuple[int, Burst]]:
    market = GeneratedMarket(parse_symbols(symbols), seed, 1010)
    market.opening(START_NS)
    market.begin(START_NS)
    bursts = []
    for _ in range(flushes):
        due_ns = market.next_due_ns()
        assert due_ns is not None
        bursts += [(due_ns, burst) for burst in market.step(due_ns)]
    return bursts


@cache
def books(seed: int = 3) -> dict[str, list[tuple[int, BookItem]]]:
    by_symbol: dict[str, list[tuple[int, BookItem]]] = defaultdict(list)
    for due_ns, burst in play(seed):
        for entries in burst.entries:
            for item in entries.books:
                by_symbol[item.symbol].append((due_ns, item))
    return dict(by_symbol)


def every_book(seed: int = 3) -> list[BookItem]:
    return [item for items in books(seed).values() for _, item in items]


def touch_sizes(levels: tuple[Level, ...]) -> dict[str, int]:
    return {entry.venue: entry.size for entry in levels[0].entries}


def direction(item: BookItem) -> int:
    """Judge by the rule of design 4.8, in our own words: 1 bid-heavy, -1 ask-heavy, 0 neither."""
    bids, asks = touch_sizes(item.book.bids), touch_sizes(item.book.asks)
    valid = bids.keys() & asks.keys()
    up = sum(bids[venue] > asks[venue] for venue in valid)
    down = sum(asks[venue] > bids[venue] for venue in valid)
    total_bids, total_asks = sum(bids[v] for v in valid), sum(asks[v] for v in valid)
    if up >= 4 and up >= down + 2 and total_bids >= 2 * total_asks:
        return 1
    return -1 if down >= 4 and down >= up + 2 and total_asks >= 2 * total_bids else 0


def test_all_symbols_come_in_one_burst_on_a_grid_of_1010_ms() -> None:
    times = {due_ns for due_ns, _ in play(3, flushes=5)}
    assert sorted(times) == [START_NS + n * 1010 * NS_PER_MS for n in range(5)]
    for due_ns, burst in play(3, flushes=5):
        (entries,) = burst.entries
        assert entries.timestamp_ms == due_ns // NS_PER_MS
        if entries.books:
            wanted = {name for name, listing in LISTINGS.items() if listing.service is entries.service}
            assert {item.symbol for item in entries.books} == wanted


def test_fifteen_venues_a_side_each_once_grouped_best_first() -> None:
    for item in every_book():
        for levels, sign in ((item.book.bids, -1), (item.book.asks, 1)):
            venues = [entry.venue for level in levels for entry in level.entries]
            assert len(venues) == len(set(venues)) == 15
            prices = [level.price_e4 * sign for level in levels]
            assert prices == sorted(set(prices))
            for level in levels:
                sizes = [entry.size for entry in level.entries]
                assert sizes == sorted(sizes, reverse=True)
                assert level.size == sum(sizes)
                assert min(sizes) > 0


def test_the_touch_is_one_tick_wide_and_shared_by_6_to_12() -> None:
    for item in every_book():
        assert item.book.asks[0].price_e4 - item.book.bids[0].price_e4 == 100
        assert 6 <= len(item.book.bids[0].entries) <= 12
        assert 6 <= len(item.book.asks[0].entries) <= 12


def test_stub_quotes_stand_far_away() -> None:
    for item in every_book():
        assert item.book.bids[-1].price_e4 < item.book.bids[0].price_e4 * 95 // 100
        assert item.book.asks[-1].price_e4 > item.book.asks[0].price_e4 * 105 // 100


def test_sizes_are_round_lots_but_for_nsdq() -> None:
    odd = 0
    for item in every_book():
        lot = LISTINGS[item.symbol].round_lot
        for level in (*item.book.bids, *item.book.asks):
            for entry in level.entries:
                odd += entry.size % lot != 0
                assert entry.size % lot == 0 or entry.venue == "NSDQ"
    assert odd > 100


def test_each_service_spells_venues_its_own_way() -> None:
    for item in every_book():
        names = {entry.venue for level in (*item.book.bids, *item.book.asks) for entry in level.entries}
        if item.book.service is Service.NYSE_BOOK:
            assert all(name == name.upper() for name in names)
        else:
            exchanges = {"arcx", "edgx", "iexg", "batx", "memx", "miax", "edga", "baty", "mwse", "nyse"}
            assert exchanges | UPPER_ON_NASDAQ <= names
            assert all(name.isupper() for name in names - exchanges)


def test_a_wire_item_says_what_its_book_holds() -> None:
    whole = 0
    for item in every_book():
        wire = msgspec.json.decode(item.payload)
        assert wire["key"] == item.symbol
        assert wire["1"] == item.book.book_ms
        for name, levels in (("2", item.book.bids), ("3", item.book.asks)):
            for sent, level in zip(wire[name], levels, strict=True):
                whole += isinstance(sent["0"], int)
                assert isinstance(sent["0"], int) == (level.price_e4 % 10_000 == 0)
                assert round(sent["0"] * 10_000) == level.price_e4
                assert repr(sent["0"]) == f"{level.price_e4 / 10_000:.6g}"
                assert (sent["1"], sent["2"]) == (level.size, len(level.entries))
                assert [(e["0"], e["1"], e["2"]) for e in sent["3"]] == [
                    (e.venue, e.size, e.quote_ms) for e in level.entries
                ]
    assert whole


def test_book_times_grow_and_lag_the_envelope_by_a_tenth_to_one_second() -> None:
    for items in books().values():
        assert all(a.book.book_ms < b.book.book_ms for (_, a), (_, b) in pairwise(items))
        for due_ns, item in items:
            assert 100 <= due_ns // NS_PER_MS - item.book.book_ms <= 1000


def test_quote_times_are_ms_since_new_york_midnight_and_kept_while_the_price_stands() -> None:
    for items in books().values():
        known: dict[tuple[int, str], tuple[int, int]] = {}
        for _, item in items:
            now_ms = new_york_ms_of_day(item.book.book_ms)
            for side, levels in enumerate((item.book.bids, item.book.asks)):
                for level in levels:
                    for entry in level.entries:
                        last = known.get((side, entry.venue))
                        if last is not None and last[0] == level.price_e4:
                            assert entry.quote_ms == last[1]
                        elif last is not None:
                            assert 0 <= now_ms - entry.quote_ms <= 900
                        known[side, entry.venue] = level.price_e4, entry.quote_ms


def repeat_shares(phase: Phase) -> list[float]:
    shares = []
    for name, listing in LISTINGS.items():
        market = SymbolMarket(listing, seed=3)
        items = [market.snapshot(START_NS + n * NS_PER_S, phase)[0] for n in range(301)]
        same = [(a.book.bids, a.book.asks) == (b.book.bids, b.book.asks) for a, b in pairwise(items)]
        assert all(a.book.book_ms < b.book.book_ms for a, b in pairwise(items)), name
        shares.append(sum(same) / len(same))
    return shares


def test_quiet_symbols_repeat_two_of_three_neutral_books_under_a_new_time() -> None:
    shares = repeat_shares(Phase.NEUTRAL)
    assert all(share == 0 or 0.55 < share < 0.78 for share in shares)
    assert any(shares)
    assert not all(shares)


def test_one_sided_books_never_repeat() -> None:
    assert not any(repeat_shares(Phase.BID_HEAVY))


@pytest.mark.parametrize("seed", range(1, 9))
def test_a_third_begins_one_sided_and_stays_so_for_13_s(seed: int) -> None:
    by_symbol: dict[str, list[BookItem]] = defaultdict(list)
    for _, burst in play(seed, flushes=13):
        for item in (item for entries in burst.entries for item in entries.books):
            by_symbol[item.symbol].append(item)
    steady = [name for name, items in by_symbol.items() if abs(sum(direction(item) for item in items)) == 13]
    assert len(steady) == len(LISTINGS) // 3
    for name in steady:
        for item in by_symbol[name]:
            bids, asks = touch_sizes(item.book.bids), touch_sizes(item.book.asks)
            both = bids.keys() & asks.keys()
            assert len(both) >= 5
            heavy, light = (bids, asks) if direction(item) == 1 else (asks, bids)
            # An odd lot on NSDQ and rounding to lots blur the factor a little.
            assert sum(2.5 * light[v] <= heavy[v] <= 10.8 * light[v] for v in both) >= len(both) - 2


def test_two_symbols_or_fewer_all_begin_one_sided() -> None:
    items = [item for _, burst in play(1, "F,AMD", 1) for e in burst.entries for item in e.books]
    assert all(direction(item) for item in items)
    assert len(items) == 2


def test_between_phases_nothing_leans_for_long() -> None:
    market = GeneratedMarket(LISTINGS, 5, 1010)
    leaning = [
        direction(item)
        for n in range(300)
        for burst in market.opening(START_NS + n * NS_PER_S)
        for entries in burst.entries
        for item in entries.books
    ]
    assert sum(map(abs, leaning)) < len(leaning) * 0.01


def test_phases_last_13_to_25_s_and_half_flip_directly() -> None:
    flips = ends = 0
    for seed in range(40):
        phases = Phases(dice(seed, "test"))
        phases.begin(0, one_sided=True)
        entered_ns, last = 0, phases.current
        for now_ns in range(0, 600 * NS_PER_S, NS_PER_S // 10):
            phase = phases.advance(now_ns)
            if phase is not last:
                if last is not Phase.NEUTRAL:
                    low_s, high_s = ONE_SIDED_S
                    assert low_s - 0.2 <= (now_ns - entered_ns) / NS_PER_S <= high_s + 0.2
                    ends += 1
                    flips += phase is last.opposite
                entered_ns, last = now_ns, phase
            elif phase is not Phase.NEUTRAL:
                assert phases.lean(now_ns) == phase.value
    assert 0.4 < flips / ends < 0.6


def test_the_price_drifts_with_the_phase_but_not_always() -> None:
    moves: list[int] = []
    for seed in range(1, 13):
        by_symbol: dict[str, list[BookItem]] = defaultdict(list)
        for _, burst in play(seed, flushes=16):
            for item in (item for entries in burst.entries for item in entries.books):
                by_symbol[item.symbol].append(item)
        for items in by_symbol.values():
            if abs(leaning := sum(direction(item) for item in items[:13])) == 13:
                moved = items[-1].book.bids[0].price_e4 - items[0].book.bids[0].price_e4
                moves.append(moved * leaning // 1300)
    assert sum(moves) > 0
    assert min(moves) < 0


def test_level_one_agrees_with_the_book_and_only_tells_changes() -> None:
    known: dict[str, dict[str, object]] = {}
    for _, burst in play(2, flushes=60):
        for entries in burst.entries:
            for quote in entries.quotes:
                state = known.setdefault(quote.symbol, {})
                assert all(state.get(name) != value for name, value in quote.changes.items())
                state.update(quote.changes)
            for item in entries.books:
                state = known.get(item.symbol, {})
                if "1" in state:
                    assert round(float(str(state["1"])) * 10_000) == item.book.bids[0].price_e4
    assert all(int(str(state.get("8", 1))) > 0 for state in known.values())


def test_same_seed_same_bytes_and_another_seed_other_bytes() -> None:
    def payloads(seed: int) -> list[bytes]:
        return [i.payload for _, burst in play(seed, flushes=30) for e in burst.entries for i in e.books]

    assert payloads(7) == payloads(7)
    assert payloads(7) != payloads(8)


def test_a_symbol_does_not_depend_on_which_others_there_are() -> None:
    def of_f(symbols: str) -> list[bytes]:
        market = GeneratedMarket(parse_symbols(symbols), 4, 1010)
        return [
            item.payload
            for n in range(20)
            for burst in market.opening(START_NS + n * NS_PER_S)
            for entries in burst.entries
            for item in entries.books
            if item.symbol == "F"
        ]

    assert of_f("F,AMD") == of_f("SPY,F,SOFI")
