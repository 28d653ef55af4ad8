"""Owns the address that the simulator listens on.

Never opens a second one; whether it can be reached from elsewhere is judged by the bound address, not its name.
Comes from the command line, goes to the server as a bound socket and to clients as text.
"""

import socket
from ipaddress import ip_address


def listen(host: str, port: int) -> socket.socket:
    """Bind a TCP socket; port 0 takes a free one.

    Raises:
        OSError: the address is taken, unknown or not allowed.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    return listening


def address_of(listening: socket.socket) -> str:
    """Give HOST:PORT for a URL."""
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(listening: socket.socket) -> bool:
    """Tell whether only this machine reaches it."""
    return ip_address(listening.getsockname()[0]).is_loopback
