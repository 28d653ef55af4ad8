"""Account activity: the order an item is about, or none; nothing that Schwab has ever sent breaks it."""

import json
from pathlib import Path
from typing import Any

import pytest

from leadline.schwab.activity import order_id_of
from leadline.schwab.wire import ActivityItem, decode

REAL = Path(__file__).parents[4] / "shared/data/schwab_frames/acct_activity_order_lifecycle_2025-12.json"


def item(data: Any, kind: str = "OrderAccepted") -> ActivityItem:
    return ActivityItem("leadline", 1, "87654321", kind, data)


@pytest.mark.parametrize(
    ("data", "order_id"),
    [
        ('{"SchwabOrderID":"1005609024296","AccountNumber":"87654321","BaseEvent":{}}', "1005609024296"),
        ('{"SchwabOrderID":1005609024296}', "1005609024296"),
        ("", None),  # SUBSCRIBED
        ("Feature not supported", None),  # nightly, 04:30 UTC
        (None, None),
        (7, None),
        ({"SchwabOrderID": "1"}, None),
        ("{", None),
        ("{}", None),
        ('{"SchwabOrderID":null}', None),
        ('{"SchwabOrderID":["1"]}', None),
        ("[1]", None),
        ('{"BaseEvent":' * 3_000, None),
        ('{"BaseEvent":' + "[" * 200_000 + "]" * 200_000 + ',"SchwabOrderID":"1"}', None),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_the_order_is_read_or_none(data: object, order_id: str | None) -> None:
    assert order_id_of(item(data)) == order_id


@pytest.mark.skipif(not REAL.exists(), reason="the shared recordings are not here")
def test_every_event_of_a_real_order_s_life_names_its_order() -> None:
    def frames(value: Any) -> list[Any]:
        if isinstance(value, dict) and "data" in value:
            return [value]
        values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
        return [frame for inner in values for frame in frames(inner)]

    messages = [decode(json.dumps(frame).encode()) for frame in frames(json.loads(REAL.read_text()))]
    items = [one for message in messages if message is not None for block in message.data for one in block.items]
    bodies = [one for one in items if isinstance(one.data, str) and one.data.startswith("{")]
    assert len(bodies) >= 5
    assert None not in {order_id_of(one) for one in bodies}
