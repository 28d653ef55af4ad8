"""Recordings in other forms become frames that the live decoder reads, and say nothing before it was known."""

import gzip
import json
import zipfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from leadline.core.errors import TapeError
from leadline.schwab.wire import LEVEL_ONE, decode_fast
from leadline.tape.lean import read_lean
from leadline.tape.lines import Received
from leadline.tape.taq import read_taq

DATA = Path(__file__).parents[4] / "shared" / "data"
S, MS = 1_000_000_000, 1_000_000
MIDNIGHT_NS = 1_381_118_400 * S
"""2013-10-07 00:00 in New York."""


def lean(path: Path, kind: str, rows: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"20131007_bac_{kind}_Tick.csv", rows)
    return path


def items(received: Iterator[Received]) -> list[tuple[int, dict[str, Any]]]:
    found = []
    for recv_ns, frame in received:
        assert decode_fast(frame) is not None, "the live decoder takes it"
        [block] = json.loads(frame)["data"]
        [item] = block["content"]
        assert block["timestamp"] == recv_ns // MS
        found.append((recv_ns, item | {"service": block["service"]}))
    return found


def test_lean_quotes_are_conflated_to_one_change_a_second(tmp_path: Path) -> None:
    rows = "34200100,138400,700,0,0,P,1,0\n34200100,0,0,138500,900,Q,1,0\n34200900,138500,100,0,0,K,1,0\n"
    rows += "34201000,0,0,140000,5,Z,1,0\n34205500,999,1,0,0,Z,1,1\n"
    found = items(read_lean(lean(tmp_path / "q.zip", "Quote", rows)))
    first = {"1": 13.85, "4": 100, "7": "K", "2": 13.85, "5": 900, "6": "Q", "34": (MIDNIGHT_NS // MS) + 34_200_900}
    second = {"2": 14, "5": 5, "6": "Z", "34": (MIDNIGHT_NS // MS) + 34_201_000}
    base = {"key": "BAC", "service": LEVEL_ONE}
    assert found == [(MIDNIGHT_NS + 34_201 * S, base | first), (MIDNIGHT_NS + 34_202 * S, base | second)]


def test_lean_trades_add_up_to_the_days_volume(tmp_path: Path) -> None:
    rows = "34200100,138400,700,P,0,0\n34200200,138401,50,Q,0,1\n34202300,138450,25,K,0,0\n"
    found = items(read_lean(lean(tmp_path / "t.zip", "Trade", rows)))
    assert [(item["3"], item["8"], item["9"]) for _, item in found] == [(13.84, 700, 700), (13.845, 725, 25)]


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_bytes(b"no zip"),
        lambda path: lean(path, "Daily", "1,2,3\n"),
        lambda path: lean(path, "Quote", "34200100,x,700,0,0,P,1,0\n"),
        lambda path: lean(path, "Quote", "34200100,0\n"),
    ],
)
def test_what_is_no_lean_file_is_told_by_name(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "x.zip")
    with pytest.raises(TapeError) as error:
        list(read_lean(tmp_path / "x.zip"))
    assert str(tmp_path / "x.zip") in error.value.which
    assert error.value.do


QUOTES = "DT,EX,BID,BIDSIZ,OFR,OFRSIZ,SYMBOL\n"


def taq(path: Path, text: str) -> Path:
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["q.csv", "q.csv.gz"])
def test_taq_quotes_become_a_book_a_second_of_what_each_venue_said_last(tmp_path: Path, name: str) -> None:
    rows = (
        "2018-01-02 14:30:00.100000000,N,156.50,3,156.60,4,XXX\n"
        "2018-01-02 14:30:00.200000092,P,156.50,9,156.58,1,XXX\n"
        "2018-01-02 14:30:00.700000000,N,156.51,2,156.60,4,XXX\n"
        "2018-01-02 14:30:02.000000000,Z,156,1,0,0,XXX\n"
    )
    found = items(read_taq(taq(tmp_path / name, QUOTES + rows)))
    day_ms, t = 34_200_000, 1_514_903_400 * S
    first = {
        "key": "XXX",
        "service": "NYSE_BOOK",
        "1": t // MS + 700,
        "2": [
            {"0": 156.51, "1": 200, "2": 1, "3": [{"0": "NYSE", "1": 200, "2": day_ms + 700}]},
            {"0": 156.5, "1": 900, "2": 1, "3": [{"0": "ARCX", "1": 900, "2": day_ms + 200}]},
        ],
        "3": [
            {"0": 156.58, "1": 100, "2": 1, "3": [{"0": "ARCX", "1": 100, "2": day_ms + 200}]},
            {"0": 156.6, "1": 400, "2": 1, "3": [{"0": "NYSE", "1": 400, "2": day_ms + 700}]},
        ],
    }
    assert found[0] == (t + S, first)
    only = {"0": 156, "1": 100, "2": 1, "3": [{"0": "BATX", "1": 100, "2": day_ms + 2_000}]}
    assert found[1][0] == t + 3 * S
    assert (found[1][1]["2"], found[1][1]["3"]) == ([only], []), "after a second a venue's quote is out"


def test_venues_at_one_price_share_a_level_the_largest_first(tmp_path: Path) -> None:
    rows = "".join(f"2018-01-02 14:30:00.1,{venue},10.00,{n},10.01,1,XXX\n" for n, venue in enumerate("NPZK", 1))
    [(_, item)] = items(read_taq(taq(tmp_path / "q.csv", QUOTES + rows)))
    [level] = item["2"]
    assert (level["0"], level["1"], level["2"]) == (10, 1_000, 4)
    assert [entry["0"] for entry in level["3"]] == ["EDGX", "BATX", "ARCX", "NYSE"]


def test_taq_trades_become_level_one(tmp_path: Path) -> None:
    rows = (
        "DT,EX,SYMBOL,COND,SIZE,PRICE,CORR\n"
        "2018-01-02 14:30:00.479000092,P,XXX,FTI,2,157.8,0\n"
        "2018-01-02 14:30:00.500000000,P,XXX,FTI,9,1.0,1\n"
        "2018-01-02 14:30:01.188999891,P,XXX,FTI,3,157.85,0\n"
    )
    found = items(read_taq(taq(tmp_path / "t.csv", rows)))
    assert [(item["3"], item["8"], item["9"]) for _, item in found] == [(157.8, 2, 2), (157.85, 5, 3)]
    assert found[0][1]["35"] == 1_514_903_400_479


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a,b\n1,2\n", "x.csv"),
        ("", "x.csv"),
        (QUOTES + "2018-01-02 14:30:00,N,x,1,2,3,XXX\n", "x.csv, line 2"),
        (QUOTES + "2018-01-02 14:30:00,N,1,1,2,3,XXX\n2018-01-02 14:30:00,N,1,1,2\n", "x.csv, line 3"),
        (QUOTES + "2018-01-02 14:30:00,N,1,1,2,3,XXX\n2018-01-02 14:30:00,N,1,1,2,3,YYY\n", "x.csv, line 3"),
        (QUOTES + "2018-01-02 14:30:00,?,1,1,2,3,XXX\n", "x.csv, line 2"),
    ],
)
def test_what_is_no_taq_file_is_told_by_line(tmp_path: Path, text: str, where: str) -> None:
    with pytest.raises(TapeError) as error:
        list(read_taq(taq(tmp_path / "x.csv", text)))
    assert error.value.which.endswith(where)


