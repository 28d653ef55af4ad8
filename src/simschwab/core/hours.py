"""Owns GET /marketdata/v1/markets: when the exchange is open on a day.

Never knows more than the calendar.
Comes from the calendar, goes to REST. The shape is that of Schwab's market data description.
"""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from simschwab.core.answers import Response, json_response, market_error
from simschwab.core.calendar import Calendar
from simschwab.core.times import NS_PER_S, new_york_date

_NEW_YORK = ZoneInfo("America/New_York")
_SESSIONS = (("preMarket", "AM"), ("regularMarket", "NORMAL"), ("postMarket", "PM"))


def hours_answer(calendar: Calendar, query: dict[str, str], now_ns: int) -> Response:
    """Answer for a `date` (today when absent)."""
    text = query.get("date", new_york_date(now_ns))
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return market_error(400, "Bad Request", f"date {text} is not a date like 2026-11-24")
    bounds = {name: calendar.bounds_ns(session, day) for name, session in _SESSIONS}
    hours = {
        name: [{"start": _text(start_end[0]), "end": _text(start_end[1])}]
        for name, start_end in bounds.items()
        if start_end is not None
    }
    equity: dict[str, object] = {
        "date": text,
        "marketType": "EQUITY",
        "product": "EQ",
        "productName": "equity",
        "isOpen": bool(hours),
    }
    if hours:
        equity["sessionHours"] = hours
    return json_response(200, {"equity": {"EQ" if hours else "equity": equity}})


def _text(moment_ns: int) -> str:
    return datetime.fromtimestamp(moment_ns // NS_PER_S, UTC).astimezone(_NEW_YORK).isoformat()
