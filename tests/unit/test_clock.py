"""The clock gives UTC for records and a clock that never goes back for ages."""

import time

from leadline.clock import SystemClock, boot_id


def test_wall_is_utc_and_boot_only_grows() -> None:
    clock = SystemClock()
    assert abs(clock.wall_ns() - time.time_ns()) < 1_000_000_000
    readings = [clock.boot_ns() for _ in range(100)]
    assert readings == sorted(readings)
    assert readings[0] > 0


def test_a_boot_has_one_name() -> None:
    assert boot_id() == boot_id() != ""
