"""Owns the answers to what a person asks the trading process through the database: `adopt`.

Never waits on the event loop for the disk, never answers twice.
Comes from rows of `commands`; goes to the ledger, and back to the row as its answer.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from leadline.core.errors import LeadlineError
from leadline.core.market import Market
from leadline.core.ports import Clock
from leadline.core.units import E6_PER_PRICE
from leadline.store.commands import Asked, CommandState, answer, asked_of
from leadline.store.spill import Statement
from leadline.traders.adoption import Adoption, Moment, adopt, why_refused
from leadline.traders.ledger import Ledger

log = logging.getLogger(__name__)

ADOPT = "adopt"
"""The verb of a command by which a person says how much is ours."""

ASK_S = 0.5
"""Between two looks for commands: people type them and wait for the answer."""


class Answers:
    """Answer the commands for one book."""

    def __init__(
        self, ledger: Ledger, market: Market, path: Path, put: Callable[[Statement], None], clock: Clock
    ) -> None:
        self._ledger = ledger
        self._market = market
        self._path = path
        self._put = put
        self._clock = clock
        self._trouble: str | None = None
        self._answered = 0

    async def keep_answering(self) -> None:
        """Look for commands again and again; a database that cannot be read now is said once."""
        while True:
            await asyncio.sleep(ASK_S)
            try:
                asked = await asyncio.to_thread(asked_of, self._path, self._ledger.book_of)
            except LeadlineError as error:
                if self._trouble != error.what:
                    self._trouble = error.what
                    log.warning("commands cannot be read from %s: %s", self._path, error.what)
                continue
            self._trouble = None
            for command_id, command in asked:
                if command_id > self._answered:  # its answer may not be on disk yet
                    self._answered = command_id
                    self.answer(command_id, command)

    def answer(self, command_id: int, asked: Asked) -> None:
        """Carry one command out or refuse it, say so, and write the answer."""
        state, text = self._carry_out(asked)
        who = f"{asked.asked_by} at {asked.host}"
        if state is CommandState.APPLIED:
            log.warning("%s %s --ours %s by %s: %s", asked.verb, asked.symbol, asked.qty, who, text)
        else:
            log.error("%s %s --ours %s by %s refused: %s", asked.verb, asked.symbol, asked.qty, who, text)
        self._put(answer(command_id, state, text, self._clock.wall_ns()))

    def _carry_out(self, asked: Asked) -> tuple[CommandState, str]:
        if asked.verb != ADOPT:
            return CommandState.REFUSED, f"this version knows no {asked.verb}"
        wanted = Adoption(asked.symbol, asked.qty, asked.seen_qty, asked.asked_by, f"adopt, typed at {asked.host}")
        now = Moment(self._clock.wall_ns(), self._clock.boot_ns(), self._mark_e6(asked.symbol, asked.qty))
        reason = why_refused(self._ledger, wanted, now)
        if reason is not None:
            return CommandState.REFUSED, reason
        return CommandState.APPLIED, adopt(self._ledger, wanted, now)

    def _mark_e6(self, symbol: str, qty: int) -> int | None:
        """Give what closing the shares would bring now: a long at the bid, a short at the ask."""
        touch = self._market.touches.get(symbol)
        if touch is None:
            return None
        return (touch.bid if qty > 0 else touch.ask) * E6_PER_PRICE
