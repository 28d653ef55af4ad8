"""Owns what must not stand on a tape: account numbers, their hashes, and the customer's ids.

Never changes a frame that holds none of them: books stand on the tape byte for byte.
Comes from the recorder's thread; goes to the writer.

Where they stand: ACCT_ACTIVITY items carry the account number as field 1 and inside field 3, which is JSON in a string
(Schwab API facts 1.5); responses carry the client's correlation id (1.1). Nothing promises that they stand nowhere
else, so the secrets that are known are looked for in every frame.
"""

import re
from collections.abc import Iterable, Iterator

import msgspec

_ACTIVITY = b"ACCT_ACTIVITY"
_MARKS = (_ACTIVITY, b"SchwabClient")
_MARKET_MARKS = (b"_BOOK", b"LEVELONE_")
_NAME_MARKS = (b"ccount", b"ustomer", b"hashValue", b"EventUserID")
"""Parts of the names beside which a secret may stand, looked for where no market's mark is."""

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_ESCAPED = re.compile(rb"\\+u00([2-7][0-9a-fA-F])")
_MARKET = re.compile(r"[A-Z]+_BOOK|LEVELONE_[A-Z]+|CHART_[A-Z]+")
"""Services whose numbers are the market's: a volume may agree with an account's number, and must stay."""

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
        self._looked_for = (*_MARKS, *self._secrets)

    def frame(self, frame: bytes) -> bytes:
        """Give a frame as it may be kept; it stays decodable, and as long as it was."""
        # Plain searches: one regex of all of them takes many times as long, and most frames are books with none.
        if any(known in frame for known in self._looked_for) or _is_spelled_otherwise(frame):
            return self._covered(frame)
        if any(mark in frame for mark in _MARKET_MARKS) or not any(mark in frame for mark in _NAME_MARKS):
            return frame
        return self._covered(frame)

    def _covered(self, frame: bytes) -> bytes:
        try:
            whole = _any.decode(frame)
            accounts = {str(account).encode() for account in _accounts_in(whole)}
        except (msgspec.DecodeError, RecursionError):
            whole, accounts = None, set()
        if _is_market(whole):
            return frame if self._is_clean(frame, is_market=True) else self._covered_texts(frame)
        if not accounts and _ACTIVITY in _unescaped(frame):
            frame = _TEXT_IN_FIELD_1.sub(_covered_text, frame)
        accounts = {account for account in accounts if len(account) >= HIDDEN_CHARS_MIN}
        for secret in (*self._secrets, *sorted(accounts, key=len, reverse=True)):
            frame = frame.replace(secret, _cover(secret))
        frame = _ELEMENT.sub(_covered_text, _NUMBER.sub(_covered_number, _TEXT.sub(_covered_text, frame)))
        found = [account for account in accounts if account in _unescaped(frame)]
        return frame if not found and self._is_clean(frame) else NOTHING

    def _covered_texts(self, frame: bytes) -> bytes:
        """Hide what stands in a market's texts; its numbers stay."""
        frame = _STRING.sub(lambda match: self._hidden_in(match.group()), frame)
        return frame if self._is_clean(frame, is_market=True) else NOTHING

    def _hidden_in(self, text: bytes) -> bytes:
        for secret in self._secrets:
            text = text.replace(secret, _cover(secret))
        return text

    def text(self, text: str) -> str:
        """Give a text without the given secrets."""
        for secret in self._secrets:
            text = text.replace(secret.decode(), "#" * len(secret.decode()))
        return text

    def _is_clean(self, frame: bytes, *, is_market: bool = False) -> bool:
        """Look at the frame as a reader does: JSON has more than one spelling of a text."""
        try:
            texts = list(_texts_in(_any.decode(frame), with_numbers=not is_market))
        except (msgspec.DecodeError, RecursionError):
            texts = [_unescaped(frame).decode(errors="replace")]
        return not any(secret.decode() in text for secret in self._secrets for text in texts)


def _is_market(whole: object) -> bool:
    """Tell a frame of market data and nothing else."""
    if not isinstance(whole, dict) or set(whole) != {"data"} or not isinstance(whole["data"], list):
        return False
    services = [block.get("service") if isinstance(block, dict) else None for block in whole["data"]]
    return all(isinstance(service, str) and _MARKET.fullmatch(service) for service in services)


def _is_spelled_otherwise(frame: bytes) -> bool:
    """Tell whether a frame may hold a name or a secret that a search does not find; books have no backslash."""
    return b"\\" in frame and (b"\\u" in frame or b"\\/" in frame)


def _unescaped(frame: bytes) -> bytes:
    """Give a frame with its `\\uXXXX` of plain characters as these, and with no other escape."""
    return _ESCAPED.sub(lambda match: bytes.fromhex(match.group(1).decode()), frame).replace(b"\\", b"")


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


def _texts_in(value: object, *, with_numbers: bool) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        if value.startswith("{"):  # field 3: JSON in a string
            try:
                yield from _texts_in(_any.decode(value), with_numbers=with_numbers)
            except (msgspec.DecodeError, RecursionError):
                return
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _texts_in(inner, with_numbers=with_numbers)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts_in(inner, with_numbers=with_numbers)
    elif isinstance(value, int) and with_numbers:
        yield str(value)


def _cover(secret: bytes) -> bytes:
    # Digits may stand as a JSON number, which must stay one.
    return b"9" * len(secret) if secret.isdigit() else b"#" * len(secret)


def _covered_text(match: "re.Match[bytes]") -> bytes:
    return match.group(1) + _cover(match.group(2))


def _covered_number(match: "re.Match[bytes]") -> bytes:
    return match.group(1) + b"9" * len(match.group(2))
