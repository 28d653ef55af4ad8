"""Requests are counted over a sliding minute (Schwab API facts 2.4)."""

from hypothesis import given
from hypothesis import strategies as st

from leadline.core.budget import RequestBudget

MINUTE_NS = 60_000_000_000


def test_a_request_counts_for_one_minute_and_not_a_nanosecond_longer() -> None:
    budget = RequestBudget()
    budget.spend(5)
    assert budget.last_minute(5 + MINUTE_NS - 1) == 1
    assert budget.last_minute(5 + MINUTE_NS) == 0


@given(st.lists(st.tuples(st.booleans(), st.integers(0, MINUTE_NS // 3)), max_size=60))
def test_it_counts_what_a_full_list_would_count(steps: list[tuple[bool, int]]) -> None:
    budget, now_ns, sent_ns = RequestBudget(), 0, list[int]()
    for is_request, passed_ns in steps:
        now_ns += passed_ns
        if is_request:
            budget.spend(now_ns)
            sent_ns.append(now_ns)
        assert budget.last_minute(now_ns) == sum(1 for at_ns in sent_ns if at_ns > now_ns - MINUTE_NS)
