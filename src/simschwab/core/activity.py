"""Owns the bodies of ACCT_ACTIVITY: an order's life as Schwab's order system tells it.

Never tells more than was recorded: keys, their order and .NET decimals follow a real recording of 2025-12.
Comes from the broker's orders, goes to the streamer as (type, JSON text).
"""

from dataclasses import dataclass

import msgspec

from simschwab.core.listing import Listing
from simschwab.core.market import FieldValue
from simschwab.core.orders import Fill, Order
from simschwab.core.prices import book_price_e4, dotnet_e4, dotnet_shares, dotnet_size
from simschwab.core.rules import Rejection
from simschwab.core.ticket import Instruction, OrderType
from simschwab.core.times import activity_time, new_york_date

_ROUTE = "SIM_NMS_EQ_F1_Z1"
_SHARES = "SharesOrUnits"
_BUY_SELL = {
    Instruction.BUY: "Buy",
    Instruction.SELL: "Sell",
    Instruction.SELL_SHORT: "SellShort",
    Instruction.BUY_TO_COVER: "BuyToCover",
}
_NO_MONEY = dotnet_e4(0)
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

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Activity:
    """Hold one message: its type and its data, a JSON text that goes into a JSON string."""

    kind: str
    data: str


@dataclass(frozen=True, slots=True)
class Scene:
    """Hold what every body needs: whose order it is, its listing, the quote and the moment."""

    account_number: str
    order: Order
    listing: Listing
    quote: dict[str, FieldValue]
    now_ns: int

    @property
    def stamp(self) -> Json:
        """The moment as activity bodies write it."""
        return _moment(self.now_ns)

    @property
    def id_text(self) -> str:
        """The order's id, a text in these bodies."""
        return str(self.order.order_id)

    @property
    def price(self) -> Json:
        """The limit as a decimal; empty for a market order."""
        limit_e4 = self.order.ticket.limit_e4
        return {} if limit_e4 is None else dotnet_e4(limit_e4)


def subscribed() -> Activity:
    """Tell that a subscription stands; its data is empty."""
    return Activity("SUBSCRIBED", "")


def created(scene: Scene) -> Activity:
    """Tell OrderCreated with the whole order."""
    order = scene.order
    account = {
        "AccountNumber": scene.account_number,
        "AccountBranch": "SI",
        "CustomerOrFirmCode": "CustomerOrFirmCode_Customer",
        "OrderPlacementCustomerID": "100000001",
        "AccountState": "NY",
        "AccountTypeCode": "Customer",
    }
    inner = {
        "AccountInfo": account,
        "ClientChannelInfo": {
            "ClientProductCode": "MO",
            "EventUserID": "SIMX",
            "EventUserType": "Client",
        },
        "LifecycleCreatedTimestamp": _moment(order.entered_ns),
        "LifecycleSchwabOrderID": scene.id_text,
        "EntryTimestamp": _moment(order.entered_ns),
        "ExpiryTimeStamp": _date(order.entered_ns),
        "AutoConfirm": True,
        "PlanSubmitDate": _date(order.entered_ns),
        "SourceOMS": "ngOMS",
        "FirmID": "CHAS",
        "OrderAccount": "TDAAccount",
        "AssetOrderEquityOrderLeg": _equity_leg(scene),
    }
    wrapped: Json = {
        "SchwabOrderID": scene.id_text,
        "AccountNumber": scene.account_number,
        "Order": inner,
    }
    return _activity(scene, "OrderCreated", "OrderCreatedEventEquityOrder", {"Order": wrapped})


def accepted(scene: Scene) -> Activity:
    """Tell OrderAccepted."""
    body: Json = {
        "CreatedTimeStamp": scene.stamp,
        "ExpiryTimeStamp": _date(scene.now_ns),
        "Status": "Open",
        "TradingSessionCodeOnOrderEntry": "REG",
        "QuoteOnOrderEntry": [_quote(scene)],
    }
    return _activity(scene, "OrderAccepted", "OrderAcceptedEvent", body)


