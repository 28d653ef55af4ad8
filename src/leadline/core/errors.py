"""Owns the root of every error a user can meet, and the exit codes.

Never carries a secret: texts name variables, files, symbols and orders, not credentials.
Comes from anywhere; goes to the command line, which prints it and exits with its code.
"""

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """Exit codes of every verb (design section 6)."""

    OK = 0
    FAULT = 1
    USAGE = 2
    LOCK_HELD = 3
    SCHEMA = 4
    AUTHENTICATION = 5
    NOT_FLAT = 6
    UNREACHABLE = 7
    UNKNOWN_ORDER = 8


class LeadlineError(Exception):
    """Say what went wrong, which thing it was, what was expected and what to do."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAULT

    def __init__(self, what: str, *, which: str = "", expected: str = "", do: str = "") -> None:
        self.what = what
        self.which = which
        self.expected = expected
        self.do = do
        super().__init__(what)

    def __str__(self) -> str:
        parts = [f"{self.which}: {self.what}" if self.which else self.what]
        if self.expected:
            parts.append(f"expected {self.expected}")
        if self.do:
            parts.append(f"do: {self.do}")
        return "; ".join(parts)


class ConfigurationError(LeadlineError):
    """A setting, an argument or an input file is missing or wrong."""

    exit_code = ExitCode.USAGE


class TapeError(ConfigurationError):
    """A tape or a listing file cannot be read as one."""


class LockHeldError(LeadlineError):
    """Another process holds a right that only one may have."""

    exit_code = ExitCode.LOCK_HELD


class SchemaError(LeadlineError):
    """The database was written by a newer version."""

    exit_code = ExitCode.SCHEMA


class AuthenticationError(LeadlineError):
    """The broker does not accept the login; a person is needed."""

    exit_code = ExitCode.AUTHENTICATION


class UnreachableError(LeadlineError):
    """A server did not answer."""

    exit_code = ExitCode.UNREACHABLE


class BrokerAnswerError(LeadlineError):
    """The broker answered with an error, or with something that cannot be read."""

    def __init__(self, what: str, *, status: int, which: str = "", expected: str = "", do: str = "") -> None:
        super().__init__(what, which=which, expected=expected, do=do)
        self.status = status


class StoreError(LeadlineError):
    """The database file cannot be used."""


class JournalError(LeadlineError):
    """An intent could not be written; nothing was sent."""


class JournalFullError(JournalError):
    """The intent journal has room for closing orders only, or none at all."""
