"""Owns how an order ends without being filled: cancelled by the client, rejected by the system or expired.

Never tells a partial fill; those were told before.
Comes from a scene, goes to the broker as an activity.
"""

from simschwab.core.activity.scene import ROUTE, Activity, Json, Scene, activity, date, execution_text
from simschwab.core.prices import dotnet_shares
from simschwab.core.rules import Rejection


def cancel_accepted(scene: Scene, successor_id: int | None = None) -> Activity:
    """Tell CancelAccepted; with the successor's id when the order is replaced (schwab-api.md 1.5)."""
    request: Json = {
        "LegID": scene.id_text,
        "IntendedOrderQuantity": dotnet_shares(scene.order.ticket.quantity),
        "RequestedAmount": dotnet_shares(scene.order.open_quantity),
        "LegStatus": "LegOpen",
        "LegSubStatus": "LegSubStatusCancelled",
        "CancelAcceptedTime": scene.stamp,
        "EventUserID": "SIMX",
    }
    if successor_id is not None:
        request["ChangedNewSchwabOrderId"] = str(successor_id)
    body: Json = {
        "LifecycleSchwabOrderID": scene.id_text,
        "PlanSubmitDate": date(scene.now_ns),
        "ClientProductCode": "MO",
        "AutoConfirm": True,
        "CancelTimeStamp": scene.stamp,
        "LegCancelRequestInfoList": [request],
        "CancelRequestType": "ClientCancel",
    }
    return activity(scene, "CancelAccepted", "CancelAcceptedEvent", body)


def execution_created_out(scene: Scene, execution_id: int) -> Activity:
    """Tell ExecutionCreated of a cancel: the rest came back unexecuted (UROut)."""
    execution = {
        "ExecutionSequenceNumber": 1,
        "ExecutionId": execution_text(execution_id, scene.now_ns),
        "ExecutionQuantity": dotnet_shares(scene.order.canceled_quantity),
        "ExecutionTimeStamp": scene.stamp,
        "ExecutionTransType": "UROut",
        "ExecutionCapacityCode": "Agency",
        "RouteName": ROUTE,
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
    return activity(scene, "ExecutionCreated", "ExecutionCreatedEventExecutionInfo", body)


def order_out(scene: Scene, execution_id: int, rejection: Rejection | None = None) -> Activity:
    """Tell OrderUROutCompleted: cancelled by the client, or rejected by the system with its reasons."""
    quantity = scene.order.ticket.quantity if rejection else scene.order.canceled_quantity
    body: Json = {
        "LegId": scene.id_text,
        "ExecutionId": execution_text(execution_id, scene.now_ns),
        "LeavesQuantity": dotnet_shares(0),
        "CancelQuantity": dotnet_shares(quantity),
        "LegStatus": "LegClosed",
        "LegSubStatus": "LegSubStatusRejected" if rejection else "LegSubStatusCancelled",
        "OutCancelType": "SystemReject" if rejection else "ClientCancel",
        "VenueExecutionTimeStamp": scene.stamp,
        "ExecutionTimeStamp": scene.stamp,
        "RouteName": ROUTE,
    }
    if rejection is not None:
        body["ValidationDetail"] = [{"NgOMSRuleName": rejection.rule, "NgOMSRuleDescription": rejection.text}]
    return activity(scene, "OrderUROutCompleted", "OrderUROutCompletedEvent", body)


def expired(scene: Scene) -> Activity:
    """Tell OrderExpired; its name is from one client, its body was never captured and is ours [?]."""
    body: Json = {
        "LegId": scene.id_text,
        "LeavesQuantity": dotnet_shares(0),
        "CancelQuantity": dotnet_shares(scene.order.canceled_quantity),
        "LegStatus": "LegClosed",
        "LegSubStatus": "LegSubStatusExpired",
        "ExecutionTimeStamp": scene.stamp,
    }
    return activity(scene, "OrderExpired", "OrderExpiredEvent", body)
