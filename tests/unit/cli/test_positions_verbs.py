"""`leadline positions`, `orders` and `adopt` read and write beside a grok that runs, and say how old each number is."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from leadline.cli import app
from leadline.clock import SystemClock
from leadline.core.agreement import FIRST_CONTACT, Baseline
from leadline.core.external import ExternalOrder
from leadline.core.orders import OrderState
from leadline.core.position import Position
from leadline.store.baselines import insert_baseline
from leadline.store.commands import CommandState, answer, asked_of
from leadline.store.listed import list_external
from leadline.store.orders import Book, OrderUpdate, PositionRow, insert_order, update_order, upsert_position
from leadline.store.status import upsert_process
from leadline.store.writer import Writer
from support.intents import an_intent
from support.machine import leadline
from support.ui_store import a_process

S = 1_000_000_000
BOOK = Book("live", "sim", "print")


class Store:
    """A database as a trading grok leaves it: one position that agrees, one that does not, orders of both kinds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now_ns = SystemClock().wall_ns()
        self.writer = Writer(path, 0)
        self.writer.start()
        self.position("F", 100, 50, 150, "OPEN", None)
        self.position("T", 100, 0, 0, "LOCKED", "the account holds 0 shares, ours 100")
        intent = an_intent(1)
        self.writer.put(insert_order(intent, BOOK))
        update = OrderUpdate(state=OrderState.WORKING, order_id="9", broker_status="QUEUED", filled_qty=40)
        self.writer.put(update_order(intent.key, update))
        ended = an_intent(2, symbol="T")
        self.writer.put(insert_order(ended, BOOK))
        self.writer.put(update_order(ended.key, OrderUpdate(state=OrderState.CANCELED, order_id="8")))
        by_hand = ExternalOrder("77", "F", "SELL", 10, 4, 13.5, "WORKING", "API_TOS:IPHONE", self.now_ns)
        done = ExternalOrder("78", "T", "SELL", 100, 100, None, "FILLED", None, self.now_ns)
        for statement in list_external(BOOK, [by_hand, done], self.now_ns - 12 * S):
            self.writer.put(statement)
        self.writer.put(insert_baseline(BOOK, Baseline(Position("F"), 50, 50, 1, FIRST_CONTACT, "")))
        self.say("ARMED", 0)

    def position(self, symbol: str, ours: int, external: int, broker: int, state: str, reason: str | None) -> None:
        row = PositionRow(
            position=Position(symbol, ours, ours * 13_000_000),
            updated_ns=self.now_ns - 300 * S,
            external_qty=external,
            broker_qty=broker,
            broker_ns=self.now_ns - 3 * S,
            state=state,
            reason=reason,
        )
        self.writer.put(upsert_position(BOOK, row))

    def say(self, state: str, age_s: float) -> None:
        heartbeat_ns = SystemClock().wall_ns() - round(age_s * S)
        self.writer.put_state("grok", upsert_process(a_process(heartbeat_ns, mode="sim", state=state)))
        assert self.writer.flush(60)

    def answer_next(self, state: CommandState, text: str) -> threading.Thread:
        """Answer the next command as the trading process does; say again and again that it runs."""

        def run() -> None:
            for _ in range(600):
                self.say("ARMED", 0)
                for number, _asked in asked_of(self.path, BOOK):
                    self.writer.put(answer(number, state, text, 1))
                    return
                threading.Event().wait(0.05)

        thread = threading.Thread(target=run)
        thread.start()
        return thread


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "l.db")
    yield made
    made.writer.close()


def verb(store: Store, *words: str) -> Any:
    return leadline(*words, cwd=store.path.parent, DB_PATH=str(store.path))


def test_positions_say_each_number_with_its_age_and_why_they_differ(store: Store) -> None:
    ended = verb(store, "positions")
    assert ended.returncode == 0
    lines = ended.stdout.splitlines()
    [f] = [line for line in lines if line.startswith("F ")]
    assert f.split()[:6] == ["F", "SIM", "live", "+100", "50", "150"]
    assert f.split()[-4:] == ["13.0000", "OPEN", "✓", "agree"]
    place = next(number for number, line in enumerate(lines) if line.startswith("T "))
    assert "✕ differ -100" in lines[place]
    assert "the account holds 0 shares, ours 100" in lines[place + 1]
    assert any("QUEUED" in line and "filled 40/100" in line and "open 60" in line for line in lines)
    assert any("EXTERNAL SELL 10 at 13.5" in line and "open 6" in line for line in lines)
    assert not any("order 78" in line for line in lines), "it is over"


