"""Owns the judgement of a run: what leadline did, held against the broker's own ledger, by rules written anew here.

It looks at each request as it leaves, at the positions every second, and at all of the record at the end.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import apsw
import msgspec

from leadline.core.errors import LeadlineError
from leadline.store.records import find_records
from leadline.traders.holding import Holding
from leadline.traders.live import LiveTrader
from schedules.wire import Taps
from simschwab.core.events import FaultStruck, RequestIn
from simschwab.core.orders import TERMINAL, Order

if TYPE_CHECKING:
    from schedules.world import World

MAGIC_BYTES = len(b"leadline intents 1\n")
DOUBT_S = 95.0
"""After so long an order without an answer may be taken for lost: the search, the account's lag, and a look."""

MISMATCH_S = 60.0
"""How long leadline may not know a fill that the broker has, unless it says so by a lock."""

OPENS = {"BUY": 1, "SELL_SHORT": -1}
CLOSES = {"SELL": 1, "BUY_TO_COVER": -1}
"""The instruction, and the sign of the position that it opens or closes."""


@dataclass(frozen=True)
class Violation:
    """What went against an invariant, when."""

    invariant: str
    at_s: float
    text: str

    def __str__(self) -> str:
        """Give it as one line."""
        return f"{self.invariant} at {self.at_s:.3f} s: {self.text}"


