"""A recorder killed at full speed: at most the last second is gone, and every segment is readable."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from leadline.tape.reader import Recorded, RunReader, runs_in
from leadline.tape.segments import segments_in
from support.processes import wait_until

pytestmark = pytest.mark.slow

HERE = Path(__file__).parents[1]

CODE = """
import asyncio, os, sys, time
from leadline.tape.masking import Mask
from leadline.tape.recorder import Recorder
from leadline.tape.writer import SegmentWriter
from support.taping import header

async def main(tape, received, run):
    recorder = Recorder(SegmentWriter(tape, header(run=run, start_ns=time.time_ns()), 3_000_000), Mask(["13572468"]))
    handing = asyncio.ensure_future(recorder.keep_handing_over())
    fd = os.open(received, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    number = 0
    while True:
        for _ in range(20):
            recorder.frame(time.time_ns(), time.monotonic_ns(), b"%012d" % number + os.urandom(5_000))
            if number % 7 == 0:
                recorder.conflated(number, "F", "NYSE_BOOK")
            # What was received is noted aside, with plain writes that a kill cannot take back.
            os.write(fd, b"%d %d\\n" % (number, time.monotonic_ns()))
            number += 1
        await asyncio.sleep(0.005)

from pathlib import Path
asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
"""


@contextmanager
def recording(tape: Path, received: Path, run: str) -> Iterator["subprocess.Popen[bytes]"]:
    env = {**os.environ, "PYTHONPATH": str(HERE)}
    process = subprocess.Popen([sys.executable, "-c", CODE, str(tape), str(received), run], env=env)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def lines_in(path: Path) -> list[tuple[int, int]]:
    """The frames that were received, and when, as far as whole lines tell."""
    if not path.exists():
        return []
    return [(int(n), int(t)) for n, t in (line.split() for line in path.read_text().split("\n")[:-1])]


def kept_in(tape: Path, run: str) -> list[Recorded]:
    [one] = [one for one in runs_in(tape)[0] if one.header.run == run]
    reader = RunReader(one)
    items = [item for item in reader.items() if isinstance(item, Recorded)]
    assert all(fault.is_torn for fault in reader.faults), reader.faults
    assert not reader.is_ended
    return items


def lost_by_a_kill(home: Path, later_s: float) -> float:
    """Kill a recorder, look at what is left, and give the seconds that are not on the tape."""
    tape = home / "tape"
    with recording(tape, home / "received", "killed") as process:
        wait_until(lambda: len(lines_in(home / "received")) > 6_000, "frames to be received")
        time.sleep(later_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
    received = lines_in(home / "received")
    kept = kept_in(tape, "killed")
    assert [int(item.frame[:12]) for item in kept] == list(range(len(kept))), "a beginning of what came, in its order"
    assert all(bool(item.superseded) == (item.frame_no % 7 == 0) for item in kept), "no frame without its mark"
    assert len(segments_in(tape)) > 1, "it had rotated"
    return (received[-1][1] - received[min(len(kept), len(received) - 1)][1]) / 1e9


def test_a_kill_costs_at_most_the_last_second(tmp_path: Path) -> None:
    """Four kills at four moments between two hand-overs; a machine that stood still during one of them is forgiven."""
    lost_s = []
    for number in range(4):
        (tmp_path / str(number)).mkdir()
        lost_s.append(lost_by_a_kill(tmp_path / str(number), later_s=0.08 * number))
    assert sorted(lost_s)[-2] < 1, lost_s


def test_processes_that_record_to_one_directory_do_not_meet(tmp_path: Path) -> None:
    names = [f"run-{number}" for number in range(3)]
    with ExitStack() as stack:
        processes = [stack.enter_context(recording(tmp_path / "tape", tmp_path / name, name)) for name in names]
        wait_until(lambda: all(len(lines_in(tmp_path / name)) > 2_500 for name in names), "all to receive")
        for process in processes:
            process.send_signal(signal.SIGKILL)
    for name in names:
        kept = kept_in(tmp_path / "tape", name)
        assert [int(item.frame[:12]) for item in kept] == list(range(len(kept)))
        assert kept


def test_a_file_that_may_not_grow_does_not_stop_the_recorder(tmp_path: Path) -> None:
    """RLIMIT_FSIZE: the segment ends in the middle of a block, and the process goes on."""
    code = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    code += "resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, resource.RLIM_INFINITY))\n"
    env = {**os.environ, "PYTHONPATH": str(HERE)}
    words = [sys.executable, "-c", code + CODE, str(tmp_path / "tape"), str(tmp_path / "received"), "limited"]
    process = subprocess.Popen(words, env=env, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: len(lines_in(tmp_path / "received")) > 3_000, "frames beyond the limit")
        assert process.poll() is None
    finally:
        process.kill()
        process.wait(10)
    kept = kept_in(tmp_path / "tape", "limited")
    assert [int(item.frame[:12]) for item in kept] == list(range(len(kept)))
    assert len(kept) < 1_500_000 / 5_000, "nothing was kept beyond the limit"
