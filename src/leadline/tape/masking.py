"""Owns what must not stand on a tape: account numbers, their hashes, and the customer's ids.

Never changes a frame that holds no account activity and no client id: books stand on the tape byte for byte.
Comes from the recorder's thread; goes to the writer.

Where they stand: ACCT_ACTIVITY items carry the account number as field 1 and inside field 3, which is JSON in a string
(Schwab API facts 1.5); responses carry the client's correlation id (1.1).
"""

import re
from collections.abc import Iterable, Iterator

import msgspec

_MARKS = (b"ACCT_ACTIVITY", b"SchwabClient")
"""A frame with neither holds nothing to hide."""

_NAME = (
    rb"[A-Za-z]*Account(?:Number|Num|No|Id|ID|Hash)|accountNumber|hashValue|[A-Za-z]*Customer(?:ID|Id)"
    rb"|SchwabClientCorrelId|SchwabClientCustomerId|EventUserID"
)
_TEXT = re.compile(rb'(\\*"(?:' + _NAME + rb')\\*"\s*:\s*\\*")([^"\\]+)')
_NUMBER = re.compile(rb'(\\*"(?:' + _NAME + rb')\\*"\s*:\s*)(\d+)')
_ELEMENT = re.compile(rb"(<(?:" + _NAME + rb")>)([^<]+)")
_TEXT_IN_FIELD_1 = re.compile(rb'("1"\s*:\s*")([^"\\]+)')
"""For frames in which no activity item is found: nothing says where else the number could stand."""

HIDDEN_CHARS_MIN = 4
"""A shorter text found in field 1 is no account number, and hiding it everywhere would spoil the frame."""

NOTHING = b'{"data":[{"service":"ACCT_ACTIVITY","content":[]}]}'
"""What is kept of a frame in which a secret is spelled so that it cannot be cut out of the bytes."""


_any = msgspec.json.Decoder()


class Mask:
    """Replace the given secrets and whatever stands where secrets stand, each by as many `#` or `9`."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = sorted({s.encode() for s in secrets if len(s) >= HIDDEN_CHARS_MIN}, key=len, reverse=True)

    def frame(self, frame: bytes) -> bytes:
        """Give a frame as it may be kept; it stays decodable, and as long as it was."""
        if not any(mark in frame for mark in _MARKS):
            return frame
        try:
            accounts = {str(account).encode() for account in _accounts_in(_any.decode(frame))}
        except (msgspec.DecodeError, RecursionError):
            accounts = set()
        if not accounts:
            frame = _TEXT_IN_FIELD_1.sub(_covered_text, frame)
        accounts = {account for account in accounts if len(account) >= HIDDEN_CHARS_MIN}
        for secret in (*self._secrets, *sorted(accounts, key=len, reverse=True)):
            frame = frame.replace(secret, _cover(secret))
        frame = _ELEMENT.sub(_covered_text, _NUMBER.sub(_covered_number, _TEXT.sub(_covered_text, frame)))
        return frame if self._is_clean(frame) else NOTHING

    def text(self, text: str) -> str:
        """Give a text without the given secrets."""
        for secret in self._secrets:
            text = text.replace(secret.decode(), "#" * len(secret.decode()))
        return text

    def _is_clean(self, frame: bytes) -> bool:
        """Look at the frame as a reader does: JSON has more than one spelling of a text."""
        try:
            texts = list(_texts_in(_any.decode(frame)))
        except (msgspec.DecodeError, RecursionError):
            return True
        return not any(secret.decode() in text for secret in self._secrets for text in texts)


def _accounts_in(value: object) -> Iterator[object]:
    """Find field 1 of activity items, wherever in a frame they stand."""
    if isinstance(value, list):
        for inner in value:
            yield from _accounts_in(inner)
    elif isinstance(value, dict):
        content = value.get("content")
        if value.get("service") == "ACCT_ACTIVITY" and isinstance(content, list):
            items = [item for item in content if isinstance(item, dict)]
            yield from (item["1"] for item in items if isinstance(item.get("1"), (str, int)))
        for inner in value.values():
            yield from _accounts_in(inner)


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        if value.startswith("{"):  # field 3: JSON in a string
            try:
                yield from _texts_in(_any.decode(value))
            except (msgspec.DecodeError, RecursionError):
                return
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _texts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts_in(inner)
    elif isinstance(value, int):
        yield str(value)


def _cover(secret: bytes) -> bytes:
    # Digits may stand as a JSON number, which must stay one.
    return b"9" * len(secret) if secret.isdigit() else b"#" * len(secret)


def _covered_text(match: "re.Match[bytes]") -> bytes:
    return match.group(1) + _cover(match.group(2))


def _covered_number(match: "re.Match[bytes]") -> bytes:
    return match.group(1) + b"9" * len(match.group(2))
