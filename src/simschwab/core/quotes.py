"""Owns GET /marketdata/v1/quotes: listing facts and the last quote of symbols.

Never knows more than level one does.
Comes from the board, goes to REST answers.
"""

from collections.abc import Callable

from simschwab.core.answers import Response, json_response, market_error
from simschwab.core.board import Board
from simschwab.core.listing import Listing
from simschwab.core.market import FieldValue

SYMBOLS_MAX = 500

_QUOTE_FIELDS = {
    "bidPrice": "1",
    "askPrice": "2",
    "lastPrice": "3",
    "bidSize": "4",
    "askSize": "5",
    "totalVolume": "8",
    "lastSize": "9",
    "highPrice": "10",
    "lowPrice": "11",
    "closePrice": "12",
    "openPrice": "17",
    "netChange": "18",
    "securityStatus": "32",
    "mark": "33",
    "quoteTime": "34",
    "tradeTime": "35",
}


def quotes_answer(
    board: Board, query: dict[str, str], shortability: Callable[[str], tuple[bool, bool]], *, delayed: bool
) -> Response:
    """Answer for `symbols`; `fields` absent or `all` gives quote and reference (schwab-api.md 2.5)."""
    symbols = [symbol.strip().upper() for symbol in query.get("symbols", "").split(",") if symbol.strip()]
    if not symbols:
        return market_error(400, "Bad Request", "symbols is missing")
    if len(symbols) > SYMBOLS_MAX:
        return market_error(400, "Bad Request", "Search combination should not exceed 500")
    fields = {field.strip() for field in query.get("fields", "all").split(",")}
    body: dict[str, object] = {}
    invalid = []
    for symbol in dict.fromkeys(symbols):
        listing = board.listings.get(symbol)
        if listing is None:
            invalid.append(symbol)
        else:
            body[symbol] = _symbol(listing, board.quote(symbol), fields, shortability(symbol), delayed=delayed)
    if invalid:
        body["errors"] = {"invalidSymbols": invalid}
    return json_response(200, body)


def _symbol(
    listing: Listing, quote: dict[str, FieldValue], fields: set[str], short: tuple[bool, bool], *, delayed: bool
) -> dict[str, object]:
    view: dict[str, object] = {
        "assetMainType": "EQUITY",
        "assetSubType": "ETF" if listing.fund else "COE",
        "quoteType": "NFL" if delayed else "NBBO",
        "realtime": not delayed,
        "ssid": int(listing.cusip),
        "symbol": listing.symbol,
    }
    if fields & {"quote", "all"}:
        view["quote"] = {name: quote[number] for name, number in _QUOTE_FIELDS.items() if number in quote}
    if fields & {"reference", "all"}:
        view["reference"] = {
            "cusip": listing.cusip,
            "description": listing.description,
            "exchange": listing.letter,
            "exchangeName": listing.exchange_name,
            "isHardToBorrow": short[1],
            "isShortable": short[0],
            "htbQuantity": 0,
            "htbRate": 0.0,
        }
    return view
