"""Owns the names of what puts a symbol's position in doubt, and which of them rows must remember over a restart.

Never locks anything itself.
Comes from `ledger`, `reconcile`, `hand_trades`; goes to them and to `adoption`.

| lock | who lifts it | after a restart |
|---|---|---|
| `mismatch`, `empty`, `hand trade` | an account read that agrees; a person (`adopt`) | found again by the first look |
| `not ours` | a person | follows from the baseline's row |
| KEY (an order in doubt) | its fate; a person, where it is lost without an id | follows from the order's row |
| KEY/fills, KEY/price, KEY/move | a person | a row of its own, in `locks` |
"""

MISMATCH = "mismatch"
"""The broker's number is not ours and what is not ours."""

EMPTY = "empty"
"""The account lists no position at all, and there should be one."""

HAND = "hand trade"
"""Somebody traded in the symbol, not by us."""

NOT_OURS = "not ours"
"""The account held shares at first contact, and nobody has said yet which are ours."""

LASTING = ("fills", "price", "move")
"""Ends of the names of locks on what an order did: no account read can say that it was right."""


def of_order(key: str, what: str) -> str:
    """Name the lock on something that an order did."""
    assert what in LASTING
    return f"{key}/{what}"


def is_lasting(name: str) -> bool:
    """Tell whether only a person lifts a lock, in this run or a later one."""
    return name.rpartition("/")[2] in LASTING and "/" in name
