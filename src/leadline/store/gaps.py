"""Owns the rows that say when no data came, as statements.

Never judges what a gap means.
Comes from the feed once data is back; goes to the writer.
"""

from leadline.core.freshness import Gap
from leadline.store.spill import Statement

_INSERT = """INSERT INTO feed_gaps (start_ns, end_ns, service, symbols, reason) SELECT ?1, ?2, ?3, ?4, ?5
    WHERE NOT EXISTS (SELECT 1 FROM feed_gaps
        WHERE (start_ns, end_ns) = (?1, ?2) AND service IS ?3 AND symbols IS ?4)"""


def insert_gap(gap: Gap) -> Statement:
    """Give the statement that writes a gap, once."""
    return _INSERT, (gap.start_ns, gap.end_ns, gap.service, ",".join(gap.symbols) or None, gap.reason)
