"""Owns every wait of an order's life, so that a test can shrink each.

Never waits by itself.
Comes from `app`; goes to `executor` and its rooms.
"""

import msgspec


class Timing(msgspec.Struct, frozen=True):
    """Every wait, in seconds."""

    fill_timeout_s: float = 2.0
    poll_first_s: float = 0.1
    poll_max_s: float = 1.0
    poll_share_s: float = 0.5
    """What each open order adds to the wait between two questions about one: questions are limited too."""
    poll_truth_s: float = 4.0
    """How long a change at the broker may stay unseen, however many orders are open (reliability F31)."""
    poll_slow_s: float = 30.0
    """Between two questions about an order of which the broker contradicts itself."""
    contradiction_s: float = 10.0
    """How long an end without all its executions, or one that cannot be booked, is expected to be over by itself."""
    unread_s: float = 15.0
    """How long an order may go unread until it is in doubt."""
    cancel_again_s: float = 1.0
    cancel_again_max_s: float = 30.0
    unconfirmed_s: float = 5.0
    """How long an order id of a 201 may be unknown to the broker before it is not believed."""
    search_waits_s: tuple[float, ...] = (0.5, 1, 2, 4, 8, 15, 30)
    lost_wait_s: float = 30.0
    lost_for_s: float = 86_400.0
    """How long a lost order is still looked for: it was for one day."""
    last_cancel_s: float = 2.0
    """How long openings get to be cancelled at the end of a run."""
    too_many_s: float = 5.0
    """How long the broker is left alone after HTTP 429 where it does not say; doubled for each refusal that follows."""
    too_many_max_s: float = 60.0
