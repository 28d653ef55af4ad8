"""Owns a schedule: what happens when in one run, drawn from a seed, and small enough to read when it fails."""

from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any

SYMBOLS = ("F", "SOFI", "T")


class Kind(StrEnum):
    """What a step does."""

    LEAN = "lean"
    """The book of `symbol` leans to `side` from now on: bid, ask or none."""
    FAULT = "fault"
    """The broker misbehaves: `words` as in a scenario."""
    HAND = "hand"
    """A person trades in another app."""
    KILL = "kill"
    """The process dies at `point`, and is started again after `down_ms`."""
    STOP = "stop"
    """The process is asked to end, and is started again after `down_ms`."""
    ADOPT = "adopt"
    """A person types `leadline adopt`, having looked: what our orders have left is ours."""
    REFUSE = "refuse"
    """For `for_ms` no connection can be made."""


class Point(StrEnum):
    """Where a process is killed: at once, or at its next order request."""

    NOW = "now"
    RECORDED = "recorded"
    """The intent is on record, no byte has left."""
    SENT = "sent"
    """The request is on its way."""
    ANSWERED = "answered"
    """The broker has answered, nobody has read it."""


@dataclass(frozen=True)
class Step:
    """One thing that happens `at_ms` after the start."""

    at_ms: int
    kind: Kind
    values: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Give it as one line."""
        said = " ".join(f"{name}={value}" for name, value in self.values.items())
        return f"{self.at_ms / 1000:8.3f} s  {self.kind}  {said}"


@dataclass(frozen=True)
class Schedule:
    """One run: the settings of both sides, what is held before, and the steps in order of time."""

    seed: int
    horizon_ms: int
    broker: dict[str, Any]
    trader: dict[str, Any]
    held: dict[str, int]
    steps: tuple[Step, ...]

    def with_steps(self, steps: tuple[Step, ...]) -> "Schedule":
        """Give the same run with other steps."""
        return Schedule(self.seed, self.horizon_ms, self.broker, self.trader, self.held, steps)

    def __str__(self) -> str:
        """Give it whole, to be read."""
        head = f"seed {self.seed}, {self.horizon_ms / 1000:g} s\n  broker {self.broker}\n  trader {self.trader}"
        held = f"\n  held before {self.held}" if self.held else ""
        return "\n".join([head + held, *(f"  {step}" for step in self.steps)])


def drawn(seed: int) -> Schedule:
    """Draw a schedule."""
    rng = Random(seed)
    horizon_ms = rng.randint(25_000, 90_000)
    steps = [*_leans(rng, horizon_ms)]
    steps += [
        *(_step(rng, horizon_ms, Kind.FAULT, {"words": _fault(rng)}) for _ in range(rng.choice((0, 1, 1, 2, 3, 4, 6)))),
        *(_step(rng, horizon_ms, Kind.HAND, _hand(rng)) for _ in range(rng.choice((0, 0, 0, 1, 2)))),
        *(_adopt(rng, horizon_ms) for _ in range(rng.choice((0, 0, 0, 1, 3)))),
        *(_restart(rng, horizon_ms) for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 3)))),
    ]
    if rng.random() < 0.1:
        steps.append(Step(rng.randrange(horizon_ms), Kind.REFUSE, {"for_ms": rng.randint(100, 8_000)}))
    return Schedule(
        seed=seed,
        horizon_ms=horizon_ms,
        broker=_broker(rng),
        trader=_trader(rng),
        held={rng.choice(SYMBOLS): rng.choice((-100, 50, 100, 300))} if rng.random() < 0.1 else {},
        steps=tuple(sorted(steps, key=lambda step: step.at_ms)),
    )


def _leans(rng: Random, horizon_ms: int) -> list[Step]:
    steps = []
    for symbol in SYMBOLS:
        at_ms = rng.randint(1_000, 8_000)
        while at_ms < horizon_ms:
            side = rng.choice(("bid", "ask", "bid", "ask", "none"))
            steps.append(Step(at_ms, Kind.LEAN, {"symbol": symbol, "side": side}))
            at_ms += rng.choice((rng.randint(1_000, 4_000), rng.randint(4_000, 20_000)))
    return steps


def _step(rng: Random, horizon_ms: int, kind: Kind, values: dict[str, Any]) -> Step:
    return Step(rng.randrange(horizon_ms), kind, values)


def _adopt(rng: Random, horizon_ms: int) -> Step:
    return _step(rng, horizon_ms, Kind.ADOPT, {"symbol": rng.choice(SYMBOLS)})


def _hand(rng: Random) -> dict[str, Any]:
    return {
        "symbol": rng.choice(SYMBOLS),
        "instruction": rng.choice(("BUY", "SELL", "SELL_SHORT", "BUY_TO_COVER")),
        "quantity": rng.choice((10, 50, 100, 100)),
        "tag": rng.choice(("API_TOS:IPHONE", "TA_another")),
    }


def _restart(rng: Random, horizon_ms: int) -> Step:
    down_ms = rng.choice((200, 1_000, 5_000, 20_000, 60_000))
    if rng.random() < 0.25:
        return Step(rng.randrange(horizon_ms), Kind.STOP, {"down_ms": down_ms})
    return Step(rng.randrange(horizon_ms), Kind.KILL, {"point": rng.choice(list(Point)), "down_ms": down_ms})


def _broker(rng: Random) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if rng.random() < 0.3:
        settings["order_latency_low_ms"], settings["order_latency_high_ms"] = rng.choice(((1, 5), (200, 2_500)))
    if rng.random() < 0.2:
        settings["listing_lag_ms"] = rng.choice((500, 3_000, 20_000))
    if rng.random() < 0.3:
        settings["account_lag_ms"] = rng.choice((0, 2_000, 5_000))
    if rng.random() < 0.1:
        settings["cancel_by_ur_out"] = True
    if rng.random() < 0.2:
        settings["late_cancel_status"] = 200
    if rng.random() < 0.1:
        settings["order_limit_per_min"] = rng.choice((4, 10, 30))
        settings["retry_after_s"] = rng.choice((0, 5))
    if rng.random() < 0.1:
        settings["not_shortable"] = rng.choice(SYMBOLS)
    if rng.random() < 0.1:
        settings["broker_placed"] = rng.choice(SYMBOLS)
    return settings


def _trader(rng: Random) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "min_imbalance_duration_sec": rng.choice((0, 0, 1, 2)),
        "alert_throttle_sec": rng.choice((0, 2, 5, 20)),
        "live_limit_fill_timeout": rng.choice((0.3, 2, 5)),
        "order_timeout_sec": rng.choice((1, 5)),
    }
    if rng.random() < 0.2:
        settings["live_shorting"] = False
    if rng.random() < 0.2:
        settings["live_exit_to_market"] = False
    if rng.random() < 0.3:
        settings["live_stop_bps"], settings["live_take_profit_bps"] = rng.choice((5, 20)), rng.choice((5, 30))
    if rng.random() < 0.2:
        settings["live_time_stop_sec"] = rng.choice((3, 10, 40))
    return settings


def _fault(rng: Random) -> dict[str, Any]:
    """Draw one way to misbehave; each is legal at its place and ends by itself or with the run."""
    draw = rng.choice((_of_place, _of_place, _of_answer, _of_life, _of_life, _of_feed, _of_time))
    words: dict[str, Any] = draw(rng)
    if words["on"] != "time":
        if rng.random() < 0.7:
            words["nth"], words["times"] = rng.randint(1, 3), rng.choice((1, 1, 2, 5))
        else:
            words["chance"], words["until_s"] = rng.choice((0.1, 0.3, 0.6)), rng.randint(3, 40)
        if words["on"].startswith("order.") and rng.random() < 0.3:
            words["symbol"] = rng.choice(SYMBOLS)
    return words


def _of_place(rng: Random) -> dict[str, Any]:
    """Spoil the submit of an order (group A of the catalogue)."""
    when = rng.choice(("before", "after"))
    status = rng.choice((400, 401, 403, 404, 408, 409, 429, 500, 502, 503, 504, 301))
    return rng.choice(
        (
            {"do": "drop", "when": when},
            {"do": "hold", "when": when},
            {"do": "reset", "when": when},
            {"do": "truncate", "when": "after", "bytes": 0},
            {"do": "delay", "ms": rng.choice((300, 2_000, 7_000))},
            {"do": "status", "status": status, "when": when if status >= 408 else "before"},
            {"do": "no_location"},
            {"do": "wrong_location"},
            {"do": "body", "text": "<html></html>", "type": "text/html"},
        )
    ) | {"on": "orders.place"}


def _of_answer(rng: Random) -> dict[str, Any]:
    """Spoil what is asked about orders and the account, and cancels."""
    place = rng.choice(
        ("orders.show", "orders.list", "orders.cancel", "account", "user_preference", "token", "request")
    )
    effects: list[dict[str, Any]] = [
        {"do": "drop", "when": rng.choice(("before", "after"))},
        {"do": "hold", "when": rng.choice(("before", "after"))},
        {"do": "delay", "ms": rng.choice((200, 1_500, 6_000))},
        {"do": "status", "status": rng.choice((404, 429, 500, 503)), "when": "before"},
        {"do": "truncate", "bytes": rng.choice((0, 20))},
        {"do": "body", "text": rng.choice(("", "{}", "[]", "null", "<html>"))},
    ]
    if place in ("orders.list", "account"):
        effects.append({"do": "empty"})
    return rng.choice(effects) | {"on": place}


def _of_life(rng: Random) -> dict[str, Any]:
    """Make an order live another life than it should (group B)."""
    return rng.choice(
        (
            {"on": "order.enter", "do": "listing_lag", "ms": rng.choice((2_000, 20_000, 90_000))},
            {"on": "order.enter", "do": "twin", "tag": rng.choice(("API_TOS:SIM", "TA_another"))},
            {"on": "order.enter", "do": "reject", "when": rng.choice(("before", "after"))},
            {"on": "order.enter", "do": "replace", "ms": rng.choice((0, 500, 3_000))},
            {"on": "order.enter", "do": "rest"},
            {"on": "order.enter", "do": "partial", "quantity": rng.choice((1, 40, 99))},
            {"on": "order.enter", "do": "delay", "ms": rng.choice((500, 4_000))},
            {"on": "order.enter", "do": "expire", "ms": 700},
            {"on": "order.enter", "do": "admin_cancel", "ms": 700},
            {"on": "order.enter", "do": "show_status", "status": rng.choice(("PENDING_FOO", "NEW"))},
            {"on": "order.enter", "do": "via", "statuses": "NEW,QUEUED,WORKING", "ms": 400},
            {"on": "order.fill", "do": "split", "parts": 3},
            {"on": "order.fill", "do": "fill_price", "factor": rng.choice((100.0, 1.3))},
            {"on": "order.fill", "do": "overfill", "quantity": rng.choice((10, 100))},
            {"on": "order.cancel", "do": "fill_first", "when": rng.choice(("before", "after"))},
            {"on": "order.cancel", "do": "late_fill", "ms": rng.choice((300, 5_000)), "quantity": rng.choice((0, 30))},
            {"on": "order.cancel", "do": "ignore"},
            {"on": "order.cancel", "do": "delay", "ms": rng.choice((1_000, 5_000))},
        )
    )


def _of_feed(rng: Random) -> dict[str, Any]:
    """Spoil the stream."""
    book = rng.choice(
        ("crossed", "locked", "one_sided", "empty", "zero_price", "huge_price", "old", "future", "no_time")
    )
    return rng.choice(
        (
            {"on": "frame.ACCT_ACTIVITY", "do": "drop"},
            {"on": "frame.ACCT_ACTIVITY", "do": "duplicate", "copies": 2},
            {"on": "frame.ACCT_ACTIVITY", "do": "reorder"},
            {"on": "frame.ACCT_ACTIVITY", "do": "text", "text": rng.choice(("", "Feature not supported"))},
            {"on": "frame.NYSE_BOOK", "do": "book", "kind": book},
            {"on": "frame.NASDAQ_BOOK", "do": "book", "kind": book},
            {"on": "frame.data", "do": "malformed"},
            {"on": "frame.data", "do": "delay", "ms": rng.choice((200, 3_000))},
            {"on": "frame", "do": "close", "code": rng.choice((1000, 1001, 1006, 1011))},
            {"on": "frame", "do": "fragment"},
            {"on": "command.SUBS", "do": "code", "code": rng.choice((11, 19, 21, 22))},
            {"on": "command.LOGIN", "do": "ignore"},
            {"on": "connect", "do": "drop"},
        )
    )


def _of_time(rng: Random) -> dict[str, Any]:
    """Let something happen by itself."""
    for_s = rng.choice((1.0, 5.0, 15.0, 40.0))
    return rng.choice(
        (
            {"do": "partition", "for_s": for_s},
            {"do": "half_open", "for_s": for_s},
            {"do": "halt", "symbol": rng.choice(SYMBOLS), "for_s": for_s},
            {"do": "adjust", "symbol": rng.choice(SYMBOLS), "shares": rng.choice((-100, -50, 100))},
            {"do": "revoke", "token": "access"},
            {"do": "restrict", "for_s": for_s},
            {"do": "flood", "factor": 5.0, "for_s": 3.0},
            {"do": "evict"},
            {"do": "notice"},
            {"do": "close", "code": rng.choice((1000, 1006))},
        )
    ) | {"on": "time"}
