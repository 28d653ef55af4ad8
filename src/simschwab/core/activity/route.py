"""Owns the execution requests: an order, or its cancel, on its way to a venue.

Never tells an execution.
Comes from a scene, goes to the broker as an activity.
"""

from simschwab.core.activity.scene import ROUTE, Activity, Json, Scene, activity, quote_of
from simschwab.core.prices import dotnet_shares


def execution_requested(scene: Scene, *, cancel: bool = False) -> Activity:
    """Tell ExecutionRequested: a route for the new order, or for its cancel."""
    sequence = 2 if cancel else 1
    route = {
        "RouteName": ROUTE,
        "RouteSequenceNumber": sequence,
        "RoutedExecutionTimestamp": scene.stamp,
        "Quote": quote_of(scene),
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
    return activity(scene, "ExecutionRequested", "ExecutionRequestedEventRoutedInfo", body)


def request_created(scene: Scene) -> Activity:
    """Tell ExecutionRequestCreated."""
    body: Json = {
        "LegId": scene.id_text,
        "RouteName": ROUTE,
        "RouteRequestType": "New",
        "RouteSequenceNumber": 1,
        "RouteRequestedBy": "RR_Broker",
        "RouteStatus": "RouteFixAcknowledged",
        "SenderCompID": "CHASBL01",
        "RoutedTime": scene.stamp,
        "ClientOrderID": f"{scene.id_text}.1",
    }
    return activity(scene, "ExecutionRequestCreated", "ExecutionRequestCreatedEvent", body)


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
    return activity(scene, "ExecutionRequestCompleted", "ExecutionRequestCompletedEvent", body)


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
    return activity(scene, "ExecutionRequestCompleted", "ExecutionRequestCompletedEvent", body)