def execution_requested(scene: Scene, *, cancel: bool = False) -> Activity:
    """Tell ExecutionRequested: a route for the new order, or for its cancel."""
    sequence = 2 if cancel else 1
    route = {
        "RouteName": _ROUTE,
        "RouteSequenceNumber": sequence,
        "RoutedExecutionTimestamp": scene.stamp,
        "Quote": _quote(scene),
        "RouteRequestedType": "Cancel" if cancel else "New",
        "RoutedQuantity": dotnet_shares(scene.order.ticket.quantity),
        "RoutedPrice": scene.price,
        "RouteStatus": "RouteCreated",
        "ClientOrderID": f"{scene.id_text}.1",
        "RoutedTime": scene.stamp,
        "RouteTimeInForce": "Day",
        "RouteAcknowledgmentTimeStamp": {},
    }
    body: Json = {
        "RouteSequenceNumber": sequence,
        "RouteInfo": route,
        "RouteRequestedBy": "RR_Broker",
        "LegId": scene.id_text,
    }
    return _activity(scene, "ExecutionRequested", "ExecutionRequestedEventRoutedInfo", body)


def request_created(scene: Scene) -> Activity:
    """Tell ExecutionRequestCreated."""
    body: Json = {
        "LegId": scene.id_text,
        "RouteName": _ROUTE,
        "RouteRequestType": "New",
        "RouteSequenceNumber": 1,
        "RouteRequestedBy": "RR_Broker",
        "RouteStatus": "RouteFixAcknowledged",
        "SenderCompID": "CHASBL01",
        "RoutedTime": scene.stamp,
        "ClientOrderID": f"{scene.id_text}.1",
    }
    return _activity(scene, "ExecutionRequestCreated", "ExecutionRequestCreatedEvent", body)


def request_completed(scene: Scene) -> Activity:
    """Tell ExecutionRequestCompleted of the new order: the venue accepted."""
    body: Json = {
        "LegId": scene.id_text,
        "ResponseType": "Accepted",
        "ExchangeOrderID": f"9{scene.id_text}",
        "ExecutionTime": scene.stamp,
        "RouteSequenceNumber": 1,
        "RouteStatus": "RouteVenueAccepted",
        "RouteAcknowledgmentTimeStamp": scene.stamp,
        "ClientOrderID": f"{scene.id_text}.1",
    }
    return _activity(scene, "ExecutionRequestCompleted", "ExecutionRequestCompletedEvent", body)


def cancel_request_completed(scene: Scene) -> Activity:
    """Tell ExecutionRequestCompleted of a cancel; the recording has numbers where others have words."""
    body: Json = {
        "LegId": scene.id_text,
        "ResponseType": 7,
        "ExecutionTime": scene.stamp,
        "RouteSequenceNumber": 2,
        "RouteStatus": 8,
        "RouteAcknowledgmentTimeStamp": scene.stamp,
        "ClientOrderID": f"{scene.id_text}.1",
    }
    return _activity(scene, "ExecutionRequestCompleted", "ExecutionRequestCompletedEvent", body)


def fill_completed(scene: Scene, fill: Fill) -> Activity:
    """Tell OrderFillCompleted of one fill; leaves over 0 is a partial one (two clients say so, none recorded)."""
    order = scene.order
    cumulative = sum(known.quantity for known in order.fills if known.execution_id <= fill.execution_id)
    leaves = order.ticket.quantity - cumulative
    paid_e4 = sum(f.quantity * f.price_e4 for f in order.fills if f.execution_id <= fill.execution_id)
    execution = {
        "ExecutionSequenceNumber": order.fills.index(fill) + 1,
        "ExecutionId": _execution_id(fill.execution_id, scene.now_ns),
        "VenueExecutionID": str(fill.execution_id),
        "ExecutionQuantity": dotnet_shares(fill.quantity),
        "ExecutionPrice": dotnet_e4(fill.price_e4),
        "ExecutionTimeStamp": scene.stamp,
        "ExecutionTransType": "Fill",
        "ExecutionBroker": "SIMB",
        "ExecutionCapacityCode": "Agency",
        "RouteName": _ROUTE,
        "RouteSequenceNumber": 1,
        "VenuExecutionTimeStamp": scene.stamp,
        "ReportingCapacityCode": "RC_Agency",
        "PrincipalAmmount": dotnet_e4(fill.quantity * fill.price_e4),
        "ActualChargedCommissionAmount": _NO_MONEY,
        "AsOfTimeStamp": {},
        "ActualChargedFeesCommissionAndTax": dict.fromkeys(_FEES, _NO_MONEY),
        "ClientOrderID": f"{scene.id_text}.1",
    }
    body: Json = {
        "LegId": scene.id_text,
        "LegStatus": "LegOpen" if leaves else "LegClosed",
        "QuantityInfo": {
            "ExecutionID": _execution_id(fill.execution_id, scene.now_ns),
            "CumulativeQuantity": dotnet_shares(cumulative),
            "LeavesQuantity": dotnet_shares(leaves),
            "AveragePrice": dotnet_e4(round(paid_e4 / cumulative)),
        },
        "PriceImprovement": _improvement(scene, fill),
        "LegSubStatus": "LegSubStatusPartiallyFilled" if leaves else "LegSubStatusFilled",
        "ExecutionInfo": execution,
        "OrderInfoForTransactionPosting": _posting(scene),
    }
    return _activity(scene, "OrderFillCompleted", "OrderFillCompletedEventOrderLegQuantityInfo", body)


