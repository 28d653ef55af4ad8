"""Owns the kinds of ledger events and their fields.

Never holds a token or a key.
Comes from every part of the core, goes to the ledger and out of /sim/ledger as JSON.
"""

import msgspec


class BookRef(msgspec.Struct, frozen=True, gc=False):
    """Name a book inside a frame."""

    symbol: str
    service: str
    book_ms: int


class FrameOut(msgspec.Struct, frozen=True, tag_field="kind", tag="frame_out"):
    """A frame, stamped just before it is written to the socket."""

    seq: int
    mono_ns: int
    wall_ns: int
    connection: int
    frame: str
    bytes: int
    books: tuple[BookRef, ...]


class RequestIn(msgspec.Struct, tag_field="kind", tag="request_in"):
    """A request; `mono_ns` is at handler entry, the order's fields are completed while it is answered."""

    seq: int
    mono_ns: int
    wall_ns: int
    method: str
    path: str
    order_id: int | None = None
    symbol: str | None = None
    instruction: str | None = None
    quantity: int | None = None
    price: int | float | None = None


class ResponseOut(msgspec.Struct, frozen=True, tag_field="kind", tag="response_out"):
    """The answer to the request with seq `request_seq`."""

    seq: int
    mono_ns: int
    wall_ns: int
    request_seq: int
    status: int


class OrderState(msgspec.Struct, frozen=True, tag_field="kind", tag="order_state"):
    """A new status of an order."""

    seq: int
    mono_ns: int
    wall_ns: int
    order_id: int
    symbol: str
    status: str


class Filled(msgspec.Struct, frozen=True, tag_field="kind", tag="fill"):
    """An execution; `cumulative` counts the order's shares so far, price is in dollars."""

    seq: int
    mono_ns: int
    wall_ns: int
    order_id: int
    symbol: str
    instruction: str
    quantity: int
    price: int | float
    cumulative: int


class StreamIn(msgspec.Struct, frozen=True, tag_field="kind", tag="stream_in"):
    """A streamer request; a frame that cannot be read has service and command empty."""

    seq: int
    mono_ns: int
    wall_ns: int
    connection: int
    service: str
    command: str
    keys: int


class StreamOpened(msgspec.Struct, frozen=True, tag_field="kind", tag="stream_opened"):
    """A websocket connection came."""

    seq: int
    mono_ns: int
    wall_ns: int
    connection: int


class StreamClosed(msgspec.Struct, frozen=True, tag_field="kind", tag="stream_closed"):
    """A websocket connection ended; `code` is the streamer's reason, 0 when the client went."""

    seq: int
    mono_ns: int
    wall_ns: int
    connection: int
    code: int


class FaultStruck(msgspec.Struct, frozen=True, tag_field="kind", tag="fault"):
    """A fault on command struck; `fault` is its number, `subject` what it struck (request, order, connection)."""

    seq: int
    mono_ns: int
    wall_ns: int
    fault: int
    on: str
    effect: str
    symbol: str | None
    subject: str


class ClockSet(msgspec.Struct, frozen=True, tag_field="kind", tag="clock_set"):
    """The simulator's clock was set; from now on it is `offset_ms` ahead of the machine's."""

    seq: int
    mono_ns: int
    wall_ns: int
    offset_ms: int


class Adjusted(msgspec.Struct, frozen=True, tag_field="kind", tag="adjusted"):
    """A position changed by `shares` without an order."""

    seq: int
    mono_ns: int
    wall_ns: int
    symbol: str
    shares: int
    price: int | float


Event = (
    FrameOut
    | RequestIn
    | ResponseOut
    | OrderState
    | Filled
    | StreamIn
    | StreamOpened
    | StreamClosed
    | FaultStruck
    | ClockSet
    | Adjusted
)
