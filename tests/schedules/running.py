"""Owns the playing of many schedules on several cores, and how a failing one is told."""

import logging
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from schedules.sabotage import SABOTAGES
from schedules.schedule import Schedule, drawn
from schedules.shrinking import shrunk
from schedules.world import Played, play

CHUNK = 25


def quiet() -> None:
    """Keep leadline's log to those who listen."""
    logger = logging.getLogger("leadline")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())


def play_some(first: int, count: int) -> tuple[Counter[str], list[tuple[int, list[str]]]]:
    """Play schedules one after another; give what was counted, and the seeds that failed with their violations."""
    quiet()
    counts: Counter[str] = Counter()
    failed = []
    for seed in range(first, first + count):
        played = play(drawn(seed))
        counts.update(played.counts)
        counts["schedules"] += 1
        if played.violations:
            failed.append((seed, [str(violation) for violation in played.violations]))
    return counts, failed


def fails_alike(violated: set[str], schedule: Schedule) -> bool:
    """Tell whether a schedule violates one of these invariants."""
    return bool(violated & {violation.invariant for violation in play(schedule).violations})


def show_failure(seed: int) -> None:
    """Print a failing schedule, made small, and how to see it again."""
    whole = drawn(seed)
    violated = {violation.invariant for violation in play(whole).violations}
    small = shrunk(whole, lambda schedule: fails_alike(violated, schedule))
    print(f"\n{small}")
    for violation in play(small).violations:
        print(f"  VIOLATED {violation}")
    print(f"  again, with its log: make chaos SEED={seed}")


def show_one(seed: int) -> int:
    """Play one schedule with leadline's log; exit 1 if it fails."""
    logger = logging.getLogger("leadline")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    schedule = drawn(seed)
    print(schedule, "\n", flush=True)
    played = play(schedule, log_to=sys.stdout)
    for violation in played.violations:
        print(f"VIOLATED {violation}")
    if played.violations:
        show_failure(seed)
    print(f"seed {seed}: {'failed' if played.violations else 'all invariants hold'}; {said(played)}")
    return 1 if played.violations else 0


def find(sabotage: str, count: int, first: int) -> int:
    """Play schedules with a bug planted until one fails that holds without it; exit 1 if none does."""
    quiet()
    for seed in range(first, first + count):
        with SABOTAGES[sabotage]():
            found = play(drawn(seed)).violations
        if found:
            plain = play(drawn(seed)).violations
            print(f"{sabotage}: seed {seed}: {found[0]}")
            print("it fails without the bug too" if plain else "it holds without the bug")
            return 1 if plain else 0
    print(f"{sabotage} was not found in {count} schedules")
    return 1


def said(played: Played) -> str:
    """Give what a run counted."""
    return ", ".join(f"{name} {count}" for name, count in sorted(played.counts.items()))


def run(count: int, first: int, jobs: int, failures_max: int) -> int:
    """Play many schedules on several cores; exit 1 if one fails."""
    begun_s = time.monotonic()
    counts: Counter[str] = Counter()
    failed: list[tuple[int, list[str]]] = []
    spans = [(start, min(CHUNK, first + count - start)) for start in range(first, first + count, CHUNK)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for done, (some, bad) in enumerate(pool.map(play_some, *zip(*spans, strict=True)), start=1):
            counts.update(some)
            failed += bad
            if sys.stderr.isatty() or done % 20 == 0:
                passed_s = time.monotonic() - begun_s
                print(
                    f"\r{counts['schedules']} of {count}, {len(failed)} failed, {passed_s:.0f} s",
                    end="",
                    file=sys.stderr,
                )
            if len(failed) >= failures_max:
                pool.shutdown(cancel_futures=True)
                break
    print(file=sys.stderr)
    for seed, violations in failed:
        print(f"seed {seed} failed:", *violations, sep="\n  ")
    for seed, _ in failed[:1]:
        quiet()
        show_failure(seed)
    for name, number in sorted(counts.items()):
        print(f"{number:10}  {name}")
    print(
        f"{counts['schedules']} schedules from seed {first}: {len(failed)} failed, {time.monotonic() - begun_s:.0f} s"
    )
    return 1 if failed else 0
