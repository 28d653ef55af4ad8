"""Owns the whole simulator as plain calls: requests, connections and time in, answers and frames out.

Never calls a clock: everything due up to a given moment is done in the order it is due.
Comes from the server or a test in virtual time, goes back to it.
"""

from uuid import UUID

from simschwab.core.answers import Request, Response
from simschwab.core.board import Board
from simschwab.core.broker import Broker
from simschwab.core.dice import dice
from simschwab.core.events import FrameOut, RequestIn, ResponseOut
from simschwab.core.frames import Frame
from simschwab.core.identity import identity_of
from simschwab.core.ledger import Ledger
from simschwab.core.market import Market
from simschwab.core.oauth import OAuth
from simschwab.core.prices import dollars
from simschwab.core.rest import Rest
from simschwab.core.settings import Settings
from simschwab.core.streamer import Streamer


class Exchange:
    """Join market, broker, streamer and REST under one time; times must never go back."""

    def __init__(self, settings: Settings, market: Market, ledger: Ledger, now_ns: int) -> None:
        self.settings = settings
        self.market = market
        self.ledger = ledger
        self.identity = identity_of(settings)
        self.oauth = OAuth(settings)
        self.board = Board(market.listings)
        self.broker = Broker(settings, self.board, ledger)
        self.streamer = Streamer(settings, self.board, ledger, self.oauth.is_valid, self.identity.customer_id)
        self._rest = Rest(settings, self.identity, self.board, self.broker, self.oauth)
        self._rng = dice(settings.seed, "http")
        self.begun = False
        """Whether the market was begun by a first book subscription."""
        for burst in market.opening(now_ns):
            self.board.open(burst)

    def http(self, request: Request, now_ns: int) -> Response:
        """Answer an HTTP request."""
        self.advance(now_ns)
        event = self._request_in(request)
        self._rest.desk.placed = None
        response = self._rest.answer(request, now_ns)
        placed = self._rest.desk.placed
        if placed is not None:
            limit_e4 = placed.ticket.limit_e4
            event.order_id = placed.order_id
            event.symbol = placed.ticket.symbol
            event.instruction = placed.ticket.instruction
            event.quantity = placed.ticket.quantity
            event.price = None if limit_e4 is None else dollars(limit_e4)
        response.headers["Schwab-Client-CorrelId"] = str(UUID(int=self._rng.getrandbits(128), version=4))
        self.ledger.add(ResponseOut(*self.ledger.stamp(), request_seq=event.seq, status=response.status))
        return response

    def stream_open(self, now_ns: int) -> int:
        """Take a new websocket; gives the connection's number."""
        self.advance(now_ns)
        return self.streamer.open(now_ns)

    def stream_receive(self, connection: int, text: str, now_ns: int) -> None:
        """Take a websocket text."""
        self.advance(now_ns)
        if self.streamer.receive(connection, text, now_ns) and not self.begun:
            self.begun = True
            self.market.begin(now_ns)
        self.advance(now_ns)

    def stream_lost(self, connection: int) -> None:
        """Forget a websocket whose client has gone."""
        self.streamer.lost(connection)

    def take_frames(self, connection: int) -> list[Frame]:
        """Give the frames waiting for a connection; after one with a close code the link must be closed."""
        return self.streamer.take_frames(connection)

    def frame_out(self, connection: int, frame: Frame) -> None:
        """Record a frame; to be called immediately before it is written."""
        self.ledger.add(
            FrameOut(
                *self.ledger.stamp(),
                connection=connection,
                frame=frame.kind,
                bytes=len(frame.payload),
                books=frame.books,
            )
        )

    def advance(self, now_ns: int) -> None:
        """Do everything due up to `now_ns`, in order of time."""
        while (due_ns := self.next_due_ns()) is not None and due_ns <= now_ns:
            if self.market.next_due_ns() == due_ns:
                self._show(due_ns)
            self.broker.step(due_ns)
            self.streamer.step(due_ns)
            self.streamer.tell(self.broker.take_activity(), due_ns)

    def next_due_ns(self) -> int | None:
        """Give when something is due next; None when only a call can change anything."""
        dues = (self.market.next_due_ns(), self.broker.next_due_ns(), self.streamer.next_due_ns())
        return min((due for due in dues if due is not None), default=None)

    def _show(self, due_ns: int) -> None:
        for burst in self.market.step(due_ns):
            refreshed = self.board.show(burst)
            self.streamer.show(burst, due_ns)
            for symbol in refreshed:
                self.broker.rematch(symbol, due_ns)

    def _request_in(self, request: Request) -> RequestIn:
        seq, mono_ns, wall_ns = self.ledger.stamp()
        entry_ns = mono_ns if request.entry_mono_ns is None else request.entry_mono_ns
        event = RequestIn(seq, entry_ns, wall_ns, method=request.method, path=request.path)
        self.ledger.add(event)
        return event
