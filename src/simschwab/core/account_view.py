"""Owns an account as REST shows it.

Never shows the true state: it is given the state a reader sees at that moment.
Comes from the account, goes to REST answers.
"""

from simschwab.core.accounts import AccountState, Position
from simschwab.core.board import Board
from simschwab.core.listing import Listing
from simschwab.core.power import equity_e4, mark_e4
from simschwab.core.prices import dollars


def account_view(
    state: AccountState, account_number: str, board: Board, power_e4: int, *, restricted: bool, positions: bool
) -> dict[str, object]:
    """Give the account's JSON (schwab-api.md 2.2); `positions` as `fields=positions` asks for."""
    marks_e4 = {symbol: mark_e4(symbol, held.average_e4, board) for symbol, held in state.positions.items()}
    worth_e4 = equity_e4(state, board)
    balances = {
        "cashBalance": dollars(state.cash_e4),
        "equity": dollars(worth_e4),
        "liquidationValue": dollars(worth_e4),
        "buyingPower": dollars(power_e4),
        "availableFunds": dollars(worth_e4),
    }
    account: dict[str, object] = {
        "type": "MARGIN",
        "accountNumber": account_number,
        "roundTrips": 0,
        "isDayTrader": False,
        "isClosingOnlyRestricted": restricted,
        "pfcbFlag": False,
    }
    if positions and state.positions:
        account["positions"] = [
            _position(held, board.listing(symbol), marks_e4[symbol]) for symbol, held in state.positions.items()
        ]
    account |= {
        "initialBalances": balances,
        "currentBalances": balances,
        "projectedBalances": balances,
    }
    return {
        "securitiesAccount": account,
        "aggregatedBalance": {
            "currentLiquidationValue": dollars(worth_e4),
            "liquidationValue": dollars(worth_e4),
        },
    }


def _position(held: Position, listing: Listing, mark_e4: float) -> dict[str, object]:
    long, short = max(held.quantity, 0), max(-held.quantity, 0)
    average = dollars(held.average_e4)
    profit = dollars(held.quantity * (mark_e4 - held.average_e4))
    view: dict[str, object] = {
        "shortQuantity": float(short),
        "averagePrice": average,
        "currentDayProfitLoss": profit,
        "longQuantity": float(long),
        "settledLongQuantity": 0.0,
        "settledShortQuantity": 0.0,
        "previousSessionLongQuantity": 0.0,
        "previousSessionShortQuantity": 0.0,
        "instrument": {
            "assetType": "COLLECTIVE_INVESTMENT" if listing.fund else "EQUITY",
            "cusip": listing.cusip,
            "symbol": listing.symbol,
        },
        "marketValue": dollars(held.quantity * mark_e4),
    }
    side = "Long" if long else "Short"
    view |= {
        f"average{side}Price": average,
        f"taxLotAverage{side}Price": average,
        f"{side.lower()}OpenProfitLoss": profit,
    }
    return view
