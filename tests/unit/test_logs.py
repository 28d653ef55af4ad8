"""Log lines: secrets blacked out wherever they stand, written by a thread of their own, the level kept."""

import functools
import re
import signal
import subprocess
import sys

import msgspec
import pytest

from leadline.logs import LINES_WAITING_MAX
from support.machine import child, said

START = """
import asyncio, io, logging, sys, threading, time
from leadline.logs import hide, start_logging
start_logging(sys.argv[1], ["S3CR3T-one", "S3CR3T-one-longer", "abc", ""])
log = logging.getLogger("test")
"""


def logged(code: str, level: str = "INFO") -> str:
    """Run code in a process of its own, and give what it left on standard error."""
    ended = subprocess.run(
        [sys.executable, "-c", START + code, level], capture_output=True, text=True, check=False, timeout=30
    )
    assert not ended.stdout
    return ended.stderr


def test_a_line_has_the_time_the_level_and_the_text() -> None:
    text = logged("log.warning('%s shares of %s', 100, 'F')")
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} \[warning *\] 100 shares of F *\n", text), text


def test_the_time_of_a_line_is_that_of_the_call() -> None:
    code = """
for handler in logging.getLogger().handlers: pass
log.info("one")
time.sleep(0.25)
log.info("two")
"""
    first, second = (float(line[6:12]) for line in logged(code).splitlines())
    assert 0.2 < (second - first) % 60 < 1


CALLS = (
    "log.info('token S3CR3T-one end')",
    "log.info('token %s end', 'S3CR3T-one')",
    "log.info('token %(t)s end', {'t': 'S3CR3T-one'})",
    "log.info('token %r end', ['S3CR3T-one'])",
    "log.info('token S3CR3T-oneS3CR3T-one')",
    "log.info('token', extra={'token': 'S3CR3T-one'})",
    "log.info({'token': 'S3CR3T-one'})",
    "logging.getLogger('S3CR3T-one').info('token')",
    "log.info('token S3CR3T-one', stack_info=True)",
    "log.info('token %d', 'S3CR3T-one')",
    "log.info('token', 'S3CR3T-one')",
    """
t = threading.Thread(target=lambda: log.info('token S3CR3T-one'), name='S3CR3T-one'); t.start(); t.join()""",
    """
t = threading.Thread(target=lambda: int('token S3CR3T-one')); t.start(); t.join()""",
    """
try:
    raise ValueError('token S3CR3T-one')
except ValueError:
    log.exception('it failed')""",
    """
try:
    try:
        raise ValueError('token S3CR3T-one')
    except ValueError as inner:
        raise RuntimeError('outer') from inner
except RuntimeError:
    log.error('it failed', exc_info=True)""",
    """
class Bad:
    def __str__(self):
        raise ValueError('token S3CR3T-one')
log.info('%s', Bad())""",
    """
async def fail():
    raise ValueError('token S3CR3T-one')
async def main():
    task = asyncio.get_running_loop().create_task(fail())
    await asyncio.sleep(0)
    del task
asyncio.run(main())""",
)


@functools.cache
def said_by_calls() -> list[str]:
    """Give what each of the calls leaves on standard error, all made by one process."""
    code = "".join(f"\ntime.sleep(0.05)\nlog.info('<<next>>')\n{call}" for call in CALLS)
    return logged(code, "DEBUG").split("<<next>>")[1:]


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_a_secret_is_blacked_out_wherever_it_stands(number: int) -> None:
    assert len(said_by_calls()) == len(CALLS)
    text = said_by_calls()[number]
    assert text.count("\n") >= 2, "something is said"
    assert "S3CR3T" not in text


def test_a_secret_in_a_fault_that_nobody_caught_is_blacked_out() -> None:
    text = logged("raise RuntimeError('token S3CR3T-one, which nobody caught')")
    assert "RuntimeError: token ****, which nobody caught" in text


def test_the_rest_of_a_line_with_a_secret_can_be_read() -> None:
    assert "token **** end" in logged("log.info('token %s end', 'S3CR3T-one')")


def test_a_secret_that_holds_another_leaves_no_rest() -> None:
    text = logged("log.info('token S3CR3T-one-longer end')")
    assert "token **** end" in text


def test_a_text_of_a_few_letters_is_no_secret() -> None:
    assert "abcdef" in logged("log.info('abcdef')")


def test_a_secret_that_becomes_known_later_is_blacked_out_from_then_on() -> None:
    """A refreshed token, the account number that the broker tells."""
    code = """
log.info("first fresh-token")
time.sleep(0.2)
hide("fresh-token", "12345678")
log.info("then %s and %s", "fresh-token", 12345678)
log.info("still S3CR3T-one")
"""
    first, then, still = logged(code).splitlines()
    assert "first fresh-token" in first
    assert "then **** and ****" in then
    assert "still ****" in still


