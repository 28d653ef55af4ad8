"""Owns the words of the switches: what a simulator can be told about facts that nobody has established.

Never decides which answer is Schwab's.
Comes from the settings, goes to whoever behaves by them.
"""

from enum import StrEnum


class Hours(StrEnum):
    """Say when the market is open."""

    ALWAYS = "always"
    CALENDAR = "calendar"


class Shape(StrEnum):
    """Name the distribution of an order's latency between its low and its high."""

    UNIFORM = "uniform"
    EXPONENTIAL = "exponential"
    LOGNORMAL = "lognormal"


class Untimely(StrEnum):
    """Say what becomes of an order whose session is closed [?]."""

    QUEUED = "queued"
    REJECTED = "rejected"


class Refusal(StrEnum):
    """Say whether a bad order is refused with 400 or rejected after its 201 [?]."""

    REFUSED = "refused"
    REJECTED = "rejected"


class SecondLogin(StrEnum):
    """Say whether a second login ends the first connection or is denied itself [?]."""

    EVICTS = "evicts"
    DENIED = "denied"


class RefreshError(StrEnum):
    """Name the nested shape of a refresh error; by reason: unknown tokens 2024, expired ones 2026 [?]."""

    BY_REASON = "by_reason"
    FORM_2024 = "2024"
    FORM_2026 = "2026"


class SuccessCode(StrEnum):
    """Say which code a command that worked is answered with: 0 as live accounts see, or 26 to 29 as in the guide."""

    ZERO = "zero"
    GUIDE = "guide"


class NoLevelTwo(StrEnum):
    """Say how a book subscription without level 2 permission is answered [?]."""

    SILENT = "silent"
    UNAVAILABLE = "unavailable"