def test_an_old_number_is_called_old_and_a_grok_that_ended_is_said_first(store: Store) -> None:
    store.now_ns -= 100 * S
    store.position("F", 100, 50, 150, "OPEN", None)
    store.say("STOPPED", 0)
    ended = verb(store, "positions")
    assert ended.stdout.startswith("grok stopped")
    assert "OLD" in next(line for line in ended.stdout.splitlines() if line.startswith("F "))
    store.say("ARMED", 60)
    assert verb(store, "positions").stdout.startswith("GROK IS NOT RUNNING")


def test_positions_for_machines(store: Store) -> None:
    told = json.loads(verb(store, "positions", "--json").stdout)
    agreed = {row["symbol"]: (row["is_agreed"], row["ours_qty"], row["external_qty"]) for row in told["positions"]}
    assert agreed == {"F": (True, 100, 50), "T": (False, 100, 0)}
    assert [(order["order_id"], order["leaves_qty"]) for order in told["open_orders"]] == [("9", 60)]
    assert [(order["order_id"], order["side"]) for order in told["external_orders"]] == [("77", "sell")]
    assert 3 <= told["positions"][0]["broker_age_s"] < 600


@pytest.mark.parametrize(
    ("words", "ours", "external"),
    [
        ((), ["9"], ["77"]),
        (("--all",), ["9", "8"], ["77", "78"]),
        (("--day",), [], ["77", "78"]),
        (("--all", "--symbol", "t"), ["8"], ["78"]),
    ],
)
def test_orders_open_or_all_of_one_symbol(
    store: Store, words: tuple[str, ...], ours: list[str], external: list[str]
) -> None:
    told = json.loads(verb(store, "orders", "--json", *words).stdout)
    assert sorted(order["order_id"] for order in told["orders"]) == sorted(ours)
    assert sorted(order["order_id"] for order in told["external_orders"]) == external
    plain = verb(store, "orders", *words)
    assert plain.returncode == 0
    assert all(f"order {order_id}" in plain.stdout for order_id in [*ours, *external])


def test_adopt_asks_for_the_symbol_again_and_prints_the_answer(store: Store) -> None:
    answering = store.answer_next(CommandState.APPLIED, "F: ours 0, not ours 150")
    ended = verb(store, "adopt", "f", "--ours", "0", "--yes")
    answering.join()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "the broker holds +150 shares" in ended.stdout
    assert "until now   ours +100, not ours +50" in ended.stdout
    assert "from now on ours +0, not ours +150" in ended.stdout
    assert "applied: F: ours 0, not ours 150" in ended.stdout


def test_a_refusal_says_why_and_ends_with_1(store: Store) -> None:
    answering = store.answer_next(CommandState.REFUSED, "an order works")
    ended = verb(store, "adopt", "F", "--ours", "0", "--yes")
    answering.join()
    assert ended.returncode == 1
    assert "refused: an order works" in ended.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("F", "--ours", "151", "--yes"), "cannot be ours"),
        (("F", "--ours", "-1", "--yes"), "cannot be ours"),
        (("NIO", "--ours", "0", "--yes"), "expected one of F, T"),
    ],
)
def test_what_cannot_be_is_not_even_asked(store: Store, words: tuple[str, ...], why: str) -> None:
    ended = verb(store, "adopt", *words)
    assert (ended.returncode, why in ended.stderr) == (2, True)
    assert asked_of(store.path, BOOK) == []


def test_another_symbol_typed_is_no_confirmation(store: Store) -> None:
    ended = CliRunner().invoke(app, ["adopt", "F", "--ours", "0", "--db", str(store.path)], input="T\n")
    assert ended.exit_code == 2
    assert asked_of(store.path, BOOK) == []
    store.say("STOPPED", 0)
    confirmed = CliRunner().invoke(app, ["adopt", "F", "--ours", "0", "--db", str(store.path)], input="f\n")
    assert confirmed.exit_code == 0
    assert "applied at its next start" in confirmed.stdout
    [(_, asked)] = asked_of(store.path, BOOK)
    assert (asked.symbol, asked.qty, asked.seen_qty) == ("F", 0, 150)
    assert asked.asked_by
    assert asked.host
