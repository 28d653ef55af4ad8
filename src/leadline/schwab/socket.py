"""Owns the opening of a websocket: limits of time and size, and every way in which it can fail as one error.

Never reconnects and never reads a frame.
Comes from `stream` with a listener; goes to the network.
"""

import asyncio
from typing import Protocol

import picows

from leadline.core.errors import UnreachableError

FRAME_BYTES_MAX = 32 * 1024 * 1024
"""One burst of 500 books is about 1 MB (Schwab API facts 5); beyond this a frame is no book."""

READ_BYTES = 1024 * 1024
"""What one read may bring: a backlog in the kernel should come in few of them."""


class Connect(Protocol):
    """Whoever opens connections to the streamer: sockets, or a broker in the same process."""

    async def __call__(self, listener: picows.WSListener, url: str, timeout_s: float) -> picows.WSTransport:
        """Open a connection whose events the listener gets.

        Raises:
            UnreachableError: it could not be opened.
        """


async def connect(listener: picows.WSListener, url: str, timeout_s: float) -> picows.WSTransport:
    """Open a websocket whose events the listener gets.

    Raises:
        UnreachableError: it could not be opened.
    """
    try:
        # Its own limit makes picows close the socket, which a handshake that is cancelled from here leaves open.
        transport, _ = await asyncio.wait_for(
            picows.ws_connect(
                lambda: listener,
                url,
                max_frame_size=FRAME_BYTES_MAX,
                read_buffer_init_size=READ_BYTES,
                max_redirects=0,
                disconnect_on_exception=False,
                websocket_handshake_timeout=timeout_s,
            ),
            2 * timeout_s,
        )
    except (OSError, TimeoutError, ValueError, picows.WSError) as error:
        raise UnreachableError(
            f"the streamer cannot be reached ({str(error) or type(error).__name__})",
            which=url,
            expected="a websocket that answers",
            do="check the network; leadline tries again by itself once it has streamed",
        ) from error
    return transport
