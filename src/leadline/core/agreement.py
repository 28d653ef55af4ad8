"""Owns the question whether the broker's number of a symbol is what is ours and what is not (design 6, "What is ours").

Never corrects either number, never remembers.
Comes from one account read and what is known; goes to `reconcile`, which locks and unlocks.
"""

from enum import StrEnum

import msgspec

from leadline.core.position import Position

SAME_SHARES = 1e-6
"""Fractional holdings are sums of decimals: closer than this is equal."""


class Baseline(msgspec.Struct, frozen=True):
    """What was ours and what was not at one moment; fills booked after it are added to it. Shares, 0.000001 dollars."""

    position: Position
    external_qty: float
    broker_qty: float
    taken_ns: int
    by: str
    reason: str

    @property
    def is_first_contact(self) -> bool:
        """Tell whether nobody has said yet what of it is ours."""
        return self.by == FIRST_CONTACT


FIRST_CONTACT = "first contact"
"""Who took a baseline, where no person did."""


class Known(msgspec.Struct, frozen=True):
    """What an account read is held against: shares, and times of the boot clock (None: never)."""

    ours: int
    external: float
    hand_net: float = 0.0
    """What trades by hand added, as far as listed: it may not be in the baseline, and no read has agreed."""
    hand_after: float = 0.0
    """What of it surely came after the baseline."""
    is_settling: bool = False
    """Whether an order of ours may be filling."""
    filled_ns: int | None = None
    hand_ns: int | None = None


class Verdict(StrEnum):
    """What an account read says of one symbol."""

    SETTLING = "settling"
    AGREES = "agrees"
    DIFFERS = "differs"
    EMPTY = "empty"


def judge(net: float, known: Known, *, begun_ns: int, lag_ns: int, is_list_empty: bool) -> Verdict:
    """Judge the broker's number of one symbol by an account read begun at `begun_ns` (boot clock).

    A read that may not show all fills says nothing, agreement included: two wrong numbers can be equal for a second.
    An account without any position is no proof that it is flat (reliability F37), unless trades by hand explain it.
    """
    if known.is_settling or is_recent(known.filled_ns, begun_ns, lag_ns):
        return Verdict.SETTLING
    expected = known.ours + known.external
    if known.hand_net and is_same(net, expected + known.hand_net):
        return Verdict.DIFFERS
    if is_recent(known.hand_ns, begun_ns, lag_ns):
        return Verdict.SETTLING
    if is_same(net, expected) and not (is_list_empty and known.hand_net and known.hand_after):
        return Verdict.AGREES
    return Verdict.EMPTY if is_list_empty else Verdict.DIFFERS


def is_same(one: float, other: float) -> bool:
    """Tell whether two numbers of shares are equal."""
    return abs(one - other) < SAME_SHARES


def same_side(ours: int, net: float) -> int:
    """Give how much of ours the broker's number can hold, signed: 0 where it is on the other side."""
    if ours * net <= 0:
        return 0
    return min(ours, int(net)) if ours > 0 else max(ours, int(net))


def why_not_adopt(ours: int, net: float) -> str | None:
    """Say why a person's number cannot be ours with this number of the broker; None if it can."""
    if ours and same_side(ours, net) != ours:
        return f"the broker holds {net:g} shares: {ours:+d} of them cannot be ours"
    return None


def is_recent(moment_ns: int | None, begun_ns: int, lag_ns: int) -> bool:
    """Tell whether a read begun at `begun_ns` may not show what happened at a moment (boot clock; None: never)."""
    return moment_ns is not None and begun_ns - moment_ns < lag_ns