def cancel_accepted(scene: Scene) -> Activity:
    """Tell CancelAccepted."""
    request = {
        "LegID": scene.id_text,
        "IntendedOrderQuantity": dotnet_shares(scene.order.ticket.quantity),
        "RequestedAmount": dotnet_shares(scene.order.open_quantity),
        "LegStatus": "LegOpen",
        "LegSubStatus": "LegSubStatusCancelled",
        "CancelAcceptedTime": scene.stamp,
        "EventUserID": "SIMX",
    }
    body: Json = {
        "LifecycleSchwabOrderID": scene.id_text,
        "PlanSubmitDate": _date(scene.now_ns),
        "ClientProductCode": "MO",
        "AutoConfirm": True,
        "CancelTimeStamp": scene.stamp,
        "LegCancelRequestInfoList": [request],
        "CancelRequestType": "ClientCancel",
    }
    return _activity(scene, "CancelAccepted", "CancelAcceptedEvent", body)


def execution_created_out(scene: Scene, execution_id: int) -> Activity:
    """Tell ExecutionCreated of a cancel: the rest came back unexecuted (UROut)."""
    execution = {
        "ExecutionSequenceNumber": 1,
        "ExecutionId": _execution_id(execution_id, scene.now_ns),
        "ExecutionQuantity": dotnet_shares(scene.order.canceled_quantity),
        "ExecutionTimeStamp": scene.stamp,
        "ExecutionTransType": "UROut",
        "ExecutionCapacityCode": "Agency",
        "RouteName": _ROUTE,
        "RouteSequenceNumber": 1,
        "VenuExecutionTimeStamp": scene.stamp,
        "CancelType": "ClientCancel",
        "ReportingCapacityCode": "RC_Agency",
        "AsOfTimeStamp": {},
        "ClientOrderID": f"{scene.id_text}.1",
    }
    body: Json = {
        "LegId": scene.id_text,
        "ExecutionInfo": execution,
        "AsOfTimeStamp": scene.stamp,
        "RouteSequenceNumber": 1,
    }
    return _activity(scene, "ExecutionCreated", "ExecutionCreatedEventExecutionInfo", body)


def order_out(scene: Scene, execution_id: int, rejection: Rejection | None = None) -> Activity:
    """Tell OrderUROutCompleted: cancelled by the client, or rejected by the system with its reasons."""
    quantity = scene.order.ticket.quantity if rejection else scene.order.canceled_quantity
    body: Json = {
        "LegId": scene.id_text,
        "ExecutionId": _execution_id(execution_id, scene.now_ns),
        "LeavesQuantity": dotnet_shares(0),
        "CancelQuantity": dotnet_shares(quantity),
        "LegStatus": "LegClosed",
        "LegSubStatus": "LegSubStatusRejected" if rejection else "LegSubStatusCancelled",
        "OutCancelType": "SystemReject" if rejection else "ClientCancel",
        "VenueExecutionTimeStamp": scene.stamp,
        "ExecutionTimeStamp": scene.stamp,
        "RouteName": _ROUTE,
    }
    if rejection is not None:
        body["ValidationDetail"] = [{"NgOMSRuleName": rejection.rule, "NgOMSRuleDescription": rejection.text}]
    return _activity(scene, "OrderUROutCompleted", "OrderUROutCompletedEvent", body)


def _activity(scene: Scene, kind: str, key: str, body: Json) -> Activity:
    event = {"EventType": kind, key: {"EventType": kind, **body}}
    data = {
        "SchwabOrderID": scene.id_text,
        "AccountNumber": scene.account_number,
        "BaseEvent": event,
    }
    return Activity(kind, msgspec.json.encode(data).decode())


def _moment(now_ns: int) -> Json:
    return {"DateTimeString": activity_time(now_ns)}


def _date(now_ns: int) -> Json:
    return {"DateTimeString": new_york_date(now_ns)}


def _execution_id(number: int, now_ns: int) -> str:
    return f"{new_york_date(now_ns).replace('-', '')}-EST-ngOMS-{number}"


