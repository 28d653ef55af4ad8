"""Owns the inside of data frames: which services, symbols and message types a frame holds, and changing its items.

Never changes an item that a fault does not name.
Comes from frames that a fault may strike, goes back to frames.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from simschwab.core.faults.fault import Fault
from simschwab.core.faults.place import Place
from simschwab.core.frames import Frame
from simschwab.core.listing import BOOK_SERVICES, Service

Item = dict[str, object]

_DATA: Final = "3"
_TYPE: Final = "2"


@dataclass(frozen=True, slots=True)
class Facts:
    """Hold what a fault is addressed by."""

    place: Place
    services: tuple[str, ...] = ()
    symbols: frozenset[str] = frozenset()
    messages: frozenset[str] = frozenset()


def facts_of(frame: Frame) -> Facts:
    """Give the facts of a frame as the streamer made it."""
    if frame.kind != "data":
        return Facts(Place(f"frame.{frame.kind}"))
    services, symbols, messages = [], set(), set()
    for service, items in _entries(msgspec.json.decode(frame.payload)):
        services.append(service)
        if service == Service.ACCT_ACTIVITY:
            messages |= {str(item.get(_TYPE)) for item in items}
            symbols |= {symbol for item in items for symbol in _symbol_in(item)}
        else:
            symbols |= {str(item.get("key")) for item in items}
    return Facts(Place.DATA, tuple(services), frozenset(symbols), frozenset(messages))


def changed_items(
    frame: Frame, fault: Fault, change: Callable[[Item], Item | None], *, books_only: bool = False
) -> Frame | None:
    """Change the items a fault names; a change to None takes an item out, and a frame without items is None."""
    if frame.kind != "data":
        return frame
    entries = _whole_entries(frame.payload)
    if entries is None:
        return frame
    kept_entries = []
    for entry in entries:
        service = entry["service"]
        if _is_meant(fault, service) and (not books_only or service in BOOK_SERVICES):
            items = [change(item) if _is_named(fault, service, item) else item for item in entry["content"]]
            content = [item for item in items if item is not None]
        else:
            content = entry["content"]
        if content:
            kept_entries.append({**entry, "content": content})
    if not kept_entries:
        return None
    held = {(entry["service"], item.get("key")) for entry in kept_entries for item in entry["content"]}
    books = tuple(book for book in frame.books if (book.service, book.symbol) in held)
    return replace(frame, payload=msgspec.json.encode({"data": kept_entries}), books=books)


def messages_with(frame: Frame, fault: Fault, text: str | None) -> Frame:
    """Give the frame with its messages' data put by a text or null; a plain text has no type either."""

    def put(item: Item) -> Item:
        return {**item, _TYPE: "" if text else item.get(_TYPE), _DATA: text}

    return changed_items(frame, fault, put) or frame


def _whole_entries(payload: bytes) -> list[dict[str, Any]] | None:
    """Give a frame's data entries; None when another fault has broken the text already."""
    try:
        body = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    data = body.get("data") if isinstance(body, dict) else None
    return data if isinstance(data, list) else None


def _is_meant(fault: Fault, service: str) -> bool:
    return fault.place in (Place.FRAME, Place.DATA, f"frame.{service}")


def _is_named(fault: Fault, service: str, item: Item) -> bool:
    if fault.message is not None and item.get(_TYPE) != fault.message:
        return False
    if fault.symbol is None:
        return True
    return fault.symbol in (_symbol_in(item) if service == Service.ACCT_ACTIVITY else {str(item.get("key"))})


def _symbol_in(item: Item) -> set[str]:
    """Give the symbol of an activity message: the first that its text names."""
    _, found, rest = str(item.get(_DATA)).partition('"Symbol":"')
    return {rest.partition('"')[0]} if found else set()


def _entries(body: object) -> list[tuple[str, list[Item]]]:
    data = body.get("data") if isinstance(body, dict) else None
    entries = [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []
    return [(str(entry.get("service")), entry["content"]) for entry in entries]
