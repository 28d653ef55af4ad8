"""Owns the reading of account activity as far as it is used: which order something happened to.

Never is the truth about an order: it wakes whoever asks the broker (Schwab API facts 0.6).
Comes from ACCT_ACTIVITY items; goes to the executor.
"""

import msgspec

from leadline.schwab.wire import ActivityItem


class _Body(msgspec.Struct, rename={"order_id": "SchwabOrderID"}):
    order_id: str | int


_decoder = msgspec.json.Decoder(_Body)


def order_id_of(item: ActivityItem) -> str | None:
    """Give the order that an activity is about; None for SUBSCRIBED, notices, and what cannot be read.

    The body is JSON in a string, "" or a plain text such as the nightly "Feature not supported" (facts 1.5).
    """
    if not isinstance(item.data, str) or not item.data.startswith("{"):
        return None
    try:
        return str(_decoder.decode(item.data).order_id)
    except (msgspec.DecodeError, RecursionError):
        return None
