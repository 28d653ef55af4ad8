"""Owns the streamer: who is logged in, which commands are legal when, when a link is ended.

Never lets a second connection of the one user live beside the first.
Comes from websocket texts, bursts and account activity, goes to the connections' outboxes.
"""

from collections.abc import Callable

from simschwab.core import frames
from simschwab.core.activity.scene import Activity, subscribed
from simschwab.core.board import Board
from simschwab.core.connection import Connection
from simschwab.core.events import StreamClosed, StreamIn, StreamOpened
from simschwab.core.feed import activity_frame, burst_frames, last_known
from simschwab.core.frames import Frame
from simschwab.core.ledger import Ledger
from simschwab.core.listing import BOOK_SERVICES, Service
from simschwab.core.market import Burst
from simschwab.core.protocol import Code, Command, StreamRequest, answer, read_requests
from simschwab.core.settings import Settings
from simschwab.core.subscriptions import Subscriptions
from simschwab.core.times import NS_PER_MS, NS_PER_S

_SUBSCRIBING = frozenset({Command.SUBS, Command.ADD, Command.UNSUBS, Command.VIEW})
# Texts as recorded or in the guide (schwab-api.md 1.1, 1.3, 1.4); the texts of 12, 20 and 21 are ours [?].
_DENIED = "Login Denied.: token is invalid or has expired."
_UNAVAILABLE = "Service not available or temporary down."
_EMPTY = "Stop streaming due to empty subscription"
_EVICTED = "Close connection: the user logged in elsewhere"


class Streamer:
    """Run all connections of the one user; at most one is logged in."""

    def __init__(
        self,
        settings: Settings,
        board: Board,
        ledger: Ledger,
        token_is_valid: Callable[[str, int], bool],
        customer_id: str,
    ) -> None:
        self._settings = settings
        self._board = board
        self._ledger = ledger
        self._token_is_valid = token_is_valid
        self._customer_id = customer_id
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
            Subscriptions(self._settings.stream_symbols_max),
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
            books = self._handle(connection, request, now_ns) or books
        return books

    def show(self, burst: Burst, now_ns: int) -> None:
        """Send a burst to everybody who subscribed to some of it."""
        for connection in self.connections:
            for frame in burst_frames(burst, connection.subscriptions, self._settings.books_per_frame):
                connection.put(frame, now_ns)

    def tell(self, messages: list[Activity], now_ns: int) -> None:
        """Send account activity to whoever subscribed to it; seq counts anew on each connection."""
        for connection in self.connections:
            if messages:
                self._tell(connection, messages, now_ns)

    def next_due_ns(self) -> int | None:
        """Give the time of the next login answer, heartbeat or idle stop."""
        # A closing connection waits only for its frames to be taken; nothing is due for it any more.
        return min((each.next_due_ns() for each in self.connections if not each.closing), default=None)

    def step(self, due_ns: int) -> None:
        """Do what is due at `due_ns`."""
        for connection in self.connections:
            if connection.login is not None and connection.login[0] <= due_ns and not connection.closing:
                self._answer_login(connection, connection.login[1], due_ns)
            if connection.idle_due_ns is not None and connection.idle_due_ns <= due_ns:
                connection.put(frames.notice(Code.STOP_STREAMING, _EMPTY, due_ns), due_ns)
            if connection.heartbeat_due_ns <= due_ns:
                connection.heartbeat_due_ns = due_ns + self._settings.heartbeat_s * NS_PER_S
                connection.put(frames.heartbeat(due_ns), due_ns)

    def _handle(self, connection: Connection, request: StreamRequest, now_ns: int) -> bool:
        match request.service, request.command:
            case "ADMIN", Command.LOGIN if connection.login is None and not connection.logged_in:
                connection.login = now_ns + self._settings.login_ms * NS_PER_MS, request
            case "ADMIN", Command.LOGOUT:
                connection.put(answer(request, Code.SUCCESS, "SUCCESS", now_ns, close=True), now_ns)
            case service, command if not service or command not in _SUBSCRIBING:
                self._reply(connection, request, Code.BAD_COMMAND_FORMAT, "Bad command format", now_ns)
            case _ if not connection.logged_in:
                text = "Stream connection not found"
                self._reply(connection, request, Code.STREAM_CONN_NOT_FOUND, text, now_ns)
            case service, _ if service not in list(Service):
                self._reply(connection, request, Code.SERVICE_NOT_AVAILABLE, _UNAVAILABLE, now_ns)
            case Service.ACCT_ACTIVITY, _:
                self._handle_activity(connection, request, now_ns)
            case _:
                return self._subscribe(connection, Service(request.service), request, now_ns)
        return False

    def _answer_login(self, connection: Connection, request: StreamRequest, now_ns: int) -> None:
        connection.login = None
        valid = self._token_is_valid(request.parameters.get("Authorization", ""), now_ns)
        if not valid or request.customer_id != self._customer_id:
            connection.put(answer(request, Code.LOGIN_DENIED, _DENIED, now_ns, close=True), now_ns)
            return
        # One connection a user: a second login ends the first (schwab-api.md 1.4, code 12).
        for other in self.connections:
            if other.logged_in and not other.closing:
                other.put(frames.notice(Code.CLOSE_CONNECTION, _EVICTED, now_ns), now_ns)
        connection.logged_in = True
        connection.idle_since_ns = now_ns
        self._reply(connection, request, Code.SUCCESS, "server=simschwab-1;status=NP", now_ns)

    def _handle_activity(self, connection: Connection, request: StreamRequest, now_ns: int) -> None:
        match request.command:
            case Command.SUBS:
                connection.activity_key = request.parameters.get("keys", "") or "Account Activity"
                connection.activity_seq = 0
                self._succeed(connection, request, now_ns)
                self._tell(connection, [subscribed()], now_ns)
            case Command.UNSUBS:
                connection.activity_key = None
                self._succeed(connection, request, now_ns)
            case _:
                # ADD is refused for this service (schwab-api.md 1.5); which code says so is an assumption [?].
                self._reply(connection, request, Code.FAILED_COMMAND_ADD, "ADD command failed", now_ns)
        connection.note_idle(now_ns)

    def _tell(self, connection: Connection, messages: list[Activity], now_ns: int) -> None:
        key, account = connection.activity_key, self._settings.account_number
        if key is not None:
            frame = activity_frame(messages, account, key, connection.activity_seq, now_ns)
            connection.activity_seq += len(messages)
            connection.put(frame, now_ns)

    def _subscribe(self, connection: Connection, service: Service, request: StreamRequest, now_ns: int) -> bool:
        change = connection.subscriptions.apply(service, request)
        if change.discarded:
            limit = f"({service}={self._settings.stream_symbols_max}, DISCARDED={change.discarded})"
            text = f"You've reached the maximum number of symbols allowed.  {limit}"
            self._reply(connection, request, Code.REACHED_SYMBOL_LIMIT, text, now_ns)
        else:
            self._succeed(connection, request, now_ns)
        for frame in last_known(self._board, service, change.shown, connection.subscriptions, now_ns):
            connection.put(frame, now_ns)
        connection.note_idle(now_ns)
        return service in BOOK_SERVICES and bool(change.shown)

    def _succeed(self, connection: Connection, request: StreamRequest, now_ns: int) -> None:
        self._reply(connection, request, Code.SUCCESS, f"{request.command} command succeeded", now_ns)

    def _reply(self, connection: Connection, request: StreamRequest, code: Code, text: str, now_ns: int) -> None:
        connection.put(answer(request, code, text, now_ns), now_ns)
