"""Owns the streamer: who is logged in, which commands are legal when, when a link is ended.

Never lets a second connection of the one user live beside the first.
Comes from websocket texts, bursts and account activity, goes to the connections' outboxes.
"""

from collections.abc import Callable

from simschwab.core import frames
from simschwab.core.activity.scene import Activity
from simschwab.core.activity_feed import NOTICE, ActivityFeed
from simschwab.core.board import Board
from simschwab.core.choices import NoLevelTwo, SecondLogin, SuccessCode
from simschwab.core.connection import Connection
from simschwab.core.events import StreamClosed, StreamIn, StreamOpened
from simschwab.core.faults.commands import CommandFaults
from simschwab.core.faults.frames import FrameFaults
from simschwab.core.faults.link import Link
from simschwab.core.feed import burst_frames, last_known
from simschwab.core.frames import Frame
from simschwab.core.ledger import Ledger
from simschwab.core.listing import BOOK_SERVICES, Service
from simschwab.core.market import Burst
from simschwab.core.protocol import SEVERING, TEXTS, Code, Command, StreamRequest, answer, read_requests
from simschwab.core.settings import Settings
from simschwab.core.subscriptions import Change, Subscriptions
from simschwab.core.times import NS_PER_MS, NS_PER_S

_SUBSCRIBING = {
    Command.SUBS: Code.SUCCEEDED_COMMAND_SUBS,
    Command.ADD: Code.SUCCEEDED_COMMAND_ADD,
    Command.UNSUBS: Code.SUCCEEDED_COMMAND_UNSUBS,
    Command.VIEW: Code.SUCCEEDED_COMMAND_VIEW,
}


