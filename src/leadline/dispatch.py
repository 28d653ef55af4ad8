"""Owns the hand-over of alerts to the trader of this process, and the claim that each is taken once.

Never waits, never lets a trader's fault reach the stream.
Comes from `grok`; goes to `LiveTrader.process_alert` or `PaperTrader.process_alert`.
"""

import logging

from leadline.core.alerts import Alert
from leadline.core.ports import Trader

log = logging.getLogger(__name__)


class Dispatch:
    """Hand alerts to one trader, in order, each id once."""

    def __init__(self, trader: Trader) -> None:
        self.trader = trader
        self._last_id = 0

    def inline_trader_dispatch(self, alert_id: int, alert: Alert) -> None:
        """Hand an alert over and return at once; an id that was handed over before is not handed over again."""
        # Ids grow within a run (design section 5): one comparison is the whole claim.
        if alert_id <= self._last_id:
            log.warning("alert %s was handed over before and is not traded again", alert_id)
            return
        self._last_id = alert_id
        try:
            self.trader.process_alert(alert_id, alert)
        except Exception:
            # The boundary between trading and the stream: whatever is wrong with the trader, books must go on being
            # judged and recorded. The trader is left closed to entries, and the alert is named.
            self.trader.close_entries(f"fault while handling alert {alert_id}")
            log.exception("alert %s was not handled: the trader failed and is REDUCING; the stream goes on", alert_id)
