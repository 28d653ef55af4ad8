"""Owns what a connection has subscribed to, and what SUBS, ADD, UNSUBS and VIEW do to it.

Never holds more symbols of a service than allowed; the excess is told, not kept.
Comes from streamer requests, goes to the feed.
"""

from dataclasses import dataclass, field

from simschwab.core.listing import BOOK_SERVICES, Service
from simschwab.core.protocol import Command, StreamRequest

Fields = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """Hold the symbols a command added anew to what is shown, and how many found no room."""

    shown: tuple[str, ...] = ()
    discarded: int = 0


@dataclass(slots=True)
class Subscriptions:
    """Hold the keys and fields by service."""

    symbols_max: int
    book_symbols_max: int
    _keys: dict[Service, dict[str, None]] = field(default_factory=dict)
    _fields: dict[Service, Fields] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(self._keys.values())

    def keys(self, service: Service) -> dict[str, None]:
        """Give a service's symbols, in the order they came."""
        return self._keys.get(service, {})

    def fields(self, service: Service) -> Fields:
        """Give the fields asked of a service."""
        return self._fields.get(service, ())

    def limit(self, service: Service) -> int:
        """Give the most symbols of a service."""
        books = self.book_symbols_max if service in BOOK_SERVICES else 0
        return books or self.symbols_max

    def services(self) -> list[Service]:
        """Give the services with at least one symbol."""
        return [service for service, keys in self._keys.items() if keys]

    def silence(self, service: Service) -> None:
        """Forget a service's symbols: its subscription is answered and brings nothing."""
        self._keys.pop(service, None)

    def apply(self, service: Service, request: StreamRequest) -> Change:
        """Change a service's list as the command says (schwab-api.md 1.2)."""
        keys = self._keys.setdefault(service, {})
        match request.command:
            case Command.UNSUBS:
                for key in request.keys:
                    keys.pop(key, None)
                return Change()
            case Command.VIEW:
                # A VIEW changes the fields of all symbols of the service, whatever keys it names.
                self._fields[service] = request.fields
                return Change()
            case Command.SUBS:
                keys.clear()
        self._fields[service] = request.fields
        fresh = [key for key in request.keys if key not in keys]
        room = max(0, self.limit(service) - len(keys))
        keys.update(dict.fromkeys(fresh[:room]))
        shown = tuple(key for key in request.keys if key in keys)
        return Change(shown, len(fresh[room:]))