class Streamer:
    """Run all connections of the one user; at most one is logged in."""

    def __init__(
        self,
        settings: Settings,
        board: Board,
        ledger: Ledger,
        *,
        token_is_valid: Callable[[str, int], bool],
        customer_id: str,
        frame_faults: FrameFaults,
        command_faults: CommandFaults,
        link: Link,
    ) -> None:
        self._settings = settings
        self._board = board
        self._ledger = ledger
        self._token_is_valid = token_is_valid
        self._customer_id = customer_id
        self._frame_faults = frame_faults
        self._command_faults = command_faults
        self._link = link
        self._activity = ActivityFeed(settings)
        self._connections: dict[int, Connection] = {}
        self._opened = 0

    @property
    def connections(self) -> tuple[Connection, ...]:
        """The open connections."""
        return tuple(self._connections.values())

    def open(self, now_ns: int) -> int:
        """Take a new connection; gives its number."""
        self._opened += 1
        self._connections[self._opened] = Connection(
            self._opened,
            Subscriptions(self._settings.stream_symbols_max, self._settings.stream_book_symbols_max),
            backlog_max=self._settings.stream_backlog_max,
            idle_stop_ns=self._settings.idle_stream_s * NS_PER_S,
            heartbeat_due_ns=now_ns + self._settings.heartbeat_s * NS_PER_S,
            idle_since_ns=now_ns,
        )
        self._ledger.add(StreamOpened(*self._ledger.stamp(), connection=self._opened))
        return self._opened

    def lost(self, number: int) -> None:
        """Forget a connection whose client has gone or whose last frame was taken."""
        connection = self._connections.pop(number, None)
        if connection is not None:
            event = StreamClosed(*self._ledger.stamp(), connection=number, code=connection.close_code or 0)
            self._ledger.add(event)

    def take_frames(self, number: int) -> list[Frame]:
        """Give the frames waiting for a connection; one with a close code is its last."""
        connection = self._connections.get(number)
        if connection is None:
            return []
        taken = list(connection.outbox)
        connection.outbox.clear()
        if connection.closing:
            self.lost(number)
        return taken

    def receive(self, number: int, text: str, now_ns: int) -> bool:
        """Take a client's message; True when it subscribed to a book."""
        if self._link.is_silent(now_ns):
            return False
        books = False
        for request in read_requests(text):
            connection = self._connections.get(number)
            if connection is None or connection.closing:
                break
            event = StreamIn(
                *self._ledger.stamp(),
                connection=number,
                service=request.service,
                command=request.command,
                keys=len(request.keys),
            )
            self._ledger.add(event)
            verdict = self._command_faults.verdict(number, request, now_ns)
            if verdict.frame is not None:
                self._send(connection, verdict.frame, now_ns)
            if verdict.served:
                books = self._handle(connection, verdict.request, now_ns, quiet=verdict.frame is not None) or books
        return books

    def show(self, burst: Burst, now_ns: int) -> None:
        """Send a burst to everybody who subscribed to some of it."""
        for connection in self.connections:
            for frame in burst_frames(burst, connection.subscriptions, self._settings.books_per_frame):
                self._send(connection, frame, now_ns)

    def tell(self, messages: list[Activity], now_ns: int) -> None:
        """Send account activity to whoever subscribed to it; seq counts anew on each connection."""
        for connection in self.connections:
            self._send_all(connection, self._activity.frames(connection, messages, now_ns), now_ns)

    def notice(self, text: str, now_ns: int) -> None:
        """Tell a plain text on ACCT_ACTIVITY."""
        for connection in self.connections:
            self._send_all(connection, self._activity.notice(connection, text, now_ns), now_ns)

    def close_all(self, ws_code: int, now_ns: int) -> None:
        """Close every connection with a websocket code."""
        for connection in self.connections:
            connection.put(frames.closing(ws_code), now_ns)

    def evict(self, now_ns: int) -> None:
        """End who is logged in, because the user logged in elsewhere."""
        for connection in self.connections:
            if connection.logged_in and not connection.closing:
                text = TEXTS[Code.CLOSE_CONNECTION]
                self._send(connection, frames.notice(Code.CLOSE_CONNECTION, text, now_ns), now_ns)

    def shift(self, delta_ns: int) -> None:
        """Move every timer, when the clock is set."""
        self._frame_faults.shift(delta_ns)
        self._command_faults.shift(delta_ns)
        for connection in self.connections:
            connection.shift(delta_ns)

    def next_due_ns(self) -> int | None:
        """Give the time of the next login answer, heartbeat, idle stop, notice or delayed frame or command."""
        # A closing connection waits only for its frames to be taken; nothing is due for it any more.
        dues: list[int | None] = [each.next_due_ns() for each in self.connections if not each.closing]
        dues += [self._frame_faults.next_due_ns(), self._command_faults.next_due_ns()]
        return min((due_ns for due_ns in dues if due_ns is not None), default=None)

    def step(self, due_ns: int) -> None:
        """Do what is due at `due_ns`."""
        for sent in self._frame_faults.take_due(due_ns):
            late = self._connections.get(sent.connection)
            if late is not None:
                late.put(sent.frame, due_ns)
        for number, request in self._command_faults.take_due(due_ns):
            waiting = self._connections.get(number)
            if waiting is not None and not waiting.closing:
                self._handle(waiting, request, due_ns)
        for connection in self.connections:
            if connection.login is not None and connection.login[0] <= due_ns and not connection.closing:
                self._answer_login(connection, connection.login[1], due_ns)
            if connection.idle_due_ns is not None and connection.idle_due_ns <= due_ns:
                text = TEXTS[Code.STOP_STREAMING]
                self._send(connection, frames.notice(Code.STOP_STREAMING, text, due_ns), due_ns)
            if connection.heartbeat_due_ns <= due_ns:
                connection.heartbeat_due_ns = due_ns + self._settings.heartbeat_s * NS_PER_S
                self._send(connection, frames.heartbeat(due_ns), due_ns)
            if connection.notice_due_ns is not None and connection.notice_due_ns <= due_ns:
                self._send_all(connection, self._activity.notice(connection, NOTICE, due_ns), due_ns)

    def _handle(self, connection: Connection, request: StreamRequest, now_ns: int, *, quiet: bool = False) -> bool:
        """Carry out a command; `quiet`: a fault has answered it already. True when it subscribed to a book."""
        match request.service, request.command:
            case "ADMIN", Command.LOGIN if connection.login is None and not connection.logged_in:
                connection.login = now_ns + self._settings.login_ms * NS_PER_MS, request
            case "ADMIN", Command.LOGOUT:
                self._send(connection, answer(request, Code.SUCCESS, "SUCCESS", now_ns, close=True), now_ns)
            case service, command if not service or command not in list(_SUBSCRIBING):
                self._refuse(connection, request, Code.BAD_COMMAND_FORMAT, now_ns)
            case _ if not connection.logged_in:
                self._refuse(connection, request, Code.STREAM_CONN_NOT_FOUND, now_ns)
            case service, _ if service not in list(Service) or self._is_barred(service):
                self._refuse(connection, request, Code.SERVICE_NOT_AVAILABLE, now_ns)
            case Service.ACCT_ACTIVITY, _:
                self._handle_activity(connection, request, now_ns, quiet=quiet)
            case _:
                return self._subscribe(connection, Service(request.service), request, now_ns, quiet=quiet)
        return False

    def _answer_login(self, connection: Connection, request: StreamRequest, now_ns: int) -> None:
        connection.login = None
        valid = self._token_is_valid(request.parameters.get("Authorization", ""), now_ns)
        if not valid or request.customer_id != self._customer_id:
            self._refuse(connection, request, Code.LOGIN_DENIED, now_ns)
            return
        taken = any(other.logged_in and not other.closing for other in self.connections)
        if taken and self._settings.second_login is SecondLogin.DENIED:
            self._refuse(connection, request, Code.CLOSE_CONNECTION, now_ns)
            return
        # One connection a user: a second login ends the first (schwab-api.md 1.4, code 12).
        self.evict(now_ns)
        connection.logged_in = True
        connection.idle_since_ns = now_ns
        self._send(connection, answer(request, Code.SUCCESS, "server=simschwab-1;status=NP", now_ns), now_ns)

    def _handle_activity(self, connection: Connection, request: StreamRequest, now_ns: int, *, quiet: bool) -> None:
        match request.command:
            case Command.SUBS:
                self._succeed(connection, request, now_ns, quiet=quiet)
                key = request.parameters.get("keys", "") or "Account Activity"
                self._send_all(connection, self._activity.begin(connection, key, now_ns), now_ns)
            case Command.UNSUBS:
                self._activity.end(connection)
                self._succeed(connection, request, now_ns, quiet=quiet)
            case _:
                # ADD is refused for this service (schwab-api.md 1.5); which code says so is an assumption [?].
                self._refuse(connection, request, Code.FAILED_COMMAND_ADD, now_ns)
        connection.note_idle(now_ns)

    def _subscribe(
        self, connection: Connection, service: Service, request: StreamRequest, now_ns: int, *, quiet: bool
    ) -> bool:
        change = connection.subscriptions.apply(service, request)
        if change.discarded:
            limit = f"({service}={connection.subscriptions.limit(service)}, DISCARDED={change.discarded})"
            text = f"{TEXTS[Code.REACHED_SYMBOL_LIMIT]}  {limit}"
            self._send(connection, answer(request, Code.REACHED_SYMBOL_LIMIT, text, now_ns), now_ns)
        else:
            self._succeed(connection, request, now_ns, quiet=quiet)
        connection.note_idle(now_ns)
        books = service in BOOK_SERVICES
        if books and not self._settings.level2:
            connection.subscriptions.silence(service)
            change = Change()
        known = last_known(self._board, service, change.shown, connection.subscriptions, now_ns)
        self._send_all(connection, known, now_ns)
        return books and bool(change.shown)

    def _is_barred(self, service: str) -> bool:
        barred = not self._settings.level2 and self._settings.level2_off is NoLevelTwo.UNAVAILABLE
        return barred and service in BOOK_SERVICES

    def _succeed(self, connection: Connection, request: StreamRequest, now_ns: int, *, quiet: bool = False) -> None:
        zero = self._settings.success_code is SuccessCode.ZERO
        code = Code.SUCCESS if zero else _SUBSCRIBING[Command(request.command)]
        if not quiet:
            self._send(connection, answer(request, code, f"{request.command} command succeeded", now_ns), now_ns)

    def _refuse(self, connection: Connection, request: StreamRequest, code: Code, now_ns: int) -> None:
        self._send(connection, answer(request, code, TEXTS[code], now_ns, close=code in SEVERING), now_ns)

    def _send_all(self, connection: Connection, sent: list[Frame], now_ns: int) -> None:
        for frame in sent:
            self._send(connection, frame, now_ns)

    def _send(self, connection: Connection, frame: Frame, now_ns: int) -> None:
        """Put a frame in the outbox as the faults let it through; an end of the link takes effect in any case."""
        passed = [] if self._link.is_silent(now_ns) else self._frame_faults.passed(connection.number, frame, now_ns)
        if frame.close_code is not None and all(each.close_code is None for each in passed):
            passed = [*passed, frames.closing(frames.ABNORMAL)]
        for each in passed:
            connection.put(each, now_ns)
