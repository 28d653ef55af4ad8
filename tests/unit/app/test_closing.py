"""The end of a run: every step is taken, and none holds up the rest for ever or blocks the loop."""

import asyncio
import threading
from time import monotonic

import pytest

from leadline.app import closing
from leadline.app.closing import Step, close_all
from leadline.app.run import _worst
from leadline.core.errors import ExitCode, LeadlineError, StoreError


def fail(error: Exception) -> object:
    raise error


async def test_every_step_is_taken_whatever_became_of_the_one_before(caplog: pytest.LogCaptureFixture) -> None:
    taken: list[str] = []
    errors = await close_all(
        [
            Step("writing the tape", lambda: fail(ValueError("odd")), 5),
            Step("writing rows", lambda: fail(StoreError("full", do="free the disk")), 5),
            Step("copying", lambda: taken.append("copied"), 5),
        ]
    )
    assert taken == ["copied"]
    assert [str(error) for error in errors] == [
        "writing the tape failed: ValueError('odd'); do: see the log above",
        "full; do: free the disk",
    ]
    assert "stopping: writing rows failed: full" in caplog.text


async def test_a_step_that_never_ends_is_named_and_left_and_the_loop_runs_meanwhile(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(closing, "SAY_S", 0.05)
    never, turns, done = threading.Event(), 0, False

    async def count() -> None:
        nonlocal turns
        while not done:
            turns += 1
            await asyncio.sleep(0.01)

    counting = asyncio.create_task(count())
    begun_s = monotonic()
    [error] = await close_all([Step("writing rows", never.wait, 0.3), Step("copying", lambda: None, 5)])
    assert monotonic() - begun_s < 60, "it waited for a thread that never ends"
    done = True
    await counting
    never.set()
    assert turns > 3
    assert "writing rows did not end within 0.3 s" in str(error)
    assert "stopping: still writing rows" in caplog.text


def test_an_order_in_doubt_is_worse_than_any_fault(caplog: pytest.LogCaptureFixture) -> None:
    fault, late = LeadlineError("first"), StoreError("second")
    assert _worst(ExitCode.OK, None, []) is ExitCode.OK
    with pytest.raises(LeadlineError, match="first"):
        _worst(ExitCode.OK, fault, [late])
    with pytest.raises(StoreError, match="second"):
        _worst(ExitCode.OK, None, [late])
    assert _worst(ExitCode.UNKNOWN_ORDER, fault, [late]) is ExitCode.UNKNOWN_ORDER
    assert "first" in caplog.text
    assert "second" in caplog.text
