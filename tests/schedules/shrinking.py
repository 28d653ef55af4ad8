"""Owns the making small of a schedule that fails: fewer steps, as long as the same invariant is violated."""

from collections.abc import Callable

from schedules.schedule import Schedule, Step

Fails = Callable[[Schedule], bool]

TRIES_MAX = 300


def shrunk(schedule: Schedule, fails: Fails) -> Schedule:
    """Give a schedule with as few steps as can be found that still fails.

    Runs of steps are left away, long ones first (Zeller and Hildebrandt's delta debugging).
    """
    tries = 0
    steps: tuple[Step, ...] = schedule.steps
    size = max(1, len(steps) // 2)
    while size >= 1:
        start = 0
        while start < len(steps) and tries < TRIES_MAX:
            fewer = steps[:start] + steps[start + size :]
            tries += 1
            if fails(schedule.with_steps(fewer)):
                steps = fewer
            else:
                start += size
        size //= 2
    return schedule.with_steps(steps)
