"""Owns alert rows and alert ids: ids grow by one, are reserved in blocks beside the path, and never come twice.

Never waits for the disk while a block is left.
Comes from `grok`; goes to the writer.
"""

import msgspec

from leadline.core.alerts import Alert
from leadline.core.units import NS_PER_S, dollars
from leadline.store.spill import Statement
from leadline.store.writer import Writer

BLOCK_SIZE = 1_000
"""Ids reserved at a time (design section 5); a crash may skip what is left of two blocks."""

_INSERT = """INSERT INTO alerts (id, timestamp, symbol, direction, ratio, total_bids, total_asks,
    heavy_venues, valid_venues, price, bid, ask, imbalance_duration, vol_per_min, streak_id, entry_blocked_by, service,
    book_ns, recv_ns, boot_ns, boot_id, features, config_hash, version)
    VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO NOTHING"""

_RESERVE = """INSERT INTO counters VALUES ('alert_id', ?)
    ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)"""


class Origin(msgspec.Struct, frozen=True):
    """Which run wrote a row: boot, settings and version."""

    boot_id: str
    config_hash: str
    version: str


def insert_alert(alert_id: int, alert: Alert, origin: Origin) -> Statement:
    """Give the statement that writes an alert's row, once."""
    return _INSERT, (
        alert_id,
        alert.recv_ns / NS_PER_S,
        alert.symbol,
        alert.direction.value,
        alert.ratio,
        alert.total_bids,
        alert.total_asks,
        alert.heavy_venues,
        alert.valid_venues,
        alert.price,
        dollars(alert.bid),
        dollars(alert.ask),
        alert.imbalance_duration,
        alert.vol_per_min,
        alert.streak_id,
        alert.entry_blocked_by,
        alert.service.value,
        alert.book_ns,
        alert.recv_ns,
        alert.boot_ns,
        origin.boot_id,
        "{}" if alert.features is None else msgspec.json.encode(alert.features).decode(),
        origin.config_hash,
        origin.version,
    )


class AlertIds:
    """Give ids from blocks that are on record before the first of them is used."""

    def __init__(self, writer: Writer) -> None:
        """Reserve the first block; the writer must not be started yet."""
        [(known,)] = writer.execute_now(
            "SELECT max(coalesce((SELECT value FROM counters WHERE name = 'alert_id'), 0),"
            " coalesce((SELECT max(id) FROM alerts), 0), coalesce((SELECT max(alert_id) FROM orders), 0))"
        )
        assert isinstance(known, int)
        self._writer = writer
        # The mark knows ids that a database does not which was restored from a backup.
        self._last = max(known, writer.mark.alert_id)
        self._reserved = self._last + BLOCK_SIZE
        self._asked = self._reserved
        writer.execute_now(_RESERVE, (self._reserved,))
        writer.mark.reserve(self._reserved)
        writer.mark.sync()

    @property
    def last(self) -> int:
        """Give the last id that was given, in this run or before."""
        return self._last

    def next(self) -> int | None:
        """Give the next id; None if it can be reserved nowhere, because the disk says no."""
        if self._reserved - self._last < BLOCK_SIZE // 2 and self._asked <= self._reserved:
            self._ask(self._reserved + BLOCK_SIZE)
        if self._last >= self._reserved:
            # A burst has overtaken the writer, or a lock holds it up: one small write, rather than a lost alert.
            if not self._writer.mark.reserve(self._last + BLOCK_SIZE):
                return None
            self._reserved = self._last + BLOCK_SIZE
        self._last += 1
        return self._last

    def _ask(self, upto: int) -> None:
        """Have the next block reserved beside the path, in the database and its mark."""

        def reserved() -> None:
            self._writer.mark.reserve(upto)
            self._writer.mark.sync()
            self._reserved = max(self._reserved, upto)

        self._asked = upto
        self._writer.put((_RESERVE, (upto,)), reserved)
