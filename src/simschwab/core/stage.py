"""Owns what faults in time may move: the one door from them to the market, broker and streamer.

Never decides when.
Comes from the exchange's parts, goes to faults in time.
"""

from collections.abc import Callable

from simschwab.core.board import Board
from simschwab.core.broker import Broker
from simschwab.core.listing import Service
from simschwab.core.market import Burst, Entries, FieldValue, Market, QuoteItem
from simschwab.core.streamer import Streamer
from simschwab.core.ticket import Ticket
from simschwab.core.times import NS_PER_MS

_STATUS = "32"


class Stage:
    """Let things happen at a moment."""

    def __init__(
        self,
        board: Board,
        broker: Broker,
        streamer: Streamer,
        market: Market,
        set_offset: Callable[[int], None],
    ) -> None:
        self._board = board
        self._broker = broker
        self._streamer = streamer
        self._market = market
        self.set_offset = set_offset

    def halt(self, symbol: str, now_ns: int) -> None:
        """Halt a symbol: level one says so, its book stands still, nothing of it is filled."""
        self._board.halted.add(symbol)
        self._tell_status(symbol, "Halted", now_ns)

    def resume(self, symbol: str, now_ns: int) -> None:
        """Resume a symbol; orders that waited meet the next book."""
        self._board.halted.discard(symbol)
        self._tell_status(symbol, "Normal", now_ns)

    def pace(self, factor: float) -> None:
        """Let the market run faster."""
        self._market.pace(factor)

    def hand_order(self, ticket: Ticket, tag: str, now_ns: int) -> None:
        """Enter an order of another app."""
        self._broker.submit(ticket, now_ns, tag)

    def close_streams(self, ws_code: int, now_ns: int) -> None:
        """Close every stream."""
        self._streamer.close_all(ws_code, now_ns)

    def notice(self, text: str, now_ns: int) -> None:
        """Tell a plain text on ACCT_ACTIVITY."""
        self._streamer.notice(text, now_ns)

    def evict(self, now_ns: int) -> None:
        """Let the user log in elsewhere."""
        self._streamer.evict(now_ns)

    def restrict(self, *, restricted: bool) -> None:
        """Let the account only close, or open again."""
        self._broker.restricted = restricted

    def _tell_status(self, symbol: str, status: str, now_ns: int) -> None:
        changes: dict[str, FieldValue] = {_STATUS: status, "34": now_ns // NS_PER_MS}
        quotes = (QuoteItem(symbol, changes),)
        burst = Burst((Entries(Service.LEVELONE_EQUITIES, now_ns // NS_PER_MS, quotes=quotes),))
        self._board.show(burst)
        self._streamer.show(burst, now_ns)
