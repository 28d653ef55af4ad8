"""Owns the frames that have arrived and are not judged: each at once while judging keeps pace, else conflated.

Never holds a frame back without a backlog, and never drops one: its taker skips the books that are superseded.
Comes from the socket's callbacks; goes to `connection` frame by frame.

Judging and reading share one thread, so a backlog grows where nobody sees it: in the kernel. Only after frames have
come without a pause for a while is the kernel asked what more it holds; then all of that is read first, and judged.
"""

import fcntl
import socket
import struct
import termios
from collections.abc import Callable

import msgspec
import picows

from leadline.core.conflation import NOTHING, Contents, Part, conflate
from leadline.schwab.wire import BOOK_SERVICES, LEVEL_ONE

PAUSE_NS = 5_000_000
"""Frames that come so long after the last judgement have not waited for it."""

TCP_CLOSE = 7
"""The first byte of Linux's `tcp_info` for a connection that is over."""

DRAIN_NS = 100_000_000
WAITING_BYTES_MAX = 16 * 1024 * 1024
"""Limits of one drain: past either, what has been read is judged; the rest waits in the kernel and at the broker."""


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """One frame as received: its number on this process's tape, its bytes, UTC and the boot clock."""

    seq: int
    frame: bytes
    recv_ns: int
    boot_ns: int


class _Keyed(msgspec.Struct):
    key: str


class _Block(msgspec.Struct):
    service: str
    content: list[_Keyed]


class _Envelope(msgspec.Struct):
    data: list[_Block] = []
    response: list[msgspec.Raw] = []
    notify: list[msgspec.Raw] = []


_envelope = msgspec.json.Decoder(_Envelope)


def contents_of(frame: bytes) -> Contents:
    """Read whose books a frame holds, and no more; what cannot be read so is neither superseded nor supersedes."""
    if not frame.isascii():
        return Contents()
    try:
        envelope = _envelope.decode(frame)
    except (msgspec.DecodeError, RecursionError):
        return Contents()
    services = {block.service for block in envelope.data}
    books = frozenset(
        (block.service, item.key) for block in envelope.data if block.service in BOOK_SERVICES for item in block.content
    )
    has_any = bool(envelope.data or envelope.response or envelope.notify)
    return Contents(books, is_urgent=has_any and not services & {*BOOK_SERVICES, LEVEL_ONE})


def kernel_bytes_of(transport: picows.WSTransport) -> int:
    """Ask how many bytes the kernel holds that nobody has read; 0 where it cannot say."""
    sock = transport.underlying_transport.get_extra_info("socket")
    if sock is None:
        return 0
    try:
        answer = fcntl.ioctl(sock.fileno(), termios.FIONREAD, bytes(4))
    except (OSError, ValueError):  # the socket is closed already
        return 0
    count: int = struct.unpack("i", answer)[0]
    return count


def is_closed_in_kernel(transport: picows.WSTransport) -> bool:
    """Tell whether TCP itself has closed the connection; False where the system cannot say (tcp(7), TCP_INFO)."""
    sock = transport.underlying_transport.get_extra_info("socket")
    if sock is None or not hasattr(socket, "TCP_INFO"):
        return False
    try:
        state: int = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    except OSError:  # it is being closed here already, which is told another way
        return False
    return state == TCP_CLOSE


class Backlog:
    """Hand on what has arrived, in order, once per read."""

    def __init__(
        self,
        take: Callable[[Arrival, frozenset[Part]], None],
        *,
        boot_ns: Callable[[], int],
        kernel_bytes: Callable[[], int],
        call_soon: Callable[[Callable[[], None]], object],
        behind_ns: int,
    ) -> None:
        self._take = take
        self._boot_ns = boot_ns
        self._kernel_bytes = kernel_bytes
        self._call_soon = call_soon
        self._behind_ns = behind_ns
        self._waiting: list[Arrival] = []
        self._waiting_bytes = 0
        self._busy_since_ns = self._judged_ns = 0
        self._drain_since_ns: int | None = None

    def add(self, arrival: Arrival) -> None:
        """Take one frame; `turn` follows when the read that brought it is over."""
        if not self._waiting and arrival.boot_ns - self._judged_ns > PAUSE_NS:
            self._busy_since_ns = arrival.boot_ns
        self._waiting.append(arrival)
        self._waiting_bytes += len(arrival.frame)

    def turn(self) -> None:
        """Judge what has arrived; when behind, first let the socket be read empty."""
        if self._drain_since_ns is not None:
            return
        now_ns = self._boot_ns()
        if now_ns - self._busy_since_ns >= self._behind_ns and self._kernel_bytes() > 0:
            self._drain_since_ns = now_ns
            self._call_soon(self._drain)
        else:
            self.flush()

    def _drain(self) -> None:
        """Go on while reading brings more; the loop reads between two calls."""
        if self._drain_since_ns is None:
            return
        is_over = self._boot_ns() - self._drain_since_ns >= DRAIN_NS or self._waiting_bytes >= WAITING_BYTES_MAX
        if is_over or self._kernel_bytes() == 0:
            self.flush()
        else:
            self._call_soon(self._drain)

    def flush(self) -> None:
        """Judge everything that waits, now."""
        is_behind = self._drain_since_ns is not None
        self._drain_since_ns = None
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        for place, arrival in enumerate(waiting):
            is_behind = is_behind or (place > 0 and self._boot_ns() - arrival.boot_ns >= self._behind_ns)
            if is_behind:
                self._judge_newest(waiting[place:])
                break
            self._take(arrival, NOTHING)
        self._judged_ns = self._boot_ns()

    def _judge_newest(self, waiting: list[Arrival]) -> None:
        for turn in conflate([contents_of(arrival.frame) for arrival in waiting]):
            self._take(waiting[turn.place], turn.superseded)