def test_half_a_gz_is_told(tmp_path: Path) -> None:
    path = taq(tmp_path / "q.csv.gz", QUOTES + "2018-01-02 14:30:00.1,N,1,1,2,3,XXX\n" * 1_000)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(TapeError):
        list(read_taq(path))


# the real files, counted by other code


@pytest.mark.skipif(not DATA.is_dir(), reason=f"NOT TESTED: the recorded market data is not in {DATA}")
def test_the_real_lean_files_keep_volume_and_last_quote() -> None:
    folder = DATA / "lean_us_equity_tick"
    with zipfile.ZipFile(folder / "bac_20131007_trade.zip") as archive:
        rows = [line.split(",") for line in archive.read(archive.namelist()[0]).decode().split()]
    sound = [row for row in rows if row[5] == "0"]
    found = items(read_lean(folder / "bac_20131007_trade.zip"))
    assert found[-1][1]["8"] == sum(int(row[2]) for row in sound)
    assert Decimal(str(found[-1][1]["3"])) == Decimal(sound[-1][1]) / 10_000
    assert len(found) == len({int(row[0]) // 1_000 for row in sound})
    for recv_ns, item in found:
        assert 0 < recv_ns // MS - item["35"] <= 1_000, "nothing is known before it happened"


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason=f"NOT TESTED: the recorded market data is not in {DATA}")
def test_the_real_taq_quotes_make_a_book_for_every_second_in_which_one_came() -> None:
    path = DATA / "taq" / "XXX_2018-01-02_quotes.csv.gz"
    seconds = {line.split(",")[0][:19] for line in gzip.decompress(path.read_bytes()).decode().splitlines()[1:]}
    found = items(read_taq(path))
    assert len(found) == len(seconds)
    for _, item in found:
        for side, sign in (("2", -1), ("3", 1)):
            prices = [level["0"] * sign for level in item[side]]
            assert prices == sorted(set(prices))
            assert all(level["1"] == sum(entry["1"] for entry in level["3"]) for level in item[side])
        venues = [entry["0"] for level in item["2"] for entry in level["3"]]
        assert len(venues) == len(set(venues))
