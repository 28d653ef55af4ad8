"""Owns the whole simulator as plain calls: requests, connections and time in, answers and frames out.

Never calls a clock: everything due up to a given moment is done in the order it is due.
Comes from the server or a test in virtual time, goes back to it.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from simschwab.core.answers import Request, Response
from simschwab.core.board import Board
from simschwab.core.broker import Broker
from simschwab.core.dice import dice
from simschwab.core.events import ClockSet, FrameOut, RequestIn, ResponseOut
from simschwab.core.faults.commands import CommandFaults
from simschwab.core.faults.fault import Fault
from simschwab.core.faults.frames import FrameFaults
from simschwab.core.faults.link import Link
from simschwab.core.faults.moments import Moments
from simschwab.core.faults.place import Place
from simschwab.core.faults.plan import Hit, Plan
from simschwab.core.faults.requests import RequestFaults, unanswered, with_delay
from simschwab.core.frames import Frame
from simschwab.core.identity import identity_of
from simschwab.core.ledger import Ledger
from simschwab.core.market import Market
from simschwab.core.oauth import OAuth
from simschwab.core.prices import dollars
from simschwab.core.rest import Rest
from simschwab.core.routes import Route, route_of
from simschwab.core.settings import Settings
from simschwab.core.stage import Stage
from simschwab.core.streamer import Streamer
from simschwab.core.terms import Terms
from simschwab.core.times import NS_PER_MS, http_date


class Exchange:
    """Join market, broker, streamer, REST and faults under one time; the times it is given must never go back.

    Callers speak in the machine's time; inside all is the simulator's, which is `offset_ns` ahead of it.
    """

    def __init__(self, settings: Settings, market: Market, ledger: Ledger, now_ns: int) -> None:
        self.settings = settings
        self.market = market
        self.ledger = ledger
        self.identity = identity_of(settings)
        self.offset_ns = 0
        self.oauth = OAuth(settings)
        self.board = Board(market.listings)
        self.plan = Plan(settings.seed, ledger)
        self._link = Link()
        self._terms = Terms(settings)
        self.broker = Broker(settings, self.board, ledger, self.plan)
        self.streamer = Streamer(
            settings,
            self.board,
            ledger,
            token_is_valid=self.oauth.is_valid,
            customer_id=self.identity.customer_id,
            frame_faults=FrameFaults(self.plan, dice(settings.seed, "faults", "frames")),
            command_faults=CommandFaults(self.plan, dice(settings.seed, "faults", "commands")),
            link=self._link,
        )
        stage = Stage(self.board, self.broker, self.streamer, market, self.set_offset)
        self._moments = Moments(
            self.plan, stage, link=self._link, oauth=self.oauth, account=self.broker.account, ledger=ledger
        )
        self._rest = Rest(settings, self.identity, self.board, self.broker, self.oauth)
        self._request_faults = RequestFaults(dice(settings.seed, "faults", "requests"))
        self._rng = dice(settings.seed, "http")
        self.begun = False
        """Whether the market was begun by a first book subscription."""
        for burst in market.opening(now_ns):
            self.board.open(self._terms.applied(burst, frozenset()))
        self.board.take_trades()

    def http(self, request: Request, now_ns: int) -> Response:
        """Answer an HTTP request; one that another app's `tag` comes with is placed for it."""
        self.advance(now_ns)
        sim_ns = now_ns + self.offset_ns
        event = self._request_in(request)
        if self._link.is_parted(sim_ns):
            return unanswered(self._link.parted_ns(sim_ns))
        route = route_of(request.method, request.path)
        hits = self._hits(route, request, event.seq, sim_ns)
        orders = self.broker.orders
        last_order_id = next(reversed(orders), None)
        answer = self._request_faults.early(hits, request.path)
        if answer is None:
            answer = self._answer(route, request, event, sim_ns)
            answer = self._request_faults.late(hits, answer, request.path, last_order_id)
        answer = with_delay(answer, self._request_faults.delays(hits))
        return self._sent(answer, event, sim_ns)

    def hand_order(self, body: bytes, tag: str, now_ns: int) -> Response:
        """Enter an order of another app, as a person would by hand; answered like a placed order."""
        self.advance(now_ns)
        return self._rest.desk.place(body, now_ns + self.offset_ns, tag)

    def add_faults(self, faults: Sequence[Fault], now_ns: int) -> list[int]:
        """Put faults in force from now on; gives their numbers."""
        numbers = self.plan.add(faults, now_ns + self.offset_ns)
        self.advance(now_ns)
        return numbers

    def fault_rows(self, now_ns: int) -> list[dict[str, object]]:
        """Give the faults in force, each as a scenario writes it, with how often it struck."""
        sim_ns = now_ns + self.offset_ns
        return [
            {
                "number": each.number,
                **each.fault.as_words(),
                "seen": each.seen,
                "hits": each.hits,
                "open": each.is_open(sim_ns),
            }
            for each in self.plan.active
        ]

    def set_clock(self, offset_ms: int, now_ns: int) -> None:
        """Set how far the simulator's clock is ahead of the machine's; what the new time brings happens now."""
        self.advance(now_ns)
        self.set_offset(offset_ms * NS_PER_MS)
        self.advance(now_ns)

    def set_offset(self, offset_ns: int) -> None:
        """Move everything that waits by the change of the clock, but what the calendar or a token's life decides."""
        delta_ns = offset_ns - self.offset_ns
        self.offset_ns = offset_ns
        for part in (self.market, self.broker, self.streamer, self.plan, self._moments, self._link):
            part.shift(delta_ns)
        self.ledger.add(ClockSet(*self.ledger.stamp(), offset_ms=offset_ns // NS_PER_MS))

    def connect(self, now_ns: int) -> Response | None:
        """Judge a websocket's handshake; None when it may be opened."""
        self.advance(now_ns)
        sim_ns = now_ns + self.offset_ns
        if self._link.is_parted(sim_ns):
            return unanswered(self._link.parted_ns(sim_ns))
        hits = self.plan.strike(Place.CONNECT, sim_ns, subject="handshake")
        return self._request_faults.early(hits, "/ws") or (
            self._request_faults.late(hits, Response(503, {}), "/ws", None) if hits else None
        )

    def stream_open(self, now_ns: int) -> int:
        """Take a new websocket; gives the connection's number."""
        self.advance(now_ns)
        return self.streamer.open(now_ns + self.offset_ns)

    def stream_receive(self, connection: int, text: str, now_ns: int) -> None:
        """Take a websocket text."""
        self.advance(now_ns)
        sim_ns = now_ns + self.offset_ns
        if self.streamer.receive(connection, text, sim_ns) and not self.begun:
            self.begun = True
            self.market.begin(sim_ns)
        self.advance(now_ns)

    def read_pause_ns(self, now_ns: int) -> int:
        """Give how long a server should wait before it reads the next message of a stream."""
        return self._link.read_pause_ns(now_ns + self.offset_ns)

    def stream_lost(self, connection: int) -> None:
        """Forget a websocket whose client has gone."""
        self.streamer.lost(connection)

    def take_frames(self, connection: int) -> list[Frame]:
        """Give the frames waiting for a connection; after one with a close code the link must be closed."""
        return self.streamer.take_frames(connection)

    def frame_out(self, connection: int, frame: Frame) -> None:
        """Record a frame; to be called immediately before it is written."""
        if frame.is_close:
            return
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
            # What the calendar decides can be due in the past, after the clock was set.
            sim_ns = due_ns + self.offset_ns
            self._moments.step(sim_ns)
            sim_ns = due_ns + self.offset_ns
            if self.market.next_due_ns() == sim_ns:
                self._show(sim_ns)
            self.broker.step(sim_ns)
            self.streamer.step(sim_ns)
            self.streamer.tell(self.broker.chronicle.take(), sim_ns)

    def next_due_ns(self) -> int | None:
        """Give when something is due next; None when only a call can change anything."""
        parts = (self.market, self.broker, self.streamer, self._moments)
        dues = [due_ns for part in parts if (due_ns := part.next_due_ns()) is not None]
        return min(dues) - self.offset_ns if dues else None

    def _show(self, due_ns: int) -> None:
        for burst in self.market.step(due_ns):
            seen = self._terms.applied(burst, self.board.halted)
            refreshed = self.board.show(seen)
            self.streamer.show(seen, due_ns)
            for trade in self.board.take_trades():
                self.broker.floor.traded(trade, due_ns)
            for symbol in refreshed:
                self.broker.floor.rematch(symbol, due_ns)

    def _hits(self, route: Route | None, request: Request, seq: int, now_ns: int) -> list[Hit]:
        if not self.plan.active:
            return []
        symbols = frozenset[str]() if route is None else self._rest.desk.symbol_of(route.id_text, request.body)
        place = Place.REQUEST if route is None else route.place
        return self.plan.strike(place, now_ns, symbols=symbols, subject=f"request {seq}")

    def _answer(self, route: Route | None, request: Request, event: RequestIn, now_ns: int) -> Response:
        self._rest.desk.placed = None
        answer = self._rest.answer(route, request, now_ns)
        placed = self._rest.desk.placed
        if placed is not None:
            limit_e4 = placed.ticket.limit_e4
            event.order_id = placed.order_id
            event.symbol = placed.ticket.symbol
            event.instruction = placed.ticket.instruction
            event.quantity = placed.ticket.quantity
            event.price = None if limit_e4 is None else dollars(limit_e4)
        return answer

    def _sent(self, answer: Response, event: RequestIn, now_ns: int) -> Response:
        # The correlation id is drawn for every request, so that a fault does not change the ids after it.
        correl_id = str(UUID(int=self._rng.getrandbits(128), version=4))
        headers = {**answer.headers, "Schwab-Client-CorrelId": correl_id}
        if self.offset_ns:
            headers["Date"] = http_date(now_ns)
        if not answer.wire.lost:
            self.ledger.add(ResponseOut(*self.ledger.stamp(), request_seq=event.seq, status=answer.status))
        return replace(answer, headers=headers)

    def _request_in(self, request: Request) -> RequestIn:
        seq, mono_ns, wall_ns = self.ledger.stamp()
        entry_ns = mono_ns if request.entry_mono_ns is None else request.entry_mono_ns
        event = RequestIn(seq, entry_ns, wall_ns, method=request.method, path=request.path)
        self.ledger.add(event)
        return event
