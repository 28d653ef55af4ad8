"""Times of several ways to do the same, taken in turns, as a table with ratios to the first."""

from collections.abc import Callable
from random import Random
from time import perf_counter_ns, sleep

Step = Callable[[], object]


def measured(
    ways: dict[str, Step], rounds: int, pause_s: tuple[float, float] | None, seed: int = 1
) -> dict[str, list[int]]:
    """Time each way once a round, in a new order each, after a pause of random length (None: at once). Nanoseconds."""
    dice = Random(seed)
    times: dict[str, list[int]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name in dice.sample(list(ways), len(ways)):
            if pause_s is not None:
                sleep(dice.uniform(*pause_s))
            step = ways[name]
            begun_ns = perf_counter_ns()
            step()
            times[name].append(perf_counter_ns() - begun_ns)
    return times


def percentile_us(times_ns: list[int], part: float) -> float:
    """Give a percentile in microseconds."""
    ordered = sorted(times_ns)
    return ordered[min(len(ordered) - 1, round(part * len(ordered)))] / 1_000


def table(title: str, times: dict[str, list[int]]) -> str:
    """Write medians and tails, and medians as multiples of the first way's."""
    first = percentile_us(next(iter(times.values())), 0.5)
    lines = [f"| {title} | p50 us | p99 us | max us | p50 / first |", "|---|---|---|---|---|"]
    for name, taken in times.items():
        median = percentile_us(taken, 0.5)
        tail, worst = percentile_us(taken, 0.99), max(taken) / 1_000
        lines.append(f"| {name} | {median:.1f} | {tail:.1f} | {worst:.0f} | {median / first:.2f} |")
    return "\n".join(lines) + "\n"
