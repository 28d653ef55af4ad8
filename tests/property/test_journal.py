"""Whatever a crash makes of the last record, all before it come back, and the next append does too."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.core.intent import Intent
from leadline.store.journal import MAGIC, Journal
from support.intents import an_intent

SIZE_BYTES = 32 * 1_024


def journal_at(path: Path) -> Journal:
    return Journal(path, size_bytes=SIZE_BYTES, reserve_bytes=4 * 1_024)


def written(path: Path, intents: list[Intent]) -> list[int]:
    """Append intents and give the offset at which each begins, and the end of the last."""
    journal = journal_at(path)
    offsets = [len(MAGIC)]
    for intent in intents:
        journal.append(intent)
        offsets.append(journal._offset)
    journal.close()
    return offsets


def check(content: bytes, before: list[Intent]) -> None:
    """Open a file with this content, append, and open it again."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "x.journal"
        path.write_bytes(content)
        journal = journal_at(path)
        assert journal.intents == before
        for number in (101, 102):
            journal.append(an_intent(number))
        journal.close()
        again = journal_at(path)
        assert again.intents == [*before, an_intent(101), an_intent(102)]
        again.close()


def test_a_last_record_that_is_cut_at_any_byte_is_no_record(tmp_path: Path) -> None:
    intents = [an_intent(1), an_intent(2, closes=True)]
    path = tmp_path / "x.journal"
    *_, start, end = written(path, intents)
    whole = path.read_bytes()
    for cut in range(start, end):
        check(whole[:cut] + bytes(SIZE_BYTES - cut), intents[:1])
    check(whole[:end] + bytes(SIZE_BYTES - end), intents)


def test_a_file_that_ends_within_its_last_record_is_read_and_made_whole_again(tmp_path: Path) -> None:
    intents = [an_intent(1), an_intent(2)]
    path = tmp_path / "x.journal"
    *_, start, end = written(path, intents)
    whole = path.read_bytes()
    for length in range(start, end, 7):
        check(whole[:length], intents[:1])


@settings(max_examples=80, deadline=None)
@given(
    kept=st.integers(0, 4),
    cut=st.floats(0, 1, exclude_max=True),
    garbage=st.binary(min_size=1, max_size=2_000),
)
def test_a_torn_tail_of_garbage_costs_no_record_before_it(kept: int, cut: float, garbage: bytes) -> None:
    intents = [an_intent(number, closes=number % 2 == 0) for number in range(1, kept + 2)]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "x.journal"
        *_, start, end = written(path, intents)
        whole = path.read_bytes()
    at = start + int(cut * (end - start))
    if whole[at : at + len(garbage)] == garbage:
        garbage = bytes([garbage[0] ^ 0xFF]) + garbage[1:]
    torn = whole[:at] + garbage + whole[at + len(garbage) :]
    if torn[start:end] == whole[start:end]:
        return
    check(torn[:SIZE_BYTES], intents[:-1])


@settings(max_examples=80, deadline=None)
@given(
    symbols=st.lists(st.text(max_size=40).filter(lambda text: text.isprintable()), max_size=12),
    flip=st.floats(0, 1, exclude_max=True),
    bit=st.integers(0, 7),
)
def test_one_flipped_bit_costs_at_most_the_record_that_holds_it(symbols: list[str], flip: float, bit: int) -> None:
    intents = [an_intent(number, symbol=symbol) for number, symbol in enumerate(symbols, start=1)]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "x.journal"
        offsets = written(path, intents)
        content = bytearray(path.read_bytes())
        at = len(MAGIC) + int(flip * (offsets[-1] - len(MAGIC)))
        content[at] ^= 1 << bit
        path.write_bytes(content)
        journal = journal_at(path)
        found = journal.intents
        journal.close()
    expected = [
        intent for intent, start, end in zip(intents, offsets, offsets[1:], strict=False) if not start <= at < end
    ]
    assert found == expected
