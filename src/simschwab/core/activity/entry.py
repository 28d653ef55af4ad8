"""Owns OrderCreated and OrderAccepted: an order as it was entered.

Never tells what became of it.
Comes from a scene, goes to the broker as an activity.
"""

from simschwab.core.activity.scene import (
    BUY_SELL,
    NO_MONEY,
    Activity,
    Json,
    Scene,
    activity,
    date,
    moment,
    quote_of,
)
from simschwab.core.prices import dotnet_e4, dotnet_shares
from simschwab.core.ticket import OrderType

_SHARES = "SharesOrUnits"


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
        "LifecycleCreatedTimestamp": moment(order.entered_ns),
        "LifecycleSchwabOrderID": scene.id_text,
        "EntryTimestamp": moment(order.entered_ns),
        "ExpiryTimeStamp": date(order.entered_ns),
        "AutoConfirm": True,
        "PlanSubmitDate": date(order.entered_ns),
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
    return activity(scene, "OrderCreated", "OrderCreatedEventEquityOrder", {"Order": wrapped})


def accepted(scene: Scene) -> Activity:
    """Tell OrderAccepted."""
    body: Json = {
        "CreatedTimeStamp": scene.stamp,
        "ExpiryTimeStamp": date(scene.now_ns),
        "Status": "Open",
        "TradingSessionCodeOnOrderEntry": "REG",
        "QuoteOnOrderEntry": [quote_of(scene)],
    }
    return activity(scene, "OrderAccepted", "OrderAcceptedEvent", body)


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
            "EstimatedCommissionAmount": NO_MONEY,
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
        "BuySellCode": BUY_SELL[ticket.instruction],
        "Security": security,
        "QuoteOnOrderAcceptance": quote_of(scene),
        "LegClientRequestInfo": {"SecurityId": listing.symbol, "SecurityIdTypeCd": "Symbol"},
        "AccountingRuleCode": "Margin",
        "EstimatedNetAmount": dotnet_e4(principal_e4),
        "EstimatedPrincipalAmnt": dotnet_e4(principal_e4),
        "EquityOrderLeg": {},
    }
