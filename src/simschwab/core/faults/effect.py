"""Owns the names of what a fault can do, and of its kinds.

Never does it.
Comes from a scenario's `do`, goes to whoever applies faults.
"""

from enum import StrEnum


class Effect(StrEnum):
    """Name what happens."""

    DROP = "drop"
    HOLD = "hold"
    DELAY = "delay"
    RESET = "reset"
    TRUNCATE = "truncate"
    TRICKLE = "trickle"
    STATUS = "status"
    AKAMAI = "akamai"
    BODY = "body"
    NO_LOCATION = "no_location"
    WRONG_LOCATION = "wrong_location"
    EMPTY = "empty"

    IGNORE = "ignore"
    CODE = "code"
    WRONG_REQUESTID = "wrong_requestid"

    STALL = "stall"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    CLOSE = "close"
    MALFORMED = "malformed"
    FRAGMENT = "fragment"
    BINARY = "binary"
    OVERSIZE = "oversize"
    MASKED = "masked"
    BOOK = "book"
    RENAME = "rename"
    DROP_FIELDS = "drop_fields"
    TEXT = "text"

    LISTING_LAG = "listing_lag"
    TWIN = "twin"
    VIA = "via"
    REJECT = "reject"
    REPLACE = "replace"
    REST = "rest"
    PARTIAL = "partial"
    SPLIT = "split"
    FILL_PRICE = "fill_price"
    OVERFILL = "overfill"
    EXPIRE = "expire"
    ADMIN_CANCEL = "admin_cancel"
    SHOW_STATUS = "show_status"
    FILL_FIRST = "fill_first"
    LATE_FILL = "late_fill"

    HAND_ORDER = "hand_order"
    ADJUST = "adjust"
    RESTRICT = "restrict"
    HALT = "halt"
    REVOKE = "revoke"
    NOTICE = "notice"
    CLOCK = "clock"
    PARTITION = "partition"
    HALF_OPEN = "half_open"
    FLOOD = "flood"
    SLOW_READ = "slow_read"
    EVICT = "evict"


class When(StrEnum):
    """Say on which side of the broker's own work something happens."""

    BEFORE = "before"
    AFTER = "after"


class Broken(StrEnum):
    """Name a way in which a frame's text is broken."""

    NOT_JSON = "not_json"
    NAN = "nan"
    HUGE_NUMBER = "huge_number"
    CUT = "cut"
    WRONG_TYPE = "wrong_type"
    NOT_UTF8 = "not_utf8"
    DEEP = "deep"
    EMPTY = "empty"


class BookLie(StrEnum):
    """Name a way in which a book is wrong."""

    CROSSED = "crossed"
    LOCKED = "locked"
    ONE_SIDED = "one_sided"
    EMPTY = "empty"
    DUPLICATE_LEVELS = "duplicate_levels"
    REVERSED = "reversed"
    ZERO_PRICE = "zero_price"
    NEGATIVE_PRICE = "negative_price"
    HUGE_PRICE = "huge_price"
    SHIFTED_PRICE = "shifted_price"
    HALF_CENT = "half_cent"
    ZERO_SIZE = "zero_size"
    NEGATIVE_SIZE = "negative_size"
    HUGE_SIZE = "huge_size"
    UNKNOWN_VENUE = "unknown_venue"
    NEW_FIELD = "new_field"
    MISSING_FIELD = "missing_field"
    OLD = "old"
    FUTURE = "future"
    NO_TIME = "no_time"


class Replay(StrEnum):
    """Say what becomes of stalled frames when the stall is over."""

    LOST = "lost"
    LATE = "late"


class Revoked(StrEnum):
    """Name what a revocation ends."""

    ACCESS = "access"
    REFRESH = "refresh"
