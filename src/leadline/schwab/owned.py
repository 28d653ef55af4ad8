"""Owns which orders at the broker are ours, and of which intent.

Never grows without bound: what was entered longest ago is forgotten first, far beyond what a list can still show.
Comes from `executor`; goes to whoever must not take one order for another.
"""

OWNED_KEPT = 20_000
"""The broker takes 4,000 order requests a day (reliability 3.5), and lost orders are looked for during one day."""


class Owned:
    """Remember ids of orders with the keys of their intents."""

    def __init__(self, kept: int = OWNED_KEPT) -> None:
        self._kept = kept
        self._keys: dict[str, str] = {}

    def __contains__(self, order_id: str) -> bool:
        return order_id in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, order_id: str, intent_key: str) -> None:
        """Note that an order is what an intent became."""
        self._keys[order_id] = intent_key
        if len(self._keys) > self._kept:
            del self._keys[next(iter(self._keys))]

    def discard(self, order_id: str) -> None:
        """Forget an order that has proved not to be ours."""
        self._keys.pop(order_id, None)

    def is_anothers(self, order_id: str, intent_key: str) -> bool:
        """Tell whether an order is known to be what another intent became."""
        return self._keys.get(order_id, intent_key) != intent_key