def _quote(scene: Scene) -> Json:
    bid_e4 = book_price_e4(scene.quote.get("1")) or 0
    ask_e4 = book_price_e4(scene.quote.get("2")) or 0
    return {
        "Ask": dotnet_e4(ask_e4),
        "AskSize": _size(scene.quote.get("5")),
        "Bid": dotnet_e4(bid_e4),
        "BidSize": _size(scene.quote.get("4")),
        "QuoteTimestamp": scene.stamp,
        "Symbol": scene.listing.symbol,
        "QuoteTypeCode": "Mark",
        "Mid": dotnet_e4((bid_e4 + ask_e4) // 2),
        "SchwabOrderID": scene.id_text,
    }


def _size(value: FieldValue) -> Json:
    return dotnet_size(value if isinstance(value, int) else 0)


def _improvement(scene: Scene, fill: Fill) -> Json:
    ticket = scene.order.ticket
    return dotnet_e4(0 if ticket.limit_e4 is None else abs(ticket.limit_e4 - fill.price_e4))


def _posting(scene: Scene) -> Json:
    ticket = scene.order.ticket
    return {
        "LimitPrice": scene.price,
        "OrderTypeCode": ticket.order_type.capitalize(),
        "BuySellCode": _BUY_SELL[ticket.instruction],
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


def _equity_leg(scene: Scene) -> Json:
    ticket = scene.order.ticket
    limit = ticket.order_type is OrderType.LIMIT
    # Money that leaves the account is negative, as recorded for a buy.
    principal_e4 = (ticket.limit_e4 or 0) * ticket.quantity * (-1 if ticket.instruction.buying else 1)
    strategy: Json = {"Type": "ES_Limit" if limit else "ES_Market"}
    if limit:
        strategy["LimitExecutionStrategy"] = {
            "Type": "ES_Limit",
            "LimitPrice": scene.price,
            "LimitPriceUnitCode": "Units",
        }
    return {
        "OrderInstruction": {
            "HandlingInstructionCode": "AutomatedExecutionNoIntervention",
            "ExecutionStrategy": strategy,
            "PreferredRoute": {},
            "EquityOrderInstruction": {},
        },
        "CommissionInfo": {
            "EstimatedOrderQuantity": dotnet_shares(ticket.quantity),
            "EstimatedPrincipalAmount": dotnet_e4(principal_e4),
            "EstimatedCommissionAmount": _NO_MONEY,
        },
        "AssetType": "MajorAssetType_Equity",
        "TimeInForce": "Day",
        "OrderTypeCode": ticket.order_type.capitalize(),
        "OrderLegs": [_leg(scene, principal_e4)],
        "OrderCapacityCode": "OC_Agency",
        "SettlementType": "SettlementType_Regular",
        "Rule80ACode": 73,
        "SolicitedCode": "Unsolicited",
        "EquityOrder": {"TradingSessionCodeOnOrder": "REG"},
    }


def _leg(scene: Scene, principal_e4: int) -> Json:
    ticket, listing = scene.order.ticket, scene.listing
    security = {
        "SchwabSecurityID": listing.cusip,
        "Symbol": listing.symbol,
        "UnderlyingSymbol": listing.symbol,
        "PrimaryExchangeCode": listing.letter,
        "MajorAssetType": "MajorAssetType_Equity",
        "PrimaryMarketSymbol": listing.symbol,
        "ShortDescriptionText": listing.description[:20],
        "ShortName": listing.description[:20],
        "CUSIP": listing.cusip,
        "SEDOL": listing.cusip[:7],
        "ISIN": f"US{listing.cusip}0",
        "OptionsSecurityInfo": {},
    }
    return {
        "LegID": scene.id_text,
        "LegParentSchwabOrderID": scene.id_text,
        "Quantity": dotnet_shares(ticket.quantity),
        "QuantityUnitCodeType": _SHARES,
        "LeavesQuantity": dotnet_shares(ticket.quantity),
        "BuySellCode": _BUY_SELL[ticket.instruction],
        "Security": security,
        "QuoteOnOrderAcceptance": _quote(scene),
        "LegClientRequestInfo": {"SecurityId": listing.symbol, "SecurityIdTypeCd": "Symbol"},
        "AccountingRuleCode": "Margin",
        "EstimatedNetAmount": dotnet_e4(principal_e4),
        "EstimatedPrincipalAmnt": dotnet_e4(principal_e4),
        "EquityOrderLeg": {},
    }
