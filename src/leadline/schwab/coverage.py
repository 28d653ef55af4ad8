"""Owns what of the subscription has shown data on this connection, and what has not.

Never judges how long is too long.
Comes from `protocol` with every message; goes to pages as a share, and to whoever waits for the whole.
"""

from collections.abc import Mapping

from leadline.schwab.wire import Block


class Coverage:
    """Tick off every part of a subscription at its first data: an answer of success proves nothing."""

    def __init__(self, parts: Mapping[str, list[str]]) -> None:
        self._lacking = {service: set(symbols) for service, symbols in parts.items()}
        self._size = sum(len(symbols) for symbols in self._lacking.values())

    def hear(self, blocks: list[Block]) -> None:
        """Tick off what a message holds."""
        if not self._lacking:
            return
        for block in blocks:
            lacking = self._lacking.get(block.service)
            if lacking is not None:
                lacking.difference_update(item.key for item in block.items)
                if not lacking:
                    del self._lacking[block.service]

    @property
    def is_full(self) -> bool:
        """Tell whether every part has shown data."""
        return not self._lacking

    @property
    def share(self) -> float:
        """Give the share of parts that have shown data, 0 to 1."""
        lacking = sum(len(symbols) for symbols in self._lacking.values())
        return 1 - lacking / self._size if self._size else 1.0

    @property
    def lacking(self) -> dict[str, list[str]]:
        """Give the symbols by service that have shown no data."""
        return {service: sorted(symbols) for service, symbols in self._lacking.items()}
