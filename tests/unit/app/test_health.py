"""What trading does when rows do not reach the database: nothing is opened after a while, and again once they do."""

from leadline.app.health import STORE_PATIENCE_S, StoreWatch
from support.trading import HandClock


class FailingWriter:
    error: str | None = None
    behind_s = 0.0


def test_entries_are_held_after_a_while_and_let_go_at_once() -> None:
    clock, writer = HandClock(), FailingWriter()
    held: list[str | None] = []
    watch = StoreWatch(writer, clock, lambda source, reason: held.append(reason))  # type: ignore[arg-type]
    watch.look()
    writer.error = "database is locked"
    for _ in range(STORE_PATIENCE_S):
        watch.look()
        clock.pass_s(1)
    assert held == [None], "a short lock is no reason"
    watch.look()
    assert held[-1] == "the database cannot be written (database is locked)"
    writer.error = None
    watch.look()
    assert held[-1] is None
    writer.error = "disk full"
    watch.look()
    assert held[-1] is None, "the patience begins anew"


def test_a_disk_that_does_not_answer_holds_entries_by_the_age_of_what_waits() -> None:
    """It raises nothing: the writer's thread just never comes back."""
    writer = FailingWriter()
    held: list[str | None] = []
    watch = StoreWatch(writer, HandClock(), lambda source, reason: held.append(reason))  # type: ignore[arg-type]
    writer.behind_s = STORE_PATIENCE_S - 0.1
    watch.look()
    assert held == [None]
    writer.behind_s = STORE_PATIENCE_S
    watch.look()
    assert held[-1] == "rows have waited for 5 s: the disk does not answer"
    writer.behind_s = 0
    watch.look()
    assert held[-1] is None
