"""Owns the comparison of the broker's positions with ours, and the lock where they differ (design section 6).

Never corrects a position and never trades: it closes a symbol to entries and says why.
Comes from account reads; goes to the ledger.
"""

import logging
from datetime import UTC, datetime

from leadline.core.agreement import FIRST_CONTACT, Baseline, Known, Verdict, is_recent, judge, same_side
from leadline.core.session import NEW_YORK
from leadline.core.units import NS_PER_S
from leadline.traders import locks
from leadline.traders.hand_trades import lock_hand_trades
from leadline.traders.holding import Holding
from leadline.traders.ledger import Ledger

log = logging.getLogger(__name__)

EMPTY_READS_SHOWN = 3
"""After so many lists in a row without any position the broker's number is shown as 0; it is in doubt all the same."""


def compare(
    ledger: Ledger, broker: dict[str, float], symbols: list[str], begun_boot_ns: int, read_ns: int
) -> list[str]:
    """Take one account read: note the broker's numbers, lock what differs, unlock what agrees again; name what differs.

    A symbol with an order that may be filling is looked at once the order has ended.
    """
    ledger.end_evictions()
    return [
        symbol
        for symbol in symbols
        if _compare_one(ledger, symbol, broker.get(symbol, 0.0), begun_boot_ns, read_ns, is_list_empty=not broker)
    ]


def _compare_one(
    ledger: Ledger, symbol: str, net: float, begun_boot_ns: int, read_ns: int, *, is_list_empty: bool
) -> bool:
    holding = ledger.holding(symbol)
    is_shown = not is_recent(holding.hands.seen_boot_ns, begun_boot_ns, ledger.lag_ns)
    if holding.baseline is None and is_shown and not ledger.has_open_order(symbol):
        meet(ledger, symbol, net, read_ns)
    known = Known(
        ours=holding.position.qty,
        external=holding.external_qty,
        hand_net=holding.hands.net,
        hand_after=holding.hands.net_after(0 if holding.baseline is None else holding.baseline.taken_ns),
        is_settling=ledger.is_settling(symbol),
        filled_ns=holding.last_fill_boot_ns,
        hand_ns=holding.hands.seen_boot_ns,
    )
    verdict = judge(net, known, begun_ns=begun_boot_ns, lag_ns=ledger.lag_ns, is_list_empty=is_list_empty)
    if verdict is Verdict.EMPTY:
        _doubt_empty(ledger, holding, read_ns)
    else:
        holding.broker_qty, holding.broker_ns = net, read_ns
        holding.empty_reads = 0
        ledger.unlock(symbol, locks.EMPTY)
    if verdict is Verdict.AGREES:
        holding.settled_qty, holding.doubted_since_ns = int(net), None
        holding.hands.settle()
        ledger.unlock(symbol, locks.MISMATCH)
        ledger.unlock(symbol, locks.HAND)
        ledger.end_lost(symbol, begun_boot_ns, ledger.lag_ns)
    elif verdict is Verdict.DIFFERS:
        holding.settled_qty = int(net)
        holding.doubted_since_ns = holding.doubted_since_ns or read_ns
        ledger.lock(symbol, locks.MISMATCH, _why_differs(holding, net))
    lock_hand_trades(ledger, symbol)
    ledger.write(symbol)
    return verdict in {Verdict.DIFFERS, Verdict.EMPTY}


def meet(ledger: Ledger, symbol: str, net: float, read_ns: int) -> None:
    """Take the first baseline of a symbol: what the account holds is not ours, unless fills of ours are on record."""
    holding = ledger.holding(symbol)
    has_traded = holding.last_fill_boot_ns is not None
    external = 0.0 if has_traded else net
    reason = "fills of ours were on record before it" if has_traded else "what the account held before leadline traded"
    ledger.rebase(Baseline(holding.position, external, net, read_ns, FIRST_CONTACT, reason))
    lock_not_ours(ledger, symbol)


def lock_not_ours(ledger: Ledger, symbol: str) -> None:
    """Close a symbol whose shares were there before us, until a person has said which of them are ours."""
    baseline = ledger.holding(symbol).baseline
    if baseline is None or not baseline.is_first_contact or not baseline.external_qty:
        return
    why = (
        f"the account holds {baseline.external_qty:g} shares that leadline did not buy: it leaves them alone and opens"
        f" nothing here until a person says which are ours: leadline adopt {symbol} --ours 0"
    )
    ledger.lock(symbol, locks.NOT_OURS, why)


def clock_text(ns: int) -> str:
    """Write a moment (UTC) as New York's clocks show it."""
    return f"{datetime.fromtimestamp(ns // NS_PER_S, UTC).astimezone(NEW_YORK):%H:%M:%S} New York"


def _doubt_empty(ledger: Ledger, holding: Holding, read_ns: int) -> None:
    """Keep the last number: a list without any position is no proof of being flat (reliability F37)."""
    symbol = holding.position.symbol
    holding.empty_reads += 1
    holding.doubted_since_ns = holding.doubted_since_ns or read_ns
    holding.settled_qty = None  # exits go by our fills alone
    if holding.empty_reads >= EMPTY_READS_SHOWN:
        holding.broker_qty, holding.broker_ns = 0.0, read_ns
    if holding.empty_reads == EMPTY_READS_SHOWN:
        log.error("%s: the account has listed no position at all %s times in a row", symbol, holding.empty_reads)
    why = (
        f"the account lists no position at all since {clock_text(holding.doubted_since_ns)}, ours is"
        f" {holding.position.qty} and not ours {holding.external_qty:g}: not taken for flat, closes go by our fills"
        f" alone. If they are gone: leadline adopt {symbol} --ours 0"
    )
    ledger.lock(symbol, locks.EMPTY, why)


def _why_differs(holding: Holding, net: float) -> str:
    ours, external = holding.position.qty, holding.external_qty
    since = clock_text(holding.doubted_since_ns or 0)
    do = f"leadline adopt {holding.position.symbol} --ours {same_side(ours, net)}"
    if ours == 0 and external == 0:
        return (
            f"the account holds {net:g} shares that leadline did not buy, since {since}: it leaves them alone and opens"
            f" nothing here until they are gone, or a person types: {do}"
        )
    difference = net - ours - external
    return (
        f"the account holds {net:g} shares, ours {ours} and not ours {external:g}: {difference:+g} since {since}."
        f" Nothing is opened until they agree. Split, transfer or a trade by hand? Then type: {do}"
    )
