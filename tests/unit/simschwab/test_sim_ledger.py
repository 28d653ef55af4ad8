"""The ledger never grows past its limit and drops frames before facts."""

from hypothesis import given
from hypothesis import strategies as st

from simschwab.core.events import FrameOut, StreamOpened
from simschwab.core.ledger import Ledger


def filled(kinds: list[bool], events_max: int) -> Ledger:
    ledger = Ledger(lambda: (7, 9), events_max)
    for is_frame in kinds:
        if is_frame:
            ledger.add(FrameOut(*ledger.stamp(), connection=1, frame="data", bytes=3, books=()))
        else:
            ledger.add(StreamOpened(*ledger.stamp(), connection=1))
    return ledger


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 12), st.integers(0, 45))
def test_keeps_the_newest_facts_first_and_counts_the_rest(kinds: list[bool], events_max: int, since: int) -> None:
    ledger = filled(kinds, events_max)
    kept = [event.seq for event in ledger.since(0)]
    facts = [seq for seq, is_frame in enumerate(kinds, start=1) if not is_frame]
    room = max(0, events_max - len(facts))
    frames = [seq for seq, is_frame in enumerate(kinds, start=1) if is_frame]
    assert kept == sorted(kept)
    assert len(kept) == min(events_max, len(kinds))
    assert ledger.dropped == len(kinds) - len(kept)
    assert ledger.next_seq == len(kinds) + 1
    assert ledger.frame_count == len(frames)
    assert [seq for seq in kept if seq in frames] == frames[len(frames) - min(room, len(frames)) :]
    assert [event.seq for event in ledger.since(since)] == [seq for seq in kept if seq >= since]
    assert all(isinstance(event, FrameOut) for event in ledger.since(0, "frame_out"))


def test_events_carry_both_clocks() -> None:
    (event,) = filled([True], 5).since(0)
    assert (event.mono_ns, event.wall_ns) == (7, 9)
