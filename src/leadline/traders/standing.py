"""Owns whether this process may open positions: its state, and what holds entries for a while (design section 6).

Never stands in the way of an exit.
Comes from `app`, the trader and whoever watches the feed or the record; goes to `risk` and the pages.
"""

import logging

from leadline.core.states import TradingState

log = logging.getLogger(__name__)


class Standing:
    """The state of trading with its reason, and holds that end by themselves."""

    def __init__(self) -> None:
        self.state = TradingState.DISABLED
        self.reason: str | None = None
        self.holds: dict[str, str] = {}
        """Why nothing is opened for now, by what says so."""

    @property
    def hold(self) -> str | None:
        """Give the oldest reason for which nothing is opened for now."""
        return next(iter(self.holds.values()), None)

    def close_entries(self, reason: str) -> None:
        """Allow nothing but exits from now on: every automatic stop ends here."""
        if self.state is TradingState.ARMED:
            self.state, self.reason = TradingState.REDUCING, reason
            log.error("trading is REDUCING, exits only: %s", reason)

    def hold_entries(self, source: str, reason: str | None) -> None:
        """Open nothing while there is a reason; None from the same source ends it."""
        if reason is None:
            if self.holds.pop(source, None) is not None:
                log.info("entries are allowed again by the %s", source)
            return
        if source not in self.holds:
            # Before the first look at the account nothing is opened anyway: no news then.
            level = logging.WARNING if self.state is TradingState.ARMED else logging.INFO
            log.log(level, "entries are held by the %s: %s", source, reason)
        self.holds[source] = reason
