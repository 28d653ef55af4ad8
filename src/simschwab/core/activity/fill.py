"""Owns OrderFillCompleted: one execution, with what is filled and left after it.

Never sums up several executions in one message.
Comes from a scene and its fill, goes to the broker as an activity.
"""

from simschwab.core.activity.scene import (
    BUY_SELL,
    NO_MONEY,
    ROUTE,
    Activity,
    Json,
    Scene,
    activity,
    execution_text,
)
from simschwab.core.orders import Fill
from simschwab.core.prices import dotnet_e4, dotnet_shares

_FEES = (
    "StateTaxWithholding",
    "FederalTaxWithholding",
    "SECFees",
    "ORF",
    "FTT",
    "TaxWithholding1446",
    "GoodsAndServicesTax",
    "IOF",
    "TAF",
    "CommissionAmount",
)


def fill_completed(scene: Scene, fill: Fill) -> Activity:
    """Tell OrderFillCompleted of one fill; leaves over 0 is a partial one (two clients say so, none recorded)."""
    order = scene.order
    cumulative = sum(known.quantity for known in order.fills if known.execution_id <= fill.execution_id)
    leaves = order.ticket.quantity - cumulative
    paid_e4 = sum(f.quantity * f.price_e4 for f in order.fills if f.execution_id <= fill.execution_id)
    execution = {
        "ExecutionSequenceNumber": order.fills.index(fill) + 1,
        "ExecutionId": execution_text(fill.execution_id, scene.now_ns),
        "VenueExecutionID": str(fill.execution_id),
        "ExecutionQuantity": dotnet_shares(fill.quantity),
        "ExecutionPrice": dotnet_e4(fill.price_e4),
        "ExecutionTimeStamp": scene.stamp,
        "ExecutionTransType": "Fill",
        "ExecutionBroker": "SIMB",
        "ExecutionCapacityCode": "Agency",
        "RouteName": ROUTE,
        "RouteSequenceNumber": 1,
        "VenuExecutionTimeStamp": scene.stamp,
        "ReportingCapacityCode": "RC_Agency",
        "PrincipalAmmount": dotnet_e4(fill.quantity * fill.price_e4),
        "ActualChargedCommissionAmount": NO_MONEY,
        "AsOfTimeStamp": {},
        "ActualChargedFeesCommissionAndTax": dict.fromkeys(_FEES, NO_MONEY),
        "ClientOrderID": f"{scene.id_text}.1",
    }
    body: Json = {
        "LegId": scene.id_text,
        "LegStatus": "LegOpen" if leaves else "LegClosed",
        "QuantityInfo": {
            "ExecutionID": execution_text(fill.execution_id, scene.now_ns),
            "CumulativeQuantity": dotnet_shares(cumulative),
            "LeavesQuantity": dotnet_shares(leaves),
            "AveragePrice": dotnet_e4(round(paid_e4 / cumulative)),
        },
        "PriceImprovement": _improvement(scene, fill),
        "LegSubStatus": "LegSubStatusPartiallyFilled" if leaves else "LegSubStatusFilled",
        "ExecutionInfo": execution,
        "OrderInfoForTransactionPosting": _posting(scene),
    }
    return activity(scene, "OrderFillCompleted", "OrderFillCompletedEventOrderLegQuantityInfo", body)


def _improvement(scene: Scene, fill: Fill) -> Json:
    ticket = scene.order.ticket
    return dotnet_e4(0 if ticket.limit_e4 is None else abs(ticket.limit_e4 - fill.price_e4))


def _posting(scene: Scene) -> Json:
    ticket = scene.order.ticket
    return {
        "LimitPrice": scene.price,
        "OrderTypeCode": ticket.order_type.capitalize(),
        "BuySellCode": BUY_SELL[ticket.instruction],
        "Quantity": dotnet_shares(ticket.quantity),
        "StopPrice": {},
        "Symbol": ticket.symbol,
        "SchwabSecurityID": scene.listing.cusip,
        "SolicitedCode": "Unsolicited",
        "AccountingRuleCode": "Margin",
        "SettlementType": "SettlementType_Regular",
        "OrderCreatedUserID": "SIMX",
        "OrderCreatedUserType": "Venue",
        "ClientProductCode": "MO",
    }
