"""Owns the made-up ids of the simulated user: account hash, customer and correlation id.

Never looks like a real one by chance only: they are drawn from the seed.
Comes from the settings, goes to REST, the streamer and the ready file.
"""

from dataclasses import dataclass
from uuid import UUID

from simschwab.core.dice import dice
from simschwab.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Identity:
    """Hold the ids that Schwab hands out for a user."""

    account_hash: str
    customer_id: str
    correl_id: str


def identity_of(settings: Settings) -> Identity:
    """Draw the ids from the seed and the account number."""
    rng = dice(settings.seed, "identity", settings.account_number)
    return Identity(
        account_hash=f"{rng.getrandbits(256):064X}",
        customer_id=f"{rng.getrandbits(256):064x}",
        correl_id=str(UUID(int=rng.getrandbits(128), version=4)),
    )
