"""A server that answers exactly what a test says, right or wrong: one turn for each connection, on a free port of this machine.

In: turns, each given the connection after the request was read. Out: the URL, and every request as it came.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Turn = Callable[[socket.socket, threading.Event], None]


class RawServer:
    """What a test sees of the server."""

    def __init__(self, listener: socket.socket, turns: tuple[Turn, ...], tls: ssl.SSLContext | None) -> None:
        self.port: int = listener.getsockname()[1]
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.port}"
        self._tls = tls
        self.requests: list[bytes] = []
        self._listener, self._turns = listener, turns
        self.over = threading.Event()

    def serve(self) -> None:
        """Take one connection for each turn."""
        for turn in self._turns:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with suppress(OSError), self._secured(connection) as line:
                line.settimeout(10)
                self.requests.append(_request(line))
                turn(line, self.over)

    def _secured(self, connection: socket.socket) -> socket.socket:
        if self._tls is None:
            return connection
        with connection:
            return self._tls.wrap_socket(connection, server_side=True)

    def body(self, number: int = 0) -> str:
        """Return the body of one request."""
        return self.requests[number].partition(b"\r\n\r\n")[2].decode()


@contextmanager
def raw_server(*turns: Turn, tls: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    """Serve the turns and no more."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = RawServer(listener, turns, tls)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # wakes a turn that still waits for its connection
        listener.close()
        thread.join(10)


def _request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def says(status: int, content: object, more: str = "") -> Turn:
    """Answer with JSON."""
    return sends(http(status, json.dumps(content).encode(), more))


def sends(answer: bytes) -> Turn:
    """Answer with these bytes and close."""
    return lambda connection, over: connection.sendall(answer)


def http(status: int, body: bytes, more: str = "") -> bytes:
    """Return one HTTP answer; `more` are further header lines."""
    return f"HTTP/1.1 {status} What\r\ncontent-length: {len(body)}\r\n{more}\r\n".encode() + body


def drips(answer: bytes) -> Turn:
    """Answer one byte at a time, slowly, for ever."""

    def turn(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(answer)
        while not over.wait(0.01):
            connection.sendall(b" ")

    return turn


def hangs(connection: socket.socket, over: threading.Event) -> None:
    """Say nothing."""
    over.wait(10)


def resets(connection: socket.socket, over: threading.Event) -> None:
    """Break the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