class Faults(logging.Handler):
    """Hear what leadline logs as a fault of its own."""

    def __init__(self, told: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._told = told

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record; one with a traceback is a fault in leadline, whatever the broker did."""
        if record.exc_info:
            self._told(self.format(record))


class Oracle:
    """Look on, and note every violation."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.violations: list[Violation] = []
        self.listener: logging.Handler = Faults(lambda text: self._violated("no fault in leadline", text))
        self._journal_end = MAGIC_BYTES
        self._unsent: list[dict[str, Any]] = []
        self._requests: deque[float] = deque()
        self._books: dict[str, tuple[float, bool]] = {}
        self._status: dict[str, str] = {}
        self._seen_seq = 0
        self._mine: set[int] = set()
        self._doubts: dict[int, tuple[str, float]] = {}
        """Orders of ours that the broker has and no answer has shown yet: symbol, since when."""
        self._mismatch: dict[str, float] = {}
        self.counts: Counter[str] = Counter()

    def _violated(self, invariant: str, text: str) -> None:
        self.violations.append(Violation(invariant, self._world.loop.time(), text))

    def watch(self, taps: Taps) -> None:
        """Look at everything that a new process sends and gets."""
        taps.sending.append(self._sending)
        taps.answered.append(self._answered)
        taps.heard.append(self._heard)
        self._books.clear()
        self._status.clear()

    def ended(self, error: LeadlineError | None) -> None:
        """Note the end of a process."""
        self.counts["lives"] += 1
        if error is not None:
            self.counts[f"ended by {type(error).__name__}"] += 1
            if "fault in leadline" in str(error):
                self._violated("no fault in leadline", str(error))

    # what leaves

    def _sending(self, method: str, path: str, body: bytes | None) -> None:
        if "/orders" not in path or method == "GET":
            return
        now_s = self._world.loop.time()
        self._requests.append(now_s)
        while self._requests and self._requests[0] <= now_s - 60:
            self._requests.popleft()
        if len(self._requests) > self._world.loaded.settings.risk_orders_per_minute:
            self._violated("I6", f"{len(self._requests)} order requests within a minute")
        if method == "DELETE":
            order_id = int(path.rpartition("/")[2])
            if order_id not in self._ours():
                self._violated("I3", f"a cancel of order {order_id}, which is not ours")
        elif method == "POST":
            self._posting(msgspec.json.decode(body or b"{}"))
        else:
            self._violated("I2", f"{method} on an order")

    def _posting(self, body: dict[str, Any]) -> None:
        [leg] = body["orderLegCollection"]
        symbol, instruction, qty = leg["instrument"]["symbol"], leg["instruction"], leg["quantity"]
        said = f"{instruction} {qty} {symbol} {body.get('price', 'at the market')}"
        self.counts["posts"] += 1
        self._expect_intent(symbol, instruction, qty, body.get("price"), said)
        trader = self._trader()
        assert trader is not None
        ours = trader.ledger.holding(symbol).position.qty
        if instruction in CLOSES:
            if not 0 < qty <= CLOSES[instruction] * ours:
                self._violated("wrong side or oversize", f"{said} while {ours} are ours")
            return
        self.counts["openings"] += 1
        if qty > self._world.loaded.settings.live_order_qty:
            self._violated("I6", f"{said}: more than an order's shares")
        if ours:
            self._violated("wrong side or oversize", f"{said} while {ours} are ours")
        self._expect_known_market(symbol, said)
        self._expect_no_doubt(symbol, said)

    def _expect_intent(self, symbol: str, instruction: str, qty: int, price: str | None, said: str) -> None:
        """Every POST has a record that no POST before it has used."""
        self._read_journal()
        for intent in self._unsent:
            order = intent["order"]
            limit = None if order["limit"] is None else order["limit"] / 10_000
            same_price = (limit is None) == (price is None) and (price is None or float(price) == limit)
            if (order["symbol"], order["instruction"], order["qty"]) == (symbol, instruction, qty) and same_price:
                self._unsent.remove(intent)
                return
        self._violated("I2, I3", f"{said} without a record of its own")

    def _read_journal(self) -> None:
        for path in (self._world.home / "state").glob("*/intents.journal"):
            with path.open("rb") as file:
                file.seek(self._journal_end)
                found = find_records(file.read(256 * 1024), 0)
            self._unsent += [msgspec.msgpack.decode(payload) for payload in found.payloads]
            self._journal_end += found.end

    def _expect_known_market(self, symbol: str, said: str) -> None:
        heard_s, is_sound = self._books.get(symbol, (-1e9, False))
        age_s = self._world.loop.time() - heard_s
        if age_s > self._world.loaded.settings.risk_book_age_sec + 0.1:
            self._violated("I7", f"{said} on a book {age_s:.1f} s old")
        elif not is_sound:
            self._violated("I7", f"{said} on a book that is crossed or one-sided")
        if self._status.get(symbol) != "Normal":
            self._violated("I7", f"{said} while its status is {self._status.get(symbol)}")

    def _expect_no_doubt(self, symbol: str, said: str) -> None:
        now_s = self._world.loop.time()
        for order_id, (of, since_s) in self._doubts.items():
            if of == symbol and now_s - since_s < DOUBT_S:
                self._violated("I10", f"{said} while order {order_id} has not been seen since its submit")
        for order in self._orders():
            if order.order_id in self._mine and order.live and order.ticket.symbol == symbol:
                shown = order.order_id not in self._doubts
                if shown or now_s - self._doubts[order.order_id][1] < DOUBT_S:
                    self._violated("I2", f"{said} while order {order.order_id} of ours is {order.status}")

    # what comes back

    def _answered(self, method: str, path: str, answer: Any) -> None:
        """An order is in doubt until an answer names it."""
        if method == "GET" and "/orders" in path:
            self._ours()
            for order_id in list(self._doubts):
                if str(order_id).encode() in answer.body and answer.status == 200:
                    del self._doubts[order_id]

    def _heard(self, payload: bytes) -> None:
        try:
            frame = msgspec.json.decode(payload)
        except msgspec.DecodeError:
            return
        for block in frame.get("data", []) if isinstance(frame, dict) else []:
            for item in block.get("content", []):
                self._take_item(block.get("service"), item)

    def _take_item(self, service: str, item: dict[str, Any]) -> None:
        symbol = item.get("key", "")
        if service == "LEVELONE_EQUITIES" and isinstance(item.get("32"), str):
            self._status[symbol] = item["32"]
        elif service in ("NYSE_BOOK", "NASDAQ_BOOK"):
            bids, asks = _prices(item.get("2")), _prices(item.get("3"))
            if bids and asks:
                self._books[symbol] = self._world.loop.time(), max(bids) < min(asks)

    # what the broker has

    def _orders(self) -> list[Order]:
        return list(self._world.broker.exchange.broker.orders.values())

    def _ours(self) -> set[int]:
        """Give the orders that came by our submits, and those that replaced them."""
        ledger = self._world.broker.ledger
        for event in ledger.since(self._seen_seq, "request_in"):
            assert isinstance(event, RequestIn)
            if event.method == "POST" and event.order_id is not None:
                self._mine.add(event.order_id)
                self._doubts[event.order_id] = event.symbol or "", self._world.loop.time()
        self._seen_seq = ledger.next_seq
        for order in self._orders():
            if order.order_id in self._mine and order.successor_id is not None:
                self._mine.add(order.successor_id)
        return self._mine

    def true_qty(self, symbol: str) -> int:
        """Give what the executions of our orders add up to."""
        ours = self._ours()
        return sum(
            fill.quantity * (1 if order.ticket.instruction in ("BUY", "BUY_TO_COVER") else -1)
            for order in self._orders()
            if order.order_id in ours and order.ticket.symbol == symbol
            for fill in order.fills
        )

    def _trader(self) -> LiveTrader | None:
        process = self._world.process
        if process is None or not process.client.is_alive or process.desk is None:
            return None
        return process.desk.trader

    # again and again

    async def keep_looking(self) -> None:
        """Compare the positions every second."""
        while True:
            await asyncio.sleep(1)
            self._ours()
            trader = self._trader()
            if trader is None or (not trader.holds and trader.state == "DISABLED"):
                self._mismatch.clear()
                continue
            for symbol in self._world.loaded.settings.symbols:
                holding = trader.ledger.holding(symbol)
                if holding.position.qty == self.true_qty(symbol) or holding.locks or _is_adopted(holding):
                    self._mismatch.pop(symbol, None)
                    continue
                since_s = self._mismatch.setdefault(symbol, self._world.loop.time())
                if self._world.loop.time() - since_s > MISMATCH_S:
                    text = f"{symbol}: ours {holding.position.qty}, our orders filled {self.true_qty(symbol)}"
                    self._violated("I1", f"{text}, for {MISMATCH_S:g} s and not locked")

    def look_at_the_end(self) -> None:
        """Compare everything once nothing moves any more."""
        process = self._world.process
        trader = self._trader()
        for event in self._world.broker.ledger.since(0, "fault"):
            assert isinstance(event, FaultStruck)
            self.counts[f"fault {event.on} {event.effect}"] += 1
        if process is None or trader is None or process.writer is None:
            self._violated("liveness", "leadline does not run at the end, though all faults are healed")
            return
        process.writer.commit_now()
        for symbol in self._world.loaded.settings.symbols:
            self._compare_position(symbol, trader)
        db = apsw.Connection(str(self._world.loaded.settings.db_path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            self._expect_dispositions(db, trader.name)
            self._expect_traceable(db, trader)
        finally:
            db.close()

    def _compare_position(self, symbol: str, trader: LiveTrader) -> None:
        holding = trader.ledger.holding(symbol)
        truth = self._world.broker.exchange.broker.account.quantity(symbol)
        ours, external = holding.position.qty, holding.external_qty
        if holding.locks:
            self.counts["locked at the end"] += 1
            if not all(holding.locks.values()):
                self._violated("I1", f"{symbol} is locked without a reason")
            return
        if ours + external != truth:
            self._violated("I1", f"{symbol}: the broker has {truth}, ours {ours}, external {external}, not locked")
        if _is_adopted(holding):
            self.counts["adopted"] += 1
        elif ours != self.true_qty(symbol):
            self._violated("I1", f"{symbol}: ours {ours}, our orders filled {self.true_qty(symbol)}, not locked")

    def _expect_dispositions(self, db: apsw.Connection, trader: str) -> None:
        undecided = list(
            db.execute(
                "SELECT id FROM alerts WHERE id NOT IN (SELECT alert_id FROM dispositions WHERE trader = ?)", [trader]
            )
        )
        if undecided:
            self._violated("I4", f"alerts without a disposition: {undecided[:10]}")
        for name, count in db.execute("SELECT disposition, count(*) FROM dispositions GROUP BY 1"):
            self.counts[str(name)] += int(count)
        self.counts["alerts"] += int(db.execute("SELECT count(*) FROM alerts").get)
        wrong = list(
            db.execute(
                "SELECT intent_key, instruction, direction FROM orders JOIN alerts ON id = alert_id"
                " WHERE purpose = 'open' AND instruction != iif(direction = 'bid-heavy', 'BUY', 'SELL_SHORT')"
            )
        )
        if wrong:
            self._violated("wrong side or oversize", f"openings against their alert: {wrong}")

    def _expect_traceable(self, db: apsw.Connection, trader: LiveTrader) -> None:
        """Every order of ours at the broker is a row with its fills, or its symbol is locked."""
        rows = {str(i): (s, int(q)) for i, s, q in db.execute("SELECT order_id, state, filled_qty FROM orders")}
        fills = {str(i): int(q) for i, q in db.execute("SELECT order_id, sum(qty) FROM fills GROUP BY 1")}
        ours = self._ours()
        for order in self._orders():
            symbol = order.ticket.symbol
            if order.order_id not in ours or trader.ledger.holding(symbol).locks:
                continue
            name = str(order.order_id)
            if order.successor_id is None and name not in rows:
                self._violated("I12", f"order {name} of {symbol} ({order.status}) has no row")
            elif order.filled != fills.get(name, 0):
                self._violated("I12", f"order {name} filled {order.filled}, booked {fills.get(name, 0)}")
            elif (
                order.successor_id is None
                and order.status in TERMINAL
                and rows[name][0] in ("SENDING", "ACCEPTED", "WORKING", "UNKNOWN")
            ):
                self._violated("I12", f"order {name} is {order.status} at the broker and {rows[name][0]} here")


def _is_adopted(holding: Holding) -> bool:
    """Tell whether a person has said what is ours: then it is no longer the sum of all that our orders filled."""
    return holding.baseline is not None and not holding.baseline.is_first_contact


def _prices(levels: Any) -> list[float]:
    if not isinstance(levels, list):
        return []
    prices = [level.get("0") for level in levels if isinstance(level, dict)]
    return [price for price in prices if isinstance(price, (int, float)) and price > 0]