def test_a_secret_is_blacked_out_in_the_form_that_an_address_gives_it() -> None:
    text = logged("hide('I0.b2F1dGg=@'); log.info('GET /x?code=I0.b2F1dGg%3D%40&y=1, code I0.b2F1dGg=@')")
    assert "code=****&y=1, code ****" in text


def test_an_uncaught_fault_is_a_line_with_its_traceback() -> None:
    text = logged("def broken():\n    raise RuntimeError('the cause')\nbroken()")
    assert "[critical" in text
    assert "in broken" in text
    assert "RuntimeError: the cause" in text


def test_a_faulty_call_of_the_log_is_told_by_its_place() -> None:
    text = logged("log.info('%d', 'x'); log.info('the next line')")
    assert re.search(r"a log line of <string>:\d+ is faulty", text)
    assert "the next line" in text


@pytest.mark.parametrize(
    ("level", "levels"),
    [
        ("DEBUG", ["debug", "info", "warning", "error"]),
        ("INFO", ["info", "warning", "error"]),
        ("WARNING", ["warning", "error"]),
        ("ERROR", ["error"]),
    ],
)
def test_what_is_less_severe_than_the_level_is_not_written(level: str, levels: list[str]) -> None:
    code = "for name in ('debug', 'info', 'warning', 'error'): getattr(log, name)('a line')"
    assert [line.split("[")[1].split()[0].rstrip("]") for line in logged(code, level).splitlines()] == levels


def test_the_chatter_of_libraries_is_left_out() -> None:
    code = "for name in ('asyncio', 'picows', 'picows.x'): logging.getLogger(name).info('chatter')"
    assert logged(code, "DEBUG") == ""
    code = code.replace(".info", ".warning")
    assert logged(code, "DEBUG").count("chatter") == 3
    assert logged(code, "ERROR") == ""


def test_lines_are_written_by_a_thread_of_their_own_and_whoever_logs_does_not_wait() -> None:
    """Standard error takes nothing for half a second; ten thousand calls return meanwhile."""
    code = """
writers = set()
class Slow(io.TextIOBase):
    def write(self, text):
        writers.add(threading.current_thread() is threading.main_thread())
        time.sleep(0.5 if not gone.is_set() else 0)
gone = threading.Event()
import leadline.logs
sys.stderr = Slow()
start_logging("INFO")
begun = time.monotonic()
for number in range(10_000):
    log.info("line %s", number)
took_s = time.monotonic() - begun
gone.set()
time.sleep(1)
print(took_s < 2, writers == {False}, file=sys.__stderr__)
"""
    assert "True True" in logged(code)


def test_all_lines_are_written_before_the_process_ends() -> None:
    text = logged("for number in range(5_000): log.info('line %s', number)")
    assert len(text.splitlines()) == 5_000
    assert "line 4999" in text


FULL_PIPE = """
import logging, os, signal, sys, threading
from leadline.logs import start_logging
out, into = os.pipe()
os.dup2(into, 2)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
start_logging("INFO")
log = logging.getLogger("test")
for number in range(int(sys.argv[1])):
    log.info("line %s", number)
print("logged", flush=True)
"""
"""Log so many lines to a pipe that nobody reads."""

READ_AGAIN = """
import json
text = ""
def read_until(wanted):
    global text
    while wanted not in text:
        text += os.read(out, 65_536).decode()
read_until("were dropped here")
log.info("after")
read_until("after")
print(json.dumps(text), flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("lines", [2_000, LINES_WAITING_MAX * 2])
def test_the_process_ends_as_it_was_asked_to_when_nobody_reads_standard_error(lines: int) -> None:
    with child(FULL_PIPE + "signal.pause()", lines) as process:
        assert said(process) == "logged"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


@pytest.mark.slow
def test_lines_without_room_are_dropped_and_their_count_stands_in_their_place() -> None:
    total = LINES_WAITING_MAX * 2
    with child(FULL_PIPE + READ_AGAIN, total) as process:
        assert said(process) == "logged"
        text: str = msgspec.json.decode(said(process))
    numbers = [int(number) for number in re.findall(r"line (\d+)", text)]
    kept = len(numbers)
    assert numbers == list(range(kept)), "the oldest are kept, in order"
    assert LINES_WAITING_MAX <= kept < total
    last, count, after = text.splitlines()[-3:]
    assert f"line {kept - 1}" in last
    assert f"{total - kept} log lines were dropped here" in count
    assert "[warning" in count
    assert "after" in after
