"""The page at /sim says what the status says, and shows foreign text as text only."""

from simschwab.page import page_of

STATUS: dict[str, object] = {
    "uptime_s": 1.5,
    "seed": 7,
    "frames": 42,
    "orders": 3,
    "fills": 2,
    "positions": {"F": 100, "T": 0},
    "cash_dollars": 98_477.0,
    "clients": [{"connection": 1, "logged_in": True, "subscriptions": {"NYSE_BOOK": 2}}],
    "market": {"source": "generator", "symbols": {"F": "N"}, "begun": True, "finished": False},
    "clock_offset_ms": 0,
    "halted": ["<b>X"],
    "faults": [{"number": 1, "on": "orders.place", "do": "drop", "when": "after", "seen": 1, "hits": 1, "open": False}],
    "ledger": {"next": 91, "dropped": 0},
}


def test_positions_clients_and_faults_are_told() -> None:
    page = page_of(STATUS)
    for row in ("<td>F</td><td>100</td>", "<td>NYSE_BOOK 2</td>", "<td>orders.place</td><td>drop (when after)</td>"):
        assert row in page
    assert "generator, running" in page
    assert "<td>T</td>" not in page, "a flat symbol is no position"


def test_nothing_foreign_becomes_markup_and_nothing_is_loaded_or_run() -> None:
    page = page_of(STATUS)
    assert "&lt;b&gt;X" in page
    for forbidden in ("<b>X", "<script", "src=", "http://", "https://"):
        assert forbidden not in page


def test_before_the_first_subscription_it_says_so() -> None:
    waiting = STATUS | {"market": {"source": "tape", "symbols": {}, "begun": False, "finished": False}, "faults": []}
    assert "tape, waits for a subscription" in page_of(waiting)
