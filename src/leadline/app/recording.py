"""Owns `leadline record`: stream and keep a tape, with no detector, trader or database.

Never judges a frame.
Comes from `cli` with loaded settings; goes on until a signal, a fault, or a login that only a person can renew.
"""

import asyncio
import logging

import uvloop

from leadline.app.account import lock_stream
from leadline.app.credentials import login_parts_of
from leadline.app.endings import Ended, StopRequest
from leadline.app.feed import patience_of, subscriptions_of
from leadline.app.taping import recorder_of, secrets_of, tape_dir_of
from leadline.clock import SystemClock
from leadline.core.errors import ExitCode, LeadlineError
from leadline.logs import hide
from leadline.schwab.auth import Login
from leadline.schwab.http import Http
from leadline.schwab.link import Hooks
from leadline.schwab.rest import Rest
from leadline.schwab.stream import SchwabStream
from leadline.schwab.wire import Message, decode
from leadline.settings import Loaded
from leadline.tape.recorder import Recorder

log = logging.getLogger(__name__)

SAY_S = 60.0


def run_record(loaded: Loaded) -> ExitCode:
    """Record until it is stopped, and give the exit code: FAULT where frames are not on the tape."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(loaded))


async def _run(loaded: Loaded) -> ExitCode:
    settings = loaded.settings
    login_parts = login_parts_of(settings)
    clock, stop = SystemClock(), StopRequest()
    async with Http(settings.schwab_base_url, settings.order_timeout_sec) as http:
        login = Login(http, *login_parts, clock, hide=hide)
        await login.ensure()
        rest = Rest(http, login)
        listings = await rest.listings(list(settings.symbols))
        accounts = await rest.account_numbers()
        secrets = secrets_of(accounts, loaded)
        hide(*secrets)
        stream_lock = lock_stream(accounts, settings)
        recorder = recorder_of(loaded, listings, secrets, clock, source="record")
        assert recorder is not None
        stream = SchwabStream(
            rest,
            subscriptions_of(settings, listings),
            _Listener(),
            clock=clock,
            patience=patience_of(settings),
            hooks=Hooks(tape=recorder),
        )
        log.info("recording %s symbols to %s", len(settings.symbols), tape_dir_of(settings))
        try:
            await _stream_on(stream, recorder, login, stop)
        finally:
            code = end_recording(recorder)
            stream_lock.release()
    return code


def end_recording(recorder: Recorder) -> ExitCode:
    """Close the tape, say in the last line what is on it and what was left out, and give the exit code."""
    recorder.close()
    _say(recorder)
    return ExitCode.FAULT if recorder.state.dropped_frames else ExitCode.OK


async def _stream_on(stream: SchwabStream, recorder: Recorder, login: Login, stop: StopRequest) -> None:
    fault: LeadlineError | None = None
    try:
        async with asyncio.TaskGroup() as group:
            for work in (stream.run(), login.keep_fresh(), recorder.keep_handing_over(), _keep_saying(recorder)):
                group.create_task(work)
            group.create_task(stop.wait())
    except* Ended:
        log.info("stopping")
    except* LeadlineError as errors:
        fault = next(error for error in errors.exceptions if isinstance(error, LeadlineError))
    if fault is not None:
        raise fault


class _Listener:
    """Hears the stream; the tape has each frame before it comes here."""

    def on_frame(self, frame: bytes, recv_ns: int, boot_ns: int) -> Message | None:
        """Decode, so that the conversation with the streamer goes on."""
        del recv_ns, boot_ns
        return decode(frame)

    def on_connection_lost(self) -> None:
        """Do nothing: the tape has the event."""


async def _keep_saying(recorder: Recorder) -> None:
    while True:
        await asyncio.sleep(SAY_S)
        _say(recorder)


def _say(recorder: Recorder) -> None:
    state = recorder.state
    left_out = f", {state.dropped_frames} LEFT OUT" if state.dropped_frames else ""
    log.info("%s frames received%s, %s bytes written", state.frames, left_out, state.written_bytes)
