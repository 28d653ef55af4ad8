"""Owns what previewOrder answers.

Never places anything.
Comes from a ticket and the rule it breaks, goes to REST.
"""

from simschwab.core.listing import Listing
from simschwab.core.prices import dollars
from simschwab.core.rules import Rejection
from simschwab.core.ticket import Ticket


def preview_view(ticket: Ticket, rejection: Rejection | None, listing: Listing) -> dict[str, object]:
    """Give the preview's JSON (schwab-api.md 2.3); what it leaves out nobody here needs [?]."""
    price = {} if ticket.limit_e4 is None else {"price": dollars(ticket.limit_e4)}
    leg = {
        "finalSymbol": ticket.symbol,
        "instruction": ticket.instruction,
        "quantity": float(ticket.quantity),
        "instrument": {"symbol": ticket.symbol, "assetType": "EQUITY", "cusip": listing.cusip},
        "assetType": "EQUITY",
    }
    strategy = {
        "orderType": ticket.order_type,
        "session": ticket.session,
        "duration": ticket.duration,
        "orderStrategyType": "SINGLE",
        "quantity": float(ticket.quantity),
        "status": "REJECTED" if rejection else "ACCEPTED",
        "orderLegs": [leg],
        **price,
    }
    rejects = []
    if rejection is not None:
        rejects.append(
            {
                "validationRuleName": rejection.rule,
                "activityMessage": rejection.text,
                "message": rejection.text,
                "originalSeverity": "REJECT",
            }
        )
    return {
        "orderId": 0,
        "orderStrategy": strategy,
        "orderValidationResult": {"alerts": [], "accepts": [], "rejects": rejects, "reviews": [], "warns": []},
        "commissionAndFee": {"commission": {"commissionLegs": []}, "fee": {"feeLegs": []}},
    }
