"""Connecting: what every way of asking a server shares before the first byte.

In: where the server is, and until when to wait. Out: a connected socket, or OSError. Nothing heavy is imported until something is asked.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tidegate.client.http_text import Server, server_of

if TYPE_CHECKING:
    import socket
    import ssl

DEFAULT_URL = "http://127.0.0.1:8000"
DEFAULT_TIMEOUT_S = 5.0
RECEIVE_BYTES = 65_536


class Caller:
    """Whom a client asks, as whom, and how long it waits. Raises ValueError for a URL, token or time that cannot be right."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        token: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        if not 0 < timeout_s < float("inf"):
            raise ValueError(f"timeout_s: got {timeout_s!r}, allowed: seconds > 0")
        self._server = server_of(url, token)
        self._token, self._timeout_s, self._tls = token, timeout_s, tls

    def __repr__(self) -> str:
        """Show where it talks to, never the token."""
        return f"{type(self).__name__}({self._server.authority!r})"


def connect(server: Server, deadline: float) -> socket.socket:
    """Connect to the first address that takes the call. Raises OSError; TimeoutError when the time is up."""
    import socket  # a third of the import time of this package, and needed only once something is asked

    trouble: OSError = OSError("the host has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(left_s(deadline))
            connection.connect(address)
        except OSError as error:
            connection.close()
            trouble = error
        else:
            return connection
    raise trouble


def default_tls() -> ssl.SSLContext:
    """Return the certificate check of https; the module is loaded only for it."""
    import ssl

    return ssl.create_default_context()


def unreachable(server: Server, error: OSError) -> str:
    """Say why nobody answered, and what to do."""
    why = error.strerror or str(error) or type(error).__name__
    return f"no server answers at {server.authority} ({why.lower()}); start one with: tidegate serve"


def left_s(deadline: float) -> float:
    """Return the time that is left. Raises TimeoutError when there is none."""
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s
