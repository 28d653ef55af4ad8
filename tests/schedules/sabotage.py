"""Owns bugs on purpose: each is one that users of such systems lost money by, and the machine must find it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from leadline.core.orders import OrderState
from leadline.schwab.http import AnswerLostError
from leadline.schwab.pursuit import Pursuit
from leadline.schwab.rest import Rest
from leadline.store.journal import Journal
from leadline.traders.holding import Holding
from leadline.traders.ledger import Ledger

Sabotage = Callable[[], Any]


@contextmanager
def resends() -> Iterator[None]:
    """A submit without an answer is sent again."""
    post = Rest.post_order

    async def twice(self: Rest, account_hash: str, body: bytes) -> Any:
        try:
            return await post(self, account_hash, body)
        except AnswerLostError:
            return await post(self, account_hash, body)

    with patch.object(Rest, "post_order", twice):
        yield


@contextmanager
def records_nothing() -> Iterator[None]:
    """An order is sent before it is on record."""
    with patch.object(Journal, "append", lambda self, intent: None):
        yield


@contextmanager
def forgets_the_lost() -> Iterator[None]:
    """An order that was not found is taken for one that never was: its symbol is open again."""
    with (
        patch.object(Ledger, "lock", lambda self, symbol, by, reason: None),
        patch.object(Ledger, "has_open_order", lambda self, symbol: False),
    ):
        yield


@contextmanager
def takes_acceptance_for_a_fill() -> Iterator[None]:
    """What is asked for is booked as filled when the broker has taken it."""
    told = Ledger.take

    def take(self: Ledger, intent: Any, news: Any) -> None:
        told(self, intent, news)
        if news.state is OrderState.WORKING and not news.fills:
            holding = self.holding(intent.order.symbol)
            sign = intent.order.instruction.sign
            holding.position = type(holding.position)(
                intent.order.symbol, holding.position.qty + sign * intent.order.qty
            )

    with patch.object(Ledger, "take", take):
        yield


@contextmanager
def follows_nothing() -> Iterator[None]:
    """After its 201 an order is never asked for again."""

    async def follow(self: Pursuit, errand: Any) -> None:
        return

    with patch.object(Pursuit, "_follow", follow):
        yield


@contextmanager
def closes_the_configured_size() -> Iterator[None]:
    """An exit sells what an entry buys, whatever of it was filled (lesson 14)."""
    with patch.object(Holding, "closable_qty", property(lambda self: 100 if self.position.qty else 0)):
        yield


SABOTAGES: dict[str, Sabotage] = {
    each.__name__: each
    for each in (
        resends,
        records_nothing,
        forgets_the_lost,
        takes_acceptance_for_a_fill,
        follows_nothing,
        closes_the_configured_size,
    )
}
