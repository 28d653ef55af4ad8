"""Gaps of the feed as rows."""

from pathlib import Path

from leadline.core.freshness import Gap
from leadline.store.gaps import insert_gap
from leadline.store.writer import Writer


def test_a_gap_says_when_whose_and_why_and_none_means_all(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "x.db", 1)
    writer.execute_now(*insert_gap(Gap(1, 9, "closed by the server with 1006")))
    writer.execute_now(*insert_gap(Gap(1, 9, "closed by the server with 1006")))
    writer.execute_now(*insert_gap(Gap(4, 6, "no data", ("F", "SOFI"), "NYSE_BOOK")))
    assert writer.execute_now("SELECT start_ns, end_ns, service, symbols, reason FROM feed_gaps ORDER BY gap_id") == [
        (1, 9, None, None, "closed by the server with 1006"),
        (4, 6, "NYSE_BOOK", "F,SOFI", "no data"),
    ]
    writer.close()
